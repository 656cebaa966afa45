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

--- The key in the bytes of a file; a KMS is asked for it, or remembered to have been (prov.kms.cache).
---@async
---@param bytes string
---@param path string for errors
---@return string? key
---@return prov.Err? err as of the KMS
---@return prov.Custody? custody when a KMS keeps it
function M.key_of(bytes, path)
  local found, e = M.parse(bytes, path)
  if type(found) ~= "table" then
    return found, e
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
---@return string? key 32 bytes
---@return prov.Err? err
---@return prov.Custody? custody
function M.keyfile(path)
  local key, e = require("core.crypto").keyfile(path)
  if key or e.code ~= "corrupt" then
    return key, e
  end
  local bytes = fs.read(path, { max = MAX }) -- it is ours, and nobody else may read it
  if not bytes then
    return nil, e
  end
  return M.key_of(bytes, path)
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

--- Wraps the key in a file anew, under the newest version of its KMS's key. The key stays the same.
---@async
---@param path string
---@return prov.Custody? custody
---@return prov.Err? err
function M.rewrap(path)
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
  local blob
  blob, e = kms:rewrap(found.envelope, found.context)
  if not blob then
    return nil, e
  end
  local after
  after, e = kms:unwrap(blob, found.context)
  if after ~= before then
    return nil, e or err.new("protocol", ("the KMS %s wrapped another key than it was given"):format(found.kms))
  end
  found.envelope = blob
  local ok
  ok, e = fs.write_atomic(path, M.encode(found), { mode = 384 })
  return ok and found, e
end

return M
