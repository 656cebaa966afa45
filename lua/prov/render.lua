--- Values as text for people: tables of maps, key: value lists, plain values.

local null = require("core.data").null
local settings = require("prov.settings")
local width = require("prov.render.width")

local M = {}

local GAP = "  "

local TIME = "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.?%d*(Z?)$"
local STAMP = "^(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d)%.%d+Z$"

local function mark(value)
  local mt = getmetatable(value)
  return mt and mt.__name
end

--- One value on one line.
---@param value any
---@return string
function M.scalar(value)
  local kind = type(value)
  if value == nil or value == null then
    return "-"
  elseif kind == "string" then
    return width.clean(value)
  elseif kind == "boolean" then
    return value and "yes" or "no"
  elseif kind == "number" then
    return math.type(value) == "integer" and tostring(value) or (("%.3f"):format(value):gsub("%.?0+$", ""))
  elseif kind == "table" then
    local mt = getmetatable(value)
    if mt and mt.__tostring then
      return width.clean(tostring(value))
    end
    return M.flat(value)
  end
  return tostring(value)
end

--- A nested value on one line: lists by commas, maps as key=value.
---@param value table
---@return string
function M.flat(value)
  local parts = {}
  if #value > 0 then
    for _, item in ipairs(value) do
      parts[#parts + 1] = M.scalar(item)
    end
  else
    for _, key in ipairs(M.keys(value)) do
      parts[#parts + 1] = tostring(key) .. "=" .. M.scalar(value[key])
    end
  end
  return parts[1] and table.concat(parts, #value > 0 and ", " or " ") or "-"
end

--- The keys of a map, sorted.
---@param map table
---@return any[]
function M.keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return keys
end

local function is_list(value)
  return #value > 0 or (next(value) == nil and mark(value) ~= nil)
end

--- The columns of a list: declared, or the keys of all rows.
local function columns_of(rows, result, wide)
  if result and result[1] then
    return result
  elseif result and result.columns then
    local columns = table.move(result.columns, 1, #result.columns, 1, {})
    return table.move(wide and result.wide or {}, 1, wide and #(result.wide or {}) or 0, #columns + 1, columns)
  end
  local all = {}
  for _, row in ipairs(rows) do
    for key in pairs(row) do
      all[key] = true
    end
  end
  return M.keys(all)
end

--- Takes characters away from the widest columns, none from those that are kept, until the line fits; the
--- total width then.
local function take(widths, kept, total, room)
  local least = settings.ui.narrowest
  while total > room do
    local widest
    for i, w in ipairs(widths) do
      if w > math.max(least, kept[i] or 0) and (not widest or w > widths[widest]) then
        widest = i
      end
    end
    if not widest then
      break
    end
    widths[widest], total = widths[widest] - 1, total - 1
  end
  return total
end

--- Makes columns narrower until a line fits: names and times, of no use when they are cut, last.
local function shrink(widths, times, room)
  local total = #GAP * (#widths - 1)
  local kept = { settings.ui.first_column } -- it is what one copies
  for i, w in ipairs(widths) do
    total = total + w
    kept[i] = times[i] and w or kept[i]
  end
  total = take(widths, kept, total, room)
  take(widths, {}, total, room)
end

local STATUS = {
  ok = "green",
  running = "green",
  ready = "green",
  healthy = "green",
  active = "green",
  applied = "green",
  failed = "red",
  error = "red",
  missing = "red",
  stopped = "yellow",
  warning = "yellow",
  drifted = "yellow",
  unknown = "yellow",
}

local function paint_status(term, column, text, cell)
  local style = (column == "status" or column == "state" or column == "health") and STATUS[text]
  return style and term and term:paint(style, cell) or cell
end

--- A time as the settings want it: 2026-01-02T03:04:05.678Z, or in the zone of this machine, or its age.
local function shown_time(text)
  local year, month, day, hour, min, sec, zone = text:match(TIME)
  if settings.ui.times == "utc" or zone ~= "Z" then
    return (text:gsub(STAMP, "%1Z"))
  end
  local days = require("prov.zone").days(math.tointeger(year), math.tointeger(month), math.tointeger(day))
  local at = math.tointeger(days * 86400 + hour * 3600 + min * 60 + sec)
  if settings.ui.times == "local" then
    return os.date("%Y-%m-%d %H:%M:%S", at)
  end
  local age, units = os.time() - at, require("prov.render.units")
  return age >= 0 and units.duration(age * 1000) .. " ago" or "in " .. units.duration(-age * 1000)
end

local MOST_LINES, LEAST_WRAPPED = 6, 12

--- The last column of a row in lines of words, when it has some and does not fit: what it says is not lost.
local function wrapped(text, columns)
  if width.of(text) <= columns or columns < LEAST_WRAPPED or not text:find(" ", 1, true) then
    return { text }
  end
  local lines, at = { "" }, 0
  for word in text:gmatch("%S+") do
    local more = width.of(word)
    if at > 0 and at + 1 + more > columns and #lines < MOST_LINES then
      lines[#lines + 1], at = word, more
    else
      lines[#lines], at = at > 0 and lines[#lines] .. " " .. word or word, at + more + (at > 0 and 1 or 0)
    end
  end
  return lines
end

--- A table with aligned columns.
---@param rows table[]
---@param result? string[] | { columns: string[]?, wide: string[]?, empty: string? } the columns
---@param term? prov.Term
---@param opts? { wide: boolean? }
---@return string
function M.table(rows, result, term, opts)
  opts = opts or {}
  if #rows == 0 then
    return (result and result.empty or "nothing to show") .. "\n"
  end
  local columns = columns_of(rows, result, opts.wide)
  local cells, widths, right, numbers, times = {}, {}, {}, {}, {}
  for c, column in ipairs(columns) do
    widths[c] = width.of(tostring(column))
    right[c] = true
  end
  for r, row in ipairs(rows) do
    cells[r] = {}
    for c, column in ipairs(columns) do
      local value = row[column]
      local stamp = type(value) == "string" and value:match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d")
      times[c] = times[c] or stamp and true
      cells[r][c] = M.scalar(not opts.wide and stamp and shown_time(value) or value)
      right[c] = right[c] and (value == nil or type(value) == "number")
      numbers[c] = numbers[c] or type(value) == "number"
      widths[c] = math.max(widths[c], width.of(cells[r][c]))
    end
  end
  local room = settings.ui.width > 0 and settings.ui.width or term and term.width
  if room and not opts.wide then
    shrink(widths, times, room)
  end
  local before = #columns > 1 and #GAP * (#columns - 1) or 0
  for c = 1, #columns - 1 do
    before = before + widths[c]
  end
  local function line(texts, paint)
    local out, rest = {}, nil
    for c, text in ipairs(texts) do
      if c == #texts then
        rest = wrapped(text, widths[c])
        text = rest[1]
      end
      local cut = width.cut(text, widths[c])
      local fill = (" "):rep(widths[c] - width.of(cut))
      cut = paint(c, text, cut)
      out[c] = right[c] and numbers[c] and fill .. cut or c < #texts and cut .. fill or cut
    end
    for i = 2, #rest do
      rest[i] = "\n" .. (" "):rep(before) .. width.cut(rest[i], widths[#texts])
    end
    return (table.concat(out, GAP):gsub(" +$", "")) .. table.concat(rest, "", 2) .. "\n"
  end
  local heads, out = {}, {}
  for c, column in ipairs(columns) do
    heads[c] = tostring(column):upper():gsub("_", " ")
  end
  out[1] = line(heads, function(_, _, cell)
    return term and term:paint("bold", cell) or cell
  end)
  for _, row in ipairs(cells) do
    out[#out + 1] = line(row, function(c, text, cell)
      return paint_status(term, columns[c], text, cell)
    end)
  end
  return table.concat(out)
end

-- A map or list to look into; a marked value, such as a secret, is none.
local function is_plain(value)
  return type(value) == "table" and not (getmetatable(value) or {}).__tostring and next(value) ~= nil
end

local tree

local function items(out, list, indent, term)
  for _, item in ipairs(list) do
    if is_plain(item) and not is_list(item) then
      local lines = {}
      tree(lines, item, indent .. "  ", term)
      lines[1] = indent .. "- " .. lines[1]:sub(#indent + 3)
      table.move(lines, 1, #lines, #out + 1, out)
    else
      out[#out + 1] = indent .. "- " .. M.scalar(item) .. "\n"
    end
  end
end

tree = function(out, value, indent, term)
  for _, key in ipairs(M.keys(value)) do
    local item, label = value[key], tostring(key)
    label = indent .. (term and term:paint("bold", label) or label) .. ":"
    if is_plain(item) and (not is_list(item) or type(item[1]) == "table") then
      out[#out + 1] = label .. "\n"
      local inside = is_list(item) and items or tree
      inside(out, item, indent .. "  ", term)
    else
      out[#out + 1] = label .. " " .. M.scalar(item) .. "\n"
    end
  end
end

--- A map as lines of key: value, nested ones indented; declared columns come first.
---@param map table
---@param result? { columns: string[]? }
---@param term? prov.Term
---@return string
function M.map(map, result, term)
  local out, rest = {}, {}
  for key, value in pairs(map) do
    rest[key] = value
  end
  for _, key in ipairs(result and result.columns or {}) do
    if map[key] ~= nil then
      tree(out, { [key] = map[key] }, "", term)
      rest[key] = nil
    end
  end
  tree(out, rest, "", term)
  return table.concat(out)
end

--- Any value of an operation.
---@param value any
---@param result? table
---@param term? prov.Term
---@param opts? { wide: boolean? }
---@return string
function M.value(value, result, term, opts)
  if type(value) ~= "table" or (getmetatable(value) or {}).__tostring then
    return M.scalar(value) .. "\n"
  elseif is_list(value) or (next(value) == nil and result and result.columns) then
    if type(value[1]) == "table" or #value == 0 then
      return M.table(value, result, term, opts)
    end
    local out = {}
    for i, item in ipairs(value) do
      out[i] = M.scalar(item) .. "\n"
    end
    return table.concat(out)
  end
  return M.map(value, result, term)
end

--- Only the name of each thing: its first declared column, or address, name, id. The things are the
--- rows of a list, or those of the field `rows` of a map.
---@param value any
---@param result? { columns: string[]?, name: string?, rows: string? }
---@return string
function M.names(value, result)
  local function name(row)
    if type(row) ~= "table" then
      return M.scalar(row)
    end
    local first = result and (result.name or (result.columns and result.columns[1]))
    return M.scalar(row[first] or row.address or row.name or row.id)
  end
  if type(value) == "table" and result and result.rows then
    value = value[result.rows]
  end
  if type(value) ~= "table" or not is_list(value) then
    return value ~= nil and not (type(value) == "table" and next(value) == nil) and name(value) .. "\n" or ""
  end
  local out = {}
  for i, row in ipairs(value) do
    out[i] = name(row) .. "\n"
  end
  return table.concat(out)
end

return M
