--- What the vault keeps: values by path in one file, each sealed with AES-256-GCM and bound to its path.
--
-- Three layers of keys: values are sealed with the newest term of a keyring, the keyring with the root key, and the
-- root key by whoever has custody of it (prov.vault.seal). All of them stand in the same file, so a commit changes any
-- of them whole or not at all. In clear are paths, and the record of the seal without its keys.

local async = require("prov.async")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")

local M = {}

local VALUES, SEAL = "value", "seal" -- spaces of the store
local NONCE = 12
local PAGE = 256 -- rows read at a time
local LONGEST = 390 -- bytes of a path; the store's limit
local PEEKED_MAX = 1000 -- values

---@class prov.vault.Barrier
---@field store prov.Store
---@field root? prov.Secret
---@field peeked table<string, any> values that were read, by their paths
---@field keyring? { active: integer, terms: table<integer, { key: string, created: integer }> }
local Barrier = {}
Barrier.__index = Barrier

--- Opens the file, sealed.
---@param path string
---@return prov.vault.Barrier?, prov.Err?
function M.open(path)
  local store, e = require("core.store").open(path)
  return store and setmetatable({ store = store, ciphers = {}, peeked = {}, peeked_count = 0, writing = 0 },
    Barrier), e
end

--- The record of the seal; nil in a new file.
---@return table?, prov.Err?
function Barrier:config()
  local bytes, e = self.store:get(SEAL, "config")
  if not bytes then
    return nil, e
  end
  return data.decode(bytes)
end

--- The record of the seal of a file that may be in use; nil in a new one.
---@param path string
---@return table?, prov.Err?
function M.seal_of(path)
  local store <close>, e = require("core.store").open(path, { readonly = true })
  if not store then
    return nil, e
  end
  return Barrier.config({ store = store })
end

--- What changes with every commit: who sees another one than before has caches that may be stale.
---@return string?
function Barrier:serial()
  return self.store:get(SEAL, "serial")
end

local function cipher(key)
  return assert(crypto.aead("aes-256-gcm", key))
end

local function sealed(aead, plain, aad)
  local nonce, e = crypto.random(NONCE)
  if not nonce then
    return nil, e
  end
  local bytes
  bytes, e = aead:seal(nonce, plain, aad)
  return bytes and nonce .. bytes, e
end

local function opened(aead, bytes, aad)
  return aead:open(bytes:sub(1, NONCE), bytes:sub(NONCE + 1), aad)
end

local function keyring_row(root, id, keyring)
  local aead = cipher(root)
  local bytes, e = sealed(aead, assert(data.encode(keyring)), "vault keyring " .. id)
  aead:close()
  return bytes and { "put", SEAL, "keyring", bytes }, e
end

-- What was written is read anew.
local function forget_written(self, batch)
  for _, row in ipairs(batch) do
    local what, space, path = row[1], row[2], row[3]
    if space == VALUES and what == "del_range" then
      self.peeked, self.peeked_count = {}, 0
    elseif space == VALUES then
      self.peeked[path] = nil
    end
  end
end

