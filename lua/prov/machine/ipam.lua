--- IPv4 networks and the addresses handed out of them. Pure.

local err = require("prov.err")

local M = {}

--- "10.0.0.1" as a number, nil when it is no address.
---@param text string
---@return integer?
function M.parse(text)
  local a, b, c, d = tostring(text):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if not a then
    return nil
  end
  a, b, c, d = math.tointeger(a), math.tointeger(b), math.tointeger(c), math.tointeger(d)
  if a > 255 or b > 255 or c > 255 or d > 255 then
    return nil
  end
  return a << 24 | b << 16 | c << 8 | d
end

---@param number integer
---@return string
function M.format(number)
  return ("%d.%d.%d.%d"):format(number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255)
end

--- A network: first and last address, prefix and the gateway, which is its first host.
---@param cidr string
---@param widest? integer the smallest prefix; 16
---@param narrowest? integer the largest prefix; 29
---@return { first: integer, last: integer, prefix: integer, gateway: integer, text: string }?
---@return prov.Err?
function M.network(cidr, widest, narrowest)
  widest, narrowest = widest or 16, narrowest or 29
  local ip, prefix = tostring(cidr):match("^([%d.]+)/(%d+)$")
  local number = ip and M.parse(ip)
  prefix = math.tointeger(prefix)
  if not number or not prefix or prefix < widest or prefix > narrowest then
    return err.fail("invalid", "network '%s': an IPv4 range with a prefix of %d to %d, such as 10.77.0.0/24", cidr,
      widest, narrowest)
  end
  local size = 1 << (32 - prefix)
  local first = number & ~(size - 1)
  if first ~= number then
    return err.fail("invalid", "network '%s': the range begins at %s/%d", cidr, M.format(first), prefix)
  end
  return { first = first, last = first + size - 1, prefix = prefix, gateway = first + 1, text = cidr }
end

---@return boolean
function M.overlap(a, b)
  return a.first <= b.last and b.first <= a.last
end

--- The lowest host that is not taken, or `wanted` when it can be had.
---@param network table
---@param taken table<string, any> addresses in use
---@param wanted string?
---@return string?
---@return prov.Err?
function M.allocate(network, taken, wanted)
  if wanted then
    local number = M.parse(wanted)
    if not number or number <= network.gateway or number >= network.last then
      return err.fail("invalid", "address %s is not one for servers of network %s", wanted, network.text)
    end
    if taken[wanted] then
      return err.fail("conflict", "address %s is taken by server '%s'", wanted, tostring(taken[wanted]))
    end
    return wanted
  end
  for number = network.gateway + 1, network.last - 1 do
    local ip = M.format(number)
    if not taken[ip] then
      return ip
    end
  end
  return err.fail("limit", "network %s has no free address left", network.text)
end

--- A range 10.x.y.0/24 that overlaps none of `networks`.
---@param networks table[]
---@return string?
---@return prov.Err?
function M.propose(networks)
  for n = 77 * 256, 255 * 256 do
    local candidate = M.network(("10.%d.%d.0/24"):format(n >> 8, n & 255))
    local free = true
    for _, other in ipairs(networks) do
      free = free and not M.overlap(candidate, other)
    end
    if free then
      return candidate.text
    end
  end
  return err.fail("limit", "no private range is left for a network")
end

return M
