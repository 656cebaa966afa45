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

return linux
