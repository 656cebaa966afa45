--- Measurements as a table; a benchmark of the tree has printed its own.

local render = require("prov.render")

local M = {}

--- Renders what prov.bench gives.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  if value.script then
    return ""
  end
  if value[1] and not value[1].time then
    return render.table(value, { "what" }, term)
  end
  return render.table(value, { "what", "amount", "time", "rate" }, term)
end

return M
