--- The simulated Hetzner Cloud (API v1), by its OpenAPI and what its official clients expect, as of October 2026:
-- without `datacenter`, with Primary IPs for load balancers.

local data = require("core.data")
local catalog = require("prov.simulate.hetzner.catalog")
local crypto = require("core.crypto")
local err = require("prov.err")
local http_routes = require("prov.http_routes")
local json = require("prov.json")
local kit = require("prov.simulate.hetzner.kit")
local lists = require("prov.simulate.hetzner.lists")
local resource = require("prov.simulate.hetzner.resource")

local M = {
  name = "hetzner",
  title = "Hetzner Cloud",
  port = 9601,
  setup = catalog.setup,
  rate = { limit = 3600, per_second = 1 },
  machine = require("prov.simulate.hetzner.machine"),
}

M.kinds = {
  location = {},
  server_type = {},
  load_balancer_type = {},
  image = { refs = { server = "server", bound_to = "server" }, quota = 100 },
  action = { quiet = true },
  ssh_key = { unique = { "name", "fingerprint" } },
  certificate = { unique = { "name" } },
  placement_group = { unique = { "name" }, quota = 50 },
  network = { unique = { "name" }, quota = 50 },
  firewall = { unique = { "name" }, refs = { ["applied[].server"] = "server" }, quota = 50 },
  server = {
    unique = { "name" },
    refs = { ["nets[].network"] = "network", placement_group = "placement_group", image = "image" },
    quota = 10000,
  },
  volume = { unique = { "name" }, refs = { server = "server" }, quota = 1000 },
  floating_ip = { unique = { "name" }, refs = { server = "server" }, quota = 1000 },
  primary_ip = { unique = { "name" }, refs = { server = "server", balancer = "load_balancer" }, quota = 20000 },
  load_balancer = {
    unique = { "name" },
    refs = {
      ["nets[].network"] = "network",
      ["targets[].server.id"] = "server",
      ["services[].http.certificates[]"] = "certificate",
    },
    quota = 100,
  },
  zone = { unique = { "name" }, quota = 500 },
  rrset = { unique = { "key" }, refs = { zone = "zone" } },
}

M.faults = {
  rate_limit = { status = 429, code = "rate_limit_exceeded", message = "limit of 3600 requests per hour reached" },
  unavailable = { status = 503, code = "unavailable", message = "service is temporarily not available" },
  locked = { status = 423, code = "locked", message = "resource is locked" },
}

local FIXED = {
  { kind = "location", plural = "locations", view = catalog.location },
  { kind = "server_type", plural = "server_types", view = catalog.server_type },
  { kind = "load_balancer_type", plural = "load_balancer_types", view = catalog.load_balancer_type },
}

--- Endpoints that are no resources.
local OTHERS = {
  { "GET", "/v1/actions", "action.list", function(call)
    if not call.query.id then
      return kit.invalid("id", "is required")
    end
    return resource.list_actions(call)
  end },
  { "GET", "/v1/actions/{id}", "action.get", function(call)
    return resource.get_action(call)
  end },
  { "GET", "/v1/pricing", "pricing.get", function(call)
    return 200, { pricing = catalog.pricing(call.w) }
  end },
}

--- What there is none of, and nothing that makes one; clients that list all of an account ask for it: kind, plural.
local EMPTY = {
  { "iso", "isos" }, { "storage_box", "storage_boxes" }, { "storage_box_type", "storage_box_types" },
}

--- Endpoints that were there once.
local function gone()
  return nil, err.new("failed", "API functionality was removed", {
    wire = {
      status = 410,
      code = "deprecated_api_endpoint",
      details = { announcement = "https://docs.hetzner.cloud/changelog" },
    },
  })
end

local routes -- made at the first request

