--- How the difference of two contracts reads: what breaks, what changes, what is added.

local M = {}

local COLOR = { breaks = "red", changes = "yellow", adds = "green" }

--- Renders { changes, breaks }.
---@return string
function M.render(v, term)
  local out, widest = {}, 0
  for _, change in ipairs(v.changes) do
    widest = math.max(widest, #change.path)
  end
  for _, change in ipairs(v.changes) do
    local effect = term:paint(COLOR[change.effect], ("%-7s"):format(change.effect))
    out[#out + 1] = ("%s  %-" .. widest .. "s  %s"):format(effect, change.path, change.what)
  end
  out[#out + 1] = #v.changes == 0 and "Nothing differs." or ("%d differ, %d break."):format(#v.changes, v.breaks)
  return table.concat(out, "\n") .. "\n"
end

return M
