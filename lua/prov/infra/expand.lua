--- Declared blocks to resources: provider and contract of each, defaults, count and for_each.

local address = require("prov.address")
local conditions = require("prov.infra.conditions")
local contract = require("prov.contract")
local data = require("core.data")
local deprecated = require("prov.contract.deprecated")
local err = require("prov.err")
local from_settings = require("prov.infra.from_settings")
local interpolate = require("prov.infra.interpolate")
local links = require("prov.infra.links")
local merge = require("prov.infra.merge")
local sandbox = require("prov.sandbox")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local null = value.null
local find, next, type = string.find, next, type
local list_mt, new_table = data.list_mt, data.copy
local format_key, is_marked = address.format_key, value.is_marked

--- Fields every resource may have besides those of its contract.
M.COMMON = {
  provider = true,
  count = true,
  for_each = true,
  needs = true,
  depends_on = true,
  lifecycle = true,
  tags = true,
  validate = true,
}

local LIFECYCLE_FIELDS = {
  prevent_destroy = { type = "bool", doc = "Refuse every plan that would delete or replace it" },
  ignore_changes = {
    type = "list",
    of = { type = "string" },
    doc = "Fields, or paths in them, that stay as they are; all for every one",
  },
  create_before_destroy = { type = "bool", doc = "A replacement is there before the old one goes" },
  replace_triggered_by = { type = "list", of = { type = "any" }, doc = "What changes it with it: item.x.value" },
  preconditions = conditions.LIFECYCLE.preconditions,
  postconditions = conditions.LIFECYCLE.postconditions,
}
M.LIFECYCLE = LIFECYCLE_FIELDS
local LIFECYCLE = { lifecycle = { type = "record", fields = LIFECYCLE_FIELDS } }
local NO_LIFECYCLE = links.NO_LIFECYCLE
local TAGS = { tags = { type = "map", of = { type = "string" } } }

--- What `validate` of a resource or taskserv may hold.
M.VALIDATE = {
  validate = {
    type = "record",
    fields = {
      ignore = { type = "map", of = { type = "string" }, doc = "Rules that do not count here, each with the reason" },
    },
  },
}


--- What names mean in an instance: `${index}`, `${key}` and `${value}`, and those of its home.
---@param home prov.Home
---@param key? { [1]: string|integer, [2]: any }
---@return prov.Scope
function M.scope(home, key)
  if not key then
    return home.scope
  end
  local outer = home.scope
  return {
    key = key[1],
    value = key[2],
    index = math.type(key[1]) == "integer" and key[1] or nil,
    var = outer.var,
    prefix = outer.prefix,
    functions = outer.functions,
  }
end

local scope_of = M.scope

--- A value outside of any count with its expressions filled in; nil after problems were noted at a path below a block.
function M.plain(loader, block, v, below)
  local problems = {}
  local out = interpolate.value(v, block.home.scope, problems)
  if #problems > 0 then
    loader:problems(block, problems, below)
    return nil
  end
  return out
end

local function default_provider(joined)
  local default = joined.defaults.values.provider
  if default ~= nil then
    return default
  end
  local first = next(joined.providers.values)
  if first and not next(joined.providers.values, first) then
    return first
  end
end

--- Checks the `defaults` of a home.
---@param home prov.Home
function M.defaults(loader, joined, home)
  home.defaults, home.used_defaults, home.contracts = {}, {}, {}
  home.default_provider = home.default_provider or default_provider(joined)
  for name, v in next, joined.defaults.values do
    local block = { source = merge.source_of(joined.defaults, name), path = { "defaults", name }, home = home }
    home.defaults[name] = { value = M.plain(loader, block, v), block = block }
    if name == "provider" then
      home.default_provider = home.defaults[name].value
    end
  end
end

