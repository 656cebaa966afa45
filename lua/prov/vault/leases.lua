--- Leases: what an engine gave out for a time, and takes back when that ends or somebody says so.
--
-- They are on disk with an index by the time they end; nothing of them is in memory. What cannot be taken back is tried
-- again, later and later; after TRIES it is set aside as irrevocable, for somebody to look at.

local async = require("prov.async")
local data = require("core.data")
local due = require("prov.vault.due")
local err = require("prov.err")
local log = require("prov.log")
local mounts = require("prov.vault.mounts")
local tokens = require("prov.vault.tokens")

local M = {}

local TRIES = 6
local FIRST_PAUSE, LONGEST_PAUSE = 5, 600 -- seconds
local AT_ONCE = 16 -- leases that end at the same time
local BATCH = 256 -- ends that are looked at together

M.NOBODY = "nobody" -- whose lease it is when no token asked

local function path_of(id)
  return "lease/id/" .. id
end

local function token_path(token, id)
  return ("lease/token/%s/%s"):format(token, id)
end

--- Keeps what an engine gave out.
---@async
---@param vault prov.Vault
---@param row prov.vault.MountRow
---@param path string of the request
---@param lease prov.vault.Lease
---@param token string id of who asked
---@return table? kept
---@return prov.Err? err "denied": the token was revoked meanwhile
function M.create(vault, row, path, lease, token)
  if token ~= M.NOBODY and not tokens.get(vault, token) then
    return err.fail("denied", "permission denied")
  end
  local ctx, now = mounts.context(vault, row), vault.now()
  local max = lease.max_ttl and lease.max_ttl > 0 and math.min(lease.max_ttl, ctx.max_ttl) or ctx.max_ttl
  local ttl = math.min(lease.ttl > 0 and lease.ttl or ctx.default_ttl, max)
  local id = ("%s/%s"):format(path, tokens.random_text(18))
  local kept = {
    id = id, mount = row.id, path = path, token = token, issued = now, ttl = ttl, expires = now + ttl,
    limit = now + max, renewable = lease.renewable ~= false, internal = lease.internal or {}, tries = 0,
  }
  local ok, e = vault.barrier:commit({
    { "put", path_of(id), kept },
    { "put", token_path(token, id), true },
    due.add("lease", id, kept.expires),
  })
  vault:kick()
  return ok and kept, e
end

--- A lease by its id.
---@param vault prov.Vault
---@param id string
---@return table?, prov.Err? err "usage"
function M.get(vault, id)
  local lease, e = vault.barrier:get(path_of(id))
  if not lease then
    return nil, e or err.new("usage", "invalid lease")
  end
  return lease
end

local function engine_of(vault, lease)
  for _, row in ipairs(assert(mounts.rows(vault))) do
    if row.id == lease.mount then
      local compiled, e = mounts.engine(row)
      return compiled and compiled.engine, e or mounts.context(vault, row)
    end
  end
end

--- Lets it last longer.
---@async
---@param vault prov.Vault
---@param id string
---@param increment? integer seconds
---@return table? lease
---@return prov.Err?
---@return string? warning
function M.renew(vault, id, increment)
  local _ <close> = vault:lock_of("lease " .. id)
  local lease, e = M.get(vault, id)
  if not lease then
    return nil, e
  elseif not lease.renewable then
    return err.fail("usage", "lease is not renewable")
  end
  local now = vault.now()
  if lease.expires <= now or vault.ending[id] then
    return err.fail("usage", "the lease has ended")
  end
  local wanted = increment and increment > 0 and increment or lease.ttl
  local ttl, warning = math.min(wanted, lease.limit - now), nil
  if ttl < wanted then
    warning = ("TTL of \"%ds\" exceeded the effective max_ttl; it lasts %ds"):format(wanted, ttl)
  end
  local engine, ctx = engine_of(vault, lease)
  if engine and engine.renew then
    local granted
    granted, e = engine.renew(ctx, lease, ttl)
    if not granted then
      return nil, e
    end
    ttl = math.min(granted, ttl)
  end
  if vault.ending[id] then
    return err.fail("usage", "the lease has ended")
  end
  local before = lease.expires
  lease.expires = now + ttl
  local changes = { { "put", path_of(id), lease }, due.add("lease", id, lease.expires) }
  if before ~= lease.expires then
    changes[3] = due.remove("lease", id, before)
  end
  local ok
  ok, e = vault.barrier:commit(changes)
  if not ok then
    return nil, e
  end
  vault:kick()
  return lease, nil, warning
end

-- What is changed when it is gone.
local function removal(lease)
  local changes = { { "del", path_of(lease.id) }, { "del", token_path(lease.token, lease.id) } }
  if lease.expires > 0 then
    changes[3] = due.remove("lease", lease.id, lease.expires)
  end
  return changes
end

