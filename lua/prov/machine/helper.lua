--- Runs `prov internal lab ...`, the helper processes that change namespaces.

local app = require("core.app")
local err = require("prov.err")
local proc = require("prov.proc")

local M = {}

--- Runs a helper; its errors come back as ours.
---@async
---@param ... string|integer command and arguments
---@return string? stdout
---@return prov.Err?
function M.run(...)
  local args = { app.exe, "internal", "lab", ... }
  for i, value in ipairs(args) do
    args[i] = tostring(value)
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

return M
