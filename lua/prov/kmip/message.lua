--- Messages of KMIP: a request of one operation, and what its response says.

local err = require("prov.err")
local tree = require("prov.kmip.tree")

local M = {}

--- Versions of the protocol that prov speaks, the one it likes best first. Servers of 2.0 speak an older one, too.
M.VERSIONS = { { 2, 1 }, { 1, 4 }, { 1, 3 }, { 1, 2 } }

--- Reads "1.4".
---@param text string
---@return integer[]? version
function M.version(text)
  for _, version in ipairs(M.VERSIONS) do
    if text == M.show_version(version) then
      return version
    end
  end
end

---@param version integer[]
---@return string
function M.show_version(version)
  return ("%d.%d"):format(version[1], version[2])
end

--- Whether one version is another or newer.
---@param version integer[]
---@param major integer
---@param minor integer
---@return boolean
function M.at_least(version, major, minor)
  return version[1] > major or version[1] == major and version[2] >= minor
end

--- An item.
---@param tag string
---@param type string
---@param value any
---@return prov.kmip.Item
function M.item(tag, type, value)
  return { tag = tag, type = type, value = value }
end

local item, structure = M.item, tree.structure

--- A version as an item.
---@param version integer[]
---@return prov.kmip.Item
local function version_item(version)
  return structure("ProtocolVersion", {
    item("ProtocolVersionMajor", "Integer", version[1]),
    item("ProtocolVersionMinor", "Integer", version[2]),
  })
end

--- A request of one operation.
---@param version integer[]
---@param operation string
---@param payload prov.kmip.Item[]
---@return prov.kmip.Item
function M.request(version, operation, payload)
  return structure("RequestMessage", {
    structure("RequestHeader", { version_item(version), item("BatchCount", "Integer", 1) }),
    structure("BatchItem", {
      item("Operation", "Enumeration", operation),
      structure("RequestPayload", payload),
    }),
  })
end

-- What a reason of a refusal means; others are "failed".
local CODES = {
  ItemNotFound = "notfound",
  ObjectNotFound = "notfound",
  AuthenticationNotSuccessful = "denied",
  PermissionDenied = "denied",
  NotAuthorised = "denied",
  WrongKeyLifecycleState = "denied",
  ObjectArchived = "denied",
  ObjectDestroyed = "denied",
  IncompatibleCryptographicUsageMask = "denied",
  UsageLimitExceeded = "denied",
  CryptographicFailure = "auth",
  OperationNotSupported = "unsupported",
  FeatureNotSupported = "unsupported",
  UnsupportedProtocolVersion = "unsupported",
  UnsupportedCryptographicParameters = "unsupported",
  ObjectAlreadyExists = "exists",
  NonUniqueNameAttribute = "exists",
  ResponseTooLarge = "limit",
  ServerLimitExceeded = "limit",
}

--- The error of a refusal.
---@param operation string
---@param reason string|integer?
---@param text string? what the server says
---@return prov.Err err with data.reason
function M.refusal(operation, reason, text)
  local why = text and text ~= "" and text or reason and tree.show_tag(reason) or "no reason given"
  return err.new(CODES[reason] or "failed", ("the KMS refuses %s: %s"):format(operation, why:gsub("[%c]", " ")),
    { data = { reason = reason } })
end

--- The error of a request whose answer did not come, and which is not done twice.
---@param operation string
---@param e prov.Err
---@return prov.Err err "unknown"
function M.lost(operation, e)
  local lost = e:wrap("the KMS may have done %s or not", operation)
  lost.code = "unknown"
  return lost
end

local function nonsense(operation, what)
  return err.fail("protocol", "the KMS answers %s with %s", operation, what)
end

--- What a response says.
---@param message prov.kmip.Item
---@param operation string
---@return prov.kmip.Item? payload
---@return prov.Err? err what the server refused; "protocol": it is no response to this
function M.response(message, operation)
  local batch = message.tag == "ResponseMessage" and tree.find(message, "BatchItem")
  local status = batch and tree.get(batch, "Enumeration", "ResultStatus")
  if not status then
    return nonsense(operation, "a message that has no result")
  elseif status == "OperationFailed" then
    return nil, M.refusal(operation, tree.get(batch, "Enumeration", "ResultReason"),
      tree.get(batch, "TextString", "ResultMessage"))
  elseif status ~= "Success" then
    return nonsense(operation, "status " .. tree.show_tag(status))
  end
  local answered = tree.get(batch, "Enumeration", "Operation")
  if answered and answered ~= operation then
    return nonsense(operation, "the result of " .. tree.show_tag(answered))
  end
  return tree.find(batch, "ResponsePayload") or structure("ResponsePayload", {})
end

-- "CryptographicLength" as 1.x has it: "Cryptographic Length".
local function spaced(name)
  return (name:gsub("(%l)(%u)", "%1 %2"))
end

--- Attributes as a version has them: the items to put into a payload. 1.x names them by texts, in `wrapper` when one
--- is given; 2.x has tags for them.
---@param version integer[]
---@param attributes prov.kmip.Item[]
---@param wrapper? "TemplateAttribute"
---@return prov.kmip.Item[]
function M.attributes(version, attributes, wrapper)
  if version[1] >= 2 then
    return { structure("Attributes", attributes) }
  end
  local out = {}
  for i, attribute in ipairs(attributes) do
    out[i] = structure("Attribute", {
      item("AttributeName", "TextString", spaced(attribute.tag)),
      item("AttributeValue", attribute.type, attribute.value),
    })
  end
  return wrapper and { structure(wrapper, out) } or out
end

--- Items that name attributes.
---@param version integer[]
---@param attribute_names string[]
---@return prov.kmip.Item[]
function M.attribute_names(version, attribute_names)
  local out = {}
  for i, name in ipairs(attribute_names) do
    out[i] = version[1] >= 2 and item("AttributeReference", "Enumeration", name)
      or item("AttributeName", "TextString", spaced(name))
  end
  return out
end

--- The attributes in a payload, of any version, as items by their tags of 2.x.
---@param payload prov.kmip.Item
---@return table<string, prov.kmip.Item[]>
function M.read_attributes(payload)
  local out = {}
  local function add(tag, one)
    out[tag] = out[tag] or {}
    table.insert(out[tag], one)
  end
  for _, child in ipairs(tree.children(payload)) do
    if child.tag == "Attributes" then
      for _, one in ipairs(tree.children(child)) do
        add(one.tag, one)
      end
    elseif child.tag == "Attribute" then
      local name, value = tree.get(child, "TextString", "AttributeName"), tree.find(child, "AttributeValue")
      if name and value then
        add(tree.attribute_tag(name), value)
      end
    end
  end
  return out
end

return M
