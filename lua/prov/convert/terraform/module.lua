--- One folder of Terraform's files as a tree: its blocks, one kind after the other.

local changes = require("prov.convert.terraform.changes")
local collect = require("prov.convert.terraform.collect")
local err = require("prov.err")
local expr = require("prov.convert.terraform.expr")
local inputs = require("prov.convert.terraform.inputs")
local merge = require("prov.infra.merge")
local resources = require("prov.convert.terraform.resource")
local scopes = require("prov.convert.terraform.scope")
local tree = require("prov.convert.tree")
local types = require("prov.convert.terraform.types")

local M = {}

local Module = {}
Module.__index = Module

local function child(map, top, name, comment)
  local entry = map:at(top):at(name)
  if comment then
    map:at(top):comment(name, comment)
  end
  return entry
end

function Module:leave_block(one, what, todo)
  local block = one.block
  self.out:comment(nil, (one.comment and one.comment .. "\n" or "") .. resources.original(block, one.file, what))
  self.e.scope:note(block, what, todo)
end

--- Configuration of providers, and which instance a resource of an alias has.
function Module:provider(one)
  local block, name = one.block, one.block.labels[1]
  local known = types.PROVIDERS[name]
  if self.run.target.override or not known then
    if not self.run.target.override or known then
      self:leave_block(one, ("the provider '%s' is not converted"):format(tostring(name)),
        self.run.target.override and ("all resources are made by %s"):format(self.run.target.override) or nil)
    end
    return
  end
  local alias = changes.attribute(block.body, "alias")
  local own = alias and alias.value or types.provider_name(name)
  if alias and self.out:get("providers") and self.out:get("providers"):get(own) then
    own = name .. "_" .. own
  end
  self.scope.instances[name .. "." .. tostring(alias and alias.value)] = own
  local entry = child(self.out, "providers", own, one.comment)
  if alias then
    entry:set("provider", types.provider_name(name))
  end
  for _, item in ipairs(block.body) do
    local to = item.node == "attribute" and known[item.name]
    if to then
      local v, why = self.scope:try(self.e.value, self.e, item.value)
      if v ~= nil then
        entry:set(to, v)
      else
        resources.leave_out(self.e, entry, item, { at = why.at, what = why.what, todo = why.todo })
      end
    elseif item.name ~= "alias" and item.name ~= "version" then
      resources.leave_out(self.e, entry, item,
        { what = ("'%s' of the provider %s has no equal"):format(item.name or item.type, name) })
    end
  end
end

function Module:resource(one)
  local block = one.block
  local address = ("%s.%s"):format(tostring(block.labels[1]), tostring(block.labels[2]))
  local resource = self.scope.resources[address]
  if self.scope.parts[address] then
    return -- when all resources are there
  elseif not resource then
    local missing = self.scope.left_out[address] == "kind"
    self:leave_block(one, missing and ("the provider %s has no resource for %s"):format(self.run.target.override,
      address)
      or ("%s has no equal"):format(address),
      missing and "choose another provider" or "leave it to Terraform, or write a provider for it")
    return
  end
  local entry = tree.map()
  self.scope.many = nil
  local many, why = self.scope:try(resources.add_many, self.e, entry, block.body)
  if why then
    self:leave_block(one, ("%s: how many there are: %s"):format(address, why.what), why.todo)
    self.scope.left_out[address] = "count"
    self.scope.resources[address] = nil
    return
  end
  self.scope.many = many
  resource.entry = entry
  self.out:at(merge.plural(resource.kind)):set(resource.name, entry)
  if one.comment then
    self.out:at(merge.plural(resource.kind)):comment(resource.name, one.comment)
  end
  if resource.name ~= block.labels[2] then
    self.scope:note(block, ("%s is %s.%s here, for there is another %s of its name"):format(address, resource.kind,
      resource.name, resource.kind))
  end
  local default = self.run.target.override or self.default_provider
  if default ~= resource.spec.provider and not self.run.target.override
    and not changes.attribute(block.body, "provider") then
    entry:set("provider", resource.spec.provider)
  end
  resources.write(self.e, resource, entry, block, self.run.target)
  self.scope.many = nil
  self.run.converted = self.run.converted + 1
end

