local tmp = require("support.tmp")
local tzif = require("support.tzif")
local uv = require("luv")
local zone = require("prov.zone")

local BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"

local function posix(text)
  return assert(zone.parse("test", tzif.footer(text)))
end

local function at(z, utc)
  local l = z:to_local(utc)
  local _, abbreviation = z:offset(utc)
  return ("%04d-%02d-%02d %02d:%02d:%02d %s"):format(l.year, l.month, l.day, l.hour, l.min, l.sec, abbreviation)
end

local function with_folder(fn)
  local before, folder = os.getenv("TZDIR"), tmp.dir()
  uv.os_setenv("TZDIR", folder)
  local ok, e = pcall(fn, folder)
  if before then
    uv.os_setenv("TZDIR", before)
  else
    uv.os_unsetenv("TZDIR")
  end
  assert(ok, e)
end

describe("zone", function()
  it("counts days as the calendar does, in both directions", function()
    assert.are.equal(0, zone.days(1970, 1, 1))
    assert.are.equal(11016, zone.days(2000, 2, 29))
    assert.are.equal(zone.days(2001, 1, 1), zone.days(2000, 13, 1))
    local year, month, day = 1895, 12, 31
    for days = zone.days(1896, 1, 1), zone.days(2105, 1, 1) do
      local y, m, d = zone.date(days)
      assert(y == year and m == month and d == day + 1 or d == 1 and (m == month + 1 or m == 1 and y == year + 1))
      assert(zone.days(y, m, d) == days)
      year, month, day = y, m, d
    end
  end)

  it("follows the rule of the footer in any year", function()
    local z = posix(BERLIN)
    assert.are.equal("2024-03-31 01:59:59 CET", at(z, 1711846799))
    assert.are.equal("2024-03-31 03:00:00 CEST", at(z, 1711846800))
    assert.are.equal("2024-10-27 02:59:59 CEST", at(z, 1729990799))
    assert.are.equal("2024-10-27 02:00:00 CET", at(z, 1729990800))
    assert.are.equal("2099-07-01 02:00:00 CEST", at(z, 4086547200))
    assert.are.equal("1969-12-31 22:00:00 abc", at(posix("<abc>2"), 0))
  end)

  it("knows every form of a rule", function()
    local south = posix("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0") -- half an hour, over the new year
    assert.are.equal("2024-01-01 11:00:00 +11", at(south, 1704067200))
    assert.are.equal("2024-06-01 10:30:00 +1030", at(south, 1717200000))
    local greenland = posix("<-02>2<-01>,M3.5.0/-1,M10.5.0/0") -- a time before its day
    assert.are.equal("2024-03-30 22:59:59 -02", at(greenland, 1711846799))
    assert.are.equal("2024-03-31 00:00:00 -01", at(greenland, 1711846800))
    local julian = posix("AAA0BBB,J60/0,J300/0") -- 1 March, with and without 29 February
    assert.are.equal("2024-02-29 23:59:59 AAA", at(julian, 1709251199))
    assert.are.equal("2024-03-01 01:00:00 BBB", at(julian, 1709251200))
    assert.are.equal("2023-03-01 01:00:00 BBB", at(julian, 1677628800))
    local zero_based = posix("AAA0BBB,59/0,300/0") -- the 60th day
    assert.are.equal("2024-02-29 01:00:00 BBB", at(zero_based, 1709164800))
    assert.are.equal("2023-03-01 01:00:00 BBB", at(zero_based, 1677628800))
    local always = posix("EST5EDT,0/0,J365/25") -- RFC 8536, 3.3.1
    for utc = 1700000000, 1800000000, 1234567 do
      assert.are.equal(-14400, (always:offset(utc)))
    end
  end)

  it("reads version 1, where the table is all there is", function()
    local z = assert(zone.parse("old", tzif.version1(1000000, 2000000)))
    assert.are.same({ 3600, "STD", false }, { z:offset(-5) })
    assert.are.same({ 3600, "STD", false }, { z:offset(999999) })
    assert.are.same({ 7200, "DST", true }, { z:offset(1000000) })
    assert.are.same({ 7200, "DST", true }, { z:offset(1999999) })
    assert.are.same({ 3600, "STD", false }, { z:offset(2000000) })
    assert.are.same({ 3600, "STD", false }, { z:offset(1 << 50) })
  end)

  it("says how often a time on the wall comes", function()
    local z = posix(BERLIN)
    local function wall(month, day, hour, min)
      return { z:to_utc({ year = 2024, month = month, day = day, hour = hour, min = min }) }
    end
    assert.are.same({ "once", 1709251200 }, wall(3, 1, 1, 0))
    assert.are.same({ "once", 1711846740 }, wall(3, 31, 1, 59))
    assert.are.same({ "gap", 1711846800 }, wall(3, 31, 2, 0))
    assert.are.same({ "gap", 1711846800 }, wall(3, 31, 2, 59))
    assert.are.same({ "once", 1711846800 }, wall(3, 31, 3, 0))
    assert.are.same({ "once", 1729987140 }, wall(10, 27, 1, 59))
    assert.are.same({ "twice", 1729987200, 1729990800 }, wall(10, 27, 2, 0))
    assert.are.same({ "twice", 1729990740, 1729994340 }, wall(10, 27, 2, 59))
    assert.are.same({ "once", 1729994400 }, wall(10, 27, 3, 0))
    assert.are.same({ "once", 1711836000 }, { z:to_utc({ year = 2024, month = 3, day = 30, hour = 23 }) })
  end)

  it("refuses a damaged file, wherever it ends and whatever byte is wrong", function()
    for _, bytes in ipairs({ tzif.version1(1000000, 2000000), tzif.footer(BERLIN) }) do
      for length = 0, #bytes - 1 do
        local z, e = zone.parse("cut", bytes:sub(1, length))
        assert.is_nil(z, tostring(length))
        assert.are.equal("corrupt", e.code)
      end
      math.randomseed(3)
      for _ = 1, 5000 do
        local i = math.random(#bytes)
        local z, e = zone.parse("bad", bytes:sub(1, i - 1) .. string.char(math.random(0, 255)) .. bytes:sub(i + 1))
        assert(z or e.code == "corrupt" or e.code == "unsupported")
        for year = z and 2000 or 1, z and 2030 or 0, 3 do
          local kind, utc = z:to_utc({ year = year, month = math.random(12), day = math.random(28) })
          assert(kind and utc)
        end
      end
    end
    for _, rule in ipairs({ "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "C-1", "CET-1x",
      "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,M3.5.0/x,M10.5.0",
      "CET-27", "CET-1CEST-99,M3.5.0,M10.5.0" }) do
      assert.is_nil((zone.parse("rule", tzif.footer(rule))), rule)
    end
  end)

  it("opens zones of TZDIR, and says which name was meant", function()
    with_folder(function(folder)
      tmp.write(folder .. "/Europe/Berlin", tzif.footer(BERLIN))
      tmp.write(folder .. "/America/Indiana/Knox", tzif.footer("CST6CDT,M3.2.0,M11.1.0"))
      tmp.write(folder .. "/tzdata.zi", "no zone")
      assert.are.same({ "America/Indiana/Knox", "Europe/Berlin" }, zone.names())
      assert.are.equal(7200, (assert(zone.open("Europe/Berlin")):offset(1720000000)))
      for typed, want in pairs({
        ["Europe/Brelin"] = "did you mean 'Europe/Berlin'?",
        ["europe/berlin"] = "did you mean 'Europe/Berlin'?",
        ["Knox"] = "did you mean 'America/Indiana/Knox'?",
        ["Indiana/Knox"] = "did you mean 'America/Indiana/Knox'?",
        ["Mars"] = "there are: America/Indiana/Knox, Europe/Berlin",
        ["Europe"] = "there are: America/Indiana/Knox, Europe/Berlin",
      }) do
        local z, e = zone.open(typed)
        assert.is_nil(z)
        assert.are.same({ "notfound", want }, { e.code, e.hint }, typed)
      end
      local z, e = zone.open("tzdata.zi")
      assert.is_nil(z)
      assert.are.equal("no time zone 'tzdata.zi'", e.msg)
    end)
  end)

  it("lets no name leave the folder", function()
    with_folder(function(folder)
      tmp.write(folder .. "/secret", tzif.footer(BERLIN))
      uv.fs_mkdir(folder .. "/zones", 448)
      uv.os_setenv("TZDIR", folder .. "/zones")
      for _, name in ipairs({ "../secret", folder .. "/secret", "/etc/passwd", "x/../../secret", "", "/", ".", "a//b",
        "../zones/../secret", "secret\0" }) do
        local z, e = zone.open(name)
        assert.is_nil(z, name)
        assert.are.equal("notfound", e.code, name)
      end
    end)
  end)

  it("says that tzdata is missing, and has UTC without it", function()
    with_folder(function(folder)
      uv.os_setenv("TZDIR", folder .. "/none")
      local z, e = zone.open("Europe/Berlin")
      assert.is_nil(z)
      assert.are.same({ "notfound", "install the package tzdata, or use UTC" }, { e.code, e.hint })
      assert.are.same({ 0, "UTC", false }, { assert(zone.open("UTC")):offset(1 << 40) })
      assert.are.same({ "once", 86400 }, { zone.utc():to_utc({ year = 1970, month = 1, day = 2 }) })
    end)
  end)
end)
