--- The JSON protocol of AWS (versions 1.0 and 1.1) in both directions: the operation stands in a header, parameters
-- and results are JSON. Services are the tables of lua/prov/aws/services, in the notation of prov.aws.query, which
-- gives these functions to the services whose protocol is "json".

local base = require("core.base")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local timestamp = require("prov.timestamp")

local M = {}

local FLOATS = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function same(v)
  return v
end

local function whole(v)
  return math.tointeger(v) or v
end

local TO_JSON = {
  s = same, i = whole, b = same, x = base.base64, t = timestamp.iso, te = whole,
  f = function(v)
    if v ~= v then
      return "NaN"
    elseif v == math.huge or v == -math.huge then
      return v > 0 and "Infinity" or "-Infinity"
    end
    return v
  end,
  th = function(v)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(v))
  end,
}

local function time(v)
  return type(v) == "string" and timestamp.parse(v) or tonumber(v)
end

local OF_JSON = {
  s = same, i = whole, b = same, t = time, te = time, th = time,
  x = function(v)
    return type(v) == "string" and base.unbase64(v) or nil
  end,
  f = function(v)
    return FLOATS[v] or tonumber(v)
  end,
}

local put

local function put_struct(self, name, v)
  local members, out = self:members(name), {}
  for field, item in pairs(v) do
    local member = members.by_name[field] or error(("aws: %s has no field '%s'"):format(name, tostring(field)), 0)
    if item ~= json.null then
      out[member.xml] = put(self, member.type, item)
    end
  end
  return out
end

--- A value as JSON has it.
put = function(self, kind, v)
  if kind.kind == "struct" then
    return put_struct(self, kind.name, v)
  elseif kind.kind == "list" or kind.kind == "map" then
    local out = {}
    for key, item in pairs(v) do
      out[key] = put(self, kind.of, item)
    end
    return kind.kind == "list" and data.list(out) or out
  end
  return TO_JSON[kind.kind](v)
end

local take

local function take_struct(self, name, v)
  local out = {}
  for _, member in ipairs(self:members(name)) do
    local item = v[member.xml]
    if item ~= nil and item ~= json.null then
      out[member.name] = take(self, member.type, item)
    end
  end
  return out
end

--- The value of what stands in JSON; what is null there is not there, and so is what is of another kind.
take = function(self, kind, v)
  local is_table = type(v) == "table" and v ~= json.null
  if kind.kind == "struct" then
    return is_table and take_struct(self, kind.name, v) or nil
  elseif kind.kind == "list" then
    local out = {}
    for _, item in ipairs(is_table and v or {}) do
      if item ~= json.null then
        out[#out + 1] = take(self, kind.of, item)
      end
    end
    return data.list(out)
  elseif kind.kind == "map" then
    local out = {}
    for key, item in pairs(is_table and v or {}) do
      if item ~= json.null then
        out[key] = take(self, kind.of, item)
      end
    end
    return out
  end
  return OF_JSON[kind.kind](v)
end

-- Requests ---------------------------------------------------------------------------------------

function M:media_type()
  return "application/x-amz-json-" .. (self.json_version or "1.1")
end

--- The headers of a request.
---@param operation string GetProducts
---@return table<string, string>
function M:headers(operation)
  return { ["Content-Type"] = self:media_type(), ["X-Amz-Target"] = self.target .. "." .. operation }
end

--- The body of a request. An operation or field that there is not is a bug of the caller, and raised.
---@param operation string
---@param params? table
---@return string
function M:encode(operation, params)
  local known = self.operations[operation] or error(("aws: %s has no %s"):format(self.name, operation), 2)
  return assert(json.encode(known.input and put_struct(self, known.input, params or {}) or {}))
end

local function refused(code, fmt, ...)
  return nil, err.new("invalid", fmt:format(...), { data = { cloud_code = code } })
end

--- Reads a request: the reverse of headers and encode. Errors are "invalid" with AWS's name in data.cloud_code.
---@param body string
---@param headers table<string, string> with small names
---@return string? operation
---@return table|prov.Err params
function M:decode_request(body, headers)
  local target, operation = (headers["x-amz-target"] or ""):match("^(.+)%.([^.]+)$")
  local known = target == self.target and self.operations[operation]
  if not known then
    return refused("UnknownOperationException", "There is no operation '%s'", headers["x-amz-target"] or "")
  end
  local params = json.decode(body == "" and "{}" or body)
  if type(params) ~= "table" or params == json.null then
    return refused("SerializationException", "The body is not a JSON object")
  end
  return operation, known.input and take_struct(self, known.input, params) or {}
end

-- Answers ----------------------------------------------------------------------------------------

--- Reads an answer.
---@param operation string
---@param text string JSON
---@return table? result
---@return prov.Err?
function M:decode(operation, text)
  local known = self.operations[operation]
  local result, e = json.decode(text == "" and "{}" or text)
  if type(result) ~= "table" then
    return nil, (e or err.new("protocol", "it is no object")):wrap("the answer to %s", operation)
  end
  return known.output and take_struct(self, known.output, result) or {}
end

--- Reads the answer that an error is; nil when it is none.
---@param response { status: integer, headers: table<string, string>, body: string }
---@return { code: string, message: string, request_id: string, error: table }?
function M:error_of(response)
  if response.status < 300 and response.status >= 200 then
    return nil
  end
  local said = json.decode(response.body)
  said = type(said) == "table" and said ~= json.null and said or {}
  local code = response.headers["x-amzn-errortype"] or said.__type or said.code
  if type(code) ~= "string" then
    return nil
  end
  local message = said.message or said.Message or said.errorMessage
  return {
    code = code:match("^([^:]*)"):match("([^#]*)$"), message = type(message) == "string" and message or "",
    request_id = response.headers["x-amzn-requestid"] or "", error = said,
  }
end

--- The fields of an error, by the shape of that name.
---@param name string
---@param said table `error` of error_of
---@return table
function M:decode_fault(name, said)
  return take_struct(self, name, said)
end

--- Writes an answer: the reverse of decode.
---@param operation string
---@param result table
---@return string? text
---@return prov.Err?
function M:encode_answer(operation, result)
  local known = self.operations[operation]
  return json.encode(known.output and put_struct(self, known.output, result or {}) or {})
end

--- Writes an error.
---@param code string NotFoundException
---@param message string
---@return string? text
---@return prov.Err?
function M:encode_error(code, message)
  return json.encode({ __type = code, Message = message })
end

return M
