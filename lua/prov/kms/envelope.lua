--- What is stored of a key that a KMS wrapped: the envelope says which KMS, which key and how; and what a context is in
--- bytes.

local data = require("core.data")
local err = require("prov.err")

local M = {}

local VERSION = 1
local MAX = 64 * 1024

--- A context as bytes: always the same for the same names and texts.
---@param context table<string, string> such as workspace, purpose, revision
---@return string
function M.context(context)
  return assert(data.encode(context))
end

---@class prov.kms.Envelope
---@field kms string scheme of the URI
---@field key string the key of the KMS that wrapped, as the KMS calls it
---@field alg string
---@field bytes string
---@field created integer seconds since 1970

--- Writes an envelope.
---@param fields prov.kms.Envelope
---@return string blob
function M.write(fields)
  return assert(data.encode({
    v = VERSION, kms = fields.kms, key = fields.key, alg = fields.alg, bytes = fields.bytes, created = fields.created,
  }))
end

local TYPES = { v = "number", kms = "string", key = "string", alg = "string", bytes = "string", created = "number" }

--- Reads an envelope of a KMS.
---@param blob string
---@param kms string scheme it must be of
---@return prov.kms.Envelope?
---@return prov.Err? err "corrupt"; "unsupported": a later prov wrote it; "invalid": another KMS wrapped it
function M.read(blob, kms)
  local fields = #blob <= MAX and data.decode(blob)
  if data.kind(fields) ~= "map" then
    return err.fail("corrupt", "this is no key that a KMS wrapped")
  end
  for name, type_name in pairs(TYPES) do
    if type(fields[name]) ~= type_name then
      return err.fail("corrupt", "the envelope of a wrapped key has no %s", name)
    end
  end
  if fields.v ~= VERSION then
    return err.fail("unsupported", "a wrapped key has an envelope of version %s, which a later prov writes", fields.v)
  elseif fields.kms ~= kms then
    return err.fail("invalid", "the key was wrapped by a KMS of the kind '%s', not '%s'", fields.kms, kms)
  end
  return fields
end

return M
