--- DNS zones and their sets of records.

local actions = require("prov.simulate.hetzner.actions")
local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")
local lists = require("prov.simulate.hetzner.lists")
local resource = require("prov.simulate.hetzner.resource")
local world = require("prov.simulate.world")

local M = {}

local NONE = world.NONE

local TYPES = {
  "A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP", "SOA", "SRV", "SVCB", "TLSA", "TXT",
}

local NAMESERVERS = { "hydrogen.ns.simulated.example.", "oxygen.ns.simulated.example.", "helium.ns.simulated.example." }

local SOA = " dns.simulated.example. 1 86400 10800 3600000 3600"

local TTL = { type = "int", min = 60, max = 2147483647 }

local RECORDS = {
  type = "list",
  of = {
    type = "record",
    open = true,
    fields = { value = { type = "string", required = true, min = 1 }, comment = { type = "string" } },
  },
}

local RRSET = {
  name = { type = "string", required = true },
  type = { type = "enum", one_of = TYPES, required = true },
  ttl = TTL,
  records = RECORDS,
  labels = kit.LABELS,
}

-- ---- Views ----

local function zone_view(w, object)
  local count = 0
  for _, set in ipairs(w:holders(object, "rrset")) do
    count = count + #set.records
  end
  return {
    id = object.id,
    name = object.name,
    mode = object.mode,
    ttl = object.ttl,
    status = object.state,
    labels = object.labels,
    protection = resource.protection(object, { "delete" }),
    record_count = count,
    registrar = "unknown",
    authoritative_nameservers = {
      assigned = kit.map(NAMESERVERS),
      delegated = data.list({}),
      delegation_last_check = data.null,
      delegation_status = "unknown",
    },
    primary_nameservers = object.mode == "secondary" and kit.map(object.primary_nameservers) or nil,
    created = kit.time(object.created),
  }
end

local function rrset_view(_, set)
  return {
    id = set.name .. "/" .. set.type,
    name = set.name,
    type = set.type,
    ttl = kit.maybe(set.ttl),
    records = kit.map(set.records, function(record)
      return { value = record.value, comment = record.comment or "" }
    end),
    labels = set.labels,
    protection = resource.protection(set, { "change" }),
    zone = set.zone,
  }
end

-- ---- Sets of records ----

local function set_key(zone, name, kind)
  return ("%d/%s/%s"):format(zone.id, name:lower(), kind)
end

local function check_records(kind, records)
  local seen = {}
  if not records[1] then
    return kit.invalid("records", "must not be empty")
  end
  for i, record in ipairs(records) do
    if seen[record.value] then
      return kit.invalid(("records[%d].value"):format(i - 1), "is there twice")
    elseif kind == "A" and not record.value:find("^%d+%.%d+%.%d+%.%d+$") then
      return kit.invalid(("records[%d].value"):format(i - 1), "is not an IPv4 address")
    elseif kind == "AAAA" and not record.value:find(":", 1, true) then
      return kit.invalid(("records[%d].value"):format(i - 1), "is not an IPv6 address")
    elseif kind == "TXT" and not record.value:find('^".*"$') then
      return kit.invalid(("records[%d].value"):format(i - 1), "must be in double quotes")
    end
    seen[record.value] = true
  end
  if kind == "CNAME" and records[2] then
    return kit.invalid("records", "there can be one CNAME")
  end
  return true
end

local function add_set(w, zone, body)
  local ok, e = check_records(body.type, body.records or {})
  if not ok then
    return nil, e
  end
  return w:add("rrset", {
    key = set_key(zone, body.name, body.type),
    zone = zone.id,
    name = body.name:lower(),
    type = body.type,
    ttl = body.ttl,
    records = body.records,
    labels = body.labels or {},
  })
end

-- ---- Zones ----

local function find_zone(call)
  local wanted = call.params.zone
  local object = call.w:get("zone", wanted) or call.w:find("zone", wanted)
  if not object then
    return kit.absent("zone", wanted)
  end
  return object
end

local function with_zone(fn)
  return function(call)
    local zone, e = find_zone(call)
    if not zone then
      return nil, e
    end
    return fn(call, zone)
  end
end

