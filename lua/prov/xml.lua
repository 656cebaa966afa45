--- XML, as cloud APIs answer it, as a plain tree:
--
--   <a/>, <a>text</a>        "" and "text": values are always strings
--   <a><b/><c/></a>          { b = "", c = "" }; children of one name are a list in its place
--   <a><item/></a>           { item = { "" } }: `item` and `member` are lists however many there are
--   <a x="1">text</a>        { ["@x"] = "1", ["#text"] = "text" }
--
-- The root is a map of one, the outermost element. A document type is refused, so there are no
-- entities but XML's own five, and nothing outside of the text is read.

local data = require("core.data")
local err = require("prov.err")
local value = require("prov.value")

local M = {}

--- Reads a text.
---@param text string
---@param opts? { file: string?, max: integer? }
---@return any value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function M.decode(text, opts)
  local v, doc = require("core.data.xml").decode(text, opts and opts.max)
  if v == nil then
    doc.file = opts and opts.file
    return nil, doc
  end
  return v, function(path)
    return doc:at(path)
  end
end

--- The items below an element that holds a list, however it was written: nothing, one, many, with or
--- without `item` around each.
---@param v any the value of the element: nil, "", a map or a list
---@return any[]
function M.list(v)
  if v == nil or v == "" then
    return {}
  elseif type(v) ~= "table" then
    return { v }
  elseif v.item or v.member then
    return v.item or v.member
  end
  return value.is_list(v) and v or { v }
end

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\r"] = "&#13;" }
local IN_ATTRIBUTE = { ["\n"] = "&#10;", ["\t"] = "&#9;" }

local function fail(path, fmt, ...)
  local at = #path > 0 and table.concat(path, ".") .. ": " or ""
  return nil, err.new("invalid", "cannot write as XML: " .. at .. fmt:format(...))
end

local function text_of(v, path, attribute)
  if v == nil or v == value.null then
    return ""
  elseif type(v) == "table" then
    return fail(path, "a %s cannot stand here", data.kind(v))
  end
  local text = tostring(v)
  if not utf8.len(text) or text:find("[\0-\8\11\12\14-\31]") or text:find("\xEF\xBF[\xBE\xBF]") then
    return fail(path, "the text has characters that XML does not know")
  end
  text = text:gsub('[&<>"\r]', ESCAPES)
  return attribute and text:gsub("[\n\t]", IN_ATTRIBUTE) or text
end

local put

local function put_children(out, v, path, indent)
  local text, e
  for _, key in ipairs(data.keys(v)) do
    if type(key) == "string" and key:sub(1, 1) ~= "@" and key ~= "#text" then
      local child = v[key]
      for _, one in ipairs(value.is_list(child) and child or data.kind(child) == "list" and {} or { child }) do
        local ok
        ok, e = put(out, key, one, path, indent)
        if not ok then
          return nil, e
        end
      end
    end
  end
  if v["#text"] ~= nil then
    text, e = text_of(v["#text"], path)
    if not text then
      return nil, e
    end
    out[#out + 1] = text
  end
  return true
end

local function put_attributes(out, v, path)
  for _, key in ipairs(data.keys(v)) do
    if type(key) == "string" and key:sub(1, 1) == "@" then
      local name = key:sub(2)
      local text, e = text_of(v[key], path, true)
      if not text then
        return nil, e
      elseif not name:match("^[%a_\128-\255][%w_.:\128-\255-]*$") then
        return fail(path, "'%s' is no name of an attribute", name)
      end
      out[#out + 1] = (' %s="%s"'):format(name, text)
    end
  end
  return true
end

-- Appends the element; without text beside them, children stand on lines of their own.
put = function(out, name, v, path, indent)
  if type(name) ~= "string" or not name:match("^[%a_\128-\255][%w_.:\128-\255-]*$") then
    return fail(path, "'%s' is no name of an element", tostring(name))
  elseif #path > 120 then
    return fail({}, "the value is nested too deep")
  end
  path[#path + 1] = name
  out[#out + 1] = indent .. "<" .. name
  local kind = data.kind(v)
  local ok, e
  if kind == "map" then
    ok, e = put_attributes(out, v, path)
    local before = #out + 1
    out[before] = ">"
    if ok then
      ok, e = put_children(out, v, path, v["#text"] ~= nil and "" or indent:match("^\n") and indent .. "  " or "")
    end
    if ok then
      out[#out + 1] = (v["#text"] == nil and #out > before and indent or "") .. "</" .. name .. ">"
    end
  elseif kind == "list" then
    return fail(path, "a list in a list has no names for its elements")
  else
    local text
    text, e = text_of(v, path)
    ok = text ~= nil
    out[#out + 1] = text ~= "" and (">%s</%s>"):format(text or "", name) or "/>"
  end
  path[#path] = nil
  return ok, e
end

--- Writes a value: the reverse of decode. Numbers and bools become text.
---@param v any a map of one: the outermost element
---@return string? text, prov.Err?
function M.encode(v)
  local name = type(v) == "table" and data.kind(v) == "map" and next(v)
  if not name or next(v, name) ~= nil then
    return err.fail("invalid", "cannot write as XML: the value must be a map with one member, the outermost element")
  elseif data.kind(v[name]) == "list" then
    return err.fail("invalid", "cannot write as XML: '%s' is a list, and one element is outermost", tostring(name))
  end
  local out = { '<?xml version="1.0" encoding="UTF-8"?>' }
  local ok, e = put(out, name, v[name], {}, "\n")
  if not ok then
    return nil, e
  end
  out[#out + 1] = "\n"
  return table.concat(out)
end

return M
