--- The file of the store replaced as a whole: under another key, smaller, or by a copy.

local clock = require("prov.clock")
local custody = require("prov.custody")
local err = require("prov.err")
local fs = require("prov.fs")
local locks = require("prov.engine.locks")
local vault = require("prov.vault")

local M = {}

local function size_of(path)
  local stat = fs.stat(path)
  return stat and stat.size or 0
end

--- Rewrites the store under the workspace's lock and goes on with what stands there then.
-- adopt() is called between: the file is the new one, and nobody has opened it here yet.
local function rewrite(workspace, lock, store, how, adopt)
  how.epoch = lock.token
  local ok, e = store:rewrite(how)
  if not ok then
    return nil, e
  end
  if adopt then
    ok, e = adopt()
    if not ok then
      return nil, e
    end
  end
  lock:move(nil)
  workspace:forget_store()
  store, e = workspace:store()
  lock:move(store)
  return store, e
end

-- The key that waits beside the workspace's takes its place.
local function put_key(workspace)
  local ok, e = fs.rename(workspace:next_key_path(), workspace.key_path)
  if not ok then
    return nil, e
  end
  workspace.key_bytes = nil -- read anew when it is needed: from the file, or from the KMS
  return fs.sync(workspace.key_path:match("^(.*)/[^/]*$"))
end

--- Seals everything under a new key. Killed at any moment it leaves a store that one of the two key
-- files opens, and the next to open it puts that one in place (prov.workspace).
---@async
---@param ctx table operation ctx
---@param opts { old_key: string?, kms: string? } file for the key that was; who keeps the new one: the URI of a KMS,
--- or "local" for the key file itself. Without it, who keeps it now
---@return table? { key, kms, revision, nodes, keys }, prov.Err?
function M.rekey(ctx, opts)
  local old_key = opts.old_key
  local workspace = assert(ctx:need_workspace())
  local store = assert(workspace:store())
  local _ <close> = assert(workspace:rewrite_lock())
  local lock <close> = assert(locks.lock(store, "state rekey"))
  local ok, e = ctx.ui.confirm(("Seal the state of workspace '%s' under a new key? Backups and saved plans "
    .. "made until now need the old one%s"):format(workspace.name,
    old_key and ", which goes to " .. old_key or ", which will be gone; --old-key FILE keeps it"))
  if not ok then
    return nil, e
  end
  if old_key then
    if fs.exists(old_key) then
      return err.fail("exists", "%s is there already", old_key)
    end
    assert(fs.write_atomic(old_key, assert(custody.read(workspace.key_path)), { mode = 384 }))
  end
  local uri = opts.kms
  if not uri then
    local now = assert(custody.parse(assert(custody.read(workspace.key_path)), workspace.key_path))
    uri = type(now) == "table" and now.kms or nil
  end
  uri = uri ~= "local" and uri or nil
  local key, bytes = custody.make(uri, {
    workspace = workspace.name, purpose = "state", revision = tostring(assert(store:head())),
  })
  if not key then
    return nil, bytes
  end
  assert(vault.follow_key(workspace, key))
  assert(fs.write_atomic(workspace:next_key_path(), bytes, { mode = 384 }))
  store = assert(rewrite(workspace, lock, store, {
    sealer = assert(require("core.crypto").sealer(key)),
  }, function()
    return put_key(workspace)
  end))
  assert(vault.follow_key(workspace, key, true))
  local report = assert(store:check())
  return {
    key = workspace.key_path,
    kms = uri or "local",
    revision = report.head,
    nodes = report.nodes,
    keys = report.keys,
  }
end