local function create_zone(call)
  local w = call.w
  local body, e = kit.body(call, {
    name = { type = "hostname", required = true },
    mode = { type = "enum", one_of = { "primary", "secondary" }, required = true },
    ttl = { type = "int", min = 60, max = 2147483647, default = 3600 },
    labels = kit.LABELS,
    primary_nameservers = { type = "list", of = { type = "any" } },
    rrsets = { type = "list", of = { type = "record", fields = RRSET, open = true } },
  })
  local zone
  if body then
    zone, e = w:add("zone", {
      name = body.name:lower(),
      mode = body.mode,
      ttl = body.ttl,
      labels = body.labels or {},
      primary_nameservers = body.primary_nameservers,
      state = "ok",
    })
  end
  if not zone then
    return nil, e
  end
  local own = {
    { name = "@", type = "SOA", records = { { value = NAMESERVERS[1] .. SOA } } },
    { name = "@", type = "NS", records = kit.map(NAMESERVERS, function(name)
      return { value = name }
    end) },
  }
  for _, set in ipairs(table.move(body.rrsets or {}, 1, #(body.rrsets or {}), #own + 1, own)) do
    local ok, why = add_set(w, zone, set)
    if not ok then
      return nil, why
    end
  end
  local action = actions.begin(call, "create_zone", { on = { zone }, lock = { zone } })
  return 201, { zone = zone_view(w, zone), action = actions.view(w, action) }
end

local function update_zone(call, zone)
  local body, e = kit.body(call, { labels = kit.LABELS })
  if not body then
    return nil, e
  end
  call.w:change(zone, body)
  return 200, { zone = zone_view(call.w, zone) }
end

local function delete_zone(call, zone)
  local ok, e = resource.unprotected(zone, "delete")
  if not ok then
    return nil, e
  end
  for _, set in ipairs(call.w:holders(zone, "rrset")) do
    call.w:remove(set)
  end
  local action = actions.begin(call, "delete_zone", { on = { zone } })
  call.w:remove(zone)
  return 201, { action = actions.view(call.w, action) }
end

--- Refuses what is for primary zones only.
local function primary(zone)
  if zone.mode ~= "primary" then
    return kit.refuse(422, "incorrect_zone_mode", "zone is in secondary mode")
  end
  return true
end

local function acted(call, zone, command, status)
  return status or 201, { action = actions.view(call.w, actions.begin(call, command, { on = { zone } })) }
end

local ZONE_ACTIONS = {}

function ZONE_ACTIONS.change_ttl(call, zone)
  local body, e = kit.body(call, { ttl = { type = "int", min = 60, max = 2147483647, required = true } })
  local ok
  if body then
    ok, e = primary(zone)
  end
  if not ok then
    return nil, e
  end
  call.w:change(zone, { ttl = body.ttl })
  return acted(call, zone, "change_zone_ttl")
end

function ZONE_ACTIONS.change_protection(call, zone)
  local body, e = kit.body(call, { delete = { type = "bool" } })
  if not body then
    return nil, e
  end
  call.w:change(zone, { protected = { delete = body.delete or false } })
  return acted(call, zone, "change_zone_protection")
end

function ZONE_ACTIONS.change_primary_nameservers(call, zone)
  local body, e = kit.body(call, { primary_nameservers = { type = "list", of = { type = "any" }, required = true } })
  if not body then
    return nil, e
  elseif zone.mode ~= "secondary" then
    return kit.refuse(422, "incorrect_zone_mode", "zone is in primary mode")
  end
  call.w:change(zone, { primary_nameservers = body.primary_nameservers })
  return acted(call, zone, "change_zone_primary_nameservers")
end

-- ---- Requests about sets of records ----

local function list_sets(call, zone)
  return lists.answer(call, "rrsets", call.w:holders(zone, "rrset"), function(set)
    return rrset_view(call.w, set)
  end, { filters = { type = function(set)
    return set.type
  end } })
end

local function create_set(call, zone)
  local body, e = kit.body(call, RRSET)
  local ok, set
  if body then
    ok, e = primary(zone)
  end
  if ok then
    set, e = add_set(call.w, zone, body)
  end
  if not set then
    return nil, e
  end
  local action = actions.begin(call, "create_rrset", { on = { zone } })
  return 201, { rrset = rrset_view(call.w, set), action = actions.view(call.w, action) }
end

local function with_set(fn)
  return with_zone(function(call, zone)
    local name, kind = call.params.name, call.params.type
    local set = call.w:find("rrset", set_key(zone, name, kind), "key")
    if not set then
      return kit.refuse(404, "not_found", "rrset '%s/%s' not found", name, kind)
    end
    return fn(call, set, zone)
  end)
end

--- Changes the records of a set, unless that is forbidden.
local function changing(command, schema, fn, status)
  return with_set(function(call, set, zone)
    local body, e = kit.body(call, schema)
    local ok
    if body then
      ok, e = primary(zone)
    end
    if ok then
      ok, e = resource.unprotected(set, "change")
    end
    if ok then
      call.w:touch(set)
      ok, e = fn(call, set, body)
    end
    if not ok then
      return nil, e
    end
    return acted(call, zone, command, status)
  end)
end

local function at_value(set, value)
  for i, record in ipairs(set.records) do
    if record.value == value then
      return i
    end
  end
end

local SET_ACTIONS = {}

SET_ACTIONS.change_ttl = changing("change_rrset_ttl", { ttl = TTL }, function(call, set, body)
  call.w:change(set, { ttl = body.ttl or NONE })
  return true
end)

SET_ACTIONS.set_records = changing("set_rrset_records", { records = RECORDS }, function(_, set, body)
  local ok, e = check_records(set.type, body.records or {})
  set.records = ok and body.records or set.records
  return ok, e
end)

SET_ACTIONS.remove_records = changing("remove_rrset_records", { records = RECORDS }, function(call, set, body)
  for _, record in ipairs(body.records or {}) do
    local at = at_value(set, record.value)
    if not at then
      return kit.invalid("records", ("'%s' is not there"):format(record.value))
    end
    table.remove(set.records, at)
  end
  if not set.records[1] then
    call.w:remove(set)
  end
  return true
end)

SET_ACTIONS.update_records = changing("update_rrset_records", { records = RECORDS }, function(_, set, body)
  for _, record in ipairs(body.records or {}) do
    local at = at_value(set, record.value)
    if not at then
      return kit.invalid("records", ("'%s' is not there"):format(record.value))
    end
    set.records[at].comment = record.comment
  end
  return true
end, 200) -- unlike its siblings, in the OpenAPI as well

SET_ACTIONS.change_protection = with_set(function(call, set, zone)
  local body, e = kit.body(call, { change = { type = "bool", required = true } })
  if not body then
    return nil, e
  end
  call.w:change(set, { protected = { change = body.change } })
  return acted(call, zone, "change_rrset_protection")
end)

--- Adds to a set, which is made when there is none.
SET_ACTIONS.add_records = with_zone(function(call, zone)
  local body, e = kit.body(call, { records = RECORDS, ttl = TTL })
  local name, kind = call.params.name, call.params.type
  local set = call.w:find("rrset", set_key(zone, name, kind), "key")
  local ok
  if body then
    ok, e = primary(zone)
  end
  if ok and not set then
    ok, e = add_set(call.w, zone, { name = name, type = kind, ttl = body.ttl, records = body.records })
  elseif ok then
    ok, e = resource.unprotected(set, "change")
    local all = kit.map(set.records)
    table.move(body.records or {}, 1, #(body.records or {}), #all + 1, all)
    if ok then
      ok, e = check_records(kind, all)
    end
    if ok then
      call.w:change(set, { records = all, ttl = body.ttl })
    end
  end
  if not ok then
    return nil, e
  end
  return acted(call, zone, "add_rrset_records")
end)

local function update_set(call, set)
  local body, e = kit.body(call, { labels = kit.LABELS })
  if not body then
    return nil, e
  end
  call.w:change(set, body)
  return 200, { rrset = rrset_view(call.w, set) }
end

local function delete_set(call, set, zone)
  local ok, e = resource.unprotected(set, "change")
  if not ok then
    return nil, e
  end
  call.w:remove(set)
  return acted(call, zone, "delete_rrset")
end

-- ---- Routes ----

--- All routes about zones.
---@return table[]
function M.routes()
  local out = {}
  local function add(method, path, name, run)
    out[#out + 1] = { method = method, path = "/v1/zones" .. path, operation = name, run = run }
  end
  add("GET", "", "zone.list", function(call)
    return lists.answer(call, "zones", call.w:list("zone"), function(zone)
      return zone_view(call.w, zone)
    end, { filters = { mode = function(zone)
      return zone.mode
    end } })
  end)
  add("POST", "", "zone.create", create_zone)
  add("GET", "/actions", "zone.actions", function(call)
    return resource.list_actions(call, "zone")
  end)
  add("GET", "/actions/{id}", "zone.action", function(call)
    return resource.get_action(call, "zone")
  end)
  add("GET", "/{zone}", "zone.get", with_zone(function(call, zone)
    return 200, { zone = zone_view(call.w, zone) }
  end))
  add("PUT", "/{zone}", "zone.update", with_zone(update_zone))
  add("DELETE", "/{zone}", "zone.delete", with_zone(delete_zone))
  add("GET", "/{zone}/actions", "zone.actions_of", with_zone(function(call, zone)
    return resource.list_actions(call, "zone", zone.id)
  end))
  add("GET", "/{zone}/actions/{action_id}", "zone.action_of", with_zone(function(call, zone)
    return resource.get_action(call, "zone", zone.id)
  end))
  for name, fn in pairs(ZONE_ACTIONS) do
    add("POST", "/{zone}/actions/" .. name, "zone." .. name, with_zone(fn))
  end
  add("GET", "/{zone}/rrsets", "rrset.list", with_zone(list_sets))
  add("POST", "/{zone}/rrsets", "rrset.create", with_zone(create_set))
  local one = "/{zone}/rrsets/{name}/{type}"
  add("GET", one, "rrset.get", with_set(function(call, set)
    return 200, { rrset = rrset_view(call.w, set) }
  end))
  add("PUT", one, "rrset.update", with_set(update_set))
  add("DELETE", one, "rrset.delete", with_set(delete_set))
  for name, fn in pairs(SET_ACTIONS) do
    add("POST", one .. "/actions/" .. name, "rrset." .. name, fn)
  end
  return out
end

return M
