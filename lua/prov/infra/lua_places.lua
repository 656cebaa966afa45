--- Where a path of an infra tree is written in a Lua file: follows literal table constructors
-- in the text. Values that code computes have the place of the nearest literal above them.

local M = {}

--- Position behind a comment, string or other token that must not be looked into.
local function skip(text, at)
  local level = text:match("^%-%-%[(=*)%[", at) or text:match("^%[(=*)%[", at)
  if level then
    local _, stop = text:find("]" .. level .. "]", at, true)
    return (stop or #text) + 1
  end
  if text:find("^%-%-", at) then
    local stop = text:find("\n", at, true)
    return stop or #text + 1
  end
  local quote = text:match("^[\"']", at)
  if not quote then
    return nil
  end
  local i = at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == quote or c == "\n" then
      return i + 1
    end
    i = i + 1
  end
  return #text + 1
end

local function next_token(text, at)
  at = text:find("%S", at)
  while at do
    if not text:find("^%-%-", at) then
      return at
    end
    at = text:find("%S", skip(text, at))
  end
end

--- Key of the table field at `at` and where its value starts.
local function read_key(text, at)
  local name, stop = text:match("^([%a_][%w_]*)%s*=()[^=]", at)
  if name then
    return name, stop
  end
  local quote, inner
  quote, inner, stop = text:match("^%[%s*([\"'])(.-)%1%s*%]%s*=()", at)
  if quote then
    return inner, stop
  end
  local number
  number, stop = text:match("^%[%s*(%d+)%s*%]%s*=()", at)
  return number and math.tointeger(tonumber(number)), stop
end

local CLOSERS = { ["{"] = "}", ["("] = ")", ["["] = "]" }

--- Position of the `,`, `;` or closing bracket that ends the value at `at`.
local function value_end(text, at)
  local stack, i = {}, at
  local words = 0
  while i <= #text do
    local after = skip(text, i)
    if after then
      i = after
    else
      local c = text:sub(i, i)
      local word = text:match("^[%a_][%w_]*", i)
      if word then
        if word == "function" or word == "do" or word == "then" or word == "repeat" then
          words = words + 1
        elseif word == "end" or word == "until" or word == "elseif" then
          words = words - 1
        end
        i = i + #word
      elseif CLOSERS[c] then
        stack[#stack + 1] = CLOSERS[c]
        i = i + 1
      elseif #stack > 0 and c == stack[#stack] then
        stack[#stack] = nil
        i = i + 1
      elseif #stack == 0 and words == 0 and (c == "," or c == ";" or c == "}") then
        return i
      else
        i = i + 1
      end
    end
  end
  return #text + 1
end

--- Finds key in the table constructor that opens at `at`: position of the field, of its value.
local function find_key(text, at, key)
  local index, i = 0, next_token(text, at + 1)
  while i and text:sub(i, i) ~= "}" do
    local name, start = read_key(text, i)
    if name == nil then
      index = index + 1
      name, start = index, i
    end
    start = next_token(text, start) or #text
    if name == key then
      return i, start
    end
    local stop = value_end(text, start)
    i = next_token(text, text:find("^[,;]", stop) and stop + 1 or stop)
  end
end

local function line_of(text, at)
  local line, start = 1, 1
  for stop in text:sub(1, at - 1):gmatch("()\n") do
    line, start = line + 1, stop + 1
  end
  return line, at - start + 1
end

local BLOCKS = { ["function"] = 1, ["do"] = 1, ["if"] = 1, ["repeat"] = 1, ["end"] = -1, ["until"] = -1 }

--- The last `return {` of the text that is not in a function, comment or string.
local function find_root(text)
  local root, i, depth = nil, 1, 0
  while i <= #text do
    local after = skip(text, i)
    if after then
      i = after
    else
      local word = text:match("^[%a_][%w_]*", i)
      depth = depth + (BLOCKS[word] or 0)
      if word == "return" and depth == 0 then
        local brace = next_token(text, i + 6)
        if brace and text:sub(brace, brace) == "{" then
          root = brace
        end
      end
      i = i + (word and #word or 1)
    end
  end
  return root
end

local last = {}

--- Line and column of a path, or of the nearest part of it that is literal.
---@param text string of the file
---@param path (string|integer)[]
---@return integer? line, integer? column
function M.find(text, path)
  if last.text ~= text then
    last.text, last.root = text, find_root(text)
  end
  local at, found = last.root, nil
  if not at then
    return nil
  end
  for _, key in ipairs(path) do
    if text:sub(at, at) ~= "{" then
      break
    end
    local field, start = find_key(text, at, key)
    if not field then
      break
    end
    found, at = field, start
  end
  if not found then
    return nil
  end
  return line_of(text, found)
end

return M
