--- Times as texts (RFC 3339, HTTP, the compact form of signatures) and in seconds since 1970.

local zone = require("prov.zone")

local M = {}

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
  Dec = 12 }

local function seconds(year, month, day, hour, minute, second)
  return zone.days(math.tointeger(tonumber(year)), math.tointeger(tonumber(month)), math.tointeger(tonumber(day)))
    * 86400 + math.tointeger(tonumber(hour)) * 3600 + math.tointeger(tonumber(minute)) * 60
    + math.tointeger(tonumber(second))
end

--- Reads 2015-08-30T12:36:00.5Z (or with an offset), 20150830T123600Z, a date of HTTP, or seconds.
---@param text string
---@return number? seconds an integer unless it has a fraction; nil when it is none of these
function M.parse(text)
  local number = text:match("^%-?%d+%.?%d*$") and tonumber(text)
  if number then
    return math.tointeger(number) or number
  end
  local y, mo, d, h, mi, s, rest = text:match("^(%d%d%d%d)%-?(%d%d)%-?(%d%d)[T ](%d%d):?(%d%d):?(%d%d)(.*)$")
  if not y then
    d, mo, y, h, mi, s = text:match("^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
    mo, rest = MONTHS[mo], "Z"
    if not mo then
      return nil
    end
  end
  local fraction, sign, hours, minutes = rest:match("^(%.?%d*)([+-Z]?)(%d?%d?):?(%d?%d?)$")
  if not fraction or tonumber(mo) < 1 or tonumber(mo) > 12 then
    return nil
  end
  local at = seconds(y, mo, d, h, mi, s)
  if sign == "+" or sign == "-" then
    local offset = (tonumber(hours) or 0) * 3600 + (tonumber(minutes) or 0) * 60
    at = math.tointeger(sign == "+" and at - offset or at + offset)
  end
  fraction = tonumber("0" .. fraction)
  return fraction and fraction > 0 and at + fraction or at
end

--- 2015-08-30T12:36:00Z, with milliseconds when there are any.
---@param at number
---@return string
function M.iso(at)
  local whole = math.floor(at)
  local ms = math.floor((at - whole) * 1000 + 0.5)
  return os.date("!%Y-%m-%dT%H:%M:%S", math.tointeger(whole)) .. (ms > 0 and (".%03dZ"):format(ms) or "Z")
end

--- 20150830T123600Z, as signatures have it.
---@param at integer
---@return string
function M.compact(at)
  return os.date("!%Y%m%dT%H%M%SZ", at)
end

return M
