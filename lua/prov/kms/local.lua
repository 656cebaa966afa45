--- A KMS that is a file: a ring of keys of its own, sealed with a passphrase or not; 32 bytes; or identities of age.
--
-- A ring (`prov kms create`) is JSON: versions, the newest last, each 32 bytes in base64, sealed under what Argon2id
-- makes of a passphrase when there is one. A version that is taken out of the ring is revoked. A file of 32 bytes is
-- a ring of one version. Keys are wrapped with AES-256-GCM, with the context as associated data. With identities of
-- age the key is encrypted to the last one, together with SHA-256 of the context, which is compared when it is
-- unwrapped; so keys of SSH and plugins do as well.

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")

local M = {}

local MAX = 256 * 1024
local FORMAT = 1
--- Argon2id: passes, KiB, lanes; the second choice of RFC 9106, section 4, with more passes.
local COSTS = { 4, 65536, 2 }

local Local = {}
Local.__index = Local

local function derive(passphrase, kdf)
  local costs = kdf.costs
  return require("prov.async").await(function(resume)
    return crypto.derive("argon2id", passphrase, base.unbase64(kdf.salt), costs, 32, resume)
  end)
end

local function passphrase_of(path, ask, question)
  local given = os.getenv("PROV_KMS_PASSPHRASE")
  if given and given ~= "" then
    return given
  elseif ask == false then
    return nil, err.new("auth", path .. " has a passphrase", { hint = "PROV_KMS_PASSPHRASE holds it" })
  end
  local answer, e = require("prov.ask").secret(question or "Passphrase of " .. path)
  if not answer and e.code == "usage" then
    return nil, err.new("auth", path .. " has a passphrase, and there is no terminal to ask on",
      { hint = "PROV_KMS_PASSPHRASE holds it" })
  end
  return answer, e
end

local function kdf_is_sound(kdf)
  local costs = type(kdf) == "table" and kdf.costs
  if type(costs) ~= "table" or type(kdf.salt) ~= "string" or #(base.unbase64(kdf.salt) or "") < 16 then
    return false
  end
  local passes, kib, lanes = math.tointeger(costs[1]), math.tointeger(costs[2]), math.tointeger(costs[3])
  return passes and kib and lanes and passes >= 1 and passes <= 64 and kib >= 8 and kib <= 4 * 1024 * 1024
    and lanes >= 1 and lanes <= 64
end

