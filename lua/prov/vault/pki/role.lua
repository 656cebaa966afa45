--- What a role of the pki engine lets a certificate say.

local engine = require("prov.vault.engine")
local err = require("prov.err")

local M = {}

local field = engine.field

local function choice(doc, default, ...)
  return { type = "string", doc = doc, default = default, one_of = { ... } }
end

--- The parts of a subject that roles and authorities set, in the order of a name.
M.SUBJECT = {
  { "country", "C" }, { "organization", "O" }, { "ou", "OU" }, { "locality", "L" }, { "province", "ST" },
  { "street_address", "street" }, { "postal_code", "postalCode" },
}

--- Adds the fields of M.SUBJECT.
function M.with_subject(fields)
  for _, part in ipairs(M.SUBJECT) do
    fields[part[1]] = field("texts", part[2] .. " of the subject", {})
  end
  return fields
end

--- Which keys there are, and their sizes; the first is the default.
M.KEY_BITS = { rsa = { 2048, 3072, 4096 }, ec = { 256, 384, 521 }, ed25519 = { 0 } }
M.EC_TYPES = { [256] = "p256", [384] = "p384", [521] = "p521" }

---@type table<string, prov.vault.Field>
M.FIELDS = M.with_subject({
  ttl = field("seconds", "How long a certificate lasts when nobody says; of the mount when 0", 0),
  max_ttl = field("seconds", "How long it may last; of the mount when 0", 0),
  allow_localhost = field("bool", "Whether localhost is allowed", true),
  allowed_domains = field("texts", "Domains that the rules below are about", {}),
  allow_bare_domains = field("bool", "Whether a certificate may name a domain itself", false),
  allow_subdomains = field("bool", "Whether it may name what is below a domain", false),
  allow_glob_domains = field("bool", "Whether * in a domain stands for anything", false),
  allow_wildcard_certificates = field("bool", "Whether names may begin with *.", true),
  allow_any_name = field("bool", "Whether every name is allowed", false),
  enforce_hostnames = field("bool", "Whether names must be those of hosts", true),
  allow_ip_sans = field("bool", "Whether addresses are allowed", true),
  allowed_uri_sans = field("texts", "URIs that are allowed; * stands for anything", {}),
  server_flag = field("bool", "For servers of TLS", true),
  client_flag = field("bool", "For clients of TLS", true),
  code_signing_flag = field("bool", "For signing code", false),
  email_protection_flag = field("bool", "For mail", false),
  key_type = choice("Type of keys; any takes those of requests only", "rsa", "rsa", "ec", "ed25519", "any"),
  key_bits = field("int", "Size of keys: 2048, 3072, 4096 of rsa, 256, 384, 521 of ec; the first when 0", 0),
  signature_bits = field("int", "Hash of signatures by RSA: 256, 384, 512", 0),
  key_usage = field("texts", "Key usages", { "DigitalSignature", "KeyAgreement", "KeyEncipherment" }),
  ext_key_usage = field("texts", "Extended key usages, as ServerAuth", {}),
  ext_key_usage_oids = field("texts", "The same by number", {}),
  use_csr_common_name = field("bool", "Whether the common name of a request counts", true),
  use_csr_sans = field("bool", "Whether the other names of a request count", true),
  generate_lease = field("bool", "Whether a certificate is revoked when its lease ends", false),
  no_store = field("bool", "Whether certificates are not kept, and so cannot be revoked by number", false),
  require_cn = field("bool", "Whether there must be a common name", true),
  policy_identifiers = field("texts", "OIDs of policies", {}),
  not_before_duration = field("seconds", "How long before now it begins, for clocks that are behind", 30),
})

--- A role as it is kept. Says which field is wrong.
---@return table?, prov.Err?
function M.check(role)
  local sizes = M.KEY_BITS[role.key_type]
  if sizes and role.key_bits == 0 then
    role.key_bits = sizes[1]
  elseif sizes then
    local known = false
    for _, bits in ipairs(sizes) do
      known = known or bits == role.key_bits
    end
    if not known then
      return err.fail("usage", "'key_bits' of %s must be one of %s, not %d", role.key_type, table.concat(sizes, ", "),
        role.key_bits)
    end
  end
  if role.max_ttl > 0 and role.ttl > role.max_ttl then
    return err.fail("usage", "'ttl' must be less than or equal to 'max_ttl'")
  end
  if not ({ [0] = true, [256] = true, [384] = true, [512] = true })[role.signature_bits] then
    return err.fail("usage", "'signature_bits' must be 256, 384 or 512")
  end
  return role
end

-- "1.2" of a host name: letters, digits and hyphens in labels
local function is_hostname(name)
  if name == "" or #name > 253 then
    return false
  end
  for label in (name .. "."):gmatch("(.-)%.") do
    if #label == 0 or #label > 63 or label:find("[^%w_-]") or label:find("^%-") or label:find("%-$") then
      return false
    end
  end
  return true
end

local function glob(pattern, text)
  local lua = pattern:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return text:find("^" .. lua .. "$") ~= nil
end

local function ends_with(text, ending)
  return #text > #ending and text:sub(-#ending) == ending
end

local function domain_allows(role, domain, name, host, wildcard)
  if role.allow_bare_domains and (name == domain or host == domain and not wildcard) then
    return true
  end
  if role.allow_subdomains and (ends_with(host, "." .. domain) or wildcard and host == domain) then
    return true
  end
  return role.allow_glob_domains and domain:find("*", 1, true) ~= nil and glob(domain, name)
