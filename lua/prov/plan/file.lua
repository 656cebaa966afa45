--- The saved form of a plan and its JSON projection.
--
-- A saved plan is JSON, version 1: { version, prov, workspace, revision, hash, counts, steps, body }.
-- steps is for people and tools (see M.project); body is the sealed canonical form that apply
-- executes, base64. hash is the SHA-256 of the canonical form: it binds the plan to the state
-- revision it was made from.

local base = require("core.base")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local value = require("prov.value")

local M = {}

local VERSION = 1

--- A value as plain JSON data: secrets and unknowns become what a person may see.
local function plain(v)
  if value.is_secret(v) then
    return "(secret)"
  elseif value.is_unknown(v) then
    return "(known after apply)"
  elseif value.is_marked(v) then
    return value.has_unknown(v) and "(known after apply)" or tostring(v)
  elseif type(v) == "table" then
    local out = {}
    for k, item in pairs(v) do
      out[k] = plain(item)
    end
    return setmetatable(out, getmetatable(v))
  end
  return v
end

M.plain = plain

local function plain_changes(changes)
  local out = data.list({})
  for i, change in ipairs(changes or {}) do
    out[i] = {
      path = change.path,
      before = change.secret and change.before ~= nil and "(secret)" or plain(change.before),
      after = change.secret and change.after ~= nil and "(secret)" or plain(change.after),
      unknown = change.unknown,
      secret = change.secret,
      replace = change.replace,
      outside = change.outside,
      type = change.type,
    }
  end
  return out
end

M.plain_changes = plain_changes

