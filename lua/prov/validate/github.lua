--- Findings as commands of GitHub's workflows, which shows them beside the lines of a change.

local M = {}

local LEVEL = { error = "error", warning = "warning", note = "notice" }

local function data(text)
  return (text:gsub("%%", "%%25"):gsub("\r", "%%0D"):gsub("\n", "%%0A"))
end

local function property(text)
  return (data(text):gsub(":", "%%3A"):gsub(",", "%%2C"))
end

--- The text, a line for each finding that counts.
---@param value table of prov.validate
---@return string
function M.render(value)
  local out = {}
  for _, finding in ipairs(value.findings) do
    if not finding.ignored then
      local at = { "title=" .. property(finding.rule) }
      if finding.file then
        at[#at + 1] = "file=" .. property(finding.file)
        at[#at + 1] = finding.line and "line=" .. finding.line
        at[#at + 1] = finding.line and finding.column and "col=" .. finding.column or nil
      end
      local text = (finding.address and finding.address .. ": " or "")
        .. finding.message
        .. (finding.hint and "\n" .. finding.hint or "")
      out[#out + 1] = ("::%s %s::%s\n"):format(LEVEL[finding.severity], table.concat(at, ","), data(text))
    end
  end
  return table.concat(out)
end

return M
