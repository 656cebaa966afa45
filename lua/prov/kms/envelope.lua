--- The envelope: what is kept of a key that a KMS has wrapped. One line of canonical JSON, so that the same envelope
-- is the same bytes: {alg, created, key, kms, prov_kms, version, wrapped}. Nothing in it is secret, and the context
-- that the key is bound to is not in it: whoever unwraps has to know that.

local base = require("core.base")
local err = require("prov.err")
local json = require("prov.json")

local M = {}

local FORMAT = 1
local MAX = 64 * 1024

---@class prov.kms.Sealed
---@field kms string scheme: aws
---@field key string the KMS's name of the key
---@field version string of the key; "" when the KMS keeps that to itself
---@field alg string how it was wrapped
---@field wrapped string bytes
---@field created integer seconds since 1970

local FIELDS = { kms = "string", key = "string", version = "string", alg = "string", created = "number" }

--- The bytes of a context, the same everywhere: JSON with sorted names and nothing between.
---@param context table<string, string> { workspace, purpose, revision }
---@return string? bytes
---@return prov.Err? err "invalid"
function M.context(context)
  if type(context) ~= "table" or next(context) == nil then
    return err.fail("invalid", "a key is wrapped with a context, and this one is empty")
  end
  for name, text in pairs(context) do
    if type(name) ~= "string" or not name:find("^[a-z][a-z0-9_]*$") then
      return err.fail("invalid", "the context of a key has no name '%s': small letters, digits and _", tostring(name))
    elseif type(text) ~= "string" or text == "" or #text > 256 then
      return err.fail("invalid", "'%s' of the context of a key is a text of 1 to 256 bytes", name)
    end
  end
  return json.encode(context, { sorted = true })
end

--- Writes an envelope.
---@param sealed prov.kms.Sealed
---@return string? blob
---@return prov.Err? err
function M.encode(sealed)
  return json.encode({
    prov_kms = FORMAT, kms = sealed.kms, key = sealed.key, version = sealed.version, alg = sealed.alg,
    created = sealed.created, wrapped = base.base64(sealed.wrapped),
  }, { sorted = true })
end

--- Reads an envelope; anything but what encode writes is refused.
---@param blob string
---@return prov.kms.Sealed?
---@return prov.Err? err "corrupt", "unsupported": a newer format
function M.decode(blob)
  local found = type(blob) == "string" and #blob <= MAX and json.decode(blob)
  if type(found) ~= "table" or found == json.null then
    return err.fail("corrupt", "the envelope of the key is damaged: it is not the JSON that prov writes")
  elseif found.prov_kms ~= FORMAT then
    return err.fail(math.type(found.prov_kms) and "unsupported" or "corrupt",
      "the envelope of the key has format %s, and this prov knows %d", tostring(found.prov_kms), FORMAT)
  end
  for name, kind in pairs(FIELDS) do
    if type(found[name]) ~= kind then
      return err.fail("corrupt", "the envelope of the key is damaged: '%s' is missing", name)
    end
  end
  found.wrapped = type(found.wrapped) == "string" and base.unbase64(found.wrapped)
  if not found.wrapped or M.encode(found) ~= blob then
    return err.fail("corrupt", "the envelope of the key is damaged: it is not as prov wrote it")
  end
  found.prov_kms = nil
  return found
end

return M
