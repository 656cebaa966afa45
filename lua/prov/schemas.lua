--- Schemas for editors: what an infra file, prov.yaml, a workflow or the arguments of an extension may hold,
-- as JSON Schema (2020-12) and as LuaCATS types. All of it comes from the contracts that check the files.

local address = require("prov.address")
local data = require("core.data")
local err = require("prov.err")
local expand = require("prov.infra.expand")
local field_of = require("prov.contract.field")
local json_schema = require("prov.contract.json_schema")
local luacats = require("prov.contract.luacats")
local merge = require("prov.infra.merge")

local M = {}

--- What may follow a name in a file: the marks of priority.
local MARKS = "[!?]?"

--- A text with a reference or another expression in it.
local LATER = { type = "string", pattern = "\\$\\{", description = "A value of others: ${server.web.ip}" }

local COMMON = {
  provider = { type = "string", doc = "Who makes it" },
  count = { type = "int", min = 0, doc = "How many: web[1], web[2], ...; ${index} in its fields is the number" },
  for_each = {
    type = "union",
    of = { { type = "map" }, { type = "list" } },
    doc = "One for each: web[\"eu\"]; ${key} and ${value} in its fields",
  },
  needs = { type = "list", of = { type = "string" }, doc = "Waits for these, when no reference says so already" },
  lifecycle = { type = "record", named = "lifecycle", fields = expand.LIFECYCLE, doc = "How it may change" },
  tags = { type = "map", of = { type = "string" }, doc = "Words of yours by name" },
}

--- The fields of a resource besides those of its kind; what the loader knows and this does not may be anything.
local function common_fields(schema)
  local out = {}
  for name in pairs(expand.COMMON) do
    out[name] = schema[name] == nil and (COMMON[name] or { type = "any" }) or nil
  end
  return out
end

---@class prov.Installed what is known of the extensions that an infra may use
---@field providers table<string, table>
---@field taskservs table<string, table>
---@field clusters table<string, table>

--- The declarations of all extensions that load.
local function installed(registry)
  local out = {}
  for _, kind in ipairs({ "provider", "taskserv", "cluster" }) do
    local found = {}
    for _, one in ipairs(registry:index(kind)) do
      found[one.name] = registry:get(kind, one.name)
    end
    out[kind .. "s"] = found
  end
  return out
end

--- Names of the providers with resources of each kind.
local function by_kind(providers)
  local out = {}
  for _, name in ipairs(data.keys(providers)) do
    for kind in pairs(providers[name].resources) do
      out[kind] = out[kind] or {}
      table.insert(out[kind], name)
    end
  end
  return out
end

local function list(...)
  return data.list({ ... })
end

local function is_provider(name)
  return { properties = { provider = { const = name } }, required = list("provider") }
end

---@class prov.InfraSchema
---@field opts prov.SchemaOptions
---@field defs table<string, table>
---@field found prov.Installed
---@field default? string provider of what names none
---@field given table<string, any> defaults of the workspace
---@field part boolean
local Infra = {}
Infra.__index = Infra

