--- Settings that operations and extensions bring with their declarations:
--
--   flags.<operation>.<flag>        the default of a flag of the command line: flags.apply.on_failure
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

---@class prov.ConfigDeclared
---@field registry prov.Registry
local Declared = {}
Declared.__index = Declared

---@param registry prov.Registry
---@return prov.ConfigDeclared
function M.new(registry)
  return setmetatable({ registry = registry, groups = false, specs = false }, Declared)
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

local function add_provider(specs, name, declaration)
  add_fields(specs, "provider." .. name .. ".", declaration.config, "Configuration of provider " .. name, true)
  for kind, resource in pairs(declaration.resources or {}) do
    add_fields(specs, kind .. ".default_", resource.schema, ("Default for every %s that has such a field"):format(kind),
      true)
  end
end

local function collect(self)
  local specs = {}
  add_flags(specs)
  for _, kind in ipairs({ "provider", "taskserv", "cluster" }) do
    for _, one in ipairs(self.registry:index(kind)) do
      local declaration = self.registry:get(kind, one.name)
      if declaration and kind == "provider" then
        add_provider(specs, one.name, declaration)
      elseif declaration then
        local doc = ("Default of %s %s"):format(kind, one.name)
        add_fields(specs, ("%s.%s."):format(kind, one.name), declaration.schema, doc, true)
      end
    end
  end
  return specs
end

local function load(self)
  if not self.specs then
    self.specs, self.groups = collect(self), {}
    for key in pairs(self.specs) do
      for at in key:gmatch("()%.") do
        self.groups[key:sub(1, at - 1)] = true
      end
    end
  end
  return self
end

--- The declaration of a key, or nil. One without a dot is never brought.
---@param key string
---@return table?
function Declared:spec(key)
  return key:find(".", 1, true) and load(self).specs[key] or nil
end

---@param prefix string
---@return boolean
function Declared:is_group(prefix)
  return load(self).groups[prefix] == true
end

---@return string[]
function Declared:names()
  local out = {}
  for key in pairs(load(self).specs) do
    out[#out + 1] = key
  end
  return out
end

return M
