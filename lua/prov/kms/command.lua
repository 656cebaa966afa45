--- What the operations 'prov kms ...' do.

local ask = require("prov.ask")
local clock = require("prov.clock")
local custody = require("prov.custody")
local err = require("prov.err")
local fs = require("prov.fs")
local kms = require("prov.kms")

local M = {}

-- Who keeps the workspace's key.
local function of_workspace(workspace)
  local bytes, e = custody.read(workspace.key_path)
  if not bytes then
    return nil, e
  end
  local found
  found, e = custody.parse(bytes, workspace.key_path)
  if not found then
    return nil, e
  elseif type(found) == "string" then
    return nil, err.new("unsupported", ("the key of workspace '%s' is in its file, no KMS keeps it"):format(
      workspace.name), { hint = "prov state rekey --kms URI" })
  end
  return found
end

local function new_passphrase(path)
  local given = os.getenv("PROV_KMS_PASSPHRASE")
  if given and given ~= "" then
    return given
  end
  local first, e = ask.secret("Passphrase for " .. path)
  if not first then
    return nil, e
  elseif first == "" then
    return err.fail("usage", "an empty passphrase protects nothing")
  end
  local second
  second, e = ask.secret("The same again")
  if not second then
    return nil, e
  elseif first ~= second then
    return err.fail("usage", "the two are not the same")
  end
  return first
end

--- Makes a file that is a KMS.
---@async
---@param p { file: string, passphrase: boolean }
---@return table? { kms }, prov.Err?
function M.create(p)
  if fs.exists(p.file) then
    return err.fail("exists", "%s is there already", p.file)
  end
  local passphrase, e
  if p.passphrase then
    passphrase, e = new_passphrase(p.file)
    if not passphrase then
      return nil, e
    end
  end
  local ok
  ok, e = require("prov.kms.local").create(p.file, passphrase)
  if not ok then
    return nil, e
  end
  return { kms = "local:" .. (fs.realpath(p.file) or p.file) }
end

local TRIAL = { workspace = "check", purpose = "check", revision = "0" }

--- Asks a KMS for its health, and has it wrap and unwrap a key that is used for nothing; then, for a workspace, whether
--- it unwraps that one's.
---@async
---@param ctx table operation ctx
---@param uri? string else that of the workspace
---@return table? { kms, key, version, since, detail, alg }, prov.Err?
function M.check(ctx, uri)
  local found, e, workspace
  if not uri then
    workspace, e = ctx:need_workspace()
    if workspace then
      found, e = of_workspace(workspace)
    end
    if not found then
      return nil, e
    end
  end
  local k
  k, e = kms.open(uri or found.kms)
  if not k then
    return nil, e
  end
  local health
  health, e = k:health()
  if not health then
    return nil, e
  end
  local key, blob = k:generate(TRIAL)
  if not key then
    return nil, blob
  end
  local back
  back, e = k:unwrap(blob, TRIAL)
  if back ~= key then
    return nil, e or err.new("protocol", ("the KMS %s did not give back the key it had wrapped"):format(k.uri))
  end
  if found then
    back, e = k:unwrap(found.envelope, found.context)
    if not back then
      return nil, e
    end
    if found.context.workspace ~= workspace.name then
      ctx.ui.info("the key is bound to the workspace's former name '%s'; 'prov kms rewrap' binds it to '%s'",
        found.context.workspace, workspace.name)
    end
  end
  local sealed = assert(require("prov.kms.envelope").decode(blob))
  return { kms = k.uri, key = health.key, version = health.version or "", alg = sealed.alg,
    since = health.since and os.date("!%Y-%m-%dT%H:%M:%SZ", health.since) or nil, detail = health.detail or "" }
end

local DAY = 86400

