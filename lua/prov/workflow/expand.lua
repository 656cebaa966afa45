--- Turns the tree of a workflow into nodes: one for each instance of a step, with its edges.
--
-- A node runs an operation, or is the begin or the end of a sub-workflow, whose steps lie between them;
-- a step with neither operation nor workflow is a gate. Names in `${...}` and conditions are checked here.
-- Only what is known when a run begins decides how many nodes there are, so that a resumed run has the
-- same ones.

local contract = require("prov.contract")
local data = require("core.data")
local expr = require("prov.workflow.expr")
local graph = require("core.graph")
local matrix_of = require("prov.workflow.matrix")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

---@class prov.flow.Node
---@field id string "deploy[fi-hel1,small]", "site/deploy"; the end of a sub-workflow is "site/(end)"
---@field kind "op"|"gate"|"begin"|"end"
---@field step table
---@field scope prov.flow.Scope where its names are looked up
---@field inner? prov.flow.Scope of the begin and the end of a sub-workflow
---@field matrix? table
---@field needs prov.flow.Node[]
---@field at { source: table?, path: any[] }
---@field when? table the read condition

---@class prov.flow.Scope
---@field tree table
---@field prefix string
---@field members table<string, { step: table, nodes: prov.flow.Node[], by_label: table, outputs: table }>
---@field begin? prov.flow.Node
---@field above? prov.flow.Scope of a sub-workflow: where its step stands
---@field main? prov.flow.Scope of a hook: the steps of the workflow
---@field known table inputs as far as they are known
---@field step? table the step that runs this sub-workflow

---@class prov.flow.Graph
---@field nodes prov.flow.Node[] of the workflow itself
---@field hooks table<string, prov.flow.Node[]>
---@field by_id table<string, prov.flow.Node>
---@field top prov.flow.Scope
---@field trees table<string, table> every workflow that takes part, by name

local Builder = {}
Builder.__index = Builder

local FIELDS = { "outputs", "status", "error", "artifacts" }
local RESERVED = { on_success = true, on_failure = true, always = true }

-- The column of a position inside of a text that begins at line and column.
local function exact(source, line, column, text, at)
  local row = 0
  for one in (source.text or ""):gmatch("([^\n]*)\n?") do
    row = row + 1
    if row == line then
      local found = one:find(text, column or 1, true)
      return found and found + at - 1 or column
    end
  end
  return column
end

