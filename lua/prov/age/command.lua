--- What `prov age` does: keys, files and passphrases of the command line.

local age = require("prov.age")
local ask = require("prov.ask")
local crypto = require("core.crypto")
local err = require("prov.err")
local file = require("prov.age.file")
local fs = require("prov.fs")
local keys = require("prov.age.keys")
local uv = require("luv")

local M = {}

local KEY_FILE = "PROV_AGE_KEY_FILE"

local function passphrase(twice)
  local text, e, is_only = keys.ask("Passphrase")
  if text and twice and not is_only then
    local again
    again, e = ask.secret("The same again")
    if again and again ~= text then
      return err.fail("invalid", "the two passphrases differ")
    end
    text = again and text
  end
  if text == "" then
    return err.fail("invalid", "an empty passphrase protects nothing")
  end
  return text, e
end

local function identities(p)
  local out, e = {}
  local files = p.identity or {}
  if #files == 0 and not p.passphrase and uv.os_getenv(KEY_FILE) then
    files = { uv.os_getenv(KEY_FILE) }
  end
  for _, path in ipairs(files) do
    out, e = keys.identities_file(path, out, keys.ask)
    if not out then
      return nil, e
    end
  end
  if p.passphrase then
    local text
    text, e = passphrase(false)
    if not text then
      return nil, e
    end
    out[#out + 1] = assert(keys.passphrase(text))
  end
  if #out == 0 then
    return nil, err.new("usage", "no identity to decrypt with",
      { hint = "--identity FILE, --passphrase, or the variable " .. KEY_FILE })
  end
  return out
end

local function recipients(p)
  local out, e = {}
  for _, text in ipairs(p.recipient or {}) do
    local key
    key, e = keys.recipient(text)
    if not key then
      return nil, e
    end
    out[#out + 1] = key
  end
  for _, path in ipairs(p.recipients_file or {}) do
    out, e = keys.recipients_file(path, out)
    if not out then
      return nil, e
    end
  end
  for _, path in ipairs(p.to_identity or {}) do
    out, e = keys.identities_file(path, out, keys.ask)
    if not out then
      return nil, e
    end
  end
  if p.with_passphrase then
    if #out > 0 then
      return err.fail("usage", "a passphrase cannot be beside other recipients")
    end
    local text
    text, e = passphrase(true)
    if not text then
      return nil, e
    end
    out[1] = assert(keys.passphrase(text))
  end
  if #out == 0 then
    return nil, err.new("usage", "nobody to encrypt to",
      { hint = "--recipient age1..., --recipients-file FILE, --to-identity FILE or --with-passphrase" })
  end
  return out
end

--- The descriptor of a file, or of the standard input.
local function input(path)
  if not path or path == "-" then
    return 0, "the standard input"
  end
  local fd, e = uv.fs_open(path, "r", 0)
  if not fd then
    return nil, err.uv(e, "cannot read %s", path)
  end
  return fd, path
end

--- Runs fn(descriptor) for the output: the standard output, or a file that appears whole or not at all.
local function to_output(path, is_text, mode, fn)
  if not path or path == "-" then
    if not is_text and uv.guess_handle(1) == "tty" then
      return nil, err.new("usage", "encrypted bytes are nothing for a terminal",
        { hint = "--armor for a text, or --out FILE" })
    end
    return fn(1)
  elseif fs.is_stream(path) then
    local stream, e = uv.fs_open(path, "a", 0)
    if not stream then
      return nil, err.uv(e, "cannot write %s", path)
    end
    local result
    result, e = fn(stream)
    uv.fs_close(stream)
    return result, e
  end
  path = fs.realpath(path) or path
  local temporary = ("%s.%d.tmp"):format(path, uv.os_getpid())
  local fd, e = uv.fs_open(temporary, "wx", mode)
  if not fd then
    return nil, err.uv(e, "cannot write %s", path)
  end
  local done = false
  local _ <close> = setmetatable({}, {
    __close = function()
      uv.fs_close(fd)
      if not done then
        uv.fs_unlink(temporary)
      end
    end,
  })
  local result
  result, e = fn(fd)
  if not result then
    return nil, e
  end
  local ok
  ok, e = uv.fs_fsync(fd)
  if ok then
    ok, e = uv.fs_rename(temporary, path)
  end
  if not ok then
    return nil, err.uv(e, "cannot write %s", path)
  end
  done = true
  return result
end

local function with_input(path, fn)
  local fd, name = input(path)
  if not fd then
    return nil, name
  end
  local _ <close> = setmetatable({}, {
    __close = function()
      if fd ~= 0 then
        uv.fs_close(fd)
      end
    end,
  })
  local result, e = fn(fd)
  if not result and e.file == nil and e.code ~= "usage" then
    e = e:wrap("%s", name)
  end
  return result, e
end

--- `prov age encrypt`.
---@async
function M.encrypt(p)
  local to, e = recipients(p)
  if not to then
    return nil, e
  end
  return with_input(p.file, function(from)
    return to_output(p.out, p.armor, tonumber("644", 8), function(fd)
      return file.encrypt(from, fd, to, { armor = p.armor })
    end)
  end)
end

--- `prov age decrypt`.
---@async
function M.decrypt(p)
  local who, e = identities(p)
  if not who then
    return nil, e
  end
  return with_input(p.file, function(from)
    return to_output(p.out, true, tonumber("600", 8), function(fd)
      return file.decrypt(from, function()
        return fd
      end, who)
    end)
  end)
end

--- `prov age rekey`: a new file key, so that who is no longer a recipient cannot read what was written since.
---@async
function M.rekey(p)
  local who, e = identities(p)
  if not who then
    return nil, e
  end
  local to
  to, e = recipients(p)
  if not to then
    return nil, e
  end
  local bytes
  bytes, e = fs.read(p.file, { max = 1 << 30 })
  if not bytes then
    return nil, e
  end
  local plain
  plain, e = age.decrypt(bytes, who)
  if not plain then
    return nil, e:wrap("%s", p.file)
  end
  bytes, e = age.encrypt(plain, to, { armor = crypto.age_is_armor(bytes) })
  if not bytes then
    return nil, e
  end
  local real = fs.realpath(p.file) or p.file
  local stat = fs.stat(real)
  local ok
  ok, e = fs.write_atomic(real, bytes, { mode = stat and stat.mode, owner = stat })
  if not ok then
    return nil, e
  end
  return { file = p.file, recipients = #to }
end

local function public_keys(path)
  local out, e = keys.identities_file(path, {}, keys.ask)
  if not out then
    return nil, e
  end
  local texts = {}
  for _, key in ipairs(out) do
    local text
    if type(key) == "table" and key.locked then
      key, e = require("prov.age.locked").recipient(key)
      if not key then
        return nil, e
      end
    elseif type(key) == "table" then
      return err.fail("unsupported", "%s: the recipient of a plugin's identity is told by the plugin", path)
    end
    text, e = key:public()
    if not text then
      return nil, e
    end
    texts[#texts + 1] = text
  end
  return table.concat(texts, "\n")
end

--- `prov age keygen`.
---@async
function M.keygen(p)
  if p.public then
    return public_keys(p.public)
  end
  local key = age.keygen()
  local public = assert(key:public())
  local text = ("# created: %s\n# public key: %s\n%s\n"):format(os.date("!%Y-%m-%dT%H:%M:%SZ"), public,
    assert(key:secret()))
  if not p.out then
    return text:sub(1, -2)
  end
  local fd, e = uv.fs_open(p.out, "wx", tonumber("600", 8))
  if not fd then
    return nil, err.uv(e, "cannot write %s", p.out)
  end
  local ok
  ok, e = uv.fs_write(fd, text, -1)
  ok = ok == #text and uv.fs_fsync(fd)
  uv.fs_close(fd)
  if not ok then
    uv.fs_unlink(p.out) -- half a key
    return nil, err.uv(e or "EIO", "cannot write %s", p.out)
  end
  return "Public key: " .. public
end

--- `prov age inspect`.
---@async
function M.inspect(p)
  return with_input(p.file, function(from)
    local header, rest, armor, length = file.read_header(from)
    if not header then
      return nil, rest
    end
    local stanzas = {}
    for i, stanza in ipairs(header:stanzas()) do
      local kind = table.remove(stanza.args, 1)
      stanzas[i] = { type = kind, arguments = stanza.args, body = #stanza.body }
    end
    return { version = "age-encryption.org/v1", armor = armor ~= nil, header = length, stanzas = stanzas }
  end)
end

return M
