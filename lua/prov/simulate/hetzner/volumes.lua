--- Volumes.

local actions = require("prov.simulate.hetzner.actions")
local catalog = require("prov.simulate.hetzner.catalog")
local kit = require("prov.simulate.hetzner.kit")
local resource = require("prov.simulate.hetzner.resource")
local world = require("prov.simulate.world")

local NONE = world.NONE
local SIZE = { type = "number", required = true, min = 10, max = 10240 }
local MOST_VOLUMES = 16 -- of a server

local volume = {
  kind = "volume",
  plural = "volumes",
  protection = { "delete" },
  update = kit.update_schema(),
  actions = {},
  filters = { status = function(object)
    return object.state
  end },
}

function volume.view(w, object)
  return {
    id = object.id,
    name = object.name,
    size = object.size,
    format = kit.maybe(object.format),
    server = kit.maybe(object.server),
    status = object.state,
    location = catalog.location_named(w, object.zone),
    linux_device = ("/dev/disk/by-id/scsi-0HC_Volume_%d"):format(object.id),
    protection = resource.protection(object, { "delete" }),
    labels = object.labels,
    created = kit.time(object.created),
  }
end

--- Attaches; `after` ms another action of the volume ends.
local function attach(call, object, server, after)
  call.w:change(object, { server = server.id })
  return actions.begin(call, "attach_volume", {
    on = { object, server },
    lock = { object, server },
    ms = (after or 0) + kit.TAKES.attach_volume,
    failed = { { object, { server = NONE } } },
  })
end

local function can_attach(w, zone, server)
  if server.zone ~= zone then
    return kit.refuse(422, "invalid_input", "volume and server must be in the same location")
  elseif #w:holders(server, "volume") >= MOST_VOLUMES then
    return kit.refuse(422, "resource_limit_exceeded", "a server can have %d volumes", MOST_VOLUMES)
  end
  return actions.unlocked(w, server)
end

volume.attach, volume.can_attach = attach, can_attach

function volume.create(call)
  local w = call.w
  local body, e = kit.body(call, {
    name = kit.NAME,
    size = SIZE,
    location = { type = "any" },
    server = { type = "int" },
    format = { type = "enum", one_of = { "ext4", "xfs" } },
    automount = { type = "bool" },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  end
  local zone, server = kit.place(w, body, "server", "location")
  if not zone then
    return nil, server
  elseif server then
    local ok
    ok, e = can_attach(w, zone, server)
    if not ok then
      return nil, e
    end
  end
  local object
  object, e = w:add("volume", {
    name = body.name,
    size = math.tointeger(body.size) or math.floor(body.size),
    zone = zone,
    format = body.format,
    labels = body.labels or {},
    state = "creating",
  })
  if not object then
    return nil, e
  end
  local action = actions.begin(call, "create_volume", {
    on = server and { object, server } or { object },
    lock = not server and { object } or {},
    done = { { object, { state = "available" } } },
    failed = { { object, "gone" } },
  })
  local following = server and { attach(call, object, server, kit.TAKES.create_volume) } or {}
  return 201, {
    volume = volume.view(w, object),
    action = actions.view(w, action),
    next_actions = actions.views(w, following),
  }
end

function volume.can_delete(_, object)
  if object.server then
    return kit.refuse(422, "resource_in_use", "volume with ID '%d' is still attached to a server", object.id)
  end
  return true
end

function volume.actions.attach(call, object)
  local body, e = kit.body(call, { server = { type = "int", required = true }, automount = { type = "bool" } })
  if not body then
    return nil, e
  end
  local server = call.w:get("server", body.server)
  if not server then
    return kit.absent("server", body.server)
  elseif object.server then
    return kit.refuse(422, "volume_already_attached", "volume with ID '%d' is already attached", object.id)
  end
  local ok
  ok, e = actions.unlocked(call.w, object)
  if ok then
    ok, e = can_attach(call.w, object.zone, server)
  end
  if not ok then
    return nil, e
  end
  return attach(call, object, server)
end

function volume.actions.detach(call, object)
  local server = object.server and call.w:get("server", object.server)
  if not server then
    return kit.refuse(422, "volume_not_attached", "volume with ID '%d' is not attached", object.id)
  end
  local ok, e = actions.unlocked(call.w, object)
  if ok then
    ok, e = actions.unlocked(call.w, server)
  end
  if not ok then
    return nil, e
  end
  return actions.begin(call, "detach_volume", {
    on = { object, server },
    lock = { object, server },
    done = { { object, { server = NONE } } },
  })
end

function volume.actions.resize(call, object)
  local body, e = kit.body(call, { size = SIZE })
  if not body then
    return nil, e
  elseif body.size <= object.size then
    return kit.invalid("size", "must be larger than the current size")
  end
  local ok
  ok, e = actions.unlocked(call.w, object)
  if not ok then
    return nil, e
  end
  return actions.begin(call, "resize_volume", {
    on = { object },
    lock = { object },
    done = { { object, { size = math.floor(body.size) } } },
  })
end

return { volume, volume = volume }
