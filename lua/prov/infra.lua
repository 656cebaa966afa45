--- Loads the infra of a workspace: files to a flat list of resources and taskservs with
-- completed arguments, references and dependencies. Pure reading: no provider is called.

local clusters = require("prov.infra.clusters")
local collector = require("prov.collector")
local contract = require("prov.contract")
local data = require("core.data")
local expand = require("prov.infra.expand")
local links = require("prov.infra.links")
local merge = require("prov.infra.merge")
local modules = require("prov.infra.modules")
local refactor = require("prov.infra.refactor")
local settings = require("prov.settings")
local source = require("prov.infra.source")
local taskservs = require("prov.infra.taskservs")

local M = {}

---@class prov.Infra
---@field resources table[] sorted by kind, name and key
---@field taskservs table[]
---@field outputs table<string, any>
---@field providers table<string, table> configuration by name
---@field block_of table<table, prov.Block> what each resource and taskserv was written as
---@field defaults table<string, { value: any, block: table }>
---@field checks table[] see prov.plan.checks
---@field lookups table[] see prov.plan.lookups
---@field past? table<string, table[]> what `moved`, `import` and `removed` say
---@field provider_types table<string, string> name of the provider that an instance is of
---@field warnings prov.Err[] what will not work for ever

---@class prov.Home what the blocks of one place share: the infra itself, or an instance of a module
---@field prefix string "" or 'module.eu["a"].'
---@field scope prov.Scope
---@field dir string its folder
---@field shown string the folder as messages show it
---@field defaults table<string, table>
---@field used_defaults table<string, boolean>
---@field default_provider? string
---@field contracts table<string, table<string, table>> by provider and kind
---@field needs? any what every resource in it waits for
---@field block? prov.Block of the module that it is an instance of
---@field outputs prov.Part

---@class prov.InfraLoader
---@field registry prov.Registry
---@field root prov.Home
---@field errors prov.Err[]
---@field blocks prov.Block[]
---@field by_base table<string, prov.Block> "server.web" -> block
local Loader = {}
Loader.__index = Loader


