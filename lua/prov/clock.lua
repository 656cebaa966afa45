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

--- Who this process is, for locks and logs: "user@host pid 42".
---@return string
function M.identity()
  return ("%s@%s pid %d"):format(os.getenv("USER") or "uid " .. uv.getuid(), uv.os_gethostname(), uv.os_getpid())
end

--- `bytes` random bytes as hex.
---@return string
function M.random_hex(bytes)
  return (uv.random(bytes):gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

return M
