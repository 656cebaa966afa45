--- The simulated UpCloud (API 1.3, and what of 1.2 is the same), by recordings of the real one.
--
-- Old services wrap things in envelopes and tell errors as { error = { error_code, error_message } }; newer ones (load
-- balancers, tokens) speak plain JSON and RFC 7807.

local catalog = require("prov.simulate.upcloud.catalog")
local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")
local http_routes = require("prov.http_routes")
local json = require("prov.json")
local kit = require("prov.simulate.upcloud.kit")
local storages = require("prov.simulate.upcloud.storages")

local M = {
  name = "upcloud",
  title = "UpCloud",
  port = 9602,
  setup = catalog.setup,
  machine = require("prov.simulate.upcloud.machine").form,
}

M.kinds = {
  storage = { quota = 10000 },
  network = { refs = { router = "router" }, quota = 1000 },
  router = {},
  server = {
    refs = { ["devices[].storage"] = "storage", ["interfaces[].network"] = "network", group = "group" },
    quota = 10000,
  },
  address = {},
  tag = { unique = { "name" } },
  group = {},
  token = {},
  balancer = { unique = { "name" }, refs = { ["networks[].uuid"] = "network" }, quota = 100 },
  object_storage = { refs = { ["networks[].uuid"] = "network" }, quota = 20 },
  bucket = { refs = { service = "object_storage" }, quota = 1000 },
}

M.faults = {
  rate_limit = { status = 429, code = "TOO_MANY_REQUESTS", message = "Too many requests." },
  unavailable = { status = 503, code = "SERVICE_UNAVAILABLE", message = "The service is temporarily unavailable." },
  locked = { status = 409, code = "SERVER_STATE_ILLEGAL", message = "The server is in the state 'maintenance'." },
}

-- The first part of the paths of newer services.
local NEW = {
  ["/load-balancer"] = true, ["/gateway"] = true, ["/object-storage-2"] = true, ["/file-storage"] = true,
  ["/database"] = true, ["/kubernetes"] = true,
}

local MODULES = { "servers", "firewalls", "storages", "networks", "addresses", "small", "balancers", "objects" }

local routes -- made at the first request

local function make_routes()
  local list = {}
  local function add(rows)
    for _, row in ipairs(rows) do
      list[#list + 1] = { method = row[1], path = row[2], operation = row[3], run = row[4] }
    end
  end
  for _, row in ipairs(catalog.routes) do
    local fn = row[4]
    add({ { row[1], row[2], row[3], function(call)
      return 200, fn(call)
    end } })
  end
  for _, name in ipairs(MODULES) do
    add(require("prov.simulate.upcloud." .. name).routes)
  end
  return http_routes.new(list)
end

--- Finds the handler of a request.
function M.resolve(call)
  routes = routes or make_routes()
  call.reads = call.method == "GET" or call.method == "HEAD"
  local session = call.method == "PUT" and call.path:match("^/uploader/session/([%x-]+)$")
  if session then
    call.upload, call.new, call.operation, call.params = true, true, "storage.upload", { session = session }
    return storages.upload
  end
  local version, path = call.path:match("^/(1%.[23])(/.*)$")
  if not version then
    return kit.refuse(404, "NOT_FOUND", "The resource does not exist.")
  end
  path = #path > 1 and path:gsub("/+$", "") or path
  call.version = version
  call.new = NEW[path:match("^/[^/]+")] or path:find("^/account/tokens") ~= nil
  local route, values = routes:match(call.method, path)
  if not route then
    if values then
      return kit.refuse(405, "METHOD_NOT_ALLOWED", "The method %s is not allowed.", call.method)
    end
    return kit.refuse(404, "NOT_FOUND", "The resource does not exist.")
  end
  call.operation, call.params = route.operation, values
  local rows, e = http_routes.query(call.request.query)
  if not rows then
    return nil, e
  end
  for _, pair in ipairs(rows) do
    call.query[pair[1]] = call.query[pair[1]] or {}
    table.insert(call.query[pair[1]], pair[2])
  end
  if call.request.body ~= "" then
    call.body, e = json.decode(call.request.body)
    if call.body == nil then
      return kit.refuse(400, "BAD_REQUEST", "The request body is not valid JSON: %s", e.msg)
    end
  end
  return route.run
end

--- Lets in who shows a token, or a user and a password: any, or the only one.
function M.allow(call, secret)
  if call.upload then
    return "upload" -- at another host, which knows only the sessions
  end
  local header = call.request.headers.authorization or ""
  local token = header:match("^[Bb]earer%s+(%S+)%s*$")
  local basic = header:match("^[Bb]asic%s+(%S+)%s*$")
  local pair = basic and base.unbase64(basic)
  local user, password = (pair or ""):match("^([^:]+):(.*)$")
  local shown = token or password
  if not shown or shown == "" or secret and not crypto.equal(shown, secret) then
    return kit.refuse(401, "AUTHENTICATION_FAILED", "Authentication failed using the given username and password.")
  end
  call.user = user
  return crypto.sha256(user or token):sub(1, 16)
end

local function headers_of(call)
  return {
    ["Content-Type"] = call.new and "application/json" or "application/json; charset=UTF-8",
    ["Strict-Transport-Security"] = "max-age=63072000",
  }
end

--- API 1.2 knows no interfaces, and calls remote access by its protocol.
local function as_in_12(server)
  server.networking = nil
  server.vnc = server.remote_access_enabled == "yes" and "on" or "off"
  server.vnc_password = server.remote_access_password
  server.vnc_host, server.vnc_port = server.zone .. ".vnc.upcloud.com", "3000"
  server.remote_access_enabled, server.remote_access_password, server.remote_access_type = nil, nil, nil
end

--- An answer.
function M.answer(call, status, value)
  local headers = headers_of(call)
  if call.version == "1.2" and value and value.server then
    as_in_12(value.server)
  end
  if value == nil then
    headers["Content-Type"] = nil
    return status, headers, ""
  end
  return status, headers, json.encode(value, { pretty = not call.new })
end

--- What the world refuses, in the words of the API.
local WORLD = {
  exists = { 409, "RESOURCE_ALREADY_EXISTS" },
  limit = { 409, "RESOURCE_LIMIT_REACHED" },
  usage = { 400, "BAD_REQUEST" },
  invalid = { 400, "BAD_REQUEST" },
}

--- An error.
function M.refuse(call, e)
  local known = WORLD[e.code] or { 500, "INTERNAL_SERVER_ERROR" }
  local form = e.wire or { status = known[1], code = known[2] }
  local headers = headers_of(call)
  local message = form.message or e.msg
  if not call.new then
    return form.status, headers, json.encode({ error = { error_code = form.code, error_message = message } },
      { pretty = true })
  end
  headers["Content-Type"] = "application/problem+json"
  return form.status, headers, json.encode({
    type = "https://developers.upcloud.com/1.3/errors#ERROR_" .. form.code,
    title = message,
    status = form.status,
    correlation_id = call.id:sub(1, 26):upper(),
    invalid_params = form.params and data.list(form.params) or nil,
  })
end

--- What the official clients read.
function M.environment(url)
  return {
    { "UPCLOUD_DEBUG_API_BASE_URL", url }, { "UPCLOUD_ENDPOINT", url }, { "UPCLOUD_TOKEN", "ucat_simulated" },
  }
end

return M
