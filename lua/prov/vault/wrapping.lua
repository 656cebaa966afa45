--- Response wrapping: an answer that waits behind a token that works once.

local data = require("core.data")
local err = require("prov.err")
local tokens = require("prov.vault.tokens")

local M = {}

local function path_of(id)
  return "wrap/" .. id
end

local function info(secret, token, path, ttl)
  return {
    token = secret, accessor = token.accessor, ttl = ttl, creation_time = tokens.time(token.created),
    creation_path = path,
  }
end

local function keep(vault, path, wrapped, ttl)
  local secret, token, changes = tokens.prepare(vault, {
    policies = { "response-wrapping" }, display_name = "wrapping", path = path, ttl = ttl, max_ttl = ttl,
    wrapping = true, renewable = false,
  })
  changes[#changes + 1] = { "put", path_of(token.id), { path = path, ttl = ttl, created = token.created,
    answer = wrapped } }
  local ok, e = vault.barrier:commit(changes)
  if not ok then
    return nil, e
  end
  vault:kick()
  return info(secret, token, path, ttl)
end

--- Puts an answer behind a token.
---@async
---@param vault prov.Vault
---@param path string of the request
---@param answer prov.vault.Answer
---@param ttl integer seconds
---@return prov.vault.Answer?, prov.Err?
function M.wrap(vault, path, answer, ttl)
  local wrap_info, e = keep(vault, path, {
    data = answer.data, auth = answer.auth, lease_id = answer.lease_id, lease_duration = answer.lease_duration,
    renewable = answer.renewable, warnings = answer.warnings,
  }, ttl)
  if not wrap_info then
    return nil, e
  end
  if answer.auth then
    wrap_info.wrapped_accessor = answer.auth.accessor
  end
  return { request_id = answer.request_id, wrap_info = wrap_info }
end

local function invalid()
  return err.fail("usage", "wrapping token is not valid or does not exist")
end

--- What stands behind a token, which is used up.
---@async
---@param vault prov.Vault
---@param secret string
---@return table? kept
---@return prov.Err?
function M.unwrap(vault, secret)
  local id = tokens.id_of(vault, secret)
  local _ <close> = vault:lock_of("token " .. id)
  local token = tokens.get(vault, id)
  local kept = token and token.wrapping and vault.barrier:get(path_of(id))
  if not kept then
    return invalid()
  end
  local ok, e = tokens.revoke(vault, id) -- before it is told: it is told once
  return ok and kept, e
end

--- What can be known of a token without using it.
---@param vault prov.Vault
---@param secret string
---@return table?, prov.Err?
function M.lookup(vault, secret)
  local id = tokens.id_of(vault, secret)
  local token = tokens.get(vault, id)
  local kept = token and token.wrapping and vault.barrier:get(path_of(id))
  if not kept then
    return invalid()
  end
  return { creation_path = kept.path, creation_time = tokens.time(kept.created), creation_ttl = kept.ttl }
end

--- Another token for the same answer; the old one is used up.
---@async
---@param vault prov.Vault
---@param secret string
---@return table? wrap_info
---@return prov.Err?
function M.rewrap(vault, secret)
  local kept, e = M.unwrap(vault, secret)
  if not kept then
    return nil, e
  end
  return keep(vault, kept.path, kept.answer, kept.ttl)
end

--- Puts data of somebody behind a token.
---@async
---@param vault prov.Vault
---@param given table
---@param ttl integer
---@return table? wrap_info
---@return prov.Err?
function M.wrap_data(vault, given, ttl)
  return keep(vault, "sys/wrapping/wrap", { data = next(given) and given or data.null }, ttl)
end

return M
