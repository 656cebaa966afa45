--- The two small languages of workflows: `${...}` in texts, and conditions.
--
-- A path is `inputs.region`, `steps.deploy.outputs.ip`, `matrix.size`, `run.id`, `steps.web[1].status`:
-- the same steps as in references of an infra. A condition is
--
--   condition  = all { "or" all }
--   all        = one { "and" one }
--   one        = "not" one | value [ ("==" | "!=" | "<" | "<=" | ">" | ">=") value ]
--   value      = number | 'text' | "text" | true | false | null | path | "${" path "}"
--              | ("succeeded" | "failed" | "skipped" | "always") "(" [ 'step' { "," 'step' } ] ")"
--              | "(" condition ")"
--
-- A problem is `{ msg, hint?, at }`, where `at` is the position in the text.

local interpolate = require("prov.infra.interpolate")
local json = require("prov.json")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

---@class prov.flow.Path
---@field op "path"
---@field head string "inputs", "steps", ...
---@field path (string|integer)[]
---@field text string as it was written
---@field at integer

--- What a path may begin with.
M.HEADS = { "inputs", "steps", "matrix", "run", "result", "before" }
--- Functions of conditions that ask how steps ended: one that uses them is asked whatever happened.
M.STATUS = { succeeded = true, failed = true, skipped = true, always = true }

local MAX_DEPTH = 50
local heads = {}
for _, head in ipairs(M.HEADS) do
  heads[head] = true
end

local function problem(at, hint, fmt, ...)
  return nil, { at = at, hint = hint, msg = fmt:format(...) }
end

--- The path at a position.
local function read_path(text, at)
  local head, stop = text:match("^([%a_][%w_-]*)()", at)
  if not head then
    return nil
  end
  local path
  path, stop = interpolate.steps(text, stop)
  local node = { op = "path", head = head, path = path, text = text:sub(at, stop - 1), at = at }
  if not heads[head] then
    local hint = suggest.hint(head, M.HEADS) or "a path begins with " .. table.concat(M.HEADS, ", ")
    return problem(at, hint, "there is no '%s' here", head)
  elseif head == "steps" and type(path[1]) ~= "string" then
    return problem(at, nil, "'%s' names no step, as in steps.deploy.outputs.ip", node.text)
  end
  return node, stop
end

--- What stands in `${...}`.
local function in_braces(inner, at)
  local lead = #inner:match("^%s*")
  local node, stop = read_path(inner, lead + 1)
  if not node and stop then
    stop.at = at + stop.at - 1
    return nil, stop
  elseif not node or inner:find("%S", stop) then
    return problem(at + lead, "write $${ for a plain ${", "'${%s}' is no path such as ${inputs.region}", inner)
  end
  node.at = at + lead
  return node
end

local prepared, n_prepared = {}, 0

--- The parts of a text: strings and paths.
---@param text string
---@return (string|prov.flow.Path)[]? parts
---@return table? problem
function M.template(text)
  local known = prepared[text]
  if not known then
    local parts, wrong = interpolate.split(text, in_braces)
    if wrong then
      wrong.at = wrong.at or 1
    end
    known = { parts, wrong }
    if n_prepared > 2000 then
      prepared, n_prepared = {}, 0
    end
    prepared[text], n_prepared = known, n_prepared + 1
  end
  return known[1], known[2]
end

-- Conditions ------------------------------------------------------------------------------------

local Parser = {}
Parser.__index = Parser

local ESCAPES = { n = "\n", t = "\t" }

