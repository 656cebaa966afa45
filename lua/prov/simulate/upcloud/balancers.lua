--- Load balancers of the simulated UpCloud, one of the newer services: plain JSON, RFC 7807 errors.

local data = require("core.data")
local catalog = require("prov.simulate.upcloud.catalog")
local kit = require("prov.simulate.upcloud.kit")

local M = {}

local invalid = kit.invalid_param

local function deep(v)
  if type(v) ~= "table" then
    return v
  end
  local out = {}
  for key, one in pairs(v) do
    out[key] = deep(one)
  end
  return data.kind(v) == "list" and data.list(out) or out
end

local function stamped(list, object)
  local out = data.list({})
  for i, one in ipairs(list or {}) do
    out[i] = deep(one)
    out[i].created_at = kit.fine_time(object.created)
    out[i].updated_at = kit.fine_time(object.updated)
  end
  return out
end

local function dns_name(object, n)
  return ("lb-%s-%d.upcloudlb.com"):format(object.id:gsub("%-", ""), n)
end

local function networks_view(object)
  local out = stamped(object.networks, object)
  for i, one in ipairs(out) do
    one.dns_name = dns_name(object, i)
  end
  return out
end

local function nodes_view(object)
  local nodes = data.list({})
  if object.state ~= "running" then
    return nodes
  end
  local networks = data.list({})
  for i, one in ipairs(object.networks) do
    networks[i] = {
      name = one.name, type = one.type,
      ip_addresses = data.list({
        { address = one.type == "public" and object.public_ip or "10.255.0.2", listen = true },
      }),
    }
  end
  nodes[1] = { networks = networks, operational_state = "running" }
  return nodes
end

local function frontends_view(object)
  local out = stamped(object.frontends, object)
  for _, one in ipairs(out) do
    one.rules, one.tls_configs = stamped(one.rules, object), stamped(one.tls_configs, object)
    one.properties = one.properties or { timeout_client = 10, inbound_proxy_protocol = false }
  end
  return out
end

local function backends_view(object)
  local out = stamped(object.backends, object)
  for _, one in ipairs(out) do
    one.members, one.tls_configs = stamped(one.members, object), data.list({})
    one.properties = one.properties or { timeout_server = 10, health_check_type = "tcp", health_check_interval = 10 }
    one.resolver = one.resolver or data.null
  end
  return out
end

local function view(object)
  return {
    backends = backends_view(object),
    configured_status = object.configured,
    created_at = kit.fine_time(object.created),
    dns_name = dns_name(object, 1),
    frontends = frontends_view(object),
    ip_addresses = data.list({}),
    labels = kit.shown_labels(object.labels),
    maintenance_dow = object.dow,
    maintenance_time = object.time,
    name = object.name,
    network_uuid = object.network_uuid,
    networks = networks_view(object),
    nodes = nodes_view(object),
    operational_state = object.state,
    plan = object.plan,
    resolvers = stamped(object.resolvers, object),
    updated_at = kit.fine_time(object.updated),
    uuid = object.id,
    zone = object.zone,
  }
end

--- Fills in what a rule that says nothing of it has.
local function complete_rule(rule)
  rule.priority, rule.matching_condition = rule.priority or 100, rule.matching_condition or "and"
  for _, matcher in ipairs(rule.matchers or {}) do
    matcher.inverse = matcher.inverse or false
  end
end

--- Frontends and backends of a body: names are there once, frontends lead to backends, and rules are completed.
local function check_parts(frontends, backends)
  local names, ports = {}, {}
  for i, one in ipairs(backends) do
    if type(one.name) ~= "string" or names[one.name] then
      return invalid(("backends[%d].name"):format(i - 1), "Must be there and unique.")
    end
    names[one.name] = true
    for j, member in ipairs(one.members or {}) do
      if not member.ip and not member.server_uuid or not kit.number(member.port) then
        return invalid(("backends[%d].members[%d]"):format(i - 1, j - 1), "Needs ip and port.")
      end
    end
  end
  for i, one in ipairs(frontends) do
    if not names[one.default_backend or ""] then
      return invalid(("frontends[%d].default_backend"):format(i - 1), "No such backend.")
    elseif one.mode ~= "http" and one.mode ~= "tcp" then
      return invalid(("frontends[%d].mode"):format(i - 1), "Must be http or tcp.")
    elseif not kit.number(one.port) or ports[one.port] then
      return invalid(("frontends[%d].port"):format(i - 1), "Must be there and unique.")
    end
    ports[one.port] = true
    for _, rule in ipairs(one.rules or {}) do
      complete_rule(rule)
    end
  end
  return true
end

local function list_of(v)
  return type(v) == "table" and data.kind(v) == "list" and deep(v) or data.list({})
end

