--- Certificates as secrets: signed by themselves or by another secret that may sign.

local clock = require("prov.clock")
local contract = require("prov.contract")
local crypto = require("core.crypto")
local err = require("prov.err")
local make_key = require("prov.secrets.make").key
local pem = require("prov.pem")
local timestamp = require("prov.timestamp")

local M = {}

local TTL = 90 * 86400
local SLACK = 300 -- of clocks of those who check it

local is_ip = contract.compile({ it = { type = "ip" } })

-- What kind of name a text is.
local function name_of(text)
  if is_ip.run({ it = text }) then
    return { "ip", text }
  elseif text:find("://", 1, true) then
    return { "uri", text }
  elseif text:find("@", 1, true) then
    return { "email", text }
  end
  return { "dns", text }
end

local function facts_of(rule, now, ends)
  local facts = {
    subject = { { "CN", (rule.names or {})[1] or "prov" } },
    not_before = now - SLACK,
    not_after = ends,
    names = {},
  }
  for i, text in ipairs(rule.names or {}) do
    facts.names[i] = not rule.authority and name_of(text) or nil
  end
  if rule.authority then
    facts.ca, facts.usage = true, { "keyCertSign", "cRLSign" }
  else
    facts.usage, facts.ext_usage = { "digitalSignature" }, { "serverAuth", "clientAuth" }
  end
  return facts
end

-- The authority of a rule: certificate and key; nil for one that signs itself.
local function issuer_of(rule, lookup)
  if not rule.issuer then
    return {}
  end
  local parts, e = lookup(rule.issuer)
  if not parts then
    return nil, e
  end
  local cert, key
  cert, e = crypto.cert_parse(parts.certificate or "")
  if cert then
    key, e = crypto.pkey_parse(parts.value)
  end
  if not key then
    return nil, e:wrap("the issuer '%s' is no certificate", rule.issuer)
  end
  local facts = cert:facts()
  if not facts.ca then
    return nil, err.new("invalid", ("'%s' may not sign certificates"):format(rule.issuer), {
      hint = ("secrets: { %s: { type: certificate, authority: true } }"):format(rule.issuer),
    })
  end
  return { cert = cert, key = key, ends = facts.not_after, chain = parts.certificate .. (parts.chain or "") }
end

--- Makes one.
---@param rule prov.secrets.Rule
---@param lookup fun(name: string): prov.secrets.Parts?, prov.Err?
---@return prov.secrets.Parts? parts value (its key), public_key, certificate, chain (those who signed it), expires
---@return prov.Err?
function M.make(rule, lookup)
  if not rule.authority and not (rule.names and rule.names[1]) then
    return err.fail("invalid", "a certificate is for somebody: names: [shop.example]")
  end
  local issuer, e = issuer_of(rule, lookup)
  if not issuer then
    return nil, e
  end
  local key
  key, e = make_key(rule.algorithm or "p256")
  if not key then
    return nil, e
  end
  local now = clock.wall() // 1000
  local ends = math.min(now + math.floor(rule.ttl or TTL), issuer.ends or math.maxinteger)
  local cert <close>, why = crypto.cert_make(facts_of(rule, now, ends), key, issuer.cert, issuer.key or key)
  if not cert then
    return nil, why
  end
  local text <close> = assert(key:secret())
  return {
    value = text:reveal(),
    public_key = assert(key:public()),
    certificate = pem.write("CERTIFICATE", assert(cert:der())),
    chain = issuer.chain,
    expires = timestamp.iso(ends),
  }
end

return M
