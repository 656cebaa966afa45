--- The transit engine of HashiCorp Vault, OpenBao, or prov's own vault, over HTTP.
--
-- The context is transit's associated_data, so the key must be one with AEAD (aes256-gcm96, the default,
-- aes128-gcm96 or chacha20-poly1305). Who prov is: VAULT_TOKEN; VAULT_ROLE_ID with VAULT_SECRET_ID (AppRole;
-- VAULT_APPROLE_PATH when it is mounted elsewhere); the file ~/.vault-token. VAULT_NAMESPACE and VAULT_CACERT mean
-- what they do for Vault's own client.

local base = require("core.base")
local client = require("prov.vault.client")
local err = require("prov.err")
local fs = require("prov.fs")
local http = require("prov.http")
local json = require("prov.json")
local log = require("prov.log")

local M = {}

local Vault = {}
Vault.__index = Vault


local function env(self, name)
  local text = self.env(name)
  return text ~= "" and text or nil
end

--- Opens it; asks nothing.
---@param place prov.kms.Place
---@param opts { env: (fun(name: string): string?)? }
function M.new(place, opts)
  local address, path = place.body:match("^(https?://[^/@]+)/(.+)$")
  local mount, key = (path or ""):match("^(.+)/([^/]+)$")
  if not mount then
    return err.fail("invalid", "it names no key of a transit engine: vault:https://HOST:8200/transit/KEY")
  end
  local ok, e = client.private(address)
  if not ok then
    return nil, e
  end
  return setmetatable({ address = address, mount = mount, key = key, env = opts.env or os.getenv }, Vault)
end

