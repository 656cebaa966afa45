--- The audit of the vault: every request and every answer, a JSON line each, before anything happens and before
--- anything is told. Texts are there as HMAC-SHA256 with a salt of the device: who knows one can look for it.
--
-- When no device takes a line the request is refused: what is not recorded does not happen. A line that a full disk cut
-- short is taken back, so that the file always ends with a whole one.

local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local tokens = require("prov.vault.tokens")
local uv = require("luv")

local M = {}

local KNOWN_MAX = 1000 -- texts

local function is_on(value)
  return value == true or value == "true"
end

local function is_off(value)
  return value == false or value == "false"
end

---@class prov.vault.AuditDevice
---@field path string "file/"
---@field options table file_path, log_raw, hmac_accessor, mode
---@field hasher prov.Hasher with the salt of the device as its key
---@field raw boolean nothing is hidden
---@field shows_accessors boolean
local Device = {}
Device.__index = Device

--- Opens a device.
---@param row { path: string, options: table, salt: string }
---@return prov.vault.AuditDevice?, prov.Err?
function M.open(row)
  local self = setmetatable({
    path = row.path, options = row.options, hasher = assert(crypto.hasher("sha256", row.salt)),
    known = {}, known_count = 0,
    raw = is_on(row.options.log_raw), shows_accessors = is_off(row.options.hmac_accessor),
  }, Device)
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
  return "hmac-sha256:" .. crypto.hex(assert(self.hasher:add(text)):finish())
end

-- Of tokens that ask, and their accessors: they come again and again.
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

local NONE = {}

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

--- A part of an entry: several entries may share it, and a device writes it out once.
---@class prov.vault.AuditPart
---@field fields table

--- What is written down at once: a request, or its answer.
---@class prov.vault.AuditEntry
---@field type "request"|"response"
---@field time string
---@field error? string
---@field auth? prov.vault.AuditPart
---@field request prov.vault.AuditPart
---@field response? prov.vault.AuditPart

--- What an entry says of one thing: its texts come as they are, and are hidden where they are written.
---@param fields table
---@return prov.vault.AuditPart
function M.part(fields)
  return { fields = fields }
end

--- An entry of now.
---@param kind "request"|"response"
---@param auth? prov.vault.AuditPart
---@param request prov.vault.AuditPart
---@param e? prov.Err
---@param response? prov.vault.AuditPart
---@return prov.vault.AuditEntry
function M.entry(kind, auth, request, e, response)
  return {
    time = tokens.time(os.time()), type = kind, error = e and tostring(e) or nil,
    auth = auth, request = request, response = response,
  }
end

-- Of each part, what is hidden in it, and what of that is known; of parts of parts likewise.
local HIDDEN = {
  auth = { fields = { "client_token", "accessor" }, known = { client_token = true, accessor = true } },
  request = { fields = { "client_token", "client_token_accessor", "data" }, known = { client_token = true } },
  response = {
    fields = { "data", "body" },
    parts = { auth = { fields = { "client_token", "accessor" } }, wrap_info = { fields = { "token", "accessor" } } },
  },
}

local function hide(self, from, what)
  local out = data.copy(from)
  for _, name in ipairs(what.fields) do
    local value = from[name]
    if value ~= nil and not (name == "accessor" and self.shows_accessors) then
      out[name] = what.known and what.known[name] and known_hash(self, value) or hidden(self, value)
    end
  end
  for name, inner in pairs(what.parts or NONE) do
    out[name] = from[name] and hide(self, from[name], inner)
  end
  return out
end

-- A part as a line has it: `"auth":{...}`.
local function text_of(self, entry, name)
  local part = entry[name]
  local text, e = part[self], nil
  if not text then
    text, e = json.encode_said(self.raw and part.fields or hide(self, part.fields, HIDDEN[name]))
    text = text and '"' .. name .. '":' .. text
    part[self] = text
  end
  return text, e
end

-- The line of an entry. Its keys are sorted, as in all JSON of prov.
local function line_of(self, entry)
  local auth, failed, request, response = "", "", nil, ""
  local e
  if entry.auth then
    auth, e = text_of(self, entry, "auth")
  end
  if not e then
    request, e = text_of(self, entry, "request")
  end
  if not e and entry.error then
    failed, e = json.encode_said(entry.error)
    failed = failed and ('"error":%s,'):format(failed)
  end
  if not e and entry.response then
    response, e = text_of(self, entry, "response")
    response = response and "," .. response
  end
  if e then
    return nil, e
  end
  return "{" .. auth .. (auth ~= "" and "," or "") .. failed .. request .. response .. ',"time":"' .. entry.time
    .. '","type":"' .. entry.type .. '"}\n'
end

--- Appends a line, whole or not at all.
---@param entry prov.vault.AuditEntry
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
  local ok
  ok, e = base.append(self.fd, line)
  if not ok then
    return nil, e:wrap("cannot write to the audit file %s", self.options.file_path)
  end
  return true
end

return M
