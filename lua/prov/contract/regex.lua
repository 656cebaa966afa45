--- Regular expressions that cannot hang: the part of ECMAScript's notation that every automaton can do,
-- so that a JSON Schema says the same. The whole text has to match; characters are code points.
--
--   a|b  (ab)  (?:ab)  a* a+ a? a{2} a{2,} a{2,5}  .  [a-z_] [^a-z]  \d \D \w \W \s \S  \t \n \r \f \v \u00e9  \.
--
-- No back references, no look-around, no lazy repetition. An expression becomes a set automaton whose states
-- are made when they are met, so a match takes time proportional to the text.

local M = {}

local MAX_STATES = 5000 -- of the automaton, before sets of them
local MAX_REPEAT = 1000
local MAX_SETS = 1000 -- kept; then all are made anew
local MAX_NEXT = 256 -- characters of a set whose next set is kept
local MAX_DEPTH = 100 -- of groups in groups

local DIGIT = { { 48, 57 } }
local WORD = { { 48, 57 }, { 65, 90 }, { 95, 95 }, { 97, 122 } }
local SPACE = {
  { 9, 13 }, { 32, 32 }, { 0xA0, 0xA0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200A }, { 0x2028, 0x2029 },
  { 0x202F, 0x202F }, { 0x205F, 0x205F }, { 0x3000, 0x3000 }, { 0xFEFF, 0xFEFF },
}
local LINE_END = { { 10, 10 }, { 13, 13 }, { 0x2028, 0x2029 } }
local CLASSES = { d = DIGIT, w = WORD, s = SPACE }
local CONTROLS = { t = 9, n = 10, v = 11, f = 12, r = 13 }

