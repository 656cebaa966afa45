--- The log of the program: one line per event on stderr, secrets hidden.
--
-- PROV_LOG sets the level (debug info warn error off, else warn) and PROV_LOG_FORMAT the form
-- (text json). Progress and results are not log lines: those belong to the face.

local base = require("core.base")

local M = {}

---@alias prov.LogFields table<string, any>

local function text_of(value)
  local kind = type(value)
  if kind == "string" or kind == "boolean" or math.type(value) == "integer" then
    return value
  elseif kind == "number" and value == value and value ~= math.huge and value ~= -math.huge then
    return value
  end
  return tostring(value)
end

-- Fields as { key, value, ... } sorted by key, so that lines compare and tests can look.
local function flatten(fields, bound)
  local keys, values = {}, {}
  for _, source in ipairs({ bound or {}, fields or {} }) do
    for key, value in pairs(source) do
      if values[key] == nil then
        keys[#keys + 1] = key
      end
      values[key] = text_of(value)
    end
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  local flat = {}
  for _, key in ipairs(keys) do
    flat[#flat + 1] = tostring(key)
    flat[#flat + 1] = values[key]
  end
  return flat
end

local function write(level, bound, message, fields)
  if base.log_enabled(level) then
    base.log(level, tostring(message), flatten(fields, bound))
  end
end

---@class prov.Logger
---@field debug fun(message: string, fields?: prov.LogFields)
---@field info fun(message: string, fields?: prov.LogFields)
---@field warn fun(message: string, fields?: prov.LogFields)
---@field error fun(message: string, fields?: prov.LogFields)

--- Makes a logger whose lines all carry `bound`: `local log = log.with({ run = id })`.
---@param bound prov.LogFields
---@return prov.Logger
function M.with(bound)
  local logger = {}
  for _, level in ipairs({ "debug", "info", "warn", "error" }) do
    logger[level] = function(message, fields)
      write(level, bound, message, fields)
    end
  end
  return logger
end

--- Writes a line of level "debug".
---@param message string
---@param fields? prov.LogFields
function M.debug(message, fields)
  write("debug", nil, message, fields)
end

--- Writes a line of level "info".
---@param message string
---@param fields? prov.LogFields
function M.info(message, fields)
  write("info", nil, message, fields)
end

--- Writes a line of level "warn".
---@param message string
---@param fields? prov.LogFields
function M.warn(message, fields)
  write("warn", nil, message, fields)
end

--- Writes a line of level "error".
---@param message string
---@param fields? prov.LogFields
function M.error(message, fields)
  write("error", nil, message, fields)
end

--- True when lines of this level are written; ask before computing dear fields.
---@param level "debug"|"info"|"warn"|"error"
---@return boolean
function M.enabled(level)
  return base.log_enabled(level)
end

--- Opens a file that lines are added to.
---@param path string
---@return integer? fd for M.configure, prov.Err?
function M.file(path)
  local fd, text = require("luv").fs_open(path, "a", 384) -- 0600
  if not fd then
    return nil, require("prov.err").uv(text, "open %s", path)
  end
  return fd
end

--- Sets level and form; lines go to fd, stderr when there is none.
---@param level "debug"|"info"|"warn"|"error"|"off"
---@param form? "text"|"json"
---@param fd? integer
function M.configure(level, form, fd)
  base.log_configure(level, form or "text", fd)
end

--- Takes level and form from PROV_LOG and PROV_LOG_FORMAT.
---@return true?, prov.Err?
function M.from_env()
  return base.log_from_env()
end

--- Registers a secret: from now on it shows as *** in every line and in what M.redact returns.
-- Refused ("invalid") for one shorter than 4 bytes.
---@param value string
---@return true?, prov.Err?
function M.secret(value)
  return base.redact_add(value)
end

--- The text with every registered secret replaced by ***.
---@param text string
---@return string
function M.redact(text)
  return base.redact(text)
end

return M
