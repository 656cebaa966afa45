--- Terraform's expressions as prov's: texts to stand in ${...}, and whole values of fields.
--
-- Levels of a text: 0 if, 1 or, 2 and, 3 comparison and not, 4 .., 5 + -, 6 * / %, 7 sign, 8 value.

local functions = require("prov.convert.terraform.functions")
local loops = require("prov.convert.terraform.loops")
local roots = require("prov.convert.terraform.references")
local tree = require("prov.convert.tree")
local value = require("prov.value")

local M = {}

local MAX_DEPTH = 60
local MAX_TYPE_DEPTH = 10
local MAX_TEXT = 64 * 1024

---@class prov.convert.Expr
---@field scope prov.convert.Scope
---@field files table<string, true> files that expressions read
local Expr = {}
Expr.__index = Expr

--- A writer of the expressions of a scope.
---@param scope prov.convert.Scope
function M.new(scope)
  return setmetatable({ scope = scope, files = {} }, Expr)
end

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\0"] = "\\0", ["\\"] = "\\\\", ['"'] = '\\"' }

--- A text in quotes, as prov's expressions read it.
---@param text string
---@return string
function Expr.quote(text)
  return '"' .. text:gsub('[\n\t\r%z\\"]', ESCAPES) .. '"'
end

local function lit(v, at)
  return { node = "lit", value = v, at = at }
end

--- Root name and steps of a chain of attributes, keys and splats; nil for other nodes.
local function chain(node)
  local steps = {}
  while node.node == "attr" or node.node == "index" or node.node == "splat" do
    if node.node == "splat" then
      if steps[1] then -- x.*.y[0] is the first of the list; x[*].y[0] is in node.steps
        table.insert(steps, 1, { node = "close" })
      end
      for i = #node.steps, 1, -1 do
        table.insert(steps, 1, node.steps[i])
      end
      table.insert(steps, 1, { node = "splat", at = node.at })
    else
      table.insert(steps, 1, node)
    end
    node = node.of
  end
  if node.node == "paren" then
    node = node.of
  end
  return node, steps
end
M.chain = chain

local function is_count_index(node)
  return node.node == "attr" and node.name == "index" and node.of.node == "var" and node.of.name == "count"
end

