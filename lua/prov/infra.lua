--- Loads the infra of a workspace: files to a flat list of resources and taskservs with
-- completed arguments, references and dependencies. Pure reading: no provider is called.

local contract = require("prov.contract")
local expand = require("prov.infra.expand")
local links = require("prov.infra.links")
local merge = require("prov.infra.merge")
local source = require("prov.infra.source")
local taskservs = require("prov.infra.taskservs")
local clusters = require("prov.infra.clusters")

local M = {}

---@class prov.Infra
---@field resources table[] sorted by kind, name and key
---@field taskservs table[]
---@field outputs table<string, any>
---@field providers table<string, table>

---@class prov.InfraLoader
---@field registry prov.Registry
---@field errors prov.Err[]
---@field blocks prov.Block[]
---@field by_base table<string, prov.Block> "server.web" -> block
local Loader = {}
Loader.__index = Loader

local MAX_ERRORS = 100

--- Notes an error; the same text at the same place is noted once.
function Loader:fail(e)
  local key = e:text()
  if not self.seen[key] and #self.errors < MAX_ERRORS then
    self.seen[key] = true
    self.errors[#self.errors + 1] = e
  end
end

--- Notes problems of a contract below a path of a block.
function Loader:problems(block, problems, below)
  local path = table.move(block.path, 1, #block.path, 1, {})
  table.move(below or {}, 1, #(below or {}), #path + 1, path)
  for _, e in ipairs(contract.errors(problems, { path = path, file = block.source.file, place = block.source.place })) do
    self:fail(e)
  end
end

--- Notes one problem at a path of a block.
function Loader:fail_at(block, below, msg, hint)
  self:problems(block, { { path = {}, msg = msg, hint = hint } }, below)
end

local function sorted(map)
  local names = {}
  for name in next, map do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return names
end

--- Makes the blocks of the declared kinds and of the clusters.
function Loader:collect(joined)
  for _, top in ipairs(sorted(joined.kinds)) do
    local kind = merge.singular(top)
    local members = joined.kinds[top]
    for _, name in ipairs(sorted(members)) do
      local member = members[name]
      self:add({ kind = kind or top, top = top, name = name, entry = member.value, source = member.source, path = { top, name } })
    end
  end
  for _, name in ipairs(sorted(joined.clusters)) do
    local member = joined.clusters[name]
    clusters.expand(self, name, member.value, { source = member.source, path = { "clusters", name } })
  end
end

--- Adds a block; a name that is taken is an error.
---@param block prov.Block
function Loader:add(block)
  local base = block.kind .. "." .. tostring(block.name)
  local before = self.by_base[base]
  if before then
    local line = before.source.place(before.path)
    self:fail_at(block, nil, ("%s is declared twice: also at %s%s"):format(base, before.source.file, line and ":" .. line or ""))
    return
  end
  block.base = base
  self.by_base[base] = block
  self.blocks[#self.blocks + 1] = block
end

--- Puts the defaults of prov.yaml below those of the infra files.
local function add_workspace_defaults(joined, workspace)
  for name, v in next, workspace.defaults or {} do
    joined.defaults[name] = joined.defaults[name]
      or { value = v, source = { file = "prov.yaml", place = workspace.place or function() end } }
  end
end

--- Reads, checks and expands the infra of a workspace.
---@param workspace { dir: string, name: string }
---@param opts? { registry: prov.Registry? }
---@return prov.Infra?
---@return prov.Err[]? errors
function M.load(workspace, opts)
  local sources, errs = source.read(workspace)
  if not sources then
    return nil, errs
  end
  return M.build(workspace, sources, opts)
end

--- The part of load after reading: sources to infra.
---@param sources prov.Source[]
---@return prov.Infra?, prov.Err[]?
function M.build(workspace, sources, opts)
  local joined, errs = merge.join(sources)
  if not joined then
    return nil, errs
  end
  local self = setmetatable({
    workspace = workspace,
    registry = opts and opts.registry or require("prov.registry").open(workspace.dir),
    errors = {},
    seen = {},
    blocks = {},
    by_base = {},
    resources = {},
    taskservs = {},
    block_of = {},
    cluster_outputs = {},
  }, Loader)
  add_workspace_defaults(joined, workspace)
  expand.prepare(self, joined)
  self:collect(joined)
  table.sort(self.blocks, function(a, b)
    return a.base < b.base
  end)
  expand.run(self)
  taskservs.run(self)
  local outputs = links.run(self, joined.outputs)
  if #self.errors > 0 then
    return nil, self.errors
  end
  return {
    resources = self.resources,
    taskservs = self.taskservs,
    outputs = outputs,
    providers = self.providers,
  }
end


return M
