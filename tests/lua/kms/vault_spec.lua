-- The transit engine: of prov's own vault always, of a real one (Vault, OpenBao) when VAULT names its program.
local contract = require("support.kms_contract")
local kms = require("prov.kms")
local run = require("support.async").run
local servers = require("support.kms_servers")
local test = require("support.async").test

local stops = {}

local function env_of(values)
  return function(name)
    return values[name]
  end
end

local function path_of(uri)
  local mount, key = uri:match("([^/]+)/([^/]+)$")
  return ("%s/keys/%s"):format(mount, key)
end

local function cases(name, url, root)
  local count, token = 0, root

  local function call(method, path, body)
    return servers.json(method, url .. "/v1/" .. path, body, { ["X-Vault-Token"] = root })
  end

  run(function()
    call("POST", "sys/mounts/transit", { type = "transit" })
    call("POST", "sys/policies/acl/others", {
      policy = 'path "transit/+/others" { capabilities = ["create", "read", "update"] }',
    })
    return true
  end)

  contract.run(name, {
    served = true,
    env = function(variable)
      return variable == "VAULT_TOKEN" and token or nil
    end,
    fresh = function()
      count, token = count + 1, root
      call("POST", "transit/keys/k" .. count, {})
      return ("vault:%s/transit/k%d"):format(url, count)
    end,
    retire = function(uri, version)
      call("POST", path_of(uri) .. "/config", { min_decryption_version = tonumber(version) + 1 })
    end,
    revoke = function(uri)
      call("POST", path_of(uri) .. "/config", { deletion_allowed = true })
      call("DELETE", path_of(uri))
    end,
    stranger = function(uri) -- whose policy is about another key
      token = call("POST", "auth/token/create", { policies = { "others" } }).auth.client_token
      return uri
    end,
  }, { describe = describe, it = it })

  describe("who prov is to " .. name, function()
    it("is a role of AppRole, with a new token when that has ended", test(function()
      call("POST", "sys/auth/approle", { type = "approle" })
      call("POST", "sys/policies/acl/transit", {
        policy = 'path "transit/*" { capabilities = ["create", "read", "update"] }',
      })
      call("POST", "auth/approle/role/prov", { token_policies = "transit" })
      call("POST", "transit/keys/role", {})
      local role = call("GET", "auth/approle/role/prov/role-id").data.role_id
      local secret = call("POST", "auth/approle/role/prov/secret-id", {}).data.secret_id
      local k = assert(kms.open(("vault:%s/transit/role"):format(url), {
        env = env_of({ VAULT_ROLE_ID = role, VAULT_SECRET_ID = secret }),
      }))
      local key, blob = k:generate({ workspace = "w" })
      assert.equal(key, assert(k:unwrap(blob, { workspace = "w" })))
      call("POST", "auth/token/revoke", { token = k.backend.token })
      assert.equal(key, assert(k:unwrap(blob, { workspace = "w" })))
    end))

    it("is denied with a token that may not, and without one", test(function()
      call("POST", "transit/keys/none", {})
      for _, wrong in ipairs({ "hvs.nothing", "" }) do
        local k = assert(kms.open(("vault:%s/transit/none"):format(url), {
          env = env_of({ VAULT_TOKEN = wrong, HOME = "/nonexistent" }),
        }))
        local none, e = k:health()
        assert.is_nil(none)
        assert.equal("denied", e.code)
        assert.is_nil(tostring(e):find("hvs.nothing", 1, true))
      end
    end))
  end)
end

local url, stop, root = run(servers.prov_vault)
stops[#stops + 1] = stop
cases("prov's vault", url, root)

if os.getenv("VAULT") then
  url, stop = run(servers.vault)
  stops[#stops + 1] = stop
  cases("vault", url, servers.ROOT)
else
  it("against a real one", function()
    print("SKIP 40 cases of the KMS vault: VAULT names no program of Vault or OpenBao")
  end)
end

teardown(function()
  for _, fn in ipairs(stops) do
    fn()
  end
end)
