--- Lua patterns as regular expressions, for JSON Schema.

local M = {}

local CLASSES = {
  a = "A-Za-z",
  c = "\\u0000-\\u001f\\u007f",
  d = "0-9",
  g = "!-~",
  l = "a-z",
  p = "!-\\/:-@\\[-`\\{-~",
  s = "\\t-\\r ",
  u = "A-Z",
  w = "A-Za-z0-9",
  x = "0-9A-Fa-f",
}

local function escaped(char)
  return char:match("^[%^%$\\%.%*%+%?%(%)%[%]{}|/]$") and "\\" .. char or char
end

local function in_set(char)
  return char:match("^[%^%-\\%[%]]$") and "\\" .. char or char
end

--- The set at a position: its expression and what follows; nil when it has none.
local function set_of(pattern, at)
  local out, i = { "[" }, at + 1
  if pattern:sub(i, i) == "^" then
    out[1], i = "[^", i + 1
  end
  local first = true
  while true do
    local char = pattern:sub(i, i)
    if char == "" then
      return nil
    elseif char == "]" and not first then
      out[#out + 1] = "]"
      return table.concat(out), i + 1
    elseif char == "%" then
      local class = pattern:sub(i + 1, i + 1)
      if class:match("%u") and CLASSES[class:lower()] then
        return nil -- all but a class, inside of a set
      end
      out[#out + 1] = CLASSES[class] or in_set(class)
      i = i + 2
    else
      local low, high = pattern:match("^(.)%-([^%]])", i)
      out[#out + 1] = low and in_set(low) .. "-" .. in_set(high) or in_set(char)
      i = i + (low and 3 or 1)
    end
    first = false
  end
end

--- One character or class at a position: its expression and what follows; nil when it has none.
local function single(pattern, at)
  local char = pattern:sub(at, at)
  if char == "[" then
    return set_of(pattern, at)
  elseif char == "." then
    return "[\\s\\S]", at + 1
  elseif char ~= "%" then
    return escaped(char), at + 1
  end
  local class = pattern:sub(at + 1, at + 1)
  if class:match("^[bf%d]?$") then
    return nil
  end
  local inner = CLASSES[class:lower()]
  return inner and (class:match("%u") and "[^" or "[") .. inner .. "]" or escaped(class), at + 2
end

--- Position behind a set; nil when it is not closed.
local function skip_set(pattern, at)
  at = pattern:sub(at + 1, at + 1) == "^" and at + 2 or at + 1
  repeat
    local char = pattern:sub(at, at)
    if char == "" then
      return nil
    end
    at = at + (char == "%" and 2 or 1)
  until pattern:sub(at, at) == "]"
  return at + 1
end

--- What is wrong with a Lua pattern, or nil. Lua itself tells only when a text gets that far.
---@param pattern string
---@return string?
function M.mistake(pattern)
  local at, open = 1, 0
  while at <= #pattern do
    local char, after = pattern:sub(at, at), pattern:sub(at + 1, at + 1)
    if char == "%" and after == "" then
      return "it ends with %"
    elseif char == "%" and after == "b" and #pattern < at + 3 then
      return "%b needs two characters"
    elseif char == "%" and after == "f" and pattern:sub(at + 2, at + 2) ~= "[" then
      return "%f needs a set"
    elseif char == "[" then
      at = skip_set(pattern, at)
      if not at then
        return "the closing ] is missing"
      end
    elseif char == "%" then
      at = at + (after == "b" and 4 or 2)
    else
      open = open + (char == "(" and 1 or char == ")" and -1 or 0)
      if open < 0 then
        return "a ) without its ("
      end
      at = at + 1
    end
  end
  return open > 0 and "the closing ) is missing" or nil
end

local REPEATS = { ["*"] = "*", ["+"] = "+", ["-"] = "*", ["?"] = "?" }

--- The pattern without the anchors that say what is true anyway.
---@param pattern string
---@return string
function M.bare(pattern)
  local bare = pattern:gsub("^%^", "")
  local marks = bare:match("(%%*)%$$")
  return marks and #marks % 2 == 0 and bare:sub(1, -2) or bare
end

--- The regular expression of a Lua pattern that has to match the whole text; nil when there is none.
---@param pattern string
---@return string?
function M.to_regex(pattern)
  local out, at = { "^" }, 1
  pattern = M.bare(pattern)
  while at <= #pattern do
    local char = pattern:sub(at, at)
    if char == "(" or char == ")" then
      out[#out + 1] = char == "(" and "(?:" or ")"
      at = at + 1
    else
      local text, stop = single(pattern, at)
      if not text then
        return nil
      end
      local times = REPEATS[pattern:sub(stop, stop)]
      out[#out + 1] = text .. (times or "")
      at = times and stop + 1 or stop
    end
  end
  out[#out + 1] = "$"
  return table.concat(out)
end

return M
