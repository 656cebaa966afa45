--- Templates: text with `{{ expression }}`, filters, conditions and loops; one engine for files on hosts and for infra.
--
--   {{ server.name }}  {{ items | join(", ") }}  {{ x | default("none") }}    an expression of prov.expr, and filters:
--                                                                              functions that get the value first
--   {% if a == 1 %} {% elif b %} {% else %} {% endif %}
--   {% for x in list %} {{ loop.index }} {% else %} {% endfor %}   {% for key, v in map %}   {% set n = 1 + 1 %}
--   {% raw %} {{ as it is }} {% endraw %}   {{! a comment }}
--   {{# list }} {{ . }} {{/ list }}   {{^ name }} ... {{/ name }}                sections: repeated, or shown when true
--
-- A tag of the second kind alone on its line takes the line with it; `{%-` and `-%}` (and `{{-`, `-}}`) take blanks
-- and line ends around them. A name without a value is an error. What is put in is escaped for its target: "shell",
-- "yaml", "json" or "none"; `| raw` puts a value in as it is.

local err = require("prov.err")
local expr = require("prov.expr")
local functions = require("prov.expr.functions")
local quotes = require("prov.template_quotes")
local settings = require("prov.settings")
local value = require("prov.value")

local M = {}


local LANGUAGE = { filters = { default = "coalesce", raw = "raw", sh = "sh", quote = "sh" } }

local function fail(line, hint, fmt, ...)
  error(err.new("invalid", ("template line %d: "):format(line) .. fmt:format(...), { hint = hint }), 0)
end

local function count_lines(text)
  return select(2, text:gsub("\n", ""))
end

local Parser = {}
Parser.__index = Parser

function Parser:line(at)
  return 1 + count_lines(self.source:sub(1, at - 1))
end

--- The expression at a position and where it stops.
function Parser:expression(at)
  local node, stop = expr.read(self.source, at, LANGUAGE)
  if not node then
    fail(self:line(at), stop.hint, "%s", stop.msg)
  end
  return node, stop
end

--- Expects the end of a tag; the position behind it, and whether blanks go with it.
function Parser:close(at, sign)
  local trim, stop = self.source:match("^%s*(%-?)" .. sign .. "()", at)
  if not stop then
    local rest = self.source:match("^%s*([^\n]*)", at):sub(1, 20)
    fail(self:line(at), nil, "'%s' is not expected here", rest)
  end
  return stop, trim == "-"
end

--- Takes the blanks of a line in front of a tag that is alone on it, and says whether it is.
local function alone(source, from, to)
  local before = source:sub(1, from - 1):match("([^\n]*)$")
  return before:match("^[ \t]*$") ~= nil and (source:match("^[ \t]*\n()", to) or source:match("^[ \t]*()$", to))
end

function Parser:text(from, to)
  if to >= from then
    local node = self.node
    node[#node + 1] = self.source:sub(from, to)
  end
end

function Parser:push(child)
  if #self.stack >= self.depth then
    fail(child.line, nil, "nested too deep")
  end
  local node = self.node
  node[#node + 1] = child
  self.stack[#self.stack + 1] = node
  self.node = child
end

function Parser:pop(line, op, word)
  local node = self.node
  if node.op ~= op then
    fail(line, nil, "{%% %s %%} closes nothing", word)
  end
  self.node = table.remove(self.stack)
  return node
end

local BLOCKS = {}

BLOCKS["if"] = function(self, at, line)
  local node, stop = self:expression(at)
  self:push({ op = "if", line = line, branches = {} })
  self.node.branches[1] = { test = node, line = line }
  self.node, self.stack[#self.stack + 1] = self.node.branches[1], self.node
  return stop
end

--- The `if` or `for` that a branch stands in.
function Parser:branch(line, word, ops)
  local owner = self.stack[#self.stack]
  if not owner or not ops[owner.op] then
    fail(line, nil, "{%% %s %%} without an if", word)
  end
  return owner
end

function BLOCKS.elif(self, at, line)
  local owner = self:branch(line, "elif", { ["if"] = true })
  local node, stop = self:expression(at)
  local branch = { test = node, line = line }
  owner.branches[#owner.branches + 1] = branch
  self.node = branch
  return stop
end

BLOCKS["else"] = function(self, at, line)
  local owner = self:branch(line, "else", { ["if"] = true, ["for"] = true })
  local branch = { line = line }
  if owner.op == "if" then
    owner.branches[#owner.branches + 1] = branch
  else
    owner.empty = branch
  end
  self.node = branch
  return at
end

function BLOCKS.endif(self, at, line)
  self.node = table.remove(self.stack) or self.node
  self:pop(line, "if", "endif")
  return at
end

BLOCKS["for"] = function(self, at, line)
  local first, second, stop = self.source:match("^%s+([%a_][%w_]*)%s*,%s*([%a_][%w_]*)%s+in()%f[%s]", at)
  if not first then
    first, stop = self.source:match("^%s+([%a_][%w_]*)%s+in()%f[%s]", at)
    second = nil
  end
  if not first then
    fail(line, "{% for x in list %}, or {% for key, value in map %}", "this is no loop")
  end
  local node, after = self:expression(stop)
  self:push({ op = "for", line = line, first = first, second = second, over = node, body = {} })
  self.node, self.stack[#self.stack + 1] = self.node.body, self.node
  return after
end

function BLOCKS.endfor(self, at, line)
  self.node = table.remove(self.stack) or self.node
  self:pop(line, "for", "endfor")
  return at
end

function BLOCKS.set(self, at, line)
  local name, stop = self.source:match("^%s+([%a_][%w_]*)%s*=()", at)
  if not name then
    fail(line, "{% set name = value %}", "set takes a name and a value")
  end
  local node, after = self:expression(stop)
  self.node[#self.node + 1] = { op = "set", name = name, value = node, line = line }
  return after
end

function Parser:block(from)
  local source, line = self.source, self:line(from)
  local trim, word, at = source:match("^{%%(%-?)%s*(%a+)()", from)
  if not word then
    fail(line, "put it between {% raw %} and {% endraw %} when it is meant so", "'{%%' without a word")
  elseif word == "raw" then
    local stop = self:close(at, "%%}")
    local last, after = source:match("(){%%%-?%s*endraw%s*%-?%%}()", stop)
    if not last then
      fail(line, nil, "{%% raw %%} is not closed")
    end
    self:text(stop, last - 1)
    return after
  elseif not BLOCKS[word] then
    local names = require("core.data").keys(BLOCKS)
    fail(line, require("prov.suggest").hint(word, names) or "there are " .. table.concat(names, ", ") .. ", raw",
      "there is no {%% %s %%}", word)
  end
  local stop = BLOCKS[word](self, at, line)
  local trim_after
  stop, trim_after = self:close(stop, "%%}")
  return stop, trim == "-", trim_after
end

--- The path that a name with dots is.
function Parser:path(name)
  local head, rest = name:match("^([^.]+)(.*)$")
  local path = {}
  for key in (rest or ""):gmatch("[^.]+") do
    path[#path + 1] = key
  end
  return { op = "path", head = head, path = path, text = name, at = 1 }
end

function Parser:section(kind, name, line)
  if kind == "/" then
    if self.node.op ~= "section" or self.node.name ~= name then
      fail(line, nil, "{{/ %s }} closes nothing", name)
    end
    self.node = table.remove(self.stack)
  else
    local path = name == "." and { op = "value", value = true } or self:path(name)
    self:push({ op = "section", kind = kind, name = name, line = line, path = path })
  end
end

--- Takes the blanks at the end of the text in front of a tag.
local function trim_back(node, at, all)
  local last = node[at]
  if type(last) == "string" then
    node[at] = last:gsub(all and "%s+$" or "[ \t]+$", "")
  end
end

function Parser:run()
  local source, at = self.source, 1
  while true do
    local from = source:find("{[{%%]", at)
    if not from then
      break
    end
    self:text(at, from - 1)
    local front, front_at = self.node, #self.node
    local kind, name, stop = source:match("^{{([#^/])%s*([%w_.-]+)%s*}}()", from)
    local trim, trim_after
    if source:sub(from, from + 1) == "{%" then
      stop, trim, trim_after = self:block(from)
    elseif kind then
      self:section(kind, name, self:line(from))
    elseif source:match("^{{!", from) then
      kind, stop = "!", source:match("^{{!.-}}()", from)
      if not stop then
        fail(self:line(from), nil, "{{! is not closed")
      end
    else
      local line = self:line(from)
      trim = source:match("^{{(%-?)", from) == "-"
      local start = from + (trim and 3 or 2)
      if source:match("^%s*%.%s*%-?}}", start) then
        local after = source:match("^%s*%.()", start)
        self.node[#self.node + 1] = { op = "item", line = line }
        stop, trim_after = self:close(after, "}}")
      else
        if not source:find("}}", start, true) then
          fail(line, nil, "'{{' without a name and '}}'")
        end
        local node, after = self:expression(start)
        self.node[#self.node + 1] = { op = "value", value = node, line = line,
          text = source:sub(start, after - 1):match("^%s*(.-)%s*$") }
        stop, trim_after = self:close(after, "}}")
      end
    end
    if trim then
      trim_back(front, front_at, true)
    elseif (kind or source:sub(from + 1, from + 1) == "%") and not trim_after then
      local after = alone(source, from, stop)
      if after then
        trim_back(front, front_at, false)
        stop = after
      end
    end
    at = trim_after and source:match("^%s*()", stop) or stop
  end
  self:text(at, #source)
  if #self.stack > 0 then
    local open = self.node.op == "section" and self.node or self.stack[#self.stack]
    if open.op == "section" then
      fail(open.line, nil, "{{%s %s }} is not closed", open.kind, open.name)
    end
    fail(open.line, nil, "{%% %s %%} is not closed", open.op)
  end
  return self.root
end

local parsed, n_parsed = {}, 0

--- The template as a tree; raises an err.
local function parse(source)
  local known = parsed[source]
  if not known then
    local root = {}
    known = setmetatable({ source = source, root = root, node = root, stack = {},
      depth = settings.template.depth }, Parser):run()
    if n_parsed > 200 then
      parsed, n_parsed = {}, 0
    end
    parsed[source], n_parsed = known, n_parsed + 1
  end
  return known
end

-- Escapes ----------------------------------------------------------------------------------------

local function shell(text)
  if text:match("^[%w_./:@%%+=,-]+$") then
    return text
  end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local YAML_WORDS = { ["true"] = true, ["false"] = true, null = true, yes = true, no = true, on = true, off = true,
  y = true, n = true }

local function yaml(v)
  if type(v) == "string" and v:match("^[%a_/][%w_./-]*$") and not YAML_WORDS[v:lower()] then
    return v
  end
  local text = quotes.json(v)
  return type(v) == "number" and text:gsub("^(%-?%d+)e", "%1.0e") or text -- older YAML wants the point
end

--- How a value is put in for each target.
M.ESCAPES = {
  none = functions.text_of,
  shell = function(v)
    if type(v) == "table" and value.is_list(v) then
      local out = {}
      for i, one in ipairs(v) do
        out[i] = shell(functions.text_of(one))
      end
      return table.concat(out, " ")
    end
    return shell(functions.text_of(v))
  end,
  yaml = yaml,
  json = quotes.json,
}

local BY_ENDING = { sh = "shell", bash = "shell", yaml = "yaml", yml = "yaml", json = "json" }

--- The target that the name of a template says: `run.sh.tmpl` is for the shell.
---@param name string
---@return "none"|"shell"|"yaml"|"json"
function M.target_of(name)
  local ending = name:gsub("%.tmpl$", ""):gsub("%.j2$", ""):gsub("%.tpl$", ""):match("%.(%w+)$")
  return BY_ENDING[ending] or "none"
end

-- Rendering --------------------------------------------------------------------------------------

local raw_mt = {} -- of what is put in as it is

local SPECIAL = {
  raw = function(v)
    return setmetatable({ functions.text_of(v) }, raw_mt)
  end,
  sh = function(v)
    return setmetatable({ M.ESCAPES.shell(v) }, raw_mt)
  end,
}

local Renderer = {}
Renderer.__index = Renderer

local function look(scopes, name)
  for i = #scopes, 1, -1 do
    local scope = scopes[i]
    if type(scope) == "table" and scope[name] ~= nil then
      return scope[name]
    end
  end
end

function Renderer:evaluate(node, line)
  local v, wrong = expr.evaluate(node, {
    functions = SPECIAL,
    lookup = function(path)
      local found = look(self.scopes, path.head)
      for _, key in ipairs(path.path) do
        if value.is_secret(found) then
          found = found[1]
        end
        if type(found) == "table" then
          local at = found[key]
          found = at == nil and found[math.tointeger(tonumber(key))] or at
        else
          found = nil
        end
      end
      return found
    end,
  })
  if wrong then
    fail(line, wrong.hint, "%s", wrong.msg)
  end
  return v
end

function Renderer:put(text)
  local out = self.out
  out[#out + 1] = text
  self.size = self.size + #text
  if self.quotes then
    self.quotes:feed(text)
  end
  if self.size > self.most then
    fail(1, nil, "the result is too large")
  end
end

function Renderer:value(v, line, name)
  if v == nil or v == value.null then
    fail(line, "{{ " .. name .. ' | default("") }} puts in nothing', "'%s' has no value", name)
  end
  if getmetatable(v) == raw_mt then
    return self:put(v[1])
  end
  if value.is_secret(v) then
    v = value.reveal(v)
  end
  if type(v) == "table" and self.escape == M.ESCAPES.none then
    fail(line, "{{ " .. name .. " | join(', ') }}, or | json", "'%s' is a list or map", name)
  end
  if self.escape == M.ESCAPES.shell and functions.text_of(v):find("\0", 1, true) then
    fail(line, nil, "'%s' has a byte 0, which the shell cannot hold", name)
  end
  local ok, inside = pcall(function()
    return self.quotes and self.quotes:quote(functions.text_of(v))
  end)
  if not ok then
    fail(line, inside.hint, "'%s': %s", name, inside.msg)
  end
  self:put(inside or self.escape(v))
end

local ops = {}

function Renderer:nodes(list, scope)
  local scopes = self.scopes
  if scope ~= nil then
    scopes[#scopes + 1] = scope
  end
  for _, node in ipairs(list) do
    if type(node) == "string" then
      self:put(node)
    else
      ops[node.op](self, node)
    end
  end
  if scope ~= nil then
    scopes[#scopes] = nil
  end
end

function ops.value(self, node)
  self:value(self:evaluate(node.value, node.line), node.line, node.text)
end

function ops.item(self, node)
  self:value(self.scopes[#self.scopes], node.line, ".")
end

function ops.set(self, node)
  local v = self:evaluate(node.value, node.line)
  for i = #self.scopes, 1, -1 do
    if self.scopes[i] == self.own or type(self.scopes[i]) == "table" and self.scopes[i].loop then
      self.scopes[i][node.name] = v
      return
    end
  end
end

ops["if"] = function(self, node)
  for _, branch in ipairs(node.branches) do
    local v = true
    if branch.test then
      v = self:evaluate(branch.test, branch.line)
      if value.is_secret(v) then
        v = v[1]
      end
      v = functions.truth(v) and not (type(v) == "table" and next(v) == nil)
    end
    if v then
      return self:nodes(branch)
    end
  end
end

ops["for"] = function(self, node)
  local over = self:evaluate(node.over, node.line)
  if value.is_secret(over) then
    over = over[1]
  end
  if over == nil or over == value.null then
    over = {}
  elseif type(over) ~= "table" then
    fail(node.line, nil, "a loop needs a list or map")
  end
  local keys = {}
  if #over > 0 then
    for i = 1, #over do
      keys[i] = i
    end
  else
    keys = require("core.data").keys(over)
  end
  for i, key in ipairs(keys) do
    local scope = { loop = { index = i, first = i == 1, last = i == #keys, length = #keys } }
    if node.second then
      scope[node.first], scope[node.second] = key, over[key]
    else
      scope[node.first] = #over > 0 and over[key] or key
    end
    self.rounds = self.rounds + 1
    if self.rounds > self.most_rounds then
      fail(node.line, nil, "the loops take more than %d rounds", self.most_rounds)
    end
    self:nodes(node.body, scope)
  end
  if #keys == 0 and node.empty then
    self:nodes(node.empty)
  end
end

function ops.section(self, node)
  local v = self:evaluate(node.path, node.line)
  local shown = v ~= nil and v ~= false and v ~= value.null and not (type(v) == "table" and next(v) == nil)
  if node.kind == "^" then
    if not shown then
      self:nodes(node)
    end
  elseif shown then
    for _, item in ipairs(type(v) == "table" and #v > 0 and v or { v }) do
      self.rounds = self.rounds + 1
      if self.rounds > self.most_rounds then
        fail(node.line, nil, "the loops take more than %d rounds", self.most_rounds)
      end
      self:nodes(node, item)
    end
  end
end

--- Renders a template; raises an err when it is wrong or a name has no value.
---@param source string
---@param vars table
---@param target? "none"|"shell"|"yaml"|"json" what values are escaped for; "none" by default
---@return string
function M.render(source, vars, target)
  local own = {}
  local self = setmetatable({
    scopes = { vars, own },
    own = own,
    out = {},
    size = 0,
    most = settings.template.output,
    rounds = 0,
    most_rounds = settings.template.rounds,
    escape = M.ESCAPES[target or "none"],
    quotes = quotes.of(target),
  }, Renderer)
  if not self.escape then
    error(err.new("invalid", ("values cannot be escaped for '%s'"):format(tostring(target)), {
      hint = "there are none, shell, yaml and json",
    }), 0)
  end
  self:nodes(parse(source))
  return table.concat(self.out)
end

return M
