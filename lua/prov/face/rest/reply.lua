--- Answers: JSON with an ETag, and errors as problem details (RFC 9457).

local crypto = require("core.crypto")
local err = require("prov.err")
local json = require("prov.json")

local M = {}

--- The HTTP status of each error code.
M.STATUS = {
  usage = 400,
  invalid = 422,
  cycle = 422,
  failed = 422,
  unsupported = 422,
  unknown = 422,
  auth = 401,
  denied = 403,
  notfound = 404,
  exists = 409,
  conflict = 409,
  locked = 409,
  canceled = 409,
  closed = 409,
  limit = 413,
  timeout = 504,
  unavailable = 503,
  protocol = 502,
  io = 500,
  corrupt = 500,
  bug = 500,
}

local TITLES = {
  [304] = "Not Modified",
  [400] = "Bad Request",
  [401] = "Unauthorized",
  [403] = "Forbidden",
  [404] = "Not Found",
  [405] = "Method Not Allowed",
  [406] = "Not Acceptable",
  [409] = "Conflict",
  [412] = "Precondition Failed",
  [413] = "Content Too Large",
  [415] = "Unsupported Media Type",
  [422] = "Unprocessable Content",
  [500] = "Internal Server Error",
  [502] = "Bad Gateway",
  [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
}

--- The JSON pointer (RFC 6901) to a field of the body.
---@param keys (string|integer)[]
---@return string
function M.pointer(keys)
  local out = {}
  for i, key in ipairs(keys) do
    key = math.type(key) == "integer" and key - 1 or key -- lists begin with 0 there
    out[i] = "/" .. tostring(key):gsub("~", "~0"):gsub("/", "~1")
  end
  return table.concat(out)
end

--- Tells of each error which part of the request it is about.
local function locate(request, e, list)
  for i, one in ipairs(err.list(e)) do
    local item = list[i]
    item.pointer, item.parameter, item.header = one.pointer, one.parameter, one.header
    if one.keys and one.keys[1] ~= nil and not one.file then
      local first = one.keys[1]
      if request.op and (request.op.http.path:find("{" .. tostring(first) .. "}", 1, true) or request.body == ""
        or not (request.op.params or {})[first] and request.query ~= "") then
        item.parameter = tostring(first)
      else
        item.pointer = M.pointer(one.keys)
      end
    end
  end
end

--- Answers with an error.
---@param request prov.http.Incoming
---@param e prov.Err|prov.Err[]
---@param status? integer another one than that of the code
---@param headers? table<string, string>
function M.problem(request, e, status, headers)
  local list = err.data(e).errors
  local first = list[1]
  locate(request, e, list)
  status = status or M.STATUS[first.code] or 500
  headers = headers or {}
  headers["content-type"] = "application/problem+json"
  local wait = type(first.data) == "table" and first.data.retry_after
  if wait then
    headers["retry-after"] = tostring(math.ceil(wait))
  end
  if status == 401 then
    headers["www-authenticate"] = 'Bearer realm="prov"'
  end
  local body = json.encode({
    type = "urn:prov:error:" .. first.code,
    title = TITLES[status] or "Error",
    status = status,
    detail = first.msg,
    code = first.code,
    hint = first.hint,
    errors = require("core.data").list(list),
  }, { sorted = true })
  return request:respond(status, headers, request.method ~= "HEAD" and body or nil)
end

--- Answers with JSON.
---@param request prov.http.Incoming
---@param status integer
---@param text string JSON
---@param headers? table<string, string>
function M.json(request, status, text, headers)
  headers = headers or {}
  headers["content-type"] = "application/json"
  if request.method == "HEAD" then
    headers["content-length"] = tostring(#text)
    return request:respond(status, headers)
  end
  return request:respond(status, headers, text)
end

--- The entity tag of a representation: its version, when it has one, else its hash.
---@param text string JSON
---@param version? integer
---@return string
function M.etag(text, version)
  return '"' .. (version and tostring(version) or crypto.sha256(text):sub(1, 32)) .. '"'
end

--- True when a list of entity tags, as in If-Match, has one; weakly compared.
---@param header string
---@param tag string
---@return boolean
function M.has_tag(header, tag)
  if header:match("^%s*%*%s*$") then
    return true
  end
  for one in header:gmatch('"[^"]*"') do
    if one == tag then
      return true
    end
  end
  return false
end

return M