local function write(self, batch)
  batch[#batch + 1] = { "put", SEAL, "serial", assert(crypto.random(8)) }
  self.writing = self.writing + 1
  local done, e = async.await(function(resume)
    local queued, refused = self.store:commit(batch, function(...)
      self.writing = self.writing - 1
      forget_written(self, batch)
      if self.writing == 0 and self.on_idle then
        self.on_idle(true)
      end
      resume(...)
    end)
    if not queued then
      self.writing = self.writing - 1
    end
    return queued, refused
  end)
  return done and true, e
end

local function commit(self, batch)
  if self.gate then
    self.gate:with(function() end)
  end
  return write(self, batch)
end

--- Runs fn, which must read and commit without a pause between, while no other write is under way.
local function alone(self, fn)
  self.gate = self.gate or async.semaphore(1)
  local _ <close> = self.gate:acquire()
  if self.writing > 0 then
    async.await(function(resume, on_cancel)
      self.on_idle = resume
      on_cancel(function()
        self.on_idle = nil
      end)
      return true
    end)
    self.on_idle = nil
  end
  return fn()
end

--- Makes a new file usable: a root key, a keyring of one term, and the record of the seal. The barrier is open then.
---@async
---@param config table what is to be kept of the seal; `id` names the vault
---@param root prov.Secret 32 bytes
---@param changes table[] of the vault itself, as in commit
---@param now integer seconds since 1970
---@return true?, prov.Err?
function Barrier:create(config, root, changes, now)
  local keyring = { active = 1, terms = { { key = assert(crypto.random(32)), created = now } } }
  local row, e = keyring_row(root, config.id, keyring)
  if not row then
    return nil, e
  end
  self.id, self.keyring, self.root = config.id, keyring, root
  local ok
  ok, e = self:commit(changes, { { "put", SEAL, "config", assert(data.encode(config)) }, row })
  if not ok then
    self:lock()
  end
  return ok, e
end

--- Opens it with the root key, which it keeps.
---@param root prov.Secret
---@return true?, prov.Err? err "auth": not its key
function Barrier:unlock(root)
  local config, e = self:config()
  if not config then
    return nil, e or err.new("notfound", "the vault has not been initialised")
  end
  local bytes
  bytes, e = self.store:get(SEAL, "keyring")
  if not bytes then
    return nil, e or err.new("corrupt", "the vault has no keyring")
  end
  local aead = cipher(root)
  local plain
  plain, e = opened(aead, bytes, "vault keyring " .. config.id)
  aead:close()
  if not plain then
    return nil, e
  end
  self:forget()
  self.id, self.keyring = config.id, assert(data.decode(plain))
  if self.root ~= root then
    self:lock_root()
    self.root = root
  end
  return true
end

--- Reads the keyring anew: another process may have added a term.
---@return true?, prov.Err?
function Barrier:refresh()
  return self:unlock(self.root)
end

function Barrier:forget()
  for _, aead in pairs(self.ciphers) do
    aead:close()
  end
  self.ciphers, self.peeked, self.peeked_count = {}, {}, 0
end

function Barrier:lock_root()
  if self.root then
    self.root:close()
    self.root = nil
  end
end

--- Forgets all keys.
function Barrier:lock()
  self:forget()
  self:lock_root()
  self.keyring = nil
end

local function cipher_of(self, term)
  local known = self.ciphers[term]
  if not known then
    local row = self.keyring.terms[term]
    if not row then
      return err.fail("corrupt", "the keyring has no term %d", term)
    end
    known = cipher(row.key)
    self.ciphers[term] = known
  end
  return known
end

local function aad_of(self, path)
  return "vault value " .. self.id .. " " .. path
end

local function seal_value(self, path, value)
  local plain, e = data.encode(value)
  if not plain then
    return nil, e
  end
  local term = self.keyring.active
  local aead
  aead, e = cipher_of(self, term)
  if not aead then
    return nil, e
  end
  local bytes
  bytes, e = sealed(aead, plain, aad_of(self, path))
  return bytes and string.pack(">I4", term) .. bytes, e
end

local function open_value(self, path, bytes)
  local aead, e = cipher_of(self, string.unpack(">I4", bytes))
  if not aead then
    return nil, e
  end
  local plain
  plain, e = opened(aead, bytes:sub(5), aad_of(self, path))
  if not plain then
    return nil, e:wrap("'%s' in the vault does not open", path)
  end
  return data.decode(plain)
end

local function closed(self)
  if not self.keyring then
    return err.new("locked", "the vault is sealed", { hint = "prov vault unseal" })
  end
end

--- The value at a path; nil alone when there is none.
---@param path string
---@return any, prov.Err?
function Barrier:get(path)
  if closed(self) then
    return nil, closed(self)
  end
  local bytes, e = self.store:get(VALUES, path)
  if not bytes then
    return nil, e
  end
  return open_value(self, path, bytes)
end

--- The value at a path, which stays in memory until it is written: nobody may change it.
---@param path string
---@return any, prov.Err?
function Barrier:peek(path)
  local value, e = self.peeked[path], nil
  if value == nil then
    value, e = self:get(path)
    if value ~= nil then
      if self.peeked_count >= PEEKED_MAX then
        self.peeked, self.peeked_count = {}, 0
      end
      self.peeked[path], self.peeked_count = value, self.peeked_count + 1
    end
  end
  return value, e
end

--- Waits until what is being written has been.
---@async
---@return true?, prov.Err?
function Barrier:settle()
  if closed(self) then
    return nil, closed(self)
  elseif self.writing == 0 and not self.gate then
    return true
  end
  return commit(self, {})
end

--- Changes all or nothing; durable when it returns.
---@async
---@param changes table[] { "put", path, value }, { "del", path }, { "del_below", "folder/" }
---@param more? table[] rows of the store besides
---@return true?, prov.Err?
function Barrier:commit(changes, more)
  if closed(self) then
    return nil, closed(self)
  end
  local batch = more or {}
  for _, change in ipairs(changes) do
    local what, path, value = table.unpack(change)
    if #path > LONGEST then
      return err.fail("limit", "the path '%s...' is longer than the vault can keep", path:sub(1, 60))
    elseif what == "put" then
      local bytes, e = seal_value(self, path, value)
      if not bytes then
        return nil, e
      end
      batch[#batch + 1] = { "put", VALUES, path, bytes }
    elseif what == "del_below" then
      batch[#batch + 1] = { "del_range", VALUES, path }
    else
      batch[#batch + 1] = { "del", VALUES, path }
    end
  end
  return commit(self, batch)
end

---@async
---@return true?, prov.Err?
function Barrier:put(path, value)
  return self:commit({ { "put", path, value } })
end

---@async
---@return true?, prov.Err?
function Barrier:delete(path)
  return self:commit({ { "del", path } })
end

--- Paths below a prefix, in order, without their values.
---@param prefix string
---@param opts? { after?: string, limit?: integer }
---@return string[]?, prov.Err?
function Barrier:paths(prefix, opts)
  local rows, e = self.store:scan(VALUES, prefix, opts)
  if not rows then
    return nil, e
  end
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = row[1]
  end
  return out
end

--- Names right below "a/", sorted; those with more below end in "/".
---@param prefix string "" or "a/"
---@return string[]?, prov.Err?
function Barrier:list(prefix)
  if closed(self) then
    return nil, closed(self)
  end
  local out, after = {}, nil
  repeat
    local paths, e = self:paths(prefix, { after = after, limit = PAGE })
    if not paths then
      return nil, e
    end
    for _, path in ipairs(paths) do
      local name = path:sub(#prefix + 1):match("^[^/]+/?")
      if name and name ~= out[#out] then
        out[#out + 1] = name
      end
    end
    local last = out[#out]
    after = paths[#paths]
    if after and last and last:sub(-1) == "/" then
      after = prefix .. last .. ("\xff"):rep(4) -- the rest of a folder adds no name
    end
  until #paths < PAGE
  table.sort(out)
  return out
end

--- Begins a new term: what is written from now on is sealed with another key; what is there still opens.
---@async
---@param now integer
---@return integer? term
---@return prov.Err?
function Barrier:rotate(now)
  local keyring = { active = #self.keyring.terms + 1, terms = {} }
  for i, term in ipairs(self.keyring.terms) do
    keyring.terms[i] = term
  end
  keyring.terms[keyring.active] = { key = assert(crypto.random(32)), created = now }
  local row, e = keyring_row(self.root, self.id, keyring)
  if not row then
    return nil, e
  end
  local ok
  ok, e = commit(self, { row })
  if not ok then
    return nil, e
  end
  self.keyring = keyring
  return keyring.active
end

--- Seals again, with the newest term, some values that older ones sealed.
---@async
---@param after? string where it went on to the last time
---@return string? after where to go on; nil at the end
---@return prov.Err?
function Barrier:renew_some(after)
  return alone(self, function()
    local rows, e = self.store:scan(VALUES, "", { after = after, limit = PAGE })
    if not rows then
      return nil, e
    end
    local batch = {}
    for _, row in ipairs(rows) do
      local path, bytes = row[1], row[2]
      if string.unpack(">I4", bytes) ~= self.keyring.active then
        local value
        value, e = open_value(self, path, bytes)
        if e then
          return nil, e
        end
        bytes, e = seal_value(self, path, value)
        if not bytes then
          return nil, e
        end
        batch[#batch + 1] = { "put", VALUES, path, bytes }
      end
    end
    if #batch > 0 then
      local ok
      ok, e = write(self, batch)
      if not ok then
        return nil, e
      end
    end
    return #rows == PAGE and rows[#rows][1] or nil
  end)
end

--- Changes the record of the seal.
---@async
---@param config table
---@param changes? table[] made with it
---@return true?, prov.Err?
function Barrier:set_config(config, changes)
  return self:commit(changes or {}, { { "put", SEAL, "config", assert(data.encode(config)) } })
end

function Barrier:close()
  self:lock()
  self.store:close()
end

return M
