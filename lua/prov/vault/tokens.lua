--- Tokens: kept by their HMAC alone, with the tokens they made below them.
--
-- A token that is revoked takes with it what it made, unless those are orphans, and all its leases.

local crypto = require("core.crypto")
local data = require("core.data")
local due = require("prov.vault.due")
local err = require("prov.err")

local M = {}

local BYTES = 24

M.LONGEST = 512 -- characters

---@class prov.vault.Token
---@field id string the HMAC
---@field accessor string
---@field policies string[]
---@field meta table<string, string>
---@field display_name string
---@field path string what made it: "auth/token/create"
---@field created integer
---@field ttl integer seconds it was given; 0: it does not end
---@field expires integer 0: never
---@field max_ttl integer seconds from its creation, 0: the vault's
---@field period integer seconds, 0: none
---@field uses integer how often it may still be used, 0: any number
---@field orphan boolean
---@field renewable boolean
---@field parent? string
---@field wrapping? boolean it stands for one wrapped answer
---@field own_meta? boolean its meta was chosen by who may not vouch for it

local function random_text(n)
  local text = require("core.base").base64(assert(crypto.random(n)))
  return (text:gsub("[+/=]", { ["+"] = "x", ["/"] = "y", ["="] = "" }))
end

local function path_of(id)
  return "token/id/" .. id
end

--- What stands for a token in the storage.
---@param vault prov.Vault
---@param secret string
---@return string
function M.id_of(vault, secret)
  local hasher = vault.cache.token_hasher
  if not hasher then
    hasher = assert(crypto.hasher("sha256", assert(vault.barrier:get("core/salt"))))
    vault.cache.token_hasher = hasher
  end
  return crypto.hex(assert(hasher:add(secret)):finish())
end

--- Where it is in time: what it still has, in seconds; nil when it does not end.
---@param token prov.vault.Token
---@param now integer
---@return integer?
function M.left(token, now)
  return token.expires > 0 and math.max(0, token.expires - now) or nil
end

-- A token that is valid now; `read` is the barrier's way to read it.
local function valid(vault, id, read)
  if vault.ending[id] then
    return nil -- it is being revoked
  end
  local token, e = read(vault.barrier, path_of(id))
  if token and token.expires > 0 and token.expires <= vault.now() then
    return nil
  end
  return token, e
end

--- A token that is valid now, by its id.
---@param vault prov.Vault
---@param id string
---@return prov.vault.Token?, prov.Err?
function M.get(vault, id)
  return valid(vault, id, vault.barrier.get)
end

--- A token by its accessor.
---@param vault prov.Vault
---@param accessor string
---@return prov.vault.Token?, prov.Err?
function M.by_accessor(vault, accessor)
  local id, e = vault.barrier:get("token/accessor/" .. accessor)
  local token = id and M.get(vault, id)
  if not token then
    return nil, e or err.new("usage", "invalid accessor")
  end
  return token
end

