--- From a request to the parameters of an operation: path, query and body.

local data = require("core.data")
local err = require("prov.err")
local http_routes = require("prov.http_routes")
local json = require("prov.json")
local params_of = require("prov.params")
local reply = require("prov.face.rest.reply")

local M = {}

--- What the query of a request that makes a job may say beside parameters: how it waits and runs.
M.JOB_OPTIONS = { "priority", "delay", "key", "max_attempts", "timeout" }

--- A wrong request; `where` says what of it: a parameter, a header, or a field of the body.
local function wrong(where, fmt, ...)
  return nil, err.new("usage", fmt:format(...), where)
end

local function of_parameter(name)
  return { parameter = name }
end

-- Text of path and query is read more strictly than that of a command line: one value, one way to write it.
local READ = {
  bool = function(text)
    if text == "true" or text == "false" then
      return text == "true"
    end
    return nil, "true or false"
  end,
  int = function(text)
    return text:match("^%-?%d+$") and math.tointeger(tonumber(text)), "a whole number"
  end,
  number = function(text)
    return text:match("^%-?%d+%.?%d*[eE]?[+-]?%d*$") and tonumber(text), "a number"
  end,
}

local function from_text(spec, text)
  local value, wanted
  if READ[spec.type] then
    value, wanted = READ[spec.type](text)
    return value == false and spec.type ~= "bool" and nil or value, wanted
  end
  return params_of.from_text(spec, text)
end

local function set(params, name, spec, text)
  local of = spec.type == "list" and spec.of or spec
  if spec.type == "map" then
    local key, value = text:match("^([^=]+)=(.*)$")
    if not key then
      return wrong(of_parameter(name), "'%s' must be KEY=VALUE", name)
    end
    params[name] = params[name] or {}
    params[name][key] = value
    return true
  end
  local value, wanted = from_text(of or {}, text)
  if value == nil then
    return wrong(of_parameter(name), "'%s' must be %s, not '%s'", name, wanted, text)
  end
  if spec.type == "list" then
    params[name] = params[name] or data.list({})
    table.insert(params[name], value)
  elseif params[name] ~= nil then
    return wrong(of_parameter(name), "'%s' is given twice", name)
  else
    params[name] = value
  end
  return true
end

local function of_field(name)
  return { pointer = reply.pointer({ name }) }
end

local function from_body(request, op, path)
  if request.body == "" then
    return {}
  elseif M.in_query(op) then
    return wrong(nil, "%s takes no body here: parameters are in the query", op.http.method)
  end
  local kind = (request.headers["content-type"] or ""):lower():match("^%s*([^;%s]*)")
  if kind ~= "application/json" then
    return nil, err.new("usage", "the body must be application/json", { header = "content-type" }), 415
  end
  local body, e = json.decode(request.body)
  if body == nil then
    return wrong(nil, "the body is not JSON: %s", tostring(e))
  elseif data.kind(body) ~= "map" then
    return wrong({ pointer = "" }, "the body must be an object")
  end
  for name, value in pairs(body) do
    if value == data.null then
      return wrong(of_field(name), "'%s' must not be null; leave it out", name)
    elseif (op.params or {})[name] and not M.is_served(op.params[name]) then
      return wrong(of_field(name), "'%s' is for the command line only", name)
    elseif path[name] then
      return wrong(of_field(name), "'%s' is in the path already", name)
    end
  end
  return body
end

--- True when the parameters are in the query, and not in a body.
---@param op table declaration
---@return boolean
function M.in_query(op)
  return op.http.method == "GET" or op.http.method == "DELETE"
end

--- True for a parameter that is served here; `http = false` declares one that is for the command line only.
---@param spec table
---@return boolean
function M.is_served(spec)
  return not spec.hidden and spec.http ~= false
end

local function is_option(op, name)
  if op.http.method == "GET" or op.where then
    return false
  end
  for _, option in ipairs(M.JOB_OPTIONS) do
    if option == name then
      return true
    end
  end
end

local function from_query(op, path, pair, params, options)
  local name, text = pair[1], pair[2]
  local spec = (op.params or {})[name]
  if spec and M.in_query(op) and M.is_served(spec) and not path[name] then
    return set(params, name, spec, text)
  elseif is_option(op, name) then
    return set(options, name, require("prov.orchestrator.request").SCHEMA[name], text)
  end
  local e = require("prov.suggest").unknown("query parameter", name, M.query_names(op))
  e.parameter = name
  return nil, e, 400
end

-- Folders and files are those of the orchestrator's machine, whose current folder nobody knows.
local function check_paths(op, params)
  for name, spec in pairs(op.params or {}) do
    if spec.type == "path" and type(params[name]) == "string" and params[name]:sub(1, 1) ~= "/" then
      return wrong({ keys = { name } }, "'%s' must be an absolute path, on the machine of the orchestrator", name)
    end
  end
  return true
end

--- The parameters, and options of the job.
---@param request prov.http.Incoming
---@param op table declaration
---@param path table<string, string> values of the path
---@return table? params
---@return table|prov.Err options { workspace?, priority?, delay?, key?, max_attempts?, timeout? }
---@return integer? status when another one than that of the error
function M.read(request, op, path)
  local known, options = op.params or {}, {}
  local params, e, status = from_body(request, op, path)
  if not params then
    return nil, e, status
  end
  local ok
  for name, text in pairs(path) do
    if name == "workspace" and not known[name] then
      options.workspace = text
    else
      ok, e = set(params, name, known[name] or {}, text)
      if not ok then
        return nil, e
      end
    end
  end
  local pairs_of
  pairs_of, e = http_routes.query(request.query)
  for _, pair in ipairs(pairs_of or {}) do
    ok, e, status = from_query(op, path, pair, params, options)
    if not ok then
      return nil, e, status
    end
  end
  if not pairs_of then
    return nil, e
  end
  params, e = params_of.complete(op, params, true)
  if params then
    ok, e = check_paths(op, params)
  end
  if not (params and ok) then
    return nil, e
  end
  return params, options
end

--- The names a query may have.
---@param op table declaration
---@return string[]
function M.query_names(op)
  local out = {}
  if M.in_query(op) then
    for name, spec in pairs(op.params or {}) do
      if M.is_served(spec) and not op.http.path:find("{" .. name .. "}", 1, true) then
        out[#out + 1] = name
      end
    end
  end
  if is_option(op, "priority") then
    table.move(M.JOB_OPTIONS, 1, #M.JOB_OPTIONS, #out + 1, out)
  end
  table.sort(out)
  return out
end

return M