local function negated(ranges)
  local out, from = {}, 0
  local sorted = table.move(ranges, 1, #ranges, 1, {})
  table.sort(sorted, function(a, b)
    return a[1] < b[1]
  end)
  for _, range in ipairs(sorted) do
    if range[1] > from then
      out[#out + 1] = { from, range[1] - 1 }
    end
    from = math.max(from, range[2] + 1)
  end
  out[#out + 1] = { from, 0x7FFFFFFF }
  return out
end

local Parser = {}
Parser.__index = Parser

function Parser:fail(msg)
  error({ regex = ("%s at character %d"):format(msg, self.at) }, 0)
end

function Parser:peek()
  return self.chars[self.at]
end

function Parser:take(char)
  if self.chars[self.at] == char then
    self.at = self.at + 1
    return true
  end
  return false
end

local function hex(self, digits)
  local text = table.concat(self.chars, "", self.at, math.min(self.at + digits - 1, #self.chars))
  if #text ~= digits or not text:match("^%x+$") then
    self:fail(("%d hexadecimal digits are missing"):format(digits))
  end
  self.at = self.at + digits
  return tonumber(text, 16)
end

--- What stands behind a backslash: ranges of a class, or one code point.
function Parser:escape(in_class)
  local char = self:peek()
  if not char then
    self:fail("nothing behind the last \\")
  end
  self.at = self.at + 1
  local class = CLASSES[char:lower()]
  if class then
    return char:match("%u") and negated(class) or class
  elseif CONTROLS[char] then
    return nil, CONTROLS[char]
  elseif char == "u" then
    return nil, hex(self, 4)
  elseif char == "x" then
    return nil, hex(self, 2)
  elseif char:match("^[%^%$\\%.%*%+%?%(%)%[%]{}|/]$") or in_class and char == "-" then
    return nil, utf8.codepoint(char)
  end
  self.at = self.at - 1
  self:fail(("\\%s is not known"):format(char))
end

function Parser:class()
  local ranges, negative = {}, self:take("^")
  local function one()
    local char = self:peek()
    if not char then
      self:fail("the closing ] is missing")
    end
    self.at = self.at + 1
    if char == "\\" then
      return self:escape(true)
    end
    return nil, utf8.codepoint(char)
  end
  while not self:take("]") do
    local several, first = one()
    if several then
      table.move(several, 1, #several, #ranges + 1, ranges)
    elseif self:peek() == "-" and self.chars[self.at + 1] ~= "]" then
      self.at = self.at + 1
      local set, last = one()
      if set or last < first then
        self:fail("a range in [] goes from a lower to a higher character")
      end
      ranges[#ranges + 1] = { first, last }
    else
      ranges[#ranges + 1] = { first, first }
    end
  end
  return { "set", negative and negated(ranges) or ranges }
end

function Parser:atom()
  local char = self:peek()
  self.at = self.at + 1
  if char == "(" then
    if self:take("?") and not self:take(":") then
      self:fail("of groups with ? only (?: is known")
    end
    self.depth = self.depth + 1
    if self.depth > MAX_DEPTH then
      self:fail("too many groups in groups")
    end
    local inner = self:either()
    self.depth = self.depth - 1
    if not self:take(")") then
      self:fail("the closing ) is missing")
    end
    return inner
  elseif char == "[" then
    return self:class()
  elseif char == "." then
    return { "set", negated(LINE_END) }
  elseif char == "\\" then
    local set, point = self:escape()
    return { "set", set or { { point, point } } }
  elseif char == "^" or char == "$" then
    self.at = self.at - 1
    self:fail("the whole text has to match anyway, so ^ and $ are for the ends; write \\" .. char)
  elseif char:match("^[%*%+%?%]{}]$") then
    self.at = self.at - 1
    self:fail(("write \\%s"):format(char))
  end
  local point = utf8.codepoint(char)
  return { "set", { { point, point } } }
end

function Parser:count()
  local text = table.concat(self.chars, "", self.at, math.min(self.at + 12, #self.chars))
  local low, comma, high, stop = text:match("^{(%d+)(,?)(%d*)}()")
  if not low then
    self:fail("a count looks like {2}, {2,} or {2,5}")
  end
  self.at = self.at + stop - 1
  low, high = tonumber(low), comma == "" and tonumber(low) or tonumber(high)
  if low > MAX_REPEAT or high and (high > MAX_REPEAT or high < low) then
    self:fail(("counts go from low to high and to %d"):format(MAX_REPEAT))
  end
  return low, high
end

function Parser:sequence()
  local items = {}
  while self:peek() and self:peek() ~= "|" and self:peek() ~= ")" do
    local item = self:atom()
    local low, high
    if self:take("*") then
      low = 0
    elseif self:take("+") then
      low = 1
    elseif self:take("?") then
      low, high = 0, 1
    elseif self:peek() == "{" then
      low, high = self:count()
    end
    if low and self:peek() and self:peek():match("^[%*%+%?{]$") then
      self:fail("a repetition of a repetition; lazy ones mean nothing here")
    end
    items[#items + 1] = low and { "repeat", item, low, high } or item
  end
  return { "sequence", items }
end

function Parser:either()
  local options = { self:sequence() }
  while self:take("|") do
    options[#options + 1] = self:sequence()
  end
  return #options == 1 and options[1] or { "either", options }
end

--- Adds the automaton of a node in front of the state `out`; returns its first state.
local function build(states, node, out)
  local kind = node[1]
  local function add(state)
    if #states >= MAX_STATES then
      error({ regex = "it is too large" }, 0)
    end
    states[#states + 1] = state
    return #states
  end
  if kind == "set" then
    return add({ ranges = node[2], out = out })
  elseif kind == "sequence" then
    for i = #node[2], 1, -1 do
      out = build(states, node[2][i], out)
    end
    return out
  elseif kind == "either" then
    local ways = {}
    for i, option in ipairs(node[2]) do
      ways[i] = build(states, option, out)
    end
    return add({ ways = ways })
  end
  local item, low, high = node[2], node[3], node[4]
  if not high then
    local loop = add({ ways = { out } })
    states[loop].ways[2] = build(states, item, loop)
    out = loop
  else
    local last = out
    for _ = low + 1, high do
      out = add({ ways = { last, build(states, item, out) } })
    end
  end
  for _ = 1, low do
    out = build(states, item, out)
  end
  return out
end

local function has(ranges, point)
  for i = 1, #ranges do
    if point >= ranges[i][1] and point <= ranges[i][2] then
      return true
    end
  end
  return false
end

--- The set of states reached from some without reading anything; the same set is the same table.
local function set_of(self, starts)
  local seen, list, stack = {}, {}, starts
  while #stack > 0 do
    local id = table.remove(stack)
    if not seen[id] then
      seen[id] = true
      local state = self.states[id]
      if state.ways then
        table.move(state.ways, 1, #state.ways, #stack + 1, stack)
      else
        list[#list + 1] = id
      end
    end
  end
  table.sort(list)
  local key = table.concat(list, " ")
  local set = self.sets[key]
  if not set then
    if self.count >= MAX_SETS then
      self.sets, self.count = {}, 0
    end
    set = { list = list, done = seen[1] or false, next = {}, known = 0 }
    self.sets[key], self.count = set, self.count + 1
  end
  return set
end

local function step(self, set, point)
  local starts = {}
  for _, id in ipairs(set.list) do
    local state = self.states[id]
    if state.ranges and has(state.ranges, point) then
      starts[#starts + 1] = state.out
    end
  end
  local after = set_of(self, starts)
  if set.known < MAX_NEXT then -- of the many characters of the world, only some are kept
    set.next[point], set.known = after, set.known + 1
  end
  return after
end

local function match(self, text)
  local set = self.first
  for _, point in utf8.codes(text) do
    set = set.next[point] or step(self, set, point)
    if set.list[1] == nil then
      return false
    end
  end
  return set.done
end

--- The expression without the anchors that say what is true anyway.
---@param source string
---@return string
function M.bare(source)
  local bare = source:gsub("^%^", "")
  local slashes = bare:match("(\\*)%$$")
  return slashes and #slashes % 2 == 0 and bare:sub(1, -2) or bare
end

--- Compiles an expression.
---@param source string
---@return (fun(text: string): boolean)? matches
---@return string? problem
function M.compile(source)
  local chars = {}
  if not utf8.len(source) then
    return nil, "it is not UTF-8"
  end
  for _, point in utf8.codes(M.bare(source)) do
    chars[#chars + 1] = utf8.char(point)
  end
  local self = { states = { { done = true } }, sets = {}, count = 0 }
  local ok, problem = pcall(function()
    local parser = setmetatable({ chars = chars, at = 1, depth = 0 }, Parser)
    local tree = parser:either()
    if parser:peek() then
      parser:fail("a ) without its (")
    end
    self.first = set_of(self, { build(self.states, tree, 1) })
  end)
  if not ok then
    if type(problem) == "table" and problem.regex then
      return nil, problem.regex
    end
    error(problem, 0)
  end
  return function(text)
    local fine, matched = pcall(match, self, text) -- it raises on what is not UTF-8
    return fine and matched
  end
end

--- The expression in a JSON Schema: anchored, as schemas look for it anywhere in the text.
---@param source string
---@return string
function M.anchored(source)
  local bare = M.bare(source)
  return "^" .. (bare:find("|", 1, true) and "(?:" .. bare .. ")" or bare) .. "$"
end

return M
