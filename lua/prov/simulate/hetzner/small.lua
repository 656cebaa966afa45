--- Resources with little to them: SSH keys, certificates, placement groups, images.

local actions = require("prov.simulate.hetzner.actions")
local base = require("core.base")
local certificate = require("prov.simulate.hetzner.certificate")
local crypto = require("core.crypto")
local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")
local resource = require("prov.simulate.hetzner.resource")

-- ---- SSH keys ----

--- The fingerprint of an OpenSSH public key, nil when it is none.
local function fingerprint(line)
  local kind, text = line:match("^%s*([%w@.-]+)%s+([%w+/=]+)")
  local blob = text and base.unbase64(text)
  if not blob or #blob < 8 then
    return nil
  end
  local ok, inner = pcall(string.unpack, ">s4", blob)
  if not ok or inner ~= kind then
    return nil
  end
  return (crypto.hex(crypto.hash("md5", blob)):gsub("%x%x", "%0:"):sub(1, -2))
end

local ssh_key = { kind = "ssh_key", plural = "ssh_keys", update = kit.update_schema() }

function ssh_key.view(_, object)
  return {
    id = object.id,
    name = object.name,
    fingerprint = object.fingerprint,
    public_key = object.public_key,
    labels = object.labels,
    created = kit.time(object.created),
  }
end

ssh_key.filters = { fingerprint = function(object)
  return object.fingerprint
end }

function ssh_key.create(call)
  local body, e = kit.body(call, {
    name = kit.NAME,
    public_key = { type = "string", required = true },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  end
  local print = fingerprint(body.public_key)
  if not print then
    return kit.invalid("public_key", "is not a valid SSH public key")
  end
  local object
  object, e = call.w:add("ssh_key", {
    name = body.name,
    public_key = body.public_key,
    fingerprint = print,
    labels = body.labels or {},
  })
  if not object then
    return nil, e
  end
  return 201, { ssh_key = ssh_key.view(call.w, object) }
end

-- ---- Certificates ----

local certificates = { kind = "certificate", plural = "certificates", update = kit.update_schema(), actions = {} }

function certificates.view(w, object)
  return {
    id = object.id,
    name = object.name,
    labels = object.labels,
    type = object.type,
    certificate = kit.maybe(object.certificate),
    created = kit.time(object.created),
    not_valid_before = kit.maybe(object.from),
    not_valid_after = kit.maybe(object.to),
    domain_names = kit.map(object.names),
    fingerprint = kit.maybe(object.fingerprint),
    status = object.type == "managed" and {
      issuance = object.state,
      renewal = object.state == "completed" and "scheduled" or "unavailable",
      error = data.null,
    } or data.null,
    used_by = kit.map(w:holders(object, "load_balancer"), function(balancer)
      return { id = balancer.id, type = "load_balancer" }
    end),
  }
end

certificates.filters = { type = function(object)
  return object.type
end }

local function create_managed(call, body)
  if not body.domain_names or not body.domain_names[1] then
    return kit.invalid("domain_names", "is required")
  end
  local object, e = call.w:add("certificate", {
    name = body.name,
    type = "managed",
    state = "pending",
    names = body.domain_names,
    labels = body.labels or {},
  })
  if not object then
    return nil, e
  end
  local action = actions.begin(call, "issue_certificate", {
    on = { object },
    lock = { object },
    done = { { object, { state = "completed" } } },
    failed = { { object, { state = "failed" } } },
  })
  return 201, { certificate = certificates.view(call.w, object), action = actions.view(call.w, action) }
end

function certificates.create(call)
  local body, e = kit.body(call, {
    name = kit.NAME,
    type = { type = "enum", one_of = { "uploaded", "managed" }, default = "uploaded" },
    certificate = { type = "string" },
    private_key = { type = "string" },
    domain_names = { type = "list", of = { type = "string" } },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  elseif body.type == "managed" then
    return create_managed(call, body)
  end
  local found = certificate.read(body.certificate or "")
  if not found then
    return kit.invalid("certificate", "is not a certificate in PEM")
  elseif not (body.private_key or ""):find("PRIVATE KEY", 1, true) then
    return kit.invalid("private_key", "is not a private key in PEM")
  end
  local object
  object, e = call.w:add("certificate", {
    name = body.name,
    type = "uploaded",
    state = "completed",
    certificate = body.certificate,
    from = found.from,
    to = found.to,
    names = found.names,
    fingerprint = found.fingerprint,
    labels = body.labels or {},
  })
  if not object then
    return nil, e
  end
  return 201, { certificate = certificates.view(call.w, object), action = data.null }
end

function certificates.can_delete(call, object)
  if call.w:holders(object, "load_balancer")[1] then
    return kit.refuse(422, "resource_in_use", "certificate is still used by a load balancer")
  end
  return true
end

function certificates.actions.retry()
  return kit.refuse(422, "unsupported_error", "only a managed certificate whose issuance failed can be tried again")
end

-- ---- Placement groups ----

local placement_group = { kind = "placement_group", plural = "placement_groups", update = kit.update_schema() }

function placement_group.view(w, object)
  return {
    id = object.id,
    name = object.name,
    labels = object.labels,
    type = object.type,
    created = kit.time(object.created),
    servers = kit.map(w:holders(object, "server"), function(server)
      return server.id
    end),
  }
end

placement_group.filters = { type = function(object)
  return object.type
end }

function placement_group.create(call)
  local body, e = kit.body(call, {
    name = kit.NAME,
    type = { type = "enum", one_of = { "spread" }, required = true },
    labels = kit.LABELS,
  })
  if not body then
    return nil, e
  end
  local object
  object, e = call.w:add("placement_group", { name = body.name, type = body.type, labels = body.labels or {} })
  if not object then
    return nil, e
  end
  return 201, { placement_group = placement_group.view(call.w, object), action = data.null }
end

function placement_group.can_delete(call, object)
  if call.w:holders(object, "server")[1] then
    return kit.refuse(422, "resource_in_use", "placement group is still used by a server")
  end
  return true
end

-- ---- Images ----

local image = { kind = "image", plural = "images", protection = { "delete" } }

function image.view(_, object)
  local from = object.server_name and { id = object.server_id, name = object.server_name } or data.null
  return {
    id = object.id,
    type = object.type,
    status = object.state,
    name = kit.maybe(object.name),
    description = object.description,
    image_size = kit.maybe(object.size),
    disk_size = object.disk,
    created = kit.time(object.created),
    created_from = from,
    bound_to = kit.maybe(object.bound_to),
    os_flavor = object.flavor,
    os_version = kit.maybe(object.version),
    architecture = object.architecture,
    rapid_deploy = object.type == "system",
    protection = resource.protection(object, { "delete" }),
    deprecated = data.null,
    deprecation = data.null,
    deleted = data.null,
    labels = object.labels,
  }
end

local function field(name)
  return function(object)
    return object[name]
  end
end

image.filters = {
  type = field("type"),
  status = field("state"),
  architecture = field("architecture"),
  bound_to = field("bound_to"),
}

image.update = {
  description = { type = "string" },
  type = { type = "enum", one_of = { "snapshot" } },
  labels = kit.LABELS,
}

function image.delete(call, object)
  if object.type ~= "snapshot" and object.type ~= "backup" then
    return kit.refuse(403, "forbidden", "images of type %s cannot be deleted", object.type)
  end
  call.w:remove(object)
  return 204
end

return { ssh_key, certificates, placement_group, image, image = image, placement_group = placement_group }
