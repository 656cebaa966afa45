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

return linux