--- Checks the `providers` part.
function M.prepare(loader, joined, home)
  loader.providers, loader.kinds = {}, {}
  loader.provider_types, loader.provider_groups, loader.provider_links = {}, {}, {}
  for name, v in next, joined.providers.values do
    local block = { source = merge.source_of(joined.providers, name), path = { "providers", name }, home = home }
    M.provider(loader, block, name, v)
  end
end

--- The declaration of a provider or of an instance of one, with its configuration checked once.
-- An instance is an entry that names its provider: `eu: { provider: demo, zone: a }`; with for_each it is several,
-- `eu["a"]`.
function M.provider(loader, block, name, config, key)
  local known = loader.kinds[name]
  if known then
    return known.declaration and known or nil
  end
  if not key and type(config) == "table" and getmetatable(config) == nil and config.for_each ~= nil then
    return M.provider_loop(loader, block, name, config)
  end
  local of = type(config) == "table" and getmetatable(config) == nil and config.provider or nil
  if of ~= nil then
    local fields = {}
    for field, v in next, config do
      fields[field] = field ~= "provider" and field ~= "for_each" and v or nil
    end
    config = fields
    of = M.plain(loader, block, of, { "provider" })
    loader.provider_types[name] = of
  end
  local declaration, e = loader.registry:get("provider", of or name)
  known = { declaration = declaration }
  loader.kinds[name] = known
  if not declaration then
    local group = loader.provider_groups[name]
    if group then
      local below = type(block.entry) == "table" and rawget(block.entry, "provider") and { "provider" } or nil
      loader:fail_at(block, below, ("the provider '%s' is several"):format(name), "its instances are: "
        .. table.concat(group, ", "))
    elseif e.code == "notfound" then
      local entry, default = block.entry, block.home.defaults.provider
      local own = type(entry) == "table" and rawget(entry, "provider")
      if not own and default and default.value == name then
        loader:fail_at(default.block, nil, tostring(e), e.hint)
      else
        loader:fail_at(block, own and { "provider" } or nil, tostring(e), e.hint)
      end
    else
      loader:fail(e)
    end
    return nil
  end
  config = config ~= null and config or {}
  local filling, done = {}, nil
  config = interpolate.value(config, M.scope(block.home, key), filling)
  local problems = #filling > 0 and filling or nil
  if not problems then
    local kind = of or name
    local group = "provider." .. kind
    local declared = declaration.config or {}
    local schema = from_settings.schema(loader, group, group .. ".", declared)
    schema = require("prov.provider.config").in_infra(schema, declared)
    done, problems = contract.compile(schema).run(config)
  end
  if problems then
    loader:problems(block, problems)
  end
  loader.providers[name] = done or {}
  if done and value.has_unknown(done) then
    loader.provider_links[name] = { block = block, config = done }
  end
  return known
end

--- The instances of a provider that has for_each.
function M.provider_loop(loader, block, name, config)
  if config.provider == nil then
    loader:fail_at(block, nil, "a provider with for_each says of which provider its instances are", "provider: demo")
    return nil
  end
  local keys = M.keys_of(loader, block, { for_each = config.for_each })
  if not keys then
    return nil
  end
  local names = {}
  for i, key in ipairs(keys) do
    names[i] = name .. format_key(key[1])
    M.provider(loader, block, names[i], config, key)
  end
  loader.provider_groups[name] = names
  return nil
end

