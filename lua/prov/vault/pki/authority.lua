--- The authority of a mount of the pki engine: its certificate and key, what it issued, what it revoked.
--
-- Stored: "issuer" { cert, chain, key }, "pending" { key } of an authority that was not signed yet, "certs/<serial>",
-- "revoked/<serial>" { time, reason }, "crl" { number, der, next_update }. Serials are hex with hyphens.

local async = require("prov.async")
local crypto = require("core.crypto")
local err = require("prov.err")
local pem = require("prov.pem")
local role_rules = require("prov.vault.pki.role")

local M = {}

M.CRL_SECONDS = 72 * 3600

---@class prov.vault.pki.Issuer
---@field cert prov.Cert
---@field key prov.Pkey
---@field facts prov.CertFacts
---@field der string
---@field chain string[] DER of the authorities above it

--- "17:2a:..." of a serial.
function M.serial_text(serial)
  return (crypto.hex(serial):gsub("%x%x", "%0:"):gsub(":$", ""))
end

--- The identifier of the key that signed a certificate, written so too.
---@param der string
function M.authority_id(der)
  local cert <close> = crypto.cert_parse(der)
  local facts = cert and cert:facts()
  return facts and facts.authority_id and M.serial_text(facts.authority_id) or ""
end

--- How it is written in a path of storage; nil when a text is no serial.
function M.serial_key(text)
  local hex = text:lower():gsub("[:%-]", "")
  if #hex == 0 or #hex > 40 or #hex % 2 == 1 or hex:find("%X") then
    return nil
  end
  return (hex:gsub("%x%x", "%0-"):gsub("%-$", ""))
end

