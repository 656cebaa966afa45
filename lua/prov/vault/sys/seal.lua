--- sys/: how the vault is, opening and closing it, its keys.

local base = require("core.base")
local err = require("prov.err")
local json = require("prov.json")
local tokens = require("prov.vault.tokens")

-- Whether somebody wants something of Vault's that is not here.
local function wants(value)
  return value ~= nil and value ~= json.null and value ~= "" and value ~= false
end

local function status(ctx)
  return { json = ctx.vault:status() }
end

-- Query parameter -> what it sets the status to.
local function health(ctx, req)
  local state, given = ctx.vault:status(), req.data
  local code = given.activecode or 200
  if not state.initialized then
    code = given.uninitcode or 501
  elseif state.sealed then
    code = given.sealedcode or 503
  end
  if code < 200 or code > 599 then
    return err.fail("usage", "%d is no status of an answer: 200 to 599", code)
  end
  return {
    status = code,
    json = {
      initialized = state.initialized, sealed = state.sealed, standby = false, performance_standby = false,
      replication_performance_mode = "disabled", replication_dr_mode = "disabled", server_time_utc = ctx.now(),
      version = state.version, cluster_name = state.cluster_name, cluster_id = state.cluster_id,
      enterprise = false, echo_duration_ms = 0, clock_skew_ms = 0,
    },
  }
end

local function initialise(ctx, req)
  local given, vault = req.data, ctx.vault
  if wants(req.given.pgp_keys) or wants(req.given.root_token_pgp_key) then
    return err.fail("usage", "shares are not encrypted with PGP here; encrypt them with age when they are handed out")
  end
  local auto = vault.custody and vault.custody.auto
  local shares = auto and given.recovery_shares or not auto and given.secret_shares or nil
  local threshold = auto and given.recovery_threshold or not auto and given.secret_threshold or nil
  if not auto and not shares then
    return err.fail("usage", "'secret_shares' and 'secret_threshold' are missing: how many shares there are, and how "
      .. "many open the vault")
  end
  local made, e = vault:initialise({ shares = shares ~= 0 and shares or nil, threshold = threshold })
  if not made then
    return nil, e
  end
  local empty = require("core.data").list({})
  return {
    json = {
      keys = auto and empty or made.keys, keys_base64 = auto and empty or made.keys_base64,
      recovery_keys = auto and made.keys or nil, recovery_keys_base64 = auto and made.keys_base64 or nil,
      root_token = made.root_token,
    },
  }
end

local function unseal(ctx, req)
  local ok, e = ctx.vault:unseal(req.data.key, req.data.reset)
  if not ok and e then
    return nil, e
  end
  return status(ctx)
end

-- ---- Rekey ----

local function rekey_status(ctx)
  local ceremony, config = ctx.vault.ceremonies.rekey, ctx.vault:config()
  return {
    json = {
      started = ceremony ~= nil, nonce = ceremony and ceremony.nonce or "", t = ceremony and ceremony.threshold or 0,
      n = ceremony and ceremony.count or 0, progress = ceremony and #ceremony.shares or 0,
      required = config and config.threshold or 0, pgp_fingerprints = json.null, backup = false,
      verification_required = false,
    },
  }
end

local function rekey_begin(ctx, req)
  if wants(req.given.pgp_keys) or req.data.require_verification then
    return err.fail("usage", "PGP keys and verification are not supported when the vault gets new shares")
  end
  local ok, e = ctx.vault:begin("rekey", { count = req.data.secret_shares, threshold = req.data.secret_threshold })
  if not ok then
    return nil, e
  end
  return rekey_status(ctx)
end

local function cancel(name)
  return function(ctx)
    ctx.vault.ceremonies[name] = nil
  end
end

local function rekey_update(ctx, req)
  local ceremony, e = ctx.vault:agree("rekey", req.data.key, req.data.nonce)
  if not ceremony then
    if e then
      return nil, e
    end
    return rekey_status(ctx)
  end
  local keys, base64 = ctx.vault:new_shares(ceremony.count, ceremony.threshold)
  if not keys then
    return nil, base64
  end
  return { json = { complete = true, nonce = ceremony.nonce, keys = keys, keys_base64 = base64, backup = false,
    pgp_fingerprints = json.null, verification_required = false } }
end

-- ---- A new root token ----

local TOKEN_LENGTH = 36 -- "hvs." and 32 characters

local function root_status(ctx, more)
  local ceremony, config = ctx.vault.ceremonies["generate-root"], ctx.vault:config()
  local out = {
    started = ceremony ~= nil, nonce = ceremony and ceremony.nonce or "", complete = false,
    progress = ceremony and #ceremony.shares or 0, required = config and config.threshold or 0, encoded_token = "",
    encoded_root_token = "", pgp_fingerprint = "", otp = "", otp_length = TOKEN_LENGTH,
  }
  for key, value in pairs(more or {}) do
    out[key] = value
  end
  return { json = out }
end

local function root_begin(ctx, req)
  local otp, shown = req.data.otp, nil
  if wants(req.given.pgp_key) then
    return err.fail("usage", "root tokens are not encrypted with PGP here; use an otp")
  elseif not otp or otp == "" then
    otp = tokens.random_text(27):sub(1, TOKEN_LENGTH)
    shown = otp
  elseif #otp ~= TOKEN_LENGTH then
    return err.fail("usage", "the otp must have %d characters", TOKEN_LENGTH)
  end
  local ok, e = ctx.vault:begin("generate-root", { otp = otp })
  if not ok then
    return nil, e
  end
  return root_status(ctx, { otp = shown })
end

