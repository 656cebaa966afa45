--- A workspace opened for work: its infra, registry, store, state, providers and hosts together.

local collector = require("prov.collector")
local clock = require("prov.clock")
local data = require("core.data")
local engine = require("prov.engine")
local err = require("prov.err")
local locks = require("prov.engine.locks")
local state = require("prov.state")

local M = {}

---@class prov.Project
---@field workspace prov.Workspace
---@field registry prov.Registry
---@field infra table
---@field store userdata
---@field state prov.State
---@field providers prov.Providers
---@field hosts prov.Hosts
local Project = {}
Project.__index = Project

local EMPTY = { resources = {}, taskservs = {}, outputs = {}, providers = {} }

local function load_infra(workspace, registry, ui)
  local infra, errs = require("prov.infra").load(workspace, { registry = registry, ui = ui })
  if infra then
    return infra
  end
  if err.is(errs) then
    return nil, errs
  end
  if #errs == 1 then
    return nil, errs[1]
  end
  return nil, err.new("invalid", ("%d errors in the infra of workspace '%s'"):format(#errs, workspace.name), {
    data = { errors = errs },
  })
end

--- Opens the workspace of an operation.
---@async
---@param ctx table operation ctx
---@param opts? { infra: "need"|"try"|"no" }
---@return prov.Project?, prov.Err?
function M.open(ctx, opts)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  if workspace.last and ctx.output == "table" then
    ctx.ui.info("workspace '%s' in %s, the one last used", workspace.name, workspace.dir)
  end
  local self = setmetatable({ workspace = workspace, registry = ctx.registry, ui = ctx.ui }, Project)
  local wanted = opts and opts.infra or "need"
  if wanted ~= "no" then
    self.infra, e = load_infra(workspace, ctx.registry, ctx.ui)
    if not self.infra and wanted == "need" then
      return nil, e
    end
  end
  self.infra_error = e
  self.infra = self.infra or EMPTY
  self.store, e = workspace:store()
  if not self.store then
    return nil, e
  end
  self.state, e = state.load(self.store)
  if not self.state then
    return nil, e
  end
  local instances = engine.saved_providers(self.store) -- what is no longer in the infra can still be deleted
  for name, provider in pairs(self.infra.provider_types or {}) do
    instances[name] = { provider = provider, config = self.infra.providers[name] }
  end
  self.providers = require("prov.provider").open(workspace, ctx.registry, self.infra.providers, instances)
  self.providers.lookup = function(address, path)
    local record, seen = self.state.records[address], self.providers.seen[address]
    if not record or seen == false then
      return nil
    end
    return state.at(record:shown(seen), path) or state.at(record:args(), path)
  end
  self.hosts = require("prov.hosts").open({
    workspace = workspace,
    registry = ctx.registry,
    state_of = function(address)
      local record = self.state.records[address]
      return record and record:state()
    end,
    servers = function()
      return self:servers()
    end,
  })
  self.pause = collector.rarely()
  return self
end

--- The provider that is meant when none is named: that of `defaults`, else the only one the infra has.
---@return string? name, prov.Err?
function Project:default_provider()
  local default = (self.infra.defaults or {}).provider
  local name = default and default.value or (self.workspace.defaults or {}).provider
  if name then
    return name
  elseif self.infra_error then
    return nil, self.infra_error
  end
  local names = data.keys(self.infra.providers or {})
  if #names ~= 1 then
    return err.fail("usage", "name a provider%s", names[1] and ": " .. table.concat(names, ", ") or "")
  end
  return names[1]
end

--- Addresses of the recorded servers, in order.
---@return string[]
function Project:servers()
  local list = {}
  for address, record in pairs(self.state.records) do
    if record.kind == "server" then
      list[#list + 1] = address
    end
  end
  table.sort(list)
  return list
end

--- The error of destroying what a state has while the infra protects something of it, or nil.
function Project:protected(now)
  for _, node in ipairs(self.infra.resources) do
    if node.lifecycle and node.lifecycle.prevent_destroy and now.records[node.address] then
      local at = node.origin or {}
      return err.new("denied", node.address .. " would be deleted, but its lifecycle says prevent_destroy", {
        file = at.file, line = at.line, column = at.column,
        hint = "take prevent_destroy out of the infra first",
      })
    end
  end
end

--- Makes a plan.
---@async
---@param opts? { refresh: boolean?, replace: string[]?, rotate: table?, destroy: boolean?, target: string[]? }
---@return prov.Plan?, prov.Err?
function Project:plan(opts)
  opts = opts or {}
  local replace = {}
  for _, address in ipairs(opts.replace or {}) do
    if not self.state.records[address] then
      return err.fail("notfound", "nothing at address '%s' to replace", address)
    end
    replace[address] = true
  end
  local infra = self.infra
  if opts.destroy then
    infra = { resources = {}, taskservs = {}, outputs = {}, providers = infra.providers }
  end
  local past, e = require("prov.plan.refactor").of(infra, self.state)
  if not past then
    return nil, e
  end
  local part = { infra = infra, state = past.state }
  if opts.target and #opts.target > 0 then
    part, e = require("prov.plan.target").select(infra, past.state, opts.target)
    if not part then
      return nil, e
    end
  end
  local kept = opts.destroy and self:protected(part.state)
  if kept then
    return nil, kept
  end
  local plan
  plan, e = require("prov.plan").build({
    infra = part.infra,
    state = part.state,
    providers = self.providers,
    registry = self.registry,
    hosts = not opts.destroy and self.hosts or nil,
    refresh = opts.refresh,
    replace = replace,
    rotate = opts.rotate,
    durations = engine.durations(self.store),
    target = opts.target,
    moves = past.moves,
    forget = past.forget,
  })
  local overdue = plan and not opts.destroy and not opts.rotate
    and require("prov.secrets.due").of(self.state, plan.refreshed, clock.wall() // 1000)
  for _, one in ipairs(overdue or {}) do
    self.ui.warn("the secret '%s' %s: prov secret rotate %s", one.name, one.note, one.name)
  end
  for _, name in ipairs(plan and require("prov.secrets.due").unset(plan) or {}) do
    self.ui.warn("nobody has set the secret '%s' yet: prov secret set %s", name, name)
  end
  return plan, e
end

--- Takes the workspace's lock, reads the state again when another process changed it until then,
-- and settles what an interrupted run left open. Records found before are stale.
---@async
---@param what string
---@param told? table<string, string|false> what a person says came of interrupted creations, by address: an id, or
--- false for nothing
---@return table? lock to close, prov.Err?
function Project:begin(what, told)
  local lock, e = locks.lock(self.store, what)
  if not lock then
    return nil, e
  end
  local handed_over
  local _ <close> = setmetatable({}, {
    __close = function() -- after an error, or cancelled while it waits
      if not handed_over then
        lock:close()
      end
    end,
  })
  local head, adopted
  head, e = self.store:head()
  if head and head ~= self.state.revision then
    self.state, e = state.load(self.store, head)
  end
  if not head or not self.state then
    return nil, e
  end
  adopted, e = engine.recover({
    store = self.store,
    providers = self.providers,
    lock = lock,
    state = self.state,
    told = told,
  })
  if not adopted then
    return nil, e
  end
  for _, one in ipairs(adopted) do
    self.ui.info("took over %s (%s), left by an interrupted run", one.address, one.id)
  end
  handed_over = true
  return lock
end

--- Closes the SSH sessions and the store.
function Project:close()
  self.pause:close()
  self.hosts:close()
end

Project.__close = Project.close

return M
