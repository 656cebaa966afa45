--- HCL 2 text as a tree. Every node has `at`, the byte it begins at; prov.convert.hcl makes places of them.
--
-- A body is `{ attributes..., blocks... }` in the order of the text:
--   { node = "attribute", name, value }         { node = "block", type, labels, body }
-- Expressions:
--   lit value (text, number, true, false, null)     template parts (texts, expressions, tif, tfor)
--   var name      attr of, name      index of, key      splat of, full, steps (attr and index with no `of`)
--   unary sign, arg      binary sign, left, right      cond test, yes, no      call name, args, expand
--   tuple items      object items { key, value }      for kind, key, value, over, item, name, test, group

local lexer = require("prov.convert.hcl.lexer")
local texts = require("prov.convert.hcl.text")
local value = require("prov.value")

local M = {}

local MAX_DEPTH = 150

local PRECEDENCE = {
  ["||"] = 1, ["&&"] = 2, ["=="] = 3, ["!="] = 3, ["<"] = 4, [">"] = 4, ["<="] = 4, [">="] = 4,
  ["+"] = 5, ["-"] = 5, ["*"] = 6, ["/"] = 6, ["%"] = 6,
}

local SHOWN = {
  newline = "the end of the line", ["end"] = "the end of the file", quote = "a text", heredoc = "a heredoc",
  unquote = "the end of the text", chars = "text",
}

local Parser = {}
Parser.__index = Parser

-- Problems travel as errors from where they are found to M.parse: a tree is made of many small calls.
local function fail(at, fmt, ...)
  error({ at = at, msg = fmt:format(...) }, 0)
end

local function describe(token)
  if token.kind == "name" or token.kind == "number" then
    return "'" .. token.text .. "'"
  end
  return SHOWN[token.kind] or "'" .. token.kind .. "'"
end

--- The next token; line ends are skipped inside of ( ) and [ ].
function Parser:peek()
  local tokens, i = self.tokens, self.i
  if self.loose > 0 then
    while tokens[i].kind == "newline" do
      i = i + 1
    end
    self.i = i
  end
  return tokens[i]
end

function Parser:next()
  local token = self:peek()
  if token.kind ~= "end" then
    self.i = self.i + 1
  end
  return token
end

function Parser:take(kind)
  local token = self:peek()
  if token.kind == kind then
    self.i = self.i + 1
    return token
  end
end

function Parser:expect(kind, where)
  local token = self:peek()
  if token.kind ~= kind then
    fail(token.at, "expected %s %s, found %s", SHOWN[kind] or "'" .. kind .. "'", where, describe(token))
  end
  self.i = self.i + 1
  return token
end

function Parser:word(word)
  local token = self:peek()
  return token.kind == "name" and token.text == word
end

function Parser:skip_lines()
  while self:take("newline") do
  end
end

--- Runs a reader one level deeper, with line ends significant (strict) or not.
function Parser:within(loose, read, ...)
  local before = self.loose
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then
    fail(self:peek().at, "this is nested deeper than %d levels", MAX_DEPTH)
  end
  self.loose = loose and 1 or 0
  local node = read(self, ...)
  self.loose, self.depth = before, self.depth - 1
  return node
end

texts.install(Parser, fail, describe)