-- What Vault says with its answer.
local function words(response)
  local said = json.decode(response.body)
  local list = type(said) == "table" and said ~= json.null and type(said.errors) == "table" and said.errors or {}
  local out = {}
  for _, text in ipairs(list) do
    out[#out + 1] = tostring(text):gsub("%s+", " ")
  end
  return log.redact(table.concat(out, "; "))
end

-- The first rule that fits: status, pattern of what Vault says, code, hint.
local RULES = {
  { 503, "sealed", "unavailable", "it is sealed: unseal it; nothing was changed" },
  { 403, "", "denied", "the token has ended, or its policy does not allow this path; nothing was changed" },
  { 404, "", "denied", "there is no such mount or path; nothing was changed" },
  { 400, "message authentication failed", "auth" },
  { 400, "does not open", "auth" }, -- prov's own vault
  { 400, "invalid ciphertext", "auth" },
  { 400, "base64", "auth" },
  { 400, "too old", "denied", "that version of the key is below min_decryption_version; nothing was changed" },
  { 400, "invalid key version", "auth" },
  { 400, "key not found", "denied", "the key was deleted, or never made (vault write -f MOUNT/keys/KEY)" },
  { 400, "soft.deleted", "denied", "the key was deleted softly; nothing was changed" },
  { 400, "disabled", "denied" },
  { 400, "associated_data", "unsupported", "a key of the type aes256-gcm96 can bind a context" },
  { 429, "", "unavailable" },
  { 472, "", "unavailable" }, { 473, "", "unavailable" },
}

local function failure(path, response)
  local said = words(response)
  local text = ("%s: %s"):format(path, said ~= "" and said or "HTTP " .. response.status)
  for _, rule in ipairs(RULES) do
    if response.status == rule[1] and said:lower():find(rule[2]) then
      return nil, err.new(rule[3], text, { hint = rule[4] })
    end
  end
  local code = response.status >= 500 and "unavailable" or "invalid"
  return nil, err.new(code, text)
end

local function send(self, method, path, body, token)
  local headers = { ["Content-Type"] = "application/json", ["X-Vault-Request"] = "true" }
  headers["X-Vault-Token"] = token
  headers["X-Vault-Namespace"] = env(self, "VAULT_NAMESPACE")
  local response, e = http.request({
    method = method, url = self.address .. "/v1/" .. path, headers = headers,
    body = body and assert(json.encode(body)) or nil, ca = env(self, "VAULT_CACERT"), repeatable = true,
  })
  if not response then
    if e.code == "notfound" then
      e.code = "unavailable" -- the name of the host
    end
    return nil, e
  elseif response.status >= 300 then
    return failure(path, response)
  elseif response.body == "" then
    return {}
  end
  local said
  said, e = json.decode(response.body)
  if type(said) ~= "table" then
    return nil, (e or err.new("protocol", "it is no object")):wrap("the answer of %s", path)
  end
  return said
end

local function login(self)
  local said, e = send(self, "POST", ("auth/%s/login"):format(env(self, "VAULT_APPROLE_PATH") or "approle"),
    { role_id = env(self, "VAULT_ROLE_ID"), secret_id = env(self, "VAULT_SECRET_ID") })
  local token = said and type(said.auth) == "table" and said.auth.client_token
  if not token then
    return nil, e and e:wrap("log in with AppRole") or err.new("protocol", "a login without a token")
  end
  log.secret(token)
  self.token = token
  return token
end

local function token_of(self)
  if self.token then
    return self.token
  end
  local token = env(self, "VAULT_TOKEN")
  if not token and env(self, "VAULT_ROLE_ID") then
    return login(self)
  end
  if not token then
    local text = fs.read((env(self, "HOME") or "") .. "/.vault-token", { max = 65536 })
    token = text and text:match("^%s*(%S+)%s*$")
  end
  if not token then
    return nil, err.new("denied", "no token for " .. self.address, {
      hint = "VAULT_TOKEN, or VAULT_ROLE_ID with VAULT_SECRET_ID, or 'vault login' (~/.vault-token)" })
  end
  log.secret(token)
  return token
end

local function ask(self, method, path, body)
  local token, e = token_of(self)
  if not token then
    return nil, e
  end
  local said
  said, e = send(self, method, self.mount .. "/" .. path, body, token)
  if not said and e.code == "denied" and self.token then -- a token of AppRole ends; once with a new one
    self.token = nil
    token = login(self)
    if token then
      said, e = send(self, method, self.mount .. "/" .. path, body, token)
    end
  end
  return said, e
end

local ALG = "transit"

local function made_of(said, path)
  local text = type(said.data) == "table" and said.data.ciphertext
  local version = type(text) == "string" and text:match("^vault:v(%d+):")
  if not version then
    return err.fail("protocol", "the answer of %s has no ciphertext", path)
  end
  return { wrapped = text, version = version, alg = ALG }
end

function Vault:wrap(key, _, canonical)
  local path = "encrypt/" .. self.key
  -- encrypt makes a key that is not there when the policy allows it: what was deleted must not come back by itself
  local there, e = ask(self, "GET", "keys/" .. self.key)
  if not there then
    return nil, e
  end
  local said
  said, e = ask(self, "POST", path, { plaintext = base.base64(key), associated_data = base.base64(canonical.bytes) })
  if not said then
    return nil, e
  end
  return made_of(said, path)
end

function Vault:unwrap(sealed, _, canonical)
  if sealed.wrapped == "" then
    return err.fail("auth", "there is nothing to unwrap")
  end
  local path = "decrypt/" .. self.key
  local said, e = ask(self, "POST", path, { ciphertext = sealed.wrapped,
    associated_data = base.base64(canonical.bytes) })
  if not said then
    return nil, e
  end
  local text = type(said.data) == "table" and said.data.plaintext
  local key = type(text) == "string" and base.unbase64(text)
  if not key then
    return err.fail("protocol", "the answer of %s has no plaintext", path)
  end
  return key
end

-- No rewrap of Vault's own: that takes no associated_data (1.21), and refuses what was encrypted with one.
function Vault:rotate()
  local said, e = ask(self, "POST", ("keys/%s/rotate"):format(self.key), {})
  if not said then
    return nil, e
  end
  local found
  found, e = self:health()
  return found and found.version, e
end

function Vault:health()
  local said, e = ask(self, "GET", "keys/" .. self.key)
  if not said then
    return nil, e
  end
  local key = type(said.data) == "table" and said.data or {}
  if key.supports_encryption == false or key.supports_decryption == false then
    return err.fail("unsupported", "a key of the type %s cannot encrypt", tostring(key.type))
  elseif key.soft_deleted == true then
    return err.fail("denied", "the key was deleted softly")
  end
  local version = tostring(math.tointeger(key.latest_version) or "")
  return { version = version, since = type(key.keys) == "table" and math.tointeger(key.keys[version]) or nil,
    detail = tostring(key.type) }
end

return M
