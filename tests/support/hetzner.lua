--- A strict stand-in for the Hetzner API for specs: it answers a list of exchanges in order, and any other request
-- is a failure of the spec. What was asked is kept, to be compared with the OpenAPI in the end.

local err = require("prov.err")
local http_server = require("prov.http_server")
local json = require("prov.json")
local tmp = require("support.tmp")

local M = {}

--- Every request of the specs of this process: { method, path, query, body }.
M.asked = {}

--- Folder of the recorded answers and the OpenAPI, which are not part of prov; nil when they are not here.
function M.shared(name)
  local path = (os.getenv("PROV_ROOT") or ".") .. "/../shared/" .. name
  return require("prov.fs").exists(path) and path or nil
end

--- A recorded answer as a value; fields of `change` replace those of the same path ("server.status").
function M.recorded(file, change)
  local v = assert(json.decode(tmp.read(M.shared("fixtures/hetzner/" .. file))))
  for path, to in pairs(change or {}) do
    local at, last = v, nil
    for key in path:gmatch("[^.]+") do
      at, last = last and at[last] or v, math.tointeger(tonumber(key)) or key
    end
    at[last] = to
  end
  return v
end

--- A recorded answer of the OpenAPI.
function M.example(name, change)
  return M.recorded("openapi-examples/" .. name .. ".json", change)
end

--- An action as the API answers it.
function M.action(id, status, e)
  return { id = id, command = "x", status = status or "success", progress = 0, resources = {}, error = e }
end

--- The answer of an action that is over.
function M.done(id)
  return { action = M.action(id or 1) }
end

--- Labels with those that prov adds in these specs.
function M.labels(more)
  local out = { ["prov-key"] = "k1", ["prov-workspace"] = "spec" }
  for name, v in pairs(more or {}) do
    out[name] = v
  end
  return out
end

--- A list of one page.
function M.list(field, items)
  return { [field] = items, meta = { pagination = { page = 1, per_page = 50, last_page = 1 } } }
end

--- An error of the API.
function M.problem(code, message, details)
  return { error = { code = code, message = message or code, details = details } }
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function subset(wanted, given, path)
  if type(wanted) ~= "table" then
    if wanted ~= given then
      error(("%s is %s, not %s"):format(path, tostring(given), tostring(wanted)), 0)
    end
    return
  end
  for key in pairs(given or {}) do
    if wanted[key] == nil then
      error(("%s.%s is %s, and nobody asked for that"):format(path, key, tostring(json.encode(given[key]))), 0)
    end
  end
  for key, v in pairs(wanted) do
    if type(given) ~= "table" or given[key] == nil then
      error(("%s.%s is absent"):format(path, key), 0)
    end
    subset(v, given[key], path .. "." .. key)
  end
end

