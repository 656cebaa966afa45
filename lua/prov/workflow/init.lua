--- Batch workflows: what the operations `workflow ...` do.

local check = require("prov.workflow.check")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local journal = require("prov.workflow.journal")
local locks = require("prov.engine.locks")
local report = require("prov.workflow.report")
local run = require("prov.workflow.run")
local settings = require("prov.settings")

local M = {}

--- Values of inputs out of what was given: a file below PROV_INPUT_<NAME> below single ones.
---@param tree table
---@param p { input: table<string, string>?, inputs: string|table|nil } inputs: a file, or the values themselves
---@return table? inputs
---@return prov.Err?
function M.inputs(tree, p)
  local yaml = require("prov.yaml")
  local out = {}
  if type(p.inputs) == "string" then
    local text, e = fs.read(p.inputs, { max = settings.workflow.inputs_size })
    if not text then
      return nil, e
    end
    local read, place = yaml.decode(text, { file = p.inputs })
    if err.is(place) then
      return nil, place
    elseif type(read) ~= "table" then
      return nil, err.new("invalid", "must hold a map of inputs", { file = p.inputs })
    end
    out = read
  end
  local function of_text(name, text)
    local field = tree.inputs[name]
    local kind = type(field) == "table" and field.type or field
    if kind == "string" or kind == "secret" then
      return text
    end
    local v, e = yaml.decode(text, { file = "input " .. name })
    if v == nil then
      error(e, 0)
    end
    return v
  end
  for name in pairs(tree.inputs) do
    local text = os.getenv("PROV_INPUT_" .. name:upper():gsub("-", "_"))
    if text then
      out[name] = of_text(name, text)
    end
  end
  for name, text in pairs(p.input or {}) do
    if type(text) == "string" then
      out[name] = of_text(name, text)
    else
      out[name] = text
    end
  end
  return out
end

--- Reads a workflow and checks all of it.
---@param ctx prov.Ctx
---@param p { name: string, input: table?, inputs: string? }
---@param partial? boolean inputs may be missing
---@return prov.flow.Graph?
---@return prov.Err?
function M.made(ctx, p, partial)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  local tree
  tree, e = ctx.registry:get("workflow", p.name)
  if not tree then
    return nil, e
  end
  local inputs
  inputs, e = M.inputs(tree, p)
  if not inputs then
    return nil, e
  end
  return check.run(tree, { owner = workspace.dir, registry = ctx.registry, inputs = inputs, partial = partial })
end

-- How many steps a person would count: a sub-workflow is those inside of it.
local function size_of(made)
  local n = 0
  for _, node in ipairs(made.nodes) do
    n = n + ((node.kind == "op" or node.kind == "gate") and 1 or 0)
  end
  return n
end