--- The node that stands behind a local, as deep as it can be known.
function Expr:reduce(node)
  local root, steps = chain(node)
  if root.node ~= "var" or root.name ~= "local" or not steps[1] or steps[1].node ~= "attr" then
    return node
  end
  local name = steps[1].name
  local at = self.scope.locals[name]
  if not at then
    self.scope:refuse(node, ("there is no local '%s'"):format(name))
  elseif at.input then
    return node
  end
  local now = at.value
  for i = 2, #steps do
    local step, found = steps[i], nil
    local key = step.node == "attr" and step.name or step.node == "index" and step.key.node == "lit" and step.key.value
    for _, item in ipairs(now.node == "object" and now.items or {}) do
      if item.key.node == "lit" and item.key.value == key then
        found = item.value
      end
    end
    if not found then -- the rest stands behind what was found
      for k = i, #steps do
        local copy = {}
        for field, v in pairs(steps[k]) do
          copy[field] = v
        end
        copy.of = now
        if copy.node == "splat" then
          copy.full, copy.steps = true, table.move(steps, k + 1, #steps, 1, {})
          return copy
        end
        now = copy
      end
      return now
    end
    now = found
  end
  return now, name
end

--- number, string, bool, list, map, or nil when only a run would tell.
function Expr:type(node, depth)
  depth = (depth or 0) + 1
  if depth > MAX_TYPE_DEPTH then -- locals in locals, or in a circle
    return nil
  end
  local kind = node.node
  if kind == "lit" then
    return node.value ~= value.null and type(node.value):gsub("boolean", "bool") or nil
  elseif kind == "template" or kind == "tfor" or kind == "tif" then
    return "string"
  elseif kind == "tuple" or kind == "splat" or kind == "for" and node.kind == "tuple" then
    return "list"
  elseif kind == "object" or kind == "for" then
    return "map"
  elseif kind == "binary" then
    return node.sign:match("[+*/%%-]") and "number" or "bool"
  elseif kind == "cond" then
    return self:type(node.yes, depth) or self:type(node.no, depth)
  elseif kind == "call" then
    return ({ length = "number", index = "number", max = "number", min = "number", join = "string", format = "string",
      range = "list", toset = "list", tolist = "list", keys = "list", values = "list", concat = "list",
      flatten = "list", slice = "list", split = "list", merge = "map", tomap = "map", zipmap = "map" })[node.name]
  end
  local root, steps = chain(node)
  if root.node == "var" and root.name == "var" and #steps == 1 then
    local variable = self.scope.variables[steps[1].name]
    return variable and variable.kind
  elseif root.node == "var" and self.scope.bound[root.name] and #steps == 0 then
    return self.scope.bound[root.name].kind
  elseif is_count_index(node) then
    return "number"
  elseif root.node == "var" and root.name == "local" then
    local at = #steps == 1 and self.scope.locals[steps[1].name]
    if at and at.input then
      return at.kind
    end
    local reduced = self:reduce(node)
    return reduced ~= node and self:type(reduced, depth) or nil
  end
end

--- The text of a node, and its level.
---@return string text, integer level
function Expr:text(node)
  local scope = self.scope
  scope.depth = scope.depth + 1
  if scope.depth > MAX_DEPTH then
    scope:refuse(node, "an expression is nested too deep, or locals go round in a circle")
  end
  local write = Expr["on_" .. node.node]
  local text, level = write(self, node)
  scope.depth = scope.depth - 1
  if #text > MAX_TEXT then
    scope:refuse(node, "an expression becomes too long when its locals are put in", "make a variable of a part of it")
  end
  return text, level or 8
end

--- The text for a place that binds as strong as a level.
function Expr:at(node, level)
  local text, own = self:text(node)
  return own < level and "(" .. text .. ")" or text
end

--- A call of one of prov's functions.
function Expr:call(name, ...)
  local args = {}
  for i, arg in ipairs({ ... }) do
    args[i] = type(arg) == "string" and arg or self:at(arg, 0)
  end
  return name .. "(" .. table.concat(args, ", ") .. ")"
end

function Expr:on_lit(node)
  local v = node.value
  if v == value.null then
    return "null"
  elseif type(v) == "string" then
    return Expr.quote(v)
  elseif math.type(v) == "float" then
    local text = ("%.14g"):format(v)
    if text:find("[en]") then
      self.scope:refuse(node, ("the number %s"):format(text), "write it as a value of its own")
    end
    return text, v < 0 and 7 or 8
  end
  return tostring(v), type(v) == "number" and v < 0 and 7 or 8
end

function Expr:on_paren(node)
  return self:text(node.of)
end

function Expr:on_template(node)
  local parts = {}
  for i, part in ipairs(node.parts) do
    parts[i] = type(part) == "string" and Expr.quote(part) or self:at(part, 4)
  end
  if #parts == 1 then
    local is_text = self:type(node.parts[1]) == "string"
    return is_text and parts[1] or "text(" .. parts[1] .. ")", is_text and 4 or 8
  end
  return table.concat(parts, " .. "), 4
end

function Expr:parts(parts, at)
  return #parts == 0 and '""' or self:at(#parts == 1 and type(parts[1]) == "string" and lit(parts[1], at)
    or { node = "template", parts = parts, at = at }, 0)
end

function Expr:on_tif(node)
  return ("if %s then %s else %s"):format(self:at(node.test, 0), self:parts(node.yes, node.at),
    self:parts(node.no or {}, node.at)), 0
end

function Expr:on_tfor(node)
  local list = self:loop({ kind = "tuple", at = node.at, key = node.key, value = node.value, over = node.over },
    function()
      return self:parts(node.body, node.at)
    end)
  return ('join(%s, "")'):format(list)
end

function Expr:on_unary(node)
  if node.sign == "!" then
    return "not " .. self:at(node.arg, 3), 3
  end
  return "-" .. self:at(node.arg, 8), 7
