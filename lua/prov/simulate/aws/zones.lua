--- Public hosted zones of Route 53, their sets of records, tags, and changes, which take a while until all name servers
--- know them. Nobody answers questions about names.

local data = require("core.data")
local kit = require("prov.simulate.aws.kit")
local records = require("prov.simulate.aws.records")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  hosted_zone = { unique = { "reference" }, quota = 500 },
  record_set = { refs = { zone = "hosted_zone" }, unique = { "key" }, quota = 100000 },
  dns_change = { quiet = true },
}

local PAGE, RECORDS_PAGE, TAGS, TAGGED = 100, 300, 10, 10

--- Refuses, with the status of what is not there.
local function absent(code, fmt, ...)
  local _, e = kit.refuse(code, fmt, ...)
  e.wire.status = 404
  return nil, e
end

--- The zone of an id, with or without /hostedzone/ before it.
local function zone_of(call, id)
  id = tostring(id):match("[^/]+$") or ""
  local zone = call.w:get("hosted_zone", id)
  if not zone then
    return absent("NoSuchHostedZone", "No hosted zone found with ID: %s", id)
  end
  return zone
end

--- An operation on a zone, whose id is in a field of the parameters: fn(call, zone, params).
local function at_zone(field, fn)
  return function(call, p)
    local zone, e = zone_of(call, p[field])
    if not zone then
      return nil, e
    end
    return fn(call, zone, p)
  end
end

-- Views ------------------------------------------------------------------------------------------

local function zone_view(call, zone)
  return {
    Id = "/hostedzone/" .. zone.id, Name = records.written(zone.name), CallerReference = zone.reference,
    Config = { Comment = zone.comment, PrivateZone = false },
    ResourceRecordSetCount = #call.w:holders(zone, "record_set"),
  }
end