--- Notes an error; the same text at the same place is noted once.
function Loader:fail(e)
  local key = e:text()
  if not self.seen[key] and #self.errors < settings.infra.errors then
    self.seen[key] = true
    self.errors[#self.errors + 1] = e
  end
end

--- Notes problems of a contract below a path of a block.
function Loader:problems(block, problems, below)
  local at = { path = merge.path_of(block, below), file = block.source.file, place = block.source.place }
  local plain = {}
  for _, p in ipairs(problems) do
    if p.text then -- of an expression: shown where it is in the text
      local e = contract.errors({ p }, at)[1]
      merge.refine(block.source, e, p.text, p.at)
      self:fail(e)
    else
      plain[#plain + 1] = p
    end
  end
  for _, e in ipairs(contract.errors(plain, at)) do
    self:fail(e)
  end
end

--- Notes warnings: deprecated fields that a block uses; each place is told once.
function Loader:warn(block, found, below)
  if #found == 0 then
    return
  end
  local at = { path = merge.path_of(block, below), file = block.source.file, place = block.source.place }
  for _, e in ipairs(contract.errors(found, at)) do
    local key = e:text()
    if not self.seen[key] then
      self.seen[key] = true
      self.warnings[#self.warnings + 1] = e
    end
  end
end

--- Notes one problem at a path of a block.
function Loader:fail_at(block, below, msg, hint)
  self:problems(block, { { path = {}, msg = msg, hint = hint } }, below)
end

--- Makes the blocks of the declared kinds, the clusters and the modules of a home.
---@param joined table<string, prov.Part>
---@param home prov.Home
function Loader:collect(joined, home)
  local prefix = home.prefix
  self.homes[#self.homes + 1] = home
  home.outputs, home.checks = joined.outputs, joined.checks
  refactor.add(self, joined, home)
  require("prov.infra.lookups").add(self, joined, home)
  for _, top in ipairs(data.keys(joined.kinds)) do
    local kind = merge.singular(top) or top
    local part = joined.kinds[top]
    local values, from, by_name = part.values, part.source, part.by_name
    local stem = prefix .. kind .. "."
    local common = { __index = {
      kind = kind,
      top = top,
      source = from,
      home = home,
      default_provider = kind == "secret" and "secrets" or nil,
    } }
    for _, name in ipairs(data.keys(values)) do
      self:add(setmetatable({
        name = name,
        entry = values[name],
        source = by_name and by_name[name] or nil,
        base = stem .. name,
        provider = false, -- until it is expanded: a place for it costs less than a larger table then
        contract = false,
      }, common))
    end
  end
  for _, name in ipairs(data.keys(joined.clusters.values)) do
    local block = { source = merge.source_of(joined.clusters, name), path = { "clusters", name }, home = home }
    clusters.expand(self, name, joined.clusters.values[name], block)
    self.unsorted = true
  end
  local bases = {}
  for _, name in ipairs(data.keys(joined.modules.values)) do
    local block = {
      source = merge.source_of(joined.modules, name),
      path = { "modules", name },
      home = home,
      name = name,
      base = prefix .. "module." .. name,
      entry = joined.modules.values[name],
    }
    self.modules_left[block.base], self.modules_declared[block.base] = block, true
    bases[#bases + 1] = block.base
  end
  for _, base in ipairs(bases) do
    self:expand_module(base)
  end
end

--- Expands a module, unless that was done: others may ask for what it gives before its turn.
---@param base string
---@return table? module
function Loader:expand_module(base)
  local block = self.modules_left[base]
  if block then
    self.modules_left[base] = nil
    modules.expand(self, block)
    self.unsorted = true
  end
  return self.modules[base]
end

--- Adds a block; a name that is taken is an error.
---@param block prov.Block
function Loader:add(block)
  local before = self.by_base[block.base]
  if before then
    local line, _, file = before.source.place(merge.path_of(before))
    local other = (file or before.source.file) .. (line and ":" .. line or "")
    self:fail_at(block, nil, ("%s is declared twice: also at %s"):format(block.base, other))
    return
  end
  self.by_base[block.base] = block
  self.blocks[#self.blocks + 1] = block
end

--- Puts the defaults of prov.yaml below those of the infra files.
local function add_workspace_defaults(joined, workspace)
  local part = joined.defaults
  local values, by_name = {}, {}
  for name, v in next, part.values do
    values[name], by_name[name] = v, merge.source_of(part, name)
  end
  local from = { file = "prov.yaml", place = workspace.place or function() end }
  for name, v in next, workspace.defaults do
    if values[name] == nil then
      values[name], by_name[name] = v, from
    end
  end
  joined.defaults = { values = values, by_name = by_name, source = part.source }
end

-- The collector waits longer while a tree is built, of which little is garbage: measured at
-- 100,000 resources, 0.9 s instead of 1.26 s.
local PAUSE = 400

--- Reads, checks and expands the infra of a workspace.
---@param workspace { dir: string, name: string }
---@param opts? { registry: prov.Registry? }
---@return prov.Infra?
---@return prov.Err[]? errors
function M.load(workspace, opts)
  local _ <close> = collector.pause(PAUSE)
  local sources, errs, reading = source.read(workspace)
  if not sources then
    return nil, errs
  end
  local infra
  infra, errs = M.build(workspace, sources, opts, reading) -- no tail call: the collector's setting is restored
  for _, e in ipairs(infra and opts and opts.ui and infra.warnings or {}) do
    opts.ui.warn("%s%s", e:text(), e.hint and "; " .. e.hint or "")
  end
  return infra, errs
end

local function by_place(a, b)
  for _, field in ipairs({ "file", "line", "column", "msg" }) do
    local x, y = a[field] or "", b[field] or ""
    if x ~= y then
      return type(x) == type(y) and x < y or type(x) ~= type(y) and type(x) == "string"
    end
  end
  return false
end

--- The part of load after reading: sources to infra.
---@param sources prov.Source[]
---@param opts? { registry: prov.Registry?, outputs: boolean? } outputs: expressions may name outputs of the root
---@param reading? prov.Reading the variables, and the functions that read files
---@return prov.Infra?, prov.Err[]?
function M.build(workspace, sources, opts, reading)
  local _ <close> = collector.pause(PAUSE)
  local joined, errs = merge.join(sources)
  if not joined then
    return nil, errs
  end
  local self = setmetatable({
    workspace = workspace,
    registry = opts and opts.registry or require("prov.registry").open(workspace.dir),
    errors = {},
    warnings = {},
    seen = {},
    blocks = {},
    by_base = {},
    resources = {},
    taskservs = {},
    block_of = {},
    homes = {},
    modules = {},
    modules_left = {},
    modules_declared = {},
    past = {},
    resolving = {},
    parsed = {},
    resolved = {},
    chain = {},
    lookups = {},
    cluster_outputs = {},
  }, Loader)
  if workspace.defaults then
    add_workspace_defaults(joined, workspace)
  end
  local root = {
    prefix = "",
    dir = workspace.dir,
    shown = "",
    scope = {
      var = reading and reading.vars or {},
      functions = reading and reading.functions
        or require("prov.infra.files").functions({ dir = workspace.dir or ".", shown = "" }),
    },
  }
  self.root = root
  if opts and opts.outputs then
    root.scope.output = require("prov.infra.console").outputs(joined.outputs.values, root.scope)
  end
  expand.defaults(self, joined, root)
  expand.prepare(self, joined, root)
  self:collect(joined, root)
  if self.unsorted then
    table.sort(self.blocks, function(a, b)
      return a.base < b.base
    end)
  end
  expand.run(self)
  taskservs.run(self)
  local outputs = links.run(self, root)
  local checks = require("prov.infra.conditions").run(self)
  local lookups = require("prov.infra.lookups").run(self)
  local past = self.past[1] and refactor.run(self) or nil
  past = require("prov.infra.secrets").existing(self, past)
  if #self.errors > 0 then
    table.sort(self.errors, by_place)
    return nil, self.errors
  end
  table.sort(self.warnings, by_place)
  return {
    warnings = self.warnings,
    resources = self.resources,
    taskservs = self.taskservs,
    outputs = outputs,
    providers = self.providers,
    block_of = self.block_of,
    defaults = root.defaults,
    provider_types = self.provider_types,
    past = past,
    checks = checks,
    lookups = lookups,
  }
end

return M
