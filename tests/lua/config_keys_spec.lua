-- Every setting that operations and extensions bring is read: set alone, it changes what it is the default of.

local config = require("prov.config")
local example = require("prov.contract.example")
local from_settings = require("prov.infra.from_settings")
local layers = require("prov.config.layers")
local ops = require("prov.ops")
local project = require("support.project")
local settings = require("prov.settings")
local validate = require("prov.validate")
local yaml = require("prov.yaml")

local registry = require("prov.registry").open()

--- A configuration in which the environment sets one key.
local function with(key, v)
  local name = layers.variable(key)
  local text = type(v) == "string" and v or require("prov.json").encode(v)
  local c = config.open({ registry = registry, env = function(asked)
    return asked == name and text or nil
  end })
  c:without_files()
  return c
end

--- Another value than the default that the contract takes.
local function value_of(spec)
  if spec.one_of then
    return spec.one_of[1] ~= spec.default and spec.one_of[1] or spec.one_of[2] or spec.one_of[1]
  elseif spec.type == "bool" then
    return not spec.default
  elseif spec.type == "list" then
    return { value_of(type(spec.of) == "table" and spec.of or { type = spec.of or "string" }) }
  end
  local field = { required = true }
  for name, v in pairs(spec) do
    field[name] = name ~= "default" and v or nil
  end
  field.required = true
  local made = example.arguments({ it = field }, true).it
  return made ~= nil and made or spec.default
end

local SCHEMAS = {
  provider = function(declaration)
    return declaration.config
  end,
}

local function schema_of(kind, name)
  local declaration = assert(registry:get(kind, name))
  return SCHEMAS[kind] and SCHEMAS[kind](declaration) or declaration.schema
end

describe("settings of operations and extensions", function()
  local all = config.open({ registry = registry, env = function() end })
  local loader = { root = { scope = {} }, fail = function(_, e)
    error(e)
  end }
  local seen = { flags = 0, fields = 0, rules = 0 }

  it("of flags reach the operation", function()
    for _, key in ipairs(all:names("flags")) do
      local words, flag = key:match("^flags%.(.+)%.([^.]+)$")
      local op
      for _, name in ipairs(ops.names()) do
        if name:gsub(" ", "."):gsub("-", "_") == words then
          op = ops.load(name)
        end
      end
      local v = value_of(all:spec_of(key))
      local params = {}
      assert(with(key, v):fill_flags(op, params))
      assert.is_not_nil(params[flag], key)
      seen.flags = seen.flags + 1
    end
    assert.is_true(seen.flags > 100)
  end)

  it("of providers, services, clusters and resources reach their contracts", function()
    for _, key in ipairs(all:names()) do
      local kind, name, field = key:match("^([%a_]+)%.([^.]+)%.([^.]+)$")
      local group, prefix, schema
      if SCHEMAS[kind] or kind == "taskserv" or kind == "cluster" then
        group, prefix, schema = kind .. "." .. name, ("%s.%s."):format(kind, name), schema_of(kind, name)
      else
        kind, field = key:match("^([%a_]+)%.default_([^.]+)$")
        group, prefix = kind, kind and kind .. ".default_"
        for _, one in ipairs(kind and registry:index("provider") or {}) do
          local resource = registry:get("provider", one.name).resources[kind]
          schema = resource and resource.schema[field] and resource.schema or schema
        end
      end
      if group and schema and not all:is_own(key) then
        local c = with(key, value_of(all:spec_of(key)))
        c.mentions = function(_, asked)
          return asked == group
        end
        require("support.async").run(function()
          settings.inherit(c)
          local changed = from_settings.schema(loader, group, prefix, schema)
          assert.are_not.equal(schema, changed)
          assert.is_not_nil(changed[field].default, key)
          assert.is_nil(changed[field].required)
        end)
        seen.fields = seen.fields + 1
      end
    end
    assert.is_true(seen.fields > 100)
  end)

  it("of rules reach what they find, and their options", function()
    local check, examples = require("prov.validate.check"), require("prov.validate.example")
    local rules = require("prov.rules").built_in()
    for _, rule in ipairs(rules) do
      local infra, options = examples.parts(rule.bad)
      local function find(c)
        c.mentions = function()
          return true
        end
        local said = yaml.encode({ validate = { rules = { [rule.id] = options } } })
        local ctx = project.ctx({
          ["infra.yaml"] = infra,
          ["prov.yaml"] = "name: t\ndefaults: { provider: demo }\n" .. said,
        })
        c._workspace, ctx.config, c._files = ctx.dir, c, {}
        local value, errs = validate.run(ctx)
        for _, finding in ipairs(assert(value, errs and tostring(errs[1])).findings) do
          if finding.rule == rule.id then
            return finding.severity
          end
        end
      end
      local key = ("rules.%s.severity"):format(rule.id)
      assert.equal(rule.severity, find(with(key, rule.severity)), rule.id)
      local other = rule.severity == "note" and "error" or "note"
      assert.equal(other, find(with(key, other)), rule.id)
      assert.is_nil(find(with(key, "off")), rule.id)
      seen.rules = seen.rules + 1
      for name, spec in pairs(rule.options or {}) do
        key = ("rules.%s.%s"):format(rule.id, name)
        local v = value_of(all:spec_of(key))
        local c = with(key, v)
        c.mentions = function()
          return true
        end
        assert.same({ [rule.id] = { [name] = v } }, (check.settings(rules, c)))
        assert.not_same(spec.default, v)
        seen.rules = seen.rules + 1
      end
    end
  end)

  it("are all of those there are", function()
    assert.equal(#all:names(), seen.flags + seen.fields + seen.rules + (function()
      local own = 0
      for _, key in ipairs(all:names()) do
        own = own + (all:is_own(key) and 1 or 0)
      end
      return own
    end)())
    print(("# %d settings: %d of flags, %d of fields, %d of rules"):format(#all:names(), seen.flags, seen.fields,
      seen.rules))
  end)
end)
