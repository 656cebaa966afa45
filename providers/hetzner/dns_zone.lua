--- DNS zones that Hetzner's name servers answer for.

local api = require("api")
local common = require("common")

local TTL = 3600 -- of Hetzner

local function state(ctx, zone)
  return {
    id = tostring(zone.id),
    name = zone.name,
    ttl = zone.ttl,
    labels = api.own_labels(zone.labels),
    protected = zone.protection and zone.protection.delete or false,
    nameservers = ctx.json.list(zone.authoritative_nameservers and zone.authoritative_nameservers.assigned or {}),
  }
end

local body = common.body({ path = "/zones", list = "zones", field = "zone", what = "DNS zone", state = state })

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

function M.create(ctx, want)
  local id, zone = body.make(ctx, want, { mode = "primary", ttl = want.ttl and math.tointeger(want.ttl) })
  if not id then
    return nil, zone
  end
  local ok, e = body.guard(ctx, id, want)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

function M.update(ctx, id, want)
  local zone, e = body.present(ctx, id)
  if not zone then
    return nil, e
  end
  local ttl = want.ttl and math.tointeger(want.ttl) or (ctx.applied or {}).ttl and TTL or zone.ttl
  local ok
  ok, e = api.steps(function()
    local labels = api.labels(ctx, want.labels, zone.labels)
    local same = common.equal(ctx, labels, zone.labels)
    return api.unless(same, api.put, ctx, body.path(ctx, id), { labels = labels })
  end, function()
    return api.unless(ttl == zone.ttl, body.act, ctx, id, "change_ttl", { ttl = ttl })
  end, function()
    return body.protect(ctx, id, want, zone)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