--- The plan as data for people and tools: no secrets, no references.
---@param plan prov.Plan
---@return table see docs/guides/plan-format.md
function M.project(plan)
  local steps = {}
  local before, changes -- instances of a count share their changes
  for i, step in ipairs(plan.steps) do
    if not changes or step.changes ~= before then
      before, changes = step.changes, plain_changes(step.changes)
    end
    local drift
    if step.drift then
      drift = {}
      for _, op in ipairs(step.drift) do
        if op.status == "would_change" then
          drift[#drift + 1] = { op = op.name, title = op.title, diff = op.diff }
        end
      end
    end
    steps[i] = {
      id = step.id,
      address = step.address,
      kind = step.kind,
      action = step.action,
      provider = step.provider,
      name = step.name,
      reason = step.reason,
      replaces = step.replaces and true or nil,
      needs = data.list(step.needs),
      changes = changes,
      drift = drift and data.list(drift) or nil,
      estimate_ms = step.estimate,
    }
  end
  local imports = data.list({})
  for i, record in ipairs(plan.imported) do
    imports[i] = { address = record.address, id = record.id, provider = record.provider }
  end
  return {
    version = VERSION,
    revision = plan.revision,
    counts = plan.counts,
    steps = data.list(steps),
    target = plan.target,
    checks = plan.asked[1] and data.list(plan.asked) or nil,
    moves = plan.moves[1] and data.list(plan.moves) or nil,
    imports = imports[1] and imports or nil,
    removed = plan.forget[1] and data.list(plan.forget) or nil,
  }
end

local FIELDS = {
  "id",
  "address",
  "kind",
  "action",
  "provider",
  "name",
  "reason",
  "needs",
  "changes",
  "args",
  "estimate",
}

--- What apply needs of a plan, as canonical data.
local function body_of(plan)
  local steps = {}
  for i, step in ipairs(plan.steps) do
    local kept = { replaces = step.replaces and true or nil, node = step.node and {
      address = step.node.address,
      kind = step.node.kind,
      name = step.node.name,
      server = step.node.server,
      needs = data.list(step.node.needs),
      args = step.node.args,
      conditions = step.node.conditions,
    }, deposes = step.deposes }
    for _, name in ipairs(FIELDS) do
      kept[name] = step[name]
    end
    kept.needs = data.list(step.needs)
    kept.changes = data.list(step.changes or {})
    steps[i] = kept
  end
  local imported = {}
  for i, record in ipairs(plan.imported) do
    imported[i] = {
      address = record.address,
      kind = record.kind,
      provider = record.provider,
      id = record.id,
      needs = data.list(record.needs),
      args_bytes = record.args_bytes,
      state_bytes = record.state_bytes,
    }
  end
  local function addresses(records)
    local list = {}
    for i, record in ipairs(records) do
      list[i] = record.address
    end
    return data.list(list)
  end
  return {
    version = VERSION,
    revision = plan.revision,
    counts = plan.counts,
    steps = data.list(steps),
    refreshed = plan.refreshed,
    restated = plan.restated,
    dropped = addresses(plan.dropped),
    forgotten = addresses(plan.forgotten),
    outputs = plan.outputs,
    instances = plan.instances,
    target = plan.target,
    lookups = data.list(plan.lookups),
    found = plan.found,
    checks = data.list(plan.checks),
    asked = data.list(plan.asked),
    moves = data.list(plan.moves),
    forget = data.list(plan.forget),
    imported = data.list(imported),
  }
end

--- Writes the plan to `path`, mode 0600.
---@async
---@param workspace prov.Workspace
---@return string? hash, prov.Err?
function M.save(workspace, plan, path)
  local crypto = require("core.crypto")
  local bytes = data.encode(body_of(plan))
  local hash = crypto.sha256(bytes)
  local key, e = workspace:key()
  if not key then
    return nil, e
  end
  local text = M.project(plan)
  text.prov = require("core.app").version
  text.workspace = workspace.name
  text.hash = hash
  text.body = base.base64(assert(crypto.seal(key, nil, bytes, "prov plan " .. hash)))
  local ok
  local rendered = json.encode(text, { pretty = true, sorted = true }) .. "\n"
  ok, e = require("prov.fs").write_atomic(path, rendered, { mode = 384 })
  if not ok then
    return nil, e:wrap("save plan")
  end
  return hash
end

--- Reads the display form of a saved plan; needs no key.
---@async
function M.read(path)
  local text, e = require("prov.fs").read(path)
  if not text then
    return nil, e:wrap("read plan %s", path)
  end
  local saved
  saved, e = json.decode(text, { file = path })
  if not saved then
    return nil, e
  end
  if type(saved) ~= "table" or not saved.body or not saved.hash then
    return err.fail("invalid", "%s is not a saved plan", path)
  end
  if saved.version ~= VERSION then
    return err.fail("unsupported", "plan %s has format %s, this prov knows %d", path, tostring(saved.version), VERSION)
  end
  return saved
end

--- Reads a saved plan for execution; refuses one that was changed or that is stale.
---@async
---@param workspace prov.Workspace
---@param path string
---@param state prov.State
---@return prov.Plan?, prov.Err?
function M.load(workspace, path, state)
  local saved, e = M.read(path)
  if not saved then
    return nil, e
  end
  local crypto = require("core.crypto")
  local key
  key, e = workspace:key()
  if not key then
    return nil, e
  end
  local sealed = base.unbase64(saved.body)
  local bytes = sealed and crypto.open(key, sealed, "prov plan " .. saved.hash)
  if not bytes or crypto.sha256(bytes) ~= saved.hash then
    return err.fail("corrupt", "plan %s was changed, or belongs to another workspace", path)
  end
  local plan = assert(data.decode(bytes))
  if plan.revision ~= state.revision then
    return nil, err.new("conflict", ("plan %s was made from state revision %d, the state is at %d"):format(
      path, plan.revision, state.revision), { hint = "make the plan again: prov plan --out " .. path })
  end
  local known = require("prov.plan.refactor").records(state.records, plan.moves, plan.forget)
  for i, parts in ipairs(plan.imported) do
    plan.imported[i] = require("prov.state").record(parts)
    known[parts.address] = plan.imported[i]
  end
  for _, step in ipairs(plan.steps) do
    step.record = known[step.address]
  end
  for _, name in ipairs({ "dropped", "forgotten" }) do
    local records = {}
    for i, address in ipairs(plan[name]) do
      records[i] = known[address]
    end
    plan[name] = records
  end
  return plan
end

return M
