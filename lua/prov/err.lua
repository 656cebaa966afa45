--- Errors of the world: what a function returns as `nil, err`.
-- Bugs of the caller are raised with error(); everything else is one of these tables.

local err_mt = require("core.base").err_mt

local M = {}

---@class prov.Err
---@field code string one of M.CODES
---@field msg string starts lower case, names the thing, has no full stop
---@field hint? string what to do next
---@field file? string
---@field line? integer
---@field column? integer
---@field cause? prov.Err
---@field keys? (string|integer)[] the field of a value it is about, from the root
---@field path? string the same as text: servers.web.disks[2].size
---@field expected? string what a contract wants there
---@field found? string what is there, in words
---@field declared? prov.Declared where the contract says so
---@field data? table machine-readable details

--- Every code there is, with the exit code of the CLI.
M.CODES = {
  failed = 1, -- a step, check or remote command did not succeed
  invalid = 1,
  io = 1,
  exists = 1,
  limit = 1,
  timeout = 1,
  unavailable = 1,
  protocol = 1,
  corrupt = 1,
  cycle = 1,
  unsupported = 1,
  closed = 1,
  bug = 1,
  auth = 1,
  unknown = 1, -- the outcome of an effect is not known
  usage = 2,
  notfound = 4,
  denied = 5,
  locked = 6,
  conflict = 7,
  canceled = 130,
}

local function format(fmt, ...)
  return select("#", ...) > 0 and fmt:format(...) or fmt
end

local methods = {}

--- Wraps the error: the new message first, then the old one as its cause.
---@param fmt string
---@return prov.Err
function methods:wrap(fmt, ...)
  return setmetatable({
    code = self.code,
    msg = format(fmt, ...),
    hint = self.hint,
    data = self.data,
    cause = self,
  }, err_mt)
end

--- The message with the place and the chain of causes, on one line.
---@return string
function methods:text()
  local place = ""
  if self.file then
    place = self.file .. (self.line and (":" .. self.line .. (self.column and ":" .. self.column or "")) or "") .. ": "
  end
  local text = place .. self.msg
  if self.cause then
    text = text .. ": " .. methods.text(self.cause)
  end
  return text
end

err_mt.__index = methods
err_mt.__tostring = methods.text

--- Makes an error. Extra fields (hint, file, line, column, data, cause) come from `fields`.
---@param code string
---@param msg string
---@param fields? table
---@return prov.Err
function M.new(code, msg, fields)
  assert(M.CODES[code], "unknown error code")
  local e = fields or {}
  e.code, e.msg = code, msg
  return setmetatable(e, err_mt)
end

--- `return err.fail("notfound", "no server '%s'", name)`: nil and the error.
---@param code string
---@param fmt string
---@return nil, prov.Err
function M.fail(code, fmt, ...)
  return nil, M.new(code, format(fmt, ...))
end

--- The error as plain data, for who may be far away: its text with all causes, and what to do.
---@param e prov.Err
---@return { code: string, msg: string, hint: string? }
function M.plain(e)
  return { code = e.code, msg = tostring(e), hint = e.hint }
end

--- True for an error table of this module.
---@param value any
---@return boolean
function M.is(value)
  return type(value) == "table" and getmetatable(value) == err_mt
end

--- Turns anything raised into an error table; a string or other value is a bug.
---@param value any
---@param traceback? string
---@return prov.Err
function M.from(value, traceback)
  if M.is(value) then
    return value
  end
  return M.new("bug", tostring(value), { data = { traceback = traceback } })
end

local UV_CODES = {
  ENOENT = "notfound",
  ENOTDIR = "notfound",
  ENAMETOOLONG = "invalid",
  EISDIR = "invalid",
  ELOOP = "invalid",
  EEXIST = "exists",
  EACCES = "denied",
  EPERM = "denied",
  EROFS = "denied",
  ETIMEDOUT = "timeout",
  ECONNREFUSED = "unavailable",
  ECONNRESET = "unavailable",
  EPIPE = "unavailable",
  ECANCELED = "canceled",
}

--- Turns luv's "ENOENT: no such file" into an error table.
---@param text string
---@param fmt string what was tried
---@return prov.Err
function M.uv(text, fmt, ...)
  local name, rest = tostring(text):match("^(E[%u%d_]+): ([^:]*)")
  local msg = format(fmt, ...) .. ": " .. (rest or tostring(text))
  return M.new(UV_CODES[name] or "io", msg, { data = { errno = name } })
end

--- A list of errors from what an operation returned: one error, or several.
---@param e prov.Err|prov.Err[]
---@return prov.Err[]
function M.list(e)
  if M.is(e) then
    local several = type(e.data) == "table" and e.data.errors
    if type(several) == "table" and several[1] then -- one error that stands for several
      local list = M.list(several)
      list[#list + 1] = M.new(e.code, e.msg, { hint = e.hint })
      return list
    end
    return { e }
  elseif type(e) == "table" and e[1] ~= nil then
    local list = {}
    for i, one in ipairs(e) do
      list[i] = M.from(one)
    end
    return list
  end
  return { M.from(e) }
end

local PLAIN = { "code", "msg", "file", "line", "column", "path", "expected", "found", "declared", "hint" }

local function plain(e)
  local value = {}
  for _, name in ipairs(PLAIN) do
    value[name] = e[name]
  end
  if value.path == "" then
    value.path = nil
  end
  if type(e.data) == "table" and next(e.data) ~= nil and e.code ~= "bug" then
    value.data = e.data
  end
  if e.cause then
    value.cause = plain(e.cause)
  end
  return value
end

--- The errors as data: `{ errors = { { code, msg, ... } } }`.
---@param e prov.Err|prov.Err[]
---@return table
function M.data(e)
  local list = {}
  for i, item in ipairs(M.list(e)) do
    list[i] = plain(item)
  end
  return { errors = list }
end

--- The exit code: that of the first error.
---@param e prov.Err|prov.Err[]
---@return integer
function M.exit_code(e)
  return M.CODES[M.list(e)[1].code] or 1
end

--- The errors that M.data wrote, as errors again.
---@param data table
---@return prov.Err[]
function M.of_data(data)
  local list = {}
  for i, fields in ipairs(type(data.errors) == "table" and data.errors or {}) do
    local one = {}
    for key, value in pairs(fields) do
      one[key] = value
    end
    one.cause = fields.cause and M.of_data({ errors = { fields.cause } })[1]
    list[i] = M.new(M.CODES[fields.code] and fields.code or "failed", tostring(fields.msg), one)
  end
  return list
end

return M
