--- The contracts of extensions: what a provider, taskserv or cluster declaration must hold.

local err = require("prov.err")
local fields = require("prov.contract.fields")
local fs = require("prov.fs")
local named = require("prov.contract.named")
local origin = require("prov.contract.origin")
local platform = require("prov.host.platform")
local suggest = require("prov.suggest")

local M = {}

--- Versions of the extension interface this program runs.
M.API = { [1] = true }

local function is(kind)
  return function(v)
    return type(v) == kind, "must be a " .. kind
  end
end

local function is_string(v)
  return type(v) == "string" and v ~= "", "must be a string"
end

local function is_strings(v)
  if type(v) ~= "table" then
    return false, "must be a list of strings"
  end
  for _, one in pairs(v) do
    if type(one) ~= "string" then
      return false, "must be a list of strings"
    end
  end
  return true
end

local function is_platforms(v)
  local ok, problem = is_strings(v)
  if not ok then
    return false, problem
  end
  for _, text in ipairs(v) do
    local parsed, message, hint = platform.parse(text)
    if not parsed then
      return false, ("has a mistake: %s"):format(message), hint
    end
  end
  return true
end

local LIMITS = {
  concurrency = { type = "int", min = 1 },
  rate = {
    type = "record",
    fields = { per_second = { type = "number", min = 0.001, required = true }, burst = { type = "int", min = 1 } },
  },
  retry = {
    type = "record",
    fields = {
      attempts = { type = "int", min = 1 },
      base = { type = "number", min = 0 },
      max = { type = "number", min = 0 },
    },
  },
}

local function is_limits(v)
  if type(v) ~= "table" then
    return false, "must be a table"
  end
  local _, errs = require("prov.contract").compile(LIMITS):complete(v)
  if errs then
    return false, "has a mistake: " .. errs[1].msg, errs[1].hint
  end
  return true
end

--- What a provider offers: lists of entries with a name each (plans, zones, images), and maps.
local function is_catalog(v)
  if type(v) == "function" then
    return true
  elseif type(v) ~= "table" then
    return false, "must be a table or a function"
  end
  for list, entries in pairs(v) do
    for i, entry in ipairs(type(entries) == "table" and entries or {}) do
      if type(entry) ~= "table" or type(entry.name) ~= "string" then
        return false, "needs a name in every entry", nil, ("%s[%d]"):format(tostring(list), i)
      end
    end
  end
  return true
end

local function either(a, b, text)
  return function(v)
    return type(v) == a or type(v) == b, text
  end
end

local body_or_text =
  either("string", "table", "must name the module with the functions, or be a table of them")

local COMMON = {
  kind = { is_string, required = true },
  api = { is("number"), required = true },
  name = { is_string, required = true },
  summary = { is_string, required = true },
  description = { is_string },
  types = { fields.check },
}

local SHAPES = {
  provider = {
    config = { fields.check },
    limits = { is_limits },
    resources = { is("table"), required = true },
    catalog = { is_catalog },
    prices = { is("function") },
    account = { is("function") },
    body = { body_or_text },
  },
  taskserv = {
    category = { is_string },
    schema = { fields.check },
    needs = { is_strings },
    after = { is_strings },
    conflicts = { is_strings },
    platforms = { is_platforms },
    recipe = { is("function") },
    health = { is("function") },
    remove = { is("function") },
    backup = { is("function") },
    restore = { is("function") },
    body = { is_string },
    ports = { either("table", "function", "must be a table or a function") },
    outputs = { either("table", "function", "must be a table or a function") },
  },
  cluster = {
    schema = { fields.check },
    expand = { is("function") },
    body = { is_string },
  },
}

local RESOURCE = {
  schema = { fields.check, required = true },
  outputs = { fields.check },
  body = { body_or_text },
  timeout = { is("table") },
  summary = { is_string },
  actions = { is("table") },
  estimate = { either("table", "function", "must be a table or a function") },
}

local BODY_FUNCTIONS = { "read", "create", "delete" }

-- The only line that gives the field a value, if there is just one.
local function line_of(path, field)
  local word = field:match("([%w_]+)[^%w_]*$")
  local pattern = word and "%f[%w_]" .. word .. "%f[^%w_]%s*=[^=]"
  local found, line = nil, 0
  for text in (word and fs.read(path) or ""):gmatch("([^\n]*)\n?") do
    line = line + 1
    if text:gsub("%-%-.*", ""):find(pattern) then
      if found then
        return nil
      end
      found = line
    end
  end
  return found
end

local function fail(path, field, message, hint)
  return err.new("invalid", ("field '%s' %s"):format(field, message), {
    file = path, line = message ~= "is missing" and line_of(path, field) or nil, hint = hint,
  })
