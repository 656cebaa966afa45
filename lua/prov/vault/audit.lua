--- The audit of the vault: every request and every answer, a JSON line each, before anything happens and before
--- anything is told. Texts are there as HMAC-SHA256 with a salt of the device: who knows one can look for it.
--
-- When no device takes a line the request is refused: what is not recorded does not happen. A line that a full disk cut
-- short is taken back, so that the file always ends with a whole one.

local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local uv = require("luv")

local M = {}

local KNOWN_MAX = 1000 -- texts

---@class prov.vault.AuditDevice
---@field path string "file/"
---@field options table file_path, log_raw, hmac_accessor, mode
---@field salt string
local Device = {}
Device.__index = Device

--- Opens a device.
---@param row { path: string, options: table, salt: string }
---@return prov.vault.AuditDevice?, prov.Err?
function M.open(row)
  local self = setmetatable({ path = row.path, options = row.options, salt = row.salt, known = {}, known_count = 0 },
    Device)
  local ok, e = self:reopen()
  return ok and self, e
end

--- Opens the file anew, as after it was moved away.
---@return true?, prov.Err?
function Device:reopen()
  self:close()
  local file = self.options.file_path
  local fd, e = uv.fs_open(file, "a", tonumber(self.options.mode or "0600", 8) or 384)
  if not fd then
    return nil, err.uv(e, "cannot open the audit file %s", file)
  end
  self.fd = fd
  return true
end

function Device:close()
  if self.fd then
    uv.fs_close(self.fd)
    self.fd = nil
  end
end

--- What stands in the file for a text.
---@param text string
---@return string
function Device:hash(text)
  return "hmac-sha256:" .. crypto.hex(assert(crypto.mac("sha256", self.salt, text)))
end

-- Of tokens and accessors, which come again and again.
local function known_hash(self, text)
  local hash = self.known[text]
  if not hash then
    if self.known_count >= KNOWN_MAX then
      self.known, self.known_count = {}, 0
    end
    hash = self:hash(text)
    self.known[text], self.known_count = hash, self.known_count + 1
  end
  return hash
end

local OFTEN = { client_token = true, accessor = true }

local function hidden(self, value)
  if type(value) == "string" then
    return self:hash(value)
  elseif type(value) ~= "table" then
    return value
  end
  local out = {}
  for key, item in pairs(value) do
    out[key] = hidden(self, item)
  end
  return data.kind(value) == "list" and data.list(out) or out
end

local function is_on(value)
  return value == true or value == "true"
end

local function line_of(self, entry)
  if is_on(self.options.log_raw) then
    return json.encode_said(entry)
  end
  local out = {}
  for key, value in pairs(entry) do
    out[key] = value
  end
  local function hide(part, names)
    local from = entry[part]
    if not from then
      return
    end
    local to = {}
    for key, value in pairs(from) do
      to[key] = value
    end
    for _, name in ipairs(names) do
      if name ~= "accessor" and name ~= "wrapped_accessor" or self.options.hmac_accessor ~= false
        and self.options.hmac_accessor ~= "false" then
        local value = from[name]
        to[name] = OFTEN[name] and type(value) == "string" and known_hash(self, value) or hidden(self, value)
      end
    end
    out[part] = to
  end
  hide("auth", { "client_token", "accessor" })
  hide("request", { "client_token", "client_token_accessor", "data" })
  hide("response", { "data", "body" })
  if out.response then
    local response = out.response
    for part, names in pairs({ auth = { "client_token", "accessor" }, wrap_info = { "token", "accessor" } }) do
      if response[part] then
        local to = {}
        for key, value in pairs(response[part]) do
          to[key] = value
        end
        for _, name in ipairs(names) do
          to[name] = hidden(self, to[name])
        end
        response[part] = to
      end
    end
  end
  return json.encode_said(out)
end

--- Appends a line, whole or not at all.
---@param entry table
---@return true?, prov.Err?
function Device:write(entry)
  local line, e = line_of(self, entry)
  if not line then
    return nil, e
  end
  if not self.fd then
    local ok, why = self:reopen()
    if not ok then
      return nil, why
    end
  end
  line = line .. "\n"
  local written, why = uv.fs_write(self.fd, line, -1)
  if written == #line then
    return true
  end
  local after = written and uv.fs_fstat(self.fd)
  if after and after.type == "file" then
    uv.fs_ftruncate(self.fd, after.size - written)
  end
  return nil, err.uv(why or "ENOSPC: no space left on device", "cannot write to the audit file %s",
    self.options.file_path)
end

return M
