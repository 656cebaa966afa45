--- `${...}` in strings of infra files: expressions (prov.expr) over references to other resources, the variables,
-- and index, key and value of a count.

local address = require("prov.address")
local err = require("prov.err")
local expr = require("prov.expr")
local functions = require("prov.expr.functions")
local placed = require("prov.expr.placed")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local find = string.find

---@class prov.Scope what names mean at a place
---@field index? integer of an instance of a count
---@field key? string|integer
---@field value? any
---@field var? table<string, any> the variables
---@field prefix? string "module.eu." in front of the addresses of a module
---@field functions? table<string, fun(...): any, string?> those that read files
---@field env? prov.expr.Env
---@field output? fun(name: string, path: any[]): any, table? of a console, where outputs have names too

local PLAIN = "write $${ for a plain ${"
M.PLAIN = PLAIN

--- Names that a scope fills; the first three differ between the instances of a block.
local LOCAL = { index = true, key = true, value = true, var = false }

local function ref_node(text, at, base, stop)
  local path, after = expr.steps(text, stop)
  return { op = "ref", value = value.ref(base, path), text = text:sub(at, after - 1) }, after
end

local function reference(text, at)
  local head, stop = text:match("^([%a_][%w_-]*)()", at)
  if LOCAL[head] ~= nil then
    return nil
  end
  if head == "module" then -- of its outputs: what is in a module is not seen from outside
    local name, key_at = text:match("^%.([%a_][%w_-]*)()", stop)
    if name then
      return ref_node(text, at, "module." .. name, key_at)
    end
  end
  local found, after = address.read(text, at)
  if not found then
    local is_name = text:sub(1, at - 1):find("%f[%w_]secret%(%s*$")
    return nil, { msg = "one looks like ${server.web.ip}", no_reference = true,
      hint = is_name and 'the name of a secret stands in quotes: secret("db/password")' or PLAIN }
  end
  return ref_node(text, at, address.format(found), after)
end

local LANGUAGE = { reference = reference, functions = placed.LIST }

local function bad(text, wrong)
  local inner = wrong.inner or text
  return {
    path = {},
    msg = ("'%s'%s: %s"):format(inner, wrong.no_reference and " is not a reference" or "", wrong.msg),
    hint = wrong.hint or not (wrong.evaluated and inner:find("[^%w_.${}]")) and PLAIN or nil,
    text = wrong.at and text,
    at = wrong.at,
  }
end

--- Follows the steps of a path from a value; nil and a problem.
local function follow(v, path, from)
  for i = from, #path do
    local key = path[i]
    if value.is_ref(v) then
      v = v[key]
    else
      local why, hint
      v, why, hint = functions.call("index", { v, key }, 2)
      if v == nil then
        return nil, { msg = why, hint = hint }
      end
    end
  end
  return v
end

--- Follows the steps of a path from a value, which may be a reference.
---@param v any
---@param path (string|integer)[]
---@return any value, table? problem
function M.follow(v, path)
  return follow(v, path, 1)
end