end

local function names_of(...)
  local out = {}
  for _, shape in ipairs({ ... }) do
    for name in pairs(shape) do
      out[#out + 1] = name
    end
  end
  return out
end

--- Checks a table against shapes; `where` is put before the field in messages.
local function check_shape(path, where, t, first, second)
  for _, shape in ipairs({ first, second }) do
    for name, spec in pairs(shape) do
      local v = t[name]
      if v == nil then
        if spec.required then
          return fail(path, where .. name, "is missing")
        end
      else
        local ok, message, hint, below = spec[1](v)
        if not ok then
          return fail(path, where .. name .. (below and "." .. below or ""), message, hint)
        end
      end
    end
  end
  for name in pairs(t) do
    if not (first[name] or second and second[name]) then
      return fail(
        path,
        where .. tostring(name),
        "is not known",
        suggest.hint(tostring(name), names_of(first, second or {}))
      )
    end
  end
end

local RESOURCE_FUNCTIONS = {
  read = { is("function") },
  create = { is("function") },
  update = { is("function") },
  delete = { is("function") },
  find = { is("function") },
  list = { is("function") },
}

local function check_resource(path, kind, resource)
  local where = ("resources.%s."):format(tostring(kind))
  if type(resource) ~= "table" then
    return fail(path, where:sub(1, -2), "must be a table")
  end
  local functions = {}
  for name in pairs(resource) do
    if type(name) == "string" and name:match("^action_") then
      functions[name] = { is("function") }
    end
  end
  for name, spec in pairs(RESOURCE_FUNCTIONS) do
    functions[name] = spec
  end
  local e = check_shape(path, where, resource, RESOURCE, functions)
  if e then
    return e
  end
  local source = type(resource.body) == "table" and resource.body or resource
  if type(resource.body) ~= "string" then
    for _, name in ipairs(BODY_FUNCTIONS) do
      if type(source[name]) ~= "function" then
        return fail(path, where .. name, "must be a function, or 'body' must name the module that has it")
      end
    end
  end
end

--- Every schema of a declaration: { text, schema, keys, of }.
local function schemas_of(kind, declaration)
  local out = {}
  local function add(schema, of, ...)
    local keys = { ... }
    if type(schema) == "table" then
      out[#out + 1] = { table.concat(keys, "."), schema, keys, of }
    end
  end
  local whole = ("%s %s"):format(kind, tostring(declaration.name))
  if kind == "provider" then
    add(declaration.config, "configuration of " .. whole, "config")
    for name, resource in pairs(type(declaration.resources) == "table" and declaration.resources or {}) do
      if type(resource) == "table" and type(name) == "string" then
        add(resource.schema, ("%s of %s"):format(name, whole), "resources", name, "schema")
        add(resource.outputs, ("outputs of %s of %s"):format(name, whole), "resources", name, "outputs")
      end
    end
    return out
  end
  add(declaration.schema, whole, "schema")
  add(declaration.outputs, "outputs of " .. whole, "outputs")
  return out
end

--- Checks a declaration; returns nil when it is good, else the first thing wrong with it.
---@param kind string
---@param name string
---@param declaration any
---@param path string
---@return prov.Err?
function M.check(kind, name, declaration, path)
  if type(declaration) ~= "table" then
    return err.new("invalid", ("must return a table, not %s"):format(type(declaration)), { file = path })
  end
  if declaration.kind ~= kind then
    return fail(path, "kind", ('must be "%s"'):format(kind))
  end
  if not M.API[declaration.api] then
    return fail(path, "api", ("is %s, this program knows 1"):format(tostring(declaration.api)))
  end
  local schemas = schemas_of(kind, declaration)
  local bound, message, below = named.bind(declaration.types, schemas)
  if not bound then
    return fail(path, below, message)
  end
  local e = check_shape(path, "", declaration, COMMON, SHAPES[kind])
  if e then
    return e
  end
  if declaration.name ~= name then
    return fail(path, "name", ("is '%s', but its folder is '%s'"):format(declaration.name, name))
  end
  if kind == "provider" then
    for resource_kind, resource in pairs(declaration.resources) do
      e = check_resource(path, resource_kind, resource)
      if e then
        return e
      end
    end
  elseif not declaration.body then
    local needed = kind == "taskserv" and "recipe" or "expand"
    if type(declaration[needed]) ~= "function" then
      return fail(path, needed, "must be a function")
    end
  end
  for _, one in ipairs(schemas) do
    origin.declare(one[2], { file = path, keys = one[3], of = one[4] })
  end
end

return M
