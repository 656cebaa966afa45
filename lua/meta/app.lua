---@meta core.app

--- Where the running program and its parts are.
---@class prov.App
---@field version string
---@field exe string path of the binary
---@field lib_dir string folder of the shared modules
---@field share_dir? string folder of providers/, taskservs/, clusters/
---@field tree? string source tree that Lua comes from, only with PROV_DEV
local app = {}

--- Gives the compiled chunk of a Lua file that is built into the binary.
---@param name string path below lua/, such as "prov/main.lua"
---@return string? chunk as string.dump makes it
function app.embedded(name) end

--- Counts the open handles that keep the event loop alive, by kind.
---@return table<string, integer>
function app.handles() end

--- The size of a terminal.
---@param fd integer
---@return integer? columns nil when it is no terminal, or does not say
---@return integer? rows
function app.window(fd) end

return app
