--- Locks of a store: leases with a fencing token, kept alive by a timer, and how their holder is asked to stop.

local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local settings = require("prov.settings")

local M = {}

local function lease()
  return settings.ms(settings.state.lease)
end
local WORKSPACE = "workspace"
local held = {} -- the locks this process has -> true

--- "apply by me@host pid 42/31415", where the last number tells processes of one pid apart, for people.
---@param owner string
---@return string
function M.shown_owner(owner)
  return (owner:gsub("/%d+$", ""))
end

--- Whether a lock is held: on this machine by a process that lives, wherever the clock went
--- meanwhile; elsewhere until it expires.
---@param owner string
---@param expires integer
---@return boolean
function M.is_held(owner, expires)
  return clock.is_alive(owner) or expires > clock.wall() and not clock.is_dead(owner)
end

--- The row of a lock: owner, token, expires; nothing when there is none.
local function row_of(store, wanted)
  local rows, e = store:locks()
  for _, row in ipairs(rows or {}) do
    local name, owner, token, expires = table.unpack(row)
    if name == wanted then
      return { owner = owner, token = token, expires = expires }
    end
  end
  return nil, e
end

local function in_use(name, row)
  local thing = name == WORKSPACE and "the workspace" or name
  return err.new("locked", thing .. " is in use: " .. M.shown_owner(row.owner), {
    hint = "wait for it to end; the lock of a process that died on another machine expires after a minute",
    data = row,
  })
end

---@class prov.HeldLock
---@field token integer commits made with it as their epoch fail once it is no longer the lock's
---@field what string
---@field cancel? table of the run that works under it
local Held = {}
Held.__index = Held

--- Gives the lock back.
function Held:close()
  held[self] = nil
  self.timer.close()
  if self.store then
    self.store:release(self.name, self.token)
  end
end

Held.__close = Held.close

--- The lock goes with its store to another file; nil while none is open.
---@param store? prov.Store
function Held:move(store)
  self.store = store
end

--- Takes the workspace's lock, or another one of its store, and keeps it alive; a value to close.
---@async
---@param store prov.Store
---@param what string what it is taken for
---@param name? string of a lock other than that of the workspace
---@return prov.HeldLock?, prov.Err?
function M.lock(store, what, name)
  name = name or WORKSPACE
  local row, e = row_of(store, name)
  if row and M.is_held(row.owner, row.expires) then
    return nil, in_use(name, row)
  elseif row then
    store:release(name, row.token) -- fails when another process was quicker
  elseif e then
    return nil, e
  end
  local token
  token, e = store:claim(name, ("%s by %s"):format(what, clock.identity()), lease(), clock.wall())
  if not token then
    return nil, e.code == "locked" and in_use(name, e.data) or e
  end
  local self = setmetatable({ store = store, token = token, what = what, name = name }, Held)
  self.timer = clock.every(lease() // 3, function()
    if self.store then
      self.store:renew(name, token, lease(), clock.wall())
    end
  end)
  held[self] = true
  return self
end

--- Who holds the workspace's lock, or another one, now, such as "apply by uid 0@host pid 17/4711"; or nil.
---@param store prov.Store
---@param name? string
---@return string?
function M.holder(store, name)
  local row = row_of(store, name or WORKSPACE)
  return row and M.is_held(row.owner, row.expires) and M.shown_owner(row.owner) or nil
end

--- Asks whoever holds the workspace's lock to end its run, when he looks: his process is signalled next.
---@param store prov.Store
---@param now? boolean cancel the running steps too
---@return string? owner
---@return prov.Err?
function M.ask_to_cancel(store, now)
  local row = row_of(store, WORKSPACE)
  if not row or not M.is_held(row.owner, row.expires) then
    return err.fail("notfound", "nothing is running")
  end
  local ok, e = store:commit_sync({
    { "put", "engine", "cancel", data.encode({ token = row.token, now = now or false }) },
  })
  return ok and M.shown_owner(row.owner), e
end

--- Interrupts those runs of this process that somebody asked to cancel.
function M.heed_cancel()
  local locks = {}
  for lock in pairs(held) do -- what is called below may take and give locks
    locks[#locks + 1] = lock
  end
  for _, lock in ipairs(locks) do
    local bytes = lock.store and lock.store:get("engine", "cancel")
    local asked, cancel = bytes and data.decode(bytes), lock.cancel
    if cancel and asked and asked.token == lock.token then
      cancel.requested, cancel.killed = true, cancel.killed or asked.now
      if cancel.killed and cancel.kill then
        cancel.kill()
      end
      if cancel.stop then
        cancel.stop()
      end
    end
  end
end

return M
