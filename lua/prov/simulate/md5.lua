--- MD5 (RFC 1321): clouds name public keys by it. For nothing that must be safe.

local M = {}

local K, R = {}, { 7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21 }
for i = 0, 63 do
  K[i] = math.floor(math.abs(math.sin(i + 1)) * 2 ^ 32)
end

local function mix(i, b, c, d)
  if i < 16 then
    return b & c | ~b & d, i
  elseif i < 32 then
    return d & b | ~d & c, (5 * i + 1) % 16
  elseif i < 48 then
    return b ~ c ~ d, (3 * i + 5) % 16
  end
  return c ~ (b | ~d & 0xffffffff), 7 * i % 16
end

--- The digest of some bytes, 32 hexadecimal digits.
---@param bytes string
---@return string
function M.hex(bytes)
  local text = bytes .. "\x80" .. ("\0"):rep((55 - #bytes) % 64) .. string.pack("<I8", #bytes * 8)
  local a0, b0, c0, d0 = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476
  for at = 1, #text, 64 do
    local words = { string.unpack("<" .. ("I4"):rep(16), text, at) }
    local a, b, c, d = a0, b0, c0, d0
    for i = 0, 63 do
      local f, g = mix(i, b, c, d)
      f = (f + a + K[i] + words[g + 1]) & 0xffffffff
      local r = R[i // 16 * 4 + i % 4 + 1]
      a, d, c, b = d, c, b, (b + (f << r | f >> (32 - r))) & 0xffffffff
    end
    a0, b0, c0, d0 = (a0 + a) & 0xffffffff, (b0 + b) & 0xffffffff, (c0 + c) & 0xffffffff, (d0 + d) & 0xffffffff
  end
  return (("%02x"):rep(16):format(string.pack("<I4I4I4I4", a0, b0, c0, d0):byte(1, -1)))
end

return M
