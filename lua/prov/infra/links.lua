--- References: finds what each one names, checks it, and turns it into dependencies.

local address = require("prov.address")
local data = require("core.data")
local interpolate = require("prov.infra.interpolate")
local merge = require("prov.infra.merge")
local suggest = require("prov.suggest")
local unknown_of = require("prov.infra.unknown")
local value = require("prov.value")

local M = {}

--- In front of the address of a reference that was handed into a cluster: its names do not count.
M.OUTSIDE = "^"

--- The lifecycle of what has none: shared, never changed.
M.NO_LIFECYCLE = {}

local NONE, NO_LIFECYCLE = {}, M.NO_LIFECYCLE
local WHOLE = {} -- what a reference to a whole module stands for: only `needs` may have one

local ref_mt = getmetatable(value.ref(""))

local function unknown_key(shown, block)
  if not block.keyed then
    return {
      path = {},
      msg = ("%s has a key, but %s has neither count nor for_each"):format(shown, block.base),
    }
  end
  local n = #block.instances
  local keys = {}
  for i = 1, math.min(n, 8) do
    keys[i] = address.format_key(block.instances[i].key)
  end
  return {
    path = {},
    msg = ("%s does not exist: %s has %d instances"):format(shown, block.base, n),
    hint = n > 0 and ("its keys are: %s%s"):format(table.concat(keys, ", "), n > 8 and ", ..." or "") or nil,
  }
end

--- True when a resource of the block has the value, or does not say what it has.
local function has_field(block, field)
  local c = block.contract
  return field == "id" or c.schema[field] ~= nil or not c.resource.outputs or c.resource.outputs[field] ~= nil
end

