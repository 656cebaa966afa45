--- The query protocols of AWS, both of them, in both directions: requests are forms, answers are XML, and a
-- service is a table (lua/prov/aws/services/<name>.lua) that says which names stand on the wire.
--
--   ec2       EC2: names of forms begin with a capital, lists are flat: Filter.1.Value.2
--   query     ELB, STS, ...: AvailabilityZones.member.1, answers inside <XResult>
--   rest-xml  Route 53, S3: no forms; prov.aws.rest makes the requests, of the same XML
--
-- Services of the JSON protocol have tables of the same form; prov.aws.json writes and reads them.
--
-- Values are plain tables with the names of AWS's documentation. Times are seconds since 1970; what is a blob
-- there is bytes here.
--
-- A type of the table is text, read at first use:
--
--   s i f b x     text, integer, fraction, bool, blob
--   t te th       time: as ISO 8601, seconds, date of HTTP
--   Name          the structure of that name
--   [T] [T@name]  list; the element around each item has a name of its own
--   (T) (T@k@v)   map of texts to T, and the elements of keys and values
--   *             before a list or map: its items stand in its place, none around them
--
-- A structure is its members: Name=T, Name@xml=T, Name@xml@form=T. Without them the name in XML is Name (EC2: with
-- its first letter small), and in forms that of XML (EC2: with its first letter big).

local base = require("core.base")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.aws.json")
local sigv4 = require("prov.sigv4")
local timestamp = require("prov.timestamp")
local xml = require("prov.xml")

local M = {}

---@class prov.aws.Operation
---@field input? string structure
---@field output? string structure
---@field result? string element around it, of query
---@field method? string of rest-xml, as what follows
---@field path? string /{Bucket}?tagging
---@field status? string of a good answer
---@field root? string element around the input
---@field checksum? string

---@class prov.aws.Service
---@field name string ec2
---@field version string
---@field protocol "ec2"|"query"|"rest-xml"|"json" of the latter two see prov.aws.rest and prov.aws.json
---@field namespace? string
---@field prefix string name in host names
---@field signing? string name in signatures, when it is another one
---@field target? string of json: what stands before the operation
---@field operations table<string, prov.aws.Operation>
local Service = {}
Service.__index = Service

local JsonService = {
  __index = function(_, name)
    return json[name] or Service[name]
  end,
}

-- Types ------------------------------------------------------------------------------------------

local function first(text, change)
  return change(text:sub(1, 1)) .. text:sub(2)
end

local read_type

