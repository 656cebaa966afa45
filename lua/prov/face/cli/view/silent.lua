--- For operations that have said everything themselves.

local M = {}

--- Nothing.
---@return string
function M.render()
  return ""
end

return M
