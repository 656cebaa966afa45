--- sys/: leases.

local data = require("core.data")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local leases = require("prov.vault.leases")
local tokens = require("prov.vault.tokens")

local ID = {
  lease_id = { type = "string", doc = "The lease" },
  increment = { type = "seconds", doc = "How long it is to last" },
  sync = { type = "bool", default = false, doc = "Answer when it has been revoked" },
}

-- What is done with the lease that a request names.
local function by_id(fn)
  return function(ctx, req)
    local id = req.params.path or req.data.lease_id
    if not id or id == "" then
      return err.fail("usage", "lease_id must be specified")
    end
    return fn(ctx, req, id)
  end
end

local lookup = by_id(function(ctx, _, id)
  local lease, e = leases.get(ctx.vault, id)
  if not lease then
    return nil, e
  end
  return { data = {
    id = lease.id, issue_time = tokens.time(lease.issued),
    expire_time = lease.expires > 0 and tokens.time(lease.expires) or data.null, last_renewal = data.null,
    renewable = lease.renewable, ttl = math.max(0, lease.expires - ctx.now()),
  } }
end)

local renew = by_id(function(ctx, req, id)
  local lease, e, warning = leases.renew(ctx.vault, id, req.data.increment)
  if not lease then
    return nil, e
  end
  return {
    lease_id = lease.id, lease_duration = lease.expires - ctx.now(), renewable = lease.renewable,
    warnings = warning and { warning } or nil,
  }
end)

local revoke = by_id(function(ctx, req, id)
  if req.data.sync then
    return engine.done(leases.revoke(ctx.vault, id))
  end
  return engine.done(leases.end_all(ctx.vault, { id }))
end)

local function prefix_of(req)
  return req.params.path and req.params.path:gsub("/*$", "") .. "/" or ""
end

local function revoke_prefix(ctx, req)
  return engine.done(leases.revoke_below(ctx.vault, prefix_of(req), { sync = req.data.sync }))
end

local function revoke_force(ctx, req)
  return engine.done(leases.revoke_below(ctx.vault, prefix_of(req), { force = true }))
end

local function list(ctx, req)
  local prefix = prefix_of(req)
  return engine.listed(("leases below '%s'"):format(prefix), leases.list(ctx.vault, prefix))
end

local function irrevocable(ctx)
  local out, count = leases.irrevocable(ctx.vault)
  if not out then
    return nil, count
  end
  return { data = { lease_count = #out, leases = out } }
end

local function count(ctx)
  local out, all = leases.irrevocable(ctx.vault)
  if not out then
    return nil, all
  end
  return { data = { lease_count = all, irrevocable = #out } }
end

local paths = {
  { path = "leases", doc = "Leases that cannot be revoked", sudo = true, read = irrevocable },
  { path = "leases/count", doc = "How many there are", read = count },
  { path = "leases/lookup", doc = "A lease", fields = ID, update = lookup },
  { path = "leases/lookup", doc = "What there is", sudo = true, list = list },
  { path = "leases/lookup/{path...}", doc = "Leases below a prefix", sudo = true, list = list },
  { path = "leases/renew", doc = "Let a lease last longer", fields = ID, update = renew },
  { path = "leases/renew/{path...}", doc = "The same", fields = ID, update = renew },
  { path = "renew", doc = "The same", fields = ID, update = renew },
  { path = "renew/{path...}", doc = "The same", fields = ID, update = renew },
  { path = "leases/revoke", doc = "End a lease", fields = ID, update = revoke },
  { path = "leases/revoke/{path...}", doc = "The same", fields = ID, update = revoke },
  { path = "revoke", doc = "The same", fields = ID, update = revoke },
  { path = "leases/revoke-prefix/{path...}", doc = "End all leases below a prefix", sudo = true, fields = ID,
    update = revoke_prefix },
  { path = "leases/revoke-force/{path...}", doc = "Forget them, whatever the engine says", sudo = true,
    update = revoke_force },
  { path = "leases/tidy", doc = "Nothing needs tidying", update = function()
    return {}
  end },
}
return paths
