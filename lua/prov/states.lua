--- What the state operations do beyond one call.

local async = require("prov.async")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local history = require("prov.state.history")
local locks = require("prov.engine.locks")
local project_of = require("prov.project")
local settings = require("prov.settings")
local state_of = require("prov.state")

local M = {}

--- Runs work(project) under the workspace's lock and commits the batch it gives as one revision.
-- work returns batch, message, result or nil, err; an empty batch is no revision.
local function change(ctx, what, work)
  local project <close> = assert(project_of.open(ctx, { infra = "try" }))
  local lock <close> = assert(project:begin(what))
  local batch, message, result = work(project)
  if not batch then
    return nil, message
  end
  if #batch > 0 then
    batch.message, batch.epoch = message, lock.token
    assert(async.await(function(resume)
      return project.store:commit(batch, resume)
    end))
  end
  return result
end

local function replace(ctx, what, message, read)
  return change(ctx, what, function(project)
    local past, e = read(project)
    if not past then
      return nil, e
    end
    local changes = history.diff(project.state, past)
    if #changes > 0 then
      local ok
      ok, e = ctx.ui.confirm(("Change the state of %d resources in workspace '%s'?"):format(#changes,
        project.workspace.name))
      if not ok then
        return nil, e
      end
    end
    return history.restore(project.state, past), message(past),
      { from = project.state.revision, to = past.revision, changes = changes }
  end)
end

--- Makes the state as it was at a revision.
---@async
---@return table? { from, to, changes }, prov.Err?
function M.restore(ctx, revision)
  return replace(ctx, "state restore", function()
    return ("restore revision %d"):format(revision)
  end, function(project)
    return state_of.load(project.store, revision)
  end)
end

--- A row for each record, in the order of the addresses; those for which `make` gives nothing have none.
---@param state prov.State
---@param make fun(address: string, record: table): table?
---@return table[]
function M.rows(state, make)
  local rows = data.list({})
  for _, address in ipairs(state:addresses()) do
    rows[#rows + 1] = make(address, state.records[address])
  end
  return rows
end

--- Makes the state what an export says.
---@async
---@return table? { from, to, changes }, prov.Err?
function M.import(ctx, path)
  return replace(ctx, "state import", function()
    return "import " .. path
  end, function()
    local text, e = fs.read(path, { max = settings.state.import_size })
    if not text then
      return nil, e
    end
    return require("prov.state.transfer").import(text, path)
  end)
end

--- Gives something another address.
---@async
---@return table[]? rows { from, to }, prov.Err?
function M.move(ctx, from, to)
  return change(ctx, "state mv", function(project)
    local batch, map = require("prov.state.edit").move(project.state, from, to)
    if not batch then
      return nil, map
    end
    local rows = data.list({})
    for old, new in pairs(map) do
      rows[#rows + 1] = { from = old, to = new }
    end
    table.sort(rows, function(a, b)
      return a.from < b.from
    end)
    return batch, ("mv %s %s"):format(from, to), rows
  end)
end

--- Forgets things.
---@async
---@return table[]? rows { address, id }, prov.Err?
function M.forget(ctx, addresses, force)
  return change(ctx, "state rm", function(project)
    local batch, e = require("prov.state.edit").forget(project.state, addresses, force)
    if not batch then
      return nil, e
    end
    local rows = data.list({})
    for i, address in ipairs(addresses) do
      rows[i] = { address = address, id = project.state.records[address].id }
    end
    local ok
    ok, e = ctx.ui.confirm(("Forget %s? What exists stays, and prov no longer knows of it."):format(
      #addresses == 1 and addresses[1] or #addresses .. " resources"))
    if not ok then
      return nil, e
    end
    return batch, "rm " .. table.concat(addresses, " "), rows
  end)
end

-- A wrapped key goes with what it opens: the KMS may have wrapped another one by the time the copy is needed.
local function keep_envelope(workspace, path)
  local custody = require("prov.custody")
  local bytes, e = custody.read(workspace.key_path)
  if not bytes then
    return nil, e
  elseif #bytes == 32 then
    return true
  end
  return fs.write_atomic(path .. ".key", bytes, { mode = 384 })
end

--- Writes a copy of the store and reads it back.
---@async
---@return table? { file, revision, nodes, bytes }, prov.Err?
function M.backup(ctx, path)
  local workspace = assert(ctx:need_workspace())
  assert(assert(workspace:store()):backup(path))
  assert(keep_envelope(workspace, path))
  local copy <close> = assert(workspace:open_copy(path))
  local report = assert(copy:check())
  if report.errors > 0 then
    return err.fail("corrupt", "the copy in %s is damaged: %s", path, report.first_error)
  end
  return { file = path, revision = report.head, nodes = report.nodes, bytes = report.file_size }
end

--- Keeps a copy of the store in .prov/backups before it is changed, and forgets the oldest ones: state.backups says how
--- many are kept.
---@async
---@param workspace prov.Workspace
---@return true?, prov.Err?
function M.keep_backup(workspace)
  local most = settings.state.backups
  if most == 0 then
    return true
  end
  local dir = workspace.state_dir .. "/backups"
  local ok, e = fs.mkdirp(dir, 448)
  local store
  if ok then
    store, e = workspace:store()
  end
  if not store then
    return nil, e
  end
  local path = ("%s/%s-%08d.mdb"):format(dir, os.date("!%Y%m%dT%H%M%SZ"), store:head())
  if not fs.exists(path) then
    ok, e = store:backup(path)
    if ok then
      ok, e = keep_envelope(workspace, path)
    end
    if not ok then
      return nil, e:wrap("back up the state (state.backups)")
    end
  end
  local names = {}
  for _, entry in ipairs(fs.list(dir) or {}) do
    names[#names + 1] = entry.name:match("^%d+T%d+Z%-%d+%.mdb$")
  end
  table.sort(names)
  for i = 1, #names - most do
    fs.remove(dir .. "/" .. names[i])
    fs.remove(dir .. "/" .. names[i] .. ".key") -- there when a KMS kept the key
  end
  return true
end

--- Runs a query; with explain what each step does and finds.
---@return table[]? rows, prov.Err?
function M.query(ctx, p)
  local query = require("prov.state.query")
  local parsed = assert(query.parse(p.query))
  local now = assert(state_of.load(assert(assert(ctx:need_workspace()):store()), p.revision))
  local addresses, sizes = query.run(now, parsed)
  if p.explain then
    return data.list(query.explain(parsed, sizes))
  elseif parsed.count then
    return #addresses
  end
  local rows = data.list({})
  for i, address in ipairs(addresses) do
    local record = now.records[address]
    rows[i] = { address = address, kind = record.kind, provider = record.provider, id = record.id }
  end
  return rows
end

--- Releases locks whose holders are gone; with force all.
---@return table[]? rows { name, owner } of what was released, prov.Err?
function M.unlock(ctx, force)
  local store = assert(assert(ctx:need_workspace()):store())
  local rows = data.list({})
  for _, row in ipairs(assert(store:locks())) do
    local name, owner, token, expires = table.unpack(row)
    if not force and locks.is_held(owner, expires) then
      return nil, err.new("locked", "in use: " .. locks.shown_owner(owner), {
        hint = "--force takes the lock away; what the process writes then is refused",
      })
    end
    assert(store:release(name, token))
    rows[#rows + 1] = { name = name, owner = locks.shown_owner(owner) }
  end
  return rows
end

return M
