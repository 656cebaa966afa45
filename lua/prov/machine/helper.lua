--- Runs `prov internal lab ...`, the helper processes that change namespaces.

local app = require("core.app")
local err = require("prov.err")
local proc = require("prov.proc")

local M = {}

--- Runs a helper; its errors come back as ours.
---@async
---@param command (string|integer)[] with arguments
---@param env? table<string, string>
---@return string? stdout
---@return prov.Err?
function M.run_with(command, env)
  local args = { app.exe, "internal", "lab", env = env }
  for i, value in ipairs(command) do
    args[3 + i] = tostring(value)
  end
  local r, e = proc.run(args)
  if not r then
    return nil, e
  end
  if r.code == 0 and not r.signal then
    return r.stdout
  end
  local code, msg = r.stderr:match("([a-z]+): ([^\n]+)\n?$")
  if not code or not err.CODES[code] then
    local how = r.signal and ("by signal %d"):format(r.signal) or ("with code %d"):format(r.code)
    return err.fail("io", "the helper '%s' ended %s: %s", args[4], how, (r.stderr:gsub("%s+$", "")))
  end
  return nil, err.new(code, msg)
end

--- The same with the arguments one by one.
---@async
---@param ... string|integer command and arguments
---@return string? stdout
---@return prov.Err?
function M.run(...)
  return M.run_with({ ... })
end

-- What every lab has, however its servers run.

--- Makes the lab's network namespace and the network's bridge in it; made is fine.
---@async
function M.network_up(folder)
  return M.run("network-up", folder)
end

---@async
function M.network_down(folder)
  return M.run("network-down", folder)
end

--- Makes sure that the lab's process (proxy, names, forwards) runs.
---@async
function M.serve(folder)
  return M.run("reload", folder)
end

--- Removes the folder of a server that does not run, or of a volume; gone is fine.
---@async
function M.remove(folder)
  return M.run("destroy", folder)
end

--- Removes what the whole lab shares.
---@async
function M.lab_down(folder)
  return M.run("down", folder)
end

return M
