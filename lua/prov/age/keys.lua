--- Recipients and identities of age from what users have: arguments, files of keys, keys of SSH, a passphrase.

local crypto = require("core.crypto")
local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

local MAX = 1024 * 1024

---@class prov.AgePlugin a recipient or identity of age-plugin-<name>
---@field plugin string
---@field text string as it was written
---@field identity boolean

local function plugin_of(text)
  local name = text:match("^age1([%w+%-._]+)1[%w]+$") or text:match("^AGE%-PLUGIN%-([%u%d+%-._]+)%-1[%u%d]+$")
  return name and { plugin = name:lower(), text = text, identity = text:sub(1, 4) == "AGE-" }
end

--- Reads a recipient.
---@param text string "age1...", "ssh-ed25519 ...", "ssh-rsa ..."
---@return prov.AgeKey|prov.AgePlugin|nil
---@return prov.Err? err
function M.recipient(text)
  local key, e = crypto.age_recipient(text)
  if not key and e.code == "unsupported" and plugin_of(text) then
    return plugin_of(text)
  end
  return key, e
end

--- Reads an identity.
---@param text string "AGE-SECRET-KEY-1...", "AGE-PLUGIN-...", a private key of SSH in PEM
---@return prov.AgeKey|prov.AgePlugin|nil
---@return prov.Err? err "auth": it has a passphrase
function M.identity(text)
  local key, e = crypto.age_identity(text)
  if not key and e.code == "unsupported" and plugin_of(text) then
    return plugin_of(text)
  end
  return key, e
end

--- What both an identity and a recipient are made of.
---@param text string
---@param work? integer 2^work rounds, 18 by default
function M.passphrase(text, work)
  return crypto.age_passphrase(text, work)
end

local function each_line(text, name, read, out)
  local number = 0
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    local content = line:match("^%s*(.-)%s*$")
    if content ~= "" and content:sub(1, 1) ~= "#" then
      local key, e = read(content)
      if not key then
        e.file, e.line = name, number
        return nil, e
      end
      out[#out + 1] = key
    end
  end
  return out
end

--- The recipients in a file, one in a line; lines with # are comments.
---@param path string
---@param out? table to add to
---@return table?
---@return prov.Err?
function M.recipients_file(path, out)
  local text, e = fs.read(path, { max = MAX })
  if not text then
    return nil, e
  end
  local before = out and #out or 0
  out, e = each_line(text, path, M.recipient, out or {})
  if out and #out == before then
    return err.fail("invalid", "%s has no recipient in it", path)
  end
  return out, e
end

--- The identities in a text: one in a line, or one private key of SSH. An age file with a passphrase holds such a
--- text as well: `decrypt` opens it then.
---@async
---@param text string
---@param name string for errors
---@param out? table to add to
---@param decrypt? fun(bytes: string): string?, prov.Err?
---@return table?
---@return prov.Err?
function M.identities(text, name, out, decrypt)
  out = out or {}
  if text:find("^%s*%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY") then
    local key, e = M.identity((text:gsub("^%s+", "")))
    if not key then
      if e.code == "auth" then
        e.hint = "prov asks for no passphrase of SSH keys yet: 'ssh-keygen -p -f COPY' takes it from a copy"
      end
      e.file = name
      return nil, e
    end
    out[#out + 1] = key
    return out
  end
  if text:sub(1, 21) == "age-encryption.org/v1" or crypto.age_is_armor(text) then
    if not decrypt then
      return err.fail("auth", "%s is encrypted with a passphrase", name)
    end
    local plain, e = decrypt(text)
    if not plain then
      return nil, e
    end
    text = plain
  end
  local before = #out
  local ok, e = each_line(text, name, M.identity, out)
  if ok and #out == before then
    return err.fail("invalid", "%s has no identity in it", name)
  end
  return ok, e
end

--- The identities in a file.
---@async
---@param path string
---@param out? table
---@param decrypt? fun(bytes: string): string?, prov.Err?
---@return table?
---@return prov.Err?
function M.identities_file(path, out, decrypt)
  local text, e = fs.read(path, { max = MAX })
  if not text then
    return nil, e
  end
  return M.identities(text, path, out, decrypt)
end

return M
