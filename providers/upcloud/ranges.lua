--- Address ranges as first and last address, for firewall rules.

local M = {}

local function v4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then
    return { tonumber(a) << 8 | tonumber(b), tonumber(c) << 8 | tonumber(d) }
  end
end

--- The 16-bit groups of an IPv6 address (RFC 4291, 2.2), nil for other texts.
local function v6(text)
  local head, tail = text, nil
  local at = text:find("::", 1, true)
  if at then
    head, tail = text:sub(1, at - 1), text:sub(at + 2)
  end
  local function groups(part)
    local out = {}
    for group in part:gmatch("[^:]+") do
      local quad = v4(group)
      if quad then
        out[#out + 1], out[#out + 2] = quad[1], quad[2]
      else
        out[#out + 1] = tonumber(group, 16)
      end
    end
    return out
  end
  local out, rest = groups(head), groups(tail or "")
  while tail and #out + #rest < 8 do
    out[#out + 1] = 0
  end
  table.move(rest, 1, #rest, #out + 1, out)
  return #out == 8 and out or nil
end

local function text_of(groups)
  if #groups == 2 then
    return ("%d.%d.%d.%d"):format(groups[1] >> 8, groups[1] & 255, groups[2] >> 8, groups[2] & 255)
  end
  local out = {}
  for i, group in ipairs(groups) do
    out[i] = ("%x"):format(group)
  end
  return table.concat(out, ":")
end

--- An address in one form, so that two texts of it are equal; other texts as they are.
---@param text string
---@return string
function M.plain(text)
  local groups = v4(text) or v6(text)
  return groups and text_of(groups) or text
end

--- The family of a range and, unless it is everything, its first and last address.
---@param cidr string
---@return "IPv4"|"IPv6" family, string? first, string? last
function M.of(cidr)
  local address, length = cidr:match("^([^/]+)/(%d+)$")
  local groups = v4(address) or v6(address)
  local family = #groups == 2 and "IPv4" or "IPv6"
  length = tonumber(length)
  if length == 0 then
    return family
  end
  local first, last = {}, {}
  for i, group in ipairs(groups) do
    local bits = math.min(16, math.max(0, length - 16 * (i - 1))) -- of this group that are fixed
    local mask = 0xffff << (16 - bits) & 0xffff
    first[i], last[i] = group & mask, group & mask | ~mask & 0xffff
  end
  return family, text_of(first), text_of(last)
end

return M
