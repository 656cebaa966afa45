--- Other settings for as long as a function runs.

local config = require("prov.config")
local settings = require("prov.settings")

local M = {}

--- Calls fn while the settings of the process are the defaults and `values`; gives back what it gives.
---@param values table<string, any> "http.max_body" -> value
---@param fn function
---@return any ...
function M.with(values, fn, ...)
  local before = settings.current()
  local c = config.open({ flags = values, env = function() end })
  c:without_files()
  local e = c:check_flags()
  if e then
    error(e, 0)
  end
  settings.use(c)
  local results = table.pack(pcall(fn, ...))
  settings.use(before)
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

return M
