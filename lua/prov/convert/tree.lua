--- Trees of infra that keep the order of their keys and have comments, and their texts as YAML, TOML, JSON and Lua.
--
-- A value is a text, number, boolean, value.null, a list (tree.list) or a map (tree.map).

local data = require("core.data")
local formats = require("prov.formats")
local value = require("prov.value")

local M = {}

---@class prov.convert.Map
local Map = {}
Map.__index = Map
local List = {}
List.__index = List

--- An empty map.
function M.map()
  return setmetatable({ keys = {}, values = {}, comments = {}, tail = {} }, Map)
end

--- A list of what is given.
function M.list(items)
  return setmetatable(items or {}, List)
end

function M.is_map(v)
  return getmetatable(v) == Map
end

function M.is_list(v)
  return getmetatable(v) == List
end

--- Sets a field; a new one comes last. Nil takes it away.
function Map:set(key, v)
  if self.values[key] == nil and v ~= nil then
    self.keys[#self.keys + 1] = key
  elseif v == nil and self.values[key] ~= nil then
    for i, one in ipairs(self.keys) do
      if one == key then
        table.remove(self.keys, i)
        break
      end
    end
  end
  self.values[key] = v
  return v
end

function Map:get(key)
  return self.values[key]
end

--- The map at a key, made when it is absent.
function Map:at(key)
  return self.values[key] or self:set(key, M.map())
end

function Map:is_empty()
  return #self.keys == 0
end

--- Lines of comment above a key, or behind the last one.
function Map:comment(key, text)
  local lines = self.tail
  if key then
    self.comments[key] = self.comments[key] or {}
    lines = self.comments[key]
  end
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = (line:gsub("%s+$", ""):gsub("%c", " "))
  end
end

--- The tree as plain values, without order and comments.
function M.plain(v)
  if M.is_map(v) then
    local out = {}
    for _, key in ipairs(v.keys) do
      out[key] = M.plain(v.values[key])
    end
    return out
  elseif M.is_list(v) then
    local out = data.list({})
    for i, item in ipairs(v) do
      out[i] = M.plain(item)
    end
    return out
  end
  return v
end

-- Texts that YAML 1.1 or 1.2 readers take for something else.
local WORDS = {}
for word in ("true false yes no on off y n null nan inf"):gmatch("%S+") do
  WORDS[word] = true
end

local function is_plain_yaml(text)
  return text ~= "" and not WORDS[text:lower()] and text:match("^[%a_/$][^%c]*$") and not text:find(": ", 1, true)
    and not text:find(" #", 1, true) and not text:match("[%s:]$") and utf8.len(text) ~= nil
    and not text:find("[\u{85}\u{a0}\u{2028}\u{2029}]")
end

local ESCAPED = { ["\x7f"] = "\\x7f", ["\u{85}"] = "\\x85", ["\u{a0}"] = "\\xa0", ["\u{2028}"] = "\\u2028",
  ["\u{2029}"] = "\\u2029", ["\u{feff}"] = "\\ufeff" }

local function yaml_key(key)
  return key:match("^[%a_][%w_-]*$") and is_plain_yaml(key) and key or M.yaml_scalar(key)
end

--- A scalar on one line.
function M.yaml_scalar(v)
  if v == value.null then
    return "null"
  elseif type(v) ~= "string" then
    return (data.yaml_encode(v):gsub("\n+$", ""))
  elseif is_plain_yaml(v) or v:match("^%d+%.%d+%.%d+%.%d+/%d+$") or v:match("^%d+ %a+$") then
    return v
  elseif not v:find("[%c\x7f-\xff]") then
    return "'" .. v:gsub("'", "''") .. "'"
  end
  -- JSON's quotes, and the characters in them that YAML takes for line ends or refuses.
  return (require("prov.json").encode(v):gsub("[\x7f\xc2\xe2\xef][\x80-\xbf]*", ESCAPED))
end

-- Text of several lines as a block, when a block says exactly that.
local function yaml_block(text, indent)
  if not text:find("\n", 1, true) or text:find("[^\n\t\x20-\x7e\xc2-\xf4\x80-\xbf]") or text:find("^[ \n\t]")
    or text:find("[ \t]\n") or text:find("\n\n$") or text:find("\t", 1, true) or utf8.len(text) == nil then
    return nil
  end
  local body = text:gsub("\n$", "")
  local lines = {}
  for line in (body .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line == "" and "" or indent .. line
  end
  return (text:sub(-1) == "\n" and "|" or "|-") .. "\n" .. table.concat(lines, "\n")
end

local function comment_lines(out, lines, indent, sign)
  for _, line in ipairs(lines or {}) do
    out[#out + 1] = indent .. sign .. (line ~= "" and " " .. line or "")
  end
end

local yaml_map

-- Lines of a value behind `head`, which is "key:" or "-" with its indent.
local function yaml_value(out, head, v, indent)
  local empty = M.is_map(v) and v:is_empty() and "{}" or M.is_list(v) and #v == 0 and "[]"
  if empty then
    out[#out + 1] = head .. " " .. empty
    comment_lines(out, v.tail, indent, "#")
  elseif M.is_map(v) then
    out[#out + 1] = head
    yaml_map(out, v, indent)
  elseif M.is_list(v) then
    out[#out + 1] = head
    for _, item in ipairs(v) do
      if M.is_map(item) and not item:is_empty() then
        local lines = {}
        yaml_map(lines, item, indent .. "  ")
        lines[1] = indent .. "- " .. lines[1]:sub(#indent + 3)
        table.move(lines, 1, #lines, #out + 1, out)
      else
        yaml_value(out, indent .. "-", item, indent .. "  ")
      end
    end
  else
    out[#out + 1] = head .. " " .. (type(v) == "string" and yaml_block(v, indent) or M.yaml_scalar(v))
  end
end

function yaml_map(out, map, indent)
  for _, key in ipairs(map.keys) do
    comment_lines(out, map.comments[key], indent, "#")
    yaml_value(out, indent .. yaml_key(key) .. ":", map.values[key], indent .. "  ")
  end
  comment_lines(out, map.tail, indent, "#")
end

local LUA_WORDS = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
  .. "until while"):gmatch("%S+") do
  LUA_WORDS[word] = true
end

local function lua_quoted(text)
  return (("%q"):format(text):gsub("\\\n", "\\n"))
end

local function lua_string(text)
  if text:find("\n", 1, true) and not text:find("[%z\r]") and not text:find("]]", 1, true) and text:sub(-1) ~= "]" then
    return "[[\n" .. text .. "]]"
  end
  return lua_quoted(text)
end

local function lua_value(v, indent)
  local below = indent .. "  "
  if M.is_list(v) then
    local out = {}
    for i, item in ipairs(v) do
      out[i] = below .. lua_value(item, below) .. ","
    end
    return #out == 0 and "{}" or "{\n" .. table.concat(out, "\n") .. "\n" .. indent .. "}"
  elseif M.is_map(v) then
    local out = {}
    for _, key in ipairs(v.keys) do
      comment_lines(out, v.comments[key], below, "--")
      local name = key:match("^[%a_][%w_]*$") and not LUA_WORDS[key] and key or ("[%s]"):format(lua_quoted(key))
      out[#out + 1] = below .. name .. " = " .. lua_value(v.values[key], below) .. ","
    end
    comment_lines(out, v.tail, below, "--")
    return #out == 0 and "{}" or "{\n" .. table.concat(out, "\n") .. "\n" .. indent .. "}"
  elseif v == value.null then
    return "null"
  elseif type(v) == "string" then
    return lua_string(v)
  end
  return math.type(v) == "float" and ("%.17g"):format(v) or tostring(v)
end

-- Comments of a tree in the order of its keys: for forms that are written without.
local function all_comments(v, path, out)
  if M.is_map(v) then
    for _, key in ipairs(v.keys) do
      local here = path == "" and key or path .. "." .. key
      for _, line in ipairs(v.comments[key] or {}) do
        out[#out + 1] = here .. ": " .. line
      end
      all_comments(v.values[key], here, out)
    end
    for _, line in ipairs(v.tail) do
      out[#out + 1] = (path == "" and "" or path .. ": ") .. line
    end
  elseif M.is_list(v) then
    for i, item in ipairs(v) do
      all_comments(item, ("%s[%d]"):format(path, i), out)
    end
  end
  return out
end

-- Takes the nulls out of maps: a field that is not there is the same.
local function without_nulls(v, path, found)
  if type(v) == "table" and v ~= value.null then
    for _, key in ipairs(data.kind(v) == "map" and data.keys(v) or {}) do
      local here = path == "" and key or path .. "." .. key
      if v[key] == value.null then
        v[key] = nil
        found[#found + 1] = here
      else
        without_nulls(v[key], here, found)
      end
    end
    for i, item in ipairs(data.kind(v) == "list" and v or {}) do
      without_nulls(item, ("%s[%d]"):format(path, i), found)
    end
  end
end

--- The text of a tree. JSON has no comments: there the notes are all that is left of them. TOML has them on top.
---@param map prov.convert.Map
---@param form "yaml"|"toml"|"json"|"lua"
---@return string? text, prov.Err?
function M.encode(map, form)
  if form == "yaml" then
    local lines = {}
    yaml_map(lines, map, "")
    return (map:is_empty() and "{}\n" or "") .. table.concat(lines, "\n") .. "\n"
  elseif form == "lua" then
    return "return " .. lua_value(map, "") .. "\n"
  end
  local plain, nulls = M.plain(map), {}
  if form == "toml" then
    without_nulls(plain, "", nulls)
  end
  local text, e = assert(formats.get(form)):encode(plain)
  if not text or form == "json" then
    return text, e
  end
  local lines = {}
  for _, path in ipairs(nulls) do
    lines[#lines + 1] = ("# %s was null, which TOML has not"):format(path)
  end
  comment_lines(lines, all_comments(map, "", {}), "", "#")
  return (lines[1] and table.concat(lines, "\n") .. "\n\n" or "") .. text
end

return M
