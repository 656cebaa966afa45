--- One-time passwords by time (RFC 6238) and by counter (RFC 4226), and the otpauth URLs that authenticators read.

local crypto = require("core.crypto")
local err = require("prov.err")
local http_routes = require("prov.http_routes")

local M = {}

--- Names of hashes in URLs -> those of core.crypto.
M.ALGORITHMS = { SHA1 = "sha1", SHA256 = "sha256", SHA512 = "sha512" }

---@class prov.vault.totp.Key
---@field secret string bytes
---@field algorithm string one of M.ALGORITHMS
---@field digits integer
---@field period integer seconds
---@field issuer string
---@field account string

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
local VALUES = {}
for i = 1, #ALPHABET do
  VALUES[ALPHABET:byte(i)] = i - 1
end

--- Base32 (RFC 4648) without padding.
---@param bytes string
---@return string
function M.base32(bytes)
  local out, bits, count = {}, 0, 0
  for i = 1, #bytes do
    bits, count = (bits << 8 | bytes:byte(i)) & 0xfff, count + 8
    while count >= 5 do
      count = count - 5
      local at = (bits >> count & 31) + 1
      out[#out + 1] = ALPHABET:sub(at, at)
    end
  end
  if count > 0 then
    local at = (bits << (5 - count) & 31) + 1
    out[#out + 1] = ALPHABET:sub(at, at)
  end
  return table.concat(out)
end

--- Reads base32 as people write it: small letters, spaces, with padding or without.
---@param text string
---@return string? bytes
function M.unbase32(text)
  local out, bits, count = {}, 0, 0
  for c in text:gsub("[%s-]", ""):gsub("=+$", ""):upper():gmatch(".") do
    local value = VALUES[c:byte()]
    if not value then
      return nil
    end
    bits, count = (bits << 5 | value) & 0xfff, count + 5
    if count >= 8 then
      count = count - 8
      out[#out + 1] = string.char(bits >> count & 255)
    end
  end
  return table.concat(out)
end

--- The password for a counter.
---@param key prov.vault.totp.Key
---@param counter integer
---@return string digits
function M.code(key, counter)
  local mac = assert(crypto.mac(M.ALGORITHMS[key.algorithm], key.secret, string.pack(">I8", counter)))
  local number = string.unpack(">I4", mac, (mac:byte(-1) & 15) + 1) & 0x7fffffff
  return ("%0" .. key.digits .. "d"):format(number % math.tointeger(10 ^ key.digits))
end

--- The counter for which a code is right: that of the time, or one up to `skew` from it.
---@param key prov.vault.totp.Key
---@param code string
---@param time integer seconds since 1970
---@param skew integer
---@return integer? counter
function M.find(key, code, time, skew)
  local now = time // key.period
  local found
  for counter = math.max(now - skew, 0), now + skew do -- all of them, so that the time says nothing
    if crypto.equal(M.code(key, counter), code) then
      found = counter
    end
  end
  return found
end

local function escape(text)
  return (text:gsub("[^%w._~-]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

--- The URL that authenticators read, mostly from a QR code.
---@param key prov.vault.totp.Key
---@return string
function M.url(key)
  return ("otpauth://totp/%s:%s?algorithm=%s&digits=%d&issuer=%s&period=%d&secret=%s"):format(escape(key.issuer),
    escape(key.account), key.algorithm, key.digits, escape(key.issuer), key.period, M.base32(key.secret))
end

--- Reads such a URL; what it does not say is absent.
---@param url string
---@return { secret: string, issuer: string?, account: string, algorithm: string?, digits: integer?,
---  period: integer? }? fields
---@return prov.Err?
function M.parse_url(url)
  local label, query = url:match("^otpauth://totp/([^?]*)%?(.*)$")
  label = label and http_routes.decode(label)
  local pairs_of = label and http_routes.query(query)
  if not pairs_of then
    return err.fail("usage", "the url is not one of TOTP: it begins with otpauth://totp/ and has a ?secret=")
  end
  local values = {}
  for _, pair in ipairs(pairs_of) do
    values[pair[1]:lower()] = pair[2]
  end
  local issuer, account = label:match("^(.-):%s*(.*)$")
  local out = { issuer = values.issuer or issuer, account = account or label, algorithm = values.algorithm }
  out.secret = values.secret and M.unbase32(values.secret)
  if not out.secret or out.secret == "" then
    return err.fail("usage", "the url has no secret in base32")
  end
  for _, field in ipairs({ "digits", "period" }) do
    local number = values[field] and math.tointeger(tonumber(values[field], 10))
    if values[field] and not number then
      return err.fail("usage", "an error occurred while parsing %s value in url: not a number", field)
    end
    out[field] = number
  end
  return out
end

return M
