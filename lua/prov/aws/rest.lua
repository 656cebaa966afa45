--- AWS's protocol that is REST with XML, in both directions: a request is a method, a path, a query, headers and XML,
--- each where the table of the service says (the notation is in prov.aws.query).

local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local sigv4 = require("prov.sigv4")
local xml = require("prov.xml")

local M = {}

---@class prov.aws.RestRequest
---@field method string
---@field target string path and query
---@field headers table<string, string>
---@field body string

-- Requests ---------------------------------------------------------------------------------------

--- A text with an element and its namespace.
local function document(service, root, made)
  local element = made == "" and {} or made
  element["@xmlns"] = service.namespace
  return assert(xml.encode({ [root] = element }))
end

--- The pairs of a member in the query: a list has its name many times, a map names of its own where there is no other
--- of that name.
local function put_query(service, out, member, v, taken)
  local type = member.type
  if type.kind == "list" then
    for _, item in ipairs(v) do
      out[#out + 1] = { member.xml, service:text(type.of, item) }
    end
  elseif type.kind == "map" then
    for _, key in ipairs(data.keys(v)) do
      if not taken[key] then
        put_query(service, out, { xml = key, type = type.of }, v[key])
      end
    end
  else
    out[#out + 1] = { member.xml, service:text(type, v) }
  end
end

--- An item of a list in a header; with quotes around what has a comma.
local function header_item(text)
  return text:find('[,"]') and '"' .. text:gsub('[\\"]', "\\%0") .. '"' or text
end

local function put_header(service, out, member, v)
  local type = member.type
  if type.kind == "list" then
    local items = {}
    for i, item in ipairs(v) do
      local text = service:text(type.of, item)
      items[i] = type.of.kind == "s" and header_item(text) or text
    end
    out[member.xml] = table.concat(items, ", ")
  elseif type.kind == "map" then
    for _, key in ipairs(data.keys(v)) do
      out[member.xml .. key] = service:text(type.of, v[key])
    end
  else
    out[member.xml] = service:text(type, v)
  end
end

--- The path with its labels filled in: {Id}, or {Key+}, which may have slashes.
local function fill(path, labels)
  return (path:gsub("{(%w+)(%+?)}", function(name, greedy)
    local text = labels[name]
    if not text or text == "" then
      error(("aws: the path %s needs %s"):format(path, name), 0)
    end
    return greedy ~= "" and text:gsub("[^/]+", sigv4.escape) or sigv4.escape(text)
  end))
end

--- The query in a path of a service, as pairs.
local function fixed_query(text)
  local out = {}
  for part in text:gmatch("[^&]+") do
    local name, v = part:match("^([^=]*)=(.*)$")
    out[#out + 1] = { name or part, v or "" }
  end
  return out
end

local function text_of_query(list)
  local out = {}
  for i, pair in ipairs(list) do
    out[i] = sigv4.escape(pair[1]) .. (pair[2] ~= "" and "=" .. sigv4.escape(pair[2]) or "=")
  end
  return #out > 0 and "?" .. table.concat(out, "&") or ""
end

--- A hash as S3 wants it of bodies that change something.
local function checksum(body)
  return base.base64((assert(crypto.sha256(body)):gsub("%x%x", function(hex)
    return string.char(tonumber(hex, 16))
  end)))
end

--- The body that is one member alone.
local function put_payload(service, made, member, v)
  if member.type.kind == "struct" then
    made.body = document(service, member.xml, service:element(member.type.name, v))
    made.headers["Content-Type"] = "application/xml"
  else
    made.body = tostring(v)
    made.headers["Content-Type"] = member.type.kind == "s" and "text/plain" or "application/octet-stream"
  end
end

--- Makes a request. An operation or field that there is not is a bug of the caller, and raised.
---@param service prov.aws.Service
---@param operation string CreateHostedZone
---@param params? table
---@return prov.aws.RestRequest
function M.request(service, operation, params)
  local known = service.operations[operation] or error(("aws: %s has no %s"):format(service.name, operation), 2)
  local made, labels, in_body = { method = known.method, headers = {}, body = "" }, {}, false
  local path, fixed = known.path:match("^([^?]*)%??(.*)$")
  local list, members = fixed_query(fixed), service:members(known.input or "-")
  for field in pairs(params or {}) do
    if not members.by_name[field] then
      error(("aws: %s has no field '%s'"):format(operation, tostring(field)), 2)
    end
  end
  local taken = {}
  for _, pair in ipairs(list) do
    taken[pair[1]] = true
  end
  for _, member in ipairs(members) do
    taken[member.place == "?" and member.type.kind ~= "map" and member.xml or ""] = true
  end
  for _, member in ipairs(members) do
    local v = (params or {})[member.name]
    if v == nil then
      goto continue
    elseif member.place == "/" then
      labels[member.xml] = service:text(member.type, v)
    elseif member.place == "?" then
      put_query(service, list, member, v, taken)
    elseif member.place == ":" then
      put_header(service, made.headers, member, v)
    elseif member.place == "!" then
      put_payload(service, made, member, v)
    else
      in_body = true
    end
    ::continue::
  end
  if in_body then
    made.body = document(service, known.root or known.input, service:element(known.input, params))
    made.headers["Content-Type"] = "application/xml"
  end
  if known.checksum then
    made.headers["x-amz-sdk-checksum-algorithm"] = "SHA256"
    made.headers["x-amz-checksum-sha256"] = checksum(made.body)
  end
  made.target = fill(path, labels) .. text_of_query(list)
  return made
end

local function refused(code, fmt, ...)
  return nil, err.new("invalid", fmt:format(...), { data = { cloud_code = code } })
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

--- A path of a service as a pattern, and the names of its labels.
local function pattern_of(path)
  local names = {}
  local text = path:gsub("[%-%.%%]", "%%%0"):gsub("{(%w+)(%+?)}", function(name, greedy)
    names[#names + 1] = name
    return greedy ~= "" and "(.+)" or "([^/]+)"
  end)
  return "^" .. text:gsub("/$", "") .. "/?$", names
end

--- The operations as what is asked is compared with: method, pattern, query that must be there.
local routes_of = setmetatable({}, { __mode = "k" })

local function routes(service)
  if routes_of[service] then
    return routes_of[service]
  end
  local out = {}
  for _, operation in ipairs(data.keys(service.operations)) do
    local known = service.operations[operation]
    local path, fixed = known.path:match("^([^?]*)%??(.*)$")
    local route = { operation = operation, method = known.method, fixed = fixed_query(fixed), may = {} }
    route.pattern, route.names = pattern_of(path)
    for _, pair in ipairs(route.fixed) do
      route.may[pair[1]] = true
    end
    for _, member in ipairs(service:members(known.input or "-")) do
      if member.place == "?" then
        route.may[member.xml] = true
      end
    end
    out[#out + 1] = route
  end
  table.sort(out, function(a, b)
    return #a.fixed > #b.fixed or #a.fixed == #b.fixed and a.operation < b.operation
  end)
  routes_of[service] = out
  return out
end

--- Names of the query that are about the request and not of it.
local function is_outside(name)
  return name:find("^X%-Amz%-") ~= nil or name == "x-id"
end

local function fits(route, asked)
  for _, pair in ipairs(route.fixed) do
    if asked[pair[1]] == nil or pair[2] ~= "" and asked[pair[1]][1] ~= pair[2] then
      return false
    end
  end
  for name in pairs(asked) do
    if not (route.may[name] or is_outside(name)) then
      return false
    end
  end
  return true
end

--- The value of a member from texts of a query or header.
local function of_texts(service, type, texts)
  if type.kind == "list" then
    local out = {}
    for i, text in ipairs(texts) do
      out[i] = service:scalar(type.of, text)
    end
    return data.list(out)
  end
  return service:scalar(type, texts[1])
end

--- The structure in a body.
local function of_body(service, name, text)
  local tree, e = xml.decode(text)
  if not tree then
    return refused("MalformedXML", "%s", e.msg or tostring(e))
  end
  local _, node = next(tree)
  return service:value(name, node)
end

--- The parameters of a request, by its route and the labels of its path.
local function params_of(service, route, labels, asked, request)
  local known, out = service.operations[route.operation], {}
  local members = service:members(known.input or "-")
  local in_body = false
  for _, member in ipairs(members) do
    local texts
    if member.place == "/" then
      texts = { labels[member.xml] }
    elseif member.place == "?" then
      texts = asked[member.xml]
    elseif member.place == ":" then
      texts = { request.headers[member.xml:lower()] }
    elseif member.place == "!" and member.type.kind ~= "struct" then
      out[member.name] = request.body
    elseif member.place == "!" and request.body ~= "" then
      local v, e = of_body(service, member.type.name, request.body)
      if not v then
        return nil, e
      end
      out[member.name] = v
    else
      in_body = in_body or not member.place
    end
    if texts and texts[1] then
      out[member.name] = of_texts(service, member.type, texts)
      if out[member.name] == nil then
        return refused("InvalidArgument", "%s is not valid for %s", texts[1], member.xml)
      end
    end
  end
  if in_body and request.body ~= "" then
    local v, e = of_body(service, known.input, request.body)
    if not v then
      return nil, e
    end
    for name, one in pairs(v) do
      out[name] = one
    end
  end
  return out
end

--- Reads a request: the reverse of request. Errors are "invalid" with AWS's name in data.cloud_code: NotImplemented
--- (an operation that the table does not have), MalformedXML, InvalidArgument.
---@param service prov.aws.Service
---@param request prov.aws.RestRequest names of headers in lower case
---@return string? operation
---@return table|prov.Err params
function M.decode_request(service, request)
  local path, text = request.target:match("^([^?]*)%??(.*)$")
  local asked = {}
  for part in text:gmatch("[^&]+") do
    local name, v = part:match("^([^=]*)=(.*)$")
    name, v = unescape(name or part), unescape((v or ""):gsub("+", " "))
    asked[name] = asked[name] or {}
    table.insert(asked[name], v)
  end
  for _, route in ipairs(routes(service)) do
    local found = route.method == request.method and table.pack(path:match(route.pattern))
    if found and found[1] and fits(route, asked) then
      local labels = {}
      for i, name in ipairs(route.names) do
        labels[name] = unescape(found[i])
      end
      local params, e = params_of(service, route, labels, asked, request)
      if not params then
        return nil, e
      end
      return route.operation, params
    end
  end
  return refused("NotImplemented", "A header you provided implies functionality that is not implemented: %s %s",
    request.method, request.target)
end

-- Answers ----------------------------------------------------------------------------------------

--- The headers of an answer that begin so, as a map.
local function headers_of(service, type, prefix, headers)
  local out = {}
  for name, text in pairs(headers) do
    if name:lower():sub(1, #prefix) == prefix:lower() then
      out[name:sub(#prefix + 1)] = service:scalar(type.of, text)
    end
  end
  return out
end

--- The items of a list in a header.
local function items_of(text, type)
  local out = {}
  if type.of.kind:find("^t") then
    for one in text:gmatch("%a+, %d+ %a+ %d+ [%d:]+ GMT") do
      out[#out + 1] = one
    end
    return out
  end
  local at = 1
  while at <= #text do
    local quoted, stop = text:match('^%s*"(.-[^\\])"%s*,?()', at)
    if quoted then
      out[#out + 1], at = quoted:gsub("\\(.)", "%1"), stop
    else
      local plain
      plain, at = text:match("^%s*([^,]*),?()", at)
      out[#out + 1] = plain:match("^(.-)%s*$")
    end
  end
  return out
end

local function of_header(service, member, headers)
  if member.type.kind == "map" then
    return headers_of(service, member.type, member.xml, headers)
  end
  local text = headers[member.xml:lower()]
  if not text then
    return nil
  end
  return of_texts(service, member.type, member.type.kind == "list" and items_of(text, member.type) or { text })
end

--- Reads an answer.
---@param service prov.aws.Service
---@param operation string
---@param response { status: integer, headers: table<string, string>, body: string } names of headers in lower case
---@return table? result
---@return prov.Err?
function M.decode(service, operation, response)
  local known, out = service.operations[operation], {}
  local members, in_body = service:members(known.output or "-"), false
  for _, member in ipairs(members) do
    if member.place == ":" then
      out[member.name] = of_header(service, member, response.headers)
    elseif member.place == "#" then
      out[member.name] = response.status
    elseif member.place == "!" and member.type.kind ~= "struct" then
      out[member.name] = response.body ~= "" and response.body or nil
    else
      in_body = in_body or member
    end
  end
  if not in_body or response.body == "" then
    return out
  end
  local tree, e = xml.decode(response.body)
  if not tree then
    return nil, e:wrap("the answer to %s is not XML", operation)
  end
  local _, root = next(tree)
  if in_body.place == "!" then
    out[in_body.name] = service:value(in_body.type.name, root)
    return out
  end
  for name, v in pairs(service:value(known.output, root)) do
    out[name] = v
  end
  return out
end

--- Writes an answer: the reverse of decode.
---@param service prov.aws.Service
---@param operation string
---@param result table
---@param root? string the element around it, where it is not the name of the structure
---@return integer status
---@return table<string, string> headers
---@return string body
function M.encode_answer(service, operation, result, root)
  local known, headers, body = service.operations[operation], {}, ""
  local status, in_body = tonumber(known.status) or 200, false
  for _, member in ipairs(service:members(known.output or "-")) do
    local v = result[member.name]
    if member.place == nil then
      in_body = true
    elseif v == nil then
      goto continue
    elseif member.place == ":" then
      put_header(service, headers, member, v)
    elseif member.place == "#" then
      status = v
    elseif member.place == "!" then
      body = member.type.kind == "struct"
        and document(service, member.xml, service:element(member.type.name, v)) or tostring(v)
    end
    ::continue::
  end
  if in_body then
    local made = service:element(known.output, result)
    -- A structure of one member may be no element inside of another: <LocationConstraint>eu-west-1</LocationConstraint>
    body = document(service, root or known.output, type(made) == "table" and root and made[root]
      and { ["#text"] = made[root] } or made)
  end
  return status, headers, body
end

--- Writes an error.
---@param service prov.aws.Service
---@param code string NoSuchBucket
---@param message string
---@param request_id string
---@return string
function M.encode_error(service, code, message, request_id)
  if service.name ~= "s3" then
    return assert(service:encode_error(code, message, request_id))
  end
  return assert(xml.encode({
    Error = { Code = code, Message = message, RequestId = request_id, HostId = "simulated" },
  }))
end

return M
