--- The screen of `prov catalog`.

local render = require("prov.render")

local M = {}

-- The columns people read first; the others follow by name.
local FIRST = { "name", "cpus", "memory", "disk", "price", "hourly", "family", "version", "city", "country" }

local function columns_of(rows)
  local there, columns = {}, {}
  for _, row in ipairs(rows) do
    for key, v in pairs(row) do
      there[key] = type(v) ~= "table" and true or there[key]
    end
  end
  if there.name then
    there.id = nil
  end
  for _, key in ipairs(FIRST) do
    columns[#columns + 1] = there[key] and key or nil
    there[key] = nil
  end
  return table.move(render.keys(there), 1, #render.keys(there), #columns + 1, columns)
end

--- Renders { list, provider, rows, currency, as_of, source, note }.
---@return string
function M.render(v, term)
  if #v.rows == 0 then
    return ("%s tells no %s%s.\n"):format(v.provider, v.list, v.searched and " with these words" or "")
  end
  local rows = {}
  for i, row in ipairs(v.rows) do
    rows[i] = setmetatable({
      memory = math.type(row.memory) == "integer" and ("%g GiB"):format(row.memory / (1 << 30)) or row.memory,
      disk = math.type(row.disk) == "integer" and ("%g GiB"):format(row.disk / (1 << 30)) or row.disk,
    }, { __index = row })
  end
  local out = { render.table(rows, { columns = columns_of(v.rows) }, term) }
  if v.currency and (v.list == "plans" or v.list == "prices") then
    out[2] = ("\nPrices in %s a month, without tax%s.\n"):format(v.currency,
      v.as_of and (", as of %s%s"):format(v.as_of, v.source and " from " .. v.source or "") or "")
    out[3] = v.note and v.note .. "\n"
  end
  return table.concat(out)
end

return M
