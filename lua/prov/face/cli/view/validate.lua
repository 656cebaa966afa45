--- One line: all is well.

local M = {}

local function count(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

--- Renders the counts of prov.validate.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  return ("%s: %s, %s, %s in workspace '%s'"):format(term.color("green", "valid"), count(value.resources, "resource"),
    count(value.taskservs, "task service"), count(value.outputs, "output"), value.workspace)
end

return M
