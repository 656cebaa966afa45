--- Firewall rules of servers of the simulated UpCloud: a list with positions.

local data = require("core.data")
local kit = require("prov.simulate.upcloud.kit")
local servers = require("prov.simulate.upcloud.servers")

local M = {}

local RULE = {
  "action", "comment", "destination_address_end", "destination_address_start", "destination_port_end",
  "destination_port_start", "direction", "family", "icmp_type", "protocol", "source_address_end",
  "source_address_start", "source_port_end", "source_port_start",
}
local ACTIONS = { accept = true, drop = true, reject = true }
local DIRECTIONS = { ["in"] = true, out = true }

local function read_rule(given)
  if type(given) ~= "table" or not ACTIONS[given.action] then
    return kit.refuse(400, "ACTION_INVALID", "The action of the firewall rule is invalid.")
  elseif not DIRECTIONS[given.direction] then
    return kit.refuse(400, "DIRECTION_INVALID", "The direction of the firewall rule is invalid.")
  elseif given.protocol and not given.family then
    return kit.refuse(400, "FAMILY_MISSING", "A rule with a protocol needs a family.")
  elseif given.destination_port_start and given.protocol ~= "tcp" and given.protocol ~= "udp" then
    return kit.refuse(400, "PROTOCOL_INVALID", "A rule with ports needs the protocol tcp or udp.")
  end
  local out = {}
  for _, field in ipairs(RULE) do
    local v = given[field]
    out[field] = (type(v) == "string" and v ~= "" or type(v) == "number") and tostring(v) or nil
  end
  return out
end

local function rule_view(rule, position)
  local out = { position = tostring(position) }
  for _, field in ipairs(RULE) do
    out[field] = rule[field] or ""
  end
  return out
end

local function list_rules(call)
  local object, e = kit.get(call, "server")
  if not object then
    return nil, e
  end
  local out = data.list({})
  for i, rule in ipairs(object.rules) do
    out[i] = rule_view(rule, i)
  end
  return 200, { firewall_rules = { firewall_rule = out } }
end

local function add_rule(call)
  local object, e = servers.in_state(call, servers.SETTLED)
  local body, rule
  if object then
    body, e = kit.body(call, "firewall_rule")
  end
  if body then
    rule, e = read_rule(body)
  end
  if not rule then
    return nil, e
  end
  local at = math.max(1, math.min(#object.rules + 1, kit.number(body.position) or #object.rules + 1))
  call.w:touch(object)
  table.insert(object.rules, at, rule)
  return 201, { firewall_rule = rule_view(rule, at) }
end

local function put_rules(call)
  local object, e = servers.in_state(call, servers.SETTLED)
  local body
  if object then
    body, e = kit.body(call, "firewall_rules")
  end
  if not body then
    return nil, e
  end
  local rules = data.list({})
  for i, given in ipairs(type(body.firewall_rule) == "table" and body.firewall_rule or {}) do
    rules[i], e = read_rule(given)
    if not rules[i] then
      return nil, e
    end
  end
  call.w:change(object, { rules = rules })
  return 204
end

local function the_rule(call, object)
  local at = kit.number(call.params.position)
  if not at or not object.rules[at] then
    return kit.refuse(404, "FIREWALL_RULE_NOT_FOUND", "The server has no firewall rule %s.", call.params.position)
  end
  return at
end

local function get_rule(call)
  local object, e = kit.get(call, "server")
  local at
  if object then
    at, e = the_rule(call, object)
  end
  if not at then
    return nil, e
  end
  return 200, { firewall_rule = rule_view(object.rules[at], at) }
end

local function delete_rule(call)
  local object, e = servers.in_state(call, servers.SETTLED)
  local at
  if object then
    at, e = the_rule(call, object)
  end
  if not at then
    return nil, e
  end
  call.w:touch(object)
  table.remove(object.rules, at)
  return 204
end

M.routes = {
  { "GET", "/server/{id}/firewall_rule", "server.firewall_rule.list", list_rules },
  { "POST", "/server/{id}/firewall_rule", "server.firewall_rule.create", add_rule },
  { "PUT", "/server/{id}/firewall_rule", "server.firewall_rule.replace", put_rules },
  { "GET", "/server/{id}/firewall_rule/{position}", "server.firewall_rule.get", get_rule },
  { "DELETE", "/server/{id}/firewall_rule/{position}", "server.firewall_rule.delete", delete_rule },
}

return M
