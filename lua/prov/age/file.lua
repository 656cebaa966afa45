--- age files of any size, from and to file descriptors. Payloads that are not armored go through C, by several threads.

local age = require("prov.age")
local async = require("prov.async")
local crypto = require("core.crypto")
local err = require("prov.err")
local uv = require("luv")

local M = {}

local PIECE = 1024 * 1024
local BLANK = 1024 -- bytes that may stand before armor

--- Reads some bytes; "" at the end.
local function read(fd)
  local bytes, e = async.await(function(resume)
    return uv.fs_read(fd, PIECE, -1, function(why, data)
      resume(data, why)
    end)
  end)
  if not bytes then
    return nil, err.uv(e, "cannot read")
  end
  return bytes
end

local function write(fd, bytes)
  while #bytes > 0 do
    local count, e = async.await(function(resume)
      return uv.fs_write(fd, bytes, -1, function(why, n)
        resume(n, why)
      end)
    end)
    if not count then
      return nil, err.uv(e, "cannot write")
    end
    bytes = bytes:sub(count + 1)
  end
  return true
end

local function pump(way, file_key, before, input, output)
  return async.await(function(resume)
    return crypto.age_pump(way, file_key, before, input, output, resume)
  end)
end

--- Feeds all that is left of `input` through `filters` (feed(bytes, last)) to `output`.
local function filter(input, output, filters, bytes)
  local total = 0
  repeat
    local more, e = read(input)
    if not more then
      return nil, e
    end
    bytes = bytes .. more
    local last = more == ""
    local failure
    for _, part in ipairs(filters) do
      local out, why, whole = part:feed(bytes, last)
      if not out then
        failure, out = why, whole or ""
      end
      bytes = out
    end
    local ok
    ok, e = write(output, bytes)
    if failure or not ok then
      return nil, failure or e
    end
    total, bytes = total + #bytes, ""
  until last
  return total
end

--- Encrypts all of `input`.
---@async
---@param input integer descriptor
---@param output integer descriptor
---@param recipients table
---@param opts? { armor: boolean? }
---@return integer? bytes written
---@return prov.Err? err
function M.encrypt(input, output, recipients, opts)
  local header, file_key = age.header(recipients)
  if not header then
    return nil, file_key
  end
  local key <close> = file_key
  if opts and opts.armor then
    local stream, first = assert(crypto.age_sealing(key))
    local _ <close> = stream
    local armor <close> = crypto.age_armor("write")
    local ok, e = write(output, assert(armor:feed(header .. first, false)))
    if not ok then
      return nil, e
    end
    return filter(input, output, { stream, armor }, "")
  end
  local ok, e = write(output, header)
  if not ok then
    return nil, e
  end
  local count
  count, e = pump("seal", key, "", input, output)
  return count and count + #header, e
end

--- Reads a header; gives also the armor that is read through, and the bytes behind the header.
---@async
---@param input integer descriptor
---@return userdata? header
---@return string|prov.Err rest
---@return userdata? armor
---@return integer? length of the header
function M.read_header(input)
  local bytes, armor, raw = "", nil, ""
  while true do
    local more, e = read(input)
    if not more then
      return nil, e
    end
    local last = more == ""
    raw = raw .. more
    if armor == nil and (last or #raw >= 64 and raw:find("%S") or #raw > BLANK) then
      armor = crypto.age_is_armor(raw) and crypto.age_armor("read") or false
      more, raw = raw, ""
    end
    if armor then
      more, e = armor:feed(more, last)
      if not more then
        return nil, e
      end
    end
    if armor ~= nil then
      bytes = bytes .. more
      local header, length = crypto.age_read(bytes, last)
      if header then
        return header, bytes:sub(length + 1), armor or nil, length
      elseif length then
        return nil, length
      end
    end
  end
end

--- Decrypts all of `input`. What was written before an error is genuine, but not all.
---@async
---@param input integer descriptor
---@param output fun(): integer?, prov.Err? opens it once the file key is known
---@param identities table
---@return integer? bytes written
---@return prov.Err? err
function M.decrypt(input, output, identities)
  local header, rest, armor = M.read_header(input)
  if not header then
    return nil, rest
  end
  local file_key, e = age.unwrap(header, identities)
  if not file_key then
    return nil, e
  end
  local key <close> = file_key
  local to
  to, e = output()
  if not to then
    return nil, e
  end
  if not armor then
    return pump("open", key, rest, input, to)
  end
  local stream <close> = assert(crypto.age_opening(key))
  local opened, why, whole = stream:feed(rest, false)
  local ok
  ok, e = write(to, opened or whole)
  if not opened or not ok then
    return nil, why or e
  end
  local count
  count, e = filter(input, to, { armor, stream }, "")
  return count and count + #opened, e
end

return M
