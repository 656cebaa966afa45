--- A stand-in for Cosmian's KMS: what prov needs of it, as its documentation and sources say (version 5.24). It is no
--- such server: it speaks with prov's own codec, so it judges prov's requests only by what it takes. Pairs that Cosmian
--- documents are judged in tests/lua/kms/cosmian_spec.lua.

local async = require("prov.async")
local crypto = require("core.crypto")
local http_server = require("prov.http_server")
local json = require("prov.kmip.json")
local message = require("prov.kmip.message")
local tree = require("prov.kmip.tree")
local uv = require("luv")

local M = {}

local item, structure = message.item, tree.structure

---@class support.Cosmian
---@field port integer
---@field slow integer ms that ReKey takes
local Server = {}
Server.__index = Server

local function refuse(text, ...)
  return nil, text:format(...)
end

local function id_item(id)
  return item("UniqueIdentifier", "TextString", id)
end

local function new_key(server)
  server.count = server.count + 1
  local key = { id = ("00000000-0000-4000-8000-%012d"):format(server.count), bytes = assert(crypto.random(32)),
    state = "Active" }
  server.keys[key.id] = key
  return key
end

-- The key of a request, in one of the states; destroyed ones are like none.
local function find(server, request, states)
  local id = tree.get(request, "TextString", "UniqueIdentifier")
  local key = server.keys[id]
  if not key or key.state == "Destroyed" then
    return refuse("Item_Not_Found: %s: no valid key for id: %s", request.tag, id)
  elseif states and not states[key.state] then
    return refuse("Permission_Denied: %s: key %s is in state %s but operation requires one of [Active]",
      request.tag, id, key.state)
  end
  return key
end

local ACTIVE = { Active = true }
local PROCESS = { Active = true, Deactivated = true, Compromised = true }

local function check_parameters(request)
  return tree.get(request, "Enumeration", "CryptographicParameters", "BlockCipherMode") == "GCM"
    and tree.get(request, "Enumeration", "CryptographicParameters", "CryptographicAlgorithm") == "AES"
end

local OPERATIONS = {
  Create = function(server, request)
    if tree.get(request, "Enumeration", "ObjectType") ~= "SymmetricKey"
      or tree.get(request, "Enumeration", "Attributes", "CryptographicAlgorithm") ~= "AES"
      or tree.get(request, "Integer", "Attributes", "CryptographicLength") ~= 256 then
      return refuse("Not Supported: this stand-in makes AES keys of 256 bits")
    end
    return { item("ObjectType", "Enumeration", "SymmetricKey"), id_item(new_key(server).id) }
  end,
  Encrypt = function(server, request)
    local key, e = find(server, request, ACTIVE)
    local plain = tree.get(request, "ByteString", "Data")
    if not key then
      return nil, e
    elseif not check_parameters(request) or not plain then
      return refuse("Invalid Request: Encrypt: AES GCM and data to encrypt must be provided")
    end
    local nonce = assert(crypto.random(12))
    local sealed = assert(assert(crypto.aead("aes-256-gcm", key.bytes)):seal(nonce, plain,
      tree.get(request, "ByteString", "AuthenticatedEncryptionAdditionalData")))
    return { id_item(key.id), item("Data", "ByteString", sealed:sub(1, -17)),
      item("IVCounterNonce", "ByteString", nonce), item("AuthenticatedEncryptionTag", "ByteString", sealed:sub(-16)) }
  end,
  Decrypt = function(server, request)
    local key, e = find(server, request, PROCESS)
    if not key then
      return nil, e
    end
    local nonce, tag = tree.get(request, "ByteString", "IVCounterNonce"),
      tree.get(request, "ByteString", "AuthenticatedEncryptionTag")
    if #(nonce or "") ~= 12 or #(tag or "") ~= 16 then
      return refuse("Cryptographic_Failure: CRYPTO: error: invalid nonce or tag length")
    end
    local plain = assert(crypto.aead("aes-256-gcm", key.bytes)):open(nonce,
      tree.get(request, "ByteString", "Data") .. tag,
      tree.get(request, "ByteString", "AuthenticatedEncryptionAdditionalData"))
    if not plain then
      return refuse("Cryptographic_Failure: CRYPTO: error: decryption failed")
    end
    return { id_item(key.id), item("Data", "ByteString", plain) }
  end,
  GetAttributes = function(server, request)
    local key, e = find(server, request)
    if not key then
      return nil, e
    end
    local attributes = {}
    for _, one in ipairs(request.value) do
      if one.tag == "AttributeReference" and one.value == "State" then
        attributes[#attributes + 1] = item("State", "Enumeration", key.state)
      elseif one.tag == "AttributeReference" and one.value == "Link" and key.replacement then
        attributes[#attributes + 1] = structure("Link", { item("LinkType", "Enumeration", "ReplacementObjectLink"),
          item("LinkedObjectIdentifier", "TextString", key.replacement) })
      end
    end
    return { id_item(key.id), structure("Attributes", attributes) }
  end,
  ReKey = function(server, request)
    local key, e = find(server, request, ACTIVE)
    if not key then
      return nil, e
    end
    local new = new_key(server)
    key.state, key.replacement = "Deactivated", new.id
    async.sleep(server.slow)
    return { id_item(new.id) }
  end,
  Revoke = function(server, request)
    local key, e = find(server, request)
    if not key then
      return nil, e
    end
    local reason = tree.get(request, "Enumeration", "RevocationReason", "RevocationReasonCode")
    key.state = reason == "KeyCompromise" and "Compromised" or "Deactivated"
    return { id_item(key.id) }
  end,
  Destroy = function(server, request)
    local key, e = find(server, request, { Deactivated = true, Compromised = true })
    if not key then
      return nil, e
    end
    key.state = "Destroyed"
    return { id_item(key.id) }
  end,
  Query = function()
    return { item("Operation", "Enumeration", "Encrypt"), item("Operation", "Enumeration", "ReKey"),
      item("VendorIdentification", "TextString", "cosmian") }
  end,
}