--- When an entry is of a provider.
function Infra:entry_is_of(provider, all)
  if #all == 1 or provider == self.default then
    local others = list()
    for _, name in ipairs(all) do
      others[#others + 1] = name ~= provider and name or nil
    end
    local named = is_provider(provider)
    return { anyOf = list({ ["not"] = { required = list("provider") } }, named) }
  end
  return is_provider(provider)
end

--- Options for the fields of an extension; required fields are told apart, as `defaults` may give them.
function Infra:options(owner, partial)
  return {
    defs = self.defs,
    refs = self.refs,
    owner = owner,
    later = "#/$defs/later",
    marks = true,
    partial = partial or self.part,
  }
end

--- The value of `taskservs` of a server.
function Infra:taskservs()
  local names, properties = list(), {}
  for _, name in ipairs(data.keys(self.found.taskservs)) do
    names[#names + 1] = name
    local declaration = self.found.taskservs[name]
    local schema = declaration.schema or {}
    local fields = schema.needs == nil and field_of.with(schema, { needs = COMMON.needs }) or schema
    local args = json_schema.object(fields, self:options("taskserv." .. name))
    args.description = declaration.summary
    self.defs["taskserv." .. name] = args
    local nothing = { type = list("null", "boolean") }
    properties[name] = { anyOf = list({ ["$ref"] = "#/$defs/taskserv." .. name }, nothing) }
    properties[name].description = declaration.summary
  end
  local item = #names > 0 and { type = "string", enum = names } or { type = "string" }
  return {
    description = "Services on it: by name with their arguments, or a list of names",
    anyOf = list(
      { type = "array", items = item },
      { type = "object", properties = properties, additionalProperties = false, patternProperties = self.any_marked },
      { ["$ref"] = "#/$defs/later" },
      { type = "null" }
    ),
  }
end

--- Adds the schema of a kind of resources of a provider.
function Infra:resource(provider, kind)
  local resource = self.found.providers[provider].resources[kind]
  local fields = field_of.with(resource.schema, common_fields(resource.schema))
  local name = ("%s.%s"):format(provider, kind)
  local out = json_schema.object(fields, self:options(provider, true))
  out.type = list("object", "null")
  out.description = resource.summary
  if kind == "server" and resource.schema.taskservs == nil then
    out.properties.taskservs = { ["$ref"] = "#/$defs/taskservs" }
    self.needs_taskservs = true
  end
  local who = out.properties.provider
  if who and resource.schema.provider == nil then
    local known = data.list(data.keys(self.found.providers))
    out.properties.provider = { description = who.description, anyOf = list({ enum = known }, { type = "string" }) }
  end
  self.defs[name] = out
  return { ["$ref"] = "#/$defs/" .. name }
end

--- A required field that `defaults` in the same file does not give must stand in the entry.
function Infra:demand(top, provider, all, field)
  local absent = { ["not"] = { required = list("defaults"), properties = { defaults = { required = list(field) } } } }
  local entry = {
    ["if"] = self:entry_is_of(provider, all),
    ["then"] = { type = "object", required = list(field) },
  }
  self.demands[#self.demands + 1] = {
    ["if"] = absent,
    ["then"] = { properties = { [top] = { additionalProperties = entry } } },
  }
end

--- The schema of the entries of one kind.
function Infra:entries(kind, providers)
  local top = merge.plural(kind)
  local ways, refs = list(), list()
  for _, provider in ipairs(providers) do
    local ref = self:resource(provider, kind)
    refs[#refs + 1] = ref
    ways[#ways + 1] = { ["if"] = self:entry_is_of(provider, providers), ["then"] = ref }
    local schema = self.found.providers[provider].resources[kind].schema
    for _, name in ipairs(not self.part and data.keys(schema) or {}) do
      local field = field_of.full(schema[name])
      if field.required and field.default == nil and self.given[name] == nil then
        self:demand(top, provider, providers, name)
      end
    end
  end
  if #providers > 1 and not self.default then
    ways[#ways + 1] = { ["if"] = { ["not"] = { required = list("provider") } }, ["then"] = { anyOf = refs } }
  end
  return {
    type = list("object", "null"),
    propertyNames = { pattern = address.name_pattern(kind, MARKS) },
    additionalProperties = { type = list("object", "null"), allOf = ways },
  }
end

function Infra:clusters()
  local ways, names = list(), data.list(data.keys(self.found.clusters))
  for _, name in ipairs(names) do
    local declaration = self.found.clusters[name]
    local own = { template = { type = "string", required = true, doc = "The template" } }
    if (declaration.schema or {}).provider == nil then
      own.provider = COMMON.provider
    end
    local fields = field_of.with(declaration.schema or {}, own)
    self.defs["cluster." .. name] = json_schema.object(fields, self:options("cluster." .. name))
    ways[#ways + 1] = {
      ["if"] = { properties = { template = { const = name } } },
      ["then"] = { ["$ref"] = "#/$defs/cluster." .. name },
    }
  end
  local template = { type = "string", description = "The template", enum = #names > 0 and names or nil }
  return {
    type = list("object", "null"),
    propertyNames = { pattern = address.name_pattern("cluster", MARKS) },
    additionalProperties = {
      type = "object",
      required = list("template"),
      properties = { template = template },
      allOf = #ways > 0 and ways or nil,
    },
  }
end

function Infra:providers()
  local properties = {}
  for name, declaration in pairs(self.found.providers) do
    local fields = declaration.config or {}
    fields = require("prov.provider.config").in_infra(fields, fields) -- the environment may give the others
    local config = json_schema.object(fields, self:options(name .. ".config"))
    config.type = not config.required and list("object", "null") or "object"
    config.description = declaration.summary
    properties[name] = config
  end
  return {
    type = list("object", "null"),
    description = "Configuration of providers",
    properties = properties,
  }
end

--- The schema of infra files.
---@param registry prov.Registry
---@param opts? { default: string?, given: table?, part: boolean?, only: string? } default: provider of what names none;
--- given: defaults of the workspace; part: for one of several files, where nothing is required; only: one provider
---@return table
function M.infra(registry, opts)
  opts = opts or {}
  local found = installed(registry)
  if opts.only then
    found.providers = { [opts.only] = found.providers[opts.only] }
  end
  local self = setmetatable({
    found = found,
    defs = { later = LATER },
    refs = {},
    demands = list(),
    default = found.providers[opts.default] and opts.default,
    given = opts.given or {},
    part = opts.part or false,
    any_marked = { ["^[^!?]+[!?]$"] = true },
  }, Infra)
  local properties = {
    providers = self:providers(),
    clusters = self:clusters(),
    defaults = {
      type = list("object", "null"),
      description = "Values for every resource that has such a field",
      properties = { provider = { type = "string", description = "Who makes what names no provider" } },
    },
    outputs = { type = list("object", "null"), description = "Values for people and programs" },
  }
  for _, names in ipairs({ merge.RESERVED, merge.LISTS or {} }) do
    for name in pairs(names) do
      properties[name] = properties[name] or true
    end
  end
  local kinds = by_kind(found.providers)
  for _, kind in ipairs(data.keys(kinds)) do
    local providers = kinds[kind]
    properties[merge.plural(kind)] = self:entries(kind, providers)
  end
  if self.needs_taskservs then
    self.defs.taskservs = self:taskservs()
  end
  return {
    ["$schema"] = json_schema.DIALECT,
    title = "An infra of prov",
    type = list("object", "null"),
    properties = properties,
    patternProperties = self.any_marked,
    additionalProperties = false,
    allOf = #self.demands > 0 and self.demands or nil,
    ["$defs"] = self.defs,
  }
end

--- A text in a setting that is filled in when it is read.
local FILLED = { type = "string", pattern = "\\$\\{", description = "Another setting or a variable: ${env:HOME}" }

--- The schema of the settings: in place of any value may be a text with `${...}`.
---@param config prov.Config
---@param whole? table the document that it is put into, else it is one
---@return table
function M.settings(config, whole)
  local out = json_schema.object(config:contract(), { later = "#/$defs/filled" })
  whole = whole or out
  whole["$schema"] = json_schema.DIALECT
  whole["$defs"] = whole["$defs"] or {}
  whole["$defs"].filled = FILLED
  return out
end

--- The schema of prov.yaml.
---@return table
function M.prov()
  local out = json_schema.object(require("prov.workspace").SCHEMA, {})
  out["$schema"], out.title = json_schema.DIALECT, "prov.yaml: a workspace of prov"
  out.properties.config = M.settings(require("prov.settings").current(), out)
  return out
end

--- The schema of workflows.
---@return table
function M.workflow()
  local load = require("prov.workflow.load")
  local inputs = { type = "map", of = require("prov.contract.fields").FIELD, doc = load.SCHEMA.inputs.doc }
  local out = require("prov.contract").json_schema(field_of.with(load.SCHEMA, { inputs = inputs }))
  out.title = "A workflow of prov"
  local names = data.list({})
  for _, name in ipairs(require("prov.ops").names()) do
    names[#names + 1] = name
  end
  local step = out.properties.steps.items.properties.run
  out.properties.steps.items.properties.run = {
    description = step.description,
    anyOf = list({ enum = names }, { type = "string" }),
  }
  return out
end

--- The schema of the arguments of a taskserv or cluster template.
---@param declaration table
---@return table
function M.arguments(declaration)
  local out = require("prov.contract").json_schema(declaration.schema or {})
  out.title = ("%s %s: %s"):format(declaration.kind, declaration.name, declaration.summary)
  return out
end

--- The types of an infra file in Lua.
---@param registry prov.Registry
---@param only? string one provider
---@return string
function M.infra_types(registry, only)
  local found = installed(registry)
  local out = { "---@meta" }
  local tops, kinds = {}, by_kind(found.providers)
  for _, kind in ipairs(data.keys(kinds)) do
    local classes = {}
    for _, provider in ipairs(kinds[kind]) do
      if not only or provider == only then
        local resource = found.providers[provider].resources[kind]
        local name = ("%s.%s"):format(provider, kind)
        local fields = field_of.with(resource.schema, common_fields(resource.schema))
        if kind == "server" and not fields.taskservs then
          fields.taskservs = { type = "any", doc = "Services on it" }
        end
        local partial = {} -- defaults may give what is required
        for key, field in pairs(fields) do
          partial[key] = setmetatable({ required = false }, { __index = field_of.full(field) })
        end
        out[#out + 1] = luacats.of(name, partial, { owner = provider, doc = resource.summary })
        classes[#classes + 1] = name
      end
    end
    if #classes > 0 then
      tops[merge.plural(kind)] = ("table<string, %s>"):format(table.concat(classes, "|"))
    end
  end
  for _, names in ipairs({ merge.RESERVED, merge.LISTS or {} }) do
    for name in pairs(names) do
      tops[name] = "table"
    end
  end
  out[#out + 1] = "---What an infra file returns.\n---@class prov.InfraFile"
  for _, name in ipairs(data.keys(tops)) do
    out[#out + 1] = ("---@field %s? %s"):format(name, tops[name])
  end
  return table.concat(out, "\n") .. "\n"
end

--- The types of what the functions of a taskserv or cluster are given.
---@param declaration table
---@return string
function M.argument_types(declaration)
  local name = ("%s.%s"):format(declaration.kind, declaration.name)
  return "---@meta\n" .. luacats.of(name, declaration.schema or {}, { completed = true, doc = declaration.summary })
end

--- What the infra that is there tells: whether it has several files, the provider of what names none, and the
-- defaults of prov.yaml.
local function of_workspace(workspace)
  if not workspace then
    return false, nil, {}
  end
  local given = workspace.defaults or {}
  local default = given.provider
  local paths = require("prov.infra.source").files(workspace.dir) or {}
  for _, one in ipairs(require("prov.infra.source").read(workspace) or {}) do -- a mistake in it is for validate
    local defaults = one.tree.defaults
    local named = type(defaults) == "table" and defaults.provider
    default = type(named) == "string" and named or default
  end
  return #paths > 1, default, given
end

--- The schema that `prov schema export` is asked for.
---@param ctx prov.Ctx
---@param p { what: string, name: string?, format: string, part: boolean }
---@return table|string? schema, prov.Err?
function M.export(ctx, p)
  local registry, cats = ctx.registry, p.format == "luacats"
  local takes_name = p.what == "provider" or p.what == "taskserv" or p.what == "cluster"
  if takes_name ~= (p.name ~= nil) then
    local say = takes_name and "which %s? add its name" or "there is only one schema of %s: leave the name out"
    return err.fail("invalid", say, p.what) -- each by itself is well formed
  elseif cats and (p.what == "prov" or p.what == "workflow") then
    return err.fail("unsupported", "prov.yaml and workflows have no types in Lua: they are data")
  end
  local declaration
  if takes_name then
    local e
    declaration, e = registry:get(p.what, p.name)
    if not declaration then
      return nil, e
    end
  end
  if p.what == "taskserv" or p.what == "cluster" then
    return cats and M.argument_types(declaration) or M.arguments(declaration)
  elseif p.what == "prov" or p.what == "workflow" then
    return M[p.what]()
  elseif cats then
    return M.infra_types(registry, p.name)
  end
  local part, default, given = of_workspace(ctx.workspace)
  if p.part ~= nil then
    part = p.part
  end
  return M.infra(registry, { given = given, default = default, part = part, only = p.name })
end

local FILES = { "provider.lua", "taskserv.lua", "cluster.lua", "workflow.yaml", "workflow.json", "workflow.lua" }

--- A version of an extension: a file, a folder, or kind/name.
local function version(registry, text)
  local fs = require("prov.fs")
  if not fs.exists(text) then
    local kind, name = text:match("^(%l+)/([%w_.-]+)$")
    if kind and require("prov.suggest").nearest(kind, { "provider", "taskserv", "cluster", "workflow" }) == kind then
      return registry:get(kind, name)
    end
    return err.fail("notfound", "there is no file, folder or installed extension '%s'", text)
  end
  local path = text
  if fs.stat(text).type == "directory" then
    path = nil
    for _, file in ipairs(FILES) do
      path = path or fs.exists(text .. "/" .. file) and text .. "/" .. file
    end
    if not path then
      return err.fail("notfound", "%s has no %s", text, table.concat(FILES, ", "))
    end
  end
  return registry:read(path)
end

--- What `prov schema diff` is asked for.
---@param ctx prov.Ctx
---@param p { old: string, new: string }
---@return { changes: prov.ContractChange[], breaks: integer }?, prov.Err?
function M.diff(ctx, p)
  local old, new, e
  old, e = version(ctx.registry, p.old)
  if not old then
    return nil, e
  end
  new, e = version(ctx.registry, p.new)
  if not new then
    return nil, e
  elseif old.kind ~= new.kind then
    return err.fail("usage", "%s is a %s, %s is a %s", p.old, old.kind, p.new, new.kind)
  end
  local changes, breaks = data.list(require("prov.contract.diff").extensions(old, new)), 0
  for _, change in ipairs(changes) do
    breaks = breaks + (change.effect == "breaks" and 1 or 0)
  end
  return { changes = changes, breaks = breaks }
end

return M
