--- DNS records: all values of one name and type. A record's id is "<zone>/<name>/<type>", such as "42/www/A".

local api = require("api")
local common = require("common")

local M = {}

--- A text as the zone file has it: in quotes, in pieces of 255 bytes.
local function quoted(text)
  if text:sub(1, 1) == '"' then
    return text
  end
  local out = {}
  for from = 1, math.max(1, #text), 255 do
    out[#out + 1] = '"' .. text:sub(from, from + 254):gsub('[\\"]', "\\%0") .. '"'
  end
  return table.concat(out, " ")
end

--- The values in the API's words, in one order.
local function to_api(ctx, values, kind)
  local out = ctx.json.list({})
  for i, v in ipairs(values or {}) do
    out[i] = { value = kind == "TXT" and quoted(v) or v }
  end
  table.sort(out, function(a, b)
    return a.value < b.value
  end)
  return out
end

local function seen_values(ctx, records)
  local out = ctx.json.list({})
  for i, record in ipairs(records or {}) do
    out[i] = { value = record.value }
  end
  table.sort(out, function(a, b)
    return a.value < b.value
  end)
  return out
end

local function id_of(zone, name, kind)
  return ("%s/%s/%s"):format(tostring(zone), name, kind)
end

local function parts(ctx, id)
  local zone, name, kind = id:match("^([^/]+)/(.+)/(%u+)$")
  if not zone then
    error(ctx.error("invalid", ("'%s' is no id of a DNS record: it is such as 42/www/A"):format(id)))
  end
  return zone, name, kind
end

local function path_of(ctx, id)
  local zone, name, kind = parts(ctx, id)
  return ("/zones/%s/rrsets/%s/%s"):format(zone, name, kind)
end

--- The zone in the word it was asked for: its name, when that was it.
local function zone_of(ctx, set, recorded)
  local name, id = recorded.zone, tostring(set.zone)
  if type(name) ~= "string" or tonumber(name) then
    return id
  end
  local zone, e = ctx.cached("zone " .. name, function()
    local zone, e = api.get(ctx, "/zones/" .. name, "zone")
    return zone or not e and {} or nil, e
  end)
  if not zone then
    error(e, 0)
  end
  return tostring(zone.id) == id and name or id
end

local function state(ctx, set, recorded)
  return {
    id = id_of(set.zone, set.name, set.type),
    zone = zone_of(ctx, set, recorded),
    name = set.name,
    type = set.type,
    values = common.echo(ctx, recorded.values, function(values)
      return to_api(ctx, values, set.type)
    end, seen_values(ctx, set.records), function(records)
      local out = ctx.json.list({})
      for i, record in ipairs(records) do
        out[i] = record.value
      end
      return out
    end),
    ttl = set.ttl,
    labels = api.own_labels(set.labels),
    protected = set.protection and set.protection.change or false,
  }
end

local function look(ctx, id, recorded)
  local set, e = api.get(ctx, path_of(ctx, id), "rrset")
  if not set then
    return nil, e
  end
  return state(ctx, set, recorded), set
end

function M.read(ctx, id)
  local found, e = look(ctx, id, common.words(ctx))
  return found, not found and e or nil
end

local function sets_of(ctx, zone, key)
  return api.all(ctx, ("/zones/%s/rrsets"):format(tostring(zone)), "rrsets",
    key and { label_selector = ("%s==%s"):format(api.KEY, key) })
end

function M.find(ctx, key)
  local zones, e
  if ctx.want then
    zones = { { id = ctx.want.zone } }
  else
    zones, e = api.all(ctx, "/zones", "zones")
  end
  for _, zone in ipairs(zones or {}) do
    local sets
    sets, e = sets_of(ctx, zone.id, key)
    if not sets then
      return nil, e
    elseif sets[1] then
      return state(ctx, sets[1], ctx.want or {})
    end
  end
  return nil, e
end

--- What a zone is made with: who answers for it.
local function is_of_zone(set)
  return set.type == "SOA" or set.name == "@" and set.type == "NS"
end

function M.list(ctx)
  local zones, e = api.all(ctx, "/zones", "zones")
  if not zones then
    return nil, e
  end
  local out = {}
  for _, zone in ipairs(zones) do
    local sets
    sets, e = sets_of(ctx, zone.id)
    if not sets then
      return nil, e
    end
    for _, set in ipairs(sets) do
      local recorded = ctx.recorded_of and ctx.recorded_of(id_of(set.zone, set.name, set.type))
      local one = state(ctx, set, recorded or {})
      one.not_ours = not recorded and is_of_zone(set) or nil
      out[#out + 1] = one
    end
  end
  return out
end

local function protect(ctx, id, want, set)
  local is = set.protection and set.protection.change or false
  local wanted = want.protected or false
  return api.unless(is == wanted, api.act, ctx, path_of(ctx, id) .. "/actions/change_protection", { change = wanted })
end

function M.create(ctx, want)
  local path = ("/zones/%s/rrsets"):format(want.zone)
  local set, answer = api.create(ctx, path, "rrsets", "rrset", {
    name = want.name, type = want.type, ttl = want.ttl and math.tointeger(want.ttl),
    records = to_api(ctx, want.values, want.type), labels = api.labels(ctx, want.labels),
  })
  if not set then
    return nil, answer
  end
  local id = id_of(set.zone or want.zone, want.name, want.type)
  ctx.adopt(id)
  local ok, e
  if answer.lost then
    ok, e = api.settle(ctx, ("/zones/%s"):format(want.zone))
  else
    ok, e = api.wait(ctx, answer)
  end
  if ok and want.protected then
    ok, e = api.persist(ctx, function()
      return protect(ctx, id, want, set)
    end)
  end
  if not ok then
    return nil, e
  end
  return M.read(setmetatable({ recorded = want }, { __index = ctx }), id)
end

function M.update(ctx, id, want)
  local found, set = look(ctx, id, want)
  if not found then
    return nil, set or ctx.error("notfound", ("there is no DNS record %s"):format(id))
  end
  local path = path_of(ctx, id)
  local ttl = want.ttl and math.tointeger(want.ttl)
  local ok, e = api.steps(function()
    return api.unless(want.protected, protect, ctx, id, want, set)
  end, function()
    local labels = api.labels(ctx, want.labels, set.labels)
    return api.unless(common.equal(ctx, labels, set.labels), api.put, ctx, path, { labels = labels })
  end, function()
    local records = to_api(ctx, want.values, want.type)
    local same = common.equal(ctx, records, seen_values(ctx, set.records))
    return api.unless(same, api.act, ctx, path .. "/actions/set_records", { records = records })
  end, function()
    local same = ttl == set.ttl or not ttl and not (ctx.applied or {}).ttl
    return api.unless(same, api.act, ctx, path .. "/actions/change_ttl", { ttl = ttl or ctx.json.null })
  end, function()
    return api.unless(not want.protected, protect, ctx, id, want, set)
  end)
  if not ok then
    return nil, e
  end
  return M.read(setmetatable({ recorded = want }, { __index = ctx }), id)
end

function M.delete(ctx, id)
  local answer, e = api.client(ctx):delete(path_of(ctx, id))
  if answer then
    return api.wait(ctx, answer)
  elseif e.code == "notfound" then
    return true
  end
  return nil, e
end

return M
