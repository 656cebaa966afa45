--- The API described (OpenAPI 3.1), from the declarations of the operations: what is true of every
--- operation is here and in openapi_parts.lua, what differs comes from params, http and result.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local input = require("prov.face.rest.input")
local json = require("prov.json")
local json_schema = require("prov.contract.json_schema")
local ops = require("prov.ops")
local page = require("prov.face.rest.page")
local parts = require("prov.face.rest.openapi_parts")
local request_of = require("prov.orchestrator.request")
local results = require("prov.results")
local service = require("prov.face.rest.service")
local shapes = require("prov.shapes")

local M = {}

local function ref(kind, name)
  return { ["$ref"] = ("#/components/%s/%s"):format(kind, name) }
end

local function component(name)
  return (name:gsub("^%l", string.upper):gsub("_(%l)", string.upper))
end

--- "workspace_list", unique and a word in every language.
local function id_of(op)
  return (op.name:gsub("%W", "_"))
end

--- The folder the declaration is in: operations that belong together.
local function tag_of(op)
  return ops.index().commands[op.name][1]:match("^ops%.([%w_]+)%.") or "core"
end

local function sentence(text)
  text = text:gsub("%s+$", "")
  return text:match("[.!?]$") and text or text .. "."
end

-- ---- Parameters ----

local function schema_of(spec)
  local schema = json_schema.field(spec)
  if schema.examples == nil then
    local example = spec.complete and parts.EXAMPLES[spec.complete]
    if example and spec.type == "list" then
      example = data.list({ example })
    end
    schema.examples = example and data.list({ example }) or nil
  end
  if schema.type == "integer" then
    schema.format = "int64"
    schema.minimum, schema.maximum = schema.minimum or math.mininteger, schema.maximum or math.maxinteger
  elseif spec.type == "path" then
    schema.pattern = "^/[^\\u0000]*$"
    schema.examples = schema.examples or data.list({ "/srv/prov/shop" })
  end
  return schema
end

--- Text of a parameter: what it says, without the value's own description repeated in its schema.
local function parameter(name, place, spec, required)
  local schema = schema_of(spec)
  schema.description = nil
  if spec.type == "map" then -- written KEY=VALUE, once for each
    schema = { type = "array", items = { type = "string", pattern = "^[^=]+=" } }
  end
  return {
    name = name,
    ["in"] = place,
    required = required or nil,
    description = sentence(spec.doc or name),
    schema = schema,
  }
end

