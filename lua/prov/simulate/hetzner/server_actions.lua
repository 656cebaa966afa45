--- What may be done to servers: POST /servers/{id}/actions/...

local actions = require("prov.simulate.hetzner.actions")
local addresses = require("prov.simulate.hetzner.addresses")
local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")
local machines = require("prov.simulate.machines")
local network = require("prov.simulate.hetzner.networks").network
local resource = require("prov.simulate.hetzner.resource")
local small = require("prov.simulate.hetzner.small")
local world = require("prov.simulate.world")

local NONE = world.NONE

local M = { actions = {} }

local A = M.actions

--- The image that a body names, for an architecture.
---@param w prov.simulate.Cloud
---@param id_or_name any
---@param architecture string
---@return table?, prov.Err?
function M.find_image(w, id_or_name, architecture)
  local id = math.tointeger(tonumber(id_or_name))
  local image = id and w:get("image", id)
  for _, one in ipairs(image and {} or w:list("image")) do
    if one.name == tostring(id_or_name) and one.architecture == architecture then
      image = one
    end
  end
  if not image then
    return kit.invalid("image", "is not an image for " .. architecture)
  elseif image.architecture ~= architecture then
    return kit.refuse(422, "invalid_input", "image is for %s, the server type for %s", image.architecture, architecture)
  elseif image.state ~= "available" then
    return kit.refuse(422, "invalid_input", "image with ID '%d' is not available yet", image.id)
  elseif w.world.machines and not machines.has_image(image.name) then
    return kit.refuse(422, "invalid_input", "no real server can be made of image with ID '%d'", image.id)
  end
  return image
end

--- Begins an action that locks the server.
local function begin(call, object, command, how)
  local ok, e = actions.unlocked(call.w, object)
  if not ok then
    return nil, e
  end
  how = how or {}
  how.on, how.lock = how.on or { object }, { object }
  return actions.begin(call, command, how)
end

local function stopped(object)
  if object.state ~= "off" then
    return kit.refuse(422, "server_not_stopped", "server with ID '%d' must be powered off", object.id)
  end
  return true
end

-- ---- Power ----

--- An action on the power: from states in which it does something to one it ends in.
local function power(command, from, meanwhile, to)
  return function(call, object)
    local w = call.w
    if not from[object.state] then
      return begin(call, object, command, { ms = 0 })
    end
    local before = object.state
    local action, e = begin(call, object, command, {
      done = { { object, { state = to } } },
      failed = { { object, { state = before } } },
    })
    if action and meanwhile then
      w:change(object, { state = meanwhile })
    end
    return action, e
  end
end

local restart = power("reboot_server", { running = true }, nil, "running")

A.poweron = power("start_server", { off = true }, "starting", "running")
A.poweroff = power("stop_server", { running = true }, "stopping", "off")

--- `boots` counts them, for real servers.
function A.reboot(call, object)
  local action, e = restart(call, object)
  if action and object.state == "running" and not call.fails then
    call.w:change(object, { boots = (object.boots or 0) + 1 })
  end
  return action, e
end

A.reset = A.reboot

--- The action only says that the server was asked; it is off some time later.
function A.shutdown(call, object)
  local action, e = begin(call, object, "shutdown_server")
  if action and object.state == "running" and not call.fails then
    call.w:later(object, kit.TAKES.shutdown_server * 2, { state = "off" })
  end
  return action, e
end

-- ---- The machine ----

function A.change_type(call, object)
  local w = call.w
  local body, e = kit.body(call, {
    server_type = { type = "any", required = true },
    upgrade_disk = { type = "bool", required = true },
  })
  local ok
  if body then
    ok, e = stopped(object)
  end
  if not ok then
    return nil, e
  end
  local old, plan = w:get("server_type", object.plan), kit.named(w, "server_type", body.server_type)
  if not plan then
    return kit.invalid("server_type", "is not a server type")
  elseif plan.architecture ~= old.architecture or plan.disk < object.disk or plan.deprecated then
    return kit.refuse(422, "invalid_server_type", "server type '%s' does not fit this server", plan.name)
  end
  local action
  action, e = begin(call, object, "change_server_type", {
    done = { { object, { plan = plan.id, state = "running", disk = body.upgrade_disk and plan.disk or object.disk } } },
    failed = { { object, { state = "off" } } },
  })
  if action then
    w:change(object, { state = "migrating" })
  end
  return action, e
end

function A.rebuild(call, object)
  local w = call.w
  local body, e = kit.body(call, { image = { type = "any", required = true }, user_data = { type = "string" } })
  local image, ok
  if body then
    image, e = M.find_image(w, body.image, w:get("server_type", object.plan).architecture)
  end
  if image then
    ok, e = resource.unprotected(object, "rebuild")
  end
  if not ok then
    return nil, e
  end
  local action
  action, e = begin(call, object, "rebuild_server", {
    done = { { object, { image = image.id, state = "running", user_data = body.user_data } } },
    failed = { { object, { state = "off" } } },
  })
  if not action then
    return nil, e
  end
  w:change(object, { state = "rebuilding", rebuilt = (object.rebuilt or 0) + 1 })
  return { action = actions.view(w, action), root_password = object.keys[1] and data.null or w.world:hex(20) }
end