local function root_update(ctx, req)
  local ceremony, e = ctx.vault:agree("generate-root", req.data.key, req.data.nonce)
  if not ceremony then
    if e then
      return nil, e
    end
    return root_status(ctx)
  end
  local secret, token = tokens.create(ctx.vault, { policies = { "root" }, display_name = "root",
    path = "auth/token/root" })
  if not secret then
    return nil, token
  end
  local bytes = {}
  for i = 1, #secret do
    bytes[i] = string.char(secret:byte(i) ~ ceremony.otp:byte(i))
  end
  local encoded = base.base64(table.concat(bytes)):gsub("=+$", "")
  return root_status(ctx, { complete = true, nonce = ceremony.nonce, encoded_token = encoded,
    encoded_root_token = encoded })
end

-- ---- The keyring ----

local function key_status(ctx)
  local ring = ctx.vault.barrier.keyring
  local data = { term = ring.active, install_time = tokens.time(ring.terms[ring.active].created), encryptions = 0 }
  return { data = data }
end

local function rotate(ctx)
  local term, e = ctx.vault:rotate()
  return term and {} or nil, e
end

local function set_custody(ctx, req)
  local given, vault = req.data, ctx.vault
  local ok, e
  if given.secret_shares then
    local keys, base64 = vault:give_to_shares(given.secret_shares, given.secret_threshold or given.secret_shares)
    return keys and { data = { keys = keys, keys_base64 = base64 } }, base64
  elseif not given.kms or given.kms == "" then
    ok, e = vault:rewrap(given.rotate)
  elseif given.kms == "local" then
    if not vault.own_key then
      return err.fail("usage", "only the vault of a workspace has a key of its own; with 'secret_shares' people open a "
        .. "server's")
    end
    ok, e = vault:set_custody(vault.own_key)
  else
    local custody
    custody, e = require("prov.vault.seal").kms(given.kms)
    ok = custody
    if ok and given.rotate then
      ok, e = custody.rotate()
    end
    if ok then
      ok, e = vault:set_custody(custody)
    end
  end
  return ok and {} or nil, e
end

local CODE = { type = "int", doc = "Status to answer with" }
local KEY = { type = "string", required = true, doc = "A share of the key" }
local NONCE = { type = "string", required = true, doc = "Of what is under way" }
local REKEY = {
  secret_shares = { type = "int", required = true, doc = "How many shares there will be" },
  secret_threshold = { type = "int", required = true, doc = "How many open the vault" },
  require_verification = { type = "bool", doc = "Not supported" },
}
local OTP = { otp = { type = "string", doc = "What the token is shown with" } }

return {
  { path = "seal-status", doc = "Whether the vault is sealed", sealed = true, read = status },
  {
    path = "health", doc = "Whether it works, as a status of HTTP", sealed = true, read = health,
    fields = { activecode = CODE, sealedcode = CODE, uninitcode = CODE },
  },
  { path = "leader", doc = "Who leads; there is one", sealed = true, read = function()
    return { json = { ha_enabled = false, is_self = false, leader_address = "", leader_cluster_address = "",
      performance_standby = false } }
  end },
  {
    path = "init", doc = "Make the vault", sealed = true,
    fields = {
      secret_shares = { type = "int", doc = "How many shares of the key there will be" },
      secret_threshold = { type = "int", doc = "How many of them open the vault" },
      recovery_shares = { type = "int", doc = "With a seal that opens by itself: shares of the recovery key" },
      recovery_threshold = { type = "int", doc = "How many of them are needed" },
    },
    read = function(ctx)
      return { json = { initialized = ctx.vault:status().initialized } }
    end,
    update = initialise,
  },
  {
    path = "unseal", doc = "Give a share of the key", sealed = true, update = unseal,
    fields = { key = { type = "string", doc = "The share" }, reset = { type = "bool", doc = "Begin anew" },
      migrate = { type = "bool", doc = "Ignored" } },
  },
  { path = "seal", doc = "Forget all keys", sudo = true, update = function(ctx)
    ctx.vault:seal()
  end },
  { path = "rekey/init", doc = "New shares of the key", open = true, fields = REKEY, read = rekey_status,
    update = rekey_begin, delete = cancel("rekey") },
  { path = "rekey/update", doc = "Give a share for it", open = true, fields = { key = KEY, nonce = NONCE },
    update = rekey_update },
  { path = "rekey-recovery-key/init", doc = "New shares of the recovery key", open = true, fields = REKEY,
    read = rekey_status, update = rekey_begin, delete = cancel("rekey") },
  { path = "rekey-recovery-key/update", doc = "Give a share for it", open = true,
    fields = { key = KEY, nonce = NONCE }, update = rekey_update },
  { path = "generate-root/attempt", doc = "A new root token", open = true, fields = OTP, read = function(ctx)
    return root_status(ctx)
  end, update = root_begin, delete = cancel("generate-root") },
  { path = "generate-root", doc = "The same", open = true, fields = OTP, read = function(ctx)
    return root_status(ctx)
  end, update = root_begin, delete = cancel("generate-root") },
  { path = "generate-root/update", doc = "Give a share for it", open = true, fields = { key = KEY, nonce = NONCE },
    update = root_update },
  { path = "key-status", doc = "The newest key of the keyring", read = key_status },
  { path = "rotate", doc = "Begin a new key of the keyring", sudo = true, update = rotate },
  { path = "rotate/keyring", doc = "The same", sudo = true, update = rotate },
  { path = "custody", doc = "Who opens the vault from now on", sudo = true, update = set_custody,
    fields = {
      kms = { type = "string", doc = "URI of a KMS; local: the key of the workspace; nothing: the one there is, under "
        .. "its newest key" },
      rotate = { type = "bool", doc = "The KMS makes a new version of its key first" },
      secret_shares = { type = "int", doc = "Shares of a key instead of a KMS" },
      secret_threshold = { type = "int", doc = "How many of them open the vault" },
    } },
}
