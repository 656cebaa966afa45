--- Values as YAML text, in the style of the text they are put into.

local data = require("core.data")
local value = require("prov.value")
local yaml = require("prov.yaml")

local M = {}

---@class prov.YamlStyle
---@field eol string line break
---@field step integer how far maps stand right of their key
---@field list_step integer how far the dashes of lists do
---@field json? boolean the text is JSON and has to stay it

local NAMED = {
  [0x00] = "\\0", [0x07] = "\\a", [0x08] = "\\b", [0x09] = "\\t", [0x0A] = "\\n", [0x0B] = "\\v", [0x0C] = "\\f",
  [0x0D] = "\\r", [0x1B] = "\\e", [0x22] = '\\"', [0x5C] = "\\\\", [0x85] = "\\N", [0x2028] = "\\L", [0x2029] = "\\P",
}

local WORDS = { y = true, n = true, yes = true, no = true, on = true, off = true, null = true, ["true"] = true,
  ["false"] = true }
local LONGEST_WORD = 5

-- True for what may stand in a text as it is.
local function is_printable(code)
  return code >= 0x20 and code < 0x7F or code >= 0xA0 and code ~= 0x2028 and code ~= 0x2029 and code ~= 0xFEFF
    and code ~= 0xFFFE and code ~= 0xFFFF
end

local function double_quoted(text)
  local out = { '"' }
  for _, code in utf8.codes(text) do
    if NAMED[code] then
      out[#out + 1] = NAMED[code]
    elseif is_printable(code) then
      out[#out + 1] = utf8.char(code)
    else
      out[#out + 1] = (code < 0x100 and "\\x%02X" or "\\u%04X"):format(code)
    end
  end
  out[#out + 1] = '"'
  return table.concat(out)
end

local function all_printable(text)
  if not text:find("[^\x20-\x7E\n]") then
    return true
  end
  for _, code in utf8.codes(text) do
    if not is_printable(code) and code ~= 0x0A then
      return false
    end
  end
  return true
end

--- Whether everybody takes this for a text: no reader of YAML has a number or date with such letters. Cheaper than
--- asking the writer of YAML, which knows more of them.
---@param text string
---@return boolean
function M.is_word(text)
  if not text:find("^%w+$") and not text:find("^%w[%w_./=+-]*$") then
    return false
  elseif text:find("^%a") then
    return #text > LONGEST_WORD or not WORDS[text:lower()]
  end
  return text:find("[^%da-fA-FxobTZ_:+.-]") ~= nil
end

local function is_plain(text, flow)
  if text:find("\n", 1, true) or flow and text:find("[,%[%]{}:?#]") then
    return false
  elseif M.is_word(text) then
    return true
  end
  return yaml.encode({ text }) == "- " .. text .. "\n"
end

-- A text with line breaks as a literal block, or nil when quotes are needed. `indent` is that of what it belongs to.
local function literal(text, indent, style, folded)
  local body, ends = text:match("^(.-)(\n*)$")
  if body == "" or #ends > 1 or body:find("^[ \n]") or body:find(" \n") or body:find(" $")
    or folded and body:find("\n", 1, true) then
    return nil
  end
  local pad = style.eol .. (" "):rep(indent + style.step)
  local lines = body:gsub("\n+", function(breaks)
    return style.eol:rep(#breaks - 1) .. pad
  end)
  return (folded and ">" or "|") .. (ends == "" and "-" or "") .. pad .. lines
end

--- A string. `hint` is the style it had before: plain, single, double, literal or folded.
---@param text string
---@param style prov.YamlStyle
---@param indent? integer that of what it belongs to; nil inside of brackets
---@param hint? string
---@return string
function M.string(text, style, indent, hint)
  if style.json then
    return assert(data.json_encode(text))
  elseif not hint and M.is_word(text) then
    return text
  end
  local printable = all_printable(text)
  if hint == "double" or not printable then
    return double_quoted(text)
  elseif indent and (hint == "literal" or hint == "folded" or text:find("\n", 1, true)) then
    local folded = hint == "folded" and not text:find("\n.")
    local block = literal(text, indent, style, folded) or literal(text, indent, style)
    if block then
      return block
    end
  end
  if text:find("\n", 1, true) then
    return double_quoted(text)
  elseif hint == "single" then
    return "'" .. text:gsub("'", "''") .. "'"
  end
  return is_plain(text, not indent) and text or double_quoted(text)
end

--- The key of a map.
---@param text string
---@param style prov.YamlStyle
---@param flow boolean inside of brackets
---@return string
function M.key(text, style, flow)
  if style.json then
    return assert(data.json_encode(text))
  elseif all_printable(text) and is_plain(text, flow) and yaml.encode({ [text] = 1 }) == text .. ": 1\n" then
    return text
  end
  return double_quoted(text)
end

--- True for what is written as one piece: no collection, or an empty one.
---@return boolean
function M.is_scalar(v)
  return type(v) ~= "table" or value.is_marked(v) or next(v) == nil
end

--- A scalar or an empty collection.
---@param v any
---@param style prov.YamlStyle
---@param indent? integer
---@param hint? string
---@return string
function M.scalar(v, style, indent, hint)
  if type(v) == "string" then
    return M.string(v, style, indent, hint)
  elseif type(v) == "table" then
    return data.kind(v) == "list" and "[]" or "{}"
  end
  if style.json then
    return assert(data.json_encode(v))
  end
  return assert(yaml.encode({ v })):match("^%- (.*)\n$")
end

--- Anything, in brackets.
---@param v any
---@param style prov.YamlStyle
---@param hint? string
---@return string
function M.flow(v, style, hint)
  if M.is_scalar(v) then
    return M.scalar(v, style, nil, hint)
  end
  local out = {}
  if data.kind(v) == "list" then
    for i, item in ipairs(v) do
      out[i] = M.flow(item, style)
    end
    return "[" .. table.concat(out, ", ") .. "]"
  end
  for i, key in ipairs(data.keys(v)) do
    out[i] = M.key(tostring(key), style, true) .. ": " .. M.flow(v[key], style)
  end
  return "{" .. table.concat(out, ", ") .. "}"
end

--- The lines of a collection whose keys or dashes stand at `indent`; the first one without its spaces.
---@param v table
---@param style prov.YamlStyle
---@param indent integer
---@return string
function M.lines(v, style, indent)
  local out = {}
  if data.kind(v) == "list" then
    for i, item in ipairs(v) do
      out[i] = "-" .. M.behind(item, style, indent, true)
    end
  else
    for i, key in ipairs(data.keys(v)) do
      out[i] = M.key(tostring(key), style, false) .. ":" .. M.behind(v[key], style, indent)
    end
  end
  return table.concat(out, style.eol .. (" "):rep(indent))
end

--- What stands behind a key or a dash at `indent`.
---@param v any
---@param style prov.YamlStyle
---@param indent integer
---@param dash? boolean
---@return string
function M.behind(v, style, indent, dash)
  if M.is_scalar(v) then
    return " " .. M.scalar(v, style, indent)
  elseif dash then
    return " " .. M.lines(v, style, indent + 2)
  end
  local below = indent + (data.kind(v) == "list" and style.list_step or style.step)
  return style.eol .. (" "):rep(below) .. M.lines(v, style, below)
end

return M
