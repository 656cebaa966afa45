--- What prov.leaks found: a line for each, as compilers write them, its commit below, and one line at the end.

local width = require("prov.render.width")

local M = {}

local function count(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

--- The text.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  if value.report then
    return value.report
  end
  local out = {}
  for _, one in ipairs(value.findings) do
    if not one.ignored or value.all then
      out[#out + 1] = ("%s:%d:%d: %s %s"):format(width.clean(one.file), one.line, one.column, width.clean(one.message),
        term:paint(one.ignored and "dim" or "red", "(" .. one.rule .. ")"))
      if one.commit then
        out[#out + 1] = ("  since %s  %s  %s"):format(one.commit:sub(1, 12), one.date, width.clean(one.author))
      end
      out[#out + 1] = one.ignored and "  known: " .. width.clean(one.ignored) or nil
      out[#out + 1] = one.hint and "  " .. term:paint("cyan", "hint:") .. " " .. width.clean(one.hint) or nil
    end
  end
  out[#out + 1] = ("%s%s in %s%s"):format(count(value.found, "leak"),
    value.known > 0 and (" (and %d known)"):format(value.known) or "", count(value.files, "file"),
    value.commits > 0 and " and " .. count(value.commits, "commit") or "")
  if value.baseline then
    out[#out + 1] = "written: " .. width.clean(value.baseline)
  elseif value.found > 0 then
    out[#out + 1] = term:paint("cyan", "hint:") .. " what was committed is known to all who have the repository: make "
      .. "a new secret first"
  end
  return table.concat(out, "\n")
end

return M
