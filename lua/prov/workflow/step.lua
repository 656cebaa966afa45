--- Runs the operation of a step, or the one that undoes it: journal the intent, call, journal the outcome.

local async = require("prov.async")
local call_of = require("prov.workflow.call")
local check = require("prov.workflow.check")
local clock = require("prov.clock")
local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local expr = require("prov.workflow.expr")
local fs = require("prov.fs")
local json = require("prov.json")
local params_of = require("prov.params")
local ops = require("prov.ops")
local settings = require("prov.settings")
local value = require("prov.value")
local values = require("prov.workflow.values")
local where = require("prov.workflow.where")

local M = {}

local PHASES = {
  step = { intent = "intent", done = "done", failed = "failed" },
  undo = { intent = "undo", done = "undone", failed = "undo_failed" },
}

-- Codes that another attempt does not change.
local FINAL = { usage = true, invalid = true, denied = true, notfound = true, canceled = true, bug = true,
  unsupported = true, unknown = true }

local function fail_text(problem)
  return err.new("invalid", problem.msg, { hint = problem.hint })
end

--- The error of a value that says that something failed, or nil.
local function failure_of(op, result)
  local code = op.exit_code and result ~= nil and op.exit_code(result) or 0
  if code == 0 or code == 3 then -- 3: there are changes, which is an answer
    return nil
  end
  local text
  if type(result) == "table" then
    local first = type(result.failures) == "table" and result.failures[1]
    if first then
      text = ("%s: %s"):format(first.step or first.address or "a step", first.error or "failed")
      if #result.failures > 1 then
        text = text .. (" (and %d more)"):format(#result.failures - 1)
      end
      return err.new("failed", text, { hint = first.hint })
    end
    text = type(result.stderr) == "string" and result.stderr:match("([^\n]+)\n*$")
  end
  local status = type(result) == "table" and result.status == "interrupted" and "was interrupted"
    or ("ended with exit code %d"):format(code)
  return err.new(type(result) == "table" and result.status == "interrupted" and "canceled" or "failed",
    ("'%s' %s%s"):format(op.name, status, text and ": " .. text or ""))
end

-- Which workspace, which parameters: what must be known before the call.
local function prepare(flow, node, spec, own_workspace)
  local dir, e = where.of(flow.workspace.dir, node, own_workspace, function(scope, matrix)
    return values.lookup(flow, scope, matrix)
  end)
  if not dir then
    return nil, e or err.new("invalid", "the workspace is not known")
  end
  local op, message = check.operation(spec.run)
  if not op then
    return nil, err.new("notfound", message)
  end
  local own = { before = flow.state.steps[node.id].before }
  local params, bad = expr.fill(spec.with, values.lookup(flow, node.scope, node.matrix, own))
  if bad then
    return nil, fail_text(bad)
  end
  for name, v in pairs(params) do
    params[name] = v ~= value.null and v or nil
  end
  local done
  done, e = params_of.complete(op, value.reveal(params), true)
  if not done then
    local first = err.list(e)[1]
    if value.has_secret(params) then -- the message may show the value
      first = err.new("usage", ("%s does not fit, and is made of a secret"):format(first.path or "one of them"))
    end
    return nil, first:wrap("parameters of '%s'", spec.run)
  end
  return { op = op, params = done, dir = dir }
end

-- The text of an artifact: of a value, or of a file in the step's workspace.
local function content_of(v, dir)
  if type(v) == "table" and not value.is_marked(v) and type(v.file) == "string" and next(v, next(v)) == nil then
    local path, e = fs.realpath(dir .. "/" .. v.file)
    if path and path:sub(1, #dir + 1) ~= dir .. "/" then
      return err.fail("denied", "%s is not in the workspace of the step", v.file)
    end
    if not path then
      return nil, e
    end
    return fs.read(path, { max = settings.workflow.artifact })
  end
  v = value.reveal(v)
  return type(v) == "string" and v or json.encode(v, { pretty = true }) .. "\n"
end

local function keep_artifacts(flow, node, filled, dir)
  local paths
  for _, name in ipairs(data.keys(filled)) do
    local text, e = content_of(filled[name], dir)
    if text and #text > settings.workflow.artifact then
      e = err.new("limit", ("it has %d bytes; %d are the most"):format(#text, settings.workflow.artifact))
    end
    local folder = ("%s/flows/%s/%d-%s"):format(flow.workspace.state_dir, flow.id, node.number,
      (node.id:gsub("[^%w._-]", "_")))
    local ok = not e
    if ok then
      ok, e = fs.mkdirp(folder, 448)
    end
    if ok then
      ok, e = fs.write_atomic(folder .. "/" .. name, text, { mode = 384 })
    end
    if not ok then
      return nil, e:wrap("keep the artifact '%s'", name)
    end
    paths = paths or {}
    paths[name] = folder .. "/" .. name
  end
  return paths or {}
end

-- What a step leaves for others: outputs and artifacts.
local function leave(flow, node, result, dir)
  local lookup = values.lookup(flow, node.scope, node.matrix, { result = result })
  local outputs, bad = expr.fill(node.step.outputs, lookup)
  if bad then
    return nil, nil, fail_text(bad):wrap("outputs")
  end
  local ok, bytes = pcall(data.encode, outputs)
  if not ok or not bytes then
    return nil, nil, err.new("invalid", "outputs hold something that is no data: " .. tostring(bytes))
  elseif #bytes > settings.workflow.outputs then
    local most = settings.workflow.outputs
    return nil, nil, err.new("limit", ("outputs have %d bytes; %d are the most"):format(#bytes, most), {
      hint = "hand large values on as an artifact",
    })
  end
  local filled
  filled, bad = expr.fill(node.step.artifacts, lookup)
  if bad then
    return nil, nil, fail_text(bad):wrap("artifacts")
  end
  local artifacts, e = keep_artifacts(flow, node, filled, dir)
  return outputs, artifacts, e
end

local function worth_another(retries, e)
  if not (retries and retries.on) then
    return not FINAL[e.code]
  end
  for _, code in ipairs(retries.on) do
    if code == e.code then
      return true
    end
  end
  return false
end

-- How the workspace was before the step first began, where undoing it needs that.
local function before(flow, node, ready)
  local s, needed = flow.state.steps[node.id], false
  expr.scan(node.step.compensate and node.step.compensate.with, function(ref)
    needed = needed or ref.head == "before"
  end, function() end)
  if not needed or s.before then
    return s.before or {}
  end
  local status, e = flow.call("status", {}, {
    workspace = ready.dir, yes = true, cancel = {}, on_event = function() end,
  })
  return status and { revision = status.revision }, e
end

-- One attempt: the value of the operation, or its error; nil alone when the run was told to end at once.
local function attempt(flow, node, spec, ready)
  local result, e = call_of.bounded(function(cancel)
    return flow.call(spec.run, ready.params, {
      workspace = ready.dir,
      yes = true,
      cancel = cancel,
      on_event = function(event)
        flow.progress:event(node.id, spec == node.step and "run" or "undo", { title = event.text })
      end,
    })
  end, spec.timeout, function(task, cancel)
    flow.running[node] = { task = task, cancel = cancel }
  end)
  flow.running[node] = nil
  if result == nil and e == nil then
    result = true
  end
  e = e and err.list(e)[1] or failure_of(ready.op, result)
  if e and flow.cancel.killed then
    return nil
  end
  return result, e
end

local function again_of(node, spec)
  if spec == node.step and spec.again ~= nil then
    return spec.again
  end
  local op = check.operation(spec.run)
  return op ~= nil and ops.again(op, spec.with)
end

M.again_of = again_of

--- Runs the operation of a node, or with `spec` the one that undoes it. What it did is in the journal.
---@async
---@param flow prov.flow.Run
---@param node prov.flow.Node
---@param spec? table `compensate` of the step
---@return "done"|"failed"|"left"|"unbegun" ending left: the run was told to end at once; unbegun: while it waited
---  for its workspace something happened after which it may not begin
function M.run(flow, node, spec)
  local phases = spec and PHASES.undo or PHASES.step
  local undo = spec ~= nil
  spec = spec or node.step
  local ready, e = prepare(flow, node, spec, undo and spec.workspace or nil)
  local ending = "failed"
  local _ <close> = ready and flow:place(ready)
  if not undo and not flow:may_begin(node) then
    return "unbegun"
  end
  flow.progress:start(node.id, undo and "undo" or "run")
  local started = clock.monotonic()
  local found = {}
  if ready and not undo then
    found, e = before(flow, node, ready)
  end
  if ready and found then
    local retries = spec.retries
    for n = 1, retries and retries.attempts or 1 do
      if n > 1 then
        flow.ui.info("%s: attempt %d of %d, for: %s", node.id, n, retries.attempts, tostring(e))
        async.sleep(math.floor(retries.delay * 1000))
      end
      if flow.cancel.requested and n > 1 then
        break
      end
      flow:note(node.id, phases.intent, { attempt = n, before = n == 1 and next(found) and found or nil })
      local result
      result, e = attempt(flow, node, spec, ready)
      if result == nil and e == nil then
        return "left"
      end
      if not e then
        local outputs, artifacts
        if not undo then
          outputs, artifacts, e = leave(flow, node, result, ready.dir)
        end
        if not e then
          flow:note(node.id, phases.done, {
            outputs = outputs, artifacts = artifacts, ms = math.floor(clock.monotonic() - started),
          })
          ending = "done"
        end
        break
      elseif not worth_another(retries, e) or e.code == "timeout" and not again_of(node, spec) then
        break
      end
    end
  end
  if ending == "failed" then
    flow:note(node.id, phases.failed, {
      error = tostring(e), code = e.code, ms = math.floor(clock.monotonic() - started),
    })
    if not undo then
      flow:consider(node) -- before the next may have the workspace
    end
    flow.progress:fail(node.id, undo and "undo" or "run", err.plain(e))
  else
    flow.progress:done(node.id, undo and "undo" or "run", { ms = math.floor(clock.monotonic() - started) })
  end
  return ending
end

--- The inputs that the step of a sub-workflow gives it.
---@param flow prov.flow.Run
---@param node prov.flow.Node of kind "begin"
---@return table? inputs
---@return prov.Err?
function M.inputs(flow, node)
  local given, bad = expr.fill(node.step.with, values.lookup(flow, node.scope, node.matrix))
  if bad then
    return nil, fail_text(bad)
  end
  for name, v in pairs(given) do
    given[name] = v ~= value.null and v or nil
  end
  local inputs, errs = contract.compile(node.inner.tree.inputs):complete(given)
  return inputs, errs and errs[1]
end

return M
