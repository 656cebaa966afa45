--- Leases: what an engine gave out for a time, and takes back when that ends or somebody says so.
--
-- They are on disk with an index by the time they end; nothing of them is in memory. What cannot be taken back is tried
-- again, later and later; after TRIES it is set aside as irrevocable, for somebody to look at. A server that is not
-- there is asked again even then.
--
-- What a lease is for is made after the lease was written as pending (below lease/pending/, too). A pending one ends
-- when what it is for was not made, or when the vault is opened the next time.

local async = require("prov.async")
local data = require("core.data")
local due = require("prov.vault.due")
local engines = require("prov.vault.engine")
local err = require("prov.err")
local log = require("prov.log")
local mounts = require("prov.vault.mounts")
local tokens = require("prov.vault.tokens")

local M = {}

local TRIES = 6
local FIRST_PAUSE, LONGEST_PAUSE = 5, 600 -- seconds
local AT_ONCE = 16 -- leases that end at the same time
local BATCH = 256 -- ends that are looked at together
local PENDING = 600 -- seconds something may take to be made
local RETRY = 10 -- seconds until an engine tries again what was due
local ABSENT = { unavailable = true, timeout = true, locked = true }
-- After these nobody knows whether something was made.
local UNKNOWN = { unknown = true, canceled = true, bug = true }

M.NOBODY = "nobody" -- whose lease it is when no token asked

local function path_of(id)
  return "lease/id/" .. id
end

local function token_path(token, id)
  return ("lease/token/%s/%s"):format(token, id)
end

local function pending_path(id)
  return "lease/pending/" .. id
end

-- What changes when a lease is new.
local function first_changes(lease)
  return {
    { "put", path_of(lease.id), lease },
    { "put", token_path(lease.token, lease.id), true },
    due.add("lease", lease.id, lease.expires),
  }
end

-- Makes what a lease is for between two commits.
local function make_pending(vault, kept, ttl, make)
  local _ <close> = vault:lock_of("lease " .. kept.id)
  kept.pending, kept.expires = true, vault.now() + PENDING
  local changes = first_changes(kept)
  changes[4] = { "put", pending_path(kept.id), true }
  local ok, e = vault.barrier:commit(changes)
  if not ok then
    return nil, e
  end
  vault:kick()
  local went_well, made, why = pcall(make)
  if not went_well then
    made, why = nil, err.from(made)
  end
  if not made then
    changes = {}
    if UNKNOWN[why.code] then
      M.end_now(vault, kept.id, changes)
    else
      changes = M.removal(kept)
    end
    vault.barrier:commit(changes) -- when that fails it is still pending
    vault:kick()
    return nil, why
  end
  local before = kept.expires
  kept.pending, kept.expires = nil, vault.now() + ttl
  changes = first_changes(kept)
  changes[4] = { "del", pending_path(kept.id) }
  if before ~= kept.expires then
    changes[5] = due.remove("lease", kept.id, before)
  end
  ok, e = vault.barrier:commit(changes)
  vault:kick()
  return ok and kept, ok and made or e
end

--- Keeps what an engine gave out, or makes it after it was written down that somebody must take it back.
---@async
---@param vault prov.Vault
---@param row prov.vault.MountRow
---@param path string of the request
---@param lease prov.vault.Lease
---@param token string id of who asked
---@param make? fun(): table?, prov.Err?
---@return table? kept
---@return table|prov.Err|nil made or err "denied": the token was revoked meanwhile
function M.create(vault, row, path, lease, token, make)
  if token ~= M.NOBODY and not tokens.get(vault, token) then
    return err.fail("denied", "permission denied")
  end
  local ctx, now = mounts.context(vault, row), vault.now()
  local max = engines.longest(ctx, lease.max_ttl)
  local ttl = math.min(lease.ttl > 0 and lease.ttl or ctx.default_ttl, max)
  local id = ("%s/%s"):format(path, tokens.random_text(18))
  local kept = {
    id = id, mount = row.id, path = path, token = token, issued = now, ttl = ttl, expires = now + ttl,
    limit = now + max, renewable = lease.renewable ~= false, internal = lease.internal or {}, tries = 0,
  }
  if make then
    return make_pending(vault, kept, ttl, make)
  end
  local ok, e = vault.barrier:commit(first_changes(kept))
  vault:kick()
  return ok and kept, e