--- Checks one workflow, or all of them.
---@param ctx prov.Ctx
---@param p { name: string?, input: table?, inputs: string? }
---@return table[]? rows { name, status, steps, problem? }
---@return prov.Err?
function M.validate(ctx, p)
  local names = p.name and { p.name } or {}
  for i, one in ipairs(p.name and {} or ctx.registry:index("workflow")) do
    names[i] = one.name
  end
  local rows, errors = data.list({}), {}
  for i, name in ipairs(names) do
    local made, e = M.made(ctx, { name = name, input = p.input, inputs = p.inputs }, true)
    rows[i] = { name = name, status = made and "ok" or "failed", steps = made and size_of(made) or nil }
    for _, one in ipairs(e and err.list(e) or {}) do
      errors[#errors + 1] = one
    end
  end
  if #errors > 0 then
    return nil, #errors == 1 and errors[1] or errors
  end
  return rows
end

local function input_of(ctx, id)
  local workspace = assert(ctx:need_workspace())
  return { id = id, workspace = workspace, store = assert(workspace:store()), ui = ctx.ui, cancel = ctx.cancel,
    call = ctx.call }
end

local function shown(flow)
  flow.record.owner = locks.holder(flow.store, flow.id)
  flow.is_held = flow.record.owner ~= nil
  if flow.record.status == "running" and not flow.is_held then
    flow.record.status = "interrupted"
  end
  local value = report.run(flow)
  value.unknown = flow.unknown and data.list(flow.unknown) or nil
  return value
end

--- Checks a workflow, asks, and writes a new run down; nothing of it runs yet. A job (ctx.job) has one run,
--- which it finds again.
---@async
---@param ctx prov.Ctx
---@param p { name: string, input: table?, inputs: string|table|nil }
---@return string? id
---@return prov.Err?
function M.begin(ctx, p)
  local id = ctx.job and "flow-" .. ctx.job
  local store = id and assert(assert(ctx:need_workspace()):store())
  if id and store:get("flows", id) then -- the job was interrupted
    return id
  end
  local made, e = M.made(ctx, p)
  if not made then
    return nil, e
  end
  local ok
  ok, e = ctx.ui.confirm(("Run workflow '%s', %d steps?"):format(p.name, size_of(made)))
  if not ok then
    return nil, e
  end
  return journal.create(assert(ctx:need_workspace():store()), made, id)
end

--- Works on a run that was begun, until it ends or, detached, waits for a person.
---@async
---@param ctx prov.Ctx with `call` where the host of the run has its own (prov.workflow.call)
---@param id string
---@param opts { detach: boolean?, words: table? } as for prov.workflow.run
---@return table?, prov.Err?
function M.work(ctx, id, opts)
  local flow, e = run.work(input_of(ctx, id), opts)
  return flow and shown(flow), e
end

--- Begins a run and works on it.
---@async
---@param ctx prov.Ctx
---@param p { name: string, input: table?, inputs: string?, detach: boolean? }
---@return table?, prov.Err?
function M.run(ctx, p)
  local id, e = M.begin(ctx, p)
  if not id then
    return nil, e
  end
  ctx.ui.info("%s", id)
  return M.work(ctx, id, { detach = p.detach })
end

--- Goes on with a run.
---@async
---@param ctx prov.Ctx
---@param p { id: string, again: string[]?, skip: string[]?, detach: boolean? }
---@return table?, prov.Err?
function M.resume(ctx, p)
  local input = input_of(ctx, nil)
  local record, e = journal.find(input.store, p.id)
  if not record then
    return nil, e
  elseif record.status == "done" or record.status == "rolled_back" then
    return err.fail("conflict", "%s is %s: there is nothing to go on with", record.id,
      (record.status:gsub("_", " ")))
  end
  return M.work(ctx, record.id, { detach = p.detach, words = { again = p.again, skip = p.skip } })
end

--- How a run stands.
---@param ctx prov.Ctx
---@param id string
---@return table?, prov.Err?
function M.status(ctx, id)
  local input = input_of(ctx, nil)
  local record, e = journal.find(input.store, id)
  if not record then
    return nil, e
  end
  input.id = record.id
  local flow
  flow, e = run.open(input)
  return flow and shown(flow), e
end

--- Answers a step that waits for approval.
---@async
---@param ctx prov.Ctx
---@param p { id: string, step: string, deny: boolean?, message: string? }
---@return table?, prov.Err?
function M.approve(ctx, p)
  local input = input_of(ctx, nil)
  local record, e = journal.find(input.store, p.id)
  if not record then
    return nil, e
  end
  input.id = record.id
  local flow
  flow, e = run.open(input)
  if not flow then
    return nil, e
  end
  if not flow.graph.by_id[p.step] then
    return nil, require("prov.suggest").unknown("step", p.step, data.keys(flow.graph.by_id))
  end
  local s = flow.state.steps[p.step]
  if s.status ~= "waiting" or journal.asks(input.store, record.id)[p.step] then
    return err.fail("conflict", "step '%s' of %s does not wait for approval: %s", p.step, record.id,
      s.status == "waiting" and "it is answered already" or "it is " .. s.status)
  end
  local answer = p.deny and "denied" or "approved"
  local ok
  ok, e = journal.ask(input.store, record.id, p.step, {
    answer = answer, message = p.message, by = ctx.user or (clock.user()),
  })
  if not ok then
    return nil, e
  end
  local attended = locks.holder(input.store, record.id) ~= nil
  local hint = ("a run that nobody watches goes on with 'prov workflow resume %s'"):format(record.id)
  return { id = record.id, step = p.step, answer = answer, next = not attended and hint or nil }
end

--- Ends a run: no new steps; with `now` the running ones are cancelled too.
---@async
---@param ctx prov.Ctx
---@param p { id: string, now: boolean? }
---@return table?, prov.Err?
function M.cancel(ctx, p)
  local input = input_of(ctx, nil)
  local record, e = journal.find(input.store, p.id)
  if not record then
    return nil, e
  elseif record.status == "done" or record.status == "rolled_back" or record.status == "canceled" then
    return err.fail("conflict", "%s is %s already", record.id, (record.status:gsub("_", " ")))
  end
  local ok
  ok, e = journal.ask(input.store, record.id, "!cancel", { now = p.now, by = ctx.user })
  if not ok then
    return nil, e
  end
  if record.owner then
    return { id = record.id, status = "ending", owner = locks.shown_owner(record.owner) }
  end
  input.id, input.cancel = record.id, {}
  local flow
  flow, e = run.work(input, { detach = true })
  if not flow then
    return nil, e
  end
  return { id = record.id, status = flow.record.status }
end

--- The nodes of a workflow and what they need, for its drawing.
---@param ctx prov.Ctx
---@param p { name: string, input: table?, inputs: string? }
---@return table[]?, prov.Err?
function M.nodes(ctx, p)
  local made, e = M.made(ctx, p, true)
  return made and report.nodes(made), e
end

--- The runs of the workspace, newest first.
---@param ctx prov.Ctx
---@param limit integer
---@return table[]?, prov.Err?
function M.runs(ctx, limit)
  local list, e = journal.list(assert(assert(ctx:need_workspace()):store()), limit)
  for _, record in ipairs(list or {}) do
    record.started, record.ended = report.time(record.started), report.time(record.ended)
    record.at = nil
  end
  return list, e
end

--- What a workflow holds.
---@param ctx prov.Ctx
---@param name string
---@return table?, prov.Err?
function M.show(ctx, name)
  local tree, e = ctx.registry:get("workflow", name)
  return tree and report.workflow(tree), e
end

return M
