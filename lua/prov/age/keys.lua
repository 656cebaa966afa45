--- Recipients and identities of age from what users have: arguments, files of keys, keys of SSH, a passphrase.

local crypto = require("core.crypto")
local err = require("prov.err")
local fs = require("prov.fs")
local uv = require("luv")

local M = {}

--- The variable that a passphrase may be in.
M.PASSPHRASE = "PROV_AGE_PASSPHRASE"

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

local function without_question(question)
  return err.fail("auth", "%s: nothing here may ask for it", question)
end

--- The passphrase of `prov age` and of what reads identities for a person: the variable, or what is typed.
---@async
---@param question string
---@return string? passphrase
---@return prov.Err? err "auth": there is no terminal to ask on
---@return boolean? is_only of the variable: to ask again is of no use
function M.ask(question)
  local given = uv.os_getenv(M.PASSPHRASE)
  if given then
    return given, nil, true
  end
  local text, e = require("prov.ask").secret(question)
  if not text and e.code == "usage" then
    return nil, err.new("auth", e.msg, { hint = M.PASSPHRASE .. " may hold it" })
  end
  return text, e
end

--- The identities in a text: one in a line, or one private key of SSH. An age file with a passphrase holds such a
--- text as well. A private key of SSH that has one is asked for when it is needed.
---@async
---@param text string
---@param name string for errors
---@param out? table to add to
---@param ask? fun(question: string): string?, prov.Err?, boolean? for passphrases, as M.ask; without it they are errors
---@return table?
---@return prov.Err?
function M.identities(text, name, out, ask)
  out, ask = out or {}, ask or without_question
  if text:find("^%s*%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY") then
    text = text:gsub("^%s+", "")
    local key, e = M.identity(text)
    if not key and e.code == "auth" then
      key, e = require("prov.age.locked").new(text, name, ask)
    end
    if not key then
      e.file = name
      return nil, e
    end
    out[#out + 1] = key
    return out
  end
  if text:sub(1, 21) == "age-encryption.org/v1" or crypto.age_is_armor(text) then
    local passphrase, e = ask("Passphrase of " .. name)
    if not passphrase then
      return nil, e
    end
    text, e = require("prov.age").decrypt(text, { assert(M.passphrase(passphrase)) })
    if not text then
      return nil, e
    end
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
---@param ask? function as of M.identities
---@return table?
---@return prov.Err?
function M.identities_file(path, out, ask)
  local text, e = fs.read(path, { max = MAX })
  if not text then
    return nil, e
  end
  return M.identities(text, path, out, ask)
end

return M
