--- Settings by groups: the name, the value as people write it, and the layer that gives it when that is not the
--- default.

local groups = require("prov.config.groups")
local render = require("prov.render")
local units = require("prov.render.units")
local width = require("prov.render.width")

local M = {}

local ABOUT = {}
for place, group in ipairs(groups) do
  ABOUT[group[1]] = { place = place, doc = group[2] }
end

local LAST = { place = #groups + 1, doc = "Defaults of resources" } -- kinds of resources

local function group_of(key)
  return key:match("^([^.]+)%.") or ""
end

--- The value as it is written in a file: 30s, 64MiB, [a, b].
---@param v any
---@param kind? string type of the setting
---@return string
function M.value(v, kind)
  if kind == "duration" and type(v) == "number" then
    return units.short(v)
  elseif kind == "size" and math.type(v) == "integer" then
    return (units.size(v):gsub(" bytes$", ""):gsub(" ", ""))
  elseif v == "" then
    return '""'
  elseif type(v) == "table" and next(v) == nil then
    return kind == "map" and "{}" or "[]"
  end
  return render.scalar(v)
end

local function by_group(a, b)
  local x, y = group_of(a.key), group_of(b.key)
  local first, second = (ABOUT[x] or LAST).place, (ABOUT[y] or LAST).place
  if first ~= second then
    return first < second
  end
  return a.key < b.key
end

-- Rows of { name, value, layer or why it does not count }, and how wide the first two are.
local function cells_of(rows, config)
  local cells, widths = {}, { 0, 0 }
  for i, row in ipairs(rows) do
    local group = group_of(row.key)
    local spec = config and config:spec_of(row.key) or {}
    local layer = row.err and "wrong, in " .. (row.layer or "") or row.layer ~= "default" and row.layer or ""
    cells[i] = { row.key:sub(group ~= "" and #group + 2 or 1), M.value(row.value, spec.type), layer }
    for c = 1, 2 do
      widths[c] = math.max(widths[c], width.of(cells[i][c]))
    end
  end
  return cells, widths
end

--- The text.
---@param rows { key: string, value: any, layer: string?, err: string? }[]
---@param term prov.Term
---@param ctx prov.Ctx
---@return string
function M.render(rows, term, ctx)
  if ctx.output == "wide" or #rows == 0 then
    return render.value(rows, { columns = { "key", "value", "layer" }, wide = { "source", "doc" },
      empty = "no such setting is there" }, term, { wide = true })
  end
  rows = table.move(rows, 1, #rows, 1, {})
  table.sort(rows, by_group)
  local cells, widths = cells_of(rows, ctx.config)
  local room = (term.width or 1000) - widths[1] - 18
  widths[2] = math.min(widths[2], 40, math.max(room, 10))
  local out, last = {}, nil
  for i, row in ipairs(rows) do
    local group = group_of(row.key)
    if group ~= last then
      out[#out + 1] = out[1] and "" or nil
      out[#out + 1] = (group ~= "" and term:paint("bold", group) .. "  " or "") .. (ABOUT[group] or LAST).doc
      last = group
    end
    local name, value, layer = table.unpack(cells[i])
    if layer ~= "" then
      value = width.cut(value, widths[2])
    elseif term.width then
      value = width.cut(value, math.max(term.width - widths[1] - 4, 10))
    end
    local line = ("  %s%s  %s"):format(name, (" "):rep(widths[1] - width.of(name)), value)
    if layer ~= "" then
      line = line .. (" "):rep(widths[2] - width.of(value)) .. "  " .. term:paint(row.err and "red" or "cyan", layer)
    end
    out[#out + 1] = line
  end
  return table.concat(out, "\n") .. "\n"
end

return M