--- Checks that the field a reference ends in exists.
local function check_field(ref, block, path)
  local field, c = path[1], block.contract
  if has_field(block, field) then
    return nil
  end
  local known = { "id" }
  for _, fields in ipairs({ c.schema, c.resource.outputs }) do
    for name in next, fields do
      known[#known + 1] = name ~= "id" and name or nil
    end
  end
  table.sort(known)
  local what = ("a %s of provider '%s'"):format(block.kind, block.provider)
  return {
    path = {},
    msg = ("%s: %s has no value '%s'"):format(tostring(ref), what, tostring(field)),
    hint = suggest.hint(tostring(field), known) or "it has: " .. table.concat(known, ", "),
  }
end

local function slice(path, from)
  return table.move(path, from, #path, 1, {})
end

local function parse(loader, text)
  local parsed = loader.parsed[text]
  if parsed == nil then
    parsed = address.parse(text) or false
    loader.parsed[text] = parsed
  end
  return parsed
end

--- Addresses of all instances of a block.
local function all_of(block)
  if not block.keyed then
    return { block.base }
  end
  if not block.addresses then
    block.addresses = {}
    for i, resource in ipairs(block.instances) do
      block.addresses[i] = resource.address
    end
  end
  return block.addresses
end

--- Where the first index of a path is.
local function index_in(path)
  for i, step in ipairs(path) do
    if math.type(step) then
      return i
    end
  end
end

--- A reference to all instances of a block with an index in its path: `server.web.ip[1]` is the first of the list of
-- all, so it is a reference to that instance. When there is no such instance it is a call, which fails where it is
-- wanted and not in the side of an `if` that is not.
local function item_of_all(block, ref)
  local text, path = value.parts(ref)
  local at = index_in(path)
  if not at then
    return ref
  end
  local before = table.move(path, 1, at - 1, 1, {})
  local one = block.instances[path[at]]
  if one then
    return value.ref(one.address, table.move(path, at + 1, #path, at, before))
  end
  local item = value.call("index", { block.instances[1] and value.ref(text, before) or data.list({}), path[at] })
  for i = at + 1, #path do
    item = value.call("index", { item, path[i] })
  end
  return item
end

--- The reference in its final form and the addresses it depends on; nil and a problem.
local function resolve_new(loader, from, ref)
  local text, path = value.parts(ref)
  local rename = from and from.rename
  if text:sub(1, 1) == M.OUTSIDE then
    text, rename = text:sub(2), nil
    ref = value.ref(text, path)
  end
  local module = loader.modules[text]
  if module then
    return M.module_output(loader, module, tostring(ref), path)
  elseif loader.modules_declared[text] then
    return value.null, {} -- has errors of its own
  end
  local parsed = parse(loader, text)
  if not parsed then
    return nil,
      unknown_of.module(loader, from, text) or { path = {}, msg = ("%s is not a reference"):format(tostring(ref)) }
  end
  if parsed.kind == "taskserv" and parsed.server then
    if not loader.by_address[text] then
      return nil, { path = {}, msg = ("%s refers to a taskserv that is not declared"):format(tostring(ref)) }
    end
    return ref, { text }
  end
  local prefix, base = "", parsed.kind .. "." .. parsed.name
  if parsed.modules then
    base = address.format({ modules = parsed.modules, kind = parsed.kind, name = parsed.name })
    prefix = base:sub(1, -#parsed.kind - #parsed.name - 2)
  end
  base = rename and rename[base] or base
  if parsed.kind == "data" then
    local one = loader.lookups[base]
    if not one then
      local names = {}
      for known in next, loader.lookups do
        names[#names + 1] = known:sub(1, #prefix) == prefix and known:sub(#prefix + 1):match("^data%.(.*)$") or nil
      end
      return nil, {
        path = {},
        msg = ("%s refers to the data '%s', which is not declared"):format(tostring(ref), parsed.name),
        hint = suggest.hint(parsed.name, names),
      }
    end
    if parsed.key ~= nil then
      path = table.move(path, 1, #path, 2, { parsed.key })
    end
    return value.ref(base, path), M.lookup_needs(loader, one)
  end
  if parsed.kind == "cluster" then
    return M.cluster_output(loader, tostring(ref), base, path)
  end
  local block = loader.by_base[base]
  if not block and parsed.kind == "secret" then
    block = require("prov.infra.secrets").declare(loader, from, parsed.name)
  end
  if not block then
    return nil, unknown_of.target(loader, from, tostring(value.ref(base:sub(#prefix + 1), path)), parsed, prefix)
  elseif not block.keyed and not block.single then
    return ref, {} -- has errors of its own
  end
  local key = parsed.key
  if key == nil and block.keyed and path[1] ~= nil and block.by_key[path[1]] then
    key, path = path[1], slice(path, 2) -- Lua's server.web[1].ip
  elseif key == nil and math.type(path[1]) == "integer" then
    return nil, unknown_key(tostring(ref), block)
  end
  if #path == 0 then
    path = { "id" }
  end
  local problem = check_field(ref, block, path)
  if problem then
    return nil, problem
  end
  if key ~= nil then
    local resource = block.keyed and block.by_key[key]
    if not resource then
      return nil, unknown_key(tostring(ref), block)
    end
    return value.ref(resource.address, path), { resource.address }
  end
  local done = value.ref(base, path)
  if not block.keyed then
    return done, all_of(block)
  elseif not block.instances[1] and not index_in(path) then
    return data.list({}), NONE -- of a count of 0
  end
  done = item_of_all(block, done)
  local found = value.is_ref(done) and value.parts(done)
  return done, found and found ~= base and { found } or all_of(block)
end

--- The common case without parsing: a reference to a declared resource that has no count, with
-- a field that is there. Returns the same as resolve_new, or nil when it is another case.
local function resolve_plain(loader, ref)
  local block = loader.by_base[rawget(ref, "@address")]
  local resource = block and block.single
  local field = resource and rawget(ref, "@path")[1]
  if not resource or math.type(field) or field and not has_field(block, field) then
    return nil
  end
  block.needs = block.needs or { block.base }
  if field then
    return ref, block.needs
  end
  block.id = block.id or value.ref(block.base, { "id" })
  return block.id, block.needs
end

--- The reference in its final form and the addresses it depends on (a list not to be changed);
-- nil and a problem.
local function resolve(loader, from, ref)
  if from and from.rename then
    return resolve_new(loader, from, ref)
  end
  local done, needs = resolve_plain(loader, ref)
  if done then
    return done, needs
  end
  local known = loader.resolved[ref]
  if not known then
    done, needs = resolve_new(loader, from, ref)
    if not done then
      return nil, needs
    end
    known = { done, needs }
    loader.resolved[ref] = known
  end
  return known[1], known[2]
end

M.resolve = resolve

--- Addresses of everything that is in an instance of a module, modules in it too.
local function all_in(loader, prefix, into)
  for _, block in ipairs(loader.blocks) do
    if block.base:sub(1, #prefix) == prefix then
      table.move(all_of(block), 1, #all_of(block), #into + 1, into)
    end
  end
  return into
end

--- Follows the steps of a path in the value of an output; nil and the step that is not there.
local function follow(v, path, from)
  for i = from, #path do
    if type(v) == "table" and (value.is_ref(v) or value.is_call(v) or not value.is_marked(v)) then
      v = v[path[i]]
    else
      v = nil
    end
    if v == nil then
      return nil, path[i]
    end
  end
  return v
end

--- The same where a value is wanted.
local function resolve_value(loader, from, ref)
  local done, needs = resolve(loader, from, ref)
  if done == WHOLE then
    return nil, { path = {}, msg = ("%s is a whole module"):format(tostring(ref)), hint = "name one of its outputs" }
  end
  return done, needs
end

--- What an output of a module stands for; the module itself, for `needs`, when no output is named.
function M.module_output(loader, module, shown, path)
  local instances, at = module.instances, 1
  local index = module.keyed and not module.by_key[path[1]] and index_in(path)
  if index and index > 1 and module.instances[path[index]] then -- module.eu.url[1]: that of the first one
    local key = module.instances[path[index]].key
    path = table.move(path, index + 1, #path, index + 1, table.move(path, 1, index - 1, 2, { key }))
  end
  if not module.keyed then
    instances = { module.single }
  elseif path[1] ~= nil and module.by_key[path[1]] then
    instances, at = { module.by_key[path[1]] }, 2
  elseif math.type(path[1]) or path[1] ~= nil and instances[1] and not instances[1].outputs.values[path[1]] then
    local keys = {}
    for i, one in ipairs(module.instances) do
      keys[i] = address.format_key(one.key)
    end
    return nil, {
      path = {},
      msg = ("%s does not exist: %s has %d instances"):format(shown, module.base, #keys),
      hint = #keys > 0 and "its keys are: " .. table.concat(keys, ", ") or nil,
    }
  end
  if #instances == 0 and not module.keyed then
    return value.null, {} -- has errors of its own
  end
  local name, needs = path[at], {}
  if name == nil then
    for _, one in ipairs(instances) do
      all_in(loader, one.prefix, needs)
    end
    return WHOLE, needs
  end
  local list, set = {}, {}
  for i, home in ipairs(instances) do
    local wanted = home.outputs.values[name]
    if wanted == nil then
      local names = {}
      for known in next, home.outputs.values do
        names[#names + 1] = known
      end
      table.sort(names)
      return nil, {
        path = {},
        msg = ("%s: the module '%s' has no output '%s'"):format(shown, module.block.name, tostring(name)),
        hint = suggest.hint(tostring(name), names) or #names > 0 and "it has: " .. table.concat(names, ", ")
          or "what others may see of it stands in 'outputs' of its module file",
      }
    end
    local v, found = M.output_in_turn(loader, home, name, wanted)
    if not v and found then
      return nil, found
    end
    local missing
    v, missing = follow(v, path, at + 1)
    if v == nil and missing then
      return nil, { path = {}, msg = ("%s has no value '%s'"):format(shown, tostring(missing)) }
    end
    local block = value.is_ref(v) and loader.by_base[value.parts(v)]
    list[i] = block and block.keyed and item_of_all(block, v) or v
    for one in next, found do
      set[one] = true
    end
  end
  for one in next, set do
    needs[#needs + 1] = one
  end
  if module.keyed and at == 1 then
    return data.list(list), needs
  end
  return list[1], needs
end

--- The same as M.output, one inside of the other; nil and a problem when it comes back to itself.
function M.output_in_turn(loader, home, name, wanted)
  local chain, address_of_it = loader.chain, home.prefix .. name
  local nodes, path = {}, {}
  for _, one in ipairs(chain) do
    if nodes[1] or one.address == address_of_it then
      local line, _, file = one.source.place({ "outputs", one.name })
      nodes[#nodes + 1] = { address = one.address, origin = { file = file or one.source.file, line = line } }
      table.insert(path, 1, #nodes)
    end
  end
  if nodes[1] then
    table.insert(path, 1, 1)
    local e = require("prov.plan.cycle").error(path, nodes)
    return nil, { path = {}, msg = e.msg, hint = e.hint }
  end
  chain[#chain + 1] = { address = address_of_it, name = name, source = merge.source_of(home.outputs, name) }
  local v, found = M.output(loader, home, name, wanted)
  chain[#chain] = nil
  return v, found
end

--- The value of an output of a home with its references in their final form, and the set of what it needs.
function M.output(loader, home, name, wanted)
  local block = { source = merge.source_of(home.outputs, name), path = { "outputs", name }, home = home }
  local problems, needs = {}, {}
  local v = interpolate.value(wanted, home.scope, problems)
  if #problems == 0 then
    v = M.value(loader, block, v, needs, problems)
  end
  if #problems > 0 then
    loader:problems(block, problems)
  end
  return v, needs
end

--- The resources that a look-up waits for.
function M.lookup_needs(loader, one)
  if one.needs then
    return one.needs
  end
  one.needs = NONE -- while it is found out: prov.infra.lookups tells a circle of look-ups
  local set, problems = {}, {}
  M.value(loader, one.block, one.where, set, problems)
  local list = {}
  for at in next, set do
    list[#list + 1] = at
  end
  one.needs = list
  return list
end

--- The value with outputs of modules in place that need no resource: what a count may be made of before anything is
-- planned. The rest of it is unknown.
---@param loader prov.InfraLoader
---@param v any
---@return any
function M.static(loader, v)
  if type(v) ~= "table" or not value.has_reference(v) then
    return v
  end
  local unknown = value.unknown("any")
  local done = value.resolve(v, function(text, path)
    local module, at = loader:expand_module(text), 1
    local home = module and module.single
    if module and module.keyed then
      home, at = module.by_key[path[1]], 2
    end
    local name = path[at]
    local mark = home and home.prefix .. tostring(name)
    if not home or home.outputs.values[name] == nil or loader.resolving[mark] then
      return unknown
    end
    loader.resolving[mark] = true
    local out = M.static(loader, interpolate.value(home.outputs.values[name], home.scope, {}))
    loader.resolving[mark] = nil
    out = follow(out, path, at + 1)
    return (out == nil or type(out) == "table" and value.has_unknown(out)) and unknown or out
  end)
  return done == nil and unknown or done
end

--- What an output of a cluster stands for.
function M.cluster_output(loader, shown, base, path)
  local name = base:match("cluster%.([^.]*)$")
  local outputs = loader.cluster_outputs[base]
  if not outputs then
    local names = {}
    for known in next, loader.cluster_outputs do
      names[#names + 1] = known:match("cluster%.([^.]*)$")
    end
    return nil,
      {
        path = {},
        msg = ("%s refers to the cluster '%s', which is not declared"):format(shown, name),
        hint = suggest.hint(name, names),
      }
  end
  local v = outputs.values[path[1]]
  if v == nil then
    local names = {}
    for known in next, outputs.values do
      names[#names + 1] = known
    end
    return nil,
      {
        path = {},
        msg = ("%s: the cluster '%s' has no output '%s'"):format(shown, name, tostring(path[1])),
        hint = suggest.hint(tostring(path[1]), names),
      }
  end
  for i = 2, #path do
    if value.is_ref(v) then
      v = v[path[i]]
    elseif type(v) == "table" and not value.is_marked(v) then
      v = v[path[i]]
    else
      v = nil
    end
    if v == nil then
      return nil, { path = {}, msg = ("%s has no value '%s'"):format(shown, tostring(path[i])) }
    end
  end
  local needs, problems = {}, {}
  local done = M.value(loader, outputs.block, v, needs, problems)
  if problems[1] then
    return nil, problems[1]
  end
  local list = {}
  for one in next, needs do
    list[#list + 1] = one
  end
  return done, list
end

--- Gives every reference in v its final form; adds the addresses to the set `needs`, and what is
-- wrong to `problems`, each with its path in v.
function M.value(loader, from, v, needs, problems, at)
  return value.map(v, function(marked, kind, path)
    if kind == "ref" then
      local ref, found = resolve_value(loader, from, marked)
      if not ref then
        found.path = table.move(path, 1, #path, 1, {})
        problems[#problems + 1] = found
        return marked
      end
      for _, one in ipairs(found) do
        needs[one] = true
      end
      return ref
    elseif kind == "text" then
      local parts = {}
      for i, part in ipairs(marked) do
        parts[i] = M.value(loader, from, part, needs, problems, path)
      end
      return value.text(parts)
    elseif kind == "call" then
      local name, args = value.call_parts(marked)
      for i, arg in ipairs(args) do
        args[i] = M.value(loader, from, arg, needs, problems, path)
      end
      return value.call(name, args)
    elseif kind == "secret" then
      return value.secret(M.value(loader, from, marked[1], needs, problems, path))
    end
    return marked
  end, at)
end

--- Adds the addresses of a `needs` field to the set.
local function explicit_needs(loader, block, list, needs)
  if list == nil or list == value.null then
    return
  end
  if type(list) ~= "table" or value.is_marked(list) then
    list = { list }
  end
  for i, one in ipairs(list) do
    local ref, problem = one, nil
    if type(one) == "string" then
      ref, problem = interpolate.reference(one, block.home.scope)
    end
    local found
    if ref and value.is_ref(ref) then
      ref, found = resolve(loader, block, ref)
      problem = not ref and found or nil
    end
    if not ref or problem then
      loader:fail_at(
        block,
        { "needs", i },
        problem and (problem.msg or tostring(problem)) or "expected an address",
        problem and problem.hint
      )
    else
      for _, need in ipairs(found or {}) do
        needs[need] = true
      end
    end
  end
end

local function sorted_list(set)
  local out = {}
  for one in next, set do
    out[#out + 1] = one
  end
  table.sort(out)
  return out
end

--- Gives the references in arguments their final form; `{ args, needs }`, needs a sorted list or
-- nil; `below` is where the arguments stand in the block. The common case, fields that are
-- references themselves, makes no set.
local function link_args(loader, block, args, below)
  local out, first, set
  for name, v in next, args do
    if type(v) == "table" then
      local problems, needs, new
      if getmetatable(v) == ref_mt then
        local found
        new, found = resolve_value(loader, block, v)
        if not new then
          problems, new = { found }, v
        elseif #found == 1 and not set and (first == nil or first == found[1]) then
          first = found[1]
        else
          needs = {}
          for _, one in ipairs(found) do
            needs[one] = true
          end
        end
      else
        problems, needs = {}, {}
        new = M.value(loader, block, v, needs, problems)
      end
      if problems and problems[1] then
        loader:problems(block, problems, below and { below[1], below[2], name } or { name })
      end
      if needs and next(needs) then
        set = set or {}
        for one in next, needs do
          set[one] = true
        end
      end
      if not rawequal(new, v) then
        out = out or data.copy(args)
        out[name] = new
      end
    end
  end
  if set and first then
    set[first] = true
  end
  return out or args, set and sorted_list(set) or first and { first } or nil
end

--- The fields of a contract that want a reference.
local function ref_fields(contract)
  if not contract.ref_fields then
    contract.ref_fields = {}
    for name, field in next, contract.resource.schema do
      if field.type == "ref" then
        contract.ref_fields[#contract.ref_fields + 1] = name
      end
    end
  end
  return contract.ref_fields
end

--- Text may be the id of a thing from elsewhere; that of a thing of this infra is meant as a reference.
local function check_names(loader, block, node)
  for _, name in ipairs(ref_fields(block.contract)) do
    local text = node.args[name]
    local known = type(text) == "string" and (loader.by_base[name .. "." .. text] or loader.by_base[text])
    if known then
      loader:fail_at(block, { name }, ("'%s' is only text here"):format(text),
        ("write ${%s} to refer to it"):format(known.base))
    end
  end
end

--- What everything in an instance of a module waits for, as a set; nil for nothing.
local home_needs
home_needs = function(loader, home)
  if home.all_needs == nil then
    local set = {}
    explicit_needs(loader, setmetatable({ home = home.parent }, { __index = home.block }), home.needs, set)
    for one in next, home.parent.parent and home_needs(loader, home.parent) or NONE do
      set[one] = true
    end
    home.all_needs = next(set) and set or false
  end
  return home.all_needs or nil
end

--- How a node needs itself.
local function needs_itself(loader, node, configured)
  local at = node.address
  local refers = value.references(node.args)
  if refers[at] or refers[require("prov.address").base(at)] then
    return ("%s refers to itself"):format(at)
  elseif configured and configured[at] then
    return ("%s needs itself: its provider '%s' is configured with it"):format(at, node.provider)
  end
  for name in next, refers do
    for _, need in ipairs(loader.lookups[name] and M.lookup_needs(loader, loader.lookups[name]) or NONE) do
      if need == at then
        return ("%s needs itself: %s, which it refers to, is looked up with it"):format(at, name)
      end
    end
  end
  return ("%s needs itself"):format(at)
end

--- Links one resource or taskserv: final args and sorted needs.
local function link(loader, node, shared, fixed, below)
  local block = loader.block_of[node]
  local args, needs
  if block.keyed and shared[node.args] then
    args, needs = table.unpack(shared[node.args], 1, 2)
  else
    if not below then
      check_names(loader, block, node)
    end
    args, needs = link_args(loader, block, node.args, below)
    if block.keyed then
      shared[node.args] = { args, needs }
    end
  end
  node.args = args
  local outer = block.home.parent and home_needs(loader, block.home)
  local configured = loader.provider_needs and not below and loader.provider_needs[node.provider]
  if configured then
    local set = {}
    for _, list in ipairs({ outer or NONE, configured }) do
      for one in next, list do
        set[one] = true
      end
    end
    outer = set
  end
  local cycle = node.lifecycle
  local extra = cycle and cycle ~= NO_LIFECYCLE and require("prov.infra.lifecycle").link(loader, block, node, cycle)
  if node.needs ~= nil or fixed or outer or extra then
    local set = extra or {}
    for _, list in ipairs({ needs or {}, fixed or {} }) do
      for _, one in ipairs(list) do
        set[one] = true
      end
    end
    explicit_needs(loader, block, node.needs, set)
    for one in next, outer or NONE do
      set[one] = true
    end
    needs = sorted_list(set)
  elseif needs and block.keyed then
    needs = table.move(needs, 1, #needs, 1, {})
  end
  for _, one in ipairs(needs or NONE) do
    if one == node.address then
      loader:fail_at(block, nil, needs_itself(loader, node, configured))
    end
  end
  node.needs = needs or NONE
end

--- Links everything; returns the outputs of the root.
function M.run(loader, root)
  local shared = {}
  if next(loader.provider_links) then
    loader.provider_needs = {}
  end
  for name, one in next, loader.provider_links do
    local problems, needs = {}, {}
    loader.providers[name] = M.value(loader, one.block, one.config, needs, problems)
    loader:problems(one.block, problems)
    loader.provider_needs[name] = next(needs) and needs or nil
  end
  require("prov.infra.secrets").chain(loader)
  for _, resource in ipairs(loader.resources) do
    link(loader, resource, shared)
  end
  for _, taskserv in ipairs(loader.taskservs) do
    link(loader, taskserv, shared, loader.fixed_needs[taskserv], { "taskservs", taskserv.name })
  end
  local out = {}
  for _, home in ipairs(loader.homes) do
    for name, wanted in next, home.outputs.values do
      local v = M.output(loader, home, name, wanted)
      if home == root then
        out[name] = v
      end
    end
  end
  return out
end

return M
