--- Shamir's secret sharing over GF(2^8), in the layout of HashiCorp's: a share is the bytes of y and then x.

local crypto = require("core.crypto")
local err = require("prov.err")

local M = {}

-- Products of a field with the polynomial x^8 + x^4 + x^3 + x + 1.
local function multiply(a, b)
  local out = 0
  for bit = 7, 0, -1 do
    out = (out << 1) ~ (-(out >> 7 & 1) & 0x11B) ~ (-(b >> bit & 1) & a)
  end
  return out
end

local function inverse(a) -- a^254
  local out = 1
  for _ = 1, 254 do
    out = multiply(out, a)
  end
  return out
end

--- Splits a secret so that `threshold` of the parts give it back.
---@param secret string
---@param parts integer up to 255
---@param threshold integer 2 to parts
---@return string[]? shares
---@return prov.Err? err "invalid"
function M.split(secret, parts, threshold)
  if threshold < 2 or threshold > parts or parts > 255 then
    return err.fail("invalid", "a secret of %d parts cannot need %d of them", parts, threshold)
  end
  local bytes, e = crypto.random(#secret * (threshold - 1))
  if not bytes then
    return nil, e
  end
  local out = {}
  for x = 1, parts do
    local share = {}
    for i = 1, #secret do
      local y = 0
      for degree = threshold - 1, 1, -1 do
        y = multiply(y, x) ~ bytes:byte((i - 1) * (threshold - 1) + degree)
      end
      share[i] = string.char(multiply(y, x) ~ secret:byte(i))
    end
    out[x] = table.concat(share) .. string.char(x)
  end
  return out
end

--- The secret of as many shares as it needs. Too few or wrong ones give other bytes.
---@param shares string[]
---@return string? secret
---@return prov.Err? err "invalid"
function M.combine(shares)
  local size, seen, factors = #(shares[1] or ""), {}, {}
  for i, share in ipairs(shares) do
    local x = share:byte(-1)
    if #share ~= size or size < 2 or seen[x] then
      return err.fail("invalid", "the parts of the key do not belong together")
    end
    seen[x] = true
    local factor = 1
    for j, other in ipairs(shares) do
      if i ~= j then
        local there = other:byte(-1)
        factor = multiply(factor, multiply(there, inverse(x ~ there)))
      end
    end
    factors[i] = factor
  end
  local out = {}
  for at = 1, size - 1 do
    local y = 0
    for i, share in ipairs(shares) do
      y = y ~ multiply(share:byte(at), factors[i])
    end
    out[at] = string.char(y)
  end
  return table.concat(out)
end

return M
