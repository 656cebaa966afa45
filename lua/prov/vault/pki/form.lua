--- What requests to the pki engine have in common: their fields, names, times, and the form of answers.

local authority = require("prov.vault.pki.authority")
local base = require("core.base")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local pem = require("prov.pem")
local role_rules = require("prov.vault.pki.role")

local M = {}

local field = engine.field

M.FORMAT = {
  format = {
    type = "string", doc = "pem, der (in base64), or pem_bundle: all in one", default = "pem",
    one_of = { "pem", "der", "pem_bundle" },
  },
  private_key_format = {
    type = "string", doc = "der is the older form of its type, pkcs8 the newer", default = "der",
    one_of = { "", "der", "pem", "pkcs8" },
  },
}

M.NAMES = {
  common_name = field("string", "Common name; of issued ones also among the others", ""),
  alt_names = field("texts", "More hosts and mail addresses", {}),
  ip_sans = field("texts", "Addresses", {}),
  uri_sans = field("texts", "URIs", {}),
  exclude_cn_from_sans = field("bool", "Whether the common name is not among the others", false),
}

M.TIME = {
  ttl = field("seconds", "How long it lasts", 0),
  not_after = field("string", "When it ends instead of ttl: 2031-01-02T03:04:05Z", ""),
}

M.KEY = {
  key_type = { type = "string", doc = "Type of its key", default = "rsa", one_of = { "rsa", "ec", "ed25519" } },
  key_bits = field("int", "Size of its key", 0),
  signature_bits = field("int", "Hash of signatures by RSA: 256, 384, 512", 0),
}

local AUTHORITY = role_rules.with_subject({
  max_path_length = field("int", "How many authorities may follow; any number when -1", -1),
  permitted_dns_domains = field("texts", "Domains that it may certify", {}),
  excluded_dns_domains = field("texts", "Domains that it may not", {}),
  permitted_ip_ranges = field("texts", "Addresses that it may certify: 10.0.0.0/8", {}),
  excluded_ip_ranges = field("texts", "Addresses that it may not", {}),
})

M.CSR = { csr = field("string", "Request in PEM", "") }
M.NEW_AUTHORITY = engine.fields(M.FORMAT, M.NAMES, M.TIME, M.KEY, AUTHORITY)

-- ---- Times ----

