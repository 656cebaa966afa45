--- age files (C2SP age.md): encrypting to recipients, decrypting with identities. What a key is read from is in
--- prov.age.keys, plugins are in prov.age.plugin; files of any size are streamed by prov.age.file.

local async = require("prov.async")
local crypto = require("core.crypto")
local err = require("prov.err")

local M = {}

--- Makes an identity of X25519.
---@return prov.AgeKey
function M.keygen()
  return assert(crypto.age_keygen())
end

--- A header for the recipients, with the file key they get.
---@async
---@param recipients (prov.AgeKey|prov.AgePlugin|prov.AgeLocked)[]
---@return string? header
---@return userdata|prov.Err file_key a secret, to be closed
function M.header(recipients)
  if #recipients == 0 then
    return err.fail("invalid", "an age file is for somebody: there is no recipient")
  end
  local header, file_key = crypto.age_header(), assert(crypto.age_file_key())
  for _, recipient in ipairs(recipients) do
    local ok, e
    if type(recipient) == "table" and recipient.locked then
      recipient, e = require("prov.age.locked").recipient(recipient)
    end
    if type(recipient) == "table" then
      ok, e = require("prov.age.plugin").wrap(recipient, file_key, header)
    elseif recipient then
      ok, e = async.await(function(resume)
        return header:wrap(recipient, file_key, resume)
      end)
    end
    if not ok then
      file_key:close()
      return nil, e
    end
  end
  local text, e = header:write(file_key)
  if not text then
    file_key:close()
    return nil, e
  end
  return text, file_key
end

local function unwrap_one(header, identity)
  if type(identity) == "table" and identity.locked then
    local locked = require("prov.age.locked")
    if not locked.is_meant(identity, header) then
      return err.fail("notfound", "the age file is not for %s", identity.name)
    end
    local e
    identity, e = locked.unlock(identity)
    if not identity then
      return nil, e
    end
  end
  if type(identity) == "table" then
    return require("prov.age.plugin").unwrap(identity, header)
  end
  return async.await(function(resume)
    return header:unwrap(identity, resume)
  end)
end

-- Those first that nobody has to be asked for.
local function in_order(identities)
  local open, locked = {}, {}
  for _, identity in ipairs(identities) do
    local list = type(identity) == "table" and identity.locked and locked or open
    list[#list + 1] = identity
  end
  return table.move(locked, 1, #locked, #open + 1, open)
end

--- The file key that an identity finds in a header.
---@async
---@param header userdata
---@param identities (prov.AgeKey|prov.AgePlugin|prov.AgeLocked)[]
---@return userdata? file_key a secret, to be closed
---@return prov.Err? err "notfound": none of them is meant; "auth": the header was changed; "invalid": malformed
function M.unwrap(header, identities)
  local last
  for _, identity in ipairs(in_order(identities)) do
    local file_key, e = unwrap_one(header, identity)
    if file_key then
      return file_key
    elseif e.code ~= "notfound" then
      return nil, e
    end
    last = e
  end
  if #identities == 1 then
    return nil, last
  end
  return err.fail("notfound", "the age file is for none of the %d identities", #identities)
end

--- Encrypts a text in memory.
---@async
---@param plain string
---@param recipients (prov.AgeKey|prov.AgePlugin)[]
---@param opts? { armor: boolean? }
---@return string? bytes
---@return prov.Err? err
function M.encrypt(plain, recipients, opts)
  local header, file_key = M.header(recipients)
  if not header then
    return nil, file_key
  end
  local key <close> = file_key
  local stream, first = assert(crypto.age_sealing(key))
  local _ <close> = stream
  local bytes = header .. first .. assert(stream:feed(plain, true))
  if not (opts and opts.armor) then
    return bytes
  end
  local armor <close> = crypto.age_armor("write")
  return armor:feed(bytes, true)
end

--- Decrypts a text in memory, armored or not.
---@async
---@param bytes string
---@param identities (prov.AgeKey|prov.AgePlugin)[]
---@return string? plain
---@return prov.Err? err as of unwrap; "corrupt": the payload was changed or cut off
function M.decrypt(bytes, identities)
  local e
  if crypto.age_is_armor(bytes) then
    local armor <close> = crypto.age_armor("read")
    bytes, e = armor:feed(bytes, true)
    if not bytes then
      return nil, e
    end
  end
  local header, length = crypto.age_read(bytes, true)
  if not header then
    return nil, length
  end
  local file_key
  file_key, e = M.unwrap(header, identities)
  if not file_key then
    return nil, e
  end
  local key <close> = file_key
  local stream <close> = assert(crypto.age_opening(key))
  local plain
  plain, e = stream:feed(bytes:sub(length + 1), true)
  return plain, e
end

return M
