--- Operations of KMIP, over any transport.

local err = require("prov.err")
local message = require("prov.kmip.message")
local tree = require("prov.kmip.tree")

local item, structure = message.item, tree.structure

local M = {}

--- What depends on the version is made when that is known.
---@alias prov.kmip.Payload prov.kmip.Item[]|fun(version: integer[]): prov.kmip.Item[]

---@class prov.kmip.Transport
---@field agree async fun(self): integer[]?, prov.Err? the version of the protocol, which may have to be asked for
---@field call async fun(self, operation: string, payload: prov.kmip.Payload, repeatable: boolean): prov.kmip.Item?,
---prov.Err?
---@field close fun(self)

---@class prov.kmip.Client
---@field transport prov.kmip.Transport
local Client = {}
Client.__index = Client

---@param transport prov.kmip.Transport
---@return prov.kmip.Client
function M.new(transport)
  return setmetatable({ transport = transport }, Client)
end

local function identifier(id)
  return item("UniqueIdentifier", "TextString", id)
end

local function append(list, more)
  return table.move(more, 1, #more, #list + 1, list)
end

local function need(payload, operation, type, ...)
  local value = tree.get(payload, type, ...)
  if value == nil then
    return err.fail("protocol", "the KMS answers %s without %s", operation, (select(select("#", ...), ...)))
  end
  return value
end

-- Calls, and gives one thing of the answer.
function Client:_ask(operation, payload, repeatable, type, ...)
  local answer, e = self.transport:call(operation, payload, repeatable)
  if not answer then
    return nil, e
  end
  return need(answer, operation, type, ...)
end

function Client:_on_key(operation, id, repeatable)
  return self:_ask(operation, { identifier(id) }, repeatable, "TextString", "UniqueIdentifier")
end

local function name_item(name)
  return structure("Name", {
    item("NameValue", "TextString", name),
    item("NameType", "Enumeration", "UninterpretedTextString"),
  })
end

--- Makes an AES key that encrypts and decrypts.
---@async
---@param name? string
---@param more? prov.kmip.Item[] further attributes
---@return string? id
---@return prov.Err? err
function Client:create(name, more)
  local attributes = {
    item("CryptographicAlgorithm", "Enumeration", "AES"),
    item("CryptographicLength", "Integer", 256),
    item("CryptographicUsageMask", "Integer", 0x0C),
  }
  if name then
    attributes[#attributes + 1] = name_item(name)
  end
  append(attributes, more or {})
  return self:_ask("Create", function(version)
    return append({ item("ObjectType", "Enumeration", "SymmetricKey") },
      message.attributes(version, attributes, "TemplateAttribute"))
  end, false, "TextString", "UniqueIdentifier")
end

---@async
---@param id string
---@return string? id
---@return prov.Err? err
function Client:activate(id)
  return self:_on_key("Activate", id, false)
end

--- Makes a key that takes the place of another one, with its name.
---@async
---@param id string
---@return string? id of the new key
---@return prov.Err? err
function Client:rekey(id)
  return self:_on_key("ReKey", id, false)
end

--- Destroys a key. Servers want it to be revoked before.
---@async
---@param id string
---@return string? id
---@return prov.Err? err
function Client:destroy(id)
  return self:_on_key("Destroy", id, false)
end

---@async
---@param id string
---@param reason "Unspecified"|"KeyCompromise"|"Superseded"|"CessationOfOperation"
---@return string? id
---@return prov.Err? err
function Client:revoke(id, reason)
  local payload = {
    identifier(id),
    structure("RevocationReason", { item("RevocationReasonCode", "Enumeration", reason) }),
  }
  return self:_ask("Revoke", payload, false, "TextString", "UniqueIdentifier")
end

--- The bytes of a symmetric key.
---@async
---@param id string
---@return string? bytes
---@return prov.Err? err
function Client:get(id)
  local answer, e = self.transport:call("Get", { identifier(id) }, true)
  if not answer then
    return nil, e
  end
  local value = { "SymmetricKey", "KeyBlock", "KeyValue", "KeyMaterial" }
  local bytes = tree.get(answer, "ByteString", table.unpack(value))
  if bytes then
    return bytes
  end
  value[#value + 1] = "Key" -- of a TransparentSymmetricKey
  return need(answer, "Get", "ByteString", table.unpack(value))
end

--- Attributes of a key: items by their tags.
---@async
---@param id string
---@param attribute_names string[] tags: "State", "Link"
---@return table<string, prov.kmip.Item[]>?
---@return prov.Err? err
function Client:attributes(id, attribute_names)
  local answer, e = self.transport:call("GetAttributes", function(version)
    return append({ identifier(id) }, message.attribute_names(version, attribute_names))
  end, true)
  return answer and message.read_attributes(answer), e
end

--- Takes a name from a key.
---@async
---@param id string
---@param name string
---@return string? id
---@return prov.Err? err
function Client:unname(id, name)
  local attributes, e = self:attributes(id, { "Name" })
  if not attributes then
    return nil, e
  end
  local index
  for i, one in ipairs(attributes.Name or {}) do
    if tree.get(one, "TextString", "NameValue") == name then
      index = i - 1
    end
  end
  if not index then
    return id
  end
  return self:_ask("DeleteAttribute", function(version)
    if version[1] >= 2 then
      return { identifier(id), structure("CurrentAttribute", { name_item(name) }) }
    end
    return { identifier(id), item("AttributeName", "TextString", "Name"), item("AttributeIndex", "Integer", index) }
  end, false, "TextString", "UniqueIdentifier")
end

--- The symmetric keys of a name, the newest first.
---@async
---@param name string
---@return string[]? ids
---@return prov.Err? err
function Client:locate(name)
  local attributes = { item("ObjectType", "Enumeration", "SymmetricKey"), name_item(name) }
  local answer, e = self.transport:call("Locate", function(version)
    return message.attributes(version, attributes)
  end, true)
  if not answer then
    return nil, e
  end
  local ids = {}
  for _, one in ipairs(tree.children(answer)) do
    if one.tag == "UniqueIdentifier" and one.type == "TextString" then
      ids[#ids + 1] = one.value
    end
  end
  return ids
end

---@class prov.kmip.Sealed
---@field id string of the key that the server took
---@field data string
---@field iv string? when the server chose one
---@field tag string? of GCM

--- Encrypts.
---@async
---@param id string
---@param parameters prov.kmip.Item[] cryptographic ones
---@param plain string
---@param aad? string bytes that are bound to the result, from version 1.4
---@return prov.kmip.Sealed?
---@return prov.Err? err
function Client:encrypt(id, parameters, plain, aad)
  local payload = {
    identifier(id), structure("CryptographicParameters", parameters), item("Data", "ByteString", plain),
  }
  if aad then
    payload[4] = item("AuthenticatedEncryptionAdditionalData", "ByteString", aad)
  end
  local answer, e = self.transport:call("Encrypt", payload, true)
  if not answer then
    return nil, e
  end
  local sealed = {
    iv = tree.get(answer, "ByteString", "IVCounterNonce"),
    tag = tree.get(answer, "ByteString", "AuthenticatedEncryptionTag"),
  }
  sealed.id, e = need(answer, "Encrypt", "TextString", "UniqueIdentifier")
  if sealed.id then
    sealed.data, e = need(answer, "Encrypt", "ByteString", "Data")
  end
  return sealed.data and sealed, e
end

--- Decrypts.
---@async
---@param sealed prov.kmip.Sealed
---@param parameters prov.kmip.Item[]
---@param aad? string
---@return string? plain
---@return prov.Err? err
function Client:decrypt(sealed, parameters, aad)
  local payload = {
    identifier(sealed.id), structure("CryptographicParameters", parameters), item("Data", "ByteString", sealed.data),
  }
  local function add(tag, bytes)
    if bytes then
      payload[#payload + 1] = item(tag, "ByteString", bytes)
    end
  end
  add("IVCounterNonce", sealed.iv)
  add("AuthenticatedEncryptionAdditionalData", aad)
  add("AuthenticatedEncryptionTag", sealed.tag)
  return self:_ask("Decrypt", payload, true, "ByteString", "Data")
end

--- What the server can do.
---@async
---@return { operations: table<string, true>, vendor: string? }?
---@return prov.Err? err
function Client:query()
  local answer, e = self.transport:call("Query", {
    item("QueryFunction", "Enumeration", "QueryOperations"),
    item("QueryFunction", "Enumeration", "QueryServerInformation"),
  }, true)
  if not answer then
    return nil, e
  end
  local operations = {}
  for _, one in ipairs(tree.children(answer)) do
    if one.tag == "Operation" then
      operations[one.value] = true
    end
  end
  return { operations = operations, vendor = tree.get(answer, "TextString", "VendorIdentification") }
end

--- The version of the protocol that is spoken.
---@async
---@return integer[]? version
---@return prov.Err? err
function Client:version()
  return self.transport:agree()
end

--- Ends the connection.
function Client:close()
  self.transport:close()
end

Client.__close = Client.close

return M
