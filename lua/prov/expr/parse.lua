--- The grammar of expressions.
--
--   expr     = "if" expr "then" expr "else" expr | any
--   any      = all { "or" all }                 all = one { "and" one }
--   one      = "not" one | joined [ ("==" | "!=" | "<" | "<=" | ">" | ">=") joined ]
--   joined   = sum { ".." sum }                 sum = product { ("+" | "-") product }
--   product  = sign { ("*" | "/" | "//" | "%") sign }          sign = [ "-" ] value
--   value    = ( number | 'text' | "text" | true | false | null | path | name "(" [ expr { "," expr } ] ")"
--            | "(" expr ")" | "[" [ expr { "," expr } ] "]" | "{" [ key "=" expr { "," key "=" expr } ] "}"
--            | "[" each expr "]" | "{" each key "=" expr "}" | "${" expr "}" ) { ".name" | "[" expr "]" }
--   key      = name | "text" | "[" expr "]"
--   each     = "for" name [ "," name ] "in" expr [ "if" expr ] "=>"
--
-- A name may have - in it, so a minus has blanks around it. There is no colon in the language: YAML would read
-- one as a map. A problem is `{ msg, hint?, at }`, where `at` is the position in the text.

local functions = require("prov.expr.functions")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

---@class prov.expr.Node
---@field op string "value", "path", "call", "list", "map", "index", "if", or the operator
---@field at integer where it begins in the text

---@class prov.expr.Language what differs between infra and workflows
---@field path? fun(node: prov.expr.Node): table? problem checks a path when it is read
---@field reference? fun(text: string, at: integer): table?, integer? reads what is not a path: node and next position
---@field status? table<string, boolean> functions that take names in quotes, and are not pure
---@field functions? table<string, prov.Function> those of this language alone
---@field filters? table<string, string> names of functions that may stand behind |, beside those there are

local MAX_DEPTH = 50
local KEYWORDS = { ["if"] = true, ["then"] = true, ["else"] = true, ["and"] = true, ["or"] = true, ["not"] = true,
  ["true"] = true, ["false"] = true, ["null"] = true }
local CONSTANTS = { ["true"] = true, ["false"] = false, ["null"] = value.null }

local function problem(at, hint, fmt, ...)
  return nil, { at = at, hint = hint, msg = fmt:format(...) }
end

