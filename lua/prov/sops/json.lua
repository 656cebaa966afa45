--- SOPS files in JSON, changed in place, and of binary files, which are JSON with one member.

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local cipher = require("prov.sops.cipher")
local yaml = require("prov.sops.yaml")

local M = { name = "json", reserved = "sops" }

local function string_end(text, at)
  at = text:find('["\\]', at + 1)
  while text:byte(at) == 92 do
    at = text:find('["\\]', at + 2)
  end
  return at
end

local function quote(_, plain)
  return (data.json_encode(plain))
end

local WRITERS = {
  str = quote,
  time = quote,
  bytes = quote,
  bool = function(_, plain)
    return plain:lower()
  end,
  int = function(_, plain)
    return plain
  end,
  float = function(_, plain)
    return plain:find("^[+-]?%a") and quote(_, plain) or plain
  end,
}

local function write(type, plain)
  local fn = WRITERS[type]
  return fn and fn(type, plain)
end

-- Type and bytes of a number, word or string.
local function typed(text)
  if text:byte() == 34 then
    return "str", data.json_decode("[" .. text .. "]")[1]
  elseif text == "true" or text == "false" then
    return "bool", text == "true" and "True" or "False"
  elseif text == "null" then
    return "null", ""
  end
  local v = text:find("^%-?%d+$") and math.tointeger(tonumber(text))
  if v then
    return "int", ("%d"):format(v)
  end
  return "float", cipher.float(tonumber(text) + 0.0)
end

--- Scans a text that is JSON: fn(path, from, to) for leaves, and the members of the root.
local function scan(text, fn)
  local members, path = {}, {}
  local at = text:match("^\xEF?\xBB?\xBF?%s*()")
  local function skip()
    at = text:match("^%s*()", at)
  end
  local function value()
    local sign = text:sub(at, at)
    if sign == "{" or sign == "[" then
      local close = sign == "{" and "}" or "]"
      local is_root = #path == 0 and sign == "{" and #members == 0 and not members.open
      members.open = members.open or at
      at = at + 1
      skip()
      while text:sub(at, at) ~= close do
        local from = at
        if sign == "{" then
          local stop = string_end(text, at)
          path[#path + 1] = data.json_decode("[" .. text:sub(at, stop) .. "]")[1]
          at = text:match("^%s*:%s*()", stop + 1)
        end
        value()
        if is_root then
          members[#members + 1] = { key = path[#path], from = from, to = at - 1 }
        end
        if sign == "{" then
          path[#path] = nil
        end
        at = text:match("^%s*,?%s*()", at)
      end
      if is_root then
        members.close = at
      end
      at = at + 1
    else
      local stop = sign == '"' and string_end(text, at) or text:match("^[^%s,%]}]+()", at) - 1
      fn(path, at, stop)
      at = stop + 1
    end
  end
  value()
  return members
end

local function parse(text, file)
  local v, e = json.decode(text, { file = file })
  if v == nil then
    if e then -- what it is near to may be a secret
      e.msg = e.msg:gsub(" near .*$", "")
    end
    return nil, e or err.new("invalid", "SOPS encrypts JSON that is an object; this is null", { file = file })
  elseif data.kind(v) ~= "map" then
    return nil, err.new("invalid", ("SOPS encrypts JSON that is an object; this is a %s"):format(data.kind(v)), {
      file = file, hint = 'put it into one: {"data": [...]}',
    })
  end
  return v
end

--- The text as it can be encrypted.
---@param text string
---@param file? string
---@return string? text
---@return prov.Err? err
function M.prepare(text, file)
  local v, e = parse(text, file)
  return v and text:gsub("^\xEF\xBB\xBF", ""), e -- of which `sops` does not read any
end

--- The leaves of a text.
---@param text string
---@param file? string
---@return table[]? leaves
---@return prov.Err? err
function M.leaves(text, file)
  local ok, e = parse(text, file)
  if not ok then
    return nil, e
  end
  local out = {}
  scan(text, function(path, from, to)
    local type, plain = typed(text:sub(from, to))
    if type ~= "null" then
      out[#out + 1] = { kind = "value", type = type, plain = plain, path = table.move(path, 1, #path, 1, {}),
        from = from, to = to, comments = {}, write = write }
    end
  end)
  return out
end

--- The metadata of a text, and the text without.
---@param text string
---@param file? string
---@return string? text
---@return table|prov.Err|nil meta
function M.extract(text, file)
  local v, e = parse(text, file)
  if not v then
    return nil, e
  elseif v.sops == nil then
    return text, nil
  end
  local members = scan(text, function() end)
  for i, member in ipairs(members) do
    if member.key == "sops" then
      local from, to
      if members[i + 1] then
        from, to = member.from, members[i + 1].from - 1
      elseif i > 1 then
        from, to = members[i - 1].to + 1, member.to
      else
        from, to = members.open + 1, members.close - 1
      end
      return text:sub(1, from - 1) .. text:sub(to + 1), v.sops
    end
  end
end

-- JSON in the steps of the text around it.
local function pretty(v, step, indent)
  if type(v) ~= "table" or next(v) == nil then
    return assert(data.json_encode(v))
  end
  local out, is_list = {}, data.kind(v) == "list"
  for i, key in ipairs(is_list and v or data.keys(v)) do
    out[i] = indent .. step .. (is_list and pretty(key, step, indent .. step)
      or data.json_encode(key) .. ": " .. pretty(v[key], step, indent .. step))
  end
  return (is_list and "[" or "{") .. "\n" .. table.concat(out, ",\n") .. "\n" .. indent .. (is_list and "]" or "}")
end

--- The text with metadata.
---@param text string
---@param meta table
---@return string? text
---@return prov.Err? err
function M.attach(text, meta)
  local members = scan(text, function() end)
  local step = text:match("^%s*{%s-\n([ \t]+)") or "\t"
  local last = members[#members]
  if last and not text:sub(members.open, last.from):find("\n", 1, true) then -- all on one line
    return text:sub(1, last.to) .. ',"sops":' .. data.json_encode(meta) .. text:sub(last.to + 1)
  end
  local at = last and last.to or members.open
  local rest = text:sub(last and at + 1 or members.close)
  return text:sub(1, at) .. (last and ",\n" or "\n") .. step .. '"sops": ' .. pretty(meta, step, step)
    .. (rest:find("^%s*\n") and "" or "\n") .. rest
end

--- The value of a text.
---@param text string
---@param file? string
---@return any
---@return prov.Err?
function M.value(text, file)
  return parse(text, file)
end

--- The text with another value at a path.
---@param text string
---@param path (string|integer)[]
---@param v any nil deletes
---@return string? text
---@return prov.Err? err
function M.change(text, path, v)
  local edit = require("prov.edit.json")
  if v == nil then
    return edit.delete(text, path)
  end
  return edit.set(text, path, v)
end

M.apply = yaml.apply

return M