--- "T@name@name]": the type inside and the names behind it.
local function read_inner(text, at, close)
  local inner, stop = read_type(text, at)
  local names = {}
  while text:sub(stop, stop) == "@" do
    names[#names + 1], stop = text:match("^([^@%])]+)()", stop + 1)
  end
  assert(text:sub(stop, stop) == close, "aws: a type without its end")
  return inner, names, stop + 1
end

--- A type and where it ends.
read_type = function(text, at)
  local flat = text:sub(at, at) == "*"
  at = flat and at + 1 or at
  local sign = text:sub(at, at)
  if sign == "[" then
    local of, names, stop = read_inner(text, at + 1, "]")
    return { kind = "list", of = of, item = names[1], flat = flat }, stop
  elseif sign == "(" then
    local of, names, stop = read_inner(text, at + 1, ")")
    return { kind = "map", of = of, key = names[1] or "key", value = names[2] or "value", flat = flat }, stop
  end
  local name, stop = text:match("^([%w_]+)()", at)
  return #name <= 2 and name:find("^%l") and { kind = name } or { kind = "struct", name = name }, stop
end

--- The members of a structure, in their order.
function Service:members(name)
  local members = self.read[name]
  if members then
    return members
  end
  members = { by_name = {} }
  local ec2 = self.protocol == "ec2"
  for word in assert(self.shapes[name], name):gmatch("%S+") do
    local names, text = word:match("^([^=]+)=(.+)$")
    local field, in_xml, in_form = names:match("^([^@]+)@?([^@]*)@?([^@]*)$")
    local place, rest = in_xml:match("^([/?:#!])(.*)$")
    in_xml = rest or in_xml ~= "" and in_xml or ec2 and first(field, string.lower) or field
    in_form = in_form ~= "" and in_form or ec2 and first(in_xml, string.upper) or in_xml
    local member = { name = field, xml = in_xml, form = in_form, place = place, type = (read_type(text, 1)) }
    members[#members + 1], members.by_name[field] = member, member
  end
  self.read[name] = members
  return members
end

local OPERATION = {
  query = { "input", "output", "result" },
  ["rest-xml"] = { "input", "output", "method", "path", "status", "root", "checksum" },
}

--- An operation of a table: { input, output, ... }, without what is "-".
local function read_operation(protocol, text)
  local out, at = {}, 0
  for word in text:gmatch("%S+") do
    at = at + 1
    out[(OPERATION[protocol] or OPERATION.query)[at]] = word ~= "-" and word or nil
  end
  return out
end

--- A service from its table.
---@param description table see lua/prov/aws/services
---@return prov.aws.Service
function M.service(description)
  local self = setmetatable({ read = {} }, description.protocol == "json" and JsonService or Service)
  for key, v in pairs(description) do
    self[key] = v
  end
  self.operations = {}
  for name, text in pairs(description.operations) do
    self.operations[name] = read_operation(self.protocol, text)
  end
  return self
end

local services = {}

--- A service prov knows: ec2, elbv2, kms, pricing, route53, s3 or sts.
---@param name string
---@return prov.aws.Service
function M.open(name)
  services[name] = services[name] or M.service(require("prov.aws.services." .. name))
  return services[name]
end

-- Scalars ----------------------------------------------------------------------------------------

local FLOATS = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function float_text(v)
  if v ~= v then
    return "NaN"
  elseif v == math.huge or v == -math.huge then
    return v > 0 and "Infinity" or "-Infinity"
  end
  return tostring(math.tointeger(v) or v)
end

local TO_TEXT = {
  s = tostring,
  i = function(v)
    return tostring(math.tointeger(v) or v)
  end,
  f = function(v)
    return float_text(tonumber(v) or FLOATS[v])
  end,
  b = function(v)
    return v and "true" or "false"
  end,
  x = base.base64,
  t = timestamp.iso,
  te = function(v)
    return tostring(math.tointeger(v) or v)
  end,
  th = function(v)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(v))
  end,
}

local OF_TEXT = {
  s = function(text)
    return text
  end,
  i = function(text)
    return math.tointeger(tonumber(text))
  end,
  f = function(text)
    return FLOATS[text] or tonumber(text)
  end,
  b = function(text)
    return text == "true" or text == "1"
  end,
  x = base.unbase64,
  t = timestamp.parse,
  te = timestamp.parse,
  th = timestamp.parse,
}

--- A scalar as text.
---@param type table of a member
---@param v any
---@return string
function Service.text(_, type, v)
  return TO_TEXT[type.kind](v)
end

--- The scalar that a text is; nil when it is none.
---@param type table of a member
---@param text string
---@return any
function Service.scalar(_, type, text)
  return OF_TEXT[type.kind](text)
end

-- Requests ---------------------------------------------------------------------------------------

local put

local function put_struct(self, out, prefix, name, v)
  local members = self:members(name)
  for field in pairs(v) do
    if not members.by_name[field] then
      error(("aws: %s has no field '%s'"):format(name, tostring(field)), 0)
    end
  end
  for _, member in ipairs(members) do
    if v[member.name] ~= nil then
      put(self, out, prefix == "" and member.form or prefix .. "." .. member.form, member.type, v[member.name])
    end
  end
end

--- Appends { name, text } for all that is in a value.
put = function(self, out, name, type, v)
  local ec2 = self.protocol == "ec2"
  if type.kind == "struct" then
    put_struct(self, out, name, type.name, v)
  elseif type.kind == "list" then
    if #v == 0 and not ec2 then
      out[#out + 1] = { name, "" }
    end
    local prefix = (ec2 or type.flat) and name or name .. "." .. (type.item or "member")
    for i, item in ipairs(v) do
      put(self, out, prefix .. "." .. i, type.of, item)
    end
  elseif type.kind == "map" then
    local prefix = type.flat and name or name .. ".entry"
    for i, key in ipairs(data.keys(v)) do
      out[#out + 1] = { ("%s.%d.%s"):format(prefix, i, type.key), key }
      put(self, out, ("%s.%d.%s"):format(prefix, i, type.value), type.of, v[key])
    end
  else
    out[#out + 1] = { name, TO_TEXT[type.kind](v) }
  end
end

--- The headers of a request.
---@return table<string, string>
function Service:headers()
  return { ["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8" }
end

--- The body of a request. An operation or field that there is not is a bug of the caller, and raised.
---@param operation string DescribeInstances
---@param params? table
---@return string body application/x-www-form-urlencoded; charset=utf-8
function Service:encode(operation, params)
  local known = self.operations[operation] or error(("aws: %s has no %s"):format(self.name, operation), 2)
  local out = { { "Action", operation }, { "Version", self.version } }
  if params and known.input then
    put_struct(self, out, "", known.input, params)
  end
  for i, pair in ipairs(out) do
    out[i] = sigv4.escape(pair[1]) .. "=" .. sigv4.escape(pair[2])
  end
  return table.concat(out, "&")
end

local function refused(code, fmt, ...)
  return nil, err.new("invalid", fmt:format(...), { data = { cloud_code = code } })
end

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

--- The form as a tree of its dotted names: Filter.1.Name=x is { Filter = { ["1"] = { Name = { text = "x" } } } }.
local function form_tree(body)
  local tree = { below = {} }
  for part in body:gmatch("[^&]+") do
    local name, text = part:match("^([^=]*)=?(.*)$")
    local node = tree
    for step in unescape(name):gmatch("[^.]+") do
      node.below = node.below or {}
      node.below[step] = node.below[step] or {}
      node = node.below[step]
    end
    node.text, node.name = unescape(text), unescape(name)
  end
  return tree
end

--- What stands below a node by number, in the order of the numbers.
local function numbered(node)
  local numbers = {}
  for key in pairs(node.below or {}) do
    numbers[#numbers + 1] = math.tointeger(tonumber(key))
  end
  table.sort(numbers)
  for i, number in ipairs(numbers) do
    local child = node.below[tostring(number)]
    child.used, numbers[i] = true, child
  end
  return numbers
end

local function descend(node, name)
  local child = node.below and node.below[name]
  if child then
    child.used = true
  end
  return child
end

local take

local function take_struct(self, node, name)
  local out = {}
  for _, member in ipairs(self:members(name)) do
    local child = descend(node, member.form)
    if child then
      local v, e = take(self, child, member.type)
      if e then
        return nil, e
      end
      out[member.name] = v
    end
  end
  for _, child in pairs(node.below or {}) do
    if not child.used then
      local unknown = child
      while not unknown.name do
        unknown = select(2, next(unknown.below))
      end
      return refused("UnknownParameter", "The parameter %s is not recognized", unknown.name)
    end
  end
  return out
end

local function take_map(self, node, type)
  local out = {}
  for _, entry in ipairs(numbered(type.flat and node or descend(node, "entry") or node)) do
    local key, child = descend(entry, type.key), descend(entry, type.value)
    if not (key and key.text and child) then
      return refused("MissingParameter", "The map %s lacks a %s or %s", node.name or "", type.key, type.value)
    end
    local v, e = take(self, child, type.of)
    if e then
      return nil, e
    end
    out[key.text] = v
  end
  return out
end

--- The value below a node of the form.
take = function(self, node, type)
  if type.kind == "struct" then
    return take_struct(self, node, type.name)
  elseif type.kind == "map" then
    return take_map(self, node, type)
  elseif type.kind == "list" then
    local out = {}
    local flat = self.protocol == "ec2" or type.flat
    for i, child in ipairs(numbered(flat and node or descend(node, type.item or "member") or node)) do
      local e
      out[i], e = take(self, child, type.of)
      if e then
        return nil, e
      end
    end
    return data.list(out)
  end
  local v = node.text and OF_TEXT[type.kind](node.text)
  if v == nil then
    return refused("InvalidParameterValue", "Value (%s) for parameter %s is invalid", node.text or "", node.name or "")
  end
  return v
end

--- Reads the body of a request: the reverse of encode. EC2 takes earlier versions, too. Errors are
--- "invalid" with AWS's name in data.cloud_code: MissingAction, InvalidAction, UnknownParameter, InvalidParameterValue,
--- MissingParameter.
---@param body string
---@return string? operation
---@return table|prov.Err params
---@return string? version that the request names
function Service:decode_request(body)
  local tree = form_tree(body)
  local action, version = descend(tree, "Action"), descend(tree, "Version")
  if not action or not action.text then
    return refused("MissingAction", "The request must contain the parameter Action")
  end
  local known = self.operations[action.text]
  version = version and version.text or self.version
  if not known or version ~= self.version and not (self.protocol == "ec2" and version:find("^%d%d%d%d%-%d%d%-%d%d$")
    and version < self.version) then
    return refused("InvalidAction", "The action %s is not valid for this web service", action.text)
  end
  local params, e = take_struct(self, tree, known.input or "-")
  if not params then
    return nil, e
  end
  return action.text, params, version
end

-- Answers ----------------------------------------------------------------------------------------

--- The text of an element, which may have attributes.
local function text_of(node)
  if type(node) == "table" then
    return node["#text"] or ""
  end
  return node
end

--- All elements of a name, in order.
local function all(node)
  if node == nil then
    return {}
  elseif type(node) == "table" and data.kind(node) == "list" then
    return node
  end
  return { node }
end

--- An element by its name, whatever prefix of a namespace is before it.
local function child_of(node, name)
  if type(node) ~= "table" then
    return nil
  end
  return node[name]
end

local get

local function get_struct(self, node, name)
  local out = {}
  for _, member in ipairs(self:members(name)) do
    local child = not member.place and child_of(node, member.xml)
    if child ~= nil and child ~= false then
      out[member.name] = get(self, child, member.type)
    end
  end
  return out
end

--- The value of an element.
get = function(self, node, type)
  if type.kind == "struct" then
    return get_struct(self, node, type.name)
  elseif type.kind == "list" then
    local out = {}
    local items = type.flat and node or child_of(node, type.item or self.protocol == "ec2" and "item" or "member")
    for i, item in ipairs(all(items)) do
      out[i] = get(self, item, type.of)
    end
    return data.list(out)
  elseif type.kind == "map" then
    local out = {}
    for _, entry in ipairs(all(type.flat and node or child_of(node, "entry"))) do
      local key, v = child_of(entry, type.key), child_of(entry, type.value)
      if key ~= nil and v ~= nil then
        out[text_of(key)] = get(self, v, type.of)
      end
    end
    return out
  end
  return OF_TEXT[type.kind](text_of(all(node)[1]))
end

--- The structure that an element is.
---@param name string of the structure
---@param node any of prov.xml
---@return table
function Service:value(name, node)
  return get_struct(self, node, name)
end

--- Reads an answer.
---@param operation string
---@param text string XML
---@return table? result
---@return string|prov.Err request_id
function Service:decode(operation, text)
  local known = self.operations[operation]
  local tree, e = xml.decode(text)
  if not tree and self.shapes[known.output or "-"] == "" then
    return {}, "" -- where there is nothing to say, some say nothing
  elseif not tree then
    return nil, e:wrap("the answer to %s is not XML", operation)
  end
  local _, root = next(tree)
  if type(root) ~= "table" then
    root = {}
  end
  local meta = child_of(root, "ResponseMetadata")
  local id = text_of(child_of(root, "requestId") or child_of(meta, "RequestId") or "")
  if not known.output then
    return {}, id
  end
  return get_struct(self, known.result and child_of(root, known.result) or root, known.output), id
end

--- Reads the answer that an error is: { code, message, request_id, error }, or nil when it is none.
---@param text string
---@return { code: string, message: string, request_id: string, error: table }?
function M.decode_error(text)
  local tree = xml.decode(text)
  local name, root = next(tree or {})
  if name == "InvalidChangeBatch" then -- of Route 53, which may be many errors
    root = { RequestId = child_of(root, "RequestId"), Error = {
      Code = name, Message = table.concat(all(child_of(child_of(root, "Messages"), "Message")), "; "),
    } }
  end
  local found = child_of(root, "Error") or child_of(child_of(root, "Errors"), "Error") or name == "Error" and root
  found = all(found or nil)[1]
  if type(found) ~= "table" or not found.Code then
    return nil
  end
  return {
    code = text_of(found.Code), message = text_of(found.Message or ""),
    request_id = text_of(root.RequestID or root.RequestId or ""), error = found,
  }
end

--- The error that an answer is, as decode_error.
---@param response { body: string }
function Service.error_of(_, response)
  return M.decode_error(response.body)
end

local make

local function make_struct(self, name, v)
  local out = {}
  for _, member in ipairs(self:members(name)) do
    if v[member.name] ~= nil and not member.place then
      out[member.xml] = make(self, member.type, v[member.name])
    end
  end
  return next(out) and out or ""
end

--- The element of a value, as prov.xml writes it.
make = function(self, type, v)
  if type.kind == "struct" then
    return make_struct(self, type.name, v)
  elseif type.kind == "list" then
    local items = {}
    for i, item in ipairs(v) do
      items[i] = make(self, type.of, item)
    end
    if type.flat then
      return data.list(items)
    end
    return #items > 0 and { [type.item or self.protocol == "ec2" and "item" or "member"] = items } or ""
  elseif type.kind == "map" then
    local entries = {}
    for i, key in ipairs(data.keys(v)) do
      entries[i] = { [type.key] = key, [type.value] = make(self, type.of, v[key]) }
    end
    if type.flat then
      return data.list(entries)
    end
    return #entries > 0 and { entry = entries } or ""
  end
  return TO_TEXT[type.kind](v)
end

--- The element of a structure, as prov.xml writes it: "" when nothing is in it.
---@param name string of the structure
---@param v table
---@return table|string
function Service:element(name, v)
  return make_struct(self, name, v)
end

--- Writes an answer: the reverse of decode. Fields that the operation does not have are left out.
---@param operation string
---@param result table
---@param request_id string
---@param version? string an earlier one, which the namespace tells
---@return string? text
---@return prov.Err?
function Service:encode_answer(operation, result, request_id, version)
  local known = self.operations[operation]
  local made = known.output and make_struct(self, known.output, result or {}) or ""
  local root = { ["@xmlns"] = version and self.namespace:gsub("%d%d%d%d%-%d%d%-%d%d", version) or self.namespace }
  if self.protocol == "ec2" then
    for name, node in pairs(made ~= "" and made or {}) do
      root[name] = node
    end
    if not known.output then
      root["return"] = "true"
    end
    root.requestId = request_id
  else
    root.ResponseMetadata = { RequestId = request_id }
    if known.result then
      root[known.result] = made
    end
  end
  return xml.encode({ [operation .. "Response"] = root })
end

--- Writes an error.
---@param code string InvalidInstanceID.NotFound
---@param message string
---@param request_id string
---@return string? text
---@return prov.Err?
function Service:encode_error(code, message, request_id)
  if self.protocol == "ec2" then
    return xml.encode({
      Response = { Errors = { Error = { Code = code, Message = message } }, RequestID = request_id },
    })
  end
  return xml.encode({
    ErrorResponse = {
      ["@xmlns"] = self.namespace,
      Error = { Type = "Sender", Code = code, Message = message }, RequestId = request_id,
    },
  })
end

return M
