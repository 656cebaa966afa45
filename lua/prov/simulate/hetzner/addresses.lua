--- Floating IPs, which move between servers, and primary IPs, which servers are born with.

local actions = require("prov.simulate.hetzner.actions")
local catalog = require("prov.simulate.hetzner.catalog")
local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")
local resource = require("prov.simulate.hetzner.resource")
local world = require("prov.simulate.world")

local NONE = world.NONE

local TYPE = { type = "enum", one_of = { "ipv4", "ipv6" }, required = true }

--- A new address: "198.18.0.1", or the network "2001:db8:0:1::/64".
local function new_ip(w, kind)
  return kind == "ipv4" and w.world:ipv4() or w.world:ipv6()
end

--- The name an address has as long as nobody gave it one.
local function default_ptr(ip)
  return ("static.%s.clients.simulated.example"):format(ip:gsub("[./:]+", "-"))
end

--- The reverse names of an address, as the API shows them.
local function ptr_list(object)
  local out = data.list({})
  if object.type == "ipv4" then
    out[1] = { ip = object.ip, dns_ptr = object.ptr[object.ip] or default_ptr(object.ip) }
    return out
  end
  local ips = {}
  for ip in pairs(object.ptr) do
    ips[#ips + 1] = ip
  end
  table.sort(ips)
  for i, ip in ipairs(ips) do
    out[i] = { ip = ip, dns_ptr = object.ptr[ip] }
  end
  return out
end

--- True when an IP is the address, or in its network.
local function owns(object, ip)
  if object.type == "ipv4" then
    return ip == object.ip
  end
  local prefix = object.ip:match("^(.*)::/64$")
  return ip:sub(1, #prefix + 1) == prefix .. ":"
end

--- Sets or takes away a reverse name.
local function set_ptr(call, object)
  local body, e = kit.body(call, { ip = { type = "string", required = true }, dns_ptr = { type = "string" } })
  if not body then
    return nil, e
  elseif not owns(object, body.ip) then
    return kit.refuse(404, "not_found", "IP %s does not belong to this resource", body.ip)
  end
  call.w:touch(object)
  object.ptr[body.ip] = body.dns_ptr
  return actions.begin(call, "change_dns_ptr", { on = { object } })
end

--- The same for a server or load balancer: the reverse name is kept with its primary IP.
local function set_holder_ptr(call, object)
  local ip = type(call.body) == "table" and call.body.ip
  for _, one in ipairs(call.w:holders(object, "primary_ip")) do
    if type(ip) == "string" and owns(one, ip) then
      local ok, e = set_ptr(call, one)
      if not ok then
        return nil, e
      end
      return actions.begin(call, "change_dns_ptr", { on = { object } })
    end
  end
  return kit.refuse(404, "not_found", "IP %s does not belong to this %s", tostring(ip), object.kind)
end

local function view(object, more)
  local out = {
    id = object.id,
    name = object.name,
    type = object.type,
    ip = object.ip,
    blocked = false,
    labels = object.labels,
    created = kit.time(object.created),
    dns_ptr = ptr_list(object),
    protection = resource.protection(object, { "delete" }),
  }
  for name, value in pairs(more) do
    out[name] = value
  end
  return out
end

local function by_ip(object)
  return object.ip
end

-- ---- Floating IPs ----

local floating_ip = {
  kind = "floating_ip",
  plural = "floating_ips",
  protection = { "delete" },
  filters = { ip = by_ip },
  update = kit.update_schema({ description = { type = "string" } }),
  actions = { change_dns_ptr = set_ptr },
}

function floating_ip.view(w, object)
  return view(object, {
    description = kit.maybe(object.description),
    server = kit.maybe(object.server),
    home_location = catalog.location_named(w, object.zone),
  })
end

local function assign_floating(call, object, server)
  local ok, e = actions.unlocked(call.w, object)
  if not ok then
    return nil, e
  end
  call.w:change(object, { server = server.id })
  return actions.begin(call, "assign_floating_ip", { on = { object, server }, lock = { object } })
end

function floating_ip.create(call)
  local w = call.w
  local body, e = kit.body(call, {
    type = TYPE,
    name = { type = "string", max = 64 },
    description = { type = "string" },
    home_location = { type = "any" },
    server = { type = "int" },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  end
  local zone, server = kit.place(w, body, "server", "home_location")
  if not zone then
    return nil, server
  end
  local object
  object, e = w:add("floating_ip", {
    name = body.name,
    type = body.type,
    ip = new_ip(w, body.type),
    description = body.description,
    zone = zone,
    labels = body.labels or {},
    ptr = {},
  })
  if not object then
    return nil, e
  elseif not object.name then
    w:change(object, { name = ("floating-ip-%d"):format(object.id) })
  end
  local action = server and assert(assign_floating(call, object, server))
  return 201, {
    floating_ip = floating_ip.view(w, object),
    action = action and actions.view(w, action),
  }
end

function floating_ip.can_delete(_, object)
  if object.server then
    return kit.refuse(422, "must_be_unassigned", "floating IP with ID '%d' must be unassigned", object.id)
  end
  return true
end

function floating_ip.actions.assign(call, object)
  local body, e = kit.body(call, { server = { type = "int", required = true } })
  if not body then
    return nil, e
  end
  local server = call.w:get("server", body.server)
  if not server then
    return kit.absent("server", body.server)
  elseif object.server == server.id then
    return kit.refuse(422, "floating_ip_assigned", "floating IP is already assigned to this server")
  end
  return assign_floating(call, object, server)
end

function floating_ip.actions.unassign(call, object)
  local ok, e = actions.unlocked(call.w, object)
  if not ok then
    return nil, e
  end
  call.w:change(object, { server = NONE })
  return actions.begin(call, "unassign_floating_ip", { on = { object }, lock = { object } })
end

-- ---- Primary IPs ----

local primary_ip = {
  kind = "primary_ip",
  plural = "primary_ips",
  protection = { "delete" },
  filters = { ip = by_ip },
  update = kit.update_schema({ auto_delete = { type = "bool" } }),
  actions = { change_dns_ptr = set_ptr },
}

function primary_ip.view(w, object)
  return view(object, {
    assignee_id = kit.maybe(object.server or object.balancer),
    assignee_type = object.server and "server" or object.balancer and "load_balancer" or "unassigned",
    auto_delete = object.auto_delete,
    location = catalog.location_named(w, object.zone),
  })
end

--- Adds a primary IP; `server` or `balancer` may have it.
function primary_ip.add(w, fields)
  local id = w.world:number("id")
  return w:add("primary_ip", {
    id = id,
    name = fields.name or ("primary_ip-%d"):format(id),
    type = fields.type,
    ip = new_ip(w, fields.type),
    zone = fields.zone,
    server = fields.server,
    balancer = fields.balancer,
    auto_delete = fields.auto_delete or false,
    labels = fields.labels or {},
    ptr = {},
  })
end

--- The primary IP of a type that a server or load balancer has.
---@param w prov.simulate.Cloud
---@param holder table
---@param kind "ipv4"|"ipv6"
---@return table?
function primary_ip.of(w, holder, kind)
  for _, object in ipairs(w:holders(holder, "primary_ip")) do
    if object.type == kind then
      return object
    end
  end
end

--- The primary IP that a body names; false when it names none, so that one is to be made.
---@param w prov.simulate.Cloud
---@param zone string where it must be
---@param kind "ipv4"|"ipv6"
---@param id? integer
---@return table|false|nil, prov.Err?
function primary_ip.given(w, zone, kind, id)
  if not id then
    return false
  end
  local object = w:get("primary_ip", id)
  if not object or object.type ~= kind then
    return kit.absent("primary_ip", id)
  elseif object.server or object.balancer then
    return kit.refuse(422, "primary_ip_already_assigned", "primary IP with ID '%d' is already assigned", id)
  elseif object.zone ~= zone then
    return kit.refuse(422, "invalid_input", "primary IP with ID '%d' is in another location", id)
  end
  return object
end

--- May the address go to the server?
local function can_assign(w, kind, zone, server)
  if server.zone ~= zone then
    return kit.refuse(422, "resource_unavailable", "primary IP and server must be in the same location")
  elseif server.state ~= "off" then
    return kit.refuse(422, "server_not_stopped", "server with ID '%d' must be powered off", server.id)
  elseif primary_ip.of(w, server, kind) then
    return kit.refuse(422, "server_has_" .. kind, "server already has a primary IP of this type")
  end
  return actions.unlocked(w, server)
end

function primary_ip.create(call)
  local w = call.w
  local body, e = kit.body(call, {
    type = TYPE,
    name = kit.NAME,
    assignee_type = { type = "enum", one_of = { "server" } },
    assignee_id = { type = "int" },
    auto_delete = { type = "bool" },
    location = { type = "any" },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  end
  local zone, server = kit.place(w, body, "assignee_id", "location")
  if not zone then
    return nil, server
  elseif server then
    local ok
    ok, e = can_assign(w, body.type, zone, server)
    if not ok then
      return nil, e
    end
  end
  local object
  object, e = primary_ip.add(w, {
    name = body.name,
    type = body.type,
    zone = zone,
    server = server and server.id,
    auto_delete = body.auto_delete,
    labels = body.labels,
  })
  if not object then
    return nil, e
  end
  local action = server and actions.begin(call, "assign_primary_ip", { on = { object, server }, lock = { object } })
  return 201, {
    primary_ip = primary_ip.view(w, object),
    action = action and actions.view(w, action),
  }
end

function primary_ip.can_delete(_, object)
  if object.server or object.balancer then
    return kit.refuse(422, "must_be_unassigned", "primary IP with ID '%d' must be unassigned", object.id)
  end
  return true
end

function primary_ip.actions.assign(call, object)
  local body, e = kit.body(call, {
    assignee_id = { type = "int", required = true },
    assignee_type = { type = "enum", one_of = { "server" }, default = "server" },
  })
  if not body then
    return nil, e
  end
  local server = call.w:get("server", body.assignee_id)
  if not server then
    return kit.absent("server", body.assignee_id)
  elseif object.server or object.balancer then
    return kit.refuse(422, "primary_ip_already_assigned", "primary IP with ID '%d' is already assigned", object.id)
  end
  local ok
  ok, e = can_assign(call.w, object.type, object.zone, server)
  if ok then
    ok, e = actions.unlocked(call.w, object)
  end
  if not ok then
    return nil, e
  end
  call.w:change(object, { server = server.id })
  return actions.begin(call, "assign_primary_ip", { on = { object, server }, lock = { object } })
end

function primary_ip.actions.unassign(call, object)
  local server = object.server and call.w:get("server", object.server)
  if not server then
    return kit.refuse(422, "primary_ip_not_assigned", "primary IP with ID '%d' is not assigned", object.id)
  elseif server.state ~= "off" then
    return kit.refuse(422, "server_not_stopped", "server with ID '%d' must be powered off", server.id)
  end
  local ok, e = actions.unlocked(call.w, object)
  if not ok then
    return nil, e
  end
  call.w:change(object, { server = NONE })
  return actions.begin(call, "unassign_primary_ip", { on = { object, server }, lock = { object } })
end

return { floating_ip, primary_ip, primary_ip = primary_ip, set_holder_ptr = set_holder_ptr }
