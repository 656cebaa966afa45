--- From a request to the parameters of an operation: path, query and body.

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local params_of = require("prov.params")
local routes = require("prov.face.rest.routes")

local M = {}

--- What the query of a request that makes a job may say beside parameters: how it waits and runs.
M.JOB_OPTIONS = { "priority", "delay", "key", "max_attempts", "timeout" }

local function usage(fmt, ...)
  return nil, err.new("usage", fmt:format(...))
end

--- The query as a list of { name, value }.
---@param query string
---@return { [1]: string, [2]: string }[]?, prov.Err?
function M.query(query)
  local out = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = routes.decode((name:gsub("+", " "))), routes.decode((value:gsub("+", " ")))
    if not name or not value then
      return usage("the query is not well encoded: '%s'", pair)
    end
    out[#out + 1] = { name, value }
  end
  return out
end

local function set(params, name, spec, text)
  local of = spec.type == "list" and spec.of or spec
  if spec.type == "map" then
    local key, value = text:match("^([^=]+)=(.*)$")
    if not key then
      return usage("'%s' must be KEY=VALUE", name)
    end
    params[name] = params[name] or {}
    params[name][key] = value
    return true
  end
  local value, wanted = params_of.from_text(of or {}, text)
  if value == nil then
    return usage("'%s' must be %s, not '%s'", name, wanted, text)
  end
  if spec.type == "list" then
    params[name] = params[name] or data.list({})
    table.insert(params[name], value)
  elseif params[name] ~= nil then
    return usage("'%s' is given twice", name)
  else
    params[name] = value
  end
  return true
end

local function from_body(request)
  if request.body == "" then
    return {}
  end
  local kind = (request.headers["content-type"] or ""):lower():match("^%s*([^;%s]*)")
  if kind ~= "application/json" then
    return nil, err.new("usage", "the body must be application/json"), 415
  end
  local body, e = json.decode(request.body)
  if body == nil then
    return nil, err.new("usage", "the body is not JSON: " .. tostring(e))
  elseif data.kind(body) ~= "map" then
    return usage("the body must be an object")
  end
  for name, value in pairs(body) do -- null is absent
    if value == data.null then
      body[name] = nil
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
  if spec and M.in_query(op) and not path[name] then
    return set(params, name, spec, text)
  elseif is_option(op, name) then
    return set(options, name, require("prov.orchestrator.request").SCHEMA[name], text)
  end
  return nil, require("prov.suggest").unknown("query parameter", name, M.query_names(op)), 400
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
  local params, e, status = {}
  if op.http.method ~= "GET" then
    params, e, status = from_body(request)
    if not params then
      return nil, e, status
    end
  end
  for name, text in pairs(path) do
    local spec = known[name]
    if name == "workspace" and not spec then
      options.workspace = text
    elseif spec and spec.type == "list" then
      for item in text:gmatch("[^,]+") do
        local ok
        ok, e = set(params, name, spec, item)
        if not ok then
          return nil, e
        end
      end
    else
      params[name] = nil
      local ok
      ok, e = set(params, name, spec or {}, text)
      if not ok then
        return nil, e
      end
    end
  end
  local pairs_of
  pairs_of, e = M.query(request.query)
  if not pairs_of then
    return nil, e
  end
  for _, pair in ipairs(pairs_of) do
    local ok
    ok, e, status = from_query(op, path, pair, params, options)
    if not ok then
      return nil, e, status
    end
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
      if not spec.hidden and not op.http.path:find("{" .. name .. "}", 1, true) then
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
