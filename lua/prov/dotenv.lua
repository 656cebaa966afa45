--- Files of environment variables (.env). The value is a map of strings.
--
--   NAME=value               spaces around are not part of it; " #" begins a comment
--   export NAME=value        the same
--   NAME='as it is'          may have line breaks
--   NAME="with escapes"      \n \r \t \" \\ \$ and a backslash at the end of a line; may have line breaks
--
-- ${NAME} stays as it is written unless `expand` is given; then $NAME, ${NAME} and ${NAME:-default}
-- outside of single quotes are values of names before it, or of `expand`.

local data = require("core.data")
local err = require("prov.err")
local places = require("prov.places")

local M = {}

local MAX_BYTES = 64 * 1024 * 1024
local MAX_EXPANDED = 1024 * 1024
local ESCAPES = { n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["$"] = "$", ["\n"] = "" }

---@class prov.DotenvReader
local Reader = {}
Reader.__index = Reader

local function line_column(text, at)
  local before = text:sub(1, at - 1)
  local _, breaks = before:gsub("\n", "")
  local start = before:match("^.*\n()") or 1
  return breaks + 1, (utf8.len(before, start) or #before - start + 1) + 1
end

function Reader:fail(at, fmt, ...)
  local line, column = line_column(self.text, at)
  return nil, err.new("invalid", "not a valid environment file: " .. fmt:format(...), {
    file = self.file, line = line, column = column,
  })
end

-- The value of a variable for ${...}; what is not known is empty, as in a shell.
function Reader:variable(name, default)
  local v = self.out[name]
  if v == nil then
    v = type(self.expand) == "function" and self.expand(name) or type(self.expand) == "table" and self.expand[name]
  end
  if (v == nil or v == false or v == "") and default then
    return default
  end
  return v and tostring(v) or ""
end

-- Reads "$..." at `at`: its value and what comes behind.
function Reader:dollar(at)
  local name, default, behind = self.text:match("^%${([%a_][%w_]*):%-([^}\n]*)}()", at)
  if not name then
    name, behind = self.text:match("^%${([%a_][%w_]*)}()", at)
  end
  if not name then
    name, behind = self.text:match("^%$([%a_][%w_]*)()", at)
  end
  if not self.expand or not name then
    return "$", at + 1
  end
  return self:variable(name, default), behind
end

function Reader:single(at)
  local close = self.text:find("'", at + 1, true)
  if not close then
    return self:fail(at, "the quote is not closed")
  end
  return self.text:sub(at + 1, close - 1), close + 1
end

function Reader:double(start)
  local parts, at = {}, start + 1
  while true do
    local plain, sign, behind = self.text:match('^([^"\\$]*)(["\\$])()', at)
    if not plain then
      return self:fail(start, "the quote is not closed")
    end
    parts[#parts + 1] = plain
    if sign == '"' then
      return table.concat(parts), behind
    elseif sign == "$" then
      parts[#parts + 1], at = self:dollar(behind - 1)
    else
      local letter = self.text:sub(behind, behind)
      parts[#parts + 1] = ESCAPES[letter] or "\\" .. letter
      at = behind + 1
    end
  end
end

function Reader:bare(at)
  local line, behind = self.text:match("^([^\n]*)()", at)
  local stop = line:find("%s#")
  line = stop and line:sub(1, stop - 1) or line
  line = line:sub(1, (line:match("^.*%S()") or 1) - 1)
  if line:sub(1, 1) == "#" then
    line = ""
  end
  if not self.expand then
    return line, behind
  end
  local parts, from, last = {}, at, at + #line - 1
  while from <= last do
    local dollar = self.text:find("$", from, true)
    if not dollar or dollar > last then
      break
    end
    parts[#parts + 1] = self.text:sub(from, dollar - 1)
    parts[#parts + 1], from = self:dollar(dollar)
  end
  parts[#parts + 1] = self.text:sub(from, last)
  return table.concat(parts), behind
end

-- Reads the value that begins at `at`, and the rest of its line.
function Reader:value(at)
  local quote = self.text:sub(at, at)
  local read = quote == "'" and self.single or quote == '"' and self.double or self.bare
  local v, behind = read(self, at)
  if not v then
    return nil, behind
  end
  local rest, next_line = self.text:match("^([^\n]*)\n?()", behind)
  if not rest:find("^%s*$") and not rest:find("^%s+#") then
    return self:fail(behind, "something stands behind the closing quote")
  end
  self.expanded = self.expanded + (self.expand and #v or 0)
  if self.expanded > MAX_EXPANDED then
    local msg = ("the variables expand to more than %d bytes"):format(MAX_EXPANDED)
    return nil, err.new("limit", msg, { file = self.file })
  end
  return v, next_line
end

-- Reads the line at `at`; returns what comes behind it.
function Reader:line(at)
  local blank = self.text:match("^[ \t\r]*\n()", at) or self.text:match("^[ \t]*#[^\n]*\n?()", at)
    or self.text:match("^[ \t\r]*$()", at)
  if blank then
    return blank
  end
  local from = self.text:match("^[ \t]*()", at)
  local name_at = self.text:match("^export[ \t]+()", from) or from
  local name, value_at = self.text:match("^([%a_][%w_.-]*)[ \t]*=[ \t]*()", name_at)
  if not name then
    return self:fail(name_at, "a line is NAME=value, export NAME=value or a comment")
  elseif self.out[name] ~= nil then
    return self:fail(name_at, "'%s' was given before, on line %d", name, self.places.below[name].line)
  end
  local v, behind = self:value(value_at)
  if not v then
    return nil, behind
  end
  self.out[name] = v
  self.places:add(name, self.number, self.column + name_at - at)
  return behind
end

--- Reads a text.
---@param text string
---@param opts? { file: string?, max: integer?, expand: (table|fun(name: string): string?)? }
---@return table? value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function M.decode(text, opts)
  opts = opts or {}
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("\r\n", "\n")
  local self = setmetatable({
    text = text, file = opts.file, expand = opts.expand, expanded = 0, out = {}, places = places.new(), number = 1,
    column = 1,
  }, Reader)
  local max = opts.max or MAX_BYTES
  if #text > max then
    return nil, err.new("limit", ("the text is larger than %d bytes"):format(max), { file = opts.file })
  end
  local bad = text:find("\0", 1, true) or select(2, utf8.len(text))
  if bad then
    return self:fail(bad, text:byte(bad) == 0 and "a NUL byte" or "the text is not UTF-8")
  end
  local at = 1
  while at <= #text do
    local behind, e = self:line(at)
    if not behind then
      return nil, e
    end
    local _, breaks = text:sub(at, behind - 1):gsub("\n", "")
    self.number, at = self.number + breaks, behind
  end
  return self.out, self.places:lookup()
end

local QUOTED = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\", ["$"] = "\\$" }

--- Writes a map of values; quoted where a shell or a reader would take it for something else.
---@param v any
---@return string? text, prov.Err?
function M.encode(v)
  if type(v) ~= "table" or data.kind(v) ~= "map" then
    return err.fail("invalid", "cannot write as an environment file: the value must be a map")
  end
  local out = {}
  for _, name in ipairs(data.keys(v)) do
    local one = v[name]
    if type(name) ~= "string" or not name:match("^[%a_][%w_.-]*$") then
      return err.fail("invalid", "cannot write as an environment file: '%s' is no name of a variable", tostring(name))
    elseif type(one) == "table" then
      return err.fail("invalid", "cannot write as an environment file: '%s' is a %s", name, data.kind(one))
    end
    local text = one == data.null and "" or tostring(one)
    if text:find("\0", 1, true) or not utf8.len(text) then
      return err.fail("invalid", "cannot write as an environment file: '%s' is not text", name)
    elseif not text:find("^[%w_./:@%%+,-]*$") then
      text = '"' .. text:gsub('[\n\r\t"\\$]', QUOTED) .. '"'
    end
    out[#out + 1] = name .. "=" .. text .. "\n"
  end
  return table.concat(out)
end

return M