function Server:_answer(request)
  if request.path ~= "/kmip/2_1" then
    return request:respond(404, {}, "Not Found")
  elseif request.headers.authorization ~= "Bearer " .. self.token then
    return request:respond(401, {}, "Access denied: Client and server authentication tokens mismatch")
  end
  local asked, e = json.decode(request.body)
  if not asked then
    return request:respond(422, {}, "Codec_Error: " .. tostring(e))
  end
  local operation = OPERATIONS[asked.tag]
  if not operation then
    return request:respond(422, {}, "Not Supported: " .. tostring(asked.tag))
  end
  local answer, why = operation(self, asked)
  if not answer then
    return request:respond(422, { ["Content-Type"] = "text/html; charset=utf-8" }, why)
  end
  return request:respond(200, { ["Content-Type"] = "application/json" },
    assert(json.encode(structure(asked.tag .. "Response", answer))))
end

function Server:close()
  self.http:close()
end

--- Starts a process that listens.
---@async
---@param token string
---@param slow? integer
---@return integer port, fun() stop
function M.start(token, slow)
  local out = uv.new_pipe()
  local process = assert(uv.spawn(uv.exepath(), {
    args = { "internal", "lua", os.getenv("PROV_ROOT") .. "/tests/support/cosmian.lua", token, tostring(slow or 1) },
    stdio = { nil, out, 2 },
  }, function() end))
  local port = async.await(function(resume)
    out:read_start(function(_, bytes)
      resume(bytes)
    end)
    return true
  end)
  out:close()
  process:unref()
  return assert(math.tointeger(tonumber(port)), "the stand-in does not start"), function()
    process:kill("sigkill")
    process:close()
  end
end

--- Listens on loopback.
---@async
---@param token string that clients show
---@param slow? integer ms that ReKey takes
---@return support.Cosmian
function M.listen(token, slow)
  local server = setmetatable({ keys = {}, count = 0, token = token, slow = slow or 1 }, Server)
  server.http = assert(http_server.listen({}, function(request)
    return server:_answer(request)
  end))
  server.port = server.http.port
  return server
end

local token, slow = ...
if token ~= "support.cosmian" then -- a process of its own
  return async.run(function()
    print(M.listen(token, math.tointeger(tonumber(slow))).port)
    io.stdout:flush()
    async.sleep(600000)
    return 0
  end)
end

return M
