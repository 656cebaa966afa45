--- Sets of records of the simulated Route 53: names as it writes them, what it takes for a value, batches of changes.

local data = require("core.data")
local ipam = require("prov.machine.ipam")
local kit = require("prov.simulate.aws.kit")

local M = {}

--- The zone that the simulated load balancers are in.
local BALANCERS = "Z00000000SIMULATED"

local TYPES = {}
for name in ("A AAAA CAA CNAME DS HTTPS MX NAPTR NS PTR SOA SPF SRV SSHFP SVCB TLSA TXT"):gmatch("%S+") do
  TYPES[name] = true
end

-- Names ------------------------------------------------------------------------------------------

--- The name in small letters, without the dot behind it and with its escapes resolved; nil when it is none.
---@param text any
---@return string?
function M.read_name(text)
  if type(text) ~= "string" or text == "" or #text > 1024 then
    return nil
  end
  local name = text:gsub("\\(%d%d%d)", function(octal)
    return string.char(tonumber(octal, 8) & 255)
  end):gsub("%.$", ""):lower()
  for label in (name .. "."):gmatch("([^.]*)%.") do
    if label == "" or #label > 63 then
      return nil
    end
  end
  return name
end

--- The name as answers have it: a dot behind it, and \052 for what is neither a letter, digit, - nor _.
function M.written(name)
  return (name:gsub("[^%w%-_.]", function(c)
    return ("\\%03o"):format(c:byte())
  end)) .. "."
end

--- True for what can be the name of a zone.
function M.is_domain(name)
  return name:find(".", 1, true) ~= nil and not name:find("[*%c\128-\255 ]")
end

--- A name by which names sort as Route 53 sorts them: org.example.www.
function M.reversed(name)
  local labels = {}
  for label in name:gmatch("[^.]+") do
    table.insert(labels, 1, label)
  end
  return table.concat(labels, "\0")
end