local function make_routes()
  local list = {}
  for _, row in ipairs(OTHERS) do
    list[#list + 1] = { method = row[1], path = row[2], operation = row[3], run = row[4] }
  end
  for _, row in ipairs(EMPTY) do
    local kind, plural = row[1], row[2]
    list[#list + 1] = { method = "GET", path = "/v1/" .. plural, operation = kind .. ".list", run = function(call)
      return lists.answer(call, plural, {}, function() end)
    end }
    list[#list + 1] = { method = "GET", path = "/v1/" .. plural .. "/{id}", operation = kind .. ".get",
      run = function(call)
        return kit.absent(kind, call.params.id)
      end }
  end
  for _, path in ipairs({ "/v1/datacenters", "/v1/datacenters/{id}" }) do
    list[#list + 1] = { method = "GET", path = path, operation = "datacenter.get", run = gone }
  end
  local function add(more)
    table.move(more, 1, #more, #list + 1, list)
  end
  for _, spec in ipairs(FIXED) do
    add(resource.routes(spec))
  end
  for _, name in ipairs({ "small", "addresses", "networks", "firewalls", "volumes", "servers", "load_balancers" }) do
    for _, spec in ipairs(require("prov.simulate.hetzner." .. name)) do
      add(resource.routes(spec))
    end
  end
  add(require("prov.simulate.hetzner.zones").routes())
  return http_routes.new(list)
end

local function read_query(call)
  local pairs_of, e = http_routes.query(call.request.query)
  if not pairs_of then
    return nil, e
  end
  for _, pair in ipairs(pairs_of) do
    local name, value = pair[1], pair[2]
    call.query[name] = call.query[name] or {}
    table.insert(call.query[name], value)
  end
  return true
end

--- Finds the handler of a request.
function M.resolve(call)
  routes = routes or make_routes()
  local route, values = routes:match(call.method, call.path)
  call.reads = call.method == "GET" or call.method == "HEAD"
  if not route then
    if values then
      return kit.refuse(405, "method_not_allowed", "method %s is not allowed here", call.method)
    end
    return kit.refuse(404, "not_found", "page not found")
  end
  call.operation, call.params = route.operation, values
  local ok, e = read_query(call)
  if not ok then
    return nil, e
  end
  if call.request.body ~= "" then
    call.body, e = json.decode(call.request.body)
    if call.body == nil then
      return kit.refuse(400, "json_error", "Could not parse JSON: %s", e.msg)
    end
  end
  return route.run
end

--- Lets in who shows a token: any, or the only one.
function M.allow(call, secret)
  local token = (call.request.headers.authorization or ""):match("^[Bb]earer%s+(%S+)%s*$")
  if not token or secret and not crypto.equal(token, secret) then
    return kit.refuse(401, "unauthorized", "unable to authenticate")
  end
  return crypto.sha256(token):sub(1, 16)
end

local function headers_of(call)
  local rate = call.rate
  return {
    ["Content-Type"] = "application/json",
    ["X-Correlation-Id"] = call.id:sub(1, 16),
    ["Access-Control-Allow-Origin"] = "*",
    ["Access-Control-Expose-Headers"] = "Link,X-Correlation-ID",
    ["RateLimit-Limit"] = rate and rate.limit,
    ["RateLimit-Remaining"] = rate and rate.remaining,
    ["RateLimit-Reset"] = rate and rate.reset,
    Link = call.link,
  }
end

--- An answer.
function M.answer(call, status, value)
  local headers = headers_of(call)
  if value == nil then
    headers["Content-Type"] = nil
    return status, headers, ""
  end
  return status, headers, json.encode(value, { pretty = true }) .. "\n"
end

--- What the world refuses, in the words of the API.
local WORLD = {
  exists = function(e)
    local field = e.data and e.data.field or "name"
    local message = field == "fingerprint" and "SSH key with the same fingerprint already exists"
      or ("%s is already used"):format(field)
    return { status = 409, code = "uniqueness_error", message = message, details = {
      fields = data.list({ { name = field, messages = data.list({ message }) } }),
    } }
  end,
  limit = function(e)
    local kind = e.data and e.data.kind or "resource"
    return { status = 403, code = "resource_limit_exceeded", message = kind:gsub("_", " ") .. " limit exceeded",
      details = { limits = data.list({ { name = kind .. "_limit" } }) } }
  end,
  usage = function(e)
    return { status = 400, code = "invalid_input", message = e.msg }
  end,
}

--- An error.
function M.refuse(call, e)
  local form = e.wire or WORLD[e.code] and WORLD[e.code](e)
    or { status = 500, code = "server_error", message = "internal server error" }
  return form.status, headers_of(call), json.encode({
    error = { code = form.code, message = form.message or e.msg, details = form.details or data.null },
  }, { pretty = true }) .. "\n"
end

--- What the official clients read; the newer ones ask a host of its own for storage boxes.
function M.environment(url)
  return {
    { "HCLOUD_ENDPOINT", url .. "/v1" },
    { "HETZNER_ENDPOINT", url .. "/v1" },
    { "HCLOUD_TOKEN", ("simulated"):rep(8):sub(1, 64) },
  }
end

return M
