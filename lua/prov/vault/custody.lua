--- Methods of the vault about its seal: making it, opening it, closing it, changing who opens it.
--
-- What shares are asked for goes on until enough of them have come (a ceremony): its nonce tells people that they speak
-- of the same one.

local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local leases = require("prov.vault.leases")
local log = require("prov.log")
local mounts = require("prov.vault.mounts")
local policy = require("prov.vault.policy")
local seal = require("prov.vault.seal")
local tokens = require("prov.vault.tokens")

local M = {}

local VERSION = "1.15.0" -- of Vault's API that this one follows; clients look at it

local function key_bytes()
  return assert(crypto.random(seal.KEY_BYTES))
end

--- The record of the seal.
---@return table?, prov.Err? err "notfound": it has not been initialised
function M:config()
  local config, e = self.barrier:config()
  if not config then
    return nil, e or err.new("notfound", "the vault has not been initialised", { hint = "prov vault init" })
  end
  return config
end

local function encoded(shares)
  local hex, base64 = data.list({}), data.list({})
  for i, share in ipairs(shares) do
    hex[i], base64[i] = crypto.hex(share), base.base64(share)
  end
  return hex, base64
end

-- What a new vault holds.
local function first_changes(self)
  local salt = key_bytes()
  self.cache.token_hasher = assert(crypto.hasher("sha256", salt)) -- the first token is made before this is stored
  return {
    { "put", "core/salt", salt },
    { "put", "core/policy/default", policy.DEFAULT },
    mounts.change({
      mounts.new("secret", { type = "kv", options = { version = "2" }, description = "Secrets by path" }),
    }),
    { "put", "core/audit", {
      { path = "file/", type = "file", description = "", options = { file_path = self.dir .. "/audit.jsonl" },
        salt = key_bytes() },
    } },
  }
end

