local cron = require("prov.cron")
local tzif = require("support.tzif")
local zone = require("prov.zone")

local ZONES = {
  UTC = "UTC0",
  Berlin = "CET-1CEST,M3.5.0,M10.5.0/3",
  Lord_Howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", -- half an hour
  Santiago = "<-04>4<-03>,M9.1.6/24,M4.1.6/24", -- at midnight
  Kolkata = "IST-5:30",
}
for name, rule in pairs(ZONES) do
  ZONES[name] = assert(zone.parse(name, tzif.footer(rule)))
end

local function utc_of(text)
  local year, month, day, hour, min = text:match("(%d+)-(%d+)-(%d+) (%d+):(%d+)")
  return zone.days(tonumber(year), tonumber(month), tonumber(day)) * 86400 + hour * 3600 + min * 60
end

--- The next runs as "year-month-day hour:min abbreviation" of the zone, after a UTC time.
local function runs(text, zone_name, after, count)
  local out, z = {}, ZONES[zone_name]
  for utc in assert(cron.parse(text)):each(z, utc_of(after), math.maxinteger, count) do
    local l, _, abbreviation = z:to_local(utc), z:offset(utc)
    out[#out + 1] = ("%d-%02d-%02d %02d:%02d %s"):format(l.year, l.month, l.day, l.hour, l.min, abbreviation)
  end
  return out
end

-- The model: looks at every minute, and at what the clock on the wall went over since the last one.
local function matches(sets, stars, seconds)
  local _, month, day = zone.date(seconds // 86400)
  local week = (seconds // 86400 + 4) % 7
  local fits, fits_week = sets[3][day], sets[5][week] or (week == 0 and sets[5][7])
  local fits_day = (stars[3] or stars[5]) and (fits and fits_week) or not (stars[3] or stars[5]) and (fits or fits_week)
  return fits_day and sets[4][month] and sets[2][seconds // 3600 % 24] and sets[1][seconds // 60 % 60]
end

local function model(sets, stars, z, from, to)
  local out, seen = {}, from + z:offset(from)
  for utc = from + 60, to, 60 do
    local wall, run = utc + z:offset(utc), false
    if stars[1] or stars[2] then
      run = matches(sets, stars, wall)
    else
      for seconds = seen + 60, wall, 60 do
        run = run or matches(sets, stars, seconds)
      end
    end
    seen = math.max(seen, wall)
    if run then
      out[#out + 1] = utc
    end
  end
  return out
end

local LIMITS = { { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 7 } }

local function random_field(low, high, chance_of_star)
  local set, items = {}, {}
  if math.random() < chance_of_star then
    local step = math.random() < 0.6 and 1 or math.random(1, high)
    for value = low, high, step do
      set[value] = true
    end
    return set, true, step == 1 and "*" or "*/" .. step
  end
  for i = 1, math.random(1, 2) do
    local from, step = math.random(low, high), math.random(1, 3)
    local to = math.random(from, high)
    if math.random() < 0.5 then
      to, items[i] = from, tostring(from)
    else
      items[i] = ("%d-%d/%d"):format(from, to, step)
    end
    for value = from, to, step do
      set[value] = true
    end
  end
  return set, false, table.concat(items, ",")
end

describe("cron", function()
  it("finds what a look at every minute finds, in every zone", function()
    math.randomseed(11)
    local seen, changes = 0, { utc_of("2024-03-30 12:00"), utc_of("2024-10-26 12:00"), utc_of("2024-04-06 00:00"),
      utc_of("2024-10-05 00:00"), utc_of("2024-09-07 12:00"), utc_of("2024-02-28 12:00"), utc_of("2024-12-31 00:00") }
    for round = 1, 400 do
      local sets, stars, words = {}, {}, {}
      for i, limits in ipairs(LIMITS) do
        sets[i], stars[i], words[i] = random_field(limits[1], limits[2], i < 3 and 0.3 or 0.7)
      end
      local text = table.concat(words, " ")
      for name, z in pairs(ZONES) do
        local from = changes[round % #changes + 1] + math.random(0, 600) * 60
        local to = from + 2 * 86400
        local want, got = model(sets, stars, z, from, to), {}
        for utc in assert(cron.parse(text)):each(z, from, to) do
          got[#got + 1] = utc
        end
        seen = seen + #want
        assert(table.concat(want, " ") == table.concat(got, " "), ("%s in %s after %d"):format(text, name, from))
      end
    end
    assert.is_true(seen > 10000)
  end)

  it("runs what the clocks jump over right after the jump, and what comes twice once", function()
    assert.are.same({ "2024-03-30 02:30 CET", "2024-03-31 03:00 CEST", "2024-04-01 02:30 CEST" },
      runs("30 2 * * *", "Berlin", "2024-03-30 00:00", 3))
    assert.are.same({ "2024-03-31 03:00 CEST", "2024-03-31 03:30 CEST", "2024-04-01 02:00 CEST" },
      runs("0,30 2,3 * * *", "Berlin", "2024-03-31 00:30", 3))
    assert.are.same({ "2024-10-27 02:30 CEST", "2024-10-28 02:30 CET" },
      runs("30 2 * * *", "Berlin", "2024-10-26 03:00", 2))
    assert.are.same({ "2024-10-27 02:00 CEST", "2024-10-27 02:00 CET", "2024-10-27 03:00 CET" },
      runs("0 * * * *", "Berlin", "2024-10-26 23:00", 3))
    assert.are.same({ "2024-03-31 01:00 CET", "2024-03-31 03:00 CEST" },
      runs("@hourly", "Berlin", "2024-03-30 23:00", 2))
    assert.are.same({ "2024-09-08 01:00 -03" }, runs("@daily", "Santiago", "2024-09-07 23:00", 1))
  end)

  it("takes either of two restricted days, both when one has a star", function()
    assert.are.same({ "2024-01-05 00:00 UTC", "2024-01-12 00:00 UTC", "2024-01-13 00:00 UTC" },
      runs("0 0 13 * fri", "UTC", "2024-01-01 00:00", 3))
    assert.are.same({ "2024-01-05 00:00 UTC", "2024-01-19 00:00 UTC" },
      runs("0 0 */2 * 5", "UTC", "2024-01-01 00:00", 2))
  end)

  it("knows names, Sunday as 0 and 7, and the nicknames", function()
    local function same(a, b)
      assert.are.same(runs(a, "Berlin", "2024-01-01 00:00", 20), runs(b, "Berlin", "2024-01-01 00:00", 20))
    end
    same("0 1 * jan,Mar-MAY Mon-fri", "0 1 * 1,3-5 1-5")
    same("0 1 * * 0", "0 1 * * 7")
    same("0 1 * * sat-sun", "0 1 * * 6,0")
    same("0 1 * * 5-7", "0 1 * * fri,sat,sun")
    same(" @hourly ", "0 * * * *")
    same("@daily", "0 0 * * *")
    same("@midnight", "@daily")
    same("@weekly", "0 0 * * 0")
    same("@monthly", "0 0 1 * *")
    same("@Yearly", "0 0 1 1 *")
    same("@annually", "@yearly")
    same("0\t1  *   * *", "0 1 * * *")
  end)

  it("finds days that are far, and says when there is none", function()
    assert.are.same({ "2104-02-29 00:00 UTC" }, runs("0 0 29 2 *", "UTC", "2096-03-01 00:00", 1))
    assert.are.same({ "2128-02-29 00:00 UTC" }, runs("0 0 29 2 */7", "UTC", "2088-03-01 00:00", 1)) -- on a Sunday
    for _, text in ipairs({ "0 0 30 2 *", "* * 31 2,4,6,9,11 *", "*/5 * 30-31 feb *" }) do
      assert.is_nil(assert(cron.parse(text)):next(ZONES.Berlin, 0), text)
    end
  end)

  it("counts intervals from 1970, whatever the clocks do", function()
    local spec = assert(cron.parse("every 1h30m"))
    assert.are.equal(5400, spec:next(ZONES.Berlin, 0))
    assert.are.equal(5400, spec:next(ZONES.Berlin, 5399))
    assert.are.equal(10800, spec:next(ZONES.Berlin, 5400))
    assert.are.equal(90, assert(cron.parse("every 90s")):next(ZONES.UTC, 0.5))
  end)

  it("lists missed runs, the oldest first", function()
    local spec, out = assert(cron.parse("0 6 * * *")), {}
    for utc in spec:each(ZONES.UTC, 6 * 3600, 86400 * 10 + 6 * 3600, 100) do
      out[#out + 1] = utc
    end
    assert.are.equal(10, #out) -- not the first, with the last
    assert.are.equal(86400 + 6 * 3600, out[1])
    local few = spec:each(ZONES.UTC, 0, math.maxinteger, 1)
    assert.are.equal(6 * 3600, few())
    assert.is_nil(few())
    assert.is_nil(few())
  end)

  it("says what is wrong and where", function()
    for text, want in pairs({
      ["61 * * * *"] = { 1, "minute '61' is not 0 to 59" },
      ["0 24 * * *"] = { 3, "hour '24' is not 0 to 23" },
      ["0 0 0 * *"] = { 5, "day of month '0' is not 1 to 31" },
      ["0 0 * foo *"] = { 7, "month 'foo' is not 1 to 12 or jan" },
      ["0 0 * * 8"] = { 9, "day of week '8' is not 0 to 7 or mon" },
      ["0 0 * * mo"] = { 9, "day of week 'mo' is not 0 to 7 or mon" },
      ["1,2,x * * * *"] = { 5, "minute 'x' is not 0 to 59" },
      ["0 1-70 * * *"] = { 3, "hour '70' is not 0 to 23" },
      ["0 1- * * *"] = { 3, "hour '' is not 0 to 23" },
      ["-1 1 * * *"] = { 1, "minute '' is not 0 to 59" },
      ["0 1,,2 * * *"] = { 5, "an empty item in the list of the hour" },
      ["*/0 * * * *"] = { 1, "the step '0' is not a number from 1 on" },
      ["*/x * * * *"] = { 1, "the step 'x' is not a number from 1 on" },
      ["5/10 * * * *"] = { 1, "a step needs a range before it", "write 5-59/10" },
      ["0 22-2 * * *"] = { 3, "the range 22-2 goes backwards", "write 22-23,0-2" },
      ["0 0 * * fri-mon"] = { 9, "the range fri-mon goes backwards", "write fri-6,0-mon" },
      ["* * * *"] = { 8, "4 fields, not 5" },
      ["* * * * * *"] = { 11, "6 fields, not 5" },
      ["? * * * *"] = { 1, "minute '?' is not 0 to 59" },
      [""] = { 1, "0 fields, not 5" },
      ["@dialy"] = { 1, "not known", "did you mean '@daily'?" },
      ["@reboot"] = { 1, "not known" },
      ["every"] = { 6, "needs a duration such as 30s, 15m or 1h30m" },
      ["every 5x"] = { 7, "needs a duration such as 30s, 15m or 1h30m" },
      ["every 0s"] = { 7, "the interval is not a whole number of seconds from 1 on" },
      ["every 1500ms"] = { 7, "the interval is not a whole number of seconds from 1 on" },
    }) do
      local spec, e = cron.parse(text)
      assert.is_nil(spec, text)
      assert.are.same({ "invalid", want[1] }, { e.code, e.column }, text)
      assert.are.equal(("schedule '%s', column %d: %s"):format(text, want[1], want[2]), e.msg)
      assert(not want[3] or e.hint == want[3], e.hint)
    end
  end)

  it("says a schedule in words", function()
    for text, want in pairs({
      ["30 3 * * mon-fri"] = "at 03:30 on Monday to Friday",
      ["0 0 1 jan *"] = "at 00:00 on day 1 of January",
      ["@hourly"] = "at minute 0 of every hour",
      ["* * * * *"] = "every minute",
      ["*/15 * * * *"] = "every 15 minutes",
      ["*/15 8-17 * * *"] = "every 15 minutes of the hours 08 to 17",
      ["0 */2 * * *"] = "at minute 0 of every 2 hours from 00:00",
      ["0 0 * * 0,6"] = "at 00:00 on Saturday and Sunday",
      ["0 9,17 * * *"] = "at 09:00 and 17:00",
      ["0 2 1,15 * 5"] = "at 02:00 on day 1 and 15 of the month, and on Friday",
      ["0 2 13 6 fri"] = "at 02:00 on day 13 of June, and on Friday in June",
      ["0 0 */2 6 1"] = "at 00:00 on every 2 days from day 1 of June when it is Monday",
      ["0 0 1-31 * 5"] = "at 00:00",
      ["0 0 * jan,mar-may *"] = "at 00:00 in January and March to May",
    }) do
      local spec = assert(cron.parse(text))
      assert.are.equal(want, spec:describe(), text)
      assert.are.equal(want .. ", Berlin", spec:describe(ZONES.Berlin))
    end
    assert.are.equal("every 1 hour and 30 minutes", assert(cron.parse("every 90m")):describe(ZONES.Berlin))
    assert.are.equal("every 1 week, 2 days and 1 second", assert(cron.parse("every 9d1s")):describe())
  end)
end)
