--- Values of SOPS files: ENC[AES256_GCM,data:...,iv:...,tag:...,type:...].
--
-- A value is a type (str, int, float, bool, time, comment, bytes) and the bytes that are encrypted and go into the MAC:
-- integers in decimal, floats without exponent, True and False, times as RFC 3339.

local base = require("core.base")
local crypto = require("core.crypto")

local M = {}

local IV = 32
local TAG = 16

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
  return aead and setmetatable({ aead = aead, opened = {}, count = 0, known = {} }, Cipher), e
end

-- The additional data of a value: what it is bound to.
local function aad_of(place)
  return type(place) == "table" and table.concat(place, ":") .. ":" or place
end

local function name_of(kind, plain, aad)
  return ("%s\0%s\0%s"):format(kind, aad, plain)
end

--- Decrypts a value.
---@param text string
---@param place string|string[] what it is bound to: a path, which does not change any more, or a text
---@return string? plain
---@return string|prov.Err type "invalid": no encrypted value; "auth": of another place, or changed
function Cipher:open(text, place)
  local plain, kind, iv = self.aead:open_value(text, place)
  if not plain then
    return nil, kind
  end
  if iv == IV then
    local opened, n = self.opened, self.count
    opened[n + 1], opened[n + 2], opened[n + 3], opened[n + 4] = kind, plain, place, text
    self.count = n + 4
  end
  return plain, kind
end

-- How values were written that were opened, by name, in the order of the file.
local function written(self)
  local opened, by_name = self.opened, self.known
  for i = 1, self.count, 4 do
    local name = name_of(opened[i], opened[i + 1], aad_of(opened[i + 2]))
    by_name[name] = by_name[name] or {}
    table.insert(by_name[name], opened[i + 3])
  end
  self.opened, self.count = {}, 0
  return by_name
end

--- Encrypts a value: anew, or as it was when it was opened before.
---@param kind string
---@param plain string
---@param place string|string[] what it is to be bound to
---@return string? text
---@return prov.Err? err
function Cipher:seal(kind, plain, place)
  local aad = aad_of(place)
  local list = written(self)[name_of(kind, plain, aad)]
  if list then
    return #list > 1 and table.remove(list, 1) or list[1]
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
    base.base64(sealed:sub(-TAG)), kind)
end

--- Remembers what another cipher of the same key opened as well, behind what this one did.
---@param other table
function Cipher:learn(other)
  local mine = written(self)
  for name, texts in pairs(written(other)) do
    local own = mine[name] or {}
    mine[name] = #own > 0 and own or table.move(texts, 1, #texts, 1, own)
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
