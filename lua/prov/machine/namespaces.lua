--- The built-in backend: Linux namespaces by system calls, no program of the machine involved.
-- The functions are described in prov.machine.backend.

local helper = require("prov.machine.helper")
local preflight = require("prov.machine.preflight")
local settings = require("prov.settings")

---@type prov.machine.Backend
local M = {}


function M.obstacle()
  return preflight.obstacle()
end

function M.accept()
  return true
end

---@async
function M.start(folder)
  return helper.run("start", folder, settings.ms(settings.machine.boot_timeout))
end

---@async
function M.stop(folder, grace)
  return helper.run("stop", folder, grace or settings.ms(settings.machine.grace))
end

---@async
function M.destroy(folder)
  return helper.run("destroy", folder)
end

---@async
function M.limit(folder)
  return helper.run("limit", folder)
end

return M