--- Writes the store anew without free space, and without revisions but the newest `keep`.
---@async
---@param ctx table operation ctx
---@param keep? integer
---@return table? { file, before, after, oldest }, prov.Err?
function M.compact(ctx, keep)
  local workspace = assert(ctx:need_workspace())
  local store = assert(workspace:store())
  local _ <close> = assert(workspace:rewrite_lock())
  local lock <close> = assert(locks.lock(store, "state compact"))
  local head, oldest = assert(store:head()), assert(store:oldest())
  local dropped = keep and math.max(head - keep - math.max(oldest, 1) + 1, 0) or 0
  if dropped > 0 then
    local ok, e = ctx.ui.confirm(("Forget the %d oldest revisions of workspace '%s'? They cannot be read or restored "
      .. "any more."):format(dropped, workspace.name))
    if not ok then
      return nil, e
    end
  end
  local path = workspace:store_path()
  local before = size_of(path)
  store = assert(rewrite(workspace, lock, store, { keep = keep or 0 }))
  return { file = path, before = before, after = size_of(path), oldest = assert(store:oldest()) }
end

-- The key a copy was sealed with, when it is not the workspace's.
local function read_key(path)
  local bytes, e = custody.read(path)
  if not bytes then
    return nil, e:wrap("read the key")
  end
  local key
  key, e = custody.key_of(bytes, path, "state")
  if not key then
    return nil, e
  end
  return key, bytes
end

-- Who works on a state that still opens must be done; one that does not open has nobody.
local function lock_if_possible(ctx, workspace)
  local store, e = workspace:store()
  if not store then
    ctx.ui.info("the state that is there does not open: %s", e.msg)
    return nil
  end
  return assert(locks.lock(store, "state recover"))
end

-- What is about to be replaced gets another name, and its key too when that goes as well.
local function keep(workspace, path, key)
  if not fs.exists(path) then
    return nil
  end
  local name = ("%s.before-%s"):format(path, os.date("!%Y%m%dT%H%M%SZ", clock.wall() // 1000))
  local kept, n = name, 1
  while fs.exists(kept) do
    n = n + 1
    kept = name .. "-" .. n
  end
  assert(fs.link(path, kept))
  if key and fs.exists(workspace.key_path) then -- as it is: it may be what is damaged
    assert(fs.write_atomic(kept .. ".key", assert(fs.read(workspace.key_path)), { mode = 384 }))
  end
  return kept
end

--- Puts a copy that 'state backup' wrote in place of the state. What was there stays beside it.
---@async
---@param ctx table operation ctx
---@param file string
---@param key_file? string
---@return table? { file, revision, nodes, kept }, prov.Err?
function M.recover(ctx, file, key_file)
  local workspace = assert(ctx:need_workspace())
  local _ <close> = assert(workspace:rewrite_lock())
  if not key_file and fs.exists(file .. ".key") then
    key_file = file .. ".key" -- what 'state backup' puts there when a KMS keeps the key
  end
  local key, key_bytes
  if key_file then
    key, key_bytes = read_key(key_file)
    if not key then
      return nil, key_bytes
    end
  end
  local path = workspace:store_path()
  local copy <close> = assert(workspace:open_copy(file, key))
  local report = assert(copy:check())
  if report.errors > 0 then
    return err.fail("corrupt", "%s is damaged too: %s", file, report.first_error)
  end
  local lock <close> = lock_if_possible(ctx, workspace)
  local ok, e = ctx.ui.confirm(("Put revision %d from %s in place of the state of workspace '%s'?"):format(
    report.head, file, workspace.name))
  if not ok then
    return nil, e
  end
  local kept = keep(workspace, path, key)
  for _, one in ipairs(assert(fs.list(workspace.state_dir))) do -- what a killed one left
    if one.name:find("^state%.mdb%-new") then
      assert(fs.remove(workspace.state_dir .. "/" .. one.name))
    end
  end
  assert(copy:backup(path .. "-new"))
  if key then
    local followed, why = vault.follow_key(workspace, key)
    if not followed then
      ctx.ui.warn("the vault of the workspace does not open with the key of the copy: %s", tostring(why))
    end
    assert(fs.write_atomic(workspace:next_key_path(), key_bytes, { mode = 384 }))
  end
  assert(require("core.store").swap(path))
  if key then
    assert(put_key(workspace))
  end
  if lock then
    lock:move(nil)
  end
  workspace:forget_store()
  assert(workspace:store())
  return { file = path, revision = report.head, nodes = report.nodes, kept = kept }
end

return M
