--- Keys that a KMS has unwrapped, remembered in this process in locked memory, for kms.cache_ttl seconds and
-- kms.cache_uses uses, whatever comes first. While a key is remembered an unreachable KMS is not noticed, and a
-- revoked key still opens; afterwards nothing opens until the KMS answers again. Nothing is ever remembered on a
-- disk.

local clock = require("prov.clock")
local crypto = require("core.crypto")
local settings = require("prov.settings")

local M = {}

local known = {} -- name -> { secret, until, uses }
local MOST = 1024
local count = 0

local function forget(name)
  known[name].secret:close()
  known[name] = nil
  count = count - 1
end

local function name_of(uri, blob, bytes)
  return crypto.sha256(("%d\n%s%d\n%s%s"):format(#uri, uri, #blob, blob, bytes))
end

local function sweep(now)
  for name, one in pairs(known) do
    if now >= one.expires then
      forget(name)
    end
  end
end

--- The key of a blob: as it is remembered, else as `unwrap` says.
---@async
---@param uri string
---@param blob string
---@param context string canonical
---@param unwrap fun(): string?, prov.Err?
---@return string? key
---@return prov.Err? err
function M.get(uri, blob, context, unwrap)
  local name, now = name_of(uri, blob, context), clock.monotonic()
  sweep(now)
  local one = known[name]
  if one then
    one.uses = one.uses - 1
    local key = one.secret:reveal()
    if one.uses <= 0 then
      forget(name)
    end
    return key
  end
  local key, e = unwrap()
  local ttl, uses = settings.ms(settings.kms.cache_ttl), settings.kms.cache_uses - 1
  if key and ttl > 0 and uses > 0 and not known[name] and count < MOST then
    known[name] = { secret = crypto.secret(key), expires = now + ttl, uses = uses }
    count = count + 1
  end
  return key, e
end

--- Forgets all of them.
function M.clear()
  for name in pairs(known) do
    forget(name)
  end
end

return M
