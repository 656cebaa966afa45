--- Buckets of the managed object storage. They are in a service of their region, which costs by itself: that of the
-- workspace is made with its first bucket there and deleted with its last, unless the infra names another one.
--
-- Buckets have neither labels nor ids, so the id is `SERVICE/NAME`, and one whose creation's answer was lost is found
-- by its name, which was free when the creation began.

local api = require("api")
local paged = require("labelled").paged

local M = {}

local PATH = "/object-storage-2"
local LABEL = "prov-buckets" -- of a service of prov's own: the workspace whose buckets it has

local function split(id)
  return id:match("^([^/]+)/(.+)$")
end

local function get_service(ctx, uuid)
  return api.call(ctx, "get", PATH .. "/" .. uuid)
end

--- The buckets of a service, without those that are being deleted.
local function buckets_of(ctx, service)
  local list, e = paged(ctx, ("%s/%s/buckets"):format(PATH, service))
  if not list then
    return nil, e
  end
  local out = {}
  for _, one in ipairs(list) do
    out[#out + 1] = not one.deleted and one or nil
  end
  return out
end

local function named(buckets, name)
  for _, one in ipairs(buckets or {}) do
    if one.name == name then
      return one
    end
  end
end

local function endpoint_of(service)
  for _, one in ipairs(service.endpoints or {}) do
    if one.type == "public" and (one.mode or "api") == "api" then
      return "https://" .. one.domain_name
    end
  end
end

local function state_of(ctx, service, name)
  local id = service.uuid .. "/" .. name
  return {
    id = id,
    name = name,
    service = service.uuid,
    zone = api.recorded(ctx, id).zone or ctx.config.zone, -- a service has a region, which is several zones
    endpoint = endpoint_of(service),
  }
end

function M.read(ctx, id)
  local uuid, name = split(id)
  if not uuid then
    return ctx.fail("invalid", "the id of a bucket is SERVICE/NAME, not '%s'", id)
  end
  local service, e = get_service(ctx, uuid)
  local buckets
  if service then
    buckets, e = buckets_of(ctx, uuid)
  end
  if not buckets then
    return api.absent(nil, e)
  end
  return named(buckets, name) and state_of(ctx, service, name) or nil
end

--- The region that serves a zone: the one that is at home there, else the first that knows it.
local function region_of(ctx, zone)
  local regions, e = ctx.cached("object storage regions", function()
    return api.call(ctx, "get", PATH .. "/regions")
  end)
  if not regions then
    return nil, e
  end
  local found
  for _, region in ipairs(regions) do
    for _, one in ipairs(region.zones) do
      if one.name == zone and (not found or region.primary_zone == zone) then
        found = region.name
      end
    end
  end
  return found or ctx.fail("invalid", "UpCloud has no object storage for the zone %s", zone)
end

local function is_own(ctx, service)
  for _, label in ipairs(service.labels or {}) do
    if label.key == LABEL then
      return label.value == ctx.workspace.name
    end
  end
  return false
end

--- The workspace's own service in a region, or nil.
local function find_own(ctx, region)
  local services, e = paged(ctx, PATH)
  if not services then
    return nil, e
  end
  for _, one in ipairs(services) do
    if one.region == region and is_own(ctx, one) and not one.operational_state:find("^delete") then
      return one
    end
  end
end

local function wait_running(ctx, service)
  return ctx.watch("object storage", service.uuid, {
    read = function(ids)
      local out = {}
      for _, id in ipairs(ids) do -- one for each region
        local e
        out[id], e = get_service(ctx, id)
        if e then
          return nil, e
        end
      end
      return out
    end,
    done = function(one)
      return one and one.operational_state == "running" and one or nil
    end,
    every = ctx.config.poll_every,
    max = ctx.config.poll_every * 5,
    timeout = 1800,
  })
end

--- The service that a bucket belongs in, or nil and the region where there is none yet.
---@return table? service, prov.Err? e, string? region
local function service_of(ctx, want)
  if want.service then
    return get_service(ctx, want.service)
  end
  local region, e = region_of(ctx, want.zone or ctx.config.zone)
  local service
  if region then
    service, e = find_own(ctx, region)
  end
  return service, e, region
end

--- The service that a bucket belongs in, made when it is not there.
local function service_for(ctx, want)
  local service, e, region = service_of(ctx, want)
  if not service and not e then
    service, e = api.call(ctx, "post", PATH, {
      name = ("prov-%s-%s"):format(ctx.workspace.name, region):sub(1, 64),
      region = region,
      configured_status = "started",
      labels = { { key = LABEL, value = ctx.workspace.name } },
      networks = { { name = "public", type = "public", family = "IPv4" } },
    })
  end
  if not service then
    return nil, e
  end
  return wait_running(ctx, service)
end

--- Runs fn while nobody else of this provider makes or deletes buckets or services.
local function alone(ctx, fn)
  return api.alone(ctx, "object storage", fn)
end

function M.create(ctx, want)
  local name = api.name(ctx, want)
  return alone(ctx, function()
    local service, e = service_for(ctx, want)
    local buckets
    if service then
      buckets, e = buckets_of(ctx, service.uuid)
    end
    if not buckets then
      return nil, e
    elseif named(buckets, name) then
      return ctx.fail("exists", "the object storage %s has a bucket '%s' already", service.uuid, name)
    end
    local made
    made, e = api.call(ctx, "post", ("%s/%s/buckets"):format(PATH, service.uuid), { name = name })
    if not made then
      return nil, e
    end
    ctx.adopt(service.uuid .. "/" .. name)
    local state = state_of(ctx, service, name)
    state.zone = want.zone or ctx.config.zone
    return state
  end)
end

--- Nothing of a bucket changes in place.
function M.update(ctx, id)
  return M.read(ctx, id)
end

--- Waits until a bucket that is being deleted is no longer listed.
local function wait_gone(ctx, service, name)
  return ctx.watch("buckets of " .. service, name, {
    read = function()
      local list, e = paged(ctx, ("%s/%s/buckets"):format(PATH, service))
      local out = {}
      for _, one in ipairs(list or {}) do
        out[one.name] = one
      end
      return list and out, e
    end,
    done = function(one)
      return one == nil or nil
    end,
    batch = 1000,
    every = ctx.config.poll_every,
    max = ctx.config.poll_every * 5,
    timeout = 1800,
  })
end

--- Deletes the workspace's own service when it has no buckets. UpCloud keeps one that has users: theirs is the word.
local function tidy(ctx, uuid)
  local service, e = get_service(ctx, uuid)
  local buckets
  if service and is_own(ctx, service) then
    buckets, e = paged(ctx, ("%s/%s/buckets"):format(PATH, uuid))
  end
  local ok = not e
  if buckets and #buckets == 0 then
    ok, e = api.remove(ctx, PATH .. "/" .. uuid)
  end
  if not ok and e.code ~= "notfound" then
    ctx.log.warn(("the object storage %s is left over: %s"):format(uuid, tostring(e)))
  end
end

--- UpCloud deletes a bucket with all that is in it; prov does not.
function M.delete(ctx, id)
  local uuid, name = split(id)
  local buckets, e = buckets_of(ctx, uuid)
  local bucket = named(buckets, name)
  if not buckets and e.code ~= "notfound" then
    return nil, e
  elseif bucket and (bucket.total_objects or 0) > 0 then
    return ctx.fail("conflict", "the bucket '%s' has %d objects; delete them first", name, bucket.total_objects)
  end
  local ok = true
  if bucket then
    ok, e = api.remove(ctx, ("%s/%s/buckets/%s"):format(PATH, uuid, name))
  end
  if ok and buckets then
    ok, e = wait_gone(ctx, uuid, name)
  end
  if not ok then
    return nil, e
  end
  return alone(ctx, function()
    tidy(ctx, uuid)
    return true
  end)
end

function M.list(ctx)
  local services, e = paged(ctx, PATH)
  if not services then
    return nil, e
  end
  local out = {}
  for _, service in ipairs(services) do
    local buckets
    buckets, e = buckets_of(ctx, service.uuid)
    if not buckets and e.code ~= "notfound" then
      return nil, e
    end
    for _, one in ipairs(buckets or {}) do
      out[#out + 1] = state_of(ctx, service, one.name)
    end
  end
  return out
end

-- Failures of a creation of which something may have come all the same.
local OPEN = { unavailable = true, timeout = true, canceled = true }

--- A bucket has no mark: what has its name is taken for it, but never what was the reason that it could not be made.
function M.find(ctx)
  if ctx.failure and not OPEN[ctx.failure.code] then
    return nil
  end
  local service, e = service_of(ctx, ctx.want)
  local buckets
  if service then
    buckets, e = buckets_of(ctx, service.uuid)
  end
  if e then
    return nil, e
  end
  local name = api.name(ctx, ctx.want)
  return named(buckets, name) and state_of(ctx, service, name) or nil
end

return M