function Module:part(one)
  local block = one.block
  local part = self.scope.parts[("%s.%s"):format(tostring(block.labels[1]), tostring(block.labels[2]))]
  if not part then
    return
  end
  local what, todo = resources.write_part(self.e, part, block, self.run.target)
  self.scope.many = nil
  if what then
    self:leave_block(one, what, todo)
  end
end

local function filter_fields(e, block, where, item)
  local name, values = changes.attribute(item.body, "name"), changes.attribute(item.body, "values")
  if not (name and name.node == "lit" and values) then
    e.scope:note(item, "a filter that is made in a loop has no equal")
    return
  end
  local key = name.value:gsub("^tag:Name$", "name"):gsub("^tag:", "label_"):gsub("[^%w_]", "_")
  if values.node == "tuple" and #values.items == 1 then
    values = values.items[1]
  end
  local v, why = e.scope:try(e.value, e, values)
  if v == nil then
    e.scope:note({ at = why.at or block.at }, why.what, why.todo)
  else
    where:set(key, v)
  end
end

function Module:data(one)
  local block = one.block
  local full = ("data.%s.%s"):format(tostring(block.labels[1]), tostring(block.labels[2]))
  local lookup = self.scope.lookups[full]
  if not lookup then
    self:leave_block(one, full .. " has no equal", "pass what it finds as a variable")
    return
  end
  local spec = lookup.spec
  local entry = child(self.out, "data", lookup.name, one.comment)
  entry:set("kind", spec.kind)
  if not self.run.target.override and self.default_provider ~= spec.provider then
    entry:set("provider", spec.provider)
  end
  local where = tree.map()
  for _, item in ipairs(block.body) do
    local field = item.node == "attribute" and spec.fields[item.name]
    if type(field) == "table" then
      entry:set("sort", "name")
      entry:set("pick", field.pick)
    elseif field then
      local v, why = self.scope:try(self.e.value, self.e, item.value)
      if v ~= nil then
        where:set(field, tree.is_list(v) and #v == 1 and v[1] or v)
      else
        resources.leave_out(self.e, entry, item, why)
      end
    elseif item.node == "block" and item.type == "filter" and spec.filters then
      filter_fields(self.e, block, where, item)
    else
      resources.leave_out(self.e, entry, item, { what = ("'%s' of %s has no equal"):format(item.name or item.type,
        full) })
    end
  end
  if not where:is_empty() then
    entry:set("where", where)
  end
  if spec.all then
    entry:set("pick", "all")
  end
  self.run.converted = self.run.converted + 1
end

local MODULE_META = { source = true, version = true, count = true, for_each = true, depends_on = true,
  providers = true }

--- Adds the folders of modules first: their names are known then.
function Module:find_module(one)
  local block = one.block
  local source = changes.attribute(block.body, "source")
  local path = source and source.node == "lit" and source.value
  if type(path) ~= "string" or not path:match("^%.%.?/") and path ~= "." and path ~= ".." then
    self:leave_block(one, ("the module '%s' is not in a folder here: %s"):format(block.labels[1], tostring(path)),
      "copy it beside the files and give its folder as source, or write what it makes")
    return
  end
  local module, e = self.run:module(self.folder.dir .. "/" .. path)
  if not module then
    for _, one_of in ipairs(err.list(e)) do
      self:leave_block(one, ("the module '%s' cannot be read: %s"):format(block.labels[1], tostring(one_of)),
        one_of.hint)
    end
    return
  end
  self.scope.modules[block.labels[1]] = { name = block.labels[1], many = collect.many_of(block.body), module = module }
end

function Module:module(one)
  local block = one.block
  local use = self.scope.modules[block.labels[1]]
  if not use then
    return
  end
  local entry = tree.map()
  entry:set("source", "./" .. use.module.path)
  self.scope.many = nil
  local many, why = self.scope:try(resources.add_many, self.e, entry, block.body)
  if why then
    self:leave_block(one, ("the module '%s': how many there are: %s"):format(use.name, why.what), why.todo)
    return
  end
  self.scope.many = many
  self.out:at("modules"):set(use.name, entry)
  if one.comment then
    self.out:at("modules"):comment(use.name, one.comment)
  end
  local given = tree.map()
  for _, item in ipairs(block.body) do
    if item.name == "depends_on" then
      resources.add_needs(self.e, entry, item)
    elseif item.name == "providers" then
      self.scope:note(item, ("providers of the module '%s'"):format(use.name),
        "a use has one: provider: NAME, the default in it")
    elseif item.node == "attribute" and not MODULE_META[item.name] then
      local v, no = self.scope:try(self.e.value, self.e, item.value)
      if v ~= nil then
        given:set(item.name, v)
      else
        resources.leave_out(self.e, given, item, { at = no.at,
          what = ("'%s' of the module %s: %s"):format(item.name, use.name, no.what), todo = no.todo })
      end
    end
  end
  if not given:is_empty() or #given.tail > 0 then
    entry:set("inputs", given)
  end
  self.scope.many = nil
  self.run.converted = self.run.converted + 1
end

function Module:output(one)
  local block, name = one.block, one.block.labels[1]
  local node = changes.attribute(block.body, "value")
  if not name or not node then
    return
  end
  local v, why = self.scope:try(self.e.value, self.e, node)
  local outputs = self.out:at("outputs")
  if v == nil then
    outputs:comment(nil, resources.original(block, one.file, "output " .. name))
    self.scope:note({ at = why.at or block.at }, ("the output '%s': %s"):format(name, why.what), why.todo)
    return
  end
  outputs:set(name, v)
  local doc = changes.attribute(block.body, "description")
  local text = one.comment or doc and doc.node == "lit" and tostring(doc.value)
  if text then
    outputs:comment(name, text)
  end
  for _, item in ipairs(block.body) do
    if item.node == "block" and item.type == "precondition" then
      self:check(one, name .. "_output", item)
    end
  end
end

function Module:check(one, name, block)
  local check = resources.condition(self.e, block)
  if check then
    self.out:at("checks"):set(name, check)
    if one.block.type == "check" then
      check:set("severity", "warning")
    end
  end
end

function Module:checks(one)
  local n = 0
  for _, item in ipairs(one.block.body) do
    if item.node == "block" and item.type == "assert" then
      n = n + 1
      self:check(one, tostring(one.block.labels[1]) .. (n > 1 and "_" .. n or ""), item)
    else
      self.scope:note(item, ("'%s' of a check has no equal"):format(item.type or item.name))
    end
  end
end

-- moved, import and removed blocks.
local PAST = { moved = { "from", "to" }, import = { "to", "id" }, removed = { "from" } }

-- The address of what is no longer in the files: its type says what it was.
local function old_address(node)
  local root, steps = expr.chain(node)
  local spec = root.name and types.RESOURCES[root.name]
  if root.name == "module" and steps[1] and not steps[2] then
    return "module." .. steps[1].name
  elseif not spec or not spec.kind or not steps[1] then
    return nil
  end
  local key = steps[2] and steps[2].node == "index" and steps[2].key.node == "lit" and steps[2].key.value
  local behind = type(key) == "number" and ("[%d]"):format(key + 1) or key and ('["%s"]'):format(key) or ""
  return spec.kind .. "." .. steps[1].name .. behind
end

function Module:past(one)
  local block, entry = one.block, tree.map()
  for _, name in ipairs(PAST[block.type]) do
    local node = changes.attribute(block.body, name)
    local v
    if node and name == "id" then
      v = self.scope:try(self.e.value, self.e, node)
    elseif node then
      v = resources.address(self.e, node) or name == "from" and old_address(node)
    end
    if not v then
      self:leave_block(one, ("'%s' of %s has no equal here"):format(name, block.type))
      return
    end
    entry:set(name, v)
  end
  local list = self.out:get(block.type) or self.out:set(block.type, tree.list())
  list[#list + 1] = entry
end

function Module:variable(one)
  if one.block.labels[1] then
    inputs.add(self.e, self.out, one.block.labels[1], one.block, one.comment)
  end
end

function Module:locals(one)
  for _, item in ipairs(one.block.body) do
    local at = self.scope.locals[item.name]
    if at and at.input and at.item == item then
      local input = child(self.out, "inputs", at.input, nil)
      input:set("type", at.kind == "string" and "string" or at.kind == "bool" and "bool" or "any")
      input:set("default", self.e:value(item.value))
    end
  end
end

function Module:terraform(one)
  for _, item in ipairs(one.block.body) do
    if item.type == "backend" or item.type == "cloud" then
      self.scope:note(item, ("the state's place ('%s')"):format(item.labels[1] or item.type),
        "prov keeps its state in .prov of the workspace, sealed")
    end
  end
end

local WRITE = {
  { "variable", "variable" }, { "locals", "locals" }, { "terraform", "terraform" }, { "provider", "provider" },
  { "data", "data" }, { "resource", "resource" }, { "resource", "part" }, { "module", "module" },
  { "output", "output" }, { "check", "checks" }, { "moved", "past" }, { "import", "past" }, { "removed", "past" },
}

local KNOWN = { action = false }
for _, pair in ipairs(WRITE) do
  KNOWN[pair[1]] = true
end

function Module:values()
  local vars = tree.map()
  local names = {}
  for name in pairs(self.folder.values) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local at = self.folder.values[name]
    self.scope.file = at.file
    if not self.scope.variables[name] then
      self.scope:note(at.value, ("there is no variable '%s'"):format(name))
    else
      vars:set(self.scope.variables[name].name, self.e:value(at.value))
    end
  end
  if not vars:is_empty() then
    self.out:set("vars", vars)
  end
end

-- The provider of most resources: it becomes the default.
local function default_provider(scope)
  local counts, best = {}, nil
  for _, resource in pairs(scope.resources) do
    local name = resource.spec.provider
    counts[name] = (counts[name] or 0) + 1
  end
  for _, name in ipairs({ "hetzner", "upcloud", "aws" }) do
    if counts[name] and (not best or counts[name] > counts[best]) then
      best = name
    end
  end
  return best
end

--- The tree of a folder.
function Module:convert()
  local out, scope = self.out, self.scope
  for _, top in ipairs({ "inputs", "vars", "providers", "defaults", "data" }) do
    out:at(top) -- in this order; empty ones are taken away below
  end
  self.default_provider = default_provider(scope)
  local default = self.run.target.override or self.default_provider
  if default and self.is_root then
    out:at("defaults"):set("provider", default)
    if self.run.target.override then
      out:at("providers"):set(default, tree.map())
    end
  end
  for _, one in ipairs(self.folder.blocks) do
    scope.file = one.file
    if one.block.type == "module" and one.block.labels[1] then
      self:find_module(one)
    elseif not KNOWN[one.block.type] then
      self:leave_block(one, ("a block of kind '%s' has no equal"):format(one.block.type))
    end
  end
  for _, one in ipairs(self.folder.overrides) do
    scope.file = one.file
    self:leave_block(one, "an override file is not merged", "write it into the block it is about")
  end
  for _, pair in ipairs(WRITE) do
    for _, one in ipairs(self.folder.blocks) do
      if one.block.type == pair[1] then
        scope.file = one.file
        local _, why = scope:try(self[pair[2]], self, one)
        if why then
          self:leave_block(one, why.what, why.todo)
        end
      end
    end
    if pair[2] == "part" then
      for _, one in ipairs(self.folder.blocks) do
        local block = one.block
        local resource = block.type == "resource" and scope.resources[tostring(block.labels[1]) .. "."
          .. tostring(block.labels[2])]
        if resource and resource.block == block and resource.entry then
          scope.file, scope.many = one.file, resource.many
          resources.write_lists(self.e, resource, self.run.target)
        end
      end
      scope.many = nil
    end
  end
  if self.is_root then
    self:values()
  end
  for provider in pairs(self:used_providers()) do
    out:at("providers"):at(provider)
  end
  for _, top in ipairs({ "inputs", "vars", "providers", "defaults", "data" }) do
    if out:get(top):is_empty() and #out:get(top).tail == 0 then
      out:set(top, nil)
    end
  end
  return out
end

function Module:used_providers()
  local used = {}
  if self.is_root and not self.run.target.override then
    for _, resource in pairs(self.scope.resources) do
      used[resource.spec.provider] = true
    end
  end
  return used
end

--- The tree of a folder.
---@param run prov.convert.Run
---@param folder prov.convert.Folder
---@param is_root boolean
---@return prov.convert.Map
---@return table<string, true> files that its expressions read
function M.convert(run, folder, is_root)
  local scope = scopes.new(run.notes)
  scope.instances = {}
  collect.names(scope, folder, run.target)
  local module = setmetatable({ run = run, folder = folder, scope = scope, e = expr.new(scope), out = tree.map(),
    is_root = is_root }, Module)
  return module:convert(), module.e.files
end

return M
