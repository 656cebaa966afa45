--- How a change of the state reads: as in a plan, by resource and field.

local changes = require("prov.face.cli.view.changes")

local M = {}

local SIGN = { added = "+", removed = "-", changed = "~" }
local COLOR = { added = "green", removed = "red", changed = "yellow" }

--- Renders { from, to, changes }.
---@return string
function M.render(v, term)
  if #v.changes == 0 then
    return ("No difference between revision %d and %d.\n"):format(v.from, v.to)
  end
  local out = {}
  for _, row in ipairs(v.changes) do
    out[#out + 1] = ("  %s %s"):format(term:paint(COLOR[row.change], SIGN[row.change]), row.address)
    changes.add(out, row.changes)
  end
  out[#out + 1] = ("%d changed between revision %d and %d."):format(#v.changes, v.from, v.to)
  return table.concat(out, "\n") .. "\n"
end

return M
