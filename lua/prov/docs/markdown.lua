--- Pieces of Markdown pages.

local M = {}

--- Text that stays in its cell of a table.
---@param text any
---@return string
function M.cell(text)
  return (tostring(text):gsub("|", "\\|"):gsub("\n", " "))
end

--- The first lines of a table, after an empty line.
---@param ... string titles of the columns
---@return string
function M.head(...)
  local titles = { ... }
  return ("\n| %s |\n|%s\n"):format(table.concat(titles, " | "), (" --- |"):rep(#titles))
end

return M