local function read_ring(self, text)
  local ring, e = json.decode(text, { file = self.path })
  if not ring then
    return nil, e
  elseif type(ring) ~= "table" or ring.prov_kms_ring ~= FORMAT or type(ring.keys) ~= "table" or not ring.keys[1] then
    return err.fail("invalid", "%s is no ring of keys that this prov knows", self.path)
  end
  local under
  if ring.kdf ~= nil then
    if not kdf_is_sound(ring.kdf) then
      return err.fail("corrupt", "%s: its salt or its costs are damaged", self.path)
    end
    if not self.passphrase then
      self.passphrase, e = passphrase_of(self.path, self.ask)
      if not self.passphrase then
        return nil, e
      end
    end
    under, e = derive(self.passphrase, ring.kdf)
    if not under then
      return nil, e
    end
  end
  local versions = {}
  for i, one in ipairs(ring.keys) do
    local key = type(one) == "table" and type(one.key) == "string" and base.unbase64(one.key)
    local version = type(one) == "table" and math.tointeger(one.version)
    if key and under then
      key = crypto.open(under, key, "prov kms ring " .. tostring(version))
      if not key then
        self.passphrase = nil
        return nil, err.new("auth", "the passphrase does not open " .. self.path, { hint = "nothing was changed" })
      end
    end
    if not key or #key ~= 32 or not version then
      return err.fail("corrupt", "%s: key %d of its ring is damaged", self.path, i)
    end
    versions[#versions + 1] = { version = tostring(version), key = key, created = math.tointeger(one.created) }
  end
  return { kind = "ring", versions = versions, ring = ring, under = under }
end

local function read_identities(self, text)
  local kept = self.passphrase
  local identities, e = require("prov.age.keys").identities(text, self.path, {}, function(question)
    local answer, why = kept, nil
    if not kept then
      answer, why = passphrase_of(self.path, self.ask, question)
      self.passphrase = answer
    end
    kept = nil
    return answer, why
  end)
  if not identities then
    return nil, e
  end
  return { kind = "age", identities = identities }
end

-- What is in the file now: it is read for each call, so that who takes it away, or changes it, is obeyed at once.
local function load(self)
  local stat = fs.stat(self.path)
  if not stat then
    return nil, err.new("unavailable", ("the file %s is not there"):format(self.path), {
      hint = "put it back, or mount what it is on; 'prov kms create' makes a new one, which opens nothing old" })
  elseif stat.type ~= "file" then
    return err.fail("denied", "%s is a %s, not a file", self.path, stat.type)
  elseif stat.mode & 63 ~= 0 then
    return err.fail("denied", "%s has mode %04o, so others may get at it; run: chmod 600 %s", self.path,
      stat.mode & 4095, self.path)
  end
  local text, e = fs.read(self.path, { max = MAX })
  if not text then
    return nil, e
  elseif #text == 32 then
    return { kind = "ring", versions = { { version = "1", key = text } } }
  elseif text:find("^%s*{") then
    return read_ring(self, text)
  end
  return read_identities(self, text)
end

--- Opens the file KMS.
---@param place prov.kms.Place
---@param opts { ask: boolean? }
function M.new(place, opts)
  if place.body == "" then
    return err.fail("invalid", "it names no file: local:FILE")
  end
  local path = place.body
  path = path:find("^~/") and (os.getenv("HOME") or "") .. path:sub(2) or path
  if path:sub(1, 1) ~= "/" then
    path = assert(require("luv").cwd()) .. "/" .. path
  end
  return setmetatable({
    uri = "local:" .. path, path = path, key = path:match("([^/]+)$") or path, ask = opts.ask,
  }, Local)
end

-- With age: the key, and what binds it to its context.
local function bound(key, bytes)
  return key .. assert(crypto.hash("sha256", bytes))
end

function Local:wrap(key, _, canonical)
  local file, e = load(self)
  if not file then
    return nil, e
  end
  if file.kind == "age" then
    local wrapped
    wrapped, e = require("prov.age").encrypt(bound(key, canonical.bytes), { file.identities[#file.identities] })
    return wrapped and { wrapped = wrapped, version = "", alg = "age" }, e
  end
  local newest = file.versions[#file.versions]
  local wrapped
  wrapped, e = crypto.seal(newest.key, nil, key, canonical.bytes)
  return wrapped and { wrapped = wrapped, version = newest.version, alg = "A256GCM" }, e
end

function Local:unwrap(sealed, _, canonical)
  local file, e = load(self)
  if not file then
    return nil, e
  end
  if file.kind == "age" then
    local plain
    plain, e = require("prov.age").decrypt(sealed.wrapped, file.identities)
    if not plain then
      return err.fail(e.code == "corrupt" and "auth" or e.code == "notfound" and "auth" or e.code, "%s", e:text())
    elseif #plain ~= 64 or not crypto.equal(plain, bound(plain:sub(1, 32), canonical.bytes)) then
      return err.fail("auth", "the key was wrapped with another context")
    end
    return plain:sub(1, 32)
  end
  for _, one in ipairs(file.versions) do
    if one.version == sealed.version then
      return crypto.open(one.key, sealed.wrapped, canonical.bytes)
    end
  end
  return err.fail("denied", "version %s of the key was taken out of %s", sealed.version, self.path)
end

function Local:health()
  local file, e = load(self)
  if not file then
    return nil, e
  end
  local newest = file.versions and file.versions[#file.versions]
  return { version = newest and newest.version, since = newest and newest.created,
    detail = file.kind == "age" and "identities of age"
    or file.under and "a ring with a passphrase" or "a ring without a passphrase" }
end

local function entry(version, key, under)
  local bytes, e = key, nil
  if under then
    bytes, e = crypto.seal(under, nil, key, "prov kms ring " .. version)
  end
  return bytes and { version = version, created = require("prov.clock").wall() // 1000, key = base.base64(bytes) }, e
end

local function write(ring)
  return assert(json.encode(ring, { pretty = true, sorted = true })) .. "\n"
end

local function rotate_ring(self, file)
  local ring = file.ring or { prov_kms_ring = FORMAT, keys = { assert(entry(1, file.versions[1].key)) } }
  local version = 0
  for _, one in ipairs(file.versions) do
    version = math.max(version, math.tointeger(tonumber(one.version)))
  end
  local made, e = entry(version + 1, assert(crypto.random(32)), file.under)
  if not made then
    return nil, e
  end
  local before = file.ring and #ring.keys
  local ok
  ok, e = fs.update(self.path, function(text)
    local now = text and #text ~= 32 and json.decode(text)
    if now and #now.keys ~= before then
      return err.fail("conflict", "%s was changed by somebody else meanwhile", self.path)
    end
    ring.keys[#ring.keys + 1] = made
    return write(ring)
  end, { mode = 384, max = MAX })
  return ok and tostring(version + 1), e
end

function Local:rotate()
  local file, e = load(self)
  if not file then
    return nil, e
  elseif file.kind == "ring" then
    return rotate_ring(self, file)
  end
  local text = assert(fs.read(self.path, { max = MAX }))
  if text:find("PRIVATE KEY", 1, true) or text:find("^age%-encryption") or crypto.age_is_armor(text) then
    return nil, err.new("unsupported", self.path .. " is a key that prov does not write to", {
      hint = "make another one, and move to it with 'prov state rekey --kms local:FILE'" })
  end
  local secret = assert(crypto.age_keygen():secret())
  local ok
  ok, e = fs.update(self.path, function(now)
    return (now:gsub("\n?$", "\n", 1)) .. secret .. "\n"
  end, { max = MAX })
  return ok and tostring(#file.identities + 1), e
end

--- Makes a ring with one key, mode 0600.
---@async
---@param path string a file that is not there
---@param passphrase? string
---@return true?
---@return prov.Err? err "exists"
function M.create(path, passphrase)
  if fs.exists(path) then
    return err.fail("exists", "%s is there already", path)
  end
  local ring, under = { prov_kms_ring = FORMAT }
  if passphrase then
    ring.kdf = { name = "argon2id", costs = require("core.data").list({ table.unpack(COSTS) }),
      salt = base.base64(assert(crypto.random(16))) }
    local e
    under, e = derive(passphrase, ring.kdf)
    if not under then
      return nil, e
    end
  end
  ring.keys = { assert(entry(1, assert(crypto.random(32)), under)) }
  return fs.write_atomic(path, write(ring), { mode = 384 })
end

return M