end

local SIGNS = { ["||"] = { "or", 1 }, ["&&"] = { "and", 2 }, ["=="] = { "==", 4 }, ["!="] = { "!=", 4 },
  ["<"] = { "<", 4 }, [">"] = { ">", 4 }, ["<="] = { "<=", 4 }, [">="] = { ">=", 4 },
  ["+"] = { "+", 5 }, ["-"] = { "-", 5 }, ["*"] = { "*", 6 }, ["/"] = { "/", 6 }, ["%"] = { "%", 6 } }

-- count.index is index - 1: numbers beside it are counted together.
local function shifted(node)
  if node.node == "binary" and (node.sign == "+" or node.sign == "-") and node.right.node == "lit"
    and type(node.right.value) == "number" and is_count_index(node.left) then
    return node.sign == "+" and node.right.value - 1 or -node.right.value - 1
  end
  return is_count_index(node) and -1 or nil
end

--- The number of an instance of a count, which begins at 1, and what is added to it.
function Expr:index(shift)
  local name = self.scope.each_as and self.scope.each_as.index or "index"
  if shift == 0 then
    return name, 8
  end
  return ("%s %s %s"):format(name, shift < 0 and "-" or "+", math.abs(shift)), 5
end

function Expr:on_binary(node)
  local shift = shifted(node)
  if shift then
    self:need_count(node)
    return self:index(shift)
  end
  local sign, level = table.unpack(SIGNS[node.sign])
  local strong = level == 4 -- comparisons do not stand beside each other
  return ("%s %s %s"):format(self:at(node.left, level), sign, self:at(node.right, strong and 4 or level + 1)),
    strong and 3 or level
end

function Expr:on_cond(node)
  return ("if %s then %s else %s"):format(self:at(node.test, 1), self:at(node.yes, 0), self:at(node.no, 0)), 0
end

function Expr:on_tuple(node)
  local items = {}
  for i, item in ipairs(node.items) do
    items[i] = self:at(item, 0)
  end
  return "[" .. table.concat(items, ", ") .. "]"
end

function Expr:on_object(node)
  local items = {}
  for i, item in ipairs(node.items) do
    local key
    if item.key.node == "lit" and type(item.key.value) == "string" then
      key = item.key.value:match("^[%a_][%w_-]*$") or Expr.quote(item.key.value)
    else
      key = "[" .. self:at(item.key, 0) .. "]"
    end
    items[i] = key .. " = " .. self:at(item.value, 0)
  end
  return #items == 0 and "{}" or "{ " .. table.concat(items, ", ") .. " }"
end

function Expr:on_call(node)
  local rule = functions.RULES[node.name]
  if not rule then
    self.scope:refuse(node, ("the function %s() has no equal"):format(node.name), functions.todo(node.name))
  elseif node.expand then
    if (node.name == "concat" or node.name == "merge") and #node.args == 1 and node.args[1].node == "tuple" then
      return self:call(node.name, table.unpack(node.args[1].items))
    elseif node.name == "concat" and #node.args == 1 then
      return self:call("flatten", node.args[1])
    elseif (node.name == "max" or node.name == "min") and #node.args == 1 then
      return self:call(node.name, node.args[1])
    end
    self.scope:refuse(node, ("%s() of a list that is spread with ..."):format(node.name), "write the values out")
  elseif #node.args == 0 then
    self.scope:refuse(node, ("%s() of nothing"):format(node.name))
  elseif type(rule) == "string" then
    local regular = node.name == "replace" and node.args[2]
    if regular and not (regular.node == "lit" and type(regular.value) == "string"
      and not regular.value:match("^/.*/$")) then
      self.scope:refuse(node, "replace() with a regular expression", "replace plain texts, one after the other")
    end
    return self:call(rule, table.unpack(node.args))
  end
  return rule(self, node, node.args)
end

function Expr:need_count(node)
  if self.scope.many ~= "count" then
    self.scope:refuse(node, "count.index is only known inside of count")
  end
