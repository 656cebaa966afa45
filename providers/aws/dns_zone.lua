--- DNS zones: public hosted zones of Route 53. A zone carries its key as the reference of its creation, which Route 53
--- takes once only; its records are resources of their own.

local api = require("api")
local route53 = require("route53")

local TYPE = "hostedzone"
local BATCH = 10 -- zones whose tags are asked for at once

local function reference(key)
  return "prov/" .. key
end

local function state(ctx, zone, tags, servers, known)
  local name = route53.name(zone.Name)
  return {
    id = route53.id(zone.Id),
    name = known.name and known.name:lower() == name and known.name or name,
    comment = zone.Config and zone.Config.Comment ~= "" and zone.Config.Comment or nil,
    labels = api.labels(tags),
    nameservers = servers and ctx.json.list(servers) or nil,
  }
end

local function is_public(zone)
  return not (zone.Config and zone.Config.PrivateZone)
end

--- The tags of zones, by id.
local function tags_of(ctx, ids)
  local out = {}
  for first = 1, #ids, BATCH do
    local some = table.move(ids, first, math.min(first + BATCH - 1, #ids), 1, {})
    local answer, e = route53.call(ctx, "ListTagsForResources", { ResourceType = TYPE, ResourceIds = some })
    if not answer then
      return nil, e
    end
    for _, set in ipairs(answer.ResourceTagSets or {}) do
      out[set.ResourceId] = set.Tags
    end
  end
  return out
end

--- A zone with its tags and name servers: what GetHostedZone says, and tags.
local function look(ctx, id)
  local answer, e = route53.call(ctx, "GetHostedZone", { Id = id })
  if not answer then
    return nil, e
  end
  local tags
  tags, e = tags_of(ctx, { id })
  if not tags then
    return nil, e
  end
  return answer, tags[id] or {}
end

local function seen(ctx, id, known)
  local answer, tags = look(ctx, id)
  if not answer then
    return nil, tags
  end
  return state(ctx, answer.HostedZone, tags, (answer.DelegationSet or {}).NameServers, known)
end

local M = {}

function M.read(ctx, id)
  local found, e = seen(ctx, id, ctx.recorded or {})
  if not found and e.code == "notfound" then
    return nil
  end
  return found, e
end

local function zones(ctx)
  return route53.all(ctx, "ListHostedZones", { MaxItems = "100" }, "HostedZones")
end

--- The zone made with a key, as ListHostedZones shows it.
local function by_key(ctx, key)
  local all, e = zones(ctx)
  if not all then
    return nil, e
  end
  for _, zone in ipairs(all) do
    if zone.CallerReference == reference(key) then
      return zone
    end
  end
end

function M.find(ctx, key)
  local zone, e = by_key(ctx, key)
  if not zone then
    return nil, e
  end
  return seen(ctx, route53.id(zone.Id), ctx.want or {})
end

function M.list(ctx)
  local all, e = zones(ctx)
  if not all then
    return nil, e
  end
  local ids, mine = {}, {}
  for _, zone in ipairs(all) do
    if is_public(zone) then
      mine[#mine + 1], ids[#ids + 1] = zone, route53.id(zone.Id)
    end
  end
  local tags
  tags, e = tags_of(ctx, ids)
  if not tags then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, zone in ipairs(mine) do
    local known = ctx.recorded_of and ctx.recorded_of(ids[i]) or {}
    out[i] = state(ctx, zone, tags[ids[i]], known.nameservers, known) -- a list does not tell them; a zone keeps them
    out[i].not_ours = zone.LinkedService ~= nil or nil
  end
  return out
end

local function retag(ctx, id, want, tags)
  local set, away = api.tag_changes(ctx, want, tags)
  if #set == 0 and #away == 0 then
    return true
  end
  for i, tag in ipairs(away) do
    away[i] = tag.Key
  end
  return route53.call(ctx, "ChangeTagsForResource", { ResourceType = TYPE, ResourceId = id,
    AddTags = #set > 0 and set or nil, RemoveTagKeys = #away > 0 and away or nil })
end

function M.create(ctx, want)
  local zone, e = api.made(ctx, function()
    local answer, failure = route53.call(ctx, "CreateHostedZone", { Name = want.name:lower(),
      CallerReference = reference(ctx.key),
      HostedZoneConfig = { Comment = want.comment, PrivateZone = false } })
    return answer and answer.HostedZone, failure
  end, function()
    return by_key(ctx, ctx.key)
  end)
  if not zone then
    return nil, e
  end
  local id = route53.id(zone.Id)
  ctx.adopt(id)
  local ok
  ok, e = route53.call(ctx, "ChangeTagsForResource", { ResourceType = TYPE, ResourceId = id,
    AddTags = api.tags(ctx, want.name, want.labels, ctx.key) })
  if not ok then
    return nil, e
  end
  return seen(ctx, id, want)
end

function M.update(ctx, id, want)
  local answer, tags = look(ctx, id)
  if not answer then
    return nil, tags
  end
  local comment = (answer.HostedZone.Config or {}).Comment or ""
  local ok, e = true, nil
  if comment ~= (want.comment or "") then
    ok, e = route53.call(ctx, "UpdateHostedZoneComment", { Id = id, Comment = want.comment or "" })
  end
  if ok then
    ok, e = retag(ctx, id, want, tags)
  end
  if not ok then
    return nil, e
  end
  return seen(ctx, id, want)
end

--- The records that keep a zone from being deleted, as text.
local function holders(ctx, id)
  local answer = route53.call(ctx, "GetHostedZone", { Id = id })
  local sets = answer and route53.all(ctx, "ListResourceRecordSets", { HostedZoneId = id }, "ResourceRecordSets") or {}
  local out = {}
  for _, set in ipairs(sets) do
    if not route53.is_of_zone(set, answer.HostedZone.Name) then
      out[#out + 1] = route53.name(set.Name) .. " " .. set.Type
    end
  end
  return #out > 0 and table.concat(out, ", ", 1, math.min(#out, 10)) .. (#out > 10 and ", ..." or "") or nil
end

function M.delete(ctx, id)
  local ok, e = api.away(ctx, "DeleteHostedZone", { Id = id }, "route53")
  if ok then
    return true
  elseif api.code(e) == "HostedZoneNotEmpty" then
    local who = holders(ctx, id)
    if who then
      e.msg = ("%s; it has records that are not of this infra: %s"):format(e.msg, who)
      e.hint = "delete those first"
    end
  end
  return nil, e
end

return M