--- Notes an error at a path of a workflow's file; `text` and `at` say where in a text there.
function Builder:refuse(at, below, msg, hint, text, offset)
  local path = table.move(below, 1, #below, #at.path + 1, table.move(at.path, 1, #at.path, 1, {}))
  local e = contract.errors({ { path = path, msg = msg, hint = hint } }, at.source)[1]
  if e.line and text and offset and not text:find("\n", 1, true) then
    e.column = exact(at.source, e.line, e.column, text, offset)
  end
  local key = e:text()
  if not self.seen[key] and #self.errors < 50 then
    self.seen[key] = true
    self.errors[#self.errors + 1] = e
  end
end

local function keys(t)
  local out = {}
  for key in pairs(t) do
    out[#out + 1] = key
  end
  table.sort(out)
  return out
end

--- A step by its name: of the same list, in a hook also of the workflow.
---@param scope prov.flow.Scope
---@param name string
function M.member(scope, name)
  return scope.members[name] or scope.main and scope.main.members[name]
end

local function names_in(scope)
  local names = keys(scope.members)
  for name in pairs(scope.main and scope.main.members or {}) do
    names[#names + 1] = name
  end
  return names
end

--- What follows `steps.NAME`: a label or index of one instance, and the rest.
---@param member table
---@param path (string|integer)[]
---@return string|integer|nil label
---@return (string|integer)[] rest
function M.selection(member, path)
  local second = path[2]
  local is_field = second == nil
  for _, field in ipairs(FIELDS) do
    is_field = is_field or field == second
  end
  if member.step.matrix and not is_field then
    return second, table.move(path, 3, #path, 1, {})
  end
  return nil, table.move(path, 2, #path, 1, {})
end

-- What is wrong with `steps.x...`, or nil: message and hint.
local function step_problem(member, ref)
  local label, rest = M.selection(member, ref.path)
  if label ~= nil and not member.partial then
    local one = member.by_label[label] or member.nodes[math.type(label) == "integer" and label or 0]
    if not one then
      return ("step '%s' has no instance '%s'"):format(ref.path[1], tostring(label)),
        suggest.hint(tostring(label), keys(member.by_label))
    end
  end
  local field = rest[1]
  if field ~= "outputs" and field ~= "artifacts" then
    for _, known in ipairs(FIELDS) do
      if field == known then
        return nil
      end
    end
    return field == nil and ("'%s' says nothing of the step"):format(ref.text)
      or ("a step has no '%s'"):format(tostring(field)),
      suggest.hint(tostring(field), FIELDS) or "write steps." .. ref.path[1] .. ".outputs.NAME, .artifacts.NAME, "
        .. ".status or .error"
  end
  local known = field == "outputs" and member.outputs or member.step.artifacts or {}
  if rest[2] ~= nil and known[rest[2]] == nil then
    return ("step '%s' declares no %s '%s'"):format(ref.path[1], field:sub(1, -2), tostring(rest[2])),
      suggest.hint(tostring(rest[2]), keys(known)) or (field == "outputs" and not member.step.workflow
        and ('give it one: outputs = { %s = "${result...}" }'):format(tostring(rest[2])) or nil)
  end
end

local RUN = { "id", "workflow", "workspace", "status", "error" }

--- Checks one path; returns the member it makes an edge to.
function Builder:path(scope, node, ref, allowed)
  local first, known, what = ref.path[1], nil, nil
  if ref.head == "steps" then
    local member = M.member(scope, first)
    if not member then
      return nil, ("there is no step '%s'"):format(first), suggest.hint(first, names_in(scope))
    end
    local msg, hint = step_problem(member, ref)
    return not msg and member or nil, msg, hint
  elseif ref.head == "inputs" then
    known, what = scope.tree.inputs, "input"
  elseif ref.head == "matrix" then
    known, what = node and node.matrix or {}, "axis of a matrix"
  elseif ref.head == "run" then
    known, what = {}, "value of the run"
    for _, name in ipairs(RUN) do
      known[name] = true
    end
  elseif not (allowed and allowed[ref.head]) then
    return nil, ref.head == "result" and "'result' is only known in the outputs and artifacts of a step"
      or "'before' is only known in the compensate of a step"
  elseif ref.head == "before" then
    known, what = { revision = true }, "value of before"
  end
  if known and first == nil then
    return nil, ("'%s' needs a name behind it"):format(ref.head)
  elseif known and known[first] == nil then
    return nil, ("there is no %s '%s'"):format(what, tostring(first)), suggest.hint(tostring(first), keys(known))
  end
end

-- Collects the members that a value of a node refers to, and checks all names in it.
function Builder:scan(scope, node, at, below, v, edges, allowed)
  local function wrong(bad, path, text)
    local full = table.move(path, 1, #path, #below + 1, table.move(below, 1, #below, 1, {}))
    self:refuse(at, full, bad.msg, bad.hint, text, bad.at)
  end
  expr.scan(v, function(ref, path, text)
    local member, msg, hint = self:path(scope, node, ref, allowed)
    if msg then
      wrong({ msg = msg, hint = hint, at = ref.at }, path, text)
    elseif member and edges then
      edges[#edges + 1] = member
    end
  end, wrong)
end

function Builder:condition(scope, node, at, text, edges)
  local read, bad = expr.condition(text)
  if not read then
    self:refuse(at, { "when" }, bad.msg, bad.hint, text, bad.at)
    return nil
  end
  expr.walk(read, function(one)
    local names = one.op == "call" and one.args or {}
    for _, arg in ipairs(names) do
      local member = M.member(scope, arg.name)
      if member then
        edges[#edges + 1] = member
      else
        self:refuse(at, { "when" }, ("there is no step '%s'"):format(arg.name),
          suggest.hint(arg.name, names_in(scope)), text, arg.at)
      end
    end
    if one.op == "path" then
      local member, msg, hint = self:path(scope, node, one)
      if msg then
        self:refuse(at, { "when" }, msg, hint, text, one.at)
      elseif member then
        edges[#edges + 1] = member
      end
    end
  end)
  return read
end

--- A lookup of what is known before anything runs; the rest is unknown.
---@param scope prov.flow.Scope
---@param matrix? table
function M.known(scope, matrix)
  return function(ref)
    local v = value.unknown("any")
    if ref.head == "inputs" then
      v = scope.known[ref.path[1]]
    elseif ref.head == "matrix" then
      v = matrix and matrix[ref.path[1]]
    else
      return v
    end
    for i = 2, #ref.path do
      if value.is_unknown(v) then
        return v
      end
      v = type(v) == "table" and v[ref.path[i]] or nil
    end
    return v
  end
end

-- The instances of a step: { { values, label } }, { {} } without a matrix.
function Builder:instances(scope, step, at)
  if not step.matrix then
    return { {} }
  end
  self:scan(scope, nil, at, { "matrix" }, step.matrix, nil)
  local filled, bad = expr.fill(step.matrix, M.known(scope))
  if not bad and value.has_unknown(filled) then
    if not self.partial then
      self:refuse(at, { "matrix" }, "is not known when the run begins: only inputs can stand here",
        "inputs of a sub-workflow that come from steps are known too late")
      return {}
    end
    local values = {}
    for name, v in pairs(step.matrix) do
      if name ~= "include" and name ~= "exclude" then
        values[name] = value.unknown("any")
      end
      for _, entry in ipairs(name == "include" and value.is_list(v) and v or {}) do
        for key in pairs(entry) do
          values[key] = value.unknown("any")
        end
      end
    end
    return { { values = values, label = "?", partial = true } }
  end
  local rows, path, message
  if not bad then
    rows, path, message = matrix_of.rows(filled)
  end
  if not rows then
    table.insert(path or {}, 1, "matrix")
    self:refuse(at, path or { "matrix" }, message or bad and bad.msg)
    return {}
  end
  return rows
end

function Builder:node(fields)
  fields.needs = {}
  if self.by_id[fields.id] then
    self:refuse(fields.at, { "name" }, ("there are two steps '%s'"):format(fields.id))
    return fields
  end
  self.by_id[fields.id] = fields
  self.count = self.count + 1
  fields.number = self.count
  self.into[#self.into + 1] = fields
  return fields
end

-- A step is one thing: an operation, a sub-workflow or, with `approve` alone, a gate.
function Builder:shape(step, at, in_hook)
  local say = function(field, msg, hint)
    self:refuse(at, { field }, msg, hint)
  end
  if step.run and step.workflow then
    say("workflow", "a step runs an operation or a workflow, not both")
  elseif not (step.run or step.workflow or step.approve) then
    self:refuse(at, {}, ("step '%s' does nothing: it needs run, workflow or approve"):format(step.name))
  end
  if RESERVED[step.name] then
    say("name", "this word means the hooks")
  end
  if step.max_parallel and not step.matrix then
    say("max_parallel", "means the instances of a matrix, and there is none", "the workflow itself has one too")
  end
  for _, field in ipairs({ "timeout", "retries", "again", "compensate" }) do
    if step[field] ~= nil and not step.run then
      say(field, "is for a step that runs an operation")
    end
  end
  for _, field in ipairs({ "outputs", "artifacts" }) do
    if next(step[field]) ~= nil and not step.run then
      say(field, step.workflow and "are those of the workflow it runs" or "come from an operation, and there is none")
    end
  end
  if in_hook and (step.workflow or step.approve or step.compensate) then
    self:refuse(at, {}, "a hook runs operations only")
  end
end

function Builder:sub(step, id, scope, at, row)
  local name = step.workflow
  for i, one in ipairs(self.stack) do
    if one == name then
      local circle = table.move(self.stack, i, #self.stack, 1, {})
      circle[#circle + 1] = name
      self:refuse(at, { "workflow" }, "the workflow runs itself: " .. table.concat(circle, " -> "))
      return nil
    end
  end
  if #self.stack >= settings.workflow.depth then
    self:refuse(at, { "workflow" }, ("workflows are nested deeper than %d"):format(settings.workflow.depth))
    return nil
  end
  local tree, e = self.load(name)
  if not tree then
    if e.file then
      self.errors[#self.errors + 1] = e
    else
      self:refuse(at, { "workflow" }, e.msg, e.hint)
    end
    return nil
  end
  self.trees[name] = tree
  local given = expr.fill(step.with, M.known(scope, row.values)) or {}
  local known, errs = contract.compile(tree.inputs):complete(given)
  for _, one in ipairs(errs or {}) do
    self:refuse(at, { "with" }, ("workflow '%s': %s"):format(name, one.msg), one.hint)
  end
  return { tree = tree, prefix = id .. "/", members = {}, above = scope, step = step, known = known or given }
end

function Builder:step(scope, step, at, in_hook)
  self:shape(step, at, in_hook)
  if scope.members[step.name] then
    self:refuse(at, { "name" }, ("there are two steps '%s'"):format(step.name))
    return
  end
  local member = { step = step, nodes = {}, by_label = {}, begins = {}, outputs = step.outputs }
  scope.members[step.name] = member
  for _, row in ipairs(self:instances(scope, step, at)) do
    if self.count > settings.workflow.steps then
      return self:refuse(at, {}, ("the workflow has more than %d steps"):format(settings.workflow.steps))
    end
    member.partial = member.partial or row.partial
    local id = scope.prefix .. step.name .. (row.label and "[" .. row.label .. "]" or "")
    local fields = { step = step, scope = scope, matrix = row.values, at = at, label = row.label, member = member }
    local begin, last
    if step.workflow then
      local inner = self:sub(step, id, scope, at, row)
      if inner then
        fields.id, fields.kind, fields.inner = id, "begin", inner
        begin = self:node(fields)
        inner.begin = begin
        self.stack[#self.stack + 1] = step.workflow
        local nodes = self:steps(inner, inner.tree.steps, inner.tree.source, { "steps" })
        self.stack[#self.stack] = nil
        last = self:node({
          id = id .. "/(end)", kind = "end", step = step, scope = scope, inner = inner, matrix = row.values, at = at,
          label = row.label, member = member,
        })
        inner.last = last
        member.outputs = inner.tree.outputs
        last.needs = table.move(nodes, 1, #nodes, 2, { begin })
        self:scan(inner, nil, { source = inner.tree.source, path = {} }, { "outputs" }, inner.tree.outputs)
      end
    else
      fields.id, fields.kind = id, step.run and "op" or "gate"
      begin = self:node(fields)
      last = begin
    end
    if last then
      member.nodes[#member.nodes + 1] = last
      member.begins[#member.begins + 1] = begin
      member.by_label[row.label or ""] = last
    end
  end
end

local function add_needs(node, members, seen)
  for _, member in ipairs(members) do
    if member ~= node.member and not seen[member] then
      seen[member] = true
      table.move(member.nodes, 1, #member.nodes, #node.needs + 1, node.needs)
    end
  end
end

-- The edges of a node, out of `needs` and of what it refers to.
function Builder:edges(scope, node)
  local step, at, members = node.step, node.at, {}
  for i, name in ipairs(step.needs) do
    local member = scope.members[name]
    if not member then
      self:refuse(at, { "needs", i }, ("there is no step '%s'"):format(name), suggest.hint(name, keys(scope.members)))
    elseif member.step == step then
      self:refuse(at, { "needs", i }, ("step '%s' needs itself"):format(name))
    else
      members[#members + 1] = member
    end
  end
  self:scan(scope, node, at, { "with" }, step.with, members)
  self:scan(scope, node, at, { "workspace" }, step.workspace, members)
  self:scan(scope, node, at, { "approve", "message" }, step.approve and step.approve.message, members)
  for _, field in ipairs({ "outputs", "artifacts" }) do
    self:scan(scope, node, at, { field }, step[field], members, { result = true })
  end
  for _, member in ipairs(members) do
    if member.step == step then
      self:refuse(at, {}, ("step '%s' refers to itself"):format(step.name))
    end
  end
  if step.compensate then
    self:scan(scope, node, at, { "compensate", "with" }, step.compensate.with, members, { before = true })
    self:scan(scope, node, at, { "compensate", "workspace" }, step.compensate.workspace, members)
  end
  node.when = step.when and self:condition(scope, node, at, step.when, members)
  local own = {}
  for _, member in ipairs(members) do -- a hook comes after all steps of the workflow
    own[#own + 1] = scope.members[member.step.name] == member and member or nil
  end
  add_needs(node, own, {})
  if scope.begin then
    node.needs[#node.needs + 1] = scope.begin
  end
end

--- The nodes of a list of steps; those of sub-workflows among them.
function Builder:steps(scope, list, source, path, in_hook)
  local before = #self.into
  for i, step in ipairs(list) do
    local at = { source = source, path = table.move(path, 1, #path, 1, {}) }
    at.path[#at.path + 1] = i
    self:step(scope, step, at, in_hook)
  end
  local own = {}
  for _, member in pairs(scope.members) do
    for _, node in ipairs(member.begins) do
      self:edges(scope, node)
    end
  end
  for i = before + 1, #self.into do
    own[#own + 1] = self.into[i].scope == scope and self.into[i] or nil
  end
  return own
end

-- The error of nodes that wait for each other, as a path.
function Builder:circle(nodes)
  local g = graph.new(math.max(1, #nodes))
  local index = {}
  for i, node in ipairs(nodes) do
    index[node] = i
  end
  for i, node in ipairs(nodes) do
    for _, need in ipairs(node.needs) do
      g:edge(index[need], i)
    end
  end
  local order, e = g:sort()
  if order then
    return
  end
  local names = {}
  local around = e.data and e.data.path or {}
  for i = #around, 1, -1 do
    names[#names + 1] = nodes[around[i]].id
  end
  local first = nodes[around[1]]
  self:refuse(first.at, {}, "steps wait for each other: " .. table.concat(names, " -> "))
end

local function check_notify(self, tree, top)
  for i, one in ipairs(tree.notify) do
    local at = { source = tree.source, path = { "notify", i } }
    for _, field in ipairs({ "url", "secret", "headers" }) do
      self:scan(top, nil, at, { field }, one[field])
    end
  end
end

--- Expands a workflow.
---@param tree table
---@param opts { inputs: table, partial: boolean?, load: fun(name: string): table?, prov.Err? }
---@return prov.flow.Graph? graph
---@return prov.Err[]? errors
function M.run(tree, opts)
  local top = { tree = tree, prefix = "", members = {}, known = opts.inputs }
  local self = setmetatable({
    errors = {}, seen = {}, by_id = {}, count = 0, stack = { tree.name }, trees = {}, into = {},
    load = opts.load, partial = opts.partial,
  }, Builder)
  self:steps(top, tree.steps, tree.source, { "steps" })
  local nodes, hooks = self.into, {}
  for _, phase in ipairs({ "on_success", "on_failure", "always" }) do
    self.into = {}
    local scope = { tree = tree, prefix = phase .. "/", members = {}, known = opts.inputs, main = top }
    self:steps(scope, tree.hooks[phase], tree.source, { "hooks", phase }, true)
    hooks[phase] = self.into
  end
  self:scan(top, nil, { source = tree.source, path = {} }, { "outputs" }, tree.outputs)
  self:scan(top, nil, { source = tree.source, path = {} }, { "workspace" }, tree.workspace)
  check_notify(self, tree, top)
  if #self.errors == 0 then
    self:circle(nodes)
    for _, list in pairs(hooks) do
      self:circle(list)
    end
  end
  if #self.errors > 0 then
    return nil, self.errors
  end
  return { nodes = data.list(nodes), hooks = hooks, by_id = self.by_id, top = top, trees = self.trees, tree = tree }
end

return M
