--- What a rule sees: the loaded infra, asked by kind and name, and where findings go.
--
-- Rules of prov see the infra itself. Rules of others see copies (prov.validate.guest): what one does to a
-- value reaches nobody.

local address_of = require("prov.address")
local contract = require("prov.contract")
local merge = require("prov.infra.merge")
local value = require("prov.value")

local M = {}

---@class prov.Scene
---@field infra prov.Infra
---@field rule prov.Rule the one that runs
local Scene = {}
Scene.__index = Scene

local NONE = {} -- shared, never changed

local function bucket(t, key, item)
  local list = t[key]
  if not list then
    list = {}
    t[key] = list
  end
  list[#list + 1] = item
end

--- The address of all instances of a counted node.
local function base_of(node)
  return node.address:sub(1, -#address_of.format_key(node.key) - 1)
end

--- Prepares a loaded infra for rules.
---@param infra prov.Infra
---@param registry prov.Registry
---@param settings? table<string, any> rule id -> what prov.yaml says
---@return prov.Scene
function M.new(infra, registry, settings, workspace)
  local self = setmetatable({
    infra = infra,
    registry = registry,
    workspace = workspace,
    catalogs = {},
    settings = settings or {},
    findings = {},
    cache = {},
    by_kind = {},
    by_service = {},
    on_server = {},
    by_address = {},
    by_base = {},
    networks_of = {},
  }, Scene)
  for _, node in ipairs(infra.resources) do
    bucket(self.by_kind, node.kind, node)
    self.by_address[node.address] = node
    if node.key ~= nil then
      bucket(self.by_base, base_of(node), node)
    end
  end
  for _, node in ipairs(infra.taskservs) do
    bucket(self.by_service, node.name, node)
    bucket(self.on_server, node.server, node)
    self.by_address[node.address] = node
  end
  return self
end

--- All resources, or those of a kind ("server").
---@param kind? string
---@return table[] not to be changed
function Scene:resources(kind)
  if not kind then
    return self.infra.resources
  end
  return self.by_kind[kind] or NONE
end

--- All taskservs, or those of a name ("postgres").
---@param name? string
---@return table[] not to be changed
function Scene:taskservs(name)
  if not name then
    return self.infra.taskservs
  end
  return self.by_service[name] or NONE
end

--- The taskservs on a server.
---@param server table|string
---@return table[] not to be changed
function Scene:services(server)
  return self.on_server[type(server) == "table" and server.address or server] or NONE
end

--- What stands at an address, or nil.
---@param address string
---@return table? node
function Scene:node(address)
  return self.by_address[address]
end

--- All instances of the count or for_each that a node is one of; none of a node that is alone.
---@param node table
---@return table[] not to be changed
function Scene:instances(node)
  return node.key ~= nil and self.by_base[base_of(node)] or NONE
end

--- The server a taskserv is on.
function Scene:server(taskserv)
  return self.by_address[taskserv.server]
end

--- The nodes a value refers to, wherever the references are in it, in the order of their addresses.
---@param v any
---@return table[]
function Scene:targets(v)
  if type(v) ~= "table" or next(v) == nil then
    return NONE
  elseif value.is_ref(v) then -- most are
    local node = self.by_address[value.parts(v)]
    return node and { node } or self.by_base[value.parts(v)] or NONE
  end
  local out = {}
  for address in pairs(value.references(v)) do
    local node = self.by_address[address]
    for _, one in ipairs(node and { node } or self.by_base[address] or NONE) do
      out[#out + 1] = one
    end
  end
  if out[2] then
    table.sort(out, function(a, b)
      return a.address < b.address
    end)
  end
  return out
end

--- What a value is when the infra alone decides it; nil while it is known only after apply. Secrets are
--- laid open: a message must not contain them.
---@param v any
---@return any
function Scene:known(v)
  if type(v) ~= "table" then
    return v
  end
  local kind = value.marked(v)
  if not kind then
    return v
  elseif kind == "secret" then
    return self:known(v[1])
  elseif kind == "ref" then
    local address, path = value.parts(v)
    local node = self.by_address[address]
    local found = node and node.args
    for _, key in ipairs(path) do
      found = type(found) == "table" and not value.is_marked(found) and found[key] or nil
    end
    return found ~= nil and self:known(found) or nil
  elseif kind == "text" then
    local out = {}
    for i, part in ipairs(v) do
      part = self:known(part)
      if part == nil or type(part) == "table" then
        return nil
      end
      out[i] = tostring(part)
    end
    return table.concat(out)
  end
end

--- The items of a list: one when it is a reference as a whole (of which an `ipairs` would see no end), none
--- when there is no list.
---@param v any
---@return any[] not to be changed
function Scene.list(_, v)
  if type(v) ~= "table" then
    return NONE
  end
  return value.is_marked(v) and { v } or v
end

--- A map as it is; none when it is a reference or absent.
---@param v any
---@return table not to be changed
function Scene.map(_, v)
  return type(v) == "table" and not value.is_marked(v) and v or NONE
end

--- The networks a server is in, as nodes: by reference, or by the name of one that is declared.
---@return table[]
function Scene:networks(server)
  local given = server.args.network or server.args.networks
  if type(given) == "string" then
    local node = self.by_address["network." .. given]
    return node and { node } or NONE
  end
  local out = given ~= nil and self.networks_of[given] -- references to one network are one value
  if not out then
    out = {}
    for _, node in ipairs(self:targets(given)) do
      if node.kind == "network" then
        out[#out + 1] = node
      end
    end
    if given ~= nil then
      self.networks_of[given] = out
    end
  end
  return out
end

local function declaration(self, node)
  if node.provider then
    local types = self.infra.provider_types -- of instances of providers with names of their own
    return self.registry:get("provider", types and types[node.provider] or node.provider)
  end
  return self.registry:get("taskserv", node.name)
end

--- The declaration of the provider of a resource, or of a taskserv.
---@return table
function Scene:declaration(node)
  return declaration(self, node) or NONE
end

--- What is known of the catalog of a resource's provider: its table, else what the workspace has kept of it.
---@return table see prov.catalog
function Scene:catalog(node)
  local found = self.catalogs[node.provider]
  if not found then
    found = require("prov.catalog").known(self:declaration(node), self.workspace, node.provider) or NONE
    self.catalogs[node.provider or false] = found
  end
  return found
end

--- The contract's fields of a resource or taskserv.
---@return table<string, prov.Field>
function Scene:schema(node)
  local found = self:declaration(node)
  if node.provider then
    found = found.resources and found.resources[node.kind] or NONE
  end
  return found.schema or NONE
end

--- An option of the rule that runs: as prov.yaml says, else its default.
---@param name string
---@return any
function Scene:option(name)
  local own = self.settings[self.rule.id]
  if type(own) == "table" and own[name] ~= nil then
    return own[name]
  end
  local spec = self.rule.options and self.rule.options[name]
  return spec and spec.default
end

--- A table that rules share: filled by the first that needs it.
---@generic T
---@param key any
---@param make fun(): T
---@return T
function Scene:once(key, make)
  local found = self.cache[key]
  if found == nil then
    found = make()
    self.cache[key] = found
  end
  return found
end

--- The nodes of a list without those that share their arguments with the one before (instances of a count).
---@param list table[]
---@return table[]
function Scene.distinct(_, list)
  local out, before = {}, nil
  for _, node in ipairs(list) do
    if node.args ~= before then
      before = node.args
      out[#out + 1] = node
    end
  end
  return out
end

local function hosts_of(self)
  local out = {}
  for _, server in ipairs(self:resources("server")) do
    out[#out + 1] = self.on_server[server.address] and server or nil
  end
  return out
end

--- What `applies` of a rule means: "server" and other kinds, "resource" for all, "host" for servers with
--- services, "taskserv" and "taskserv.NAME"; once for those with the same arguments, unless `instances`.
---@param what string
---@param instances? boolean
---@return table[] not to be changed
function Scene:select(what, instances)
  return self:once(("%s %s"):format(what, instances), function()
    local list
    local service = what:match("^taskserv%.(.+)$")
    if service or what == "taskserv" then
      list = self:taskservs(service)
    elseif what == "host" then
      list = hosts_of(self)
    else
      list = self:resources(what ~= "resource" and what or nil)
    end
    return instances and list or self:distinct(list)
  end)
end

--- Tells a finding about a node.
---@param node table resource or taskserv
---@param finding { path: (string|integer)[]?, message: string, hint: string?, fix: table[]?, related: table[]? }
function Scene:report(node, finding)
  finding.rule, finding.node = self.rule, node
  self.findings[#self.findings + 1] = finding
end

--- Where the field of a node is written: the keys from the root of the file to it, and the file. A field
--- that comes from `defaults` is there.
---@param node table
---@param path? (string|integer)[]
---@return prov.Source source, (string|integer)[] keys, boolean exact false inside of a cluster, whose template wrote it
function Scene:written(node, path)
  local block = self.infra.block_of[node]
  if block.path then
    return block.source, block.path, false
  end
  local entry = type(block.entry) == "table" and block.entry or NONE
  local field = path and path[1]
  local defaults = block.home and block.home.defaults or self.infra.defaults or NONE
  local default = node.provider and field ~= nil and rawget(entry, field) == nil and defaults[field]
  if default then
    local above = default.block.path
    local keys = table.move(above, 1, #above, 1, {})
    return default.block.source, table.move(path, 2, #path, #above + 1, keys), true
  end
  local below = path or NONE
  if not node.provider then
    below = table.move(below, 1, #below, 3, { "taskservs", node.name })
  end
  return block.source, merge.path_of(block, below), true
end

--- The field of a path in text: `disks[2].size`.
Scene.path_text = contract.path_text

return M
