--- YAML 1.2, core schema: one document (or, with `all`, a list of them), keys are strings, repeated
-- keys and unknown tags are errors, anchors and merge keys are expanded up to a limit.

local data = require("core.data")
require("prov.err") -- gives errors of core.data their methods
require("prov.value")

local M = {}

local function line_of(text, number)
  local at = 0
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    at = at + 1
    if at == number then
      return line
    end
  end
  return ""
end

local function is_unquoted(line)
  return line:gsub('"[^"]*"', ""):gsub("'[^']*'", ""):find("${", 1, true) ~= nil
end

--- What most often leads to a mistake that libyaml names by its inner state.
---@param text string
---@param e prov.Err
---@return string?
local function hint_of(text, e)
  local msg, line = e.msg, line_of(text, e.line)
  local sign = line:sub(e.column or 1, e.column or 1)
  local before = e.line > 1 and line_of(text, e.line - 1):gsub("%s+#.*$", "") or ""
  local bare = before:find("^%s*[^%s%-#][^:{}%[%],|>]*$")
    and ("is a ':' missing at the end of line %d?"):format(e.line - 1)
  if (msg:find("cannot start any token", 1, true) or msg:find("tab", 1, true)) and sign == "\t" then
    return "indent with spaces: YAML takes no tabs there"
  elseif msg:find("cannot start any token", 1, true) then
    return ("a text that begins with %s needs quotes"):format(sign)
  elseif msg:find("flow mapping", 1, true) or msg:find("flow sequence", 1, true) then
    return is_unquoted(line) and 'inside of { } and [ ] a text with ${...} needs quotes: "${...}"'
      or "is a ',' or a closing bracket missing?"
  elseif msg:find("mapping values are not allowed", 1, true) then
    return line:sub(1, e.column - 1):find(":%s") and "a text with ': ' in it needs quotes" or bare
      or "is the line indented as those above it?"
  elseif msg:find("expected key", 1, true) or msg:find("expected '-' indicator", 1, true) then
    return bare or "is the line indented as those above it? What belongs together begins in one column"
  elseif msg:find("expected ':'", 1, true) then
    return ("is a ':' or a '-' missing on line %s?"):format(msg:match("begins on line (%d+)") or e.line)
  elseif msg:find("quoted scalar", 1, true) then
    return "a quote is not closed"
  end
end

--- Reads a text. An empty one is `value.null`.
---@param text string
---@param opts? { file: string?, max: integer?, all: boolean? }
---@return any value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function M.decode(text, opts)
  local v, doc = data.yaml_decode(text, opts and opts.max, opts and opts.all)
  if v == nil then
    doc.file = opts and opts.file
    if doc.line and doc.msg:find("^not valid YAML") then
      doc.hint = doc.hint or hint_of(text, doc)
    end
    return nil, doc
  end
  return v, function(path)
    return doc:at(path)
  end
end

--- Writes a value. Keys are sorted; what YAML 1.1 readers mistake is quoted.
---@param v any
---@return string? text, prov.Err?
function M.encode(v)
  return data.yaml_encode(v)
end

return M