local function path_parameters(op, out)
  for name in op.http.path:gmatch("{([%w_]+)}") do
    local spec = (op.params or {})[name] or name == "workspace" and parts.WORKSPACE or { type = "string" }
    local one = parameter(name, "path", spec, true)
    one.schema.default = nil
    if one.schema.type == "string" and not one.schema.enum then
      one.schema.minLength = one.schema.minLength or 1
    end
    out[#out + 1] = one
  end
end

local function in_path(op, name)
  return op.http.path:find("{" .. name .. "}", 1, true) ~= nil
end

local function query_parameters(op, out)
  for _, name in ipairs(input.query_names(op)) do
    local spec = input.in_query(op) and (op.params or {})[name]
    if spec then
      out[#out + 1] = parameter(name, "query", spec, spec.required)
    else
      out[#out + 1] = ref("parameters", "job_" .. name)
    end
  end
end

local function makes_job(op)
  return not op.where and not request_of.reads(op)
end

local function header_parameters(op, out)
  local names = {}
  if makes_job(op) then
    names = { "Prefer", "Idempotency-Key" }
  elseif op.http.once then
    names = { "Idempotency-Key" }
  elseif op.stream then
    names = { op.http.resume == "number" and "Last-Event-Number" or "Last-Event-ID" }
  elseif op.http.method == "GET" then
    names = { "If-None-Match" }
  end
  if op.http.match then
    names[#names + 1] = "If-Match"
  end
  for _, name in ipairs(names) do
    out[#out + 1] = ref("parameters", name)
  end
end

-- ---- Bodies ----

--- A value of what must be given, and of what has an example.
local function example_of(fields)
  local out = {}
  for name, spec in pairs(fields) do
    local schema = schema_of(spec)
    if schema.examples or spec.required then
      local item = schema.items and (schema.items.examples or schema.items.enum)
      out[name] = schema.examples and schema.examples[1] or schema.enum and schema.enum[1]
        or schema.type == "array" and data.list({ item and item[1] or "example" })
        or schema.type == "object" and {} or schema.default or schema.minimum
        or schema.type == "integer" and 1 or schema.type == "boolean" or "example"
    end
  end
  return out
end

local function body_of(op)
  if input.in_query(op) then
    return nil
  end
  local fields, schema = {}, { type = "object", properties = {}, additionalProperties = false }
  local required = data.list({})
  for _, name in ipairs(data.keys(op.params or {})) do
    local spec = op.params[name]
    if input.is_served(spec) and not in_path(op, name) then
      fields[name] = spec
      schema.properties[name] = schema_of(spec)
      required[#required + 1] = spec.required and name or nil
    end
  end
  if not next(fields) then
    return nil
  end
  schema.required = #required > 0 and required or nil
  return {
    required = #required > 0,
    content = { ["application/json"] = { schema = schema, example = example_of(fields) } },
  }
end

-- ---- Answers ----

-- Named schemas of what operations give: those of prov.shapes, and one for each other map.
local function named_schemas(routes)
  local named, records = {}, {}
  local function add(name, fields)
    named[fields], records[name] = "#/components/schemas/" .. name, fields
  end
  for name, fields in pairs(shapes) do
    if type(fields) == "table" then
      add(component(name), fields)
    end
  end
  for _, op in ipairs(routes.ops) do
    local field = results.field(op)
    local record = field and (field.type == "list" and field.of or field)
    if record and record.fields and not named[record.fields] then
      add(component(id_of(op)) .. (field.type == "list" and "Row" or "Result"), record.fields)
    end
  end
  local schemas = {}
  for name, fields in pairs(records) do
    named[fields] = nil -- itself is not a reference
    schemas[name] = json_schema.field({ type = "record", fields = fields }, { open = true, named = named })
    named[fields] = "#/components/schemas/" .. name
  end
  return schemas, named
end

local function content(description, schema, headers)
  return { description = description, headers = headers, content = { ["application/json"] = { schema = schema } } }
end

local function headers_of(...)
  local out = {}
  for _, name in ipairs({ ... }) do
    out[name] = ref("headers", name)
  end
  return out
end

local function success(op, out, result)
  if op.stream then
    out["200"] = {
      description = "Events, as they happen.",
      headers = headers_of("Cache-Control"),
      content = { ["text/event-stream"] = { schema = parts.EVENT } },
    }
  elseif op.http.status == 204 then
    out["204"] = { description = "Done." }
  elseif op.http.status then
    local job = op.http.status == 202
    local answer = content(job and "The job is on disk." or "It was made.", result, headers_of("Location", "ETag"))
    answer.links = job and parts.JOB_LINKS or nil
    out[tostring(op.http.status)] = answer
  elseif makes_job(op) then
    out["200"] = content("It has ended within the time of `Prefer: wait`: what it gave.", result,
      headers_of("Location"))
    out["202"] = ref("responses", "Accepted")
  else
    out["200"] = content("What it gives.", result,
      page.wanted(op) and headers_of("Link", "ETag") or headers_of("ETag"))
    if op.http.method == "GET" then
      out["304"] = ref("responses", "NotModified")
    end
  end
end

local function problems(op, out)
  for status, name in pairs(parts.PROBLEMS) do
    out[status] = ref("responses", name)
  end
  if not input.in_query(op) then
    out["415"] = ref("responses", "UnsupportedMediaType")
  end
  if op.http.match then
    out["412"] = ref("responses", "PreconditionFailed")
  end
end

local function operation(op, named)
  local parameters, responses = data.list({}), {}
  path_parameters(op, parameters)
  query_parameters(op, parameters)
  header_parameters(op, parameters)
  success(op, responses, json_schema.field(results.field(op) or "any", { open = true, named = named }))
  problems(op, responses)
  return {
    operationId = id_of(op),
    tags = data.list({ tag_of(op) }),
    summary = op.summary,
    description = sentence(op.description or op.summary),
    parameters = #parameters > 0 and parameters or nil,
    requestBody = body_of(op),
    responses = responses,
    security = data.list({ { bearer = data.list({}) } }),
    ["x-permission"] = op.permission,
  }
end

-- ---- The document ----

local function service_operation(path, spec)
  local responses = { ["405"] = ref("responses", "MethodNotAllowed") }
  for status, description in pairs(spec.answers) do
    responses[tostring(status)] = { description = description, content = { [spec.media] = { schema = spec.schema } } }
  end
  return {
    operationId = path:match("%a+"),
    tags = data.list({ "service" }),
    summary = spec.summary,
    description = spec.description,
    responses = responses,
    security = data.list({}),
  }
end

local function job_options(out)
  for _, name in ipairs(input.JOB_OPTIONS) do
    out["job_" .. name] = parameter(name, "query", request_of.SCHEMA[name])
  end
end

local function tags_of(routes)
  local seen, tags = { service = true }, data.list({ { name = "service", description = parts.TAGS.service } })
  for _, op in ipairs(routes.ops) do
    local tag = tag_of(op)
    if not seen[tag] then
      seen[tag] = true
      tags[#tags + 1] = { name = tag, description = parts.TAGS[tag] or ("Operations of prov %s."):format(tag) }
    end
  end
  table.sort(tags, function(a, b)
    return a.name < b.name
  end)
  return tags
end

--- The document; pure data, the same for the same declarations.
---@param routes prov.Routes
---@return table
function M.document(routes)
  local schemas, named = named_schemas(routes)
  local paths = {}
  for path, spec in pairs(service) do
    if type(spec) == "table" then
      paths[path] = { get = service_operation(path, spec) }
    end
  end
  for _, op in ipairs(routes.ops) do
    local path = paths[op.http.path] or {}
    paths[op.http.path] = path
    path[op.http.method:lower()] = operation(op, named)
  end
  local components = parts.components()
  components.schemas = schemas
  components.schemas.Problem = parts.problem_schema()
  job_options(components.parameters)
  parts.prune(components, json.encode({ paths, components.responses, components.schemas }))
  return {
    openapi = "3.1.0",
    info = parts.info(),
    servers = data.list({ { url = "/", description = "The orchestrator that gave this document" } }),
    tags = tags_of(routes),
    paths = paths,
    components = components,
  }
end

--- What `prov docs openapi` runs: writes the document, or tells that the file is another one.
---@async
---@param p { out: string, check: boolean }
---@return { file: string, operations: integer }?, prov.Err?
function M.run(_, p)
  local routes = require("prov.face.rest.routes").new()
  local text = json.encode(M.document(routes), { pretty = true }) .. "\n"
  if p.check and fs.read(p.out) ~= text then
    return nil, err.new("failed", ("%s is stale"):format(p.out), { hint = "run `prov docs openapi`" })
  end
  if not p.check then
    local ok, e = fs.write_atomic(p.out, text, { sync = false })
    if not ok then
      return nil, e
    end
  end
  return { file = p.out, operations = #routes.ops }
end

return M
