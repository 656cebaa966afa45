--- The plan: desired x recorded x observed -> steps, in an order the needs allow.
--
-- Building a plan changes nothing. A step is { id, address, kind, action, provider, name, needs,
-- changes, reason, args, node, record, estimate }; id is "<action> <address>"; needs are step ids.
-- Actions: create update delete of resources (a replace is a delete and a create that know each
-- other), install configure remove of taskservs.

local address_of = require("prov.address")
local checks = require("prov.plan.checks")
local data = require("core.data")
local diff = require("prov.plan.diff")
local err = require("prov.err")
local value = require("prov.value")

local M = {}

local NONE = data.list({}) -- shared, never changed

---@class prov.Plan
---@field revision integer state revision the plan was made from
---@field steps prov.Step[] in a valid order
---@field refreshed table<string, table> observed states that differ from the recorded ones
---@field restated table<string, table> arguments that hold already, though an older apply had others
---@field counts table<string, integer>
---@field outputs table<string, any> wanted outputs, references unresolved

local Builder = {}
Builder.__index = Builder

local function index_nodes(infra)
  local nodes, by_address, instances = {}, {}, {}
  for _, list in ipairs({ infra.resources, infra.taskservs }) do
    for i = 1, #list do
      local node = list[i]
      nodes[#nodes + 1] = node
      by_address[node.address] = node
      if node.key ~= nil then
        local base = address_of.base(node.address)
        instances[base] = instances[base] or {}
        table.insert(instances[base], node.address)
      end
    end
  end
  return nodes, by_address, instances
end

--- The addresses a node needs that are wanted, all instances in place of a base; not to be changed.
function Builder:needs_in(node)
  local needs, by_address = node.needs, self.by_address
  local at = 1
  while needs[at] and by_address[needs[at]] do
    at = at + 1
  end
  if not needs[at] then
    return needs -- as the infra gives them
  end
  local out = {}
  for _, address in ipairs(needs) do
    local instances = by_address[address] and { address } or self.instances[address] or {}
    table.move(instances, 1, #instances, #out + 1, out)
  end
  return out
end

--- The arguments of a wanted node, references resolved; those it depends on come before it.
function Builder:args_of(address)
  local node = self.by_address[address]
  return self.resolved[address] or node and #node.needs == 0 and node.args or nil
end

--- What is about to happen to a node: "create", "update", ... or nil.
function Builder:pending(address)
  local step = self.forward[address]
  return step and step.action
end

--- What a reference gives while planning: the value where it is known, else an unknown.
function Builder:lookup(address, path)
  if self.lookups.by_address[address] then
    return self.lookups:get(address, path, self.look)
  end
  local instances = self.instances[address]
  if not self.by_address[address] and instances then
    local list = {}
    for i, instance in ipairs(instances) do
      list[i] = self:lookup(instance, path)
    end
    return data.list(list)
  end
  local args = self:args_of(address)
  local head = path[1]
  if args and head ~= nil and args[head] ~= nil then
    return require("prov.state").at(args, path)
  end
  if self:pending(address) == "create" or self.rotate[address] and head ~= "id" then
    self.unknown[address] = self.unknown[address] or value.unknown("any", { address })
    return self.unknown[address]
  end
  local record, seen = self:record(address), self.observed and self.observed[address] or nil
  if not record then
    return value.unknown("any", { address })
  end
  local state = record:shown(seen)
  return require("prov.state").at(state, path)
end

function Builder:record(address)
  return self.state.records[address]
end

function Builder:resolve(node)
  if #node.needs == 0 and not self.lookups.list[1] then
    return node.args
  end
  local missing
  local resolved, wrong = value.resolve(node.args, function(address, path)
    local found = self:lookup(address, path)
    if found == nil and not missing then
      missing = ("%s has no value '%s'"):format(address, table.concat(path, "."))
    end
    return found
  end)
  if not resolved and not missing then
    local at = node.origin or {}
    wrong = wrong:wrap("%s: %s", node.address, tostring(wrong))
    wrong.file, wrong.line, wrong.column, wrong.cause = at.file, at.line, at.column, nil
    return nil, wrong
  elseif missing then
    local at = node.origin or {}
    return nil, err.new("invalid", node.address .. ": " .. missing, {
      file = at.file,
      line = at.line,
      column = at.column,
      hint = "run 'prov state show " .. address_of.base(node.address) .. "' for the values there are",
    })
  end
  return resolved
end

function Builder:add(step)
  step.id = step.action .. " " .. step.address
  self.steps[#self.steps + 1] = step
  self.counts[step.action] = (self.counts[step.action] or 0) + 1
  local durations = self.durations
  if durations and next(durations) then
    step.estimate = durations[("%s %s %s"):format(step.action, step.kind, step.provider or step.name or "")]
  end
  return step
end

--- Ids of the steps that must end before a step of this node may start.
function Builder:needs_of(node)
  local ids = {}
  for _, address in ipairs(self:needs_in(node)) do
    local step = self.forward[address]
    if step then
      ids[#ids + 1] = step.id
    end
  end
  return ids
end

--- All fields as changes from nothing. Instances of a count share their arguments and so these.
function Builder:whole(schema, args)
  if self.whole_args ~= args or self.whole_schema ~= schema then
    self.whole_args, self.whole_schema = args, schema
    self.whole_changes = diff.whole(schema, args)
  end
  return self.whole_changes
end

--- Decides what becomes of a resource: none, create, update or replace, and why.
function Builder:decide(node, args, record)
  local _, resource, e = self.providers:resource(node.provider, node.kind)
  if e then
    return nil, e
  end
  if not record then
    return "create", self:whole(resource.schema, args)
  end
  local observed = self.observed and self.observed[node.address]
  if observed == false then
    return "create", self:whole(resource.schema, args), "deleted outside prov"
  end
  if record.provider ~= node.provider then
    return "replace", diff.whole(resource.schema, args),
      ("moves from provider %s to %s"):format(record.provider, node.provider)
  end
  local changes = {}
  local same_world = observed == nil or rawequal(observed, rawget(record, "_state"))
  self.same_args = record.args_bytes == data.encode(args)
  if not (same_world and self.same_args) then
    changes = diff.fields(resource.schema, args, record:args(), observed or nil, observed and record:state())
  end
  if observed and observed.status == "stopped" and args.status == nil then
    changes[#changes + 1] = { path = "status", before = "stopped", after = "running", outside = true }
  end
  local trigger = node.triggers and self:triggered(node)
  if trigger then
    return "replace", changes, trigger
  elseif self.replace[node.address] then
    return "replace", changes, "asked for with --replace"
  elseif record.tainted then
    return "replace", changes, "its last creation did not end well"
  elseif observed and observed.incomplete then
    return "replace", changes, tostring(observed.incomplete)
  elseif self.rotate[node.address] then
    local hidden = value.secret("")
    changes[#changes + 1] = { path = "value", before = hidden, after = hidden, secret = true }
    return "update", changes, "rotated"
  end
  return self:weigh(changes)
end

--- Why a node is made anew when something else changes, or nil.
function Builder:triggered(node)
  for _, trigger in ipairs(node.triggers or {}) do
    local step = self.forward[trigger.address]
    local hit = step and (step.action == "create" or not trigger.field)
    for _, change in ipairs(step and not hit and step.changes or {}) do
      hit = hit or change.path:match("^[^.%[]+") == trigger.field
    end
    if hit then
      return ("%s%s changes"):format(trigger.address, trigger.field and "." .. trigger.field or "")
    end
  end
end

--- The node with what its lifecycle ignores as it is in the world; the node itself when that is nothing.
function Builder:ignoring(node, record)
  local names = record and node.lifecycle and node.lifecycle.ignore_changes
  local observed = self.observed and self.observed[node.address]
  if not names or observed == false or record.provider ~= node.provider then
    return node
  end
  local _, resource = self.providers:resource(node.provider, node.kind)
  local args = resource and require("prov.plan.ignore").args(node.args, names, resource.schema, record:args(), observed)
    or node.args
  if args == node.args then
    return node
  end
  local out = { origin = node.origin }
  for name, v in next, node do
    out[name] = v
  end
  out.args = args
  return setmetatable(out, getmetatable(node))
end

--- Turns field changes into an action.
function Builder:weigh(changes)
  if #changes == 0 then
    return "none", changes
  end
  local why, outside = {}, false
  for _, change in ipairs(changes) do
    outside = outside or change.outside
    if change.replace then
      why[#why + 1] = change.path
    end
  end
  if #why > 0 then
    return "replace", changes, table.concat(why, ", ") .. " cannot change in place"
  end
  return "update", changes, outside and "changed outside prov" or nil
end

function Builder:guard(node, record, what)
  local lifecycle = node and node.lifecycle
  if lifecycle and lifecycle.prevent_destroy then
    local at = node.origin or {}
    local msg = ("%s would be %s, but its lifecycle says prevent_destroy"):format(record.address, what)
    return nil, err.new("denied", msg, {
      file = at.file,
      line = at.line,
      column = at.column,
      hint = "take prevent_destroy out of the infra first",
    })
  end
  return true
end

--- The record of a resource that exists already: read from its provider, unless it was imported before.
function Builder:import(node, args, record, import)
  local function fail(code, hint, fmt, ...)
    local at = import.origin
    return nil, err.new(code, fmt:format(...), { file = at.file, line = at.line, column = at.column, hint = hint })
  end
  if record then
    if record.id == import.id then
      return record
    end
    return fail("conflict", "take the import out, or 'prov state rm' what is there",
      "%s cannot be imported as %s: it is %s already", import.id, node.address, tostring(record.id))
  end
  for address, other in pairs(self.state.records) do
    if other.id == import.id and other.provider == node.provider and other.kind == node.kind then
      return fail("conflict", ("moved: { from: %s, to: %s } gives it another address"):format(address, node.address),
        "%s is %s already", import.id, address)
    end
  end
  local want = {}
  for name, v in pairs(args) do
    want[name] = not value.has_unknown(v) and v or nil
  end
  local observed, e = self.providers:call(node.provider, node.kind, "read", {
    address = node.address,
    recorded = { id = import.id },
    want = value.reveal(want), -- a provider may tell a thing in the words of what is wanted
  }, import.id)
  if observed == nil and e then
    return nil, e:wrap("import %s (%s)", node.address, import.id)
  elseif not observed and import.optional then
    return nil
  elseif not observed then
    return fail("notfound", nil, "the provider '%s' has no %s with the id %s", node.provider, node.kind, import.id)
  end
  local known = {}
  for name, v in pairs(args) do -- what the provider does not tell is believed, and what the infra does not say is left
    known[name] = v
    if observed[name] ~= nil then
      known[name] = observed[name]
    end
  end
  record = require("prov.state").record({
    address = node.address,
    kind = node.kind,
    provider = node.provider,
    id = observed.id or import.id,
    needs = self:needs_in(node),
    args = known,
    state = observed,
  })
  self.state.records[node.address] = record
  self.imported[#self.imported + 1] = record
  return record
end

--- The arguments of a node, kept for those that refer to it.
function Builder:complete(node)
  local args, e = self:resolve(node)
  if args ~= self.by_address[node.address].args then
    self.resolved[node.address] = args
  end
  return args, e
end

function Builder:plan_resource(node)
  local record = self:record(node.address)
  local as_written = node
  node = self:ignoring(node, record)
  local args, e = self:complete(node)
  if not args then
    return nil, e
  end
  local import = self.imports[node.address]
  if import then
    record, e = self:import(node, args, record, import)
    if not record and e then
      return nil, e
    end
  end
  if node.conditions then
    local ok
    ok, e = checks.of_node(node, "pre", function(address, path)
      return self:lookup(address, path)
    end)
    if not ok then
      return nil, e
    end
  end
  local action, changes, reason = self:decide(node, args, record)
  if action == "replace" and node ~= as_written then -- nothing of the old one stays
    node = as_written
    args, e = self:complete(node)
    if not args then
      return nil, e
    end
    action, changes, reason = self:decide(node, args, record)
  end
  if not action then
    return nil, changes
  end
  local observed = self.observed and self.observed[node.address]
  if action == "none" then
    if not (self.same_args or node.lifecycle and node.lifecycle.ignore_changes or value.has_unknown(args)) then
      self.restated[node.address] = args -- a killed update took effect: what it wanted is what there is
      self.refreshed[node.address] = observed or record:state()
    elseif observed and not rawequal(observed, rawget(record, "_state"))
      and data.encode(observed) ~= record.state_bytes then
      self.refreshed[node.address] = observed
    end
    return true
  end
  local step = {
    address = node.address,
    kind = node.kind,
    provider = node.provider,
    action = action == "replace" and "create" or action,
    changes = changes,
    node = node,
    id = false, -- eight fields take half the memory of nine
    needs = NONE,
  }
  step.reason, step.record = reason, record
  if action == "replace" then
    local ok, denied = self:guard(node, record, "replaced")
    if not ok then
      return nil, denied
    end
    local deposed = self.first[node.address] and M.deposed(record) or nil
    local old = self:add({
      address = deposed or node.address,
      kind = node.kind,
      provider = record.provider,
      action = "delete",
      changes = {},
      reason = reason,
      record = record,
      node = node,
      replaces = true,
    })
    self.backward[node.address] = old
    step.replaces, step.deposes, old.deposed = old, deposed, deposed ~= nil or nil
    self.counts.replace = (self.counts.replace or 0) + 1
  end
  self.forward[node.address] = self:add(step)
  return true
end

function Builder:plan_taskserv(node)
  local args, e = self:resolve(node)
  if not args then
    return nil, e
  end
  self.resolved[node.address] = args
  local record = self:record(node.address)
  local server = self:pending(node.server)
  local action, reason
  local changes = {}
  local declaration = self.registry:get("taskserv", node.name)
  if not record or server == "create" then
    action, changes = "install", diff.whole(declaration.schema, args)
    reason = record and server == "create" and "its server is new" or nil
  elseif record.tainted then
    action, changes, reason = "configure", {}, "its last installation did not end well"
  elseif record.args_bytes ~= data.encode(args) then
    changes = diff.fields(declaration.schema or {}, args, record:args())
    action = #changes > 0 and "configure" or nil
  end
  local step = {
    address = node.address,
    kind = "taskserv",
    name = node.name,
    action = action,
    changes = changes,
    reason = reason,
    args = args,
    node = node,
    record = record,
  }
  if action then
    self.forward[node.address] = self:add(step)
  else
    self.settled[#self.settled + 1] = step
  end
  return true
end

--- Adds configure steps for taskservs whose hosts are no longer as prov left them.
function Builder:plan_drift(hosts)
  if not hosts then
    return true
  end
  local asked = {}
  for _, step in ipairs(self.settled) do
    local seen = self.observed and self.observed[step.node.server]
    if seen ~= false and not self:pending(step.node.server) and not (seen and seen.status == "stopped") then
      asked[#asked + 1] = { address = step.address, name = step.name, server = step.node.server, args = step.args }
    end
  end
  local drifted, e = require("prov.plan.refresh").taskservs(hosts, asked)
  if not drifted then
    return nil, e
  end
  for _, step in ipairs(self.settled) do
    local report = drifted[step.address]
    local stopped = self:pending(step.node.server) == "update"
    if report or stopped then
      step.action = "configure"
      step.reason = report and (report.reason or "changed on the host") or "its server starts again"
      step.drift = report and report.ops or nil
      self.forward[step.address] = self:add(step)
    end
  end
  return true
end

--- Steps for what is recorded and no longer wanted, dependents first.
function Builder:plan_removals()
  local gone = {}
  for address, record in pairs(self.state.records) do
    if not self.by_address[address] then
      gone[#gone + 1] = record
    end
  end
  table.sort(gone, function(a, b)
    return a.address < b.address
  end)
  for _, record in ipairs(gone) do
    local server = record.kind == "taskserv" and record.address:match("@(.*)$")
    local step = {
      address = record.address,
      kind = record.kind,
      provider = record.provider,
      name = record.kind == "taskserv" and record.address:match("^taskserv%.(.-)@") or nil,
      action = record.kind == "taskserv" and "remove" or "delete",
      changes = {},
      record = record,
    }
    local server_record = server and self:record(server)
    local server_goes = server
      and (not server_record or not self.by_address[server] or self:pending(server) == "create")
    if server_goes then
      self.dropped[#self.dropped + 1] = record -- it goes with its server
    elseif self.observed and self.observed[record.address] == false then
      self.forgotten[#self.forgotten + 1] = record -- it is gone already
    else
      self.backward[record.address] = self:add(step)
    end
  end
  return true
end

--- Sets the needs of every step, now that all steps are known.
function Builder:connect()
  for _, step in ipairs(self.steps) do
    local node = self.forward[step.address] == step and step.node
    if node and (#node.needs > 0 or step.replaces) then
      step.needs = self:needs_of(node)
      if step.replaces and not step.deposes then
        step.needs[#step.needs + 1] = step.replaces.id
      end
    elseif not node then
      step.needs = {}
    end
  end
  self:order_removals()
end

--- The addresses whose replacement comes first: those that say so, and what they need.
function Builder:create_first()
  local queue, first = {}, {}
  for _, node in ipairs(self.nodes) do
    if node.lifecycle and node.lifecycle.create_before_destroy then
      queue[#queue + 1] = node
    end
  end
  while queue[1] do
    local node = table.remove(queue)
    if not first[node.address] then
      first[node.address] = true
      for _, address in ipairs(self:needs_in(node)) do
        queue[#queue + 1] = self.by_address[address]
      end
    end
  end
  return first
end

--- A delete waits for every step of what depended on it. The delete half of a replace waits only
--- for deletes: the updates of its dependents need the new one first.
function Builder:order_removals()
  for address, record in pairs(self.state.records) do
    for _, need in ipairs(record.needs) do
      local removal = self.backward[need]
      if removal then
        local mine = self.backward[address]
        if mine and mine ~= removal then
          removal.needs[#removal.needs + 1] = mine.id
        end
        local forward = self.forward[address]
        if forward and (not removal.replaces or removal.deposed) then
          removal.needs[#removal.needs + 1] = forward.id
        end
      end
    end
  end
  for address, removal in pairs(self.backward) do -- what was to go when its replacement is there
    local base = removal.deposed and address or address:match("^(.-)~%w*$")
    if base and self.forward[base] then
      removal.needs[#removal.needs + 1] = self.forward[base].id
    end
  end
  for _, step in ipairs(self.steps) do
    if #step.needs > 1 then
      table.sort(step.needs)
    end
  end
end

--- Asks what is known before the run: postconditions of what does not change, and the checks.
function Builder:ask_checks(infra)
  local function lookup(address, path)
    return self:lookup(address, path)
  end
  for _, node in ipairs(self.nodes) do
    if node.conditions and not self.forward[node.address] then
      local ok, e = checks.of_node(node, "post", lookup)
      if not ok then
        return nil, e
      end
    end
  end
  local rows = checks.all(infra.checks, lookup)
  for i, row in ipairs(rows) do
    if row.status == "failed" and row.severity == "error" then
      return nil, checks.error(infra.checks[i], "check " .. row.name, row.message)
    end
  end
  return rows
end

--- Takes over what the infra imports and looks up.
function Builder:prepare(input)
  for _, one in ipairs(input.infra.past and input.infra.past.import or {}) do
    self.imports[one.to] = one
  end
  if next(self.imports) then -- what is imported is recorded by the apply, not by the plan
    local records = {}
    for address, record in pairs(self.state.records) do
      records[address] = record
    end
    self.state = require("prov.state").of(records, self.state.revision)
  end
  self.lookups = require("prov.plan.lookups").open(input.infra.lookups, input.providers)
  self.look = function(address, path)
    return self:lookup(address, path)
  end
end

--- Plans every node, those first that others need.
function Builder:plan_nodes(order)
  if self.lookups.list[1] then
    local read, e = self.lookups:read_all(function(address, path)
      local waits = self.by_address[address] or self.instances[address]
      return not waits and self:lookup(address, path) or nil -- what is planned is asked when it is
    end)
    if not read then
      return nil, e
    end
  end
  for i = 1, #order do
    local node = self.nodes[order[i]]
    local ok, e
    if node.server then
      ok, e = self:plan_taskserv(node)
    else
      ok, e = self:plan_resource(node)
    end
    if not ok then
      return nil, e
    end
  end
  return true
end

---@class prov.PlanInput
---@field infra table see docs/INTERFACES.md
---@field state prov.State
---@field providers prov.Providers
---@field registry prov.Registry
---@field hosts? prov.Hosts checks taskservs on the hosts; nil skips that
---@field refresh? boolean default true: read the world first
---@field replace? table<string, boolean> addresses to rebuild
---@field rotate? table<string, boolean> addresses of secrets that get a new value
---@field target? string[] what the plan was confined to, for those who show it
---@field durations? table<string, integer> past milliseconds by "action kind provider"
---@field moves? { from: string, to: string }[] made in `state` already
---@field forget? string[] left out of `state` already

--- Builds the plan.
---@async
---@param input prov.PlanInput
---@return prov.Plan?, prov.Err?
function M.build(input)
  local b = setmetatable({
    state = input.state,
    providers = input.providers,
    registry = input.registry,
    replace = input.replace or {},
    rotate = input.rotate or {},
    durations = input.durations,
    steps = {},
    counts = {},
    forward = {},
    backward = {},
    resolved = {},
    unknown = {},
    refreshed = {},
    restated = {},
    settled = {},
    dropped = {},
    forgotten = {},
    imports = {},
    imported = {},
  }, Builder)
  b:prepare(input)
  b.nodes, b.by_address, b.instances = index_nodes(input.infra)
  local order, e = require("prov.plan.cycle").order(b.nodes, function(node)
    return b:needs_in(node)
  end, input.infra.providers)
  if not order then
    return nil, e
  end
  b.first = b:create_first()
  if input.refresh ~= false and next(input.state.records) then
    b.observed, e = require("prov.plan.refresh").resources(input.providers, input.state)
    if not b.observed then
      return nil, e
    end
  end
  local ok
  ok, e = b:plan_nodes(order)
  if not ok then
    return nil, e
  end
  ok, e = b:plan_drift(input.refresh ~= false and input.hosts or nil)
  if ok then
    ok, e = b:plan_removals()
  end
  if not ok then
    return nil, e
  end
  b:connect()
  local asked
  asked, e = b:ask_checks(input.infra)
  if not asked then
    return nil, e
  end
  return {
    version = 1,
    revision = input.state.revision,
    steps = b.steps,
    counts = b.counts,
    refreshed = b.refreshed,
    restated = b.restated,
    dropped = b.dropped,
    forgotten = b.forgotten,
    outputs = input.infra.outputs or {},
    instances = b.instances,
    target = input.target,
    lookups = b.lookups.list,
    found = b.lookups.found,
    checks = input.infra.checks or {},
    asked = asked,
    moves = input.moves or {},
    forget = input.forget or {},
    imported = b.imported,
  }
end

--- The address of what is replaced while its replacement is there already: `server.web~9821c0bb`.
---@param record prov.Record
---@return string
function M.deposed(record)
  local mark = (record.key or record.id or ""):gsub("[^%w]", "")
  return ("%s~%s"):format(record.address, mark:sub(1, 8))
end

--- True when applying the plan would do nothing.
---@param plan prov.Plan
---@return boolean
function M.is_empty(plan)
  return #plan.steps == 0 and #plan.moves == 0 and #plan.forget == 0 and #plan.imported == 0
end

return M