--- Reads the `.name`, `[1]` and `["name"]` steps at a position.
---@param text string
---@param at integer
---@return (string|integer)[] path
---@return integer stop behind the last one
function M.steps(text, at)
  local path = {}
  while true do
    local name, stop = text:match("^%.([%w_-]+)()", at)
    if not name then
      name, stop = text:match("^%[%s*(%d+)%s*%]()", at)
      name = math.tointeger(tonumber(name))
    end
    if not name then
      name, stop = text:match('^%["([^"\\]*)"%]()', at)
    end
    if not name then
      name, stop = text:match("^%['([^'\\]*)'%]()", at)
    end
    if not name then
      return path, at
    end
    path[#path + 1] = name
    at = stop
  end
end

local Parser = {}
Parser.__index = Parser

local ESCAPES = { n = "\n", t = "\t", r = "\r", ["0"] = "\0" }

local function read_string(text, at)
  local quote, out, i = text:sub(at, at), {}, at + 1
  while i <= #text do
    local plain = text:match("^[^\\\"']+", i)
    if plain then
      out[#out + 1], i = plain, i + #plain
    else
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

-- What comes next, for messages; the bracket that ends a `${` is no part of it.
function Parser:rest(length)
  local rest = self.text:sub(self.at, self.at + (length or 10) - 1)
  return (rest:gsub("^([^{}]+)}.*$", "%1"))
end

--- Items up to a closing sign; nil and a problem. `one` reads an item.
function Parser:items(close, where, one)
  local out = {}
  while not self:symbol(close) do
    if out[1] and not self:symbol(",") then
      return problem(self.at, nil, "expected , or %s in %s", close, where)
    end
    if not (out[1] and self:symbol(close)) then
      local item, wrong = one(self)
      if not item then
        return nil, wrong
      end
      out[#out + 1] = item
    else
      break
    end
  end
  return out
end

local function status_item(name)
  return function(self)
    self:blank()
    if not self.text:match("^[\"']", self.at) then
      return problem(self.at, nil, "%s takes names of steps in quotes, such as %s('deploy')", name, name)
    end
    local at = self.at
    local step, stop = read_string(self.text, at)
    if not step then
      return nil, stop
    end
    self.at = stop
    return { name = step, at = at }
  end
end

function Parser:call(name, at)
  local status = self.language.status
  if status and status[name] then
    local args, wrong = self:items(")", "the call of " .. name, status_item(name))
    if not args then
      return nil, wrong
    elseif name == "always" and args[1] then
      return problem(at, nil, "always() takes nothing")
    end
    return { op = "call", status = true, name = name, args = args, at = at }
  end
  local fn = functions.LIST[name] or self.language.functions and self.language.functions[name]
  if not fn then
    local names = functions.names()
    for one in pairs(status or {}) do
      names[#names + 1] = one
    end
    for one in pairs(self.language.functions or {}) do
      names[#names + 1] = one
    end
    table.sort(names)
    return problem(at, suggest.hint(name, names) or "there are " .. table.concat(names, ", "),
      "there is no function '%s'", name)
  end
  local args, wrong = self:items(")", "the call of " .. name, self.expr)
  if not args then
    return nil, wrong
  elseif #args < fn.least or not fn.rest and #args > #fn.params then
    return problem(at, nil, "%s takes (%s), not %d values", name, fn.takes, #args)
  end
  return { op = "call", name = name, args = args, at = at }
end

local map_item
map_item = function(self)
  self:blank()
  local at = self.at
  local key, stop = self.text:match("^([%a_][%w_-]*)()", at)
  local shown = key
  if self.text:sub(at, at) == "[" then
    local wrong
    self.at = at + 1
    key, wrong = self:expr()
    if key and not self:symbol("]") then
      return problem(self.at, nil, "the [ at column %d is not closed", at)
    end
    stop, shown = self.at, key and self.text:sub(at, self.at - 1)
    if not key then
      return nil, wrong
    end
  elseif not key and self.text:match("^[\"']", at) then
    key, stop = read_string(self.text, at)
    if not key then
      return nil, stop
    end
    shown = key
  end
  if not key then
    return problem(at, nil, "expected a name before '%s', as in { a = 1 }", self:rest())
  end
  self.at = stop
  if not self:symbol("=") then
    return problem(self.at, nil, "expected = behind '%s', as in { a = 1 }", shown)
  end
  local item, wrong = self:expr()
  if not item then
    return nil, wrong
  end
  return { key, item }
end

--- `for x in list if x.ok =>` and what stands behind it, up to the closing sign.
function Parser:each(close, at)
  local first, second, stop = self.text:match("^%s*([%a_][%w_]*)%s*,%s*([%a_][%w_]*)()", self.at)
  if not first then
    first, stop = self.text:match("^%s*([%a_][%w_]*)()", self.at)
  end
  self.at = stop or self.at
  if not first or not self:word("in") then
    return problem(self.at, "write [for x in list => x.name], or { for key, x in map => [key] = x }", "this is no loop")
  end
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then
    return problem(at, nil, "the expression is nested too deep")
  end
  local node = { op = "for", kind = close == "]" and "list" or "map", first = first, second = second, at = at }
  local wrong
  node.over, wrong = self:expr()
  if not node.over then
    return nil, wrong
  end
  local outer = self.bound
  self.bound = setmetatable({ [first] = true, [second or first] = true }, { __index = outer })
  if self:word("if") then
    node.test, wrong = self:any()
    if not node.test then
      return nil, wrong
    end
  end
  if not self:symbol("=>") then
    return problem(self.at, "write [for x in list => x.name]", "=> is missing")
  end
  if close == "]" then
    node.item, wrong = self:expr()
  else
    local pair
    pair, wrong = map_item(self)
    if pair then
      node.key = type(pair[1]) == "table" and pair[1] or { op = "value", value = pair[1], at = at }
      node.item = pair[2]
    end
  end
  self.bound = outer
  if not node.item then
    return nil, wrong
  elseif not self:symbol(close) then
    return problem(self.at, nil, "expected %s behind the loop", close)
  end
  self.depth = self.depth - 1
  node.text = self.text:sub(at, self.at - 1)
  node.items = { node.over, node.item, node.test or node.key, node.test and node.key }
  return node
end

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
  local whole, stop = text:match("^(%d+)()", at)
  if whole then
    local fraction, after = text:match("^(%.%d+)()", stop)
    local number = whole .. (fraction or "")
    self.at = after or stop
    return { op = "value", value = math.tointeger(tonumber(number)) or tonumber(number), at = at }
  end
end

--- The path at a position.
function Parser:path()
  local text, at = self.text, self.at
  local bound, behind = text:match("^([%a_][%w_]*)()", at)
  if self.bound and self.bound[bound] then -- of a loop
    local path, stop = M.steps(text, behind)
    self.at = stop
    return { op = "local", head = bound, path = path, text = text:sub(at, stop - 1), at = at }
  end
  if self.language.reference then
    local node, stop = self.language.reference(text, at)
    if node then
      node.at, self.at = at, stop
      return node
    elseif stop then
      stop.at = stop.at or at
      return nil, stop
    end
  end
  local head, stop = text:match("^([%a_][%w_-]*)()", at)
  local path
  path, stop = M.steps(text, stop)
  local node = { op = "path", head = head, path = path, text = text:sub(at, stop - 1), at = at }
  local wrong = self.language.path and self.language.path(node)
  if wrong then
    wrong.at = wrong.at or at
    return nil, wrong
  end
  self.at = stop
  return node
end

function Parser:primary()
  self:blank()
  local text, at = self.text, self.at
  if self:symbol("(") then
    local inner, wrong = self:expr()
    if inner and not self:symbol(")") then
      return problem(self.at, nil, "the ( at column %d is not closed", at)
    end
    return inner, wrong
  elseif self:symbol("[") then
    if self:word("for") then
      return self:each("]", at)
    end
    local items, wrong = self:items("]", "the list", self.expr)
    return items and { op = "list", items = items, at = at }, wrong
  elseif self:symbol("{") then
    if self.text:match("^%s*for%s+[%a_]", self.at) and self:word("for") then
      return self:each("}", at)
    end
    local items, wrong = self:items("}", "the map", map_item)
    return items and { op = "map", items = items, at = at }, wrong
  elseif self:symbol("${") then
    local inner, wrong = self:expr()
    if inner and not self:symbol("}") then
      return problem(at, nil, "the closing } is missing")
    end
    return inner, wrong
  end
  local literal, wrong = self:literal()
  if literal or wrong then
    return literal, wrong
  end
  local name, stop = text:match("^([%a_][%w_-]*)()", at)
  if not name then
    local said = { ["!"] = "write not" }
    if at > #text or text:sub(at, at) == "}" then
      return problem(at, nil, "something is missing at the end")
    end
    local hint = text:sub(at - 1, at) == "[*" and "without [*] it is the list of all: server.web.ip"
    return problem(at, hint or said[text:sub(at, at)], "a value is missing before '%s'", self:rest())
  elseif CONSTANTS[name] ~= nil and text:match("^%f[^%w_%.%[-]", stop) then
    self.at = stop
    return { op = "value", value = CONSTANTS[name], at = at }
  elseif text:match("^%s*%(", stop) and not KEYWORDS[name] then
    self.at = text:match("^%s*%(()", stop)
    return self:call(name, at)
  elseif KEYWORDS[name] and text:match("^%f[^%w_%.%[-]", stop) then
    return problem(at, nil, "a value is missing before '%s'", name)
  end
  return self:path()
end

function Parser:value()
  local node, wrong = self:primary()
  while node do
    local text, at = self.text, self.at
    local name, stop = text:match("^%.([%w_-]+)()", at)
    if name then
      self.at = stop
      node = { op = "index", node, { op = "value", value = name, at = at }, at = at }
    elseif text:sub(at, at) == "[" then
      self.at = at + 1
      local key
      key, wrong = self:expr()
      if key and not self:symbol("]") then
        return problem(self.at, nil, "the [ at column %d is not closed", at)
      end
      node = key and { op = "index", node, key, at = at }
    else
      break
    end
  end
  return node, wrong
end

function Parser:sign()
  self:blank()
  local at = self.at
  if self.text:match("^%-[^%-]", at) then
    self.at = at + 1
    local node, wrong = self:value()
    if node and node.op == "value" and type(node.value) == "number" then
      node.value = -node.value
      return node
    end
    return node and { op = "-", { op = "value", value = 0, at = at }, node, at = at }, wrong
  end
  return self:value()
end

local function chain(below, ...)
  local patterns = { ... }
  return function(self)
    local left, wrong = self[below](self)
    while left do
      self:blank()
      local sign
      for _, pattern in ipairs(patterns) do
        sign = sign or self.text:match(pattern, self.at)
      end
      if not sign then
        break
      end
      self.at = self.at + #sign
      local right
      right, wrong = self[below](self)
      left = right and { op = sign, left, right, at = left.at }
    end
    return left, wrong
  end
end

-- In templates %} and -}} close a tag.
Parser.product = chain("sign", "^//?", "^%*", "^(%%)[^}]")
Parser.sum = chain("product", "^%+", "^(%-)[^%%}]")
Parser.joined = chain("sum", "^%.%.")

function Parser:one()
  self:blank()
  local at = self.at
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then
    return problem(at, nil, "the expression is nested too deep")
  end
  local node, wrong
  if self:word("not") then
    node, wrong = self:one()
    node = node and { op = "not", node, at = at }
  else
    node, wrong = self:joined()
    self:blank()
    local sign = node and (self.text:match("^[=!<>]=", self.at) or self.text:match("^[<>=]", self.at))
    if sign == "=" and self.text:find("^=>", self.at) then -- of a loop
      sign = nil
    end
    if sign == "=" then
      return problem(self.at, nil, "= does not compare; write ==")
    elseif sign then
      self.at = self.at + #sign
      local right
      right, wrong = self:joined()
      node = right and { op = sign, node, right, at = at }
    end
  end
  self.depth = self.depth - 1
  return node, wrong
end

local function words(word, below)
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

Parser.all = words("and", "one")
Parser.any = words("or", "all")

function Parser:expr()
  self:blank()
  local at = self.at
  if not self:word("if") then
    return self:any()
  end
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then
    return problem(at, nil, "the expression is nested too deep")
  end
  local node = { op = "if", at = at }
  for i, word in ipairs({ "then", "else", "" }) do
    local part, wrong = self:expr()
    if not part then
      return nil, wrong
    elseif word ~= "" and not self:word(word) then
      return problem(self.at, "write if ... then ... else ...", "'%s' is missing", word)
    end
    node[i] = part
  end
  self.depth = self.depth - 1
  return node
end

local SAID = { ["&&"] = "write and", ["||"] = "write or", ["!"] = "write not",
  ["?"] = "write if ... then ... else ..." }

local function unexpected(parser)
  local rest = parser:rest()
  return problem(parser.at, SAID[rest:sub(1, 2)] or SAID[rest:sub(1, 1)], "'%s' is not expected here", rest)
end

--- Reads a whole text as an expression.
---@param text string
---@param language prov.expr.Language
---@return prov.expr.Node? node
---@return table? problem
function M.parse(text, language)
  local parser = setmetatable({ text = text, at = 1, depth = 0, language = language }, Parser)
  local node, wrong = parser:expr()
  if not node then
    return nil, wrong
  end
  parser:blank()
  if parser.at <= #text then
    return unexpected(parser)
  end
  return node
end

--- Reads the expression at a position up to the } that closes it.
---@return prov.expr.Node? node
---@return integer|table stop behind the }, or a problem
function M.braced(text, at, language)
  local parser = setmetatable({ text = text, at = at, depth = 0, language = language }, Parser)
  local node, wrong = parser:expr()
  if not node then
    return nil, wrong
  end
  if parser:symbol("}") then
    return node, parser.at
  elseif parser.at > #text then
    return problem(at - 2, nil, "the closing } is missing")
  end
  return unexpected(parser)
end

--- Reads the expression at a position, with filters behind it where the language has some: `x | join(", ")` is
-- `join(x, ", ")`.
---@return prov.expr.Node? node
---@return integer|table stop behind it, or a problem
function M.read(text, at, language)
  local parser = setmetatable({ text = text, at = at, depth = 0, language = language }, Parser)
  local node, wrong = parser:expr()
  while node and language.filters and parser:symbol("|") do
    parser:blank()
    local start = parser.at
    local name, stop = text:match("^([%a_][%w_]*)()", start)
    local fn = name and (language.filters[name] or functions.LIST[name] and name)
    if not fn then
      local names = functions.names()
      for one in pairs(language.filters) do
        names[#names + 1] = one
      end
      return problem(start, name and suggest.hint(name, names), "there is no filter '%s'", name or parser:rest())
    end
    parser.at = stop
    local args = {}
    if parser:symbol("(") then
      args, wrong = parser:items(")", "the filter " .. name, parser.expr)
      if not args then
        return nil, wrong
      end
    end
    table.insert(args, 1, node)
    node = { op = "call", name = fn, args = args, at = start }
  end
  if not node then
    return nil, wrong
  end
  return node, parser.at
end

--- The parts of a text with `${` in it: strings and nodes.
---@param text string
---@param language prov.expr.Language
---@return (string|prov.expr.Node)[]? parts
---@return table? problem
function M.split(text, language)
  local parts, n, at = {}, 0, 1
  while true do
    local start = text:find("${", at, true)
    if not start then
      break
    end
    if start > at and text:sub(start - 1, start - 1) == "$" then
      parts[n + 1] = text:sub(at, start - 2) .. "${"
      n, at = n + 1, start + 2
    elseif not text:find("}", start, true) then
      return nil, { at = start, msg = "the closing } is missing", inner = text:sub(start) }
    else
      local node, stop = M.braced(text, start + 2, language)
      if not node then
        stop.inner = text:sub(start, (text:find("}", start, true) or #text))
        return nil, stop
      end
      if start > at then
        n = n + 1
        parts[n] = text:sub(at, start - 1)
      end
      n = n + 1
      parts[n] = node
      node.source = text:sub(start, stop - 1)
      at = stop
    end
  end
  if at <= #text then
    n = n + 1
    parts[n] = text:sub(at)
  end
  return parts
end

--- The nodes right below a node.
---@param node prov.expr.Node
---@return prov.expr.Node[]
function M.below(node)
  if node.op ~= "map" then
    return not node.status and (node.args or node.items) or node
  end
  local out = {}
  for _, pair in ipairs(node.items) do
    out[#out + 1] = pair[2]
    out[#out + 1] = type(pair[1]) == "table" and pair[1] or nil
  end
  return out
end

--- Calls on(node) for every path, reference and call of a status function below a node.
---@param node prov.expr.Node
---@param on fun(node: prov.expr.Node)
function M.walk(node, on)
  local op = node.op
  if op == "path" or op == "ref" or node.status then
    return on(node)
  elseif op == "value" or op == "local" then
    return
  end
  for _, below in ipairs(M.below(node)) do
    M.walk(below, on)
  end
end

return M
