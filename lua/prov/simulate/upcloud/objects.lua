--- Managed object storage of the simulated UpCloud: services, which hold buckets. One of the newer services: plain
-- JSON, RFC 7807 errors. What is in buckets is not kept, for nothing here speaks S3.

local data = require("core.data")
local kit = require("prov.simulate.upcloud.kit")

local M = {}

--- Regions as recorded, each with its first zone.
local REGIONS = {
  { "apac-1", { "sg-sin1" } },
  { "europe-1", { "fi-hel2", "de-fra1", "es-mad1", "fi-hel1", "nl-ams1", "pl-waw1", "uk-lon1", "se-sto1" } },
  { "europe-2", { "de-fra1", "fi-hel2", "es-mad1", "fi-hel1", "nl-ams1", "pl-waw1", "uk-lon1", "se-sto1" } },
}

local function region_view(region)
  local zones = data.list({})
  for i, zone in ipairs(region[2]) do
    zones[i] = { name = zone }
  end
  return { name = region[1], primary_zone = region[2][1], zones = zones }
end

local function region_of(name)
  for _, region in ipairs(REGIONS) do
    if region[1] == name then
      return region
    end
  end
end

local function list_regions()
  local out = data.list({})
  for i, region in ipairs(REGIONS) do
    out[i] = region_view(region)
  end
  return 200, out
end

local function get_region(call)
  local region = region_of(call.params.name)
  if not region then
    return kit.refuse(404, "RESOURCE_NOT_FOUND", "Region not found.")
  end
  return 200, region_view(region)
end

-- ---- Services ----

local function endpoints_view(service)
  local out = data.list({})
  for _, network in ipairs(service.configured == "started" and service.networks or {}) do
    local domain = service.domain .. (network.type == "private" and "-private" or "") .. ".upcloudobjects.com"
    out[#out + 1] = {
      domain_name = domain, iam_url = ("https://%s:4443/iam"):format(domain),
      sts_url = ("https://%s:4443/sts"):format(domain), type = network.type,
    }
  end
  return out
end

local function networks_view(service)
  local out = data.list({})
  for i, one in ipairs(service.networks) do
    out[i] = { family = one.family, name = one.name, type = one.type, uuid = one.uuid }
  end
  return out
end

--- How a service looks in a list.
local function row(service)
  return {
    configured_status = service.configured,
    created_at = kit.fine_time(service.created),
    endpoints = endpoints_view(service),
    labels = kit.shown_labels(service.labels),
    name = service.name,
    networks = networks_view(service),
    operational_state = service.state,
    region = service.region,
    updated_at = kit.fine_time(service.updated),
    usage = { total_objects = 0, total_size_bytes = 0 },
    uuid = service.id,
  }
end

local function view(service)
  local out = row(service)
  out.users = data.list({})
  return out
end

local function the_service(call)
  local service = call.w:get("object_storage", call.params.id)
  if not service then
    return kit.refuse(404, "RESOURCE_NOT_FOUND", "Service not found.")
  end
  return service
end

local NETWORKS = { public = true, private = true }

local function read_networks(w, given)
  local out = data.list({})
  for i, one in ipairs(type(given) == "table" and given or {}) do
    local at = ("networks[%d]"):format(i - 1)
    if type(one) ~= "table" or not NETWORKS[one.type] or type(one.name) ~= "string" then
      return kit.invalid_param(at, "Needs name and type.")
    elseif one.type == "private" and not w:get("network", one.uuid) then
      return kit.invalid_param(at .. ".uuid", "No such network.")
    end
    out[i] = { family = one.family or "IPv4", name = one.name, type = one.type, uuid = one.uuid }
  end
  return out
end

local STATUSES = { started = true, stopped = true }

--- What a body says of a service, checked: labels and networks are nil when it does not.
local function read_service(call)
  local body, e = kit.body(call)
  local labels, networks
  if body and body.configured_status ~= nil and not STATUSES[body.configured_status] then
    return kit.invalid_param("configured_status", "Must be started or stopped.")
  elseif body and body.labels ~= nil then
    labels, e = kit.labels(body.labels)
    body = labels and body
  end
  if body and body.networks ~= nil then
    networks, e = read_networks(call.w, body.networks)
    body = networks and body
  end
  if not body then
    return nil, e
  end
  return { body = body, labels = labels, networks = networks }
end

local function create_service(call)
  local new, e = read_service(call)
  if not new then
    return nil, e
  elseif type(new.body.name) ~= "string" or new.body.name == "" then
    return kit.invalid_param("name", "Must be there.")
  elseif not region_of(new.body.region) then
    return kit.invalid_param("region", "No such region.")
  elseif not new.body.configured_status then
    return kit.invalid_param("configured_status", "Must be there.")
  end
  local w = call.w
  local service
  service, e = w:add("object_storage", {
    id = "12" .. w.world:uuid():sub(3), name = new.body.name, region = new.body.region, domain = w.world:hex(5),
    configured = new.body.configured_status, labels = new.labels or data.list({}),
    networks = new.networks or data.list({}), state = "pending", updated = w.world:now(),
  })
  if not service then
    return nil, e
  end
  w:later(service, 0, { state = "setup-service" })
  w:later(service, kit.TIMES.objects, { state = "running" })
  return 201, view(service)