local function is_below(name, zone)
  return name == zone.name or name:sub(-#zone.name - 1) == "." .. zone.name
end

--- True for what Route 53 makes with a zone and keeps.
function M.is_of_zone(set, zone)
  return set.name == zone.name and (set.type == "NS" or set.type == "SOA")
end

-- Values -----------------------------------------------------------------------------------------

local function is_ip4(text)
  return ipam.parse(text) ~= nil
end

local function is_ip6(text)
  return text:find("^[%x:.]+$") ~= nil and text:find(":", 1, true) ~= nil and not text:find(":::", 1, true)
end

local function is_text(text)
  for piece in text:gmatch('"[^"\\]*"') do
    if #piece > 257 then
      return false
    end
  end
  return text:find('^".*"$') ~= nil
end

local function is_name(text)
  return text:find("^[%w_*][%w%-_.*\\]*%.?$") ~= nil
end

--- What values are, and what is said of one that is not.
local VALUES = {
  A = { is_ip4, "ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address" },
  AAAA = { is_ip6, "AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address" },
  TXT = { is_text, "InvalidCharacterString", "Value should be enclosed in quotation marks" },
  SPF = { is_text, "InvalidCharacterString", "Value should be enclosed in quotation marks" },
  CNAME = { is_name, "DomainLabelEmpty", "Domain label is empty" },
  NS = { is_name, "DomainLabelEmpty", "Domain label is empty" },
  PTR = { is_name, "DomainLabelEmpty", "Domain label is empty" },
  MX = {
    function(text)
      local n, name = text:match("^(%d+)%s+(%S+)$")
      return n ~= nil and tonumber(n) < 65536 and is_name(name)
    end,
    "MXRRDATANotTwoFields", "MX record doesn't have 2 fields",
  },
  SRV = {
    function(text)
      return text:find("^%d+%s+%d+%s+%d+%s+%S+$") ~= nil
    end,
    "SRVRRDATANotFourFields", "SRV record doesn't have 4 fields",
  },
  CAA = {
    function(text)
      return text:find('^%d+%s+%w+%s+".*"$') ~= nil
    end,
    "CAARRDATANotThreeFields", "CAA record doesn't have 3 fields",
  },
}

local function bad_value(kind, value)
  local known = VALUES[kind]
  if known and not known[1](value) then
    return ("Invalid Resource Record: 'FATAL problem: %s (%s) encountered with '%s''"):format(known[2], known[3], value)
  end
end

-- Looking ----------------------------------------------------------------------------------------

local function key_of(zone, name, kind)
  return ("%s/%s/%s"):format(zone.id, name, kind)
end

--- A set as answers show it.
function M.view(set)
  local values
  if set.values then
    values = data.list({})
    for i, value in ipairs(set.values) do
      values[i] = { Value = value }
    end
  end
  return {
    Name = M.written(set.name), Type = set.type, TTL = set.ttl, ResourceRecords = values,
    AliasTarget = set.alias and {
      HostedZoneId = set.alias.zone, DNSName = set.alias.name .. ".", EvaluateTargetHealth = set.alias.evaluate,
    } or nil,
  }
end

--- The sets of a zone in the order of their names, and where a page begins.
---@return prov.simulate.Object[]? sets, integer|nil first, prov.Err?
function M.list(call, zone, from_name, from_type)
  local out = call.w:holders(zone, "record_set")
  local order = {}
  for i = #out, 1, -1 do
    if not call.w:get("record_set", out[i].id) then -- a stale read
      table.remove(out, i)
    else
      order[out[i]] = M.reversed(out[i].name)
    end
  end
  table.sort(out, function(a, b)
    return order[a] < order[b] or order[a] == order[b] and a.type < b.type
  end)
  if from_type and not from_name then
    local _, e = kit.refuse("InvalidInput", "The request contains a type without a name")
    return nil, nil, e
  end
  local name, first = from_name and M.read_name(from_name), 1
  if from_name and not name then
    local _, e = kit.refuse("InvalidInput", "The name %s is not valid", from_name)
    return nil, nil, e
  end
  local from = name and M.reversed(name)
  while from and out[first] and (order[out[first]] < from
    or order[out[first]] == from and from_type and out[first].type < from_type) do
    first = first + 1
  end
  return out, first
end

local function add(call, zone, fields)
  fields.key = key_of(zone, fields.name, fields.type)
  fields.zone, fields.id = zone.id, "R" .. call.w.world:hex(12):upper()
  return call.w:add("record_set", fields)
end

--- Makes the sets that every zone has.
function M.begin_zone(call, zone)
  add(call, zone, { name = zone.name, type = "NS", ttl = 172800, values = {} })
  local set = call.w:find("record_set", key_of(zone, zone.name, "NS"), "key")
  for i, server in ipairs(zone.servers) do
    set.values[i] = server .. "."
  end
  add(call, zone, { name = zone.name, type = "SOA", ttl = 900,
    values = { zone.servers[1] .. ". awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400" } })
end

-- Changes ----------------------------------------------------------------------------------------

--- What is wrong with the form of a change, as text; AWS looks at that before anything else.
local function bad_form(change)
  local set = change.ResourceRecordSet or {}
  local where = ("Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]"):format(tostring(change.Action),
    tostring(set.Name), tostring(set.Type), tostring(set.SetIdentifier or "null"))
  if not ({ CREATE = true, DELETE = true, UPSERT = true })[change.Action or ""] then
    return ("Invalid action in %s"):format(where)
  elseif not TYPES[set.Type or ""] then
    return ("Invalid type in %s"):format(where)
  end
  for _, field in ipairs({ "SetIdentifier", "Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer",
    "HealthCheckId", "TrafficPolicyInstanceId", "CidrRoutingConfig", "GeoProximityLocation" }) do
    if set[field] ~= nil then
      return ("The simulator knows simple routing only, no %s in %s"):format(field, where)
    end
  end
  if set.AliasTarget then
    return (set.TTL or #(set.ResourceRecords or {}) > 0)
      and ("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
        .. "TrafficPolicyInstanceId], but found more than one in %s"):format(where) or nil
  elseif not set.TTL then
    return ("Invalid request: Missing field 'TTL' in %s"):format(where)
  elseif #(set.ResourceRecords or {}) == 0 then
    return ("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
      .. "TrafficPolicyInstanceId], but found none in %s"):format(where)
  end
end

--- What a set is to be.
local function fields_of(set, name)
  local fields = { name = name, type = set.Type, ttl = set.TTL }
  if set.AliasTarget then
    local target = set.AliasTarget
    fields.alias = { zone = target.HostedZoneId, name = M.read_name(target.DNSName) or "",
      evaluate = target.EvaluateTargetHealth or false }
    return fields
  end
  fields.values = {}
  for i, record in ipairs(set.ResourceRecords) do
    fields.values[i] = record.Value or ""
  end
  return fields
end

--- What is wrong with an alias: what it leads to must be there.
local function bad_alias(call, zone, fields)
  local target = fields.alias
  if target.zone == BALANCERS then
    local name = target.name:gsub("^dualstack%.", "")
    for _, balancer in ipairs(call.w:list("balancer", true)) do
      if balancer.dns:lower() == name then
        return nil
      end
    end
  elseif target.zone == zone.id and call.w:find("record_set", key_of(zone, target.name, fields.type), "key") then
    return nil
  end
  return ("Tried to create an alias that targets %s., type %s in zone %s, but the alias target name does not lie "
    .. "within the target zone"):format(target.name, fields.type, tostring(target.zone))
end

--- What is wrong with a set in its zone.
local function bad_set(call, zone, fields)
  local written = M.written(fields.name)
  if fields.type == "CNAME" and fields.name == zone.name then
    return ("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s"):format(written,
      M.written(zone.name))
  end
  for _, set in ipairs(call.w:holders(zone, "record_set")) do
    local is_other = set.name == fields.name and set.type ~= fields.type
    if is_other and (set.type == "CNAME" or fields.type == "CNAME") then
      return ("RRSet of type %s with DNS name %s is not permitted as it conflicts with other records with the same DNS "
        .. "name in zone %s"):format(fields.type, written, M.written(zone.name))
    end
  end
  if fields.alias then
    return bad_alias(call, zone, fields)
  elseif fields.type == "CNAME" and #fields.values > 1 then
    return ("RRSet of type CNAME with DNS name %s may have one value"):format(written)
  end
  local seen = {}
  for _, value in ipairs(fields.values) do
    local why = bad_value(fields.type, value)
    if why or seen[value] then
      return why or ("Duplicate Resource Record: '%s'"):format(value)
    end
    seen[value] = true
  end
end

local function sorted(values)
  local out = table.move(values or {}, 1, #(values or {}), 1, {})
  table.sort(out)
  return table.concat(out, "\0")
end

local function is_same(set, fields)
  local a, b = set.alias, fields.alias
  return set.ttl == fields.ttl and sorted(set.values) == sorted(fields.values) and (a == nil) == (b == nil)
    and (a == nil or a.zone == b.zone and a.name == b.name)
end

local function remove(call, zone, set, fields, written)
  local tried = ("Tried to delete resource record set [name='%s', type='%s']"):format(written, fields.type)
  if not set then
    return tried .. " but it was not found"
  elseif not is_same(set, fields) then
    return tried .. " but the values provided do not match the current values"
  elseif M.is_of_zone(set, zone) then
    return set.type == "NS" and "A HostedZone must contain at least one NS record for the zone itself."
      or "A HostedZone must contain exactly one SOA record."
  end
  call.w:remove(set)
end

--- Does one change; what is wrong with it as text.
local function apply(call, zone, change)
  local asked = change.ResourceRecordSet
  local name = M.read_name(asked.Name)
  if not name or not is_below(name, zone) then
    return ("RRSet with DNS name %s is not permitted in zone %s"):format(tostring(asked.Name), M.written(zone.name))
  end
  local fields, written = fields_of(asked, name), M.written(name)
  local set = call.w:find("record_set", key_of(zone, name, fields.type), "key")
  if change.Action == "DELETE" then
    return remove(call, zone, set, fields, written)
  elseif change.Action == "CREATE" and set then
    return ("Tried to create resource record set [name='%s', type='%s'] but it already exists"):format(written,
      fields.type)
  end
  local why = bad_set(call, zone, fields)
  if why then
    return why
  elseif set then
    call.w:change(set, { ttl = fields.ttl or kit.NONE, values = fields.values or kit.NONE,
      alias = fields.alias or kit.NONE })
  else
    local _, e = add(call, zone, fields)
    return e and e.msg
  end
end

--- Does a batch of changes, all of them or none.
---@return true?, prov.Err?
function M.change(call, zone, changes)
  if #changes == 0 or #changes > 1000 then
    return kit.refuse("InvalidInput", "A batch has 1 to 1000 changes")
  end
  for _, change in ipairs(changes) do
    local why = bad_form(change)
    if why then
      return kit.refuse("InvalidInput", "%s", why)
    end
  end
  local messages = {}
  for _, change in ipairs(changes) do
    messages[#messages + 1] = apply(call, zone, change)
  end
  if messages[1] then
    return kit.refuse("InvalidChangeBatch", "[%s]", table.concat(messages, ", "))
  end
  return true
end

return M
