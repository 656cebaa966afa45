--- The screen of `prov drift` and `prov refresh`.

local changes = require("prov.face.cli.view.changes")

local M = {}

local COLOR = { gone = "red", changed = "yellow", drifted = "yellow" }

--- Renders { changes, accepted }.
---@return string
function M.render(v, term)
  if #v.changes == 0 then
    return "No drift. The world is as prov recorded it.\n"
  end
  local out = {}
  for _, row in ipairs(v.changes) do
    out[#out + 1] = ("  %s %s%s"):format(row.address, term:paint(COLOR[row.status], row.status),
      row.detail and ": " .. row.detail or "")
    changes.add(out, row.changes)
    for _, title in ipairs(row.ops or {}) do
      out[#out + 1] = "      not as wanted: " .. title
    end
  end
  out[#out + 1] = v.accepted and "Recorded as it is."
    or "prov apply takes back what the infra says otherwise; prov drift --accept records it all."
  return table.concat(out, "\n") .. "\n"
end

return M