local function lookup(scope, node)
  if node.op == "ref" then
    local output = scope.output and value.parts(node.value):match("^output%.(.*)$")
    if output then
      return scope.output(output, select(2, value.parts(node.value)))
    end
    local prefix = scope.prefix
    if not prefix then
      return node.value
    end
    if node.prefix ~= prefix then
      node.prefix, node.prefixed = prefix, M.prefixed(node.value, prefix)
    end
    return node.prefixed
  end
  local head = node.head
  if head == "var" then
    local name = node.path[1]
    local v = scope.var and scope.var[name]
    if v == nil then
      local names = {}
      for one in next, scope.var or {} do
        names[#names + 1] = tostring(one)
      end
      table.sort(names)
      return nil, {
        msg = name and ("there is no variable '%s'"):format(name) or "var needs a name, as in var.size",
        hint = name and (suggest.hint(tostring(name), names)
          or ("declare it: inputs: { %s: { type: string } }"):format(name)),
      }
    end
    return follow(v, node.path, 2)
  end
  if scope[head] == nil then
    return nil, { msg = ("'%s' is only known inside of count or for_each"):format(head) }
  end
  return follow(scope[head], node.path, 1)
end

--- A reference as it is meant inside of a module.
---@param ref table
---@param prefix string "module.eu."
function M.prefixed(ref, prefix)
  local text, path = value.parts(ref)
  local service, server = text:match("^(taskserv%..-@)(.*)$")
  return value.ref(service and service .. prefix .. server or prefix .. text, path)
end

local function join(parts)
  if #parts == 1 then
    return parts[1]
  end
  local plain = true
  for i, part in ipairs(parts) do
    local inner = value.is_secret(part) and part[1] or nil
    if value.is_marked(part) and (type(inner) ~= "table" or value.is_marked(inner)) then
      plain = false
    elseif type(part) == "table" then
      return nil, {
        msg = "a list or map cannot stand inside of a text",
        hint = "join(list, ', ') makes a text of a list",
      }
    elseif part == value.null then
      return nil, { msg = "there is no value inside of the text" }
    else
      parts[i] = tostring(part)
    end
  end
  return plain and table.concat(parts) or value.text(parts)
end

--- What prov.expr asks in a scope; made once for each.
local function env_of(scope)
  scope.env = {
    lookup = function(node)
      return lookup(scope, node)
    end,
    functions = scope.functions,
  }
  return scope.env
end

local function evaluate(text, parts, scope)
  local out = {}
  local env = scope.env or env_of(scope)
  for i, part in ipairs(parts) do
    if type(part) == "table" then
      local v, wrong
      if part.op == "path" and part.path[1] == nil and LOCAL[part.head] then
        v = scope[part.head] -- ${index} and the like, which there are most of
      end
      if v == nil then
        v, wrong = expr.evaluate(part, env)
      end
      if wrong then
        wrong.inner, wrong.evaluated = part.source, true
        return nil, bad(text, wrong)
      end
      part = v == nil and value.null or v
    end
    out[i] = part
  end
  local v, wrong = join(out)
  if type(v) == "string" and not utf8.len(v) then
    wrong = { msg = "this is no text in UTF-8", hint = "base64(x) makes such a text of any bytes" }
  end
  if wrong then
    return nil, bad(text, wrong)
  end
  return v
end

--- A string ready to be filled: `{ done = value }` when no scope is needed, `{ parts = ... }` or `{ problem = ... }`.
local function prepare(text)
  local parts, problem = expr.split(text, LANGUAGE)
  if not parts then
    return { problem = bad(text, problem) }
  end
  local known = { parts = parts, text = text, fixed = true }
  for _, part in ipairs(parts) do
    if type(part) == "table" then
      expr.walk(part, function(node)
        known.refers = known.refers or node.op == "ref"
        known.dynamic = known.dynamic or node.op == "path" and LOCAL[node.head]
        known.fixed = known.fixed and node.op == "ref"
      end)
      known.fixed = known.fixed and not M.uses_placed(part)
    end
  end
  if known.fixed then
    local problem_of
    known.done, problem_of = evaluate(text, parts, {})
    if problem_of then
      return { problem = problem_of }
    end
  end
  return known
end

--- True when an expression calls a function that needs a place.
function M.uses_placed(node)
  if node.op == "call" and placed.LIST[node.name] then
    return true
  end
  for _, below in ipairs(node.op ~= "value" and expr.below(node) or {}) do
    if M.uses_placed(below) then
      return true
    end
  end
  return false
end

local prepared, n_prepared = {}, 0

local function known_of(text)
  local known = prepared[text]
  if not known then
    if n_prepared > 2000 then
      prepared, n_prepared = {}, 0
    end
    known = prepare(text)
    prepared[text], n_prepared = known, n_prepared + 1
  end
  return known
end

--- True when a string says something else in every instance of a count.
---@param text string
---@return boolean
function M.is_dynamic(text)
  return find(text, "${", 1, true) ~= nil and known_of(text).dynamic == true
end

--- Replaces `${...}` in a string.
---@param text string
---@param scope prov.Scope
---@return any value, table? problem
function M.string(text, scope)
  local known = known_of(text)
  if known.problem then
    local p = known.problem
    return nil, { path = {}, msg = p.msg, hint = p.hint, text = p.text, at = p.at }
  elseif known.fixed and not ((scope.prefix or scope.output) and known.refers) then
    return known.done
  end
  return evaluate(text, known.parts, scope)
end

local is_marked = value.is_marked

local MAX_DEPTH = 100

local function copy(t)
  local out = setmetatable({}, getmetatable(t))
  for k, x in next, t do
    out[k] = x
  end
  return out
end

local function string_value(v, scope, problems)
  if not find(v, "${", 1, true) then
    return v
  end
  local out, problem = M.string(v, scope)
  if problem then
    problems[#problems + 1] = problem
  end
  return out
end

--- Replaces `${...}` in all strings of a value; what has none is shared, not copied. Problems
-- are added to `problems` with the path to them.
---@param v any
---@param scope table
---@param problems table[]
---@param depth? integer
---@return any
function M.value(v, scope, problems, depth)
  local kind = type(v)
  depth = depth or 0
  if kind == "string" then
    return string_value(v, scope, problems)
  elseif kind == "function" then
    problems[#problems + 1] = { path = {}, msg = "a function can only stand in place of a whole field" }
    return nil
  elseif kind ~= "table" or is_marked(v) then
    return v
  elseif depth > MAX_DEPTH then
    problems[#problems + 1] = { path = {}, msg = "tables are nested too deep, or one is inside of itself" }
    return nil
  end
  local out
  for key, item in next, v do
    local before = #problems
    local new = M.value(item, scope, problems, depth + 1)
    for i = before + 1, #problems do
      table.insert(problems[i].path, 1, key)
    end
    if #problems > 50 then
      break
    end
    if not rawequal(new, item) then
      out = out or copy(v)
      out[key] = new
    end
  end
  return out or v
end

--- Parses one reference, with or without braces, as in `needs`.
---@param text string
---@param scope? prov.Scope
---@return table? ref, prov.Err?
function M.reference(text, scope)
  local inner = text:match("^%s*%${%s*(.-)%s*}%s*$") or text:match("^%s*(.-)%s*$")
  local node, stop = reference(inner, 1)
  if not node or stop <= #inner then
    return err.fail("invalid", "'%s' is not an address such as network.lan", text)
  end
  return scope and scope.prefix and M.prefixed(node.value, scope.prefix) or node.value
end

return M
