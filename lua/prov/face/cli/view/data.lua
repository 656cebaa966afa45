--- A value for other programs: text as it is, anything else as JSON.

local M = {}

--- The text of the value.
---@param value any
---@return string
function M.render(value)
  if type(value) == "string" then
    return value
  end
  return assert(require("prov.json").encode(value, { pretty = true })) .. "\n"
end

return M
