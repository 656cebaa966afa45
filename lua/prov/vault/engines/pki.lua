--- Certificates: an authority (root or below another), roles that say what it issues, and what it revoked.
-- Paths, fields and answers are those of Vault's pki engine with one issuer in a mount.

local authority = require("prov.vault.pki.authority")
local ca = require("prov.vault.pki.ca")
local crypto = require("core.crypto")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local form = require("prov.vault.pki.form")
local issuing = require("prov.vault.pki.issuing")
local pem = require("prov.pem")
local role_rules = require("prov.vault.pki.role")

local field = engine.field

-- ---- Roles ----

local function role_path(req)
  return "roles/" .. req.params.name
end

local function read_role(ctx, req)
  local role, e = engine.need(ctx.storage, role_path(req), "notfound", "there is no role '%s'", req.params.name)
  if not role then
    return nil, e
  end
  return engine.respond(role)
end

local function write_role(ctx, req)
  local role, e = role_rules.check(req.data)
  if not role then
    return nil, e
  end
  local ok
  ok, e = ctx.storage:put(role_path(req), role)
  if not ok then
    return nil, e
  end
  return engine.respond(role)
end

local function patch_role(ctx, req)
  local before, e = read_role(ctx, req)
  if not before then
    return nil, e
  end
  for name, value in pairs(req.given) do
    before.data[name] = value
  end
  req.data, e = engine.read_fields(role_rules.FIELDS, before.data)
  if not req.data then
    return nil, e
  end
  return write_role(ctx, req)
end

-- ---- Reading and revoking ----

local function serial_lister(what, prefix)
  return function(ctx)
    local keys, e = ctx.storage:list(prefix)
    for i, key in ipairs(keys or {}) do
      keys[i] = key:gsub("%-", ":")
    end
    return engine.listed(what, keys, e)
  end
end

-- An answer of bytes; without a body when there is no authority yet, as Vault has it.
local function raw(content_type, make)
  return function(ctx, req)
    local body, e = make(ctx, req)
    if not body then
      return nil, e.code ~= "invalid" and e or nil
    end
    return { body = body, content_type = content_type }
  end
end

local PEM_CHAIN = "application/pem-certificate-chain"

local function ca_der(ctx)
  local issuer, e = authority.issuer(ctx)
  if not issuer then
    return nil, e
  end
  return issuer.der
end

local function ca_pem(ctx)
  local der, e = ca_der(ctx)
  if not der then
    return nil, e
  end
  return authority.cert_text(der)
end

local function ca_chain(ctx)
  local issuer, e = authority.issuer(ctx)
  if not issuer then
    return nil, e
  end
  return table.concat(authority.chain_text(issuer), "\n")
end

local function crl_pem(ctx)
  local der, e = authority.crl(ctx)
  if not der then
    return nil, e
  end
  return (pem.write("X509 CRL", der):gsub("\n$", ""))
end

local function stored(ctx, text)
  local key = authority.serial_key(text)
  if not key then
    return err.fail("usage", "'%s' is no serial number: 1f:2e:...", text)
  end
  local der, e = engine.need(ctx.storage, "certs/" .. key, "notfound", "certificate with serial %s not found", text)
  return der, der and key or e
end

local SPECIAL = { ca = ca_pem, ca_chain = ca_chain, crl = crl_pem }

local function read_cert(ctx, req)
  local special = SPECIAL[req.params.serial]
  if special then
    local text, e = special(ctx)
    if not text then
      return nil, e
    end
    return engine.respond({ certificate = text, revocation_time = 0 })
  end
  local der, key = stored(ctx, req.params.serial)
  if not der then
    return nil, key
  end
  local revoked, e = ctx.storage:get("revoked/" .. key)
  if e then
    return nil, e
  end
  return engine.respond({
    certificate = authority.cert_text(der),
    revocation_time = revoked and revoked.time or 0,
    revocation_time_rfc3339 = revoked and authority.time_text(revoked.time) or "",
    authority_key_id = authority.authority_id(der),
  })
end

