--- DNS records: all values of one name and type in a zone of Route 53. A record's id is "<zone>/<name>/<type>", such as
--- "Z0123/www/A". Records have no tags, so nobody can tell whose one is: what is there when one is to be made is never
--- written over, and what is there after a lost answer is ours when it is what was wanted.

local api = require("api")
local route53 = require("route53")

local TTL = 300

local M = {}

-- Names and values -------------------------------------------------------------------------------

--- A text as Route 53 wants it: in quotes, in pieces of 255 bytes, what is not ASCII as \303.
local function quoted(text)
  if text:sub(1, 1) == '"' then
    return text
  end
  local out = {}
  for from = 1, math.max(1, #text), 255 do
    local piece = text:sub(from, from + 254):gsub('[\\"]', "\\%0"):gsub("[^\32-\126]", function(c)
      return ("\\%03o"):format(c:byte())
    end)
    out[#out + 1] = '"' .. piece .. '"'
  end
  return table.concat(out, " ")
end

local TEXTS = { TXT = true, SPF = true }

local function to_api(v, kind)
  return TEXTS[kind] and quoted(v) or v
end

--- Types whose values are names, alone or at the end.
local NAMES = { CNAME = true, MX = true, NS = true, PTR = true, SRV = true }

--- A value in the form in which those that mean the same are the same.
local function normal(v, kind)
  if TEXTS[kind] then
    return quoted(v)
  end
  v = v:gsub("%s+", " "):match("^%s*(.-)%s*$")
  return NAMES[kind] and v:lower():gsub("%.$", "") or kind == "AAAA" and v:lower() or v
end

--- Values in one order and form, to compare.
local function canonical(ctx, values, kind)
  local out = ctx.json.list({})
  for i, v in ipairs(values or {}) do
    out[i] = (normal(v, kind))
  end
  table.sort(out)
  return out
end

local function id_of(zone, name, kind)
  return ("%s/%s/%s"):format(zone, name, kind)
end

local function parts(ctx, id)
  local zone, name, kind = id:match("^([^/]+)/(.+)/(%u+)$")
  if not zone then
    error(ctx.error("invalid", ("'%s' is no id of a DNS record: it is such as Z0123456789/www/A"):format(id)))
  end
  return zone, name, kind
end

--- The name of a zone, which never changes.
local function zone_name(ctx, zone)
  return ctx.cached("name of zone " .. zone, function()
    local answer, e = route53.call(ctx, "GetHostedZone", { Id = zone })
    return answer and route53.name(answer.HostedZone.Name), e
  end)
end

--- The whole name of a record.
local function full_name(name, zone)
  return (name == "@" and zone or name:lower() .. "." .. zone) .. "."
end

--- The name of a set in its zone; nil when it is not below it.
local function name_in(set, zone)
  local name = route53.name(set.Name)
  return name == zone and "@" or name:sub(-#zone - 1) == "." .. zone and name:sub(1, -#zone - 2) or nil
end

-- Load balancers ---------------------------------------------------------------------------------

--- The load balancer that an alias leads to: its name and the zone that it is in.
local function balancer(ctx, arn)
  return ctx.cached("balancer " .. arn, function()
    local answer, e = api.elb(ctx, "DescribeLoadBalancers", { LoadBalancerArns = { arn } })
    local found = answer and answer.LoadBalancers[1]
    if not found then
      return nil, e or ctx.error("notfound", "there is no load balancer " .. arn)
    end
    return { DNSName = found.DNSName, HostedZoneId = found.CanonicalHostedZoneId, EvaluateTargetHealth = false }
  end)
end

--- The alias in the words of what was asked for, when it leads there; else the name that it leads to.
---@return string? alias, prov.Err?
local function alias_of(ctx, target, known)
  if not target then
    return nil
  end
  local name = route53.name(target.DNSName)
  local asked, e
  if known then
    asked, e = balancer(ctx, known)
    if not asked and e.code ~= "notfound" then
      return nil, e
    end
  end
  local is_same = asked and route53.name(asked.DNSName) == name:gsub("^dualstack%.", "")
  return is_same and known or name
end

-- Looking ----------------------------------------------------------------------------------------

local function values_of(ctx, set, known)
  local out = ctx.json.list({})
  for i, record in ipairs(set.ResourceRecords or {}) do
    out[i] = record.Value
  end
  if known.values and api.equal(ctx, canonical(ctx, out, set.Type), canonical(ctx, known.values, set.Type)) then
    return known.values
  end
  return out
end

local function state(ctx, zone, name, set, known)
  local is_alias = set.AliasTarget ~= nil
  local alias, e = alias_of(ctx, set.AliasTarget, known.alias)
  if e then
    return nil, e
  end
  return {
    id = id_of(zone, name, set.Type),
    zone = zone,
    name = known.name and known.name:lower() == name and known.name or name,
    type = set.Type,
    values = not is_alias and values_of(ctx, set, known) or nil,
    ttl = set.TTL,
    alias = alias,
  }
end

--- The set of a name and type in a zone; nil alone when there is none.
local function look(ctx, zone, name, kind)
  local origin, e = zone_name(ctx, zone)
  if not origin then
    return nil, e.code ~= "notfound" and e or nil -- the zone is gone, and with it what was in it
  end
  local full = full_name(name, origin)
  local answer
  answer, e = route53.call(ctx, "ListResourceRecordSets", { HostedZoneId = zone, StartRecordName = full,
    StartRecordType = kind, MaxItems = "1" })
  if not answer then
    return nil, e.code ~= "notfound" and e or nil
  end
  local set = answer.ResourceRecordSets[1]
  if not set or set.Type ~= kind or route53.name(set.Name) ~= route53.name(full) then
    return nil
  elseif set.SetIdentifier then
    return ctx.fail("conflict", "%s %s has a routing policy, which prov knows nothing of", route53.name(full), kind)
  end
  return set
end

function M.read(ctx, id)
  local zone, name, kind = parts(ctx, id)
  local set, e = look(ctx, zone, name, kind)
  if not set then
    return nil, e
  end
  return state(ctx, zone, name, set, ctx.recorded or {})
end

--- True when a set is what is wanted.
local function is_wanted(ctx, set, want)
  if want.alias then
    return set.AliasTarget ~= nil and alias_of(ctx, set.AliasTarget, want.alias) == want.alias
  end
  return not set.AliasTarget and set.TTL == (want.ttl or TTL)
    and api.equal(ctx, canonical(ctx, values_of(ctx, set, {}), set.Type), canonical(ctx, want.values, set.Type))
end

--- What was wanted and is there: made by a try that nobody answered.
function M.find(ctx, _)
  local want = ctx.want
  if not want then
    return nil
  end
  local set, e = look(ctx, want.zone, want.name:lower(), want.type)
  if not set then
    return nil, e
  end
  if is_wanted(ctx, set, want) then
    return state(ctx, want.zone, want.name:lower(), set, want)
  end
end

function M.list(ctx)
  local zones, e = route53.all(ctx, "ListHostedZones", { MaxItems = "100" }, "HostedZones")
  if not zones then
    return nil, e
  end
  local out = ctx.json.list({})
  for _, zone in ipairs(zones) do
    local id, origin = route53.id(zone.Id), route53.name(zone.Name)
    local is_private = zone.Config and zone.Config.PrivateZone
    local sets
    if not is_private then
      sets, e = route53.all(ctx, "ListResourceRecordSets", { HostedZoneId = id }, "ResourceRecordSets")
    end
    if not sets and not is_private and e.code ~= "notfound" then
      return nil, e
    end
    for _, set in ipairs(sets or {}) do
      local name = name_in(set, origin)
      if name and not set.SetIdentifier and not route53.is_of_zone(set, zone.Name) then
        local known = ctx.recorded_of and ctx.recorded_of(id_of(id, name, set.Type)) or {}
        out[#out + 1], e = state(ctx, id, name, set, known)
        if e then
          return nil, e
        end
      end
    end
  end
  return out
end

-- Changing ---------------------------------------------------------------------------------------

--- The set that is wanted, as Route 53 takes it.
local function wanted(ctx, want)
  local origin, e = zone_name(ctx, want.zone)
  if not origin then
    return nil, e
  end
  local set = { Name = full_name(want.name, origin), Type = want.type }
  if want.alias then
    set.AliasTarget, e = balancer(ctx, want.alias)
    return set.AliasTarget and set, e
  end
  set.TTL, set.ResourceRecords = math.tointeger(want.ttl or TTL), {}
  for i, v in ipairs(want.values or {}) do
    set.ResourceRecords[i] = { Value = to_api(v, want.type) }
  end
  return set
end

local function change(ctx, zone, action, set)
  local answer, e = route53.call(ctx, "ChangeResourceRecordSets", { HostedZoneId = zone,
    ChangeBatch = { Changes = { { Action = action, ResourceRecordSet = set } } } })
  return answer and answer.ChangeInfo, e
end

--- Waits until all name servers of Route 53 know a change.
local function in_sync(ctx, info)
  if info.Status == "INSYNC" then
    return true
  end
  return ctx.watch("DNS change", route53.id(info.Id), {
    read = function(ids)
      local out = {}
      for _, id in ipairs(ids) do
        local answer, e = route53.call(ctx, "GetChange", { Id = id })
        if not answer then
          return nil, e
        end
        out[id] = answer.ChangeInfo
      end
      return out
    end,
    done = function(found)
      return found and found.Status == "INSYNC" or nil
    end,
    batch = 10, every = ctx.config.poll, max = 15, timeout = 600,
  })
end

--- What a creation says of a record that is there: it may be anybody's.
local function not_ours(ctx, want, e)
  if api.code(e) == "InvalidChangeBatch" and e.msg:find("already exists", 1, true) then
    e.code = "conflict"
    e.hint = ("prov writes over nothing; 'prov import %s %s' takes it over"):format(ctx.address,
      id_of(want.zone, want.name:lower(), want.type))
  end
  return e
end

function M.create(ctx, want)
  local set, e = wanted(ctx, want)
  if not set then
    return nil, e
  end
  local info
  info, e = api.made(ctx, function()
    local done, failure = change(ctx, want.zone, "CREATE", set)
    return done, not done and not_ours(ctx, want, failure) or nil
  end, function()
    local found, failure = look(ctx, want.zone, want.name:lower(), want.type)
    return found and is_wanted(ctx, found, want) and { Status = "INSYNC" } or nil, failure
  end)
  if not info then
    return nil, e
  end
  local id = id_of(want.zone, want.name:lower(), want.type)
  ctx.adopt(id)
  local ok
  ok, e = in_sync(ctx, info)
  if not ok then
    return nil, e
  end
  return state(ctx, want.zone, want.name:lower(), set, want)
end

function M.update(ctx, id, want)
  local zone, name, kind = parts(ctx, id)
  local found, e = look(ctx, zone, name, kind)
  if not found then
    return nil, e or ctx.error("notfound", ("there is no DNS record %s"):format(id))
  end
  local set
  set, e = wanted(ctx, want)
  if not set then
    return nil, e
  end
  if not is_wanted(ctx, found, want) then
    local info, ok
    info, e = change(ctx, zone, "UPSERT", set)
    ok = info
    if info then
      ok, e = in_sync(ctx, info)
    end
    if not ok then
      return nil, e
    end
  end
  return state(ctx, zone, name, set, want)
end

--- Deletes what is there now: Route 53 wants it said in full. Somebody may have changed it in between.
function M.delete(ctx, id)
  local zone, name, kind = parts(ctx, id)
  local failure
  for _ = 1, 2 do
    local set, e = look(ctx, zone, name, kind)
    if not set then
      return not e or nil, e
    end
    local done
    done, failure = change(ctx, zone, "DELETE", set)
    if done then
      return true
    elseif api.code(failure) ~= "InvalidChangeBatch" then
      break
    end
  end
  return nil, failure
end

return M
