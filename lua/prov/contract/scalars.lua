--- The scalar types of contracts: each is a function `v -> v', problem` where problem is nil,
-- or text that says what was expected.

local M = {}

local byte, find, match, tonumber, type = string.byte, string.find, string.match, tonumber, type
local ZERO = byte("0")

--- The longest duration, in seconds.
M.LONGEST = 9e18

function M.string(v)
  if type(v) == "string" then
    return v
  end
  return nil, "a string"
end

function M.int(v)
  if math.type(v) == "integer" then
    return v
  end
  if type(v) == "number" then
    local i = math.tointeger(v)
    if i then
      return i
    end
  end
  return nil, "an integer"
end

function M.number(v)
  if type(v) == "number" and v - v == 0 then -- finite
    return v
  end
  return nil, "a number"
end

function M.bool(v)
  if type(v) == "boolean" then
    return v
  end
  return nil, "true or false"
end

local UNITS = { [""] = 1, b = 1 }
for i, letter in ipairs({ "k", "m", "g", "t", "p" }) do
  UNITS[letter] = 1024 ^ i // 1 | 0
  UNITS[letter .. "ib"] = 1024 ^ i // 1 | 0
  UNITS[letter .. "b"] = 1000 ^ i // 1 | 0
end

--- Bytes of "256 MiB" (1024), "2GB" (1000), "512M" (1024), 1024.
function M.size(v)
  local number, unit
  if math.type(v) == "integer" then
    number, unit = v, ""
  elseif type(v) == "string" then
    number, unit = v:match("^%s*(%d+%.?%d*)%s*(%a*)%s*$")
    number = tonumber(number)
  end
  local factor = unit and UNITS[unit:lower()]
  if number and factor and number >= 0 and number <= math.maxinteger // factor then
    return math.floor(number * factor)
  end
  return nil, "a size such as 256 MiB or 2 GB"
end

local SECONDS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }

--- Seconds of "5m", "1h30m", "500ms", 90.
function M.duration(v)
  if type(v) == "number" and v >= 0 and v <= M.LONGEST then
    return v
  end
  if type(v) == "string" and v ~= "" then
    local total, at = 0, 1
    while at <= #v do
      local number, unit, stop = v:match("^%s*(%d+%.?%d*)%s*(%a+)%s*()", at)
      if not SECONDS[unit] then
        total = nil
        break
      end
      total, at = total + tonumber(number) * 1.0 * SECONDS[unit], stop -- as floats: integers wrap
    end
    if total and total <= M.LONGEST then
      return math.tointeger(total) or total
    end
  end
  return nil, "a duration such as 30s, 5m or 1h30m"
end

local function byte_part(text)
  return (#text == 1 or byte(text) ~= ZERO) and tonumber(text) <= 255
end

local function ipv4(text)
  local a, b, c, d = match(text, "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  return a ~= nil and byte_part(a) and byte_part(b) and byte_part(c) and byte_part(d)
end

local function count_groups(text)
  if text == "" then
    return 0
  end
  local n = 0
  for group in (text .. ":"):gmatch("([^:]*):") do
    if not group:match("^%x%x?%x?%x?$") then
      return nil
    end
    n = n + 1
  end
  return n
end

local function ipv6(text)
  local head, tail = text:match("^(.*:)(%d+%.%d+%.%d+%.%d+)$")
  if head then
    if not ipv4(tail) then
      return false
    end
    text = head .. "0:0"
  end
  local left, right = text:match("^(.-)::(.*)$")
  if left then
    local a, b = count_groups(left), count_groups(right)
    return a ~= nil and b ~= nil and a + b <= 7
  end
  return count_groups(text) == 8
end

function M.ip(v)
  if type(v) == "string" and (ipv4(v) or ipv6(v)) then
    return v
  end
  return nil, "an IP address such as 10.0.0.1"
end

function M.cidr(v)
  if type(v) == "string" then
    local address, bits = match(v, "^(.+)/(%d%d?%d?)$")
    local most = address and (ipv4(address) and 32 or ipv6(address) and 128)
    if most and tonumber(bits) <= most and (#bits == 1 or byte(bits) ~= ZERO) then
      return v
    end
  end
  return nil, "a network such as 10.0.0.0/24"
end

local function has_long_label(v)
  for label in v:gmatch("[^.]+") do
    if #label > 63 then
      return true
    end
  end
  return false
end

function M.hostname(v)
  if
    type(v) == "string"
    and #v <= 253
    and match(v, "^%w[%w.-]*$") -- labels of letters, digits and -, with dots between them
    and not find(v, "%-$")
    and not find(v, "..", 1, true)
    and not find(v, ".-", 1, true)
    and not find(v, "-.", 1, true)
    and not (#v > 63 and has_long_label(v))
  then
    return v
  end
  return nil, "a host name such as web-1.example.org"
end

function M.port(v)
  local i = M.int(v)
  if i and i >= 1 and i <= 65535 then
    return i
  end
  return nil, "a port from 1 to 65535"
end

function M.url(v)
  if type(v) == "string" and v:match("^%a[%w+.-]*://[^%s/?#][^%s]*$") then
    return v
  end
  return nil, "a URL such as https://example.org/path"
end

--- True for parts of letters, digits and - with dots between them; in `strict` ones numbers begin with no zero.
local function has_parts(text, strict)
  for part in (text .. "."):gmatch("(.-)%.") do
    if not part:match("^[%w-]+$") or strict and part:match("^0%d+$") then
      return false
    end
  end
  return true
end

function M.semver(v)
  if type(v) == "string" then
    local rest, build = v:match("^(.-)%+(.*)$")
    local core, before = (rest or v):match("^(.-)%-(.*)$")
    core = core or rest or v
    if core:match("^%d+%.%d+%.%d+$") and has_parts(core, true) and (not before or has_parts(before, true))
      and (not build or has_parts(build)) then
      return v
    end
  end
  return nil, "a version such as 1.2.3"
end

function M.path(v)
  if type(v) == "string" and v ~= "" and not v:find("\0", 1, true) then
    return v
  end
  return nil, "a path"
end

--- An address of another resource, or the id of one.
function M.ref(v)
  if type(v) == "string" and v ~= "" then
    return v
  end
  return nil, "a reference such as ${network.lan}"
end

return M