end

--- A list index: counted from 1 here. Keys of maps stay.
function Expr:key(node)
  local shift = shifted(node)
  if shift then
    self:need_count(node)
    return (self:index(shift + 1))
  end
  local kind = self:type(node)
  if kind == "number" then
    if node.node == "lit" and node.value < 0 then
      self.scope:refuse(node, "an index below 0")
    end
    return (self:at(functions.plus(node, 1), 0))
  elseif kind == nil and not (node.node == "attr" and node.of.node == "var" and node.of.name == "each") then
    self.scope:note(node, "an index that may be a number is kept as it is", "prov counts from 1: add 1 if it is one")
  end
  return (self:at(node, 0))
end

--- `.name` and `[key]` steps behind a text that is a value.
function Expr:steps(text, steps, from, node)
  for i = from, #steps do
    local step = steps[i]
    if step.node == "splat" then
      local close = i + 1
      while steps[close] and steps[close].node ~= "close" do
        close = close + 1
      end
      local inner = self:steps("each_one", table.move(steps, i + 1, close - 1, 1, {}), 1, node)
      text = inner == "each_one" and text or ("[for each_one in %s => %s]"):format(text, inner)
      return self:steps(text, steps, close + 1, node)
    elseif step.node == "close" then
      return self:steps(text, steps, i + 1, node)
    elseif step.node == "attr" then
      text = text .. (step.name:match("^[%w_-]+$") and "." .. step.name or "[" .. Expr.quote(step.name) .. "]")
    else
      text = text .. "[" .. self:key(step.key) .. "]"
    end
  end
  return text
end

loops.install(Expr)

--- A chain of steps from a name.
function Expr:path(node)
  local root, steps = chain(node)
  if root.node ~= "var" then
    return self:steps(self:at(root, 8), steps, 1, node)
  end
  local bound = self.scope.bound[root.name]
  if bound then
    return bound.write(self, steps, node)
  end
  local read = roots.ROOTS[root.name] or roots.resource
  return read(self, node, root, steps)
end

Expr.on_attr, Expr.on_index, Expr.on_splat, Expr.on_var = Expr.path, Expr.path, Expr.path, Expr.path

--- A text in which ${ is no expression.
local function plain(text)
  return (text:gsub("%${", "$${"))
end

--- The value of a field: plain where it can be, else with ${...} in it.
---@return any value as prov.convert.tree has it
function Expr:value(node)
  local scope = self.scope
  local reduced = self:reduce(node)
  if reduced ~= node then
    scope.depth = scope.depth + 1
    if scope.depth > MAX_DEPTH then
      scope:refuse(node, "locals go round in a circle")
    end
    local v = scope:inside_local(node, self.value, self, reduced)
    scope.depth = scope.depth - 1
    return v
  end
  local kind = node.node
  if kind == "lit" then
    return type(node.value) == "string" and plain(node.value) or node.value
  elseif kind == "template" then
    local out = {}
    for i, part in ipairs(node.parts) do
      out[i] = type(part) == "string" and plain(part) or "${" .. self:text(part) .. "}"
    end
    if #out == 1 and self:type(node.parts[1]) ~= "string" then
      return "${text(" .. self:text(node.parts[1]) .. ")}"
    end
    return table.concat(out)
  elseif kind == "tuple" then
    local list = tree.list()
    for i, item in ipairs(node.items) do
      list[i] = self:value(item)
    end
    return list
  elseif kind == "object" then
    local map = tree.map()
    for _, item in ipairs(node.items) do
      if item.key.node ~= "lit" or type(item.key.value) ~= "string" then
        return "${" .. self:text(node) .. "}"
      end
      map:set(item.key.value, self:value(item.value))
    end
    return map
  elseif kind == "call" and (node.name == "toset" or node.name == "tolist" or node.name == "tomap") and #node.args == 1
    and (node.args[1].node == "tuple" or node.args[1].node == "object") then
    return self:value(node.args[1])
  end
  return "${" .. self:text(node) .. "}"
end

return M