--- Makes the vault. It is sealed afterwards, unless its custody opens it.
---@async
---@param how { shares: integer?, threshold: integer?, root_token: boolean? } shares of the key; with a custody that
--- opens by itself those of the recovery key, of which none are made by default
---@return { keys: string[], keys_base64: string[], root_token: string? }?, prov.Err?
function M:initialise(how)
  local _ <close> = self:lock_of("seal")
  if self.barrier:config() then
    return err.fail("usage", "Vault is already initialized")
  end
  local custody, shares, key, e = self.custody, {}
  if not custody or how.shares then
    key = key_bytes()
    shares, e = seal.split(key, how.shares or 5, how.threshold or 3)
    if not shares then
      return nil, e
    end
  end
  custody = custody or seal.shares(key)
  local root, id = crypto.secret(key_bytes()), tokens.uuid()
  local blob
  blob, e = custody.wrap(root, id)
  if not blob then
    return nil, e
  end
  local config = {
    id = id, type = custody.type, kms = custody.uri, blobs = { blob }, created = self.now(),
    shares = how.shares or not custody.auto and 5 or 0, threshold = how.threshold or not custody.auto and 3 or 0,
  }
  local changes, token = first_changes(self), nil
  if how.root_token ~= false then
    local more, _
    token, _, more = tokens.prepare(self, { policies = { "root" }, display_name = "root", path = "auth/token/root" })
    table.move(more, 1, #more, #changes + 1, changes)
  end
  if custody.auto and key then
    changes[#changes + 1] = { "put", "core/recovery", key }
  end
  local ok
  ok, e = self.barrier:create(config, root, changes, self.now())
  self:forget()
  if not ok then
    return nil, e
  elseif not custody.auto then
    self.barrier:lock()
  end
  local hex, base64 = encoded(shares)
  return { keys = hex, keys_base64 = base64, root_token = token, recovery = custody.auto }
end

-- Who opens it without anybody's help, and what was wrapped for them: whom it was opened with comes first, for the
-- address of a KMS may have changed, then the KMS in the record of the seal.
local function openers(self, config)
  local kept = config.type == "kms" and config or config.before and config.before.kms and config.before
  local given, out, e = self.custody, {}, nil
  if given and given.type == (kept and "kms" or config.type) then
    out[1] = given
  end
  if kept and not (out[1] and out[1].uri == kept.kms) then
    out[#out + 1], e = seal.kms(kept.kms)
  end
  return out, kept and kept.blobs or config.blobs, e
end

--- Opens it by its custody, when that can do so alone.
---@async
---@return true?, prov.Err? err "notfound": it has not been initialised; "locked": people must bring their shares
function M:open_by_custody()
  local _ <close> = self:lock_of("seal")
  if not self:is_sealed() then
    return true
  end
  local config, e = self:config()
  if not config then
    return nil, e
  end
  local ways, blobs
  ways, blobs, e = openers(self, config)
  if not ways[1] then
    return nil, e or err.new("locked", "the vault is sealed", {
      hint = config.type == "shamir" and ("prov vault unseal, with %d shares of its key"):format(config.threshold)
        or config.type == "key" and "it opens with the key of its workspace: prov serve vault --embedded",
    })
  end
  for i, custody in ipairs(ways) do
    for _, blob in ipairs(blobs) do
      local root, why = custody.unwrap(blob, config.id)
      local ok
      if root then
        ok, why = self.barrier:unlock(root)
      end
      if ok then
        if i > 1 and ways[1].type == "kms" then
          log.warn("another KMS opens the vault than the one it was started with", { opens = custody.uri,
            started_with = ways[1].uri })
        end
        self.custody = custody
        self:forget()
        self:opened()
        return true
      end
      e = why
    end
  end
  return nil, e:wrap("the vault does not open")
end

--- Closes it: all keys are forgotten.
function M:seal()
  self.barrier:lock()
  self.ceremonies = {}
  self:forget()
end

--- How it is.
---@return table of sys/seal-status
function M:status()
  local config = self.barrier:config()
  local ceremony = self.ceremonies.unseal
  local kind = config and config.type or self.custody and self.custody.type or "shamir"
  return {
    type = kind,
    initialized = config ~= nil,
    sealed = self:is_sealed(),
    t = config and config.threshold or 0,
    n = config and config.shares or 0,
    progress = ceremony and #ceremony.shares or 0,
    nonce = ceremony and ceremony.nonce or "",
    version = VERSION,
    build_date = "",
    migration = false,
    recovery_seal = kind ~= "shamir",
    storage_type = "prov",
    cluster_name = config and not self:is_sealed() and "prov" or nil,
    cluster_id = config and not self:is_sealed() and config.id or nil,
  }
end

-- ---- Ceremonies ----

-- The sets of shares that are good, the newest first. Until the newest has been used the one before stays good too: the
-- answer with the new shares may not have arrived.
local function sets(self, config)
  local function check(blob, path)
    return function(key)
      if config.type == "shamir" then
        return (seal.shares(key).unwrap(blob, config.id))
      end
      local known = self.barrier:get(path)
      return known ~= nil and crypto.equal(known, key) and self.barrier.root or nil
    end
  end
  local out = { { threshold = config.threshold, open = check(config.blobs[1], "core/recovery") } }
  if config.before and not config.before.kms then
    out[2] = { threshold = config.before.threshold, open = check(config.before.blob, "core/recovery-before") }
  end
  return out
end

-- The newest shares have been used: those before open nothing any more.
local function retire(self, config)
  config.before = nil
  return self.barrier:set_config(config, { { "del", "core/recovery-before" } })
end

--- Takes a share; gives the root key when there are enough of them.
---@param self prov.Vault
---@param name string of the ceremony
---@param text string the share
---@param config table
---@return prov.Secret? root nil alone: more are needed
---@return prov.Err?
---@return boolean? newest they are shares of the newest set
local function take(self, name, text, config)
  local share, e = seal.read_share(text)
  if not share then
    return nil, e
  end
  local shares = self.ceremonies[name].shares
  for _, known in ipairs(shares) do
    if crypto.equal(known, share) then
      return nil -- it counts once
    end
  end
  shares[#shares + 1] = share
  local most = 0
  for i, set in ipairs(sets(self, config)) do
    most = math.max(most, set.threshold)
    local key = #shares == set.threshold and seal.join(shares)
    local root = key and set.open(key)
    if root then
      return root, nil, i == 1
    end
  end
  if #shares < most then
    return nil
  end
  self.ceremonies[name].shares = {}
  return err.fail("usage", "the shares do not give the key of this vault: begin anew")
end

--- Takes a share of the key; opens the vault when there are enough.
---@async
---@param text? string
---@param reset? boolean forget the shares that have come
---@return true?, prov.Err?
function M:unseal(text, reset)
  local _ <close> = self:lock_of("seal")
  local config, e = self:config()
  if not config then
    return nil, e
  elseif reset then
    self.ceremonies.unseal = nil
    return true
  elseif not self:is_sealed() then
    return true
  elseif config.type ~= "shamir" then
    return err.fail("usage", "this vault is opened by %s, not by shares", config.kms or "the key of its workspace")
  elseif not text or text == "" then
    return err.fail("usage", "'key' must be specified in request body as JSON, or 'reset' set to true")
  end
  self.ceremonies.unseal = self.ceremonies.unseal or { nonce = tokens.uuid(), shares = {} }
  local root, newest
  root, e, newest = take(self, "unseal", text, config)
  if not root then
    return not e or nil, e
  end
  self.ceremonies.unseal = nil
  local ok
  ok, e = self.barrier:unlock(root)
  if ok and newest and config.before then
    ok, e = retire(self, config)
  end
  if ok then
    self:forget()
    self:opened()
  end
  return ok, e
end

--- Begins what shares must agree to.
---@param name "rekey"|"generate-root"
---@param how table kept with it
---@return table?, prov.Err?
function M:begin(name, how)
  local config, e = self:config()
  if not config then
    return nil, e
  elseif self.ceremonies[name] then
    return err.fail("usage", "%s is under way already", name)
  elseif config.threshold == 0 then
    return err.fail("usage", "nobody has shares of a key of this vault")
  end
  if how.count then
    local ok, why = seal.check(how.count, how.threshold)
    if not ok then
      return nil, why
    end
  end
  how.nonce, how.shares = tokens.uuid(), {}
  self.ceremonies[name] = how
  return how
end

--- Takes a share for what was begun.
---@param name "rekey"|"generate-root"
---@param text string
---@param nonce string
---@return table? ceremony when it has come to its end
---@return prov.Err?
function M:agree(name, text, nonce)
  local ceremony, config = self.ceremonies[name], self:config()
  if not ceremony then
    return err.fail("usage", "no %s is under way", name)
  elseif ceremony.nonce ~= nonce then
    return err.fail("usage", "incorrect nonce supplied; nonce for this %s operation is %q", name, ceremony.nonce)
  end
  local root, e, newest = take(self, name, text, config)
  if not root then
    return nil, e
  end
  self.ceremonies[name] = nil
  if newest and config.before then
    local ok
    ok, e = retire(self, config)
    if not ok then
      return nil, e
    end
  end
  return ceremony
end

--- Cuts the key anew. The old shares open nothing any more once the new ones have been used: until then nobody knows
--- that they arrived. With a custody that opens by itself it is the recovery key.
---@async
---@param shares integer
---@param threshold integer
---@return string[]? keys in hexadecimal
---@return string[]|prov.Err base64
function M:new_shares(shares, threshold)
  local _ <close> = self:lock_of("seal")
  local config, e = self:config()
  if not config then
    return nil, e
  end
  local key = key_bytes()
  local parts
  parts, e = seal.split(key, shares, threshold)
  if not parts then
    return nil, e
  end
  local before = { threshold = config.threshold, blob = config.blobs[1] }
  config.before = config.threshold > 0 and before or nil
  config.shares, config.threshold = shares, threshold
  local ok
  if config.type == "shamir" then
    local blob
    blob, e = seal.shares(key).wrap(self.barrier.root, config.id)
    if not blob then
      return nil, e
    end
    config.blobs = { blob }
    ok, e = self.barrier:set_config(config)
  else
    local known = self.barrier:get("core/recovery")
    config.before = known and config.before
    ok, e = self.barrier:set_config(config, {
      { "put", "core/recovery", key }, known and { "put", "core/recovery-before", known }
        or { "del", "core/recovery-before" },
    })
  end
  if not ok then
    return nil, e
  end
  return encoded(parts)
end

--- Lets somebody else open the vault from now on. One commit changes it: there is no moment in which neither the old
--- custody nor the new one opens it.
---@async
---@param custody prov.vault.Custody
---@param beside? boolean the ones until now open it too
---@return true?, prov.Err?
function M:set_custody(custody, beside)
  local _ <close> = self:lock_of("seal")
  local config, e = self:config()
  if not config then
    return nil, e
  end
  local blob
  blob, e = custody.wrap(self.barrier.root, config.id)
  if not blob then
    return nil, e
  end
  local blobs = { blob }
  if beside and config.type == custody.type then
    table.move(config.blobs, 1, #config.blobs, 2, blobs)
  end
  if config.type == "shamir" then
    config.shares, config.threshold, config.before = 0, 0, nil
  end
  config.type, config.kms, config.blobs = custody.type, custody.uri, blobs
  local ok
  ok, e = self.barrier:set_config(config)
  if ok then
    self.custody = custody
  end
  return ok, e
end

--- Wraps the root key anew, under the newest version of the key of the KMS that opens the vault.
---@async
---@param rotate? boolean the KMS makes a new version first
---@return true?, prov.Err?
function M:rewrap(rotate)
  local config, e = self:config()
  if not config then
    return nil, e
  elseif config.type ~= "kms" then
    return nil, err.new("usage", "no KMS opens this vault", { hint = "prov vault custody URI lets one" })
  end
  local custody = self.custody
  if not custody or custody.type ~= "kms" then
    custody, e = seal.kms(config.kms)
  end
  local ok = custody
  if ok and rotate then
    ok, e = custody.rotate()
  end
  if not ok then
    return nil, e
  end
  return self:set_custody(custody)
end

--- Lets people with shares of a key open a vault that a KMS opens. The KMS does until the shares have been used once:
--- until then nobody knows that they arrived.
---@async
---@param shares integer
---@param threshold integer
---@return string[]? keys in hexadecimal
---@return string[]|prov.Err base64
function M:give_to_shares(shares, threshold)
  local _ <close> = self:lock_of("seal")
  local config, e = self:config()
  if not config then
    return nil, e
  elseif self.own_key then
    return err.fail("usage", "the vault of a workspace is opened by the workspace's key or a KMS, not by shares")
  elseif config.type ~= "kms" then
    return err.fail("usage", "this vault is opened by shares: 'rekey' makes new ones")
  end
  local key = key_bytes()
  local parts, blob
  parts, e = seal.split(key, shares, threshold)
  if not parts then
    return nil, e
  end
  blob, e = seal.shares(key).wrap(self.barrier.root, config.id)
  if not blob then
    return nil, e
  end
  config.before = { kms = config.kms, blobs = config.blobs }
  config.type, config.kms, config.blobs, config.shares, config.threshold = "shamir", nil, { blob }, shares, threshold
  local ok
  ok, e = self.barrier:set_config(config, { { "del", "core/recovery" }, { "del", "core/recovery-before" } })
  if not ok then
    return nil, e
  end
  return encoded(parts)
end

--- Begins a new key of the keyring, and seals what is there with it, little by little.
---@async
---@return integer? term
---@return prov.Err?
function M:rotate()
  local _ <close> = self:lock_of("rotate")
  local term, e = self.barrier:rotate(self.now())
  if term and self.server then
    self.spare:put(function()
      return self:reseal()
    end)
  elseif term then
    local ok
    ok, e = self:reseal()
    term = ok and term
  end
  return term, e
end

--- Seals with the newest key what older ones have sealed.
---@async
---@return true?, prov.Err?
function M:reseal()
  local after, e
  repeat
    if self:is_sealed() then
      return true -- it goes on after the next rotation; old keys are kept
    end
    after, e = self.barrier:renew_some(after)
  until not after
  return not e or nil, e
end

--- Takes up work after it was opened.
---@async
function M:opened()
  local ok, e = leases.end_pending(self)
  if not ok then
    log.warn("what was under way cannot be ended", { error = tostring(e) })
  end
  for _, row in ipairs(mounts.rows(self) or {}) do
    local compiled = mounts.engine(row)
    local resume = compiled and compiled.engine.resume
    if resume then
      self:aside(function()
        local resumed, why = resume(mounts.context(self, row))
        if not resumed and why then
          log.warn("a mount could not take up its work", { path = row.path, error = tostring(why) })
        end
      end)
    end
  end
  self:kick()
end

return M
