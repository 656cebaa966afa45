--- Values as Lua writes them, for a person: on one line when it fits, else indented; deep and long ones cut.

local data = require("core.data")
local settings = require("prov.settings")
local value = require("prov.value")
local width = require("prov.render.width")

local M = {}

local function name_of(v)
  local mt = getmetatable(v)
  if type(mt) ~= "table" then
    return mt == false and "<read only>" or nil
  elseif mt.__tostring then
    return width.clean(tostring(v))
  elseif mt.__name and mt ~= data.list_mt then
    return "<" .. mt.__name .. ">"
  elseif mt.__index ~= nil and mt ~= data.list_mt then
    return "<object>"
  end
end

local function key_text(key)
  if type(key) == "string" then
    return key:match("^[%a_][%w_]*$") and key or ("[%s]"):format(M.scalar(key))
  end
  return ("[%s]"):format(tostring(key))
end

--- A value that is no table, on one line.
---@param v any
---@return string
function M.scalar(v)
  if type(v) == "string" then
    return '"' .. width.clean((v:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\t", "\\t"))) .. '"'
  elseif v == data.null then
    return "null"
  end
  return tostring(v)
end

local render

--- The members of a table: those of a list in order, then the others by key.
local function members(v, state, depth)
  local out, keys, count = {}, {}, rawlen(v)
  for key in pairs(v) do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function(a, b)
    return type(a) == type(b) and type(a) ~= "boolean" and a < b or type(a) ~= type(b) and type(a) < type(b)
  end)
  for i = 1, math.min(count, state.items) do
    out[i] = render(v[i], state, depth + 1)
  end
  for i = 1, math.min(#keys, state.items - #out) do
    out[#out + 1] = key_text(keys[i]) .. " = " .. render(v[keys[i]], state, depth + 1)
  end
  local left = count + #keys - #out
  if left > 0 then
    out[#out + 1] = ("... %d more"):format(left)
  end
  return out
end

function render(v, state, depth)
  if type(v) == "function" then
    return state.names[v] or "<function>"
  elseif type(v) ~= "table" or v == data.null then
    return M.scalar(v)
  elseif value.is_marked(v) or name_of(v) then
    return name_of(v) or tostring(v)
  elseif state.open[v] then
    return "<itself>"
  elseif next(v) == nil then
    return "{}"
  elseif depth >= state.depth then
    return "{ ... }"
  end
  state.open[v] = true
  local parts = members(v, state, depth)
  state.open[v] = nil
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #line + 2 * depth <= state.width and not line:find("\n", 1, true) then
    return line
  end
  local indent = ("  "):rep(depth + 1)
  return "{\n" .. indent .. table.concat(parts, ",\n" .. indent) .. ",\n" .. ("  "):rep(depth) .. "}"
end

--- The text of a value.
---@param v any
---@param opts? { width: integer?, names: table<function, string>? } names: what functions are called
---@return string
function M.text(v, opts)
  opts = opts or {}
  return render(v, {
    open = {},
    width = opts.width or 80,
    names = opts.names or {},
    depth = settings.repl.depth,
    items = settings.repl.items,
  }, 0)
end

return M