local function read_string(text, at)
  local quote, out, i = text:sub(at, at), {}, at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == quote then
      return table.concat(out), i + 1
    elseif c == "\\" then
      i = i + 1
      c = text:sub(i, i)
      c = ESCAPES[c] or c
    end
    out[#out + 1] = c
    i = i + 1
  end
  return problem(at, nil, "the text that begins here has no closing %s", quote)
end

function Parser:blank()
  self.at = self.text:match("^%s*()", self.at)
end

--- Takes a word such as "and" when it is next.
function Parser:word(word)
  self:blank()
  local stop = self.text:match("^" .. word .. "()%f[^%w_-]", self.at)
  if stop then
    self.at = stop
  end
  return stop
end

function Parser:symbol(symbol)
  self:blank()
  if self.text:sub(self.at, self.at + #symbol - 1) == symbol then
    self.at = self.at + #symbol
    return true
  end
end

function Parser:call(name, at)
  local node = { op = "call", name = name, args = {}, at = at }
  while not self:symbol(")") do
    if node.args[1] and not self:symbol(",") then
      return problem(self.at, nil, "expected , or ) in the call of %s", name)
    end
    self:blank()
    if not self.text:match("^[\"']", self.at) then
      return problem(self.at, nil, "%s takes names of steps in quotes, such as %s('deploy')", name, name)
    end
    local step, stop = read_string(self.text, self.at)
    if not step then
      return nil, stop
    end
    node.args[#node.args + 1] = { name = step, at = self.at }
    self.at = stop
  end
  if name == "always" and node.args[1] then
    return problem(at, nil, "always() takes nothing")
  end
  return node
end

local WORDS = { ["true"] = { true }, ["false"] = { false }, ["null"] = {} }

--- A number or a text, when one is next.
function Parser:literal()
  local text, at = self.text, self.at
  if text:match("^[\"']", at) then
    local read, stop = read_string(text, at)
    if not read then
      return nil, stop
    end
    self.at = stop
    return { op = "value", value = read, at = at }
  end
  local number, stop = text:match("^(%-?%d+%.?%d*)()", at)
  if number then
    self.at = stop
    return { op = "value", value = math.tointeger(tonumber(number)) or tonumber(number), at = at }
  end
end

function Parser:value()
  self:blank()
  local text, at = self.text, self.at
  if self:symbol("(") then
    local inner, wrong = self:condition()
    if inner and not self:symbol(")") then
      return problem(self.at, nil, "the ( at column %d is not closed", at)
    end
    return inner, wrong
  end
  local literal, wrong = self:literal()
  if literal or wrong then
    return literal, wrong
  end
  local inner = text:match("^%${([^}]*)}", at)
  if inner then
    self.at = at + #inner + 3
    return in_braces(inner, at + 2)
  end
  local name, stop = text:match("^([%a_][%w_]*)()", at)
  if not name then
    return problem(at, nil, at > #text and "something is missing at the end" or "a value is missing before '%s'",
      text:sub(at, at + 9))
  elseif WORDS[name] and text:match("^%f[^%w_%.%[-]", stop) then
    self.at = stop
    return { op = "value", value = WORDS[name][1], at = at }
  elseif text:match("^%s*%(", stop) then
    self.at = text:match("^%s*%(()", stop)
    if not M.STATUS[name] then
      local names = { "succeeded", "failed", "skipped", "always" }
      return problem(at, suggest.hint(name, names) or "there are " .. table.concat(names, ", "),
        "there is no function '%s'", name)
    end
    return self:call(name, at)
  end
  local node, after = read_path(text, at)
  if not node then
    return nil, after
  end
  self.at = after
  return node
end

function Parser:one()
  self:blank()
  local at = self.at
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then
    return problem(at, nil, "the condition is nested too deep")
  end
  local node, wrong
  if self:word("not") then
    node, wrong = self:one()
    node = node and { op = "not", node, at = at }
  else
    node, wrong = self:value()
    self:blank()
    local sign = node and (self.text:match("^[=!<>]=", self.at) or self.text:match("^[<>=]", self.at))
    if sign == "=" then
      return problem(self.at, nil, "= does not compare; write ==")
    elseif sign then
      self.at = self.at + #sign
      local right
      right, wrong = self:value()
      node = right and { op = sign, node, right, at = at }
    end
  end
  self.depth = self.depth - 1
  return node, wrong
end

local function chain(word, below)
  return function(self)
    local left, wrong = self[below](self)
    while left and self:word(word) do
      local right
      right, wrong = self[below](self)
      left = right and { op = word, left, right, at = left.at }
    end
    return left, wrong
  end
end

Parser.all = chain("and", "one")
Parser.condition = chain("or", "all")

--- Reads a condition.
---@param text string
---@return table? node
---@return table? problem
function M.condition(text)
  local parser = setmetatable({ text = text, at = 1, depth = 0 }, Parser)
  local node, wrong = parser:condition()
  if not node then
    return nil, wrong
  end
  parser:blank()
  if parser.at <= #text then
    local rest = text:sub(parser.at, parser.at + 9)
    local said = { ["&&"] = "write and", ["||"] = "write or", ["!"] = "write not" }
    return problem(parser.at, said[rest:sub(1, 2)] or said[rest:sub(1, 1)], "'%s' is not expected here", rest)
  end
  return node
end

-- Walking ---------------------------------------------------------------------------------------

--- Calls on(node) for every path and call below a node of a condition.
---@param node table
---@param on fun(node: table)
function M.walk(node, on)
  if node.op == "path" or node.op == "call" then
    return on(node)
  end
  for _, below in ipairs(node) do
    M.walk(below, on)
  end
end

--- True when a condition asks how steps ended.
---@param node table
---@return boolean
function M.asks_status(node)
  local found = false
  M.walk(node, function(one)
    found = found or one.op == "call" or one.head == "steps" and one.path[2] == "status"
  end)
  return found
end

--- Calls on(node, path) for every `${...}` in a value, wrong(problem, path, text) for what cannot be read.
---@param v any
---@param on fun(node: prov.flow.Path, path: any[], text: string)
---@param wrong fun(problem: table, path: any[], text: string)
---@param path? any[]
function M.scan(v, on, wrong, path)
  path = path or {}
  if type(v) == "string" and v:find("${", 1, true) then
    local parts, bad = M.template(v)
    if bad then
      wrong(bad, path, v)
    end
    for _, part in ipairs(parts or {}) do
      if type(part) == "table" then
        on(part, path, v)
      end
    end
  elseif type(v) == "table" and not value.is_marked(v) then
    for key, one in pairs(v) do
      local below = table.move(path, 1, #path, 1, {})
      below[#below + 1] = key
      M.scan(one, on, wrong, below)
    end
  end
end

-- Values ----------------------------------------------------------------------------------------

local function is_scalar(v)
  return type(v) ~= "table" or value.is_marked(v)
end

--- A value inside of a text.
local function text_of(v)
  if is_scalar(v) then
    return tostring(v)
  end
  if value.is_list(v) then
    local items = {}
    for i, one in ipairs(v) do
      items[i] = is_scalar(one) and tostring(one) or json.encode(one)
    end
    return table.concat(items, ",")
  end
  return json.encode(v)
end

local function fill_text(text, lookup)
  local parts, bad = M.template(text)
  if not parts then
    return nil, bad
  end
  local values, secret, unknown = {}, false, false
  for i, part in ipairs(parts) do
    local v = part
    if type(part) == "table" then
      v, bad = lookup(part)
      if bad then
        return nil, bad
      elseif #parts == 1 then
        return v == nil and value.null or v
      elseif v == nil or v == value.null then
        return problem(part.at, nil, "there is no value at ${%s}", part.text)
      end
    end
    secret = secret or value.has_secret(v)
    unknown = unknown or value.has_unknown(v)
    values[i] = v
  end
  if unknown then
    return value.unknown("string")
  end
  for i, v in ipairs(values) do
    values[i] = text_of(secret and value.reveal(v) or v)
  end
  local joined = table.concat(values)
  return secret and value.secret(joined) or joined
end

--- The value with every `${...}` replaced; a whole text that is one path keeps the type of its value, and
-- what is not there is null.
---@param v any
---@param lookup fun(node: prov.flow.Path): any, table?
---@return any value
---@return table? problem
function M.fill(v, lookup)
  if type(v) == "string" then
    if not v:find("${", 1, true) then
      return v
    end
    return fill_text(v, lookup)
  elseif type(v) ~= "table" or value.is_marked(v) then
    return v
  end
  local out = setmetatable({}, getmetatable(v))
  for key, one in pairs(v) do
    local filled, bad = M.fill(one, lookup)
    if bad then
      return nil, bad
    end
    out[key] = filled
  end
  return out
end

local function bare(v)
  if value.is_secret(v) then
    v = v[1]
  end
  if v ~= value.null then
    return v
  end
end

local COMPARE = {
  ["=="] = function(a, b)
    return a == b
  end,
  ["!="] = function(a, b)
    return a ~= b
  end,
  ["<"] = function(a, b)
    return a < b
  end,
  ["<="] = function(a, b)
    return a <= b
  end,
  [">"] = function(a, b)
    return a > b
  end,
  [">="] = function(a, b)
    return a >= b
  end,
}

local evaluate

local function compare(node, env)
  local a, bad = evaluate(node[1], env)
  if bad then
    return nil, bad
  end
  local b
  b, bad = evaluate(node[2], env)
  if bad then
    return nil, bad
  end
  local ordered = node.op:match("^[<>]")
  if type(a) == "table" or type(b) == "table" then
    return problem(node.at, nil, "a list or map cannot be compared")
  elseif ordered and (type(a) ~= type(b) or type(a) ~= "number" and type(a) ~= "string") then
    return problem(node.at, nil, "%s %s %s cannot be answered: two numbers or two texts are compared",
      tostring(a), node.op, tostring(b))
  end
  return COMPARE[node.op](a, b)
end

function evaluate(node, env)
  local op = node.op
  if op == "value" then
    return node.value
  elseif op == "path" then
    local v, bad = env.lookup(node)
    return bare(v), bad
  elseif op == "call" then
    return env.call(node)
  elseif op == "not" or op == "and" or op == "or" then
    local left, bad = evaluate(node[1], env)
    if bad then
      return nil, bad
    elseif op == "not" then
      return not left
    elseif (op == "and") == not left then
      return left
    end
    return evaluate(node[2], env)
  end
  return compare(node, env)
end

--- Answers a condition: everything but false and null holds.
---@param node table
---@param env { lookup: fun(node: table): any, call: fun(node: table): boolean }
---@return boolean? holds
---@return table? problem
function M.holds(node, env)
  local v, bad = evaluate(node, env)
  if bad then
    return nil, bad
  end
  return v ~= nil and v ~= false
end

return M
