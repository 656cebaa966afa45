--- What this program is and runs on.

local app = require("core.app")
local uv = require("luv")

local M = {}

--- Versions of prov and of what it is built with.
---@return table
function M.info()
  local system = uv.os_uname()
  return {
    prov = app.version,
    lua = _VERSION:match("%d.*"),
    libuv = uv.version_string(),
    system = system.sysname .. " " .. system.release,
    machine = system.machine,
    program = app.exe,
    extensions = app.share_dir,
  }
end

return M
