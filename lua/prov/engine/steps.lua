--- What each kind of step does. Every function takes (run, step) and returns true, or nil, err.

local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local state = require("prov.state")
local value = require("prov.value")

local M = {}

local NONE = data.list({}) -- shared, never changed

--- The addresses a node really depends on: base addresses become their instances.
local function needs_of(run, node)
  if #node.needs == 0 then
    return NONE
  end
  local list = {}
  for _, address in ipairs(node.needs) do
    local instances = run.instances[address]
    if instances then
      table.move(instances, 1, #instances, #list + 1, list)
    else
      list[#list + 1] = address
    end
  end
  return list
end

local function call(run, step, verb, fields, ...)
  fields.address = step.address
  fields.kind = step.kind
  fields.waiting = function(ms, reason)
    run.progress:wait(step.address, step.action, { ms = ms, reason = reason })
  end
  return run.providers:call(step.provider, step.kind, verb, fields, ...)
end

--- Journals `phase` and writes the step's record in the same commit.
-- parts: id, args or args_bytes, state, and key, needs and tainted where they apply.
local function save(run, step, phase, parts)
  parts.address = step.address
  parts.kind = step.kind
  parts.provider = step.provider
  parts.needs = parts.needs or needs_of(run, step.node)
  local record = state.record(parts)
  local batch = { message = step.id, epoch = run.epoch }
  state.writes(record, run.records[step.address], batch)
  local ok, e = run:journal(step, phase, { id = parts.id }, batch)
  if not ok then
    run.uncertain[step.id] = true -- it took effect, and no record says so
    return nil, e
  end
  run:settle(step.address, record)
  return true
end

--- Addresses of the recorded taskservs of a server.
local function services_of(run, server)
  if not run.services then -- one pass for the whole run; those installed later are not deleted in it
    run.services = {}
    for address in pairs(run.records) do
      local on = address:match("^taskserv%..-@(.*)$")
      if on then
        run.services[on] = run.services[on] or {}
        table.insert(run.services[on], address)
      end
    end
  end
  return run.services[server] or {}
end

--- Journals the end of a removal and takes the record away in the same commit, that of a server with
-- those of its taskservs: what was installed is gone with it.
local function forget(run, step, record)
  local gone = { step.address }
  local batch = state.removes(record)
  if step.kind == "server" then
    for _, address in ipairs(services_of(run, step.address)) do
      local service = run.records[address]
      if service then
        gone[#gone + 1] = address
        local removes = state.removes(service)
        table.move(removes, 1, #removes, #batch + 1, batch)
      end
    end
  end
  batch.message = step.id
  local ok, e = run:journal(step, "done", { id = record.id }, batch)
  if not ok then
    run.uncertain[step.id] = true
    return nil, e
  end
  for _, address in ipairs(gone) do
    run:settle(address, nil)
  end
  return true
end

-- Errors of a creation that the provider may go on with all the same.
local MAY_COME_LATER = { timeout = true, unavailable = true, canceled = true }

--- After a failed creation: records what exists all the same, so that the next plan replaces it.
--- Returns an error when that could not be written, or when there are several of it.
local function keep_half_made(run, step, args, identity, key, why)
  if not identity or why.code == "conflict" then
    local found, e = call(run, step, "find", { key = key, want = value.reveal(args), failure = why }, key)
    if e and e.code == "conflict" then
      run.uncertain[step.id] = true -- there are several: a person must choose, and the next run asks again
      return e
    end
    identity = identity or found and found.id
    if not identity and (e or MAY_COME_LATER[why.code]) then
      run.uncertain[step.id] = true -- what became of it is not known: the next run asks again
    end
  end
  if identity then
    local parts = { id = identity, key = key, args = args, state = { id = identity }, tainted = true }
    local _, e = save(run, step, "failed", parts)
    return e
  end
end

--- The provider gave more than one identity for one creation: only the last one is recorded.
local function made_twice(step, identity, others)
  return err.new("conflict", ("provider '%s' made more than one %s for this: %s is recorded, %s is not"):format(
    step.provider, step.kind, identity, table.concat(others, " and ")), {
    hint = "look whether it exists, and delete it at the provider: prov knows nothing more of it",
  })
end

--- The arguments of a step and what is recorded of them: what cannot be recorded is not done.
local function arguments(run, step)
  local args, e = run:resolve(step.node)
  local bytes
  if args then
    bytes, e = data.encode(args)
  end
  return bytes and args, bytes, e
end

function M.create_resource(run, step)
  local args, bytes, e = arguments(run, step)
  if not args then
    return nil, e
  end
  local key = clock.random_hex(8) -- stored by the provider, so that a crashed creation is found
  local needs = needs_of(run, step.node)
  local old, deposed, batch = step.deposes and run.records[step.address], nil, nil
  if old then -- from here on the one that is there has another address, under which it will be deleted
    deposed = state.copy(old, { address = step.deposes })
    batch = state.removes(old)
    state.writes(deposed, nil, batch)
    batch.message = "depose " .. step.address
  end
  local ok
  ok, e = run:journal(step, "intent", {
    key = key,
    kind = step.kind,
    provider = step.provider,
    args = bytes,
    needs = data.list(needs),
  }, batch)
  if not ok then
    return nil, e
  end
  if old then
    run:settle(step.address, nil)
    run:settle(step.deposes, deposed)
    if step.kind == "server" then
      run.hosts:forget(step.address)
    end
  end
  local identity, others = nil, {} -- the last one told, those told before
  local function accepted(id)
    if identity and identity ~= id then
      others[#others + 1] = identity
    end
    identity = id
  end
  local observed
  observed, e = call(run, step, "create", {
    address = step.address,
    kind = step.kind,
    key = key,
    adopt = function(id)
      accepted(id)
      run:note(step, "accepted", { id = id }) -- lost in a crash, the key finds it
    end,
    anew = function()
      identity = nil
    end,
  }, args)
  if observed then
    accepted(observed.id)
    local parts = { id = observed.id, key = key, args_bytes = bytes, needs = needs, state = observed }
    if not others[1] then
      return save(run, step, "done", parts)
    end
    ok, e = save(run, step, "failed", parts)
    return nil, not ok and e or made_twice(step, identity, others)
  end
  return nil, keep_half_made(run, step, args, identity, key, e) or e
end

--- The error of an update, saying so when there is nothing left to change.
local function vanished(step, e)
  if e.code ~= "notfound" then
    return e
  end
  e = e:wrap("%s has vanished since the plan was made", step.address)
  e.hint = "the next apply makes it anew"
  return e
end

function M.update_resource(run, step)
  local record = run.records[step.address]
  local args, bytes, e = arguments(run, step)
  if not args then
    return nil, e
  end
  local ok
  ok, e = run:journal(step, "intent", { id = record.id })
  if not ok then
    return nil, e
  end
  local only_power = #step.changes == 1 and step.changes[1].path == "status"
  local observed = record:state()
  if step.changes[1] and step.changes[#step.changes].path == "status" then
    observed, e = call(run, step, "action_start", { key = record.key, recorded = observed }, record.id)
    if not observed then
      return nil, vanished(step, e)
    end
    if type(observed) ~= "table" then
      observed, e = call(run, step, "read", { key = record.key, recorded = record:state() }, record.id)
      if not observed then
        return nil, e or vanished(step, err.new("notfound", "it is gone"))
      end
    end
  end
  if not only_power then
    local fields = { key = record.key, recorded = observed, applied = value.reveal(record:args()) }
    observed, e = call(run, step, "update", fields, record.id, args, observed)
    if not observed then
      return nil, vanished(step, e)
    end
  end
  if step.kind == "server" then
    run.hosts:forget(step.address)
  end
  return save(run, step, "done", { id = observed.id, key = record.key, args_bytes = bytes, state = observed })
end

function M.delete_resource(run, step)
  local record = run.records[step.address]
  local ok, e = run:journal(step, "intent", { id = record.id })
  if not ok then
    return nil, e
  end
  ok, e = call(run, step, "delete", { key = record.key, record = record }, record.id)
  if not ok and e.code ~= "notfound" then -- what has vanished meanwhile is deleted
    return nil, e
  end
  if step.kind == "server" then
    run.hosts:gone(step.address, record.id)
  end
  return forget(run, step, record)
end

local function apply_taskserv(run, step)
  local args, bytes, e = arguments(run, step)
  if not args then
    return nil, e
  end
  local ok
  ok, e = run:journal(step, "intent")
  if not ok then
    return nil, e
  end
  local node = { address = step.address, name = step.name, server = step.node.server, args = args }
  local report
  report, e = run.hosts:apply(node, function(event)
    run.progress:event(step.address, step.action, { title = event.op.title or event.op.name or "" })
  end)
  local parts = { id = step.address, args_bytes = bytes, state = { id = step.address }, tainted = not report or nil }
  local saved, save_err = save(run, step, report and "done" or "failed", parts)
  if not saved then
    return nil, save_err
  end
  return report and true, e
end

M.install = apply_taskserv
M.configure = apply_taskserv

function M.remove(run, step)
  local ok, e = run:journal(step, "intent")
  if not ok then
    return nil, e
  end
  local node = {
    address = step.address,
    name = step.name,
    server = step.address:match("@(.*)$"),
    args = step.record:args(),
  }
  ok, e = run.hosts:remove(node)
  if not ok then
    return nil, e
  end
  return forget(run, step, step.record)
end

--- What a provider without `find` has of the kind of an interrupted creation, and prov does not know: when there is
--- nothing, nothing came of it. Whether one of them did, nobody but a person can tell.
---@return nil, prov.Err?
local function unidentified(input, entry)
  local known, strangers = {}, {}
  for _, record in pairs(input.state.records) do
    known[record.kind .. "\0" .. tostring(record.id)] = true
  end
  local can_list = input.providers:has(entry.provider, entry.kind, "list")
  if can_list then
    local states, e = input.providers:call(entry.provider, entry.kind, "list", {})
    if not states then
      return nil, e
    end
    for _, one in ipairs(states) do
      if not one.not_ours and not known[entry.kind .. "\0" .. tostring(one.id)] then
        strangers[#strangers + 1] = tostring(one.id)
      end
    end
    if not strangers[1] then
      return nil
    end
    table.sort(strangers)
  end
  return nil, err.new("conflict", ("nobody answered whether it was made, and provider '%s' marks no %s to find "
    .. "it by; %s"):format(entry.provider, entry.kind, can_list and "those that prov does not know: "
    .. table.concat(strangers, ", ") or "it lists none either"), {
    hint = ("look which one it is: 'prov import %s ID' takes it over, 'prov import %s --none' says that none is")
      :format(entry.address, entry.address),
  })
end

--- Another resource that is this one already.
local function holder(input, entry, id)
  for address, record in pairs(input.state.records) do
    if record.kind == entry.kind and record.provider == entry.provider and tostring(record.id) == id then
      return address
    end
  end
end

--- What an interrupted creation was to make, as far as it is known to be made: what the provider does not tell of it
--- may be missing, so that the next plan brings it up to date. A field whose change would rebuild it was part of the
--- creation itself.
local function made_args(input, entry, found)
  local args = entry.args and data.decode(entry.args) or {}
  local _, resource = input.providers:resource(entry.provider, entry.kind)
  if not resource or not input.providers:has(entry.provider, entry.kind, "update") then
    return args
  end
  for name, field in pairs(resource.schema) do
    if found[name] == nil and not field.replace then
      args[name] = nil
    end
  end
  return args
end

--- Finds what an interrupted creation left at the provider and makes a record of it, or returns
--- nil when nothing is there. What the provider calls incomplete is recorded as tainted.
--- input.told: what a person knows, an id or false by address.
---@async
---@return prov.Record?, prov.Err?
function M.adopt(input, entry)
  local told = input.told and input.told[entry.address]
  local known = input.state.records[entry.address]
  if known and known.key == entry.key then
    return nil
  end
  local fields = { address = entry.address, key = entry.key, recorded = { id = entry.id } }
  fields.want = entry.args and value.reveal(data.decode(entry.args)) or nil
  local found, e
  if entry.id then
    found, e = input.providers:call(entry.provider, entry.kind, "read", fields, entry.id)
  elseif told and holder(input, entry, told) then
    return err.fail("conflict", "%s is %s already", told, holder(input, entry, told))
  elseif told then
    fields.recorded.id = told
    found, e = input.providers:call(entry.provider, entry.kind, "read", fields, told)
    if not found and not e then
      return err.fail("notfound", "provider '%s' has no %s with the id %s", entry.provider, entry.kind, told)
    end
  elseif told == false then
    return nil
  elseif not input.providers:has(entry.provider, entry.kind, "find") then
    return unidentified(input, entry)
  else
    found, e = input.providers:call(entry.provider, entry.kind, "find", fields, entry.key)
  end
  if not found then
    return nil, e
  end
  return state.record({
    address = entry.address,
    kind = entry.kind,
    provider = entry.provider,
    id = found.id,
    key = entry.key,
    needs = entry.needs,
    args = made_args(input, entry, found),
    state = found,
    tainted = found.incomplete and true or nil,
  })
end

return M