function A.create_image(call, object)
  local w = call.w
  local body, e = kit.body(call, {
    type = { type = "enum", one_of = { "snapshot", "backup" }, default = "snapshot" },
    description = { type = "string" },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  elseif body.type == "backup" and not object.backups then
    return kit.refuse(422, "invalid_input", "backups are not enabled for server with ID '%d'", object.id)
  end
  local from = w:get("image", object.image)
  local image
  image, e = w:add("image", {
    type = body.type,
    state = "creating",
    description = body.description or object.name,
    server_id = object.id,
    server_name = object.name,
    bound_to = body.type == "backup" and object.id or nil,
    disk = object.disk,
    flavor = from and from.flavor or "unknown",
    version = from and from.version,
    architecture = w:get("server_type", object.plan).architecture,
    labels = body.labels or {},
  })
  if not image then
    return nil, e
  end
  local action
  action, e = begin(call, object, "create_image", {
    on = { object, image },
    done = { { image, { state = "available", size = 2.5 } } },
    failed = { { image, "gone" } },
  })
  if not action then
    return nil, e
  end
  return { action = actions.view(w, action), image = small.image.view(w, image) }
end

function A.enable_backup(call, object)
  local action, e = begin(call, object, "enable_backup")
  if action then
    call.w:change(object, { backups = true })
  end
  return action, e
end

function A.disable_backup(call, object)
  local action, e = begin(call, object, "disable_backup")
  if action then
    call.w:change(object, { backups = NONE })
    for _, image in ipairs(call.w:holders(object, "image")) do
      call.w:remove(image)
    end
  end
  return action, e
end

function A.enable_rescue(call, object)
  local body, e = kit.body(call, {
    type = { type = "enum", one_of = { "linux64" }, default = "linux64" },
    ssh_keys = { type = "list", of = { type = "int" } },
  })
  local action
  if body then
    action, e = begin(call, object, "enable_rescue")
  end
  if not action then
    return nil, e
  end
  call.w:change(object, { rescue = true })
  return { action = actions.view(call.w, action), root_password = call.w.world:hex(20) }
end

function A.disable_rescue(call, object)
  local action, e = begin(call, object, "disable_rescue")
  if action then
    call.w:change(object, { rescue = NONE })
  end
  return action, e
end

function A.reset_password(call, object)
  if object.state ~= "running" then
    return kit.refuse(422, "server_not_running", "server with ID '%d' must be running", object.id)
  end
  local action, e = begin(call, object, "reset_password")
  if not action then
    return nil, e
  end
  return { action = actions.view(call.w, action), root_password = call.w.world:hex(20) }
end

function A.request_console(call, object)
  local action, e = begin(call, object, "request_console", { ms = 0 })
  if not action then
    return nil, e
  end
  return {
    action = actions.view(call.w, action),
    wss_url = ("wss://console.simulated.example/?server_id=%d&token=%s"):format(object.id, call.w.world:hex(20)),
    password = call.w.world:hex(20),
  }
end

function A.attach_iso(call)
  local body, e = kit.body(call, { iso = { type = "any", required = true } })
  if not body then
    return nil, e
  end
  return kit.absent("iso", body.iso)
end

function A.detach_iso(call, object)
  return begin(call, object, "detach_iso", { ms = 0 })
end

-- ---- Networks and addresses ----

function A.attach_to_network(call, object)
  local w = call.w
  local body, e = kit.body(call, {
    network = { type = "int", required = true },
    ip = { type = "ip" },
    ip_range = { type = "string" },
    alias_ips = { type = "list", of = { type = "ip" } },
  })
  if not body then
    return nil, e
  end
  local net = w:get("network", body.network)
  if not net then
    return kit.absent("network", body.network)
  end
  local ok, row
  ok, e = actions.unlocked(w, net)
  if ok then
    row, e = network.attachment(w, object, net, body)
  end
  if not row then
    return nil, e
  end
  local action
  action, e = begin(call, object, "attach_to_network", { on = { object, net } })
  if action and not call.fails then
    w:touch(object)
    table.insert(object.nets, row)
  end
  return action, e
end

--- The row of the network that a body names.
local function attached(call, object, schema)
  local body, e = kit.body(call, schema)
  if not body then
    return nil, e
  end
  local row, at = network.row(object, body.network)
  if not row then
    return kit.refuse(422, "server_not_attached_to_network", "server is not attached to this network")
  end
  return body, row, at
end

function A.detach_from_network(call, object)
  local body, e, at = attached(call, object, { network = { type = "int", required = true } })
  if not body then
    return nil, e
  end
  local action
  action, e = begin(call, object, "detach_from_network", { on = { object, call.w:get("network", body.network) } })
  if action then
    call.w:touch(object)
    table.remove(object.nets, at)
  end
  return action, e
end

function A.change_alias_ips(call, object)
  local body, row = attached(call, object, {
    network = { type = "int", required = true },
    alias_ips = { type = "list", of = { type = "ip" }, required = true },
  })
  if not body then
    return nil, row
  end
  local action, e = begin(call, object, "change_alias_ips", { on = { object, call.w:get("network", body.network) } })
  if action then
    call.w:touch(object)
    row.alias_ips = body.alias_ips
  end
  return action, e
end

A.change_dns_ptr = addresses.set_holder_ptr

-- ---- Placement ----

function A.add_to_placement_group(call, object)
  local w = call.w
  local body, e = kit.body(call, { placement_group = { type = "int", required = true } })
  local ok
  if body then
    ok, e = stopped(object)
  end
  if not ok then
    return nil, e
  end
  local group = w:get("placement_group", body.placement_group)
  if not group then
    return kit.absent("placement_group", body.placement_group)
  elseif object.placement_group then
    return kit.refuse(422, "already_in_placement_group", "server is in a placement group already")
  end
  local action
  action, e = begin(call, object, "add_to_placement_group", { on = { object, group } })
  if action then
    w:change(object, { placement_group = group.id })
  end
  return action, e
end

function A.remove_from_placement_group(call, object)
  if not object.placement_group then
    return kit.refuse(422, "not_in_placement_group", "server is in no placement group")
  end
  local action, e = begin(call, object, "remove_from_placement_group")
  if action then
    call.w:change(object, { placement_group = NONE })
  end
  return action, e
end

return M
