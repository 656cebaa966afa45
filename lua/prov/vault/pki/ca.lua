--- How a mount of the pki engine comes to its authority, and makes others below it.

local authority = require("prov.vault.pki.authority")
local crypto = require("core.crypto")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local form = require("prov.vault.pki.form")
local pem = require("prov.pem")
local role_rules = require("prov.vault.pki.role")

local M = {}

-- An own authority outlasts what mounts allow otherwise.
local ROOT_TTL = 10 * 365 * 86400

local function exported(kind)
  if kind == "exported" or kind == "internal" then
    return true
  end
  return err.fail("usage", "a key is 'internal' or 'exported', not '%s'", kind)
end

---@type prov.vault.Handler
function M.generate_root(ctx, req)
  local _ <close> = ctx.lock("root")
  local data = req.data
  local ok, e = exported(req.params.exported)
  if not ok then
    return nil, e
  end
  local there
  there, e = ctx.storage:get("issuer")
  if e then
    return nil, e
  elseif there then
    return err.fail("exists", "'%s' has an authority already; delete '%s/root' first, or mount another", ctx.path,
      ctx.path)
  end
  local facts, fe, warning = form.authority_facts(ctx, data, ctx.max_ttl, math.max(ctx.max_ttl, ROOT_TTL))
  if not facts then
    return nil, fe
  end
  local key
  key, e = authority.make_key(data.key_type, data.key_bits)
  if not key then
    return nil, e
  end
  facts.urls, e = authority.urls(ctx)
  if not facts.urls then
    return nil, e
  end
  local cert <close>, why = crypto.cert_make(facts, key, nil, key)
  if not cert then
    return nil, why
  end
  local der, made = assert(cert:der()), assert(cert:facts())
  ok, e = authority.install(ctx, der, {}, key, {
    { "put", "certs/" .. authority.serial_key(crypto.hex(made.serial)), der },
  })
  if not ok then
    return nil, e
  end
  local out
  out, e = form.issued(ctx, der, made, data, req.params.exported == "exported" and key or nil)
  if not out then
    return nil, e
  end
  out.ca_chain = nil
  return engine.respond(out, warning)
end

---@type prov.vault.Handler
function M.delete_root(ctx)
  local ok, e = ctx.storage:commit({ { "del", "issuer" }, { "del", "pending" } })
  ctx.cache.issuer = nil
  if not ok then
    return nil, e
  end
end

---@type prov.vault.Handler
function M.generate_intermediate(ctx, req)
  local data = req.data
  local ok, e = exported(req.params.exported)
  if not ok then
    return nil, e
  end
  local key
  key, e = authority.make_key(data.key_type, data.key_bits)
  if not key then
    return nil, e
  end
  local csr <close>, why = crypto.csr_make({
    subject = form.with_common_name(role_rules.subject(data), data.common_name),
    names = form.add_names({}, data),
    usage = { "keyCertSign", "cRLSign" },
    ca = true,
    hash = authority.hash(data.signature_bits),
  }, key)
  if not csr then
    return nil, why
  end
  local secret <close> = assert(key:secret("pem"))
  ok, e = ctx.storage:put("pending", { key = secret:reveal() })
  if not ok then
    return nil, e
  end
  local out = { csr = form.in_format(assert(csr:der()), "CERTIFICATE REQUEST", data.format) }
  if req.params.exported == "exported" then
    ok, e = form.add_key(out, key, data)
    if not ok then
      return nil, e
    end
  end
  return engine.respond(out)
end

-- Certificates of a PEM, the one of the key first.
local function bundle(text, key)
  local mine, chain = nil, {}
  local public = assert(key:public("pem"))
  for _, der in ipairs(pem.read("CERTIFICATE", text)) do
    local cert <close>, e = crypto.cert_parse(der)
    if not cert then
      return nil, e
    end
    local own <close> = cert:key()
    if not mine and own and own:public("pem") == public then
      if not assert(cert:facts()).ca then
        return err.fail("usage", "the certificate is not that of an authority: it says CA:FALSE")
      end
      mine = der
    else
      chain[#chain + 1] = der
    end
  end
  if not mine then
    return err.fail("usage", "no certificate of the key is among the %d that were given", #chain)
  end
  return mine, chain
end

---@type prov.vault.Handler
function M.set_signed(ctx, req)
  local pending, e = engine.need(ctx.storage, "pending", "usage",
    "there is no key that waits for a certificate: write intermediate/generate/internal first")
  if not pending then
    return nil, e
  end
  local key <close> = assert(crypto.pkey_parse(pending.key))
  local der, chain = bundle(req.data.certificate, key)
  if not der then
    return nil, chain
  end
  local ok
  ok, e = authority.install(ctx, der, chain, key, { { "del", "pending" } })
  if not ok then
    return nil, e
  end
end

---@type prov.vault.Handler
function M.import(ctx, req)
  local key <close>, e = crypto.pkey_parse(req.data.pem_bundle)
  if not key then
    return nil, e:wrap("read the private key of 'pem_bundle'")
  elseif not select(2, key:type()) then
    return err.fail("usage", "there is no private key in 'pem_bundle'")
  end
  local der, chain = bundle(req.data.pem_bundle, key)
  if not der then
    return nil, chain
  end
  local ok
  ok, e = authority.install(ctx, der, chain, key)
  if not ok then
    return nil, e
  end
end

--- Reads a request for a certificate.
---@return prov.Csr?, prov.Err?
function M.read_csr(text)
  if text == "" then
    return err.fail("usage", "'csr' is missing: a request for a certificate in PEM")
  end
  local csr, e = crypto.csr_parse(text)
  if not csr then
    return nil, e:wrap("read 'csr'")
  end
  return csr
end

---@type prov.vault.Handler
function M.sign_intermediate(ctx, req)
  local data = req.data
  local csr <close>, e = M.read_csr(data.csr)
  if not csr then
    return nil, e
  end
  local facts, fe, warning = form.authority_facts(ctx, data, ctx.default_ttl, ctx.max_ttl)
  if not facts then
    return nil, fe
  end
  if data.use_csr_values then
    local asked = assert(csr:facts())
    facts.subject, facts.names = asked.subject, asked.names
  end
  local key <close>, ke = csr:key()
  if not key then
    return nil, ke
  end
  local der, made = authority.issue(ctx, facts, key)
  if not der then
    return nil, made
  end
  return engine.respond(form.issued(ctx, der, made, data), warning)
end

return M