local function serial_of(ctx, data)
  if data.serial_number ~= "" then
    local der, key = stored(ctx, data.serial_number)
    if not der and key.code == "notfound" then
      key.code = "usage"
    end
    return der and key, key
  elseif data.certificate == "" then
    return err.fail("usage", "the serial number must be provided: 'serial_number' or 'certificate'")
  end
  local cert <close>, e = crypto.cert_parse(data.certificate)
  if not cert then
    return nil, e
  end
  local issuer
  issuer, e = authority.issuer(ctx)
  if not issuer then
    return nil, e
  end
  local facts = assert(cert:facts())
  local ok
  ok, e = cert:check({ issuer.cert }, {}, facts.not_before)
  if not ok then
    return nil, e:wrap("this certificate is not one of '%s'", ctx.path)
  end
  return authority.serial_key(crypto.hex(facts.serial))
end

local function revoke(ctx, req)
  local key, e = serial_of(ctx, req.data)
  if not key then
    return nil, e
  end
  local issuer
  issuer, e = authority.issuer(ctx)
  if not issuer then
    return nil, e
  elseif key == authority.serial_key(crypto.hex(issuer.facts.serial)) and #issuer.chain == 0 then
    return err.fail("usage", "adding issuer (%s) to its own CRL is not allowed", ctx.path)
  end
  local time
  time, e = authority.revoke(ctx, key)
  if not time then
    return nil, e
  end
  return engine.respond({
    revocation_time = time,
    revocation_time_rfc3339 = authority.time_text(time),
    state = "revoked",
  })
end

local function rotate_crl(ctx)
  local der, e = authority.crl(ctx, true)
  if not der then
    return nil, e
  end
  return engine.respond({ success = true })
end

local function tidy(ctx, req)
  local gone, e = authority.tidy(ctx, { certs = req.data.tidy_cert_store, revoked = req.data.tidy_revoked_certs },
    req.data.safety_buffer)
  if not gone then
    return nil, e
  end
  return engine.respond({ cert_store_deleted_count = gone.certs, revoked_cert_deleted_count = gone.revoked })
end

-- ---- Settings of the mount ----

local URLS = {
  issuing_certificates = field("texts", "Where the authority's certificate is", {}),
  crl_distribution_points = field("texts", "Where the list of revoked certificates is", {}),
  ocsp_servers = field("texts", "Where to ask about one", {}),
}
local CRL = {
  expiry = field("seconds", "How long a list lasts", authority.CRL_SECONDS),
  disable = field("bool", "Whether lists are empty", false),
}

local function config(name, spec, doc)
  return {
    path = "config/" .. name, doc = doc, fields = spec,
    read = function(ctx)
      local value, e = ctx.storage:get("config/" .. name)
      if e then
        return nil, e
      end
      return engine.respond(assert(engine.read_fields(spec, value or {})))
    end,
    update = function(ctx, req)
      local _ <close> = ctx.lock("crl")
      local crl, e = ctx.storage:get("crl")
      if e then
        return nil, e
      end
      local ok
      ok, e = ctx.storage:commit({
        { "put", "config/" .. name, req.data },
        { "put", "crl", { number = crl and crl.number or 0 } },
      })
      if not ok then
        return nil, e
      end
      return engine.respond(req.data)
    end,
  }
end

