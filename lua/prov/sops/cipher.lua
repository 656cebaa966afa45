--- Values of SOPS files: ENC[AES256_GCM,data:...,iv:...,tag:...,type:...].
--
-- A value is a type (str, int, float, bool, time, comment, bytes) and the bytes that are encrypted and go into the MAC:
-- integers in decimal, floats without exponent, True and False, times as RFC 3339.

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")

local M = {}

local IV = 32
local TAG = 16
local TYPES = { str = true, int = true, float = true, bool = true, time = true, comment = true, bytes = true }

--- Whether a text is an encrypted value.
---@param text string
---@return boolean
function M.is_encrypted(text)
  return text:find("^ENC%[AES256_GCM,data:.-,iv:.-,tag:.-,type:%a+%]") ~= nil
end

local Cipher = {}
Cipher.__index = Cipher

--- A cipher of one data key. It remembers what it opened, so that what did not change is written as it was.
---@param key string 32 bytes
---@return table? cipher
---@return prov.Err? err
function M.new(key)
  local aead, e = crypto.aead("aes-256-gcm", key)
  return aead and setmetatable({ aead = aead, known = {} }, Cipher), e
end

local function name_of(type, plain, aad)
  return ("%s\0%s\0%s"):format(type, aad, plain)
end

--- Decrypts a value.
---@param text string
---@param aad string
---@return string? plain
---@return string|prov.Err type "invalid": no encrypted value; "auth": of another place, or changed
function Cipher:open(text, aad)
  local bytes, iv, tag, type = text:match("^ENC%[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:(%a+)%]")
  bytes, iv, tag = bytes and base.unbase64(bytes), iv and base.unbase64(iv), tag and base.unbase64(tag)
  if not (bytes and iv and tag) or not TYPES[type] or #tag ~= TAG or #iv == 0 or #iv > 128 then
    return err.fail("invalid", "not a value that is encrypted as SOPS does it")
  end
  local plain, e = self.aead:open(iv, bytes .. tag, aad)
  if not plain then
    return nil, e
  end
  local name = name_of(type, plain, aad)
  local known = self.known[name] or {}
  known[#known + 1], self.known[name] = #iv == IV and text or nil, known
  return plain, type
end

--- Encrypts a value: anew, or as it was when it was opened before.
---@param type string
---@param plain string
---@param aad string
---@return string? text
---@return prov.Err? err
function Cipher:seal(type, plain, aad)
  local known = self.known[name_of(type, plain, aad)]
  if known and known[1] then
    return #known > 1 and table.remove(known, 1) or known[1]
  end
  local iv, e = crypto.random(IV)
  if not iv then
    return nil, e
  end
  local sealed
  sealed, e = self.aead:seal(iv, plain, aad)
  if not sealed then
    return nil, e
  end
  return ("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]"):format(base.base64(sealed:sub(1, -TAG - 1)), base.base64(iv),
    base.base64(sealed:sub(-TAG)), type)
end

--- Remembers what another cipher of the same key opened as well, behind what this one did.
---@param other table
function Cipher:learn(other)
  for name, texts in pairs(other.known) do
    local known = self.known[name] or {}
    self.known[name] = #known > 0 and known or table.move(texts, 1, #texts, 1, known)
  end
end

function Cipher:close()
  self.aead:close()
end
Cipher.__close = Cipher.close

--- A float without exponent, in as few digits as tell it from its neighbours.
---@param v number
---@return string
function M.float(v)
  if v ~= v then
    return "NaN"
  elseif v == math.huge or v == -math.huge then
    return v > 0 and "+Inf" or "-Inf"
  elseif v == 0 then
    return 1 / v < 0 and "-0" or "0"
  end
  local text
  for digits = 0, 16 do
    text = ("%." .. digits .. "e"):format(v)
    if tonumber(text) == v then
      break
    end
  end
  local sign, digits, exponent = text:match("^(-?)([%d.]+)e([+-]%d+)$")
  digits, exponent = digits:gsub("%.", ""), math.tointeger(tonumber(exponent))
  local point = exponent + 1
  if point <= 0 then
    return sign .. "0." .. ("0"):rep(-point) .. digits
  elseif point >= #digits then
    return sign .. digits .. ("0"):rep(point - #digits)
  end
  return sign .. digits:sub(1, point) .. "." .. digits:sub(point + 1)
end

return M
