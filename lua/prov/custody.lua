--- Who keeps a key: a file with its 32 bytes, or a KMS, and then the file holds the key as that has wrapped it. Such
-- a file is JSON: { prov_custody, kms, context, envelope }; nothing in it is secret. No module of a KMS is loaded
-- for a file with a key.

local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

local FORMAT = 1
local MAX = 128 * 1024

---@class prov.Custody
---@field kms string URI
---@field context table<string, string> as the key was bound when it was wrapped
---@field envelope string

--- What a file of a key holds: its 32 bytes, or who keeps it.
---@param bytes string
---@param path string for errors
---@return string|prov.Custody|nil
---@return prov.Err? err "corrupt"
function M.parse(bytes, path)
  if #bytes == 32 then
    return bytes
  end
  local found = bytes:find("^{") and require("prov.json").decode(bytes)
  if type(found) ~= "table" or found.prov_custody ~= FORMAT or type(found.kms) ~= "string"
    or type(found.context) ~= "table" or type(found.envelope) ~= "string" then
    return err.fail("corrupt", "key file %s has %d bytes, and is neither a key, which has 32, nor one that a KMS "
      .. "wrapped; restore it from a backup", path, #bytes)
  end
  return found
end

--- The bytes of a file for a wrapped key.
---@param custody prov.Custody
---@return string
function M.encode(custody)
  return assert(require("prov.json").encode({
    prov_custody = FORMAT, kms = custody.kms, context = custody.context, envelope = custody.envelope,
  }, { sorted = true })) .. "\n"
end

--- The key in the bytes of a file; a KMS is asked for it, or remembered to have been (prov.kms.cache). It compares the
-- whole context that is written down with the one the key was wrapped with. Here the purpose is compared: the key of a
-- queue is none for a state. A workspace may have got another name since.
---@async
---@param bytes string
---@param path string for errors
---@param purpose "state"|"queue" what the key must be for
---@return string? key
---@return prov.Err? err as of the KMS
---@return prov.Custody? custody when a KMS keeps it
function M.key_of(bytes, path, purpose)
  local found, e = M.parse(bytes, path)
  if type(found) ~= "table" then
    return found, e
  elseif found.context.purpose ~= purpose then
    return nil, err.new("auth", ("the key in %s was wrapped for another purpose: '%s', not '%s'"):format(path,
      tostring(found.context.purpose), purpose), { hint = "put the right key file there; nothing was changed" })
  end
  local context
  context, e = require("prov.kms.envelope").context(found.context)
  if not context then
    return nil, e
  end
  local key
  key, e = require("prov.kms.cache").get(found.kms, found.envelope, context, function()
    local kms, why = require("prov.kms").open(found.kms)
    if not kms then
      return nil, why
    end
    return kms:unwrap(found.envelope, found.context)
  end)
  if not key then
    local wrapped = e:wrap("the key in %s", path)
    return nil, wrapped
  end
  return key, nil, found
end

--- The key of a file, which is made at first use.
---@async
---@param path string
---@param purpose "state"|"queue"
---@return string? key 32 bytes
---@return prov.Err? err
---@return prov.Custody? custody
function M.keyfile(path, purpose)
  local key, e = require("core.crypto").keyfile(path)
  if key or e.code ~= "corrupt" then
    return key, e
  end
  local bytes = fs.read(path, { max = MAX }) -- it is ours, and nobody else may read it
  if not bytes then
    return nil, e
  end
  return M.key_of(bytes, path, purpose)
end

--- The bytes of a file of a key.
---@param path string
---@return string? bytes
---@return prov.Err? err
function M.read(path)
  return fs.read(path, { max = MAX })
end

--- A new key, and the bytes of the file for it.
---@async
---@param uri? string of a KMS; nil: the file holds the key
---@param context table<string, string>
---@return string? key
---@return string|prov.Err bytes
function M.make(uri, context)
  if not uri then
    local key, e = require("core.crypto").random(32)
    return key, key or e
  end
  local kms, e = require("prov.kms").open(uri)
  if not kms then
    return nil, e
  end
  local key, blob = kms:generate(context)
  if not key or type(blob) ~= "string" then
    return nil, blob
  end
  local again
  again, e = kms:unwrap(blob, context) -- nothing is sealed with a key that might not come back
  if again ~= key then
    return nil, e or err.new("protocol", ("the KMS %s did not give back the key it had wrapped"):format(uri))
  end
  return key, M.encode({ kms = kms.uri, context = context, envelope = blob })
end

-- Where a new key waits until everything is sealed with it.
local function next_of(path)
  return path .. ".new"
end

local function put_in_place(path)
  local ok, e = fs.rename(next_of(path), path)
  if not ok then
    return nil, e
  end
  return fs.sync(path:match("^(.*)/[^/]*$"))
end

local function open_with(path, key)
  local sealer, e = require("core.crypto").sealer(key)
  if not sealer then
    return nil, e
  end
  return require("core.store").open(path, { sealer = sealer })
end

--- Opens a store that this process alone uses, with the key of a file. When M.rekey was killed after it had sealed the
--- store with another key, that is put in place.
---@async
---@param path string
---@param key_path string
---@param purpose "queue"
---@return prov.Store?
---@return prov.Err? err
---@return prov.Custody? custody
function M.open_store(path, key_path, purpose)
  if fs.exists(path) and not fs.exists(key_path) then
    return nil, err.new("notfound", ("the key %s is gone, and %s does not open without it"):format(key_path, path),
      { hint = "put your copy of it there (mode 0600)" })
  end
  local key, e, kept = M.keyfile(key_path, purpose)
  local store
  if key then
    store, e = open_with(path, key)
  end
  if store or key and e.code ~= "auth" then
    return store, e, kept
  end
  local bytes = M.read(next_of(key_path)) -- of a rekey that was killed
  if not bytes then
    return nil, e
  end
  local next, why, keeps = M.key_of(bytes, next_of(key_path), purpose)
  if not next then
    return nil, why
  end
  store = open_with(path, next)
  if not store then
    return nil, e
  end
  local ok
  ok, why = put_in_place(key_path)
  if not ok then
    store:close()
    return nil, why
  end
  return store, nil, keeps
end

--- Seals a store that this process alone uses under a new key. Killed at any moment it leaves one that M.open_store
--- opens.
---@async
---@param path string
---@param key_path string
---@param context { purpose: "queue" } what the new key is bound to
---@param uri? string who keeps the new key: the URI of a KMS, or "local" for the key file; nil: who keeps it now
---@return string? kms
---@return prov.Err? err
function M.rekey(path, key_path, context, uri)
  local store <close>, e, kept = M.open_store(path, key_path, context.purpose)
  if not store then
    return nil, e
  end
  uri = uri or kept and kept.kms or "local"
  local key, bytes = M.make(uri ~= "local" and uri or nil, context)
  if not key then
    return nil, bytes
  end
  local ok
  ok, e = fs.write_atomic(next_of(key_path), bytes, { mode = 384 })
  if ok then
    ok, e = store:rewrite({ sealer = assert(require("core.crypto").sealer(key)) })
  end
  if ok then
    ok, e = put_in_place(key_path)
  end
  return ok and uri, e
end

--- Wraps the key in a file anew, under the newest version of its KMS's key. The key stays the same.
---@async
---@param path string
---@param bind? table<string, string> what of its context is another from now on
---@return prov.Custody? custody
---@return prov.Err? err
function M.rewrap(path, bind)
  local bytes, e = M.read(path)
  if not bytes then
    return nil, e
  end
  local found
  found, e = M.parse(bytes, path)
  if type(found) ~= "table" then
    return nil, e or err.new("unsupported", ("no KMS keeps the key in %s"):format(path), {
      hint = "'prov state rekey --kms URI' gives it to one; without one, 'prov state rekey' makes a new key" })
  end
  local kms
  kms, e = require("prov.kms").open(found.kms)
  if not kms then
    return nil, e
  end
  local before
  before, e = kms:unwrap(found.envelope, found.context)
  if not before then
    return nil, e
  end
  local context, moved = {}, false
  for name, text in pairs(found.context) do
    context[name] = text
  end
  for name, text in pairs(bind or {}) do
    moved = moved or context[name] ~= text
    context[name] = text
  end
  local blob
  if moved then
    blob, e = kms:wrap(before, context)
  else
    blob, e = kms:rewrap(found.envelope, context)
  end
  if not blob then
    return nil, e
  end
  local after
  after, e = kms:unwrap(blob, context)
  if after ~= before then
    return nil, e or err.new("protocol", ("the KMS %s wrapped another key than it was given"):format(found.kms))
  end
  found.envelope, found.context = blob, context
  local ok
  ok, e = fs.write_atomic(path, M.encode(found), { mode = 384 })
  return ok and found, e
end

return M
