--- Time and the identity of this process. Nothing else in prov reads a clock.

local uv = require("luv")

local M = {}

--- Milliseconds from an arbitrary start; never goes back.
---@return number
function M.monotonic()
  return uv.hrtime() / 1e6
end

--- Milliseconds since 1970.
---@return integer
function M.wall()
  local s, us = uv.gettimeofday()
  return s * 1000 + us // 1000
end

local TICK_MS = 20 -- the kernel tells the uptime in hundredths of a second
local ahead -- by how much the uptime is ahead of the monotonic clock, which stands still while the machine sleeps

--- Milliseconds since this machine was started, its sleep counted; nobody sets this clock, and another process
--- reads the same, but for a hundredth of a second.
---@return integer
function M.uptime()
  local fine = math.floor(uv.hrtime() / 1e6)
  local gap = math.floor(uv.uptime() * 1000) - fine
  if not ahead or gap > ahead + TICK_MS then
    ahead = gap
  end
  return fine + ahead
end

--- Calls fn every `ms` milliseconds until the returned value is closed.
---@return table closable
function M.every(ms, fn)
  local timer = uv.new_timer()
  timer:start(ms, ms, fn)
  local closed = false
  local function close()
    if not closed then
      closed = true
      timer:close()
    end
  end
  return setmetatable({ close = close }, { __close = close })
end

--- Calls fn once after `ms` milliseconds, unless the returned value is closed before.
---@return table closable
function M.after(ms, fn)
  local timer
  timer = M.every(ms, function()
    timer.close()
    fn()
  end)
  return timer
end

--- When the kernel started a process, in its own ticks; nil when there is none. With the pid it
--- names a process for good, for pids are used again. One that has ended and that nobody has waited for is none:
--- the first process of a container often never does.
local function started(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  local fields = {}
  for word in text:match("%)(.*)$"):gmatch("%S+") do
    fields[#fields + 1] = word
  end
  if fields[1] == "Z" and tonumber(fields[18]) <= 1 then -- none of its threads is left either
    return nil
  end
  return fields[20]
end

--- What tells this start of the machine, or of the container, from others; nil when nothing does.
---@return string?
function M.boot()
  local file = io.open("/proc/sys/kernel/random/boot_id")
  if not file then
    return nil
  end
  local id = file:read("l")
  file:close()
  return id and id .. "/" .. (started(1) or "?")
end

--- The user this process works for: $USER, or the name of its uid, or "uid 1000".
---@return string
function M.user()
  local name = os.getenv("USER")
  if not name or name == "" then
    local entry = uv.os_get_passwd()
    name = entry and entry.username or "uid " .. uv.getuid()
  end
  return name
end

--- Who this process is, for locks and logs: "user@host pid 42/31415".
---@return string
function M.identity()
  local pid = uv.os_getpid()
  return ("%s@%s pid %d/%s"):format(M.user(), uv.os_gethostname(), pid,
    started(pid) or "?")
end

-- True or false when `identity` names a process of this machine that lives or ended, else nil.
local function lives(identity)
  local host, pid, start = identity:match("@(%S+) pid (%d+)/(%d+)$")
  if host == uv.os_gethostname() then
    return started(math.tointeger(pid)) == start
  end
end

--- True when `identity` names a process of this machine that certainly ended.
---@param identity string
---@return boolean
function M.is_dead(identity)
  return lives(identity) == false
end

--- True when `identity` names a process of this machine that certainly lives.
---@param identity string
---@return boolean
function M.is_alive(identity)
  return lives(identity) == true
end

--- Kills the process of this machine that `identity` names, when it has not ended.
---@param identity string
function M.kill(identity)
  local host, pid, start = identity:match("@(%S+) pid (%d+)/(%d+)$")
  if host == uv.os_gethostname() and started(math.tointeger(pid)) == start then
    uv.kill(math.tointeger(pid), "sigkill")
  end
end

--- `bytes` random bytes as hex.
---@return string
function M.random_hex(bytes)
  return ("%02x"):rep(bytes):format(uv.random(bytes):byte(1, -1))
end

return M
