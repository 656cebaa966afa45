--- The screen of `prov drift` and `prov refresh`.

local M = {}

local COLOR = { gone = "red", changed = "yellow", drifted = "yellow" }

local function text(v)
  if v == nil then
    return "(none)"
  end
  return (require("prov.json").encode(v, { sorted = true }))
end

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
    for _, change in ipairs(row.changes) do
      out[#out + 1] = ("      %s = %s -> %s"):format(change.path, text(change.before), text(change.after))
    end
    for _, title in ipairs(row.ops or {}) do
      out[#out + 1] = "      not as wanted: " .. title
    end
  end
  out[#out + 1] = v.accepted and "Recorded as it is." or "prov apply takes it back; prov drift --accept records it."
  return table.concat(out, "\n") .. "\n"
end

return M