end

local function on_off(role, name)
  return name .. " = " .. tostring(role[name])
end

-- why a name is none of those the role allows
local function rules_of(role, host)
  if #role.allowed_domains == 0 then
    return "the role has no allowed_domains, and " .. on_off(role, "allow_any_name")
  end
  for _, domain in ipairs(role.allowed_domains) do
    if host == domain:lower() then
      return on_off(role, "allow_bare_domains")
    elseif ends_with(host, "." .. domain:lower()) then
      return on_off(role, "allow_subdomains")
    end
  end
  return "allowed_domains = " .. table.concat(role.allowed_domains, ", ")
end

-- nil when the name is allowed, else why not
local function refused(role, given)
  local name = given:lower()
  local host = name:match("^[^@]+@(.+)$") or name
  local wildcard = host:find("*", 1, true) ~= nil
  if wildcard then
    if not role.allow_wildcard_certificates then
      return on_off(role, "allow_wildcard_certificates")
    end
    host = host:match("^%*%.([^*]+)$")
    if not host then
      return "a wildcard stands for the whole first label"
    end
  end
  if role.enforce_hostnames and not is_hostname(host) then
    return "it is no host name, and " .. on_off(role, "enforce_hostnames")
  end
  if role.allow_any_name or role.allow_localhost and (host == "localhost" or host == "localdomain") then
    return nil
  end
  for _, domain in ipairs(role.allowed_domains) do
    if domain_allows(role, domain:lower(), name, host, wildcard) then
      return nil
    end
  end
  return rules_of(role, host)
end

local function uri_refused(role, uri)
  for _, pattern in ipairs(role.allowed_uri_sans) do
    if glob(pattern, uri) then
      return nil
    end
  end
  return "allowed_uri_sans = " .. (#role.allowed_uri_sans > 0 and table.concat(role.allowed_uri_sans, ", ") or "(none)")
end

--- Whether the role lets a certificate have these names.
---@param role table
---@param role_name string
---@param common_name string "" for none
---@param names string[][] { type, value } as in prov.CertFacts
---@return true?, prov.Err? err names the name and the rule
function M.allows(role, role_name, common_name, names)
  if common_name == "" and role.require_cn then
    return err.fail("usage", "the common_name field is required, or must be provided in a CSR with "
      .. '"use_csr_common_name" set to true, unless "require_cn" is set to false in role \'%s\'', role_name)
  end
  if common_name ~= "" then
    local why = refused(role, common_name)
    if why then
      return err.fail("usage", "common name %s not allowed by this role '%s': %s", common_name, role_name, why)
    end
  end
  for _, name in ipairs(names) do
    local why
    if name[1] == "ip" then
      why = not role.allow_ip_sans and on_off(role, "allow_ip_sans") or nil
    elseif name[1] == "uri" then
      why = uri_refused(role, name[2])
    elseif name[1] == "dns" or name[1] == "email" then
      why = refused(role, name[2])
    else
      why = "names of this kind are not known"
    end
    if why then
      return err.fail("usage", "subject alternate name %s not allowed by this role '%s': %s", name[2], role_name, why)
    end
  end
  return true
end

-- "DigitalSignature" -> "digitalSignature"; CRLSign is the odd one
local function usage_name(name)
  local short = name:gsub("^KeyUsage", "")
  if short:lower() == "crlsign" then
    return "cRLSign"
  elseif short:lower() == "contentcommitment" then
    return "nonRepudiation"
  end
  return short:sub(1, 1):lower() .. short:sub(2)
end

local FLAGS = {
  { "server_flag", "serverAuth" }, { "client_flag", "clientAuth" }, { "code_signing_flag", "codeSigning" },
  { "email_protection_flag", "emailProtection" },
}
local EXT_NAMES = {
  serverauth = "serverAuth", clientauth = "clientAuth", codesigning = "codeSigning",
  emailprotection = "emailProtection", timestamping = "timeStamping", ocspsigning = "OCSPSigning", any =
  "anyExtendedKeyUsage",
}

--- The parts of a certificate that a role decides alone.
---@return prov.CertFacts
function M.facts(role)
  local out = { usage = {}, ext_usage = {}, policies = role.policy_identifiers, subject = M.subject(role) }
  local seen = {}
  local function add(name)
    if not seen[name] then
      seen[name] = true
      table.insert(out.ext_usage, name)
    end
  end
  for _, name in ipairs(role.key_usage) do
    table.insert(out.usage, usage_name(name))
  end
  for _, flag in ipairs(FLAGS) do
    if role[flag[1]] then
      add(flag[2])
    end
  end
  for _, name in ipairs(role.ext_key_usage) do
    add(EXT_NAMES[name:gsub("^ExtKeyUsage", ""):lower()] or name)
  end
  for _, oid in ipairs(role.ext_key_usage_oids) do
    add(oid)
  end
  return out
end

--- The subject that fields ask for, without its common name.
---@return string[][]
function M.subject(fields)
  local out = {}
  for _, part in ipairs(M.SUBJECT) do
    for _, value in ipairs(fields[part[1]]) do
      out[#out + 1] = { part[2], value }
    end
  end
  return out
end

return M
