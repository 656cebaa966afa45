--- Time zones out of the machine's tzdata: TZif files (RFC 8536, versions 1 to 4) with the rule of
-- their footer for the years behind the table. Pure: no clock, and no state but what a zone remembers.
--
-- Times are seconds since 1970 in UTC, local times are fields; `wday` is 0 for Sunday, as in cron.

local err = require("prov.err")
local fs = require("prov.fs")
local suggest = require("prov.suggest")

local M = {}

local FOLDER = "/usr/share/zoneinfo"
local MAX_FILE = 1024 * 1024
local DAY = 86400
local FAR = 26 * 3600 -- no two offsets of one zone differ by more

---@class prov.Zone
---@field name string
local Zone = {}
Zone.__index = Zone

--- A time during which the offset is one and the same: from <= utc < to.
---@class prov.zone.Span
---@field from number
---@field to number
---@field offset integer seconds east of UTC
---@field abbreviation string
---@field is_dst boolean

--- Days since 1970 of a date of the Gregorian calendar; a month or day past its end runs on.
---@param year integer
---@param month integer 1 to 12
---@param day integer
---@return integer
function M.days(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local era = year // 400
  local of_era = year - era * 400
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + (153 * (month - 3) + 2) // 5 + day - 719469
end

--- The date of a day: year, month, day.
---@param days integer since 1970
---@return integer year, integer month, integer day
function M.date(days)
  days = days + 719468
  local era = days // 146097
  local of_era = days - era * 146097
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local month = (5 * of_year + 2) // 153
  local day = of_year - (153 * month + 2) // 5 + 1
  month = month < 10 and month + 3 or month - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

-- The footer: a POSIX TZ string -----------------------------------------------------------------

--- "[+-]hh[:mm[:ss]]" at `at`: seconds, and where it ends.
local function read_time(text, at)
  local sign, hours, stop = text:match("^([+-]?)(%d%d?%d?)()", at)
  if not hours then
    return nil
  end
  local seconds = tonumber(hours) * 3600
  for _, unit in ipairs({ 60, 1 }) do
    local number, after = text:match("^:(%d%d)()", stop)
    if not number then
      break
    end
    seconds, stop = seconds + tonumber(number) * unit, after
  end
  return sign == "-" and -seconds or seconds, stop
end

local function read_name(text, at)
  local name, stop = text:match("^<([%w+-]+)>()", at)
  if not name then
    name, stop = text:match("^(%a%a%a+)()", at)
  end
  return name, stop
end

--- ",date[/time]": { kind, month, week, day, time }.
local function read_change(text, at)
  local change = { time = 7200 }
  local month, week, day, stop = text:match("^,M(%d%d?)%.([1-5])%.([0-6])()", at)
  if month then
    change.kind, change.month, change.week, change.day = "M", tonumber(month), tonumber(week), tonumber(day)
    if change.month < 1 or change.month > 12 then
      return nil
    end
  else
    change.kind, day, stop = text:match("^,(J?)(%d%d?%d?)()", at)
    change.day = tonumber(day)
    if not day or change.day > 365 or (change.kind == "J" and change.day < 1) then
      return nil
    end
  end
  if text:sub(stop, stop) == "/" then
    change.time, stop = read_time(text, stop + 1)
  end
  return change.time and change, stop
end

--- Reads a footer: { std, dst?, starts?, ends? }, or nil when it is none.
local function read_rule(text)
  local function kind_at(at, default)
    local name, stop = read_name(text, at)
    if not name then
      return nil
    end
    local offset, after = read_time(text, stop)
    if not offset and not default or math.abs(offset or default) >= FAR then
      return nil
    end
    return { offset = offset and -offset or default, abbreviation = name, is_dst = default ~= nil }, after or stop
  end
  local std, at = kind_at(1)
  local rule = { std = std }
  if not std or at > #text then
    return std and rule
  end
  rule.dst, at = kind_at(at, std.offset + 3600)
  if not rule.dst then
    return nil
  end
  rule.starts, at = read_change(text, at)
  if rule.starts then
    rule.ends, at = read_change(text, at)
  end
  return rule.ends and at > #text and rule or nil
end

--- When a change happens in a year, in local seconds.
local function change_in(change, year)
  local days
  if change.kind == "M" then
    local first = M.days(year, change.month, 1)
    days = first + (change.day - (first + 4)) % 7 + (change.week - 1) * 7
    local next_month = change.month == 12 and M.days(year + 1, 1, 1) or M.days(year, change.month + 1, 1)
    if days >= next_month then
      days = days - 7
    end
  else
    days = M.days(year, 1, 1) + change.day
    if change.kind == "J" then -- counts without 29 February
      local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
      days = days - (leap and change.day >= 60 and 0 or 1)
    end
  end
  return days * DAY + change.time
end

local function span_of(kind, from, to)
  return { from = from, to = to, offset = kind.offset, abbreviation = kind.abbreviation, is_dst = kind.is_dst }
end

--- The span behind the table that a time lies in.
local function rule_span(rule, utc, table_end)
  if not rule.dst then
    return span_of(rule.std, table_end, math.huge)
  end
  local year = M.date(utc // DAY)
  local found, from, to = rule.std, table_end, math.huge
  for y = year - 1, year + 1 do
    local changes = {
      { at = change_in(rule.starts, y) - rule.std.offset, kind = rule.dst },
      { at = change_in(rule.ends, y) - rule.dst.offset, kind = rule.std },
    }
    if changes[2].at < changes[1].at then
      changes[1], changes[2] = changes[2], changes[1]
    end
    for _, change in ipairs(changes) do
      if change.at <= utc then
        found, from = change.kind, math.max(change.at, table_end)
      else
        to = math.min(to, change.at)
      end
    end
  end
  return span_of(found, from, to)
end

-- The file --------------------------------------------------------------------------------------

local HEADER = 44

local function read_header(bytes, at)
  if #bytes < at + HEADER - 1 or bytes:sub(at, at + 3) ~= "TZif" then
    return nil
  end
  local h = { version = bytes:byte(at + 4) }
  h.isut, h.isstd, h.leaps, h.times, h.types, h.chars = (">I4I4I4I4I4I4"):unpack(bytes, at + 20)
  return h
end

local function block_size(h, width)
  return h.times * (width + 1) + h.types * 6 + h.chars + h.leaps * (width + 4) + h.isstd + h.isut
end

local function read_kinds(bytes, h, at)
  local kinds, chars = {}, at + h.types * 6
  for i = 0, h.types - 1 do
    local offset, dst, index = (">i4BB"):unpack(bytes, at + i * 6)
    local stop = index < h.chars and bytes:find("\0", chars + index, true)
    if not stop or stop >= chars + h.chars or dst > 1 or math.abs(offset) >= FAR then
      return nil
    end
    kinds[i] = { offset = offset, is_dst = dst == 1, abbreviation = bytes:sub(chars + index, stop - 1) }
  end
  return kinds
end

--- Reads the block with times of `width` bytes at `at`: { times, kinds of the times, first kind }.
local function read_block(bytes, h, at, width)
  if h.types == 0 or h.leaps > 0 or #bytes < at + block_size(h, width) - 1 then
    return nil
  end
  local kinds = read_kinds(bytes, h, at + h.times * (width + 1))
  if not kinds then
    return nil
  end
  local times, of = {}, {}
  for i = 1, h.times do
    times[i] = ((">i%d"):format(width)):unpack(bytes, at + (i - 1) * width)
    of[i] = kinds[bytes:byte(at + h.times * width + i - 1)]
    if not of[i] or (i > 1 and times[i] <= times[i - 1]) then
      return nil
    end
  end
  return { times = times, kinds = of, first = kinds[0] }
end

--- Parses the bytes of a TZif file.
---@param name string what the zone is called
---@param bytes string
---@return prov.Zone?, prov.Err?
function M.parse(name, bytes)
  local h = read_header(bytes, 1)
  local at, width = HEADER + 1, 4
  if h and h.version >= 50 then -- "2": the same again with times of 64 bits, and a footer
    at, width = at + block_size(h, 4), 8
    h = read_header(bytes, at)
    at = at + HEADER
  end
  if h and h.leaps > 0 then
    return err.fail("unsupported", "time zone '%s' counts leap seconds", name)
  end
  local zone = h and read_block(bytes, h, at, width)
  if zone and width == 8 then
    local footer = bytes:match("^\n([^\n]*)\n", at + block_size(h, 8))
    zone.rule = footer and footer ~= "" and read_rule(footer)
    if not footer or zone.rule == nil then
      zone = nil
    end
  end
  if not zone then
    return err.fail("corrupt", "time zone '%s': not a TZif file, or a damaged one", name)
  end
  zone.name = name
  return setmetatable(zone, Zone)
end

--- The names of all zones there are, sorted.
---@return string[]
function M.names()
  local root, names = os.getenv("TZDIR") or FOLDER, {}
  local function walk(below)
    for _, row in ipairs(fs.list(root .. "/" .. below) or {}) do
      local name = below .. row.name
      if row.type == "directory" then
        if name ~= "posix" and name ~= "right" then
          walk(name .. "/")
        end
      elseif name:find("^%u[%w_+/-]*$") then
        names[#names + 1] = name
      end
    end
  end
  walk("")
  return names
end

local function unknown(name)
  local names = M.names()
  local e = suggest.unknown("time zone", name, names)
  local wanted = "/" .. name:lower():gsub(" ", "_")
  for _, candidate in ipairs(suggest.hint(name, names) and {} or names) do -- "new york" is no misspelling
    if candidate:lower():sub(-#wanted) == wanted then
      e.hint = ("did you mean '%s'?"):format(candidate)
      break
    end
  end
  e.hint = e.hint or "zones are named like Europe/Berlin or UTC"
  return nil, e
end

--- The zone of UTC, which needs no file.
---@return prov.Zone
function M.utc()
  local kind = { offset = 0, abbreviation = "UTC", is_dst = false }
  return setmetatable({ name = "UTC", times = {}, kinds = {}, first = kind }, Zone)
end

--- Opens a zone by its name, such as Europe/Berlin, from $TZDIR or /usr/share/zoneinfo. UTC is always there.
---@param name string
---@return prov.Zone?, prov.Err?
function M.open(name)
  if name == "UTC" then
    return M.utc()
  end
  local root = os.getenv("TZDIR") or FOLDER
  local found = fs.stat(root)
  if not found or found.type ~= "directory" then
    return nil, err.new("notfound", ("time zone '%s': there is no time zone data in %s"):format(name, root),
      { hint = "install the package tzdata, or use UTC" })
  end
  for part in (name .. "/"):gmatch("([^/]*)/") do -- no "..", no absolute path, nothing hidden
    if not part:find("^[%w_+-]+$") then
      return unknown(name)
    end
  end
  found = fs.stat(root .. "/" .. name)
  if not found or found.type ~= "file" then
    return unknown(name)
  end
  local bytes, e = fs.read(root .. "/" .. name, { max = MAX_FILE })
  if not bytes then
    return nil, e
  end
  return M.parse(name, bytes)
end

-- What a zone answers ---------------------------------------------------------------------------

--- The span a time lies in.
---@param utc integer
---@return prov.zone.Span
function Zone:span(utc)
  local last = self.last
  if last and last.from <= utc and utc < last.to then
    return last
  end
  local times, low, high = self.times, 0, #self.times
  while low < high do -- the last change that is not after utc
    local middle = (low + high + 1) // 2
    if times[middle] <= utc then
      low = middle
    else
      high = middle - 1
    end
  end
  if low == #times and self.rule then
    last = rule_span(self.rule, utc, times[low] or -math.huge)
  else
    last = span_of(self.kinds[low] or self.first, times[low] or -math.huge, times[low + 1] or math.huge)
  end
  self.last = last
  return last
end

--- Seconds east of UTC, the abbreviation, and whether daylight saving is on.
---@param utc integer
---@return integer offset, string abbreviation, boolean is_dst
function Zone:offset(utc)
  local span = self:span(utc)
  return span.offset, span.abbreviation, span.is_dst
end

---@class prov.zone.Local
---@field year integer
---@field month integer
---@field day integer
---@field hour? integer
---@field min? integer
---@field sec? integer
---@field wday? integer 0 is Sunday; not read

--- The time on the wall.
---@param utc integer
---@return prov.zone.Local
function Zone:to_local(utc)
  local seconds = utc + self:span(utc).offset
  local days, rest = seconds // DAY, seconds % DAY
  local year, month, day = M.date(days)
  return {
    year = year,
    month = month,
    day = day,
    hour = rest // 3600,
    min = rest // 60 % 60,
    sec = rest % 60,
    wday = (days + 4) % 7,
  }
end

--- Like to_utc, of a local time in seconds, counted as if it were UTC.
---@param seconds integer
---@return "once"|"twice"|"gap" kind, integer utc, integer? second
function Zone:resolve(seconds)
  local span = self.last or self:span(seconds)
  local utc = seconds - span.offset
  if utc - span.from > FAR and span.to - utc > FAR then
    return "once", utc
  end
  span = self:span(seconds - FAR)
  local first, second, jump, before
  while true do
    utc = seconds - span.offset
    if span.from <= utc and utc < span.to then
      first, second = first or utc, first and utc
    elseif before and span.from + before <= seconds and utc < span.from then -- jumped over
      jump = span.from
    end
    if span.to > seconds + FAR then
      break
    end
    before, span = span.offset, self:span(span.to)
  end
  if not first then
    return "gap", jump
  end
  return second and "twice" or "once", first, second
end

--- What instant a time on the wall is. The first value says how often it happens:
--- "once", utc; "twice", first, second (the clock was set back); "gap", the instant of the jump that left it out.
---@param fields prov.zone.Local
---@return "once"|"twice"|"gap" kind, integer utc, integer? second
function Zone:to_utc(fields)
  return self:resolve(
    M.days(fields.year, fields.month, fields.day) * DAY
      + (fields.hour or 0) * 3600
      + (fields.min or 0) * 60
      + (fields.sec or 0)
  )
end

return M