end

local function list_services(call)
  local out = {}
  for i, service in ipairs(call.w:list("object_storage")) do
    out[i] = row(service)
  end
  return 200, kit.page(call, out)
end

local function get_service(call)
  local service, e = the_service(call)
  if not service then
    return nil, e
  end
  return 200, view(service)
end

local function modify_service(call)
  local service, e = the_service(call)
  local new
  if service then
    new, e = read_service(call)
  end
  if not new then
    return nil, e
  end
  local status = new.body.configured_status
  call.w:change(service, {
    name = type(new.body.name) == "string" and new.body.name or nil, labels = new.labels, networks = new.networks,
    configured = status, state = "pending", updated = call.w.world:now(),
  })
  call.w:later(service, kit.TIMES.objects, { state = (status or service.configured) == "stopped" and "stopped"
    or "running" })
  return 200, view(service)
end

--- A service goes with its buckets only when it is forced to.
local function delete_service(call)
  local service, e = the_service(call)
  if not service then
    return nil, e
  end
  local buckets = call.w:holders(service, "bucket")
  if buckets[1] and (call.query.force or {})[1] ~= "true" then
    return kit.invalid_param("force", "The service has buckets.")
  end
  for _, bucket in ipairs(buckets) do
    call.w:remove(bucket)
  end
  call.w:change(service, { state = "delete-service" })
  call.w:later(service, kit.TIMES.bucket_gone, "gone")
  return 204
end

-- ---- Buckets ----

local function bucket_view(bucket)
  return { deleted = bucket.deleted or false, name = bucket.name, total_objects = 0, total_size_bytes = 0 }
end

--- The service of the path and its buckets.
local function buckets_of(call)
  local service, e = the_service(call)
  if not service then
    return nil, e
  end
  return service, call.w:holders(service, "bucket")
end

local function list_buckets(call)
  local service, buckets = buckets_of(call)
  if not service then
    return nil, buckets
  end
  local out = {}
  for i, bucket in ipairs(buckets) do
    out[i] = bucket_view(bucket)
  end
  return 200, kit.page(call, out)
end

local function create_bucket(call)
  local service, buckets = buckets_of(call)
  if not service then
    return nil, buckets
  end
  local body, e = kit.body(call)
  if not body then
    return nil, e
  elseif type(body.name) ~= "string" or #body.name < 3 or #body.name > 63 or body.name:find("[^%w.,_-]") then
    return kit.invalid_param("name", "Must have 3 to 63 letters, digits, dots, commas, dashes and underscores.")
  elseif service.state ~= "running" then
    return kit.invalid_param("service", "The service is not running.")
  end
  for _, other in ipairs(buckets) do
    if other.name == body.name then
      return kit.invalid_param("name", "The bucket exists already.")
    end
  end
  local bucket
  bucket, e = call.w:add("bucket", { id = service.id .. "/" .. body.name, name = body.name, service = service.id })
  if not bucket then
    return nil, e
  end
  return 201, bucket_view(bucket)
end

local function delete_bucket(call)
  local service, buckets = buckets_of(call)
  if not service then
    return nil, buckets
  end
  for _, bucket in ipairs(buckets) do
    if bucket.name == call.params.bucket then
      call.w:change(bucket, { deleted = true })
      call.w:later(bucket, kit.TIMES.bucket_gone, "gone") -- it is listed until then
      return 204
    end
  end
  return kit.refuse(404, "RESOURCE_NOT_FOUND", "Bucket not found.")
end

--- What a service has none of here; clients ask for it before they delete a service.
local function none(call)
  local service, e = the_service(call)
  if not service then
    return nil, e
  end
  return 200, data.list({})
end

M.routes = {
  { "GET", "/object-storage-2/regions", "object_storage_region.list", list_regions },
  { "GET", "/object-storage-2/regions/{name}", "object_storage_region.get", get_region },
  { "GET", "/object-storage-2", "object_storage.list", list_services },
  { "POST", "/object-storage-2", "object_storage.create", create_service },
  { "GET", "/object-storage-2/{id}", "object_storage.get", get_service },
  { "PATCH", "/object-storage-2/{id}", "object_storage.modify", modify_service },
  { "DELETE", "/object-storage-2/{id}", "object_storage.delete", delete_service },
  { "GET", "/object-storage-2/{id}/buckets", "bucket.list", list_buckets },
  { "POST", "/object-storage-2/{id}/buckets", "bucket.create", create_bucket },
  { "DELETE", "/object-storage-2/{id}/buckets/{bucket}", "bucket.delete", delete_bucket },
  { "GET", "/object-storage-2/{id}/users", "object_storage_user.list", none },
  { "GET", "/object-storage-2/{id}/custom-domains", "object_storage_domain.list", none },
  { "GET", "/object-storage-2/{id}/policies", "object_storage_policy.list", none },
}

return M