-- What changes when a token is written.
local function changes_of(token)
  local out = {
    { "put", path_of(token.id), token },
    { "put", "token/accessor/" .. token.accessor, token.id },
  }
  if token.parent then
    out[#out + 1] = { "put", ("token/child/%s/%s"):format(token.parent, token.id), true }
  end
  if token.expires > 0 then
    out[#out + 1] = due.add("token", token.id, token.expires)
  end
  return out
end

--- A new token, and the changes that keep it.
---@param vault prov.Vault
---@param how table policies, meta, display_name, path, ttl, max_ttl, period, uses, renewable, parent, wrapping, role
---@return string secret
---@return prov.vault.Token token
---@return table[] changes
function M.prepare(vault, how)
  local secret = how.secret or "hvs." .. random_text(BYTES)
  local now, ttl = vault.now(), how.period and how.period > 0 and how.period or how.ttl or 0
  local max = how.max_ttl or 0
  if max > 0 then
    ttl = ttl > 0 and math.min(ttl, max) or max
  end
  local token = {
    id = M.id_of(vault, secret),
    accessor = random_text(18),
    policies = data.list(how.policies),
    meta = how.meta or {},
    display_name = how.display_name or "token",
    path = how.path,
    created = now,
    ttl = ttl,
    expires = ttl > 0 and now + ttl or 0,
    max_ttl = max,
    period = how.period or 0,
    uses = how.uses or 0,
    orphan = how.parent == nil,
    renewable = how.renewable ~= false and ttl > 0,
    parent = how.parent,
    wrapping = how.wrapping,
    role = how.role,
    own_meta = how.own_meta or nil,
  }
  return secret, token, changes_of(token)
end

--- Makes a token.
---@async
---@param vault prov.Vault
---@param how table as in prepare
---@return string? secret
---@return prov.vault.Token|prov.Err token err "denied": its parent was revoked meanwhile
function M.create(vault, how)
  if how.parent and not M.get(vault, how.parent) then
    return err.fail("denied", "permission denied")
  end
  local secret, token, changes = M.prepare(vault, how)
  local ok, e = vault.barrier:commit(changes)
  if not ok then
    return nil, e
  end
  vault:kick()
  return secret, token
end

--- Writes a token that has changed, at the time it ends now.
local function update(vault, token, before)
  local changes = changes_of(token)
  if before > 0 and before ~= token.expires then
    changes[#changes + 1] = due.remove("token", token.id, before)
  end
  local ok, e = vault.barrier:commit(changes)
  vault:kick()
  return ok, e
end

--- Lets a token last longer.
---@async
---@param vault prov.Vault
---@param id string
---@param increment? integer seconds
---@return prov.vault.Token?, prov.Err|string|nil
---@return string? warning
function M.renew(vault, id, increment)
  local _ <close> = vault:lock_of("token " .. id)
  local token, e = M.get(vault, id)
  if not token then
    return nil, e or err.new("denied", "the token is gone")
  elseif not token.renewable then
    return err.fail("usage", "lease is not renewable")
  end
  local now, before = vault.now(), token.expires
  local ttl = token.period > 0 and token.period or increment and increment > 0 and increment or token.ttl
  local limit = token.created + (token.max_ttl > 0 and token.max_ttl or vault.max_ttl)
  local warning
  if token.period > 0 then
    limit = token.max_ttl > 0 and limit or math.huge
  end
  if now + ttl > limit then
    ttl = math.max(limit - now, 0)
    warning = ("TTL of \"%ds\" exceeded the effective max_ttl; it lasts %ds"):format(increment or token.ttl, ttl)
  end
  token.expires = now + ttl
  local ok
  ok, e = update(vault, token, before)
  if not ok then
    return nil, e
  end
  return token, nil, warning
end

--- The token somebody shows, one use less. A token without uses left is gone after this request.
---@async
---@param vault prov.Vault
---@param secret string
---@return prov.vault.Token? token not to be changed
---@return prov.Err? err "denied"
function M.use(vault, secret)
  if #secret > M.LONGEST then
    return err.fail("denied", "permission denied")
  end
  local id = M.id_of(vault, secret)
  local token, e = valid(vault, id, vault.barrier.peek)
  if token and token.uses > 0 then
    local _ <close> = vault:lock_of("token " .. id)
    token, e = M.get(vault, id)
    if token and token.uses < 0 then
      token = nil -- its last use is under way
    elseif token then
      token.uses = token.uses == 1 and -1 or token.uses - 1
      local ok
      ok, e = vault.barrier:put(path_of(id), token)
      if not ok then
        return nil, e
      end
    end
  elseif token and token.uses < 0 then
    token = nil
  end
  if not token then
    return nil, e or err.new("denied", "permission denied")
  end
  return token
end

-- All ids below a token, itself first; orphans are not below, and `alone` leaves all out. From now on they are
-- `ending`: they do nothing any more, and what they had begun has been written when this returns.
local function tree(vault, id, alone)
  local out, at = { id }, 1
  vault.ending[id] = true
  while out[at] do
    local ok, e = vault.barrier:settle()
    local last = #out
    for i = at, ok and not alone and last or 0 do
      local children
      children, e = vault.barrier:list(("token/child/%s/"):format(out[i]))
      for _, child in ipairs(children or {}) do
        out[#out + 1] = child
        vault.ending[child] = true
      end
    end
    if e then
      return nil, e, out
    end
    at = last + 1
  end
  return out, nil, out
end

local function removal(vault, id, changes)
  local token = vault.barrier:get(path_of(id))
  if not token then
    return
  end
  changes[#changes + 1] = { "del", path_of(id) }
  changes[#changes + 1] = { "del", "token/accessor/" .. token.accessor }
  changes[#changes + 1] = { "del_below", ("mount/cubbyhole/%s/"):format(id) }
  changes[#changes + 1] = { "del", "wrap/" .. id }
  if token.parent then
    changes[#changes + 1] = { "del", ("token/child/%s/%s"):format(token.parent, id) }
  end
  if token.expires > 0 then
    changes[#changes + 1] = due.remove("token", id, token.expires)
  end
  require("prov.vault.leases").end_of_token(vault, id, changes)
end

-- The changes that end tokens.
local function ends_of(vault, ids, orphan)
  local changes = {}
  for _, child in ipairs(orphan and vault.barrier:list(("token/child/%s/"):format(ids[1])) or {}) do
    local token = M.get(vault, child)
    if token then
      token.parent, token.orphan = nil, true
      changes[#changes + 1] = { "put", path_of(child), token }
    end
    changes[#changes + 1] = { "del", ("token/child/%s/%s"):format(ids[1], child) }
  end
  for _, id in ipairs(ids) do
    removal(vault, id, changes)
  end
  return changes
end

--- Revokes a token and what it made; its leases end at once, one after the other.
---@async
---@param vault prov.Vault
---@param id string
---@param orphan? boolean its children live on, as orphans
---@return true?, prov.Err?
function M.revoke(vault, id, orphan)
  local _ <close> = vault:lock_of("token tree")
  local ids, e, marked = tree(vault, id, orphan)
  local ok = ids ~= nil
  local changes = ids and ends_of(vault, ids, orphan) or {}
  if #changes > 0 then
    ok, e = vault.barrier:commit(changes)
  end
  for _, each in ipairs(marked) do
    vault.ending[each] = nil
  end
  vault:kick()
  return ok or nil, e
end

--- Revokes all tokens that an auth method has made.
---@async
---@param vault prov.Vault
---@param mount string "auth/userpass/"
---@return true?, prov.Err?
function M.revoke_made_at(vault, mount)
  for _, path in ipairs(vault.barrier:paths("token/id/") or {}) do
    local token = vault.barrier:get(path)
    if token and token.path:sub(1, #mount) == mount then
      local ok, e = M.revoke(vault, token.id)
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

--- How a lookup shows a token.
---@param vault prov.Vault
---@param token prov.vault.Token
---@param secret? string when who asks has shown it
---@return table
function M.shown(vault, token, secret)
  local now, null = vault.now(), data.null
  return {
    id = secret or "",
    accessor = token.accessor,
    policies = token.policies,
    meta = next(token.meta) and token.meta or null,
    display_name = token.display_name,
    path = token.path,
    creation_time = token.created,
    creation_ttl = token.ttl,
    ttl = M.left(token, now) or 0,
    expire_time = token.expires > 0 and M.time(token.expires) or null,
    issue_time = M.time(token.created),
    explicit_max_ttl = token.max_ttl,
    num_uses = math.max(token.uses, 0),
    orphan = token.orphan,
    renewable = token.renewable,
    period = token.period > 0 and token.period or nil,
    role = token.role,
    type = "service",
    entity_id = "",
  }
end

local shown, shown_as -- the time that was shown last: it is asked for twice a request

--- A time as the API shows it.
---@param seconds integer since 1970
---@return string
function M.time(seconds)
  if seconds ~= shown then
    shown, shown_as = seconds, os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
  end
  return shown_as
end

M.random_text = random_text

--- A random UUID (RFC 9562, version 4).
---@return string
function M.uuid()
  return assert(crypto.uuid())
end

return M