local function servers_view(zone)
  return { NameServers = data.list(table.move(zone.servers, 1, #zone.servers, 1, {})) }
end

local function change_view(change)
  return {
    Id = "/change/" .. change.id, Status = change.state, SubmittedAt = kit.time(change.created),
    Comment = change.comment,
  }
end

--- A change that all name servers will know in a while.
local function begin_change(call, comment)
  local change = call.w:add("dns_change", {
    id = "C" .. call.w.world:hex(20):upper(), state = "PENDING", comment = comment,
  })
  call.w:later(change, kit.TIMES.dns, { state = "INSYNC" })
  call.w:later(change, kit.TIMES.token, "gone")
  return change_view(change)
end

-- Zones ------------------------------------------------------------------------------------------

--- Name servers of a zone, each below another top level.
local function servers(call)
  local out, tops = data.list({}), { "com", "net", "org", "co.uk" }
  for i, top in ipairs(tops) do
    local n = (call.w.world:number("name server") * 37 + i * 512) % 2048
    out[i] = ("ns-%d.awsdns-%02d.%s"):format(n, n % 64, top)
  end
  return out
end

function operations.CreateHostedZone(call, p)
  local name = records.read_name(p.Name)
  if not name or not records.is_domain(name) then
    return kit.refuse("InvalidDomainName", "Invalid domain name: %s", tostring(p.Name))
  elseif not p.CallerReference or p.CallerReference == "" or #p.CallerReference > 128 then
    return kit.refuse("InvalidInput", "The caller reference must have 1 to 128 characters")
  elseif p.VPC or p.DelegationSetId or p.HostedZoneConfig and p.HostedZoneConfig.PrivateZone then
    return kit.refuse("InvalidInput", "The simulator has public zones with name servers of their own only")
  end
  local zone, e = call.w:add("hosted_zone", {
    id = "Z" .. call.w.world:hex(20):upper(), name = name, reference = p.CallerReference, labels = {},
    comment = p.HostedZoneConfig and p.HostedZoneConfig.Comment, servers = servers(call),
  })
  if not zone and e.code == "exists" then
    local _, refusal = kit.refuse("HostedZoneAlreadyExists", "A hosted zone has already been created with the "
      .. "specified caller reference.")
    refusal.wire.status = 409
    return nil, refusal
  elseif not zone then
    return nil, e
  end
  records.begin_zone(call, zone)
  return {
    HostedZone = zone_view(call, zone), DelegationSet = servers_view(zone), ChangeInfo = begin_change(call),
    Location = ("https://route53.amazonaws.com/2013-04-01/hostedzone/%s"):format(zone.id),
  }
end

operations.GetHostedZone = at_zone("Id", function(call, zone)
  return { HostedZone = zone_view(call, zone), DelegationSet = servers_view(zone) }
end)

--- How many items a page has: what is asked for, as far as Route 53 gives it.
local function page_size(p, most)
  local n = math.tointeger(tonumber(p.MaxItems or most))
  if not n or n < 1 then
    return kit.refuse("InvalidInput", "1 validation error detected: Value '%s' at 'maxItems' failed to satisfy "
      .. "constraint", tostring(p.MaxItems))
  end
  return math.min(n, most)
end

function operations.ListHostedZones(call, p)
  local size, e = page_size(p, PAGE)
  if not size then
    return nil, e
  end
  local out, list, first = data.list({}), p.HostedZoneType and {} or call.w:list("hosted_zone"), 1
  if p.Marker and p.Marker ~= "" then
    while list[first] and list[first].id ~= p.Marker do
      first = first + 1
    end
    if not list[first] then
      return kit.refuse("InvalidInput", "The specified marker is not valid: %s", p.Marker)
    end
  end
  for i = first, math.min(#list, first + size - 1) do
    out[#out + 1] = zone_view(call, list[i])
  end
  local following = list[first + size]
  return {
    HostedZones = out, IsTruncated = following ~= nil, MaxItems = tostring(size), Marker = p.Marker,
    NextMarker = following and following.id,
  }
end

--- Zones by the reversed names of their domains.
local function by_name(call)
  local out = table.move(call.w:list("hosted_zone"), 1, call.w:count("hosted_zone"), 1, {})
  table.sort(out, function(a, b)
    local x, y = records.reversed(a.name), records.reversed(b.name)
    return x < y or x == y and a.id < b.id
  end)
  return out
end

function operations.ListHostedZonesByName(call, p)
  local size, e = page_size(p, PAGE)
  if not size then
    return nil, e
  end
  local list, first, out = by_name(call), 1, data.list({})
  local from = p.DNSName and records.reversed(records.read_name(p.DNSName) or p.DNSName)
  while from and list[first] and (records.reversed(list[first].name) < from
    or records.reversed(list[first].name) == from and p.HostedZoneId and list[first].id < p.HostedZoneId) do
    first = first + 1
  end
  for i = first, math.min(#list, first + size - 1) do
    out[#out + 1] = zone_view(call, list[i])
  end
  local following = list[first + size]
  return {
    HostedZones = out, IsTruncated = following ~= nil, MaxItems = tostring(size), DNSName = p.DNSName,
    HostedZoneId = p.HostedZoneId, NextDNSName = following and records.written(following.name),
    NextHostedZoneId = following and following.id,
  }
end

function operations.GetHostedZoneCount(call)
  return { HostedZoneCount = #call.w:list("hosted_zone") }
end

operations.UpdateHostedZoneComment = at_zone("Id", function(call, zone, p)
  call.w:change(zone, { comment = p.Comment ~= "" and p.Comment or kit.NONE })
  return { HostedZone = zone_view(call, zone) }
end)

operations.DeleteHostedZone = at_zone("Id", function(call, zone)
  local sets = call.w:holders(zone, "record_set")
  for _, set in ipairs(sets) do
    if not records.is_of_zone(set, zone) then
      return kit.refuse("HostedZoneNotEmpty",
        "The specified hosted zone contains non-required resource record sets and so cannot be deleted.")
    end
  end
  for _, set in ipairs(sets) do
    call.w:remove(set)
  end
  call.w:remove(zone)
  return { ChangeInfo = begin_change(call) }
end)

operations.GetDNSSEC = at_zone("HostedZoneId", function()
  return { Status = { ServeSignature = "NOT_SIGNING" }, KeySigningKeys = data.list({}) }
end)

-- Records and changes ----------------------------------------------------------------------------

operations.ChangeResourceRecordSets = at_zone("HostedZoneId", function(call, zone, p)
  local ok, e = records.change(call, zone, p.ChangeBatch and p.ChangeBatch.Changes or {})
  if not ok then
    return nil, e
  end
  return { ChangeInfo = begin_change(call, p.ChangeBatch.Comment) }
end)

operations.ListResourceRecordSets = at_zone("HostedZoneId", function(call, zone, p)
  local size, e = page_size(p, RECORDS_PAGE)
  if not size then
    return nil, e
  end
  local list, first
  list, first, e = records.list(call, zone, p.StartRecordName, p.StartRecordType)
  if not list then
    return nil, e
  end
  local out = data.list({})
  for i = first, math.min(#list, first + size - 1) do
    out[#out + 1] = records.view(list[i])
  end
  local following = list[first + size]
  return {
    ResourceRecordSets = out, IsTruncated = following ~= nil, MaxItems = tostring(size),
    NextRecordName = following and records.written(following.name), NextRecordType = following and following.type,
  }
end)

function operations.GetChange(call, p)
  local id = tostring(p.Id):match("[^/]+$") or ""
  local change = call.w:get("dns_change", id)
  if not change then
    return absent("NoSuchChange", "A change with ID %s does not exist.", id)
  end
  return { ChangeInfo = change_view(change) }
end

-- Tags -------------------------------------------------------------------------------------------

local function tagged(call, type_name, id)
  if type_name ~= "hostedzone" then
    return kit.refuse("InvalidInput", "The simulator has tags of hosted zones only, not of a %s", tostring(type_name))
  end
  return zone_of(call, id)
end

function operations.ChangeTagsForResource(call, p)
  local zone, e = tagged(call, p.ResourceType, p.ResourceId)
  if not zone then
    return nil, e
  end
  local labels
  labels, e = kit.labels(p.AddTags, zone.labels)
  if not labels then
    e.wire.code = "InvalidInput"
    return nil, e
  end
  for _, key in ipairs(p.RemoveTagKeys or {}) do
    labels[key] = nil
  end
  if #data.keys(labels) > TAGS then
    return kit.refuse("InvalidInput", "A resource can have %d tags at most.", TAGS)
  end
  call.w:change(zone, { labels = labels })
  return {}
end

local function tags_view(zone)
  return { ResourceType = "hostedzone", ResourceId = zone.id, Tags = kit.tags(zone.labels) }
end

function operations.ListTagsForResource(call, p)
  local zone, e = tagged(call, p.ResourceType, p.ResourceId)
  if not zone then
    return nil, e
  end
  return { ResourceTagSet = tags_view(zone) }
end

function operations.ListTagsForResources(call, p)
  local out = data.list({})
  if #(p.ResourceIds or {}) > TAGGED then
    return kit.refuse("InvalidInput", "%d resources at most can be asked for at once.", TAGGED)
  end
  for i, id in ipairs(p.ResourceIds or {}) do
    local zone, e = tagged(call, p.ResourceType, id)
    if not zone then
      return nil, e
    end
    out[i] = tags_view(zone)
  end
  return { ResourceTagSets = out }
end

return M
