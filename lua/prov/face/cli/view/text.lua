--- For operations whose value is text already.

local M = {}

--- The text itself.
---@param value string
---@return string
function M.render(value)
  return value
end

return M
