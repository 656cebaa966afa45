--- The totp engine: one-time passwords by time, made for logins elsewhere, or checked for one's own users.
-- Paths and fields are those of Vault.

local crypto = require("core.crypto")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local totp = require("prov.vault.totp")

local FOLDER, USED = "keys/", "used/"

local function get(ctx, name)
  return engine.need(ctx.storage, FOLDER .. name, "usage", "unknown key: %s", name)
end

-- The secret of a new key: generated, of the URL (which then also says the rest), or given.
local function origin(d)
  if d.generate then
    if d.key or d.url then
      return err.fail("usage", "a %s should not be passed if generate is true", d.key and "key" or "url")
    elseif d.key_size < 16 or d.key_size > 128 then
      return err.fail("usage", "the key_size value must be 16 to 128 bytes")
    end
    return { secret = assert(crypto.random(d.key_size)) }
  elseif d.url then
    return totp.parse_url(d.url)
  end
  local secret = d.key and totp.unbase32(d.key)
  if not secret or secret == "" then
    return err.fail("usage", d.key and "invalid key value: 'key' must be base32" or "the key value is required,"
      .. " or a url, or generate=true")
  end
  return { secret = secret }
end

local function check(key, generated)
  local problem
  if not totp.ALGORITHMS[key.algorithm] then
    problem = "the algorithm value is not valid: SHA1, SHA256 or SHA512"
  elseif key.digits ~= 6 and key.digits ~= 8 then
    problem = "the digits value can only be 6 or 8"
  elseif key.period < 1 or key.period > 86400 then
    problem = "the period value must be greater than zero, and a day at most"
  elseif key.skew ~= 0 and key.skew ~= 1 then
    problem = "the skew value must be 0 or 1"
  elseif generated and key.issuer == "" then
    problem = "the issuer value is required for generated keys"
  elseif generated and key.account == "" then
    problem = "the account_name value is required for generated keys"
  end
  if problem then
    return err.fail("usage", problem)
  end
  return true
end

local function create(ctx, req)
  local d = req.data
  local from, e = origin(d)
  if not from then
    return nil, e
  end
  local key = {
    secret = from.secret, issuer = from.issuer or d.issuer, account = from.account or d.account_name,
    algorithm = from.algorithm or d.algorithm, digits = from.digits or d.digits, period = from.period or d.period,
    skew = d.skew,
  }
  local ok
  ok, e = check(key, d.generate)
  if not ok then
    return nil, e
  end
  local _ <close> = ctx.lock(FOLDER .. req.params.name)
  ok, e = ctx.storage:commit({ { "put", FOLDER .. req.params.name, key }, { "del", USED .. req.params.name } })
  if not ok then
    return nil, e
  elseif not d.generate or not d.exported then
    return {}
  end
  return { data = { url = totp.url(key) },
    warnings = d.qr_size ~= 0 and { "no barcode is made here: let any program draw the url as a QR code" } or nil }
end

local function read(ctx, req)
  local name = req.params.name
  local key, e = engine.need(ctx.storage, FOLDER .. name, "notfound", "there is no key '%s' in %s", name, ctx.path)
  if not key then
    return nil, e
  end
  return { data = { issuer = key.issuer, account_name = key.account, period = key.period, algorithm = key.algorithm,
    digits = key.digits } }
end

local function delete(ctx, req)
  local _ <close> = ctx.lock(FOLDER .. req.params.name)
  return engine.done(ctx.storage:commit({ { "del", FOLDER .. req.params.name }, { "del", USED .. req.params.name } }))
end

local function list(ctx)
  return engine.listed("keys in " .. ctx.path, ctx.storage:list(FOLDER))
end

local function generate(ctx, req)
  local key, e = get(ctx, req.params.name)
  return key and { data = { code = totp.code(key, ctx.now() // key.period) } }, e
end

-- A code is good once, and none older than the last one that was good (RFC 6238, 5.2); what was used is stored, so that
-- it also holds after a restart.
local function validate(ctx, req)
  local name, code = req.params.name, req.data.code:match("^%s*(.-)%s*$")
  if code == "" then
    return err.fail("usage", "the code value is required")
  end
  local _ <close> = ctx.lock(FOLDER .. name)
  local key, e = get(ctx, name)
  if not key then
    return nil, e
  end
  local counter = totp.find(key, code, ctx.now(), key.skew)
  if not counter then
    return { data = { valid = false } }
  end
  local used
  used, e = ctx.storage:get(USED .. name)
  if e then
    return nil, e
  elseif used and counter <= used then
    return err.fail("usage", "code already used; wait until the next time period")
  end
  local ok
  ok, e = ctx.storage:put(USED .. name, counter)
  return ok and { data = { valid = true } } or nil, e
end

---@type prov.vault.Engine
return {
  name = "totp",
  summary = "One-time passwords by time",
  paths = {
    { path = "keys", doc = "Names of keys", list = list },
    { path = "keys/{name}", doc = "A key", read = read, update = create, delete = delete, fields = {
      generate = { type = "bool", default = false, doc = "Makes the secret here" },
      exported = { type = "bool", default = true, doc = "Answers with the url of a generated key, this once" },
      key_size = { type = "int", default = 20, doc = "Bytes of a generated secret" },
      url = { type = "string", doc = "An otpauth URL that says everything" },
      key = { type = "string", doc = "The secret, in base32" },
      issuer = { type = "string", default = "", doc = "Who issues the key" },
      account_name = { type = "string", default = "", doc = "Whose it is" },
      period = { type = "seconds", default = 30, doc = "How long a code holds" },
      algorithm = { type = "string", default = "SHA1", doc = "SHA1, SHA256 or SHA512" },
      digits = { type = "int", default = 6, doc = "6 or 8" },
      skew = { type = "int", default = 1, doc = "How many periods a clock may be off, 0 or 1" },
      qr_size = { type = "int", default = 0, doc = "Ignored, for no barcode is made here" },
    } },
    { path = "code/{name}", doc = "A code (read), or whether one is good (write)", read = generate, update = validate,
      fields = { code = { type = "string", default = "", doc = "The code to check" } } },
  },
}
