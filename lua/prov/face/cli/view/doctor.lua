--- Findings by area, each bad one with what to do about it.

local width = require("prov.render.width")

local M = {}

local SIGN = { ok = { "✔", "green" }, warning = { "!", "yellow" }, failed = { "✘", "red" } }

--- Renders what prov.doctor found.
---@param findings prov.Finding[]
---@param term prov.Term
---@return string
function M.render(findings, term)
  local out, area, bad = {}, nil, { failed = 0, warning = 0 }
  for _, finding in ipairs(findings) do
    if finding.area ~= area then
      area = finding.area
      out[#out + 1] = (out[1] and "\n" or "") .. term.bold(area)
    end
    local sign = SIGN[finding.status]
    out[#out + 1] = ("  %s %s%s"):format(term.color(sign[2], sign[1]), finding.check,
      finding.detail and ": " .. width.clean(finding.detail) or "")
    if finding.fix then
      out[#out + 1] = "    " .. term.color("cyan", "fix:") .. " " .. finding.fix
    end
    if bad[finding.status] then
      bad[finding.status] = bad[finding.status] + 1
    end
  end
  local failed, warnings = bad.failed, bad.warning
  out[#out + 1] = ""
  if failed + warnings == 0 then
    out[#out + 1] = term.color("green", "All is well.")
  else
    out[#out + 1] = ("%d failed, %d warning%s."):format(failed, warnings, warnings == 1 and "" or "s")
  end
  return table.concat(out, "\n") .. "\n"
end

return M
