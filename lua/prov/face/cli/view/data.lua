--- A value for other programs: text, dates and times as they are, anything else as JSON.

local value_of = require("prov.value")

local M = {}

--- The text of the value.
---@param value any
---@return string
function M.render(value)
  if type(value) == "string" or value_of.is_marked(value) then
    return tostring(value)
  end
  return assert(require("prov.json").encode(value, { pretty = true })) .. "\n"
end

return M
