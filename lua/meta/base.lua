---@meta core.base

--- Log, redaction, atomic files and base64.
---@class prov.Base
---@field err_mt table the metatable of prov.err
local base = {}

---@alias prov.LogLevel "debug"|"info"|"warn"|"error"|"off"

--- Writes one line to the log, with registered secrets hidden.
---@param level prov.LogLevel
---@param message string
---@param fields? any[] key1, value1, ...: values are strings, numbers or booleans
function base.log(level, message, fields) end

--- Chooses what is written, how and where.
---@param level prov.LogLevel
---@param form "text"|"json"
---@param fd? integer standard error by default
function base.log_configure(level, form, fd) end

--- Configures the log from PROV_LOG.
---@return true?
---@return prov.Err? err
function base.log_from_env() end

--- Tells whether a line of this level would be written.
---@param level prov.LogLevel
---@return boolean
function base.log_enabled(level) end

--- Registers a secret that must never be shown.
---@param secret string
---@return true?
---@return prov.Err? err "invalid": too short to be hidden
function base.redact_add(secret) end

--- Forgets all registered secrets.
function base.redact_clear() end

--- Gives the text with registered secrets as "***".
---@param text string
---@return string
function base.redact(text) end

--- Writes a file whole or not at all (temporary file, fsync, rename).
---@param path string
---@param bytes string
---@param mode? integer 0600 by default
---@return true?
---@return prov.Err? err
function base.write_atomic(path, bytes, mode) end

--- Appends to a file that was opened to append, whole or not at all: what a full disk cut short is taken back.
---@param fd integer
---@param bytes string
---@return true?
---@return prov.Err? err
function base.append(fd, bytes) end

--- Encodes bytes as base64 with padding.
---@param bytes string
---@return string
function base.base64(bytes) end

--- Decodes base64.
---@param text string
---@return string? bytes
---@return prov.Err? err "invalid"
function base.unbase64(text) end

return base
