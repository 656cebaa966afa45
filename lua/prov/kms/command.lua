--- What the operations 'prov kms ...' do.

local ask = require("prov.ask")
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
---@return table? { kms, key, version, detail, alg }, prov.Err?
function M.check(ctx, uri)
  local found, e
  if not uri then
    local workspace
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
  end
  local sealed = assert(require("prov.kms.envelope").decode(blob))
  return { kms = k.uri, key = health.key, version = health.version or "", alg = sealed.alg,
    detail = health.detail or "" }
end

local function row(name, path)
  local bytes = custody.read(path)
  if not bytes then
    return nil
  end
  local found, e = custody.parse(bytes, path)
  if type(found) == "string" then
    return { workspace = name, file = path, kms = "local", key = "", version = "" }
  end
  local sealed = found and require("prov.kms.envelope").decode(found.envelope)
  if not sealed then
    return { workspace = name, file = path, kms = "damaged: " .. tostring(e or "the envelope"), key = "", version = "" }
  end
  return { workspace = name, file = path, kms = found.kms, key = sealed.key, version = sealed.version,
    created = os.date("!%Y-%m-%dT%H:%M:%SZ", sealed.created) }
end

--- Who keeps the keys of the workspaces of this user, and of their environments.
---@return table[]
function M.list()
  local workspaces, out = require("prov.workspace"), {}
  for _, one in ipairs(workspaces.list()) do
    local names = { one.dir }
    for _, env in ipairs(fs.list(one.dir .. "/.prov/env") or {}) do
      names[#names + 1] = one.dir .. "@" .. env.name
    end
    for _, name in ipairs(names) do
      local workspace = workspaces.open_dir(name)
      out[#out + 1] = workspace and row(workspace.name, workspace.key_path) or nil
    end
  end
  return out
end

--- Wraps the workspace's key anew; with `rotate`, under a new version of the KMS's key.
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
  found, e = custody.rewrap(workspace.key_path)
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
