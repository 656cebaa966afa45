--- Who a data key is wrapped for, by a name that is a text: a key of age or SSH, a fingerprint of PGP, a key of AWS's
--- KMS (ARN+ROLE|NAME:VALUE,...|PROFILE), a key of a Vault (https://HOST:8200/v1/ENGINE/keys/KEY).
--
-- A kind says how its entries stand in the metadata of a file (`list`), and what can be done with them:
--   parse(text) -> recipient           fields of the metadata, and `name`; nil, err
--   of(entry) -> recipient             from an entry of metadata
--   wrap(recipient, key) -> entry      may suspend
--   unwrap(entry) -> key               may suspend; of age prov.sops.keys does it, with its identities

local age = require("prov.age")
local age_keys = require("prov.age.keys")

local M = {}

---@class prov.sops.Recipient
---@field kind string
---@field name string

--- An identity of age that stands there by mistake is not shown.
local function shown(text)
  return text:find("^AGE%-") and "AGE-..." or text:find("PRIVATE KEY", 1, true) and "that is a private key" or text
end

local age_kind = {
  list = "age",
  parse = function(text)
    return { name = text }
  end,
  of = function(entry)
    return { name = tostring(entry.recipient) }
  end,
  wrap = function(recipient, key)
    local to, enc, e
    to, e = age_keys.recipient(recipient.name)
    if to then
      enc, e = age.encrypt(key, { to }, { armor = true })
    end
    return enc and { recipient = recipient.name, enc = enc }, e
  end,
}

local KINDS = { age = age_kind }
for name, module in pairs({ pgp = "prov.sops.pgp", kms = "prov.sops.aws", hc_vault = "prov.sops.vault" }) do
  KINDS[name] = setmetatable({ list = name }, { __index = function(_, key) -- loaded when it is used
    return require(module)[key]
  end })
end

--- The kinds, in the order in which they stand in metadata.
M.LISTS = { "age", "kms", "hc_vault", "pgp" }

--- What metadata and rules may have too, and prov cannot use: their names for people.
M.OTHERS = { gcp_kms = "GCP KMS", hckms = "Huawei KMS", azure_keyvault = "Azure Key Vault",
  azure_kv = "Azure Key Vault" }

--- Whether prov can use keys of a kind.
---@param kind string
---@return boolean
function M.can(kind)
  return KINDS[kind] ~= nil
end

local function kind_of(text)
  return text:find("^arn:") and "kms" or text:find("^https?://") and "hc_vault"
    or text:gsub("[ !]", ""):find("^%x+$") and "pgp" or "age"
end

--- A recipient by its name.
---@param text string
---@param kind? string else its form says it
---@return prov.sops.Recipient?
---@return prov.Err? err
function M.parse(text, kind)
  kind = kind or kind_of(text)
  local out, e = KINDS[kind].parse(text)
  if not out then
    return nil, e:wrap("the recipient %s", shown(text))
  end
  out.kind = kind
  return out
end

--- The recipient of an entry of metadata.
---@param kind string
---@param entry table
---@return prov.sops.Recipient
function M.of(kind, entry)
  local out = KINDS[kind].of(entry)
  out.kind = kind
  return out
end

--- Recipients of a text that has several, with commas between.
---@param text string
---@param kind? string
---@param out prov.sops.Recipient[]
---@return prov.sops.Recipient[]?
---@return prov.Err? err
function M.add(text, kind, out)
  local parts = {}
  for one in text:gmatch("[^,\n]+") do
    one = one:match("^%s*(.-)%s*$")
    local last = parts[#parts]
    if last and last:find("^arn:.*|") and one:find("^[^:]+:[^:]*$") then -- the context of a KMS has commas too
      parts[#parts] = last .. "," .. one
    elseif one ~= "" then
      parts[#parts + 1] = one
    end
  end
  for _, one in ipairs(parts) do
    local recipient, e = M.parse(one, kind)
    if not recipient then
      return nil, e
    end
    out[#out + 1] = recipient
  end
  return out
end

--- Wraps a key, or a share of it.
---@async
---@param recipient prov.sops.Recipient
---@param key string
---@return table? entry of metadata
---@return prov.Err? err
function M.wrap(recipient, key)
  local entry, e = KINDS[recipient.kind].wrap(recipient, key)
  if not entry then
    return nil, e:wrap("the recipient %s", shown(recipient.name))
  end
  if recipient.kind ~= "age" then
    entry.created_at = os.date("!%Y-%m-%dT%H:%M:%SZ")
  end
  return entry
end

--- Unwraps it; not of age.
---@async
---@param kind string
---@param entry table
---@return string? key
---@return prov.Err? err
function M.unwrap(kind, entry)
  local key, e = KINDS[kind].unwrap(entry)
  if not key then
    return nil, e:wrap("%s", KINDS[kind].of(entry).name)
  end
  return key
end

return M
