--- Canonical JSON: two spaces, every member and item on a line of its own, order and numbers as they were written.

local data = require("core.data")
local json = require("prov.json")
local settings = require("prov.settings")

local M = {}


-- The next token at or behind a byte, and the byte behind it; nil at the end.
local function token(text, at)
  at = text:match("^%s*()", at)
  local first = text:sub(at, at)
  if first == "" then
    return nil
  elseif first == '"' then
    local stop = at + 1
    while text:byte(stop) ~= 34 do
      stop = stop + (text:byte(stop) == 92 and 2 or 1)
    end
    return text:sub(at, stop), stop + 1
  elseif first:find("[%[%]{},:]") then
    return first, at + 1
  end
  local word, behind = text:match("^([^%s%[%]{},:\"]+)()", at)
  return word, behind
end

local function tokens(text)
  local list = {}
  local one, at = token(text, 1)
  while one do
    list[#list + 1] = one
    one, at = token(text, at)
  end
  return list
end

--- Why a text is none, or nil.
---@param text string
---@param file? string
---@return prov.Err?
function M.check(text, file)
  local v, e = json.decode(text, { file = file })
  return v == nil and e or nil
end

--- The text in canonical form. It must be one: see check.
---@param text string
---@return string
function M.format(text)
  local list, out, depth = tokens(text), {}, 0
  local step = (" "):rep(settings.fmt.json_indent)
  for i, one in ipairs(list) do
    local before, after = list[i - 1], list[i + 1]
    if one == "}" or one == "]" then
      depth = depth - 1
      if before ~= "{" and before ~= "[" then
        out[#out + 1] = "\n" .. step:rep(depth)
      end
    end
    out[#out + 1] = one
    if one == "{" or one == "[" then
      depth = depth + 1
      if after ~= "}" and after ~= "]" then
        out[#out + 1] = "\n" .. step:rep(depth)
      end
    elseif one == "," then
      out[#out + 1] = "\n" .. step:rep(depth)
    elseif one == ":" then
      out[#out + 1] = " "
    end
  end
  return table.concat(out) .. "\n"
end

--- True when two texts say the same in the same order.
---@param a string
---@param b string
---@return boolean
function M.same(a, b)
  local v, w = json.decode(a), json.decode(b)
  return w ~= nil and data.encode(v) == data.encode(w)
    and table.concat(tokens(a), "\n") == table.concat(tokens(b), "\n")
end

return M
