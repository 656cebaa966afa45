--- Schedules: five fields as crontab(5) of Vixie and Debian cron has them, `@daily` and its kin, and
-- `every 15m`. Pure: the caller brings the zone (prov.zone) and the time.
--
-- When the clocks change (as Debian's cron does it):
-- * A job at fixed times (neither minute nor hour begin with `*`) runs once for each of its times on
--   the wall: what the clocks jump over runs right after the jump (several such times: one run), what
--   they show twice runs the first time only.
-- * A job with `*` in the minute or the hour runs whenever the wall shows one of its times: every real
--   hour, so twice in the hour that comes twice, and not in the one left out.
-- When both day fields are restricted (do not begin with `*`), a day that fits either of them will do.
-- `every` counts from 1970-01-01 00:00 UTC, whatever the zone and the clocks do.

local err = require("prov.err")
local scalars = require("prov.contract.scalars")
local suggest = require("prov.suggest")
local zone = require("prov.zone")

local M = {}

local DAY = 86400
local YEARS = 40 -- 29 February on one day of the week can be as far as that, around 2100

---@class prov.cron.Spec
---@field text string
---@field every? integer seconds
local Spec = {}
Spec.__index = Spec

local MONTHS = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December" }
local DAYS = { [0] = "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" }

local FIELDS = {
  { name = "minute", min = 0, max = 59 },
  { name = "hour", min = 0, max = 23 },
  { name = "day of month", min = 1, max = 31 },
  { name = "month", min = 1, max = 12, words = MONTHS },
  { name = "day of week", min = 0, max = 7, words = DAYS },
}

local NICKNAMES = {
  ["@hourly"] = "0 * * * *",
  ["@daily"] = "0 0 * * *",
  ["@midnight"] = "0 0 * * *",
  ["@weekly"] = "0 0 * * 0",
  ["@monthly"] = "0 0 1 * *",
  ["@yearly"] = "0 0 1 1 *",
  ["@annually"] = "0 0 1 1 *",
}

-- Reading ---------------------------------------------------------------------------------------

local function refuse(text, column, hint, fmt, ...)
  local msg = ("schedule '%s', column %d: "):format(text, column) .. fmt:format(...)
  return nil, err.new("invalid", msg, { column = column, hint = hint })
end

--- The number a word of a field stands for, or nil and what is wrong.
local function value_of(field, word)
  local number = word:find("^%d%d?%d?$") and tonumber(word)
  for i = field.min, field.words and field.max or -1 do
    if #word == 3 and field.words[i]:sub(1, 3):lower() == word:lower() then
      return i
    end
  end
  if not number or number < field.min or number > field.max then
    local words = field.words and (" or %s"):format(field.words[1]:sub(1, 3):lower()) or ""
    return nil, ("%s '%s' is not %d to %d%s"):format(field.name, word, field.min, field.max, words)
  end
  return number
end

--- What one item of a list says: from, to, step; or nil, why, hint.
local function read_item(field, item)
  local body, step = item:match("^([^/]*)/(.*)$")
  local from, to = (body or item):match("^([^-]*)%-(.*)$")
  local number = 1
  body = body or item
  if step then
    number = step:find("^%d%d?%d?$") and tonumber(step)
    if not number or number == 0 then
      return nil, ("the step '%s' is not a number from 1 on"):format(step)
    end
  end
  if body == "*" then
    return field.min, field.max, number
  elseif not from then
    local why
    from, why = value_of(field, body)
    if from and step then
      return nil, "a step needs a range before it", ("write %s-%d/%s"):format(body, field.max, step)
    end
    return from, from or why, from and number
  end
  local low, why = value_of(field, from)
  local high, wrong = value_of(field, to)
  if not low or not high then
    return nil, why or wrong
  end
  if field.words == DAYS and high == 0 and low > 0 then
    high = 7 -- Sunday ends a week too
  end
  if high < low then
    return nil, ("the range %s goes backwards"):format(body),
      ("write %s-%d,%d-%s"):format(from, field.words == DAYS and 6 or field.max, field.min, to)
  end
  return low, high, number
end

--- Reads one field into { set, star, all }, or fails at a column.
local function read_field(text, field, word, column)
  local out = { set = {}, star = word:sub(1, 1) == "*", all = true }
  local at = column
  for item in (word .. ","):gmatch("([^,]*),") do
    if item == "" then
      return refuse(text, at, nil, "an empty item in the list of the %s", field.name)
    end
    local from, to, step = read_item(field, item)
    if not from then
      return refuse(text, at, step, "%s", to)
    end
    for value = from, to, step do
      out.set[field.words == DAYS and value % 7 or value] = true
    end
    at = at + #item + 1
  end
  for value = field.min, field.words == DAYS and 6 or field.max do
    out.all = out.all and out.set[value] == true
  end
  return out
end

--- For each value from min to max + 1 the first one of the set that is not before it.
local function followers(set, min, max)
  local next_of, found = {}, nil
  for value = max, min, -1 do
    found = set[value] and value or found
    next_of[value] = found
  end
  return next_of
end

local function read_every(text)
  local column = text:match("^every%s+()") or #text + 1
  local seconds = scalars.duration(text:sub(column))
  if not seconds then
    return refuse(text, column, "write: every 15m", "needs a duration such as 30s, 15m or 1h30m")
  elseif math.type(seconds) ~= "integer" or seconds < 1 then
    return refuse(text, column, nil, "the interval is not a whole number of seconds from 1 on")
  end
  return setmetatable({ text = text, every = seconds }, Spec)
end

local function read_nickname(text)
  local fields = NICKNAMES[text:lower()]
  if not fields then
    local names = {}
    for name in pairs(NICKNAMES) do
      names[#names + 1] = name
    end
    table.sort(names)
    return refuse(text, 1, suggest.hint(text, names) or "there are: " .. table.concat(names, ", "), "not known")
  end
  return fields
end

--- Reads a schedule.
---@param text string
---@return prov.cron.Spec?, prov.Err?
function M.parse(text)
  local line = text:match("^%s*(.-)%s*$")
  if line:find("^every%f[%W]") then
    return read_every(line)
  end
  local fields = line
  if line:sub(1, 1) == "@" then
    local e
    fields, e = read_nickname(line)
    if not fields then
      return nil, e
    end
  end
  local words = {}
  for column, word in fields:gmatch("()(%S+)") do
    words[#words + 1] = { column = column, word = word }
  end
  if #words ~= #FIELDS then
    return refuse(line, words[6] and words[6].column or #line + 1,
      "write: minute hour day-of-month month day-of-week, such as 30 3 * * mon-fri", "%d fields, not 5", #words)
  end
  local read = {}
  for i, field in ipairs(FIELDS) do
    local e
    read[i], e = read_field(line, field, words[i].word, words[i].column)
    if not read[i] then
      return nil, e
    end
  end
  return setmetatable({
    text = line,
    fields = read,
    minutes = followers(read[1].set, 0, 59),
    hours = followers(read[2].set, 0, 23),
    fixed = not (read[1].star or read[2].star),
    both_days = read[3].star or read[5].star,
  }, Spec)
end

-- Times -----------------------------------------------------------------------------------------

--- The first day from `days` on that the day and month fields allow, or nil.
local function next_day(spec, days)
  local of_month, months, of_week = spec.fields[3].set, spec.fields[4].set, spec.fields[5].set
  local both = spec.both_days
  local year, month, day = zone.date(days)
  local last = year + YEARS
  while year <= last do
    if months[month] then
      local begin, after = zone.days(year, month, 1), zone.days(year, month + 1, 1)
      for at = begin + day - 1, after - 1 do
        local fits, fits_week = of_month[at - begin + 1], of_week[(at + 4) % 7]
        if both and fits and fits_week or not both and (fits or fits_week) then
          return at
        end
      end
    end
    month, day = month + 1, 1
    if month > 12 then
      year, month = year + 1, 1
    end
  end
  return nil
end

--- The first time on the wall (seconds, as if it were UTC) that is not before `seconds`, or nil.
local function next_local(spec, seconds)
  local first_minute, first_hour = spec.minutes[0], spec.hours[0]
  local at = -(-seconds // 60) -- in minutes, rounded up
  local days, hour, minute = at // 1440, at // 60 % 24, at % 60
  local day = next_day(spec, days)
  if day == days then
    local next_hour = spec.hours[hour]
    local next_minute = next_hour == hour and spec.minutes[minute] or nil
    if next_minute then
      return day * DAY + hour * 3600 + next_minute * 60
    elseif next_hour == hour then
      next_hour = spec.hours[hour + 1]
    end
    if next_hour then
      return day * DAY + next_hour * 3600 + first_minute * 60
    end
    day = next_day(spec, days + 1)
  end
  return day and day * DAY + first_hour * 3600 + first_minute * 60
end

--- The runs of a job at fixed times: each time on the wall has one instant, and those never go back.
local function next_fixed(spec, in_zone, after)
  local seconds = after + in_zone:span(after).offset + 1
  while true do
    seconds = next_local(spec, seconds)
    if not seconds then
      return nil
    end
    local _, utc = in_zone:resolve(seconds)
    if utc > after then
      return utc
    end
    seconds = seconds + 1
  end
end

--- The runs of the others: whenever the wall shows one of their times.
local function next_shown(spec, in_zone, after)
  local from = after + 1
  while true do
    local span = in_zone:span(from)
    local seconds = next_local(spec, from + span.offset)
    if not seconds then
      return nil
    end
    if seconds - span.offset < span.to then
      return seconds - span.offset
    end
    from = span.to
  end
end

--- The first run after a time; nil when there is none within 40 years, which means never.
---@param in_zone prov.Zone
---@param after integer seconds since 1970, UTC
---@return integer? utc
function Spec:next(in_zone, after)
  after = math.floor(after)
  if self.every then
    return (after // self.every + 1) * self.every
  elseif self.fixed then
    return next_fixed(self, in_zone, after)
  end
  return next_shown(self, in_zone, after)
end

--- Iterates over the runs with from < run <= to, the oldest first, at most `limit`: those that were missed.
---@param in_zone prov.Zone
---@param from integer
---@param to integer
---@param limit? integer
---@return fun(): integer?
function Spec:each(in_zone, from, to, limit)
  local left = limit or math.huge
  return function()
    from = left > 0 and from and self:next(in_zone, from)
    left = left - 1
    return from and from <= to and from or nil
  end
end

-- Words -----------------------------------------------------------------------------------------

local function joined(parts)
  if #parts < 3 then
    return table.concat(parts, " and ")
  end
  return table.concat(parts, ", ", 1, #parts - 1) .. " and " .. parts[#parts]
end

--- "Monday to Friday and Sunday" of a set.
local function ranges(set, min, max, name)
  local parts, value = {}, min
  while value <= max do
    local stop = value
    if set[value] then
      while stop < max and set[stop + 1] do
        stop = stop + 1
      end
      if stop - value >= 2 then
        parts[#parts + 1] = name(value) .. " to " .. name(stop)
      else
        for at = value, stop do
          parts[#parts + 1] = name(at)
        end
      end
    end
    value = stop + 1
  end
  return joined(parts)
end

--- The step when the set is every n-th value from min on to the end, else nil.
local function step_of(set, min, max)
  local step
  for value = min + 1, max do
    if set[value] and not step then
      step = value - min
    end
  end
  for value = min, max do
    if not step or (set[value] == true) ~= ((value - min) % step == 0) then
      return nil
    end
  end
  return step
end

local function describe_time(minute, hour)
  local minutes, hours = {}, {}
  for value = 0, 59 do
    minutes[#minutes + 1] = minute.set[value] and value
  end
  for value = 0, 23 do
    hours[#hours + 1] = hour.set[value] and value
  end
  if #minutes * #hours <= 6 then
    local times = {}
    for _, h in ipairs(hours) do
      for _, m in ipairs(minutes) do
        times[#times + 1] = ("%02d:%02d"):format(h, m)
      end
    end
    return "at " .. joined(times)
  end
  local step = step_of(minute.set, 0, 59)
  local text
  if minute.all then
    text = "every minute"
  elseif step then
    text = ("every %d minutes"):format(step)
  else
    text = ("at minute %s"):format(ranges(minute.set, 0, 59, tostring))
  end
  if hour.all then
    return minute.all and text or step and text or text .. " of every hour"
  end
  step = step_of(hour.set, 0, 23)
  if step then
    return ("%s of every %d hours from 00:00"):format(text, step)
  end
  return text .. " of the hours " .. ranges(hour.set, 0, 23, function(h)
    return ("%02d"):format(h)
  end)
end

local function describe_days(spec)
  local day, month, week = spec.fields[3], spec.fields[4], spec.fields[5]
  local months = not month.all and ranges(month.set, 1, 12, function(m)
    return MONTHS[m]
  end)
  local step = step_of(day.set, 1, 31)
  local of_month = not day.all
    and (step and ("every %d days from day 1"):format(step) or "day " .. ranges(day.set, 1, 31, tostring))
      .. " of " .. (months or "the month")
  local week_set = { [7] = week.set[0] }
  for value = 1, 6 do
    week_set[value] = week.set[value]
  end
  local of_week = not week.all and ranges(week_set, 1, 7, function(d)
    return DAYS[d]
  end)
  if not spec.both_days and (day.all or week.all) then
    of_month, of_week = false, false -- one of the two fits every day
  end
  local text = ""
  if of_month and of_week then
    text = spec.both_days and (" on %s when it is %s"):format(of_month, of_week)
      or (" on %s, and on %s"):format(of_month, of_week)
  elseif of_month or of_week then
    text = " on " .. (of_month or of_week)
  end
  if months and not of_month or months and of_week and not spec.both_days then
    text = text .. " in " .. months
  end
  return text
end

local UNITS = { { 604800, "week" }, { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } }

local function describe_every(seconds)
  local parts = {}
  for _, unit in ipairs(UNITS) do
    local count = seconds // unit[1]
    if count > 0 then
      parts[#parts + 1] = ("%d %s%s"):format(count, unit[2], count == 1 and "" or "s")
      seconds = seconds % unit[1]
    end
  end
  return "every " .. joined(parts)
end

--- Says a schedule in words: "at 03:30 on Monday to Friday, Europe/Berlin".
---@param in_zone? prov.Zone
---@return string
function Spec:describe(in_zone)
  if self.every then
    return describe_every(self.every)
  end
  return describe_time(self.fields[1], self.fields[2])
    .. describe_days(self)
    .. (in_zone and ", " .. in_zone.name or "")
end

return M