--- "2031-01-02T03:04:05Z"
---@param seconds integer since 1970
function M.time_text(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

--- Makes a key.
---@async
---@param key_type string "rsa", "ec", "ed25519"
---@param bits integer 0 for the default
---@return prov.Pkey?, prov.Err?
function M.make_key(key_type, bits)
  local sizes = role_rules.KEY_BITS[key_type]
  local size = bits == 0 and sizes[1] or bits
  local known = false
  for _, s in ipairs(sizes) do
    known = known or s == size
  end
  if not known then
    return err.fail("usage", "'key_bits' of %s must be one of %s, not %d", key_type, table.concat(sizes, ", "), bits)
  elseif key_type == "rsa" then
    return async.await(function(resume)
      return crypto.pkey_generate("rsa", size, resume)
    end)
  end
  return crypto.pkey_generate(key_type == "ec" and role_rules.EC_TYPES[size] or "ed25519")
end

--- What a private key is called, and its text as asked for: the older PEM, or PKCS #8.
---@return string? text, string|prov.Err key_type
function M.key_text(key, format)
  local kind = key:type()
  local old = format ~= "pkcs8" and kind ~= "ed25519"
  local secret <close>, e = key:secret(old and "old" or "pem")
  if not secret then
    return nil, e
  end
  return secret:reveal(), kind:find("^p%d") and "ec" or kind
end

--- The hash of signatures by RSA.
function M.hash(bits)
  return bits and bits ~= 0 and ("sha%d"):format(bits) or "sha256"
end

local function parse_issuer(record)
  local cert, e = crypto.cert_parse(record.cert)
  if not cert then
    return nil, e
  end
  local key
  key, e = crypto.pkey_parse(record.key)
  if not key then
    return nil, e
  end
  return { cert = cert, key = key, facts = assert(cert:facts()), der = record.cert, chain = record.chain }
end

--- The authority.
---@return prov.vault.pki.Issuer?, prov.Err? err "invalid": there is none yet
function M.issuer(ctx)
  if not ctx.cache.issuer then
    local record, e = ctx.storage:get("issuer")
    if not record then
      if e then
        return nil, e
      end
      return err.fail("invalid", "backend must be configured with a CA certificate/key: write root/generate/internal, "
        .. "intermediate/set-signed or config/ca of '%s' first", ctx.path)
    end
    ctx.cache.issuer, e = parse_issuer(record)
    if not ctx.cache.issuer then
      return nil, e:wrap("read the authority of '%s'", ctx.path)
    end
  end
  return ctx.cache.issuer
end

--- Makes an authority that of the mount, with more changes at once.
---@param key prov.Pkey
---@param chain string[] DER, the nearest first
---@return true?, prov.Err?
function M.install(ctx, der, chain, key, changes)
  local secret <close>, e = key:secret("pem")
  if not secret then
    return nil, e
  end
  local _ <close> = ctx.lock("crl")
  changes = changes or {}
  changes[#changes + 1] = { "put", "issuer", { cert = der, chain = chain, key = secret:reveal() } }
  local crl
  crl, e = ctx.storage:get("crl")
  if e then
    return nil, e
  elseif crl then -- the old authority's list is not that of the new one; its number goes on
    changes[#changes + 1] = { "put", "crl", { number = crl.number } }
  end
  local ok
  ok, e = ctx.storage:commit(changes)
  ctx.cache.issuer = nil
  return ok, e
end

--- The certificates of a chain in PEM, without a line break at the end, as Vault gives them.
function M.cert_text(der)
  return (pem.write("CERTIFICATE", der):gsub("\n$", ""))
end

--- Certificate and what stands above it.
---@return string[]
function M.chain_text(issuer)
  local out = { M.cert_text(issuer.der) }
  for _, der in ipairs(issuer.chain) do
    out[#out + 1] = M.cert_text(der)
  end
  return out
end

--- The URLs in certificates.
---@return string[][]?, prov.Err?
function M.urls(ctx)
  local config, e = ctx.storage:get("config/urls")
  if e then
    return nil, e
  end
  local out = {}
  for _, kind in ipairs({ { "issuing_certificates", "issuer" }, { "ocsp_servers", "ocsp" },
    { "crl_distribution_points", "crl" } }) do
    for _, url in ipairs(config and config[kind[1]] or {}) do
      out[#out + 1] = { kind[2], url }
    end
  end
  return out
end

--- Issues a certificate, and keeps it unless told not to.
---@param facts prov.CertFacts
---@param key prov.Pkey
---@return string? der
---@return prov.CertFacts|prov.Err facts
function M.issue(ctx, facts, key, no_store)
  local issuer, e = M.issuer(ctx)
  if not issuer then
    return nil, e
  end
  if facts.not_after > issuer.facts.not_after then
    return err.fail("invalid", "cannot satisfy request, as TTL would result in notAfter of %s that is beyond the "
      .. "expiration of the CA certificate at %s; ask for a shorter ttl", M.time_text(facts.not_after),
      M.time_text(issuer.facts.not_after))
  end
  facts.urls, e = M.urls(ctx)
  if not facts.urls then
    return nil, e
  end
  local cert <close>, why = crypto.cert_make(facts, key, issuer.cert, issuer.key)
  if not cert then
    return nil, why
  end
  local der, made = assert(cert:der()), assert(cert:facts())
  if not no_store then
    local ok
    ok, e = ctx.storage:put("certs/" .. M.serial_key(crypto.hex(made.serial)), der)
    if not ok then
      return nil, e
    end
  end
  return der, made
end

--- Revokes a certificate. Doing it again is no failure and changes nothing.
---@param key string serial as in storage
---@return integer? time, prov.Err?
function M.revoke(ctx, key)
  local _ <close> = ctx.lock("crl")
  local there, e = ctx.storage:get("revoked/" .. key)
  if e then
    return nil, e
  elseif there then
    return there.time
  end
  local crl
  crl, e = ctx.storage:get("crl")
  if e then
    return nil, e
  end
  local now = ctx.now()
  local ok
  ok, e = ctx.storage:commit({
    { "put", "revoked/" .. key, { time = now } },
    { "put", "crl", { number = crl and crl.number or 0 } }, -- made anew when somebody asks
  })
  if not ok then
    return nil, e
  end
  return now
end

local function revoked_list(ctx)
  local keys, e = ctx.storage:list("revoked/")
  if not keys then
    return nil, e
  end
  local out = {}
  for _, key in ipairs(keys) do
    local one
    one, e = ctx.storage:get("revoked/" .. key)
    if e then
      return nil, e
    elseif one then
      local serial = key:gsub("%-", ""):gsub("%x%x", function(hex)
        return string.char(tonumber(hex, 16))
      end)
      out[#out + 1] = { serial = serial, time = one.time }
    end
  end
  return out
end

--- The list of revoked certificates in DER; made anew when something was revoked, or half its time is over.
---@param fresh? boolean anew in any case
---@return string? der, prov.Err?
function M.crl(ctx, fresh)
  local _ <close> = ctx.lock("crl")
  local issuer, e = M.issuer(ctx)
  if not issuer then
    return nil, e
  end
  local config, crl
  config, e = ctx.storage:get("config/crl")
  if e then
    return nil, e
  end
  crl, e = ctx.storage:get("crl")
  if e then
    return nil, e
  end
  local seconds = config and config.expiry or M.CRL_SECONDS
  local now = ctx.now()
  if not fresh and crl and crl.der and crl.next_update - now > seconds // 2 then
    return crl.der
  end
  local revoked = {}
  if not (config and config.disable) then
    revoked, e = revoked_list(ctx)
    if not revoked then
      return nil, e
    end
  end
  local number = (crl and crl.number or 0) + 1
  local der
  der, e = crypto.crl_make(issuer.cert, issuer.key, {
    number = number, this_update = now, next_update = now + seconds, revoked = revoked,
  })
  if not der then
    return nil, e
  end
  local ok
  ok, e = ctx.storage:put("crl", { number = number, der = der, next_update = now + seconds })
  if not ok then
    return nil, e
  end
  return der
end

--- Forgets certificates that ended more than `buffer` seconds ago.
---@param what { certs: boolean, revoked: boolean }
---@return { certs: integer, revoked: integer }?, prov.Err?
function M.tidy(ctx, what, buffer)
  local _ <close> = ctx.lock("crl")
  local keys, e = ctx.storage:list("certs/")
  if not keys then
    return nil, e
  end
  local gone = { certs = 0, revoked = 0 }
  for _, key in ipairs(keys) do
    local der, revoked
    der, e = ctx.storage:get("certs/" .. key)
    if e then
      return nil, e
    end
    local cert <close> = crypto.cert_parse(der or "")
    if cert and assert(cert:facts()).not_after + buffer < ctx.now() then
      revoked, e = ctx.storage:get("revoked/" .. key)
      if e then
        return nil, e
      end
      local changes = {}
      if revoked and what.revoked then
        changes[#changes + 1] = { "del", "revoked/" .. key }
        gone.revoked = gone.revoked + 1
      end
      if revoked and what.revoked or not revoked and what.certs then
        changes[#changes + 1] = { "del", "certs/" .. key }
        gone.certs = gone.certs + 1
      end
      local ok
      ok, e = ctx.storage:commit(changes)
      if not ok then
        return nil, e
      end
    end
  end
  return gone
end

return M