end

--- Lets end what was being made when the process that did so ended.
---@async
---@param vault prov.Vault
---@return true?, prov.Err?
function M.end_pending(vault)
  local paths, e = vault.barrier:paths(pending_path(""))
  if not paths then
    return nil, e
  end
  local changes = {}
  for i, path in ipairs(paths) do
    M.end_now(vault, path:sub(#pending_path("") + 1), changes)
    if i % BATCH == 0 or i == #paths then
      local ok
      ok, e = vault.barrier:commit(changes)
      if not ok then
        return nil, e
      end
      changes = {}
    end
  end
  return true
end

--- A lease by its id.
---@param vault prov.Vault
---@param id string
---@return table?, prov.Err? err "usage"
function M.get(vault, id)
  return engines.need(vault.barrier, path_of(id), "usage", "invalid lease")
end

local function engine_of(vault, mount)
  for _, row in ipairs(assert(mounts.rows(vault))) do
    if row.id == mount then
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
  elseif not lease.renewable or lease.pending then
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
  local engine, ctx = engine_of(vault, lease.mount)
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
function M.removal(lease)
  local changes = {
    { "del", path_of(lease.id) }, { "del", token_path(lease.token, lease.id) }, { "del", pending_path(lease.id) },
  }
  if lease.expires > 0 then
    changes[4] = due.remove("lease", lease.id, lease.expires)
  end
  return changes
end

local function failed(vault, lease, e)
  vault.ending[lease.id] = nil
  local before = lease.expires
  lease.tries, lease.error = lease.tries + 1, tostring(e)
  local pause = math.min(FIRST_PAUSE << math.min(lease.tries - 1, 16), LONGEST_PAUSE)
  lease.irrevocable = lease.tries >= TRIES or nil
  local over = lease.irrevocable and not ABSENT[e.code]
  lease.expires = over and 0 or vault.now() + pause
  local changes = { { "put", path_of(lease.id), lease } }
  if before > 0 then
    changes[2] = due.remove("lease", lease.id, before)
  end
  if not over then
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
---@param at? integer only if it still ends then
---@return true?, prov.Err?
function M.revoke(vault, id, force, at)
  local _ <close> = vault:lock_of("lease " .. id)
  local lease, e = vault.barrier:get(path_of(id))
  if not lease then
    return not e or nil, e -- gone already
  elseif at and lease.expires ~= at then
    return vault.barrier:commit({ due.remove("lease", id, at) }) -- renewed meanwhile
  end
  local engine, ctx = engine_of(vault, lease.mount)
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
  ok, e = vault.barrier:commit(M.removal(lease))
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
  elseif not how.force then -- also before those that somebody waits for: a crash does not forget them
    local ok
    ok, e = M.end_all(vault, ids)
    if not ok or not how.sync then
      return ok, e
    end
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

-- An engine does what it wanted to do now.
local function engine_is_due(vault, row)
  local changes, mount, name = { due.remove(row.kind, row.id, row.at) }, row.id:match("^([^/]*)/(.*)$")
  local engine, ctx = engine_of(vault, mount)
  if engine and engine.due then
    local went_well, ok, e = pcall(engine.due, ctx, name)
    if not went_well then
      ok, e = nil, err.from(ok)
    end
    if not ok then
      log.warn("a mount could not do what was due", { path = ctx.path, name = name, error = tostring(e) })
      changes[2] = due.add(row.kind, row.id, vault.now() + RETRY)
    end
  end
  return vault.barrier:commit(changes)
end

--- Ends what is due: tokens and leases; and lets engines do what is.
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
      elseif row.kind == "mount" then
        ok, why = engine_is_due(vault, row)
      else
        local lease = vault.barrier:get(path_of(row.id))
        if not lease or lease.expires ~= row.at then
          ok, why = vault.barrier:commit({ due.remove(row.kind, row.id, row.at) })
        else
          M.revoke(vault, row.id, false, row.at) -- it keeps count of its failures itself
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
