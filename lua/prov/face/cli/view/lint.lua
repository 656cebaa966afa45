--- What prov.lint found: a line for each, as compilers write them, and one at the end.

local M = {}

local COLORS = { error = "red", warning = "yellow" }

--- The text.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  local out = {}
  for _, one in ipairs(value.findings) do
    local at = one.file .. (one.line and ":" .. one.line or "") .. (one.line and one.column and ":" .. one.column or "")
    out[#out + 1] = ("%s: %s %s"):format(at, one.message, term:paint(COLORS[one.severity], "(" .. one.rule .. ")"))
    out[#out + 1] = one.hint and "  " .. term:paint("cyan", "hint:") .. " " .. one.hint or nil
  end
  out[#out + 1] = ("%d finding%s in %d file%s"):format(#value.findings, #value.findings == 1 and "" or "s",
    value.checked, value.checked == 1 and "" or "s")
  return table.concat(out, "\n")
end

return M
