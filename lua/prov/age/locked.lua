--- Private keys of SSH that have a passphrase, as identities: it is asked for once, and only when a key is needed.

local async = require("prov.async")
local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

local TRIES <const> = 3
local MAX <const> = 64 * 1024

---@class prov.AgeLocked
---@field pem string
---@field name string of its file
---@field ask fun(question: string): string?, prov.Err?, boolean? the passphrase; whether there is no other
---@field recipient prov.AgeKey? its public half, when that is known without the passphrase
---@field key prov.AgeKey? once it is unlocked
---@field failure prov.Err? why it cannot be

--- An identity that is locked.
---@async
---@param pem string
---@param name string its file, beside which a public half may be: NAME.pub
---@param ask function as above
---@return prov.AgeLocked?
---@return prov.Err? err "unsupported": age has no such recipients
function M.new(pem, name, ask)
  local recipient, e = crypto.age_recipient_of(pem)
  if not recipient and e.code == "invalid" then -- older forms
    local public = fs.read(name .. ".pub", { max = MAX })
    e = nil
    if public then
      recipient, e = crypto.age_recipient(public)
    end
  end
  if e then
    return nil, e
  end
  return { locked = true, pem = pem, name = name, ask = ask, recipient = recipient or nil }
end

-- What the stanzas for a recipient begin with: "ssh-ed25519", and the hash of the key.
local function stanza_of(recipient)
  local text = recipient:public()
  local wire = base.unbase64(text:match(" (%S+)"))
  return text:match("^%S+"), (base.base64(assert(crypto.hash("sha256", wire)):sub(1, 4)):gsub("=", ""))
end

--- Whether a stanza of the header may be for it.
---@param identity prov.AgeLocked
---@param header prov.AgeHeader
---@return boolean
function M.is_meant(identity, header)
  local kind, tag
  if identity.recipient then
    kind, tag = stanza_of(identity.recipient)
  end
  for _, stanza in ipairs(header:stanzas()) do
    local is_ssh = stanza.args[1]:sub(1, 4) == "ssh-"
    if is_ssh and (not kind or stanza.args[1] == kind and stanza.args[2] == tag) then
      return true
    end
  end
  return false
end

local function unlock(identity)
  local question = "Passphrase of " .. identity.name
  for try = 1, TRIES do
    local passphrase, e, is_only = identity.ask(try == 1 and question or "That is not it. " .. question)
    if not passphrase then
      return nil, e
    end
    local key
    key, e = async.await(function(resume)
      return crypto.age_unlock(identity.pem, passphrase, resume)
    end)
    if key then
      return key
    elseif e.code ~= "auth" then
      e.file = identity.name
      return nil, e
    elseif is_only then
      break
    end
  end
  return nil, err.new("auth", "the passphrase does not open " .. identity.name,
    { hint = ("'ssh-keygen -y -f %s' tells whether you know it"):format(identity.name) })
end

--- The key itself. What a person could not answer is not asked again.
---@async
---@param identity prov.AgeLocked
---@return prov.AgeKey?
---@return prov.Err? err "auth": the passphrase is wrong, or there is nobody to ask; "canceled"
function M.unlock(identity)
  if not identity.key and not identity.failure then
    identity.key, identity.failure = unlock(identity)
  end
  return identity.key, identity.failure
end

--- Its public half.
---@async
---@param identity prov.AgeLocked
---@return prov.AgeKey?
---@return prov.Err? err as of unlock
function M.recipient(identity)
  if identity.recipient then
    return identity.recipient
  end
  return M.unlock(identity)
end

return M
