--- sys/wrapping: answers behind a token that works once.

local err = require("prov.err")
local wrapping = require("prov.vault.wrapping")

local TOKEN = { token = { type = "string", doc = "The wrapping token; by default the one that asks" } }

-- What is done with the wrapping token that a request names.
local function by_secret(fn)
  return function(ctx, req)
    local secret = req.data.token or req.asked.token
    if not secret then
      return err.fail("usage", "wrapping token is not valid or does not exist")
    end
    return fn(ctx, secret)
  end
end

local unwrap = by_secret(function(ctx, secret)
  local kept, e = wrapping.unwrap(ctx.vault, secret)
  if not kept then
    return nil, e
  end
  local inner = kept.answer
  return {
    data = inner.data, auth_shown = inner.auth, lease_id = inner.lease_id, lease_duration = inner.lease_duration,
    renewable = inner.renewable, warnings = inner.warnings,
  }
end)

local lookup = by_secret(function(ctx, secret)
  local found, e = wrapping.lookup(ctx.vault, secret)
  return found and { data = found }, e
end)

local rewrap = by_secret(function(ctx, secret)
  local info, e = wrapping.rewrap(ctx.vault, secret)
  return info and { wrap_info = info }, e
end)

local function wrap(ctx, req)
  local ttl = req.asked.wrap_ttl
  if not ttl or ttl <= 0 then
    return err.fail("usage", "endpoint requires response wrapping to be used: X-Vault-Wrap-TTL")
  end
  local info, e = wrapping.wrap_data(ctx.vault, req.given, ttl)
  return info and { wrap_info = info }, e
end

return {
  { path = "wrapping/unwrap", doc = "What stands behind a token", fields = TOKEN, update = unwrap },
  { path = "wrapping/lookup", doc = "What a wrapping token is of", open = true, fields = TOKEN, update = lookup,
    read = lookup },
  { path = "wrapping/rewrap", doc = "Another token for the same", fields = TOKEN, update = rewrap },
  { path = "wrapping/wrap", doc = "Put data behind a token", update = wrap },
}