local function failed(vault, lease, e)
  vault.ending[lease.id] = nil
  local before = lease.expires
  lease.tries, lease.error = lease.tries + 1, tostring(e)
  local pause = math.min(FIRST_PAUSE << (lease.tries - 1), LONGEST_PAUSE)
  lease.irrevocable = lease.tries >= TRIES or nil
  lease.expires = lease.irrevocable and 0 or vault.now() + pause
  local changes = { { "put", path_of(lease.id), lease } }
  if before > 0 then
    changes[2] = due.remove("lease", lease.id, before)
  end
  if not lease.irrevocable then
    changes[#changes + 1] = due.add("lease", lease.id, lease.expires)
  end
  log.warn("a lease could not be revoked", { lease = lease.id, tries = lease.tries, error = tostring(e),
    irrevocable = lease.irrevocable or false })
  return vault.barrier:commit(changes)
end

--- Takes back what was given out.
---@async
---@param vault prov.Vault
---@param id string
---@param force? boolean forget it whatever the engine says
---@return true?, prov.Err?
function M.revoke(vault, id, force)
  local _ <close> = vault:lock_of("lease " .. id)
  local lease, e = vault.barrier:get(path_of(id))
  if not lease then
    return not e or nil, e -- gone already
  end
  local engine, ctx = engine_of(vault, lease)
  if engine and engine.revoke then
    local went_well, ok, why = pcall(engine.revoke, ctx, lease)
    if not went_well then
      ok, why = nil, err.from(ok)
    end
    if not ok and not force then
      failed(vault, lease, why)
      return nil, why:wrap("the lease %s could not be revoked", id)
    end
  end
  local ok
  ok, e = vault.barrier:commit(removal(lease))
  vault.ending[id] = nil
  return ok, e
end

local function ids_below(vault, prefix)
  local paths, e = vault.barrier:paths("lease/id/" .. prefix)
  if not paths then
    return nil, e
  end
  for i, path in ipairs(paths) do
    paths[i] = path:sub(#"lease/id/" + 1)
  end
  return paths
end

--- Lets leases end now, by the timer.
---@async
---@param vault prov.Vault
---@param ids string[]
---@return true?, prov.Err?
function M.end_all(vault, ids)
  local changes = {}
  for _, id in ipairs(ids) do
    M.end_now(vault, id, changes)
  end
  local ok, e = true, nil
  if #changes > 0 then
    ok, e = vault.barrier:commit(changes)
  end
  vault:kick()
  return ok, e
end

--- Revokes all below a prefix: at once and with an answer for each, or by the timer.
---@async
---@param vault prov.Vault
---@param prefix string
---@param how { sync: boolean?, force: boolean? }
---@return true?, prov.Err?
function M.revoke_below(vault, prefix, how)
  local ids, e = ids_below(vault, prefix)
  if not ids then
    return nil, e
  elseif not how.sync and not how.force then
    return M.end_all(vault, ids)
  end
  local _
  _, e = async.each(ids, AT_ONCE, function(id)
    return M.revoke(vault, id, how.force)
  end)
  return not e or nil, e
end

--- Adds to `changes` what lets a lease end now.
function M.end_now(vault, id, changes)
  local lease = vault.barrier:get(path_of(id))
  if lease then
    vault.ending[id] = true
    if lease.expires > 0 then
      changes[#changes + 1] = due.remove("lease", id, lease.expires)
    end
    lease.expires, lease.tries, lease.irrevocable, lease.renewable = vault.now(), 0, nil, false
    changes[#changes + 1] = { "put", path_of(id), lease }
    changes[#changes + 1] = due.add("lease", id, lease.expires)
  end
end

--- Adds to `changes` what lets all leases of a token end now.
function M.end_of_token(vault, token, changes)
  local prefix = token_path(token, "")
  for _, path in ipairs(vault.barrier:paths(prefix) or {}) do
    M.end_now(vault, path:sub(#prefix + 1), changes)
  end
end

--- Ends what is due: tokens and leases.
---@async
---@param vault prov.Vault
---@return integer? at when the next thing ends
---@return prov.Err?
function M.run_due(vault)
  while not vault:is_sealed() do
    local rows, e = due.first(vault.barrier, 1)
    local now, ready = vault.now(), {}
    if rows and rows[1] and rows[1].at <= now then
      rows, e = due.first(vault.barrier, BATCH)
    end
    if not rows then
      return nil, e
    end
    for _, row in ipairs(rows) do
      if row.at <= now then
        ready[#ready + 1] = row
      end
    end
    if #ready == 0 then
      return rows[1] and rows[1].at
    end
    local _
    _, e = async.each(ready, AT_ONCE, function(row)
      local ok, why
      if row.kind == "token" then
        local token = vault.barrier:get("token/id/" .. row.id)
        if not token or token.expires ~= row.at then -- renewed meanwhile, or revoked
          ok, why = vault.barrier:commit({ due.remove(row.kind, row.id, row.at) })
        else
          ok, why = tokens.revoke(vault, row.id)
        end
      else
        local lease = vault.barrier:get(path_of(row.id))
        if not lease or lease.expires ~= row.at then
          ok, why = vault.barrier:commit({ due.remove(row.kind, row.id, row.at) })
        else
          M.revoke(vault, row.id) -- it keeps count of its failures itself
          ok = true
        end
      end
      return ok, why
    end)
    if e then
      return nil, e
    end
  end
end

--- How many leases there are, and which cannot be revoked.
---@param vault prov.Vault
---@return { id: string, error: string }[]? irrevocable
---@return integer|prov.Err count
function M.irrevocable(vault)
  local ids, e = ids_below(vault, "")
  if not ids then
    return nil, e
  end
  local out = data.list({})
  for _, id in ipairs(ids) do
    local lease = vault.barrier:get(path_of(id))
    if lease and lease.irrevocable then
      out[#out + 1] = { lease_id = id, error = lease.error }
    end
  end
  return out, #ids
end

--- Names right below a prefix of lease ids.
---@param vault prov.Vault
---@param prefix string
---@return string[]?, prov.Err?
function M.list(vault, prefix)
  return vault.barrier:list("lease/id/" .. prefix)
end

return M