local function kinds_of(loader)
  local out = {}
  for _, names in ipairs({ merge.RESERVED, merge.LISTS }) do
    for name in pairs(names) do
      out[#out + 1] = name
    end
  end
  for _, known in pairs(loader.kinds) do
    for kind in pairs(known.declaration and known.declaration.resources or {}) do
      out[#out + 1] = merge.plural(kind)
    end
  end
  return out
end

--- What other tools call their parts, and what it is here.
local ELSEWHERE = {
  variable = "'inputs'",
  variables = "'inputs'",
  locals = "a name of an infra.lua, or one of 'inputs' with a default",
  resource = "the kind in plural, then the name: servers: { web: ... }",
  resources = "the kind in plural, then the name: servers: { web: ... }",
  instances = "'servers'",
  vms = "'servers'",
  hosts = "'servers'",
}

local function elsewhere(top)
  return ELSEWHERE[top] and "here it is " .. ELSEWHERE[top]
end

local function plurals(declaration)
  local out = {}
  for kind in pairs(declaration.resources) do
    out[#out + 1] = merge.plural(kind)
  end
  table.sort(out)
  return out
end

--- The schema of a kind with the workspace's defaults in place of its own.
local function with_defaults(loader, home, schema)
  local out
  for name, default in next, home.defaults do
    local field = schema[name]
    if field then
      home.used_defaults[name] = true
      local _, problems = contract.compile({ [name] = field }).run({ [name] = default.value })
      if problems then
        table.remove(problems[1].path, 1)
        loader:problems(default.block, problems)
      else
        out = out or setmetatable({}, { __index = schema })
        local copy = {}
        for k, v in next, type(field) == "table" and field or { type = field } do
          copy[k] = v
        end
        copy.default, copy.required = default.value, nil
        out[name] = copy
      end
    end
  end
  if out then
    for name, field in next, schema do
      out[name] = rawget(out, name) or field
    end
    setmetatable(out, nil)
    contract.derive(out, schema)
  end
  return out or schema
end

--- Contract of (provider, kind): { run, skip, schema, resource }, made once.
function M.contract_of(loader, block, provider)
  local contracts = block.home.contracts[provider]
  local found = contracts and contracts[block.kind]
  if found ~= nil then
    return found
  end
  local known = M.provider(loader, block, provider, {})
  if not known then
    return nil
  end
  if not contracts then
    contracts = {}
    block.home.contracts[provider] = contracts
  end
  local resource = known.declaration.resources[block.kind]
  if not resource then
    local top = block.top or merge.plural(block.kind)
    loader:fail_at(
      block,
      nil,
      ("the provider '%s' has no %s"):format(provider, top),
      elsewhere(top) or suggest.hint(top, kinds_of(loader))
        or "it has: " .. table.concat(plurals(known.declaration), ", ")
    )
    contracts[block.kind] = false
    return false
  end
  local schema = from_settings.schema(loader, block.kind, block.kind .. ".default_", resource.schema)
  schema = with_defaults(loader, block.home, schema)
  local skip = {}
  for name in next, M.COMMON do
    skip[name] = not schema[name] or nil
  end
  if block.kind == "server" and not schema.taskservs then
    skip.taskservs = true
  end
  found = {
    run = contract.compile(schema).run,
    skip = skip,
    schema = schema,
    resource = resource,
    has_tags = schema.tags ~= nil,
    warns = deprecated.is_in(schema),
  }
  contracts[block.kind] = found
  return found
end

local function is_name(loader, block)
  if address.is_name(block.name, block.kind) then
    return true
  end
  loader:fail_at(block, nil, address.no_name(block.name, block.kind))
  return false
end

--- The error for a number of instances that cannot be known when a plan is made; false.
local function not_known(loader, block, field, written, v)
  if value.is_secret(v) then
    loader:fail_at(block, { field }, "must not be a secret: addresses would show it")
    return false
  end
  for text in next, loader.collected and value.references(written) or {} do
    if not loader.by_base[address.base(text)] then -- what is not declared is the mistake
      local done, problem = links.resolve(loader, block, value.ref(text))
      if not done then
        loader:problems(block, { problem }, { field })
        return false
      end
    end
  end
  local shown = is_marked(written) and tostring(written) or "this"
  loader:fail_at(block, { field }, ("%s is known only after apply, but how many there are must be known before"):format(
    shown), "take the number or the names from what the infra says itself: a variable, or the list that both are made "
    .. "of")
  return false
end

local function count_keys(loader, block, written)
  local count = M.plain(loader, block, written, { "count" })
  if count == nil then
    return false
  end
  written, count = count, links.static(loader, count)
  if type(count) == "boolean" then -- a condition
    count = count and 1 or 0
  end
  local n = type(count) == "number" and math.tointeger(count)
  if is_marked(count) then
    return not_known(loader, block, "count", written, count)
  elseif not n or n < 0 or n > settings.infra.instances then
    loader:fail_at(block, { "count" }, ("must be a whole number from 0 to %d"):format(settings.infra.instances))
    return false
  end
  local keys = {}
  for i = 1, n do
    keys[i] = { i, i }
  end
  return keys
end

local function each_keys(loader, block, written)
  local each = M.plain(loader, block, written, { "for_each" })
  if each == nil then
    return false
  end
  written, each = each, links.static(loader, each)
  if is_marked(each) then
    return not_known(loader, block, "for_each", written, each)
  elseif type(each) ~= "table" then
    loader:fail_at(block, { "for_each" }, "must be a map, or a list of names")
    return false
  end
  local keys, is_list, seen = {}, value.is_list(each), {}
  for key, item in next, each do
    if is_list and is_marked(item) then
      return not_known(loader, block, "for_each", is_marked(written) and written or written[key], item)
    elseif is_list and (type(item) ~= "string" and math.type(item) ~= "integer" or seen[tostring(item)]) then
      loader:fail_at(block, { "for_each", key }, "must be a name, given once")
      return false
    end
    local name = tostring(is_list and item or key)
    seen[name] = true
    keys[#keys + 1] = { name, item }
  end
  table.sort(keys, function(one, other)
    return one[1] < other[1]
  end)
  return keys
end

--- Keys of a block: a list of { key, value }, or nil for a single resource; false on errors.
local function keys_of(loader, block, entry)
  local count, each = entry.count, entry.for_each
  if count == null then
    count = nil
  end
  if each == null then
    each = nil
  end
  if count ~= nil and each ~= nil then
    loader:fail_at(block, { "for_each" }, "count and for_each cannot both be given")
    return false
  elseif count ~= nil then
    return count_keys(loader, block, count)
  elseif each ~= nil then
    return each_keys(loader, block, each)
  end
  return nil
end

M.keys_of = keys_of

--- Calls a function that stands in place of a field, or (as the first item, with the name 1) of all fields.
-- After a limit was passed no other function is called: a file of many that hang would hang.
local function call(loader, block, name, fn, key)
  if loader.passed_limit then
    return nil, loader.passed_limit
  end
  local result, e = sandbox.call(block.source.file, {
    instructions = settings.infra.function_instructions,
  }, fn, key and key[1], key and key[2])
  if type(result) == "function" then
    e = err.new("invalid", "the function gave a function", { file = block.source.file })
  end
  if e then
    if not e.line then
      e.line, e.column = block.source.place(merge.path_of(block, name ~= 1 and { name } or nil))
    end
    loader.passed_limit = e.code == "limit" and e or nil
    loader:fail(e)
    return nil, e
  end
  return result
end

--- The entry with its functions called and `${...}` replaced; the entry itself when it has
-- neither. Nil after a problem was noted.
local function fill(loader, block, entry, key)
  local out, scope, failed
  for name, v in next, entry do
    local kind, new = type(v), v
    if kind == "function" then
      local e
      new, e = call(loader, block, name, v, key)
      if e then
        return nil
      end
      kind = type(new)
    end
    if kind == "string" and find(new, "${", 1, true) or kind == "table" and not is_marked(new) then
      local problems = loader.filling -- a table for each field of each instance would be much garbage
      scope = scope or block.scope or scope_of(block.home, key)
      new = interpolate.value(new, scope, problems)
      if #problems > 0 then
        loader.filling = {}
        loader:problems(block, problems, { name })
        failed = true
      end
    end
    if not rawequal(new, v) and not failed then
      out = out or new_table(entry)
      if name == 1 then -- gave all fields
        out[1] = nil
        for k, x in next, type(new) == "table" and new or {} do
          out[k] = x
        end
      else
        out[name] = new
      end
    end
  end
  if failed then
    return nil
  end
  return out or entry
end

local function check_part(loader, block, schema, name, v)
  if v == nil or v == null then
    return nil
  end
  local done, problems = contract.compile(schema).run({ [name] = v })
  if problems then
    loader:problems(block, problems)
    return nil
  end
  return done[name]
end

--- True when the entry has something that differs between instances.
local function is_dynamic(v, depth)
  local kind = type(v)
  depth = depth or 0
  if kind == "function" then
    return true
  elseif kind == "string" then
    return find(v, "${", 1, true) ~= nil and interpolate.is_dynamic(v)
  elseif kind ~= "table" or is_marked(v) or depth > 100 then
    return false
  end
  for _, item in next, v do
    if is_dynamic(item, depth + 1) then
      return true
    end
  end
  return false
end

--- Fills and checks an entry for one instance; nil when there are problems.
local function complete(loader, block, entry, key)
  local filled = fill(loader, block, entry, key)
  if not filled then
    return nil
  end
  local args, problems = block.contract.run(filled, block.contract.skip)
  if problems then
    loader:problems(block, problems)
    return nil
  end
  if block.contract.warns then
    loader:warn(block, deprecated.used(block.contract.schema, filled))
  end
  return args, filled
end

--- `needs`, and `depends_on` for those who look for it.
local function needs_of(filled)
  if filled.depends_on == nil or filled.depends_on == null then
    return filled.needs
  elseif filled.needs == nil or filled.needs == null then
    return filled.depends_on
  end
  local out = {}
  for _, list in ipairs({ filled.needs, filled.depends_on }) do
    list = type(list) == "table" and not is_marked(list) and list or { list }
    table.move(list, 1, #list, #out + 1, out)
  end
  return out
end

local function add_resource(loader, block, key, args, filled)
  local c, needs = block.contract, filled.needs
  if filled.depends_on ~= nil then
    needs = needs_of(filled)
  end
  local resource = setmetatable({
    address = key and block.base .. format_key(key) or block.base,
    kind = block.kind,
    name = block.name,
    key = key,
    provider = block.provider,
    args = args,
    needs = needs,
    lifecycle = filled.lifecycle and check_part(loader, block, LIFECYCLE, "lifecycle", filled.lifecycle)
      or NO_LIFECYCLE,
  }, loader.resource_mt)
  if filled.tags and not c.has_tags then -- eight fields take half the memory of nine
    resource.tags = check_part(loader, block, TAGS, "tags", filled.tags)
  end
  if filled.validate and c.skip.validate then
    resource.validate = check_part(loader, block, M.VALIDATE, "validate", filled.validate)
  end
  loader.resources[#loader.resources + 1] = resource
  loader.block_of[resource] = block
  if key then
    block.instances[#block.instances + 1] = resource
    block.by_key[key] = resource
  else
    block.single = resource
  end
  if filled.taskservs ~= nil and c.skip.taskservs then
    block.taskservs = block.taskservs or {}
    block.taskservs[#block.taskservs + 1] = { resource = resource, wanted = filled.taskservs }
  end
end

--- Sets provider and contract of a block, or of an instance; nil after a problem was noted.
local function use_provider(loader, block, provider, scope)
  if type(provider) == "string" and find(provider, "${", 1, true) then
    local problems = {}
    provider = interpolate.value(provider, scope, problems)
    if #problems > 0 then
      loader:problems(block, problems, { "provider" })
      return nil
    end
  end
  if provider == nil or provider == null then
    provider = block.default_provider or block.home.default_provider
  end
  if type(provider) ~= "string" then
    local names = {}
    for i, one in ipairs(loader.registry:index("provider")) do
      names[i] = one.name
    end
    loader:fail_at(block, nil, "no provider", ("name one for all: defaults: { provider: %s }; there are: %s"):format(
      names[1] or "...", table.concat(names, ", ")))
    return nil
  end
  block.provider = provider
  block.contract = M.contract_of(loader, block, provider)
  return block.contract
end

local function expand_block(loader, block)
  local entry = block.entry == null and {} or block.entry
  if type(entry) == "function" then
    entry = { entry }
  end
  if not is_name(loader, block) then
    return
  end
  local mt = getmetatable(entry)
  if type(entry) ~= "table" or mt and mt ~= list_mt or rawlen(entry) > 0 and type(entry[1]) ~= "function" then
    loader:fail_at(block, nil, "expected a map of fields", elsewhere(block.top))
    return
  end
  local provider = entry.provider
  local each_own = false
  if provider == nil then -- as nearly always
    provider = block.default_provider or block.home.default_provider
  elseif type(provider) == "string" and find(provider, "${", 1, true) then
    each_own = interpolate.is_dynamic(provider)
  end
  local contracts = block.home.contracts[provider]
  local known = contracts and contracts[block.kind]
  if known then
    block.provider, block.contract = provider, known
  elseif not each_own and not use_provider(loader, block, provider, block.home.scope) then
    return
  end
  local keys = keys_of(loader, block, entry)
  if keys == false then
    return
  elseif keys == nil then
    if each_own and not use_provider(loader, block, provider, block.home.scope) then
      return
    end
    local args, filled = complete(loader, block, entry)
    if args then
      add_resource(loader, block, nil, args, filled)
    end
    return
  end
  block.keyed, block.instances, block.by_key = true, {}, {}
  block.scope = keys[1] and M.scope(block.home, keys[1]) -- one for all: nobody keeps it
  local shared, shared_filled
  local dynamic = is_dynamic(entry)
  for _, key in ipairs(keys) do
    local args, filled = shared, shared_filled
    if not args then
      local scope = block.scope
      scope.key, scope.value, scope.index = key[1], key[2], math.type(key[1]) == "integer" and key[1] or nil
      if each_own and not use_provider(loader, block, provider, scope) then
        return
      end
      args, filled = complete(loader, block, entry, key)
      if not args then
        return -- the other instances have the same mistake
      end
      if not dynamic then
        shared, shared_filled = args, filled
      end
    end
    add_resource(loader, block, key[1], args, filled)
  end
end

local function resource_metatable(loader)
  return {
    __index = function(resource, field)
      if field ~= "origin" then
        return nil
      end
      local block = loader.block_of[resource]
      local line, column, file = block.source.place(merge.path_of(block))
      local origin = { file = file or block.source.file, line = line, column = column }
      rawset(resource, "origin", origin)
      return origin
    end,
  }
end

--- Defaults that no resource of a home has a field for.
local function unused_defaults(loader, home)
  for name, default in next, home.defaults do
    if name ~= "provider" and not home.used_defaults[name] and home.filled then
      local fields = {}
      for _, contracts in next, home.contracts do
        for _, one in next, contracts do
          for field in next, one and one.schema or {} do
            fields[#fields + 1] = field
          end
        end
      end
      loader:fail_at(default.block, nil, "no resource here has such a field", suggest.hint(name, fields))
    end
  end
end

--- Declares what an infra uses without having declared it, with all of its defaults.
---@param loader prov.InfraLoader
---@param block prov.Block
---@return table? resource
function M.implied(loader, block)
  loader:add(block)
  expand_block(loader, block)
  return block.single
end

--- Expands all blocks into loader.resources.
function M.run(loader)
  loader.collected = true
  loader.resource_mt, loader.filling = resource_metatable(loader), {}
  for _, block in ipairs(loader.blocks) do
    local before = #loader.resources
    expand_block(loader, block)
    if #loader.resources > before then
      block.home.filled = true
    end
  end
  for _, home in ipairs(loader.homes) do
    unused_defaults(loader, home)
  end
end

return M
