--- Changes of recorded values, a line each, for views that show what became different.

local M = {}

local function text(v)
  if v == nil then
    return "(none)"
  end
  return (require("prov.json").encode(v, { sorted = true }))
end

--- Adds a line for every change.
---@param out string[]
---@param changes prov.Change[]
function M.add(out, changes)
  for _, change in ipairs(changes) do
    out[#out + 1] = ("      %s = %s -> %s"):format(change.path, text(change.before), text(change.after))
  end
end

return M
