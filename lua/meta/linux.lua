---@meta core.linux

--- What only Linux has.
local linux = {}

---@class prov.Lock
local Lock = {}

--- Takes a lock file; nil alone when another process holds it.
---@param path string
---@return prov.Lock? lock
---@return prov.Err? err
function linux.lock(path) end

--- Gives the lock back.
function Lock:close() end

--- Tells the service manager how this process is, as sd_notify(3); does nothing without one.
---@param state string "READY=1", "STOPPING=1", "WATCHDOG=1", one per line
---@return true? ok
---@return prov.Err? err
function linux.notify(state) end

--- Notes when a signal comes, before the handler that libuv has for it.
---@param number integer
---@return true? ok
---@return prov.Err? err
function linux.signals_watch(number) end

--- Seconds since the first signal that nobody has seen yet; nil when there is none.
---@return number?
function linux.signals_age() end

--- The signals that came are seen.
function linux.signals_seen() end

return linux
