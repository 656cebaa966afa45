--- Settings that operations and extensions bring with their declarations:
--
--   flags.<operation>.<flag>        the default of a flag of the command line: flags.apply.on_failure
--   rules.<id>.severity             what a mistake that a rule of `prov validate` finds counts: rules.ssh-open.severity
--   rules.<id>.<option>             an option of the rule
--   <kind>.default_<field>          the default of a field of a kind of resources: server.default_image
--   provider.<name>.<field>         of a provider's configuration
--   taskserv.<name>.<field>         of a task service
--   cluster.<name>.<field>          of a cluster template
--
-- The last four are values of infra: what stands in `${...}` there is for the infra.

local ops = require("prov.ops")

local M = {}

--- Types that may have a default here: no secrets, which belong into no file, and no references.
local SIMPLE = {}
for _, name in ipairs({
  "any", "bool", "cidr", "duration", "enum", "hostname", "int", "ip", "list", "map", "number", "path", "port", "record",
  "semver", "size", "string", "union", "url",
}) do
  SIMPLE[name] = true
end

--- What a rule may be here, and "off".
M.SEVERITIES = { "off", "note", "warning", "error" }

---@class prov.ConfigDeclared
---@field registry prov.Registry
---@field workspace string|false its folder
---@field bundles table<function, { specs: table<string, table>, groups: table<string, true> }>
local Declared = {}
Declared.__index = Declared

---@param registry prov.Registry
---@param workspace? string its folder, for the rules in it
---@return prov.ConfigDeclared
function M.new(registry, workspace)
  return setmetatable({ registry = registry, workspace = workspace or false, bundles = {} }, Declared)
end

local function field_of(field)
  field = type(field) == "string" and { type = field } or field
  local kind = field.type or field.one_of and "enum" or "any"
  if not SIMPLE[kind] or field.secret or field.computed then
    return nil
  end
  local out = {}
  for name, v in pairs(field) do
    out[name] = v
  end
  out.required, out.check, out.positional = nil, nil, nil
  if type(out.default) == "function" then -- computed from the fields beside it
    out.default = nil
  end
  return out
end

local function add_fields(specs, prefix, fields, doc, of_infra)
  for name, field in pairs(fields or {}) do
    local spec = type(name) == "string" and not name:find(".", 1, true) and field_of(field)
    if spec then
      spec.of_infra = of_infra
      spec.doc = doc .. (spec.doc and ": " .. spec.doc or "")
      specs[prefix .. name] = specs[prefix .. name] or spec
    end
  end
end

local function add_flags(specs)
  local is_op = {}
  for _, name in ipairs(ops.names()) do
    is_op[name] = true
  end
  for _, name in ipairs(ops.names()) do
    local op = ops.load(name)
    for param, field in pairs(op.params or {}) do
      local is_group = is_op[name .. " " .. tostring(param)] -- `simulate --faults` beside `simulate faults --clear`
      if (field.flag or not field.positional) and not field.hidden and not field.required and not is_group then
        add_fields(specs, "flags." .. name:gsub(" ", "."):gsub("-", "_") .. ".", { [param] = field },
          ("Default of --%s of `prov %s`"):format(require("prov.params").flag_name(param), name))
      end
    end
  end
end

local function each_declaration(self, kind, fn)
  for _, one in ipairs(self.registry:index(kind)) do
    local declaration = self.registry:get(kind, one.name)
    if declaration then
      fn(one.name, declaration)
    end
  end
end

local function add_rule(specs, rule)
  local prefix, doc = ("rules.%s."):format(rule.id), "Rule " .. rule.id
  add_fields(specs, prefix, {
    severity = {
      type = "enum",
      one_of = M.SEVERITIES,
      default = rule.severity,
      doc = rule.summary:sub(1, 1):lower() .. rule.summary:sub(2),
    },
  }, doc)
  add_fields(specs, prefix, rule.options, doc)
end

--- What brings the keys of a group; every other group is of kinds of resources.
local BRING = { flags = add_flags }

function BRING.rules(specs, self)
  local rules = require("prov.rules")
  for _, rule in ipairs(rules.all(self.workspace and { dir = self.workspace }, self.registry) or rules.built_in()) do
    add_rule(specs, rule)
  end
end

function BRING.provider(specs, self)
  each_declaration(self, "provider", function(name, declaration)
    add_fields(specs, "provider." .. name .. ".", declaration.config, "Configuration of provider " .. name, true)
  end)
end

for _, kind in ipairs({ "taskserv", "cluster" }) do
  BRING[kind] = function(specs, self)
    each_declaration(self, kind, function(name, declaration)
      local doc = ("Default of %s %s"):format(kind, name)
      add_fields(specs, ("%s.%s."):format(kind, name), declaration.schema, doc, true)
    end)
  end
end

local function add_kinds(specs, self)
  each_declaration(self, "provider", function(_, declaration)
    for kind, resource in pairs(declaration.resources or {}) do
      add_fields(specs, kind .. ".default_", resource.schema,
        ("Default for every %s that has such a field"):format(kind), true)
    end
  end)
end

--- What is brought with the group of a key, made once: declarations by key, and the groups within.
local function bundle_of(self, key)
  local group = key:match("^[^.]+")
  local bring = BRING[group] or add_kinds
  local bundle = self.bundles[bring]
  if not bundle then
    bundle = { specs = {}, groups = {} }
    bring(bundle.specs, self)
    for name in pairs(bundle.specs) do
      for at in name:gmatch("()%.") do
        bundle.groups[name:sub(1, at - 1)] = true
      end
    end
    for name in pairs(bundle.groups) do -- a flag that has the name of a command below: `simulate --faults`
      bundle.specs[name] = nil
    end
    self.bundles[bring] = bundle
  end
  return bundle
end

--- The declaration of a key, or nil. One without a dot is never brought.
---@param key string
---@return table?
function Declared:spec(key)
  return key:find(".", 1, true) and bundle_of(self, key).specs[key] or nil
end

---@param prefix string
---@return boolean
function Declared:is_group(prefix)
  return bundle_of(self, prefix).groups[prefix] == true
end

---@param group? string only keys of this group
---@return string[]
function Declared:names(group)
  local out = {}
  local function add(of)
    for key in pairs(bundle_of(self, of).specs) do
      out[#out + 1] = key
    end
  end
  if group then
    add(group)
    return out
  end
  for of in pairs(BRING) do
    add(of)
  end
  add("kinds")
  return out
end

return M
