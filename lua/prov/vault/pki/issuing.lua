--- Certificates by roles of the pki engine.

local authority = require("prov.vault.pki.authority")
local ca = require("prov.vault.pki.ca")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local form = require("prov.vault.pki.form")
local role_rules = require("prov.vault.pki.role")

local M = {}

local function get_role(ctx, name)
  return engine.need(ctx.storage, "roles/" .. name, "usage", "unknown role: %s", name)
end

local function limits(ctx, role)
  local most = engine.longest(ctx, role.max_ttl)
  return role.ttl > 0 and role.ttl or math.min(ctx.default_ttl, most), most
end

-- Names of a request join those of the fields, as far as the role takes them.
local function names_of(role, data, asked)
  local names = {}
  local common_name = data.common_name
  if asked and role.use_csr_common_name and common_name == "" then
    common_name = form.common_name_of(asked.subject)
  end
  if asked and role.use_csr_sans then
    for _, name in ipairs(asked.names) do
      names[#names + 1] = name
    end
  end
  local from = setmetatable({ common_name = common_name }, { __index = data })
  if asked and role.use_csr_sans then
    from.alt_names, from.ip_sans, from.uri_sans = {}, {}, {} -- as in Vault, the request decides
  end
  return common_name, form.add_names(names, from)
end

-- Whether the key of a request is one the role takes.
local function key_allowed(role, name, key)
  local kind, _, bits = key:type()
  local ours = kind:find("^p%d") and "ec" or kind
  if role.key_type ~= "any" and role.key_type ~= ours then
    return err.fail("usage", "role '%s' requires keys of type %s, the request has one of %s", name, role.key_type, ours)
  end
  if role.key_type == "rsa" and bits < role.key_bits then
    return err.fail("usage", "role '%s' requires a minimum of a %d-bit key, but the request's has %d bits", name,
      role.key_bits, bits)
  end
  local wanted = role.key_type == "ec" and role_rules.EC_TYPES[role.key_bits]
  if wanted and wanted ~= kind then
    return err.fail("usage", "role '%s' requires keys of %s, the request has one of %s", name, wanted, kind)
  end
  return true
end

local function issue(ctx, req, key, asked, own_key)
  local data, name = req.data, req.params.role
  local role, e = get_role(ctx, name)
  if not role then
    return nil, e
  end
  local common_name, names = names_of(role, data, asked)
  local ok
  ok, e = role_rules.allows(role, name, common_name, names)
  if not ok then
    return nil, e
  end
  local facts = role_rules.facts(role)
  local ttl, most = limits(ctx, role)
  local warning
  facts.not_after, e, warning = form.ending(ctx, data, ttl, most)
  if not facts.not_after then
    return nil, e
  end
  if data.not_after ~= "" and facts.not_after > ctx.now() + most then
    return err.fail("usage", "'not_after' is more than the %d seconds away that role '%s' allows", most, name)
  end
  facts.subject, facts.names = form.with_common_name(facts.subject, common_name), names
  facts.not_before = ctx.now() - role.not_before_duration
  facts.hash = authority.hash(role.signature_bits)
  if not key then
    if role.key_type == "any" then
      return err.fail("usage", "role '%s' takes keys of requests only (key_type = any); write sign/%s", name, name)
    end
    key, e = authority.make_key(role.key_type, role.key_bits)
  else
    ok, e = key_allowed(role, name, key)
    key = ok and key
  end
  if not key then
    return nil, e
  end
  local der, made = authority.issue(ctx, facts, key, role.no_store)
  if not der then
    return nil, made
  end
  local out
  out, e = form.issued(ctx, der, made, data, own_key and key or nil)
  if not out then
    return nil, e
  end
  local response = engine.respond(out, warning)
  if role.generate_lease and not role.no_store then
    response.lease = {
      ttl = made.not_after - ctx.now(), renewable = false,
      internal = { serial = authority.serial_key(out.serial_number) },
    }
  end
  return response
end

---@type prov.vault.Handler
function M.sign(ctx, req)
  local csr <close>, e = ca.read_csr(req.data.csr)
  if not csr then
    return nil, e
  end
  local asked, key
  asked, e = csr:facts()
  if not asked then
    return nil, e
  end
  key, e = csr:key()
  if not key then
    return nil, e
  end
  return issue(ctx, req, key, asked)
end

---@type prov.vault.Handler
function M.sign_verbatim(ctx, req)
  local data = req.data
  local csr <close>, e = ca.read_csr(data.csr)
  if not csr then
    return nil, e
  end
  local asked = assert(csr:facts())
  local key <close>, ke = csr:key()
  if not key then
    return nil, ke
  end
  local ttl, most = math.min(ctx.default_ttl, ctx.max_ttl), ctx.max_ttl
  if req.params.role then
    local role
    role, e = get_role(ctx, req.params.role)
    if not role then
      return nil, e
    end
    ttl, most = limits(ctx, role)
  end
  local not_after, te, warning = form.ending(ctx, data, ttl, most)
  if not not_after then
    return nil, te
  end
  local facts = role_rules.facts({
    key_usage = data.key_usage, ext_key_usage = data.ext_key_usage, ext_key_usage_oids = {}, policy_identifiers =
    asked.policies, country = {}, organization = {}, ou = {}, locality = {}, province = {}, street_address = {},
    postal_code = {},
  })
  facts.subject, facts.names = asked.subject, asked.names
  facts.not_before, facts.not_after = ctx.now() - 30, math.min(not_after, ctx.now() + most)
  local der, made = authority.issue(ctx, facts, key)
  if not der then
    return nil, made
  end
  return engine.respond(form.issued(ctx, der, made, data), warning)
end

--- Makes a key too.
---@type prov.vault.Handler
function M.issue(ctx, req)
  return issue(ctx, req, nil, nil, true)
end

return M
