--- Large numbers as Vault's backups have them (decimal digits in JSON) and as keys have them (DER, ITU-T X.690).

local M = {}

local BASE = 10 ^ 7 // 1 | 0
local DIGITS = 7

--- Bytes, most significant first -> decimal digits.
---@param bytes string
---@return string
function M.decimal(bytes)
  local limbs = { 0 } -- least significant first, in base 10^7
  for i = 1, #bytes do
    local carry = bytes:byte(i)
    for j = 1, #limbs do
      local v = limbs[j] * 256 + carry
      limbs[j], carry = v % BASE, v // BASE
    end
    if carry > 0 then
      limbs[#limbs + 1] = carry
    end
  end
  local out = { tostring(limbs[#limbs]) }
  for j = #limbs - 1, 1, -1 do
    out[#out + 1] = ("%0" .. DIGITS .. "d"):format(limbs[j])
  end
  return table.concat(out)
end

--- Decimal digits -> bytes, most significant first, as few as it takes.
---@param text string
---@return string
function M.bytes(text)
  local out = { 0 } -- least significant first
  for i = 1, #text, DIGITS do
    local part = text:sub(i, i + DIGITS - 1)
    local carry, factor = tonumber(part) | 0, 10 ^ #part // 1 | 0
    for j = 1, #out do
      local v = out[j] * factor + carry
      out[j], carry = v & 255, v >> 8
    end
    while carry > 0 do
      out[#out + 1], carry = carry & 255, carry >> 8
    end
  end
  local chars = {}
  for j = #out, 1, -1 do
    chars[#chars + 1] = string.char(out[j])
  end
  return table.concat(chars)
end

local function length(n)
  if n < 128 then
    return string.char(n)
  end
  local bytes = n < 256 and string.char(n) or string.pack(">I2", n)
  return string.char(128 + #bytes) .. bytes
end

--- A value of DER with a tag, up to 64 KiB.
---@param tag integer
---@param content string
---@return string
function M.tagged(tag, content)
  return string.char(tag) .. length(#content) .. content
end

--- A positive INTEGER of DER.
---@param bytes string
---@return string
function M.integer(bytes)
  bytes = bytes:gsub("^\0+", "")
  return M.tagged(2, (bytes == "" or bytes:byte() >= 128) and "\0" .. bytes or bytes)
end

--- Reads the value of DER at a place.
---@param der string
---@param at integer
---@return integer? tag nil when it is not whole
---@return string content
---@return integer after
function M.read(der, at)
  local tag, n = der:byte(at, at + 1)
  at = at + 2
  if n and n >= 128 then
    local size = n - 128
    if size < 1 or size > 2 or at + size - 1 > #der then
      return nil
    end
    at, n = at + size, string.unpack(">I" .. size, der, at)
  end
  if not n or at + n - 1 > #der then
    return nil
  end
  return tag, der:sub(at, at + n - 1), at + n
end

--- The values in a SEQUENCE of DER: { tag, content }.
---@param der string
---@return { [1]: integer, [2]: string }[]?
function M.sequence(der)
  local tag, content = M.read(der, 1)
  if tag ~= 0x30 then
    return nil
  end
  local out, at = {}, 1
  while at <= #content do
    local inner, value, after = M.read(content, at)
    if not inner then
      return nil
    end
    out[#out + 1], at = { inner, value }, after
  end
  return out
end

return M