--- Serves exchanges: { "POST /servers?a=b", request body or nil, status, answer, headers? }; an answer that is a
-- function gets the request and answers itself. Query fields page and per_page need not be told.
---@async
function M.serve(exchanges)
  local self = { n = 0, wrong = nil }
  local server = assert(http_server.listen({}, function(request)
    self.n = self.n + 1
    local query = {}
    for pair in request.query:gmatch("[^&]+") do
      if not pair:match("^page=") and not pair:match("^per_page=") then
        query[#query + 1] = unescape(pair)
      end
    end
    local what = request.method .. " " .. request.path:gsub("^/v1", "")
      .. (query[1] and "?" .. table.concat(query, "&") or "")
    local body = request.body ~= "" and assert(json.decode(request.body)) or nil
    M.asked[#M.asked + 1] = { method = request.method, path = request.path, query = request.query, body = body }
    local one = exchanges[self.n]
    local ok, why = pcall(function()
      if not one or one[1] ~= what then
        error(("request %d is '%s' %s, expected '%s'"):format(self.n, what, request.body, one and one[1] or "none"), 0)
      elseif request.headers.authorization ~= "Bearer " .. ("t"):rep(64) then
        error("the token is missing", 0)
      end
      subset(one[2] or {}, body or {}, what)
    end)
    if not ok then
      self.wrong = self.wrong or why
      return request:respond(418, {}, json.encode({ error = { code = "spec", message = why } }))
    elseif type(one[4]) == "function" then
      return one[4](request)
    end
    local headers = { ["Content-Type"] = "application/json", ["X-Correlation-Id"] = "spec-" .. self.n }
    for name, v in pairs(one[5] or {}) do
      headers[name] = v
    end
    request:respond(one[3], headers, one[4] and (type(one[4]) == "string" and one[4] or json.encode(one[4])) or "")
  end))
  self.url = ("http://127.0.0.1:%d/v1"):format(server.port)

  --- Fails when something was asked that should not have been, or not all was asked.
  function self.check()
    if self.wrong then
      error(self.wrong, 2)
    elseif self.n ~= #exchanges then
      error(("%d of %d requests came; next would be '%s'"):format(self.n, #exchanges, exchanges[self.n + 1][1]), 2)
    end
  end

  return setmetatable(self, { __close = function()
    server:close()
  end })
end

M.USER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqxY2XJ5m1HcWQm3vZ1bQGQ6xq0Tt8v2m9f0m1n2o3p spec"

--- The providers of a workspace that are configured for such a server.
function M.providers(url, config)
  local dir = tmp.dir()
  local workspace = { name = "spec", dir = dir, state_dir = dir .. "/.prov" }
  function workspace.user_key()
    return { public = M.USER_KEY }
  end
  config = config or {}
  config.endpoint, config.token = url, ("t"):rep(64)
  return require("prov.provider").open(workspace, require("prov.registry").open(dir), { hetzner = config })
end

--- A server of exchanges, and providers that are configured for it.
function M.open(exchanges, config)
  local api = M.serve(exchanges)
  return api, M.providers(api.url, config)
end

--- What the OpenAPI has against the requests so far, "" for nothing; or nil and why it was not asked.
---@async
function M.openapi_problems()
  local proc, python = require("prov.proc"), nil
  for _, one in ipairs({ "python3", "/usr/bin/python3" }) do
    local result = proc.run({ one, "-c", "import jsonschema" }, {})
    python = python or result and result.code == 0 and one
  end
  local spec = M.shared("specs/hetzner/hcloud-openapi-community.json")
  if not spec or not python then
    return nil, ("SKIP %d requests: no OpenAPI or no python3-jsonschema here"):format(#M.asked)
  end
  local lines = {}
  for i, request in ipairs(M.asked) do
    lines[i] = json.encode(request)
  end
  local file = tmp.write(tmp.dir() .. "/requests", table.concat(lines, "\n") .. "\n")
  local script = os.getenv("PROV_ROOT") .. "/tests/support/openapi_check.py"
  local result = assert(proc.run({ python, script, spec, file }, {}))
  return result.code == 0 and result.stdout:find(" 0 mistakes", 1, true) and "" or result.stdout .. result.stderr
end

--- One call of a body: state | nil, err, and the ids it adopted.
function M.call(providers, kind, verb, fields, ...)
  local adopted = {}
  fields.address = fields.address or kind .. ".web[1]"
  fields.key = fields.key or "k1"
  fields.adopt = function(id)
    adopted[#adopted + 1] = id
  end
  local want = ...
  if verb == "update" then
    want = select(2, ...)
  end
  if verb == "create" or verb == "update" then
    local declaration = assert(providers:declaration("hetzner"))
    local done, problems = require("prov.contract").compile(declaration.resources[kind].schema):complete(want)
    assert(done, problems and tostring(problems[1]))
    for name in pairs(want) do
      want[name] = nil
    end
    for name, v in pairs(done) do
      want[name] = v
    end
  end
  local result, e = providers:call("hetzner", kind, verb, fields, ...)
  if result == nil and err.is(e) then
    return nil, e, adopted
  end
  return result, nil, adopted
end

return M