local function epoch(text)
  local y, mo, d, h, mi, s = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)Z$")
  if not y then
    return err.fail("usage", "'not_after' must be a time such as 2031-01-02T03:04:05Z")
  end
  local days = function(year, month, day) -- since 1970, of the Gregorian calendar
    year = month <= 2 and year - 1 or year
    local era, of_era = year // 400, year % 400
    local of_year = (153 * (month + (month > 2 and -3 or 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
  end
  local i = math.tointeger
  return days(i(tonumber(y)), i(tonumber(mo)), i(tonumber(d))) * 86400 + tonumber(h, 10) * 3600
    + tonumber(mi, 10) * 60 + tonumber(s, 10)
end

--- When a certificate ends.
---@param ttl integer seconds when nobody says
---@param most integer seconds
---@return integer? not_after
---@return prov.Err? e
---@return string? warning
function M.ending(ctx, data, ttl, most)
  if data.not_after ~= "" then
    return epoch(data.not_after)
  end
  local seconds, warning = engine.lasting(data.ttl > 0 and data.ttl or ttl, most)
  return ctx.now() + seconds, nil, warning
end

-- ---- Names ----

--- Adds the names in fields to those in out, each once.
---@param out string[][]
---@return string[][] out
function M.add_names(out, data)
  local seen = {}
  local function add(kind, value)
    local key = kind .. "\0" .. value:lower()
    if value ~= "" and not seen[key] then
      seen[key] = true
      out[#out + 1] = { kind, value }
    end
  end
  for _, had in ipairs(out) do
    seen[had[1] .. "\0" .. had[2]:lower()] = true
  end
  local function add_host(name)
    add(name:find("@", 1, true) and "email" or "dns", name)
  end
  local name = data.common_name
  if not data.exclude_cn_from_sans and (name:find("^[%w_.*-]+$") or name:find("@", 1, true)) then
    add_host(name)
  end
  for _, alt in ipairs(data.alt_names) do
    add_host(alt)
  end
  for _, ip in ipairs(data.ip_sans) do
    add("ip", ip)
  end
  for _, uri in ipairs(data.uri_sans) do
    add("uri", uri)
  end
  return out
end

local function constraints(data)
  local permitted, excluded = {}, {}
  for _, part in ipairs({ { permitted, "dns", "permitted_dns_domains" }, { permitted, "ip", "permitted_ip_ranges" },
    { excluded, "dns", "excluded_dns_domains" }, { excluded, "ip", "excluded_ip_ranges" } }) do
    for _, value in ipairs(data[part[3]]) do
      table.insert(part[1], { part[2], value })
    end
  end
  return permitted, excluded
end

--- Adds a common name to a subject.
function M.with_common_name(subject, name)
  if name ~= "" then
    subject[#subject + 1] = { "CN", name }
  end
  return subject
end

--- The common name of a subject, "" when it has none.
function M.common_name_of(subject)
  for _, part in ipairs(subject) do
    if part[1] == "CN" then
      return part[2]
    end
  end
  return ""
end

--- What a new authority says; its own names are not judged by a role.
---@return prov.CertFacts? facts
---@return prov.Err? e
---@return string? warning
function M.authority_facts(ctx, data, ttl, most)
  local not_after, e, warning = M.ending(ctx, data, ttl, most)
  if not not_after then
    return nil, e
  end
  local facts = {
    subject = M.with_common_name(role_rules.subject(data), data.common_name),
    names = M.add_names({}, data),
    usage = { "keyCertSign", "cRLSign" },
    ca = true,
    path_len = data.max_path_length >= 0 and data.max_path_length or nil,
    not_before = ctx.now() - 30,
    not_after = not_after,
    hash = authority.hash(data.signature_bits),
  }
  facts.permitted, facts.excluded = constraints(data)
  return facts, nil, warning
end

-- ---- Answers ----

--- Bytes as asked for: PEM, or base64.
function M.in_format(der, label, format)
  if format == "der" then
    return base.base64(der)
  end
  return (pem.write(label, der):gsub("\n$", ""))
end

--- Adds a private key to an answer, as asked for.
---@return true?, prov.Err?
function M.add_key(out, key, data)
  local text, kind = authority.key_text(key, data.private_key_format)
  if not text then
    return nil, kind
  end
  out.private_key_type = kind
  if data.format == "der" then
    local label, body = text:match("BEGIN ([^-]+)%-%-%-%-%-(.-)%-%-%-")
    out.private_key = label and (body:gsub("%s", ""))
  else
    out.private_key = text:gsub("\n$", "")
  end
  return true
end

--- The answer to whoever asked for a certificate.
---@param key? prov.Pkey when its secret half belongs to the answer
---@return table<string, any>?, prov.Err?
function M.issued(ctx, der, facts, data, key)
  local issuer = assert(authority.issuer(ctx))
  local out = {
    certificate = M.in_format(der, "CERTIFICATE", data.format),
    issuing_ca = M.in_format(issuer.der, "CERTIFICATE", data.format),
    ca_chain = {},
    serial_number = authority.serial_text(facts.serial),
    authority_key_id = facts.authority_id and authority.serial_text(facts.authority_id),
    expiration = facts.not_after,
  }
  for i, above in ipairs({ issuer.der, table.unpack(issuer.chain) }) do
    out.ca_chain[i] = M.in_format(above, "CERTIFICATE", data.format)
  end
  if key then
    local ok, e = M.add_key(out, key, data)
    if not ok then
      return nil, e
    end
  end
  if data.format == "pem_bundle" then
    local parts = { out.certificate, table.unpack(out.ca_chain) }
    if out.private_key then
      table.insert(parts, 1, out.private_key)
    end
    out.certificate = table.concat(parts, "\n")
  end
  return out
end

return M
