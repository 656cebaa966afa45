--- The built-in backend: Linux namespaces by system calls, no program of the machine involved.

local helper = require("prov.machine.helper")

local M = {}

local BOOT_MS = 60000
local GRACE_MS = 20000

--- Starts the server and waits until its SSH answers; one that runs is fine.
---@async
function M.start(folder)
  return helper.run("start", folder, BOOT_MS)
end

--- Shuts down in order, by force after some time.
---@async
function M.stop(folder, grace)
  return helper.run("stop", folder, grace or GRACE_MS)
end

--- Ends and removes the server with its folder.
---@async
function M.destroy(folder)
  return helper.run("destroy", folder)
end

--- Brings changed limits of the description to a running server.
---@async
function M.limit(folder)
  return helper.run("limit", folder)
end

---@async
function M.network_up(folder)
  return helper.run("network-up", folder)
end

---@async
function M.network_down(folder)
  return helper.run("network-down", folder)
end

--- Makes sure that the lab's process (proxy, names, forwards) runs.
---@async
function M.serve(folder)
  return helper.run("reload", folder)
end

--- Removes what the whole lab shares.
---@async
function M.lab_down(folder)
  return helper.run("down", folder)
end

return M