---@type prov.vault.Engine
return {
  name = "pki",
  summary = "Certificates of an own authority",
  paths = {
    {
      path = "root/generate/{exported}", doc = "Makes an authority that is its own", fields = form.NEW_AUTHORITY,
      update = ca.generate_root,
    },
    { path = "root", doc = "Forgets the authority", sudo = true, delete = ca.delete_root },
    {
      path = "root/sign-intermediate", doc = "Makes another authority below this one",
      fields = engine.fields(form.NEW_AUTHORITY, form.CSR, {
        use_csr_values = field("bool", "Whether names are those of the request", false),
      }),
      update = ca.sign_intermediate,
    },
    {
      path = "intermediate/generate/{exported}", doc = "Makes a key, and a request to an authority above",
      fields = form.NEW_AUTHORITY, update = ca.generate_intermediate,
    },
    {
      path = "intermediate/set-signed", doc = "Takes what that authority made of it",
      fields = { certificate = { type = "string", required = true, doc = "Certificate in PEM, with those above it" } },
      update = ca.set_signed,
    },
    {
      path = "config/ca", doc = "Takes an authority from elsewhere",
      fields = { pem_bundle = { type = "string", required = true, doc = "Its certificate and private key in PEM" } },
      update = ca.import,
    },
    config("urls", URLS, "What certificates say about where to ask"),
    config("crl", CRL, "Lists of revoked certificates"),
    {
      path = "roles/{name}", doc = "What may be issued", fields = role_rules.FIELDS,
      exists = engine.exists(role_path),
      read = read_role,
      update = write_role,
      patch = patch_role,
      delete = engine.delete(role_path),
    },
    { path = "roles", doc = "Names of roles", list = function(ctx)
      return engine.listed("roles", ctx.storage:list("roles/"))
    end },
    {
      path = "issue/{role}", doc = "Makes a key and a certificate",
      fields = engine.fields(form.FORMAT, form.NAMES, form.TIME),
      update = issuing.issue,
    },
    {
      path = "sign/{role}", doc = "Makes a certificate of a request",
      fields = engine.fields(form.FORMAT, form.NAMES, form.TIME, form.CSR),
      update = issuing.sign,
    },
    {
      path = "sign-verbatim/{role}", doc = "The same with all the request says", update = issuing.sign_verbatim,
      fields = engine.fields(form.FORMAT, form.TIME, form.CSR, {
        key_usage = role_rules.FIELDS.key_usage, ext_key_usage = role_rules.FIELDS.ext_key_usage,
      }),
    },
    {
      path = "sign-verbatim", doc = "The same without a role", update = issuing.sign_verbatim,
      fields = engine.fields(form.FORMAT, form.TIME, form.CSR, {
        key_usage = role_rules.FIELDS.key_usage, ext_key_usage = role_rules.FIELDS.ext_key_usage,
      }),
    },
    { path = "certs", doc = "Serial numbers of certificates", list = serial_lister("certificates", "certs/") },
    { path = "certs/revoked", doc = "Those of revoked ones", list = serial_lister("revoked certificates", "revoked/") },
    { path = "cert/{serial}", doc = "A certificate; also ca, ca_chain and crl", open = true, read = read_cert },
    {
      path = "cert/{serial}/raw", doc = "A certificate in DER", open = true,
      read = raw("application/pkix-cert", function(ctx, req)
        return stored(ctx, req.params.serial)
      end),
    },
    {
      path = "cert/{serial}/raw/pem", doc = "A certificate in PEM", open = true,
      read = raw(PEM_CHAIN, function(ctx, req)
        local der, e = stored(ctx, req.params.serial)
        if not der then
          return nil, e
        end
        return authority.cert_text(der)
      end),
    },
    {
      path = "revoke", doc = "Revokes a certificate", update = revoke,
      fields = {
        serial_number = field("string", "Its serial number", ""),
        certificate = field("string", "Or the certificate in PEM", ""),
      },
    },
    { path = "ca", doc = "The authority in DER", open = true, read = raw("application/pkix-cert", ca_der) },
    { path = "ca/pem", doc = "The authority in PEM", open = true, read = raw(PEM_CHAIN, ca_pem) },
    {
      path = "ca_chain", doc = "The authority, and those above it", open = true,
      read = raw(PEM_CHAIN, ca_chain),
    },
    {
      path = "crl", doc = "Revoked certificates in DER", open = true,
      read = raw("application/pkix-crl", function(ctx)
        return authority.crl(ctx)
      end),
    },
    {
      path = "crl/pem", doc = "Revoked certificates in PEM", open = true,
      read = raw("application/x-pem-file", crl_pem),
    },
    { path = "crl/rotate", doc = "Makes the list of them anew", read = rotate_crl, update = rotate_crl },
    {
      path = "tidy", doc = "Forgets certificates that ended", update = tidy,
      fields = {
        tidy_cert_store = field("bool", "Those that were not revoked", false),
        tidy_revoked_certs = field("bool", "Those that were", false),
        safety_buffer = field("seconds", "How long ago they ended", 72 * 3600),
      },
    },
  },
  revoke = function(ctx, lease)
    local time, e = authority.revoke(ctx, lease.internal.serial)
    if not time then
      return nil, e
    end
    return true
  end,
}