local function read_networks(call, body)
  local networks = list_of(body.networks)
  local uuid = type(body.network_uuid) == "string" and body.network_uuid or nil
  if not networks[1] and uuid then -- as it was before there were networks
    networks = data.list({
      { name = "public-IPv4", type = "public", family = "IPv4" },
      { name = "private-IPv4", type = "private", family = "IPv4", uuid = uuid },
    })
  end
  if not networks[1] then
    return invalid("networks", "At least one network is required.")
  end
  for i, one in ipairs(networks) do
    if one.type == "private" and not call.w:get("network", one.uuid or "") then
      return invalid(("networks[%d].uuid"):format(i - 1), "No such network.")
    end
  end
  return networks, uuid
end

local function create(call)
  local w = call.w
  local body, e = kit.body(call)
  if not body then
    return nil, e
  elseif type(body.name) ~= "string" or not body.name:find("^[%w_-]+$") then
    return invalid("name", "Must be letters, digits, _ and -.")
  elseif not catalog.zone(body.zone) then
    return invalid("zone", "No such zone.")
  elseif not catalog.BALANCER_PLANS[body.plan] then
    return invalid("plan", "No such plan.")
  elseif w:find("balancer", body.name) then
    return kit.refuse(409, "RESOURCE_ALREADY_EXISTS", "A service with the name %s exists already.", body.name)
  end
  local networks, uuid = read_networks(call, body)
  if not networks then
    return nil, uuid
  end
  local frontends, backends = list_of(body.frontends), list_of(body.backends)
  local ok, labels
  ok, e = check_parts(frontends, backends)
  if ok then
    labels, e = kit.labels(body.labels)
  end
  if not labels then
    return nil, e
  end
  local object
  object, e = w:add("balancer", {
    id = "0a" .. w.world:uuid():sub(3), name = body.name, zone = body.zone, plan = body.plan, networks = networks,
    network_uuid = uuid, frontends = frontends, backends = backends, resolvers = list_of(body.resolvers),
    configured = body.configured_status or "started", state = "pending", labels = labels,
    dow = body.maintenance_dow or "sunday", time = body.maintenance_time or "20:01:01Z", public_ip = w.world:ipv4(),
  })
  if not object then
    return nil, e
  end
  object.updated = object.created
  w:later(object, kit.TIMES.balancer // 3, { state = "setup-server" })
  w:later(object, kit.TIMES.balancer, { state = "running" })
  return 201, view(object)
end

local function absent()
  return kit.refuse(404, "RESOURCE_NOT_FOUND", "Service not found.")
end

local function the_balancer(call)
  local object = call.w:get("balancer", call.params.id)
  if not object then
    return absent()
  end
  return object
end

local function get(call)
  local object, e = the_balancer(call)
  if not object then
    return nil, e
  end
  return 200, view(object)
end

local function list(call)
  local out = {}
  for _, object in ipairs(call.w:list("balancer")) do
    out[#out + 1] = kit.has_labels(call, object.labels) and view(object) or nil
  end
  return 200, kit.page(call, out)
end

--- PATCH changes what is there, PUT sets everything that can change.
local function modify(call, whole)
  local object, e = the_balancer(call)
  local body, ok, labels
  if object then
    body, e = kit.body(call)
  end
  if not body then
    return nil, e
  end
  local frontends = (body.frontends ~= nil or whole) and list_of(body.frontends) or object.frontends
  local backends = (body.backends ~= nil or whole) and list_of(body.backends) or object.backends
  ok, e = check_parts(frontends, backends)
  if ok then
    labels = object.labels
    if body.labels ~= nil or whole then
      labels, e = kit.labels(body.labels)
    end
  end
  if not labels then
    return nil, e
  elseif body.plan ~= nil and not catalog.BALANCER_PLANS[body.plan] then
    return invalid("plan", "No such plan.")
  end
  object, e = call.w:change(object, {
    name = body.name, plan = body.plan, configured = body.configured_status, dow = body.maintenance_dow,
    time = body.maintenance_time, frontends = frontends, backends = backends, labels = labels,
    updated = call.w.world:now(),
  })
  if not object then
    return nil, e
  end
  return 200, view(object)
end

local function delete(call)
  local object, e = the_balancer(call)
  if not object then
    return nil, e
  end
  call.w:change(object, { state = "delete-service" })
  call.w:later(object, kit.TIMES.balancer_gone, "gone")
  return 204
end

-- ---- Parts with names: frontends, backends, members, labels ----

local function named(items, name)
  for i, one in ipairs(items or {}) do
    if (one.name or one.key) == name then
      return one, i
    end
  end
end

---@class simulate.upcloud.Part a list of named things inside of a balancer
---@field id string name of the path's value
---@field where fun(object, call): table? the list
---@field checked? boolean the balancer must fit together afterwards

local function find(part, call)
  local object, e = the_balancer(call)
  if not object then
    return nil, e
  end
  local items = part.where(object, call)
  if not items then
    return absent()
  end
  return object, items
end

local function find_one(part, call)
  local object, items = find(part, call)
  if not object then
    return nil, items
  end
  local one, at = named(items, call.params[part.id])
  if not one then
    return absent()
  end
  return object, items, one, at
end

--- The answer to a change, when all still fits together.
local function changed(part, object, status, one)
  if part.checked then
    local ok, e = check_parts(object.frontends, object.backends)
    if not ok then
      return nil, e
    end
  end
  return status, one and stamped(data.list({ one }), object)[1]
end

local ACTS = {}

function ACTS.list(part, call)
  local object, items = find(part, call)
  if not object then
    return nil, items
  end
  return 200, stamped(items, object)
end

function ACTS.create(part, call)
  local object, items = find(part, call)
  if not object then
    return nil, items
  end
  local body, e = kit.body(call)
  if not body then
    return nil, e
  elseif type(body.name or body.key) ~= "string" then
    return invalid("name", "Must be there.")
  elseif named(items, body.name or body.key) then
    return kit.refuse(409, "RESOURCE_ALREADY_EXISTS", "There is one with that name already.")
  end
  call.w:touch(object)
  items[#items + 1] = deep(body)
  return changed(part, object, 201, items[#items])
end

function ACTS.get(part, call)
  local object, e, one = find_one(part, call)
  if not object then
    return nil, e
  end
  return 200, stamped(data.list({ one }), object)[1]
end

--- PATCH changes what is there, PUT sets all but the name.
local function modify_part(part, call, whole)
  local object, e, one = find_one(part, call)
  local body
  if object then
    body, e = kit.body(call)
  end
  if not body then
    return nil, e
  end
  call.w:touch(object)
  for field in pairs(whole and one or {}) do
    if field ~= "name" then
      one[field] = nil
    end
  end
  for field, v in pairs(body) do
    one[field] = deep(v)
  end
  return changed(part, object, 200, one)
end

function ACTS.modify(part, call)
  return modify_part(part, call, false)
end

function ACTS.replace(part, call)
  return modify_part(part, call, true)
end

function ACTS.delete(part, call)
  local object, items, _, at = find_one(part, call)
  if not object then
    return nil, items
  end
  call.w:touch(object)
  table.remove(items, at)
  return changed(part, object, 204)
end

--- The routes of a part.
local function part_routes(path, operation, part)
  local out, single = {}, path .. "/{" .. part.id .. "}"
  for _, row in ipairs({
    { "GET", path, "list" }, { "POST", path, "create" }, { "GET", single, "get" }, { "PATCH", single, "modify" },
    { "PUT", single, "replace" }, { "DELETE", single, "delete" },
  }) do
    out[#out + 1] = { row[1], row[2], operation .. "." .. row[3], function(call)
      return ACTS[row[3]](part, call)
    end }
  end
  return out
end

M.routes = {
  { "GET", "/load-balancer", "load_balancer.list", list },
  { "POST", "/load-balancer", "load_balancer.create", create },
  { "GET", "/load-balancer/plans", "load_balancer.plans", function(call)
    local out = {}
    for _, name in ipairs(data.keys(catalog.BALANCER_PLANS)) do
      local plan = catalog.BALANCER_PLANS[name]
      out[#out + 1] = { name = name, server_number = plan[1], per_server_max_sessions = plan[2] }
    end
    return 200, kit.page(call, out)
  end },
  { "GET", "/load-balancer/{id}", "load_balancer.get", get },
  { "PATCH", "/load-balancer/{id}", "load_balancer.modify", function(call)
    return modify(call, false)
  end },
  { "PUT", "/load-balancer/{id}", "load_balancer.replace", function(call)
    return modify(call, true)
  end },
  { "DELETE", "/load-balancer/{id}", "load_balancer.delete", delete },
  { "GET", "/load-balancer/{id}/ip-addresses", "load_balancer.addresses", function(call)
    local object, e = the_balancer(call)
    if not object then
      return nil, e
    end
    return 200, view(object).ip_addresses
  end },
}

--- The list of a part inside of another one, which the path names: members of a backend, rules of a frontend.
local function inside(outer, id, inner)
  return function(object, call)
    local one = named(object[outer], call.params[id])
    if one then
      one[inner] = one[inner] or data.list({})
    end
    return one and one[inner]
  end
end

for _, list_of_routes in ipairs({
  part_routes("/load-balancer/{id}/frontends", "load_balancer.frontend", {
    id = "frontend",
    checked = true,
    where = function(object)
      return object.frontends
    end,
  }),
  part_routes("/load-balancer/{id}/backends", "load_balancer.backend", {
    id = "backend",
    checked = true,
    where = function(object)
      return object.backends
    end,
  }),
  part_routes("/load-balancer/{id}/backends/{backend}/members", "load_balancer.member", {
    id = "member",
    checked = true,
    where = inside("backends", "backend", "members"),
  }),
  part_routes("/load-balancer/{id}/frontends/{frontend}/rules", "load_balancer.rule", {
    id = "rule",
    checked = true,
    where = inside("frontends", "frontend", "rules"),
  }),
  part_routes("/load-balancer/{id}/resolvers", "load_balancer.resolver", {
    id = "resolver",
    where = function(object)
      return object.resolvers
    end,
  }),
  part_routes("/load-balancer/{id}/labels", "load_balancer.label", {
    id = "label",
    where = function(object)
      return object.labels
    end,
  }),
}) do
  table.move(list_of_routes, 1, #list_of_routes, #M.routes + 1, M.routes)
end

return M