function Parser:object(open)
  local node = { node = "object", at = open.at, items = {} }
  while true do
    self:skip_lines()
    if self:take("}") then
      return node
    end
    local token = self:peek()
    local key
    if token.kind == "name" and self.tokens[self.i + 1].kind:match("^[=:]$") then
      self:next()
      key = { node = "lit", at = token.at, value = token.text }
    else
      key = self:expression()
      if key.node == "var" then -- a name before an = is its own text
        key = { node = "lit", at = key.at, value = key.name }
      end
    end
    self:skip_lines()
    if not self:take("=") and not self:take(":") then
      local found = self:peek()
      fail(found.at, "expected = behind a key, as in { a = 1 }, found %s", describe(found))
    end
    self:skip_lines()
    node.items[#node.items + 1] = { key = key, value = self:expression() }
    if self:peek().kind ~= "}" and not self:take(",") and not self:take("newline") then
      local found = self:peek()
      fail(found.at, "expected a comma, the end of the line or } behind the value, found %s", describe(found))
    end
  end
end

--- `for k, v in x : ...` behind its opening sign.
function Parser:for_expression(open, close)
  local node = { node = "for", at = open.at, kind = close == "]" and "tuple" or "object" }
  self:next()
  node.value = self:expect("name", "behind for").text
  if self:take(",") then
    node.key, node.value = node.value, self:expect("name", "behind the comma").text
  end
  if not self:word("in") then
    fail(self:peek().at, "expected 'in', as in [for x in list : x], found %s", describe(self:peek()))
  end
  self:next()
  node.over = self:expression()
  self:expect(":", "behind the list of a for")
  node.item = self:expression()
  if close == "}" then
    node.name = node.item
    self:expect("=>", "behind the key, as in { for k, v in map : k => v }")
    node.item = self:expression()
    node.group = self:take("...") ~= nil
  end
  if self:word("if") then
    self:next()
    node.test = self:expression()
  end
  self:expect(close, "behind the for")
  return node
end

function Parser:tuple(open)
  local node = { node = "tuple", at = open.at, items = {} }
  while not self:take("]") do
    node.items[#node.items + 1] = self:expression()
    if self:peek().kind ~= "]" then
      self:expect(",", "or ] behind an item of a list")
    end
  end
  return node
end

function Parser:arguments(node)
  while not self:take(")") do
    node.args[#node.args + 1] = self:expression()
    if self:take("...") then
      node.expand = true
    end
    if self:peek().kind ~= ")" then
      self:expect(",", "or ) behind a value of " .. node.name)
    end
  end
  return node
end

--- Whether the word behind an opening sign is a for, past line ends.
function Parser:is_for()
  local i = self.i
  while self.tokens[i].kind == "newline" do
    i = i + 1
  end
  local token, behind = self.tokens[i], self.tokens[i + 1]
  if token.kind == "name" and token.text == "for" and behind.kind == "name" then
    self.i = i
    return true
  end
end

local CONSTANTS = { ["true"] = true, ["false"] = false, ["null"] = value.null }

function Parser:number(token)
  local number = tonumber(token.text)
  if not number or number == math.huge then
    fail(token.at, "the number '%s' is too large", token.text:sub(1, 40))
  end
  return { node = "lit", at = token.at, value = math.tointeger(number) or number }
end

local primaries = {}

function primaries.number(self, token)
  return self:number(token)
end

function primaries.quote(self, token)
  return texts.template(token.at, (self:parts(texts.QUOTED, token)))
end

function primaries.heredoc(self, token)
  if token.flush then
    self:flush(self.i)
  end
  local node = texts.template(token.at, (self:parts(texts.HEREDOC, token)))
  node.heredoc = true
  return node
end

primaries["("] = function(self)
  return self:within(true, function()
    local node = self:expression()
    self:expect(")", "behind the expression")
    return node.node == "var" and { node = "paren", at = node.at, of = node } or node
  end)
end

primaries["["] = function(self, token)
  return self:within(true, function()
    return self:is_for() and self:for_expression(token, "]") or self:tuple(token)
  end)
end

primaries["{"] = function(self, token)
  if self:is_for() then
    return self:within(true, Parser.for_expression, token, "}")
  end
  return self:within(false, Parser.object, token)
end

function primaries.name(self, token)
  local name = token.text
  while self:peek().kind == "::" do -- provider::x::f
    self:next()
    name = name .. "::" .. self:expect("name", "behind ::").text
  end
  if self:take("(") then
    return self:within(true, Parser.arguments, { node = "call", at = token.at, name = name, args = {} })
  end
  local constant = CONSTANTS[name]
  if constant ~= nil then
    return { node = "lit", at = token.at, value = constant }
  end
  return { node = "var", at = token.at, name = name }
end

function Parser:primary()
  local token = self:next()
  local read = primaries[token.kind]
  if not read then
    fail(token.at, "expected a value, found %s", describe(token))
  end
  return read(self, token)
end

--- One step of `.name`, `.0`, `[key]`; nil when none is next. In a splat `of` is left out.
function Parser:step(of)
  local token = self:peek()
  local at = of and of.at or token.at
  if token.kind == "." then
    self:next()
    local name = self:next()
    if name.kind == "name" then
      return { node = "attr", at = at, of = of, name = name.text }
    elseif name.kind == "number" then -- list.0, as it was written long ago; 0.1 is two steps
      local node = of
      for digits in name.text:gmatch("%d+") do
        node = { node = "index", at = at, of = node, key = { node = "lit", at = name.at, value = tonumber(digits) } }
      end
      return node
    elseif name.kind == "*" then
      return { node = "splat", at = at, of = of, full = false, steps = {} }
    end
    fail(name.at, "expected a name behind the dot, found %s", describe(name))
  elseif token.kind == "[" then
    self:next()
    return self:within(true, function()
      if self:peek().kind == "*" then
        self:next()
        self:expect("]", "behind [*")
        return { node = "splat", at = at, of = of, full = true, steps = {} }
      end
      local key = self:expression()
      self:expect("]", "behind the key")
      return { node = "index", at = at, of = of, key = key }
    end)
  end
end

function Parser:postfix()
  local node = self:primary()
  local splat
  while true do
    local before = self:peek()
    if before.kind ~= "." and before.kind ~= "[" then
      return node
    end
    if splat and (splat.full or before.kind == ".") then -- steps of every item
      local step = self:step(nil)
      if step.node == "splat" then
        step.of = node
        node, splat = step, step
      else
        splat.steps[#splat.steps + 1] = step
      end
    else
      node = self:step(node)
      splat = node.node == "splat" and node or nil
    end
  end
end

function Parser:unary()
  local token = self:peek()
  if token.kind == "-" or token.kind == "!" then
    self:next()
    local arg = self:within(self.loose > 0, Parser.unary)
    if token.kind == "-" and arg.node == "lit" and type(arg.value) == "number" then
      return { node = "lit", at = token.at, value = -arg.value }
    end
    return { node = "unary", at = token.at, sign = token.kind, arg = arg }
  end
  return self:postfix()
end

function Parser:binary(least)
  local left = self:unary()
  while true do
    local sign = self:peek().kind
    local level = PRECEDENCE[sign]
    if not level or level < least then
      return left
    end
    self:next()
    left = { node = "binary", at = left.at, sign = sign, left = left, right = self:binary(level + 1) }
  end
end

local function expression(self)
  local test = self:binary(1)
  if not self:take("?") then
    return test
  end
  local yes = self:expression()
  if self.loose == 0 and self:peek().kind == "newline" then
    self:skip_lines()
  end
  self:expect(":", "in a choice, as in a ? b : c")
  return { node = "cond", at = test.at, test = test, yes = yes, no = self:expression() }
end

function Parser:expression()
  return self:within(self.loose > 0, expression)
end

function Parser:label()
  local token = self:next()
  if token.kind == "name" then
    return token.text
  end
  local parts = self:parts(texts.QUOTED, token)
  if #parts > 1 or parts[1] and type(parts[1]) ~= "string" then
    fail(token.at, "a label is a plain text")
  end
  return parts[1] or ""
end

--- An attribute or a block.
function Parser:item()
  local name = self:next()
  if name.kind ~= "name" then
    fail(name.at, "expected the name of an attribute or a block, found %s", describe(name))
  end
  if self:take("=") then
    return { node = "attribute", at = name.at, name = name.text, value = self:expression() }
  end
  local node = { node = "block", at = name.at, type = name.text, labels = {} }
  while self:peek().kind == "name" or self:peek().kind == "quote" do
    node.labels[#node.labels + 1] = self:label()
  end
  local open = self:peek()
  if open.kind ~= "{" then
    fail(open.at, "expected = or { behind '%s', found %s", name.text, describe(open))
  end
  self:next()
  node.body = self:within(false, Parser.body, open)
  return node
end

--- The items of a block (open: its brace) or of a file.
function Parser:body(open)
  local body, seen = { at = open and open.at or 1 }, {}
  while true do
    self:skip_lines()
    local token = self:peek()
    if token.kind == "end" and not open or open and token.kind == "}" then
      body.stop = token.at
      self:next()
      return body
    end
    local item = self:item()
    if item.node == "attribute" then
      if seen[item.name] then
        fail(item.at, "'%s' is set twice in the same block", item.name)
      end
      seen[item.name] = true
    end
    body[#body + 1] = item
    local behind = self:peek()
    item.stop = behind.at - 1
    if behind.kind ~= "newline" and behind.kind ~= "end" and not (open and behind.kind == "}") then
      fail(behind.at, "expected the end of the line behind '%s', found %s", item.name or item.type, describe(behind))
    end
  end
end

local function run(text, is_template, read)
  local tokens, comments = lexer.read(text, is_template)
  if not tokens then
    return nil, comments
  end
  local self = setmetatable({ tokens = tokens, i = 1, loose = 0, depth = 0 }, Parser)
  local ok, tree = pcall(read, self)
  if not ok then
    if type(tree) ~= "table" or not tree.at then
      error(tree, 0) -- a bug, not a mistake of the text
    end
    return nil, tree
  end
  return tree, comments
end

--- Reads a whole file.
---@param text string
---@return table? body
---@return { at: integer, text: string }[]|{ at: integer, msg: string } comments, or the problem
function M.parse(text)
  return run(text, false, function(self)
    return self:body(nil)
  end)
end

--- Reads a text with `${` in it, as the JSON form has them.
---@param text string
---@return table? expression
---@return table problem
function M.template(text)
  return run(text, true, function(self)
    return texts.template(1, (self:parts(texts.WHOLE, { at = 1 })))
  end)
end

return M
