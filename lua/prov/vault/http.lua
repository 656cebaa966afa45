--- The vault over HTTP, as Vault's API is: /v1/PATH.

local data = require("core.data")
local err = require("prov.err")
local http_lines = require("prov.http_lines")
local http_routes = require("prov.http_routes")
local json = require("prov.json")
local request_of = require("prov.vault.request")

local M = {}

local OPS = { GET = "read", HEAD = "read", LIST = "list", POST = "update", PUT = "update", DELETE = "delete",
  PATCH = "patch" }
-- Below sys/: what is in `data` stands beside it too, where older clients look.
local TWICE = { mounts = true, auth = true, audit = true, policy = true, capabilities = true,
  ["capabilities-self"] = true, ["capabilities-accessor"] = true, ["key-status"] = true }
local SLASH = ("/"):byte()
local OPEN_BYTES = 64 * 1024 -- of a body, from who has no token
local STATUS = {
  usage = 400, invalid = 400, conflict = 400, exists = 400, auth = 400, denied = 403, notfound = 404,
  unsupported = 405, limit = 413, locked = 503, unavailable = 503, timeout = 503, closed = 503,
}

local JSON = http_lines.fixed({ ["content-type"] = "application/json", ["cache-control"] = "no-store" })

local function respond(request, status, value)
  return request:respond(status, JSON, json.encode_said(value))
end

--- The status of HTTP for an error.
---@param e prov.Err
---@return integer
function M.status(e)
  return STATUS[e.code] or 500
end

local function refuse(request, e)
  local errors = data.list({})
  if e.code ~= "notfound" or e.hint then -- what is just not there says nothing, as clients expect
    errors[1] = tostring(e)
    if e.hint and e.code ~= "denied" then
      errors[2] = e.hint
    elseif e.code == "denied" and e.hint then
      errors[1] = ("1 error occurred:\n\t* %s\n\n"):format(tostring(e))
    end
  end
  local status = M.status(e)
  if request.method == "LIST" and status == 405 then
    status = 404
  end
  return respond(request, status, { errors = errors })
end

-- ?version=2&list=true as fields.
local function query_fields(request)
  if request.query == "" then
    return {}
  end
  local pairs_of, e = http_routes.query(request.query)
  if not pairs_of then
    return nil, e
  end
  local out = {}
  for _, pair in ipairs(pairs_of) do
    out[pair[1]] = pair[2]
  end
  return out
end

local function body_fields(request)
  if request.body == "" then
    return {}
  elseif not request.body:find("^%s*{") -- what curl says of JSON is not true
    and (request.headers["content-type"] or ""):match("^application/x%-www%-form%-urlencoded") then
    return query_fields({ query = request.body })
  end
  local value, e = json.decode(request.body)
  if e then
    return err.fail("usage", "error parsing JSON: %s", e.msg)
  elseif value == data.null then
    return {}
  elseif data.kind(value) ~= "map" then
    return err.fail("usage", "the body must be a map")
  end
  return value
end

-- The path in clear; each part is unescaped by itself, and none may hold a slash.
local function path_of(request)
  local raw = request.path:match("^/v1/(.*)$")
  if not raw then
    return err.fail("notfound", "there is nothing at %s", request.path)
  elseif not raw:find("%", 1, true) and not raw:find("//", 1, true) and raw:byte() ~= SLASH
    and raw:byte(-1) ~= SLASH then
    return raw -- the server lets printable ASCII in alone
  end
  local out = {}
  for part in raw:gmatch("[^/]+") do
    local text = http_routes.decode(part)
    if not text or text:find("/", 1, true) then
      return err.fail("usage", "the path is not well encoded")
    end
    out[#out + 1] = text
  end
  return table.concat(out, "/")
end

local function token_of(request)
  local headers = request.headers
  return headers["x-vault-token"] or (headers.authorization or ""):match("^[Bb]earer%s+(%S+)%s*$")
end

local function asked_of(vault, request)
  local op = OPS[request.method]
  if not op then
    return err.fail("unsupported", "%s cannot be done with paths", request.method)
  elseif (request.headers["x-vault-namespace"] or "") ~= "" then
    return err.fail("usage", "there are no namespaces here: leave X-Vault-Namespace out")
  elseif #request.body > OPEN_BYTES and not vault:knows(token_of(request)) then
    return err.fail("limit", "a request without a valid token may have %d bytes", OPEN_BYTES)
  end
  local path, e = path_of(request)
  if not path then
    return nil, e
  end
  local fields
  fields, e = query_fields(request)
  local body
  if fields then
    body, e = body_fields(request)
  end
  if not body then
    return nil, e
  end
  if op == "read" and (fields.list == "true" or fields.list == "1") then
    op = "list"
  end
  fields.list = nil
  for key, value in pairs(body) do
    fields[key] = value
  end
  local wrap
  wrap, e = request_of.read_ttl(request.headers["x-vault-wrap-ttl"])
  if e then
    return nil, e
  end
  return { op = op, path = path, data = fields, token = token_of(request), wrap_ttl = wrap, remote = request.peer }
end

--- Answers a request.
---@async
---@param vault prov.Vault
---@param request prov.http.Incoming
function M.handle(vault, request)
  local asked, e = asked_of(vault, request)
  if not asked then
    return refuse(request, e)
  end
  local answer
  answer, e = vault:request(asked)
  if not answer then
    return refuse(request, e)
  elseif answer.body then
    return request:respond(answer.status or 200, { ["content-type"] = answer.content_type or "text/plain" },
      answer.body)
  elseif not answer.json and not answer.data and not answer.auth and not answer.wrap_info and not answer.warnings
    and not answer.lease_id then
    return request:respond(answer.status or 204)
  end
  local value = request_of.shape(answer)
  if not answer.json and answer.data and TWICE[asked.path:match("^sys/([%w-]+)")] then
    for key, item in pairs(answer.data) do
      if value[key] == nil then
        value[key] = item
      end
    end
  end
  return respond(request, answer.status or 200, value)
end

return M
