--- Arithmetic of networks, for the functions of expressions: IPv4 and IPv6 as lists of bytes.

local M = {}

local function bytes4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if not a then
    return nil
  end
  local out = { tonumber(a), tonumber(b), tonumber(c), tonumber(d) }
  for i = 1, 4 do
    if out[i] > 255 then
      return nil
    end
  end
  return out
end

local function groups(text, out)
  if text == "" then
    return out
  end
  for group in (text .. ":"):gmatch("([^:]*):") do
    local four = bytes4(group)
    local number = not four and group:match("^%x%x?%x?%x?$") and tonumber(group, 16)
    if four then
      table.move(four, 1, 4, #out + 1, out)
    elseif number then
      out[#out + 1], out[#out + 2] = number >> 8, number & 255
    else
      return nil
    end
  end
  return out
end

local function bytes6(text)
  local left, right = text:match("^(.-)::(.*)$")
  local head, tail = groups(left or text, {}), left and groups(right, {}) or {}
  if not head or not tail or (left and #head + #tail > 14 or not left and #head ~= 16) then
    return nil
  end
  for _ = #head + #tail + 1, 16 do
    head[#head + 1] = 0
  end
  return table.move(tail, 1, #tail, #head + 1, head)
end

--- Bytes of an address and, behind a /, its prefix length; nil when it is neither.
---@param text string
---@return integer[]? bytes, integer? bits
function M.parse(text)
  local address, bits = text:match("^([^/]+)/(%d+)$")
  local bytes = bytes4(address or text) or bytes6(address or text)
  bits = bits and math.tointeger(tonumber(bits))
  if not bytes or bits and bits > #bytes * 8 then
    return nil
  end
  return bytes, bits
end

-- The longest run of zero groups is written ::, as RFC 5952 wants it.
local function format6(bytes)
  local parts, best, length, from = {}, 0, 1, nil
  for i = 1, 8 do
    parts[i] = ("%x"):format(bytes[2 * i - 1] << 8 | bytes[2 * i])
    from = parts[i] == "0" and (from or i) or nil
    if from and i - from + 1 > length then
      best, length = from, i - from + 1
    end
  end
  if best == 0 then
    return table.concat(parts, ":")
  end
  return table.concat(parts, ":", 1, best - 1) .. "::" .. table.concat(parts, ":", best + length, 8)
end

--- Writes an address.
---@param bytes integer[]
---@return string
function M.format(bytes)
  return #bytes == 4 and table.concat(bytes, ".") or format6(bytes)
end

--- The bytes with everything behind the first `bits` bits set to zero.
---@param bytes integer[]
---@param bits integer
---@return integer[]
function M.masked(bytes, bits)
  local out = {}
  for i, byte in ipairs(bytes) do
    local kept = math.max(0, math.min(8, bits - (i - 1) * 8))
    out[i] = byte & (255 << (8 - kept)) & 255
  end
  return out
end

--- Adds n, shifted left by `shift` bits; nil past the last address.
---@param bytes integer[]
---@param n integer
---@param shift integer
---@return integer[]?
function M.add(bytes, n, shift)
  local out, carry = table.move(bytes, 1, #bytes, 1, {}), 0
  for i = #bytes, 1, -1 do
    local low = (#bytes - i) * 8 - shift -- the first bit of n that falls into this byte
    local part = 0
    if low >= 0 then
      part = low < 63 and n >> low & 255 or 0
    elseif low > -8 then
      part = n << -low & 255
    end
    local sum = out[i] + part + carry
    out[i], carry = sum & 255, sum >> 8
  end
  return carry == 0 and out or nil
end

--- True when both have the same first bits.
---@return boolean
function M.same_prefix(a, b, bits)
  if #a ~= #b then
    return false
  end
  return M.format(M.masked(a, bits)) == M.format(M.masked(b, bits))
end

return M