-- What an envelope says of the key that wrapped it.
local function described(row, uri, envelope)
  local sealed, e = require("prov.kms.envelope").decode(envelope)
  row.kms, row.key, row.version = uri, sealed and sealed.key or "", sealed and sealed.version or ""
  if sealed then
    row.created = os.date("!%Y-%m-%dT%H:%M:%SZ", sealed.created)
    row.days = math.max(clock.wall() // 1000 - sealed.created, 0) // DAY
  else
    row.kms = "damaged: " .. tostring(e)
  end
  return row
end

local function key_row(purpose, name, path)
  local bytes = custody.read(path)
  if not bytes then
    return nil
  end
  local row = { purpose = purpose, workspace = name, file = path, key = "", version = "" }
  local found, e = custody.parse(bytes, path)
  if type(found) == "table" then
    row.bound = found.context.workspace
    return described(row, found.kms, found.envelope)
  end
  row.kms = found and "local" or "damaged: " .. tostring(e)
  return row
end

local OPENED_BY = { key = "local", shamir = "shares" }

local function vault_row(name, dir)
  local path = dir .. "/vault.mdb"
  if not fs.exists(path) then
    return nil
  end
  local row = { purpose = "vault", workspace = name, file = path, key = "", version = "" }
  local config, e = require("prov.vault.barrier").seal_of(path)
  if not config then
    row.kms = e and "damaged: " .. tostring(e) or "not made yet"
  elseif config.type == "kms" then
    return described(row, config.kms, config.blobs[1])
  else
    row.kms = OPENED_BY[config.type]
  end
  return row
end

-- Copies of a state whose keys are wrapped: one row for those that a version of a key opens.
local function backup_rows(out, name, dir)
  local known = {}
  for _, entry in ipairs(fs.list(dir) or {}) do
    local row = entry.name:find("%.key$") and key_row("backup", name, dir .. "/" .. entry.name)
    local id = row and row.kms .. "\n" .. row.key .. "\n" .. row.version
    if row and known[id] then
      known[id].count = known[id].count + 1
    elseif row then
      known[id], row.count = row, 1
      out[#out + 1] = row
    end
  end
end

--- Who keeps the keys of this user: those of workspaces and their environments, of the copies of their states in
--- .prov/backups, of their vaults; of the orchestrator's queue, and of a server's vault. No KMS is asked.
---@return table[]
function M.list()
  local workspaces, dirs, out = require("prov.workspace"), require("prov.dirs"), require("core.data").list({})
  for _, one in ipairs(workspaces.list()) do
    local names = { one.dir }
    for _, env in ipairs(fs.list(one.dir .. "/.prov/env") or {}) do
      names[#names + 1] = one.dir .. "@" .. env.name
    end
    for _, name in ipairs(names) do
      local workspace = workspaces.open_dir(name)
      if workspace then
        out[#out + 1] = key_row("state", workspace.name, workspace.key_path)
        backup_rows(out, workspace.name, workspace.state_dir .. "/backups")
        out[#out + 1] = vault_row(workspace.name, require("prov.vault").dir_of(workspace))
      end
    end
  end
  out[#out + 1] = key_row("queue", "", dirs.state() .. "/orchestrator/key")
  out[#out + 1] = vault_row("", dirs.state() .. "/vault")
  return out
end

--- Gives the key of the orchestrator's queue to somebody else, or has it wrapped anew.
---@async
---@param p { kms: string?, rewrap: boolean, data: string? }
---@return table? { key, kms }, prov.Err?
function M.queue(p)
  local orchestrator, dir = require("prov.orchestrator"), p.data or require("prov.dirs").state() .. "/orchestrator"
  if not p.rewrap then
    return orchestrator.rekey(dir, p.kms)
  elseif p.kms then
    return err.fail("usage", "--rewrap keeps the key and who keeps it: leave --kms out")
  end
  local found, e = orchestrator.rewrap(dir)
  return found and { key = dir .. "/key", kms = found.kms }, e
end

--- Wraps the workspace's key anew, bound to the name the workspace has now; with `rotate`, under a new version of the
--- KMS's key.
---@async
---@param ctx table operation ctx
---@param rotate? boolean
---@return table? { kms, key, version }, prov.Err?
function M.rewrap(ctx, rotate)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  local lock <close>, held = workspace:rewrite_lock()
  if not lock then
    return nil, held
  end
  local found
  found, e = of_workspace(workspace)
  if not found then
    return nil, e
  end
  local made
  if rotate then
    local k
    k, e = kms.open(found.kms)
    if not k then
      return nil, e
    end
    made, e = k:rotate()
    if not made then
      return nil, e
    end
  end
  found, e = custody.rewrap(workspace.key_path, { workspace = workspace.name })
  if not found then
    if rotate then
      e.hint = "the KMS's key has its new version, and the old one opens the workspace still: prov kms rewrap"
    end
    return nil, e
  end
  local sealed = assert(require("prov.kms.envelope").decode(found.envelope))
  return { kms = found.kms, key = sealed.key, version = sealed.version ~= "" and sealed.version or made or "" }
end

return M
