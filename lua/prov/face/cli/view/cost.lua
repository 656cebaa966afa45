--- The screen of `prov cost`.

local render = require("prov.render")

local M = {}

local function money(number)
  return ("%.2f"):format(number)
end

local function signed(number)
  return math.abs(number) < 0.005 and "" or ("%+.2f"):format(number)
end

local SHOWN = {
  month = money,
  hour = function(number)
    return ("%.4f"):format(number)
  end,
  change = signed,
}

-- The rows with their numbers as texts of one width, so that they stand below each other.
local function shown(rows)
  local out, widths = {}, { month = 0, hour = 0, change = 0 }
  for i, row in ipairs(rows) do
    out[i] = { address = row.address, plan = row.plan, currency = row.currency }
    for name, form in pairs(SHOWN) do
      out[i][name] = form(row[name])
      widths[name] = math.max(widths[name], #out[i][name])
    end
  end
  for _, row in ipairs(out) do
    for name in pairs(SHOWN) do
      row[name] = (" "):rep(widths[name] - #row[name]) .. row[name]
    end
  end
  return out
end

--- What is not in the sums: parts of resources, and whole ones.
local function unknown(v)
  local out = {}
  for _, row in ipairs(v.rows) do
    for _, part in ipairs(row.lacking or {}) do
      out[#out + 1] = ("%s of %s"):format(part, row.address)
    end
  end
  return table.move(v.unpriced, 1, #v.unpriced, #out + 1, out)
end

--- Renders { rows, totals, unpriced, free, notes, as_of }.
---@return string
function M.render(v, term)
  local out, not_counted = {}, unknown(v)
  if v.rows[1] then
    local columns = { "address", "plan", "month", "hour", "change", "currency" }
    out[1] = render.table(shown(v.rows), { columns = columns }, term)
  end
  for _, total in ipairs(v.totals) do
    out[#out + 1] = ("\n%s %s %s a month, %.4f an hour%s\n"):format(term.bold("Total:"), money(total.month),
      total.currency, total.hour,
      math.abs(total.change) < 0.005 and "; the same as now"
        or ("; %s %s than the %s of now"):format(money(math.abs(total.change)), total.change > 0 and "more" or "less",
          money(total.before)))
  end
  if not_counted[1] then
    out[#out + 1] = ("\nUnknown, and not counted: %s\n"):format(table.concat(not_counted, ", "))
  end
  if v.free[1] then
    out[#out + 1] = ("\nCosts nothing: %s\n"):format(table.concat(v.free, ", "))
  end
  for _, note in ipairs(v.notes) do
    out[#out + 1] = ("\n%s\n"):format(note)
  end
  if v.as_of[1] then
    out[#out + 1] = ("Prices as of %s.\n"):format(render.scalar(v.as_of))
  end
  return out[1] and table.concat(out) or "Nothing that has a price.\n"
end

return M
