--- IP addresses and ranges of both families as strings of 4 or 16 bytes, which compare in their order.

local M = {}

local function ipv4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if not a or a > 255 or b > 255 or c > 255 or d > 255 then
    return nil
  end
  return string.char(a, b, c, d)
end

local function groups(text, out)
  for group in (text == "" and "" or text .. ":"):gmatch("([^:]*):") do
    local number = group:match("^%x%x?%x?%x?$") and tonumber(group, 16)
    if not number then
      return nil
    end
    out[#out + 1] = string.pack(">I2", number)
  end
  return out
end

local function ipv6(text)
  local head, tail = text:match("^(.*:)(%d+%.%d+%.%d+%.%d+)$")
  local four = tail and ipv4(tail)
  if four then
    text = ("%s%02x%02x:%02x%02x"):format(head, four:byte(1, 4))
  end
  local left, right = text:match("^(.-)::(.*)$")
  local before, after = groups(left or text, {}), groups(right or "", {})
  local missing = before and after and 8 - #before - #after
  if not missing or left and missing < 1 or not left and missing ~= 0 then
    return nil
  end
  return table.concat(before) .. ("\0\0"):rep(missing) .. table.concat(after)
end

--- The bytes of an address; nil when the text is none.
---@param text any
---@return string?
function M.address(text)
  if type(text) ~= "string" then
    return nil
  end
  return text:find(":", 1, true) and ipv6(text) or ipv4(text)
end

--- The text of an address; of IPv6 without its longest run of zeros.
---@param bytes string
---@return string
function M.text(bytes)
  if #bytes == 4 then
    return ("%d.%d.%d.%d"):format(bytes:byte(1, 4))
  end
  local parts = {}
  for i = 1, 16, 2 do
    parts[#parts + 1] = ("%x"):format((string.unpack(">I2", bytes, i)))
  end
  local text, best = table.concat(parts, ":"), ""
  for run in (":" .. text .. ":"):gmatch("%f[^:]0[0:]*%f[:]") do
    best = #run > #best and run or best
  end
  if #best < 3 then
    return text
  end
  local at, stop = (":" .. text .. ":"):find(":" .. best .. ":", 1, true)
  return text:sub(1, at - 1):gsub(":$", "") .. "::" .. text:sub(stop - 1):gsub("^:", "")
end

--- The address `n` behind another one; n is small.
---@param bytes string
---@param n integer
---@return string
function M.add(bytes, n)
  local head, last = bytes:sub(1, -5), string.unpack(">I4", bytes, #bytes - 3)
  return head .. string.pack(">I4", last + n & 0xffffffff)
end

---@class prov.Range
---@field text string as it was written
---@field address string bytes of the address it was written with
---@field first string bytes
---@field last string bytes
---@field bits integer
---@field size integer addresses in it; math.maxinteger when there are more

local function parse(text)
  local address, bits = text:match("^(.+)/(%d%d?%d?)$")
  address, bits = M.address(address), tonumber(bits)
  if not address or bits > #address * 8 then
    return nil
  end
  local first, last = {}, {}
  for i = 1, #address do
    local kept = math.max(0, math.min(8, bits - (i - 1) * 8))
    local mask = 0xff << (8 - kept) & 0xff
    first[i] = address:byte(i) & mask
    last[i] = first[i] | ~mask & 0xff
  end
  local host = #address * 8 - bits
  return {
    text = text,
    address = address,
    bits = bits,
    first = string.char(table.unpack(first)),
    last = string.char(table.unpack(last)),
    size = host < 63 and 1 << host or math.maxinteger,
  }
end

--- Reads "10.0.0.0/24"; nil when it is no range.
---@param text any
---@return prov.Range?
function M.parse(text)
  return type(text) == "string" and parse(text) or nil
end

--- The range as it is written with its first address.
---@param range prov.Range
---@return string
function M.canonical(range)
  return M.text(range.first) .. "/" .. range.bits
end

--- True when the address (bytes) is in the range.
function M.contains(range, address)
  return #address == #range.first and range.first <= address and address <= range.last
end

---@return boolean
function M.overlap(a, b)
  return #a.first == #b.first and a.first <= b.last and b.first <= a.last
end

--- True when all of `inner` is in `outer`.
function M.within(inner, outer)
  return #inner.first == #outer.first and outer.first <= inner.first and inner.last <= outer.last
end

local function ranges(list)
  local out = {}
  for i, one in ipairs(list) do
    out[i] = parse(one)
  end
  return out
end

--- Ranges that are for private use (RFC 1918, 6598, 4193).
M.PRIVATE = ranges({ "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7" })

--- Ranges no network can have (RFC 6890): this host, loopback, link-local, multicast, class E.
M.SPECIAL = ranges({
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/128",
  "::1/128",
  "fe80::/10",
  "ff00::/8",
})

--- The range of a list that all of `range` is in, or nil.
function M.inside(range, list)
  for _, outer in ipairs(list) do
    if M.within(range, outer) then
      return outer
    end
  end
end

--- The range of a list that has an address in common with `range`, or nil.
function M.touches(range, list)
  for _, other in ipairs(list) do
    if M.overlap(range, other) then
      return other
    end
  end
end

return M
