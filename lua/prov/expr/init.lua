--- Expressions: what stands in `${...}` of infra files and workflows, in the conditions of both and in templates. The
-- grammar is in prov.expr.parse.

local functions = require("prov.expr.functions")
local parse = require("prov.expr.parse")
local placed = require("prov.expr.placed")
local settings = require("prov.settings")
local value = require("prov.value")

local M = setmetatable({}, { __index = parse }) -- parse, split, braced, read, steps, walk, below

local function problem(at, hint, fmt, ...)
  return nil, { at = at, hint = hint, msg = fmt:format(...) }
end

---@class prov.expr.Env
---@field lookup fun(node: prov.expr.Node): any, table? of a path: its value, or nil and a problem
---@field call? fun(node: prov.expr.Node): any, table? of a status function
---@field functions? table<string, fun(...): any, string?> those of a place, such as template

local evaluate

local function evaluate_all(nodes, env)
  local out, n = {}, #nodes
  for i = 1, n do
    local v, bad = evaluate(nodes[i], env)
    if bad then
      return nil, bad
    end
    out[i] = v
  end
  return out, nil, n
end

local function collection(node, env)
  local out = node.op == "list" and require("core.data").list({}) or {}
  for i, item in ipairs(node.items) do
    local v, bad = evaluate(node.op == "map" and item[2] or item, env)
    if bad then
      return nil, bad
    end
    if v == nil then
      v = value.null
    end
    local key = i
    if node.op == "map" then
      key = item[1]
      if type(key) == "table" then
        key, bad = evaluate(key, env)
        if bad then
          return nil, bad
        elseif type(key) ~= "string" and math.type(key) ~= "integer" then
          return problem(node.at, nil, "a key must be a text or a number that is known")
        end
      end
    end
    out[key] = v
  end
  return out
end

--- Follows the steps of a path from a value.
local function follow(v, node)
  for _, key in ipairs(node.path) do
    local why, hint
    v, why, hint = functions.call("index", { v, key }, 2)
    if v == nil then
      return problem(node.at, hint, "%s", why)
    end
  end
  return v
end

--- Adds the texts of the files that an expression names to a map; nil and a problem.
local function take_files(node, env, texts)
  if node.op == "call" and placed.LIST[node.name] and env.functions then
    local path = node.args[1]
    if path.op ~= "value" then
      return problem(path.at, "write the name of the file itself",
        "which file this is has to be known before the loop goes over what is known only after apply")
    end
    local text, why = env.functions.file(path.value)
    if not text then
      return problem(path.at, nil, "%s", why)
    end
    texts[path.value] = text
  end
  for _, below in ipairs(node.op ~= "value" and M.below(node) or {}) do
    local ok, bad = take_files(below, env, texts)
    if not ok then
      return nil, bad
    end
  end
  return true
end

--- A loop that waits until what it goes over is known: its text, that, the values of what else it names, and the texts
-- of the files it reads.
local function later(node, over, env)
  local given, texts, bad = {}, {}, nil
  local function take(one)
    if not bad and given[one.text] == nil then
      local v
      v, bad = evaluate(one, env)
      given[one.text] = v == nil and value.null or v
    end
  end
  for _, below in ipairs({ node.item, node.test or node.item, node.key or node.item }) do
    M.walk(below, take)
    local ok, wrong = take_files(below, env, texts)
    bad = bad or not ok and wrong or nil
  end
  local bound = env.bound
  while bound do -- the loops around it, the nearest one first
    for name, v in next, bound do
      if given[name] == nil then
        given[name] = v
      end
    end
    local outer = getmetatable(bound)
    bound = outer and outer.__index
  end
  if bad then
    return nil, bad
  end
  return value.call("for", { node.text, over, given, texts })
end

local loop_over

--- A loop, with a limit on what it and all that is in it costs.
local function loop(node, env)
  local outermost = not functions.meter
  if outermost then
    functions.meter = { 0, most = settings.infra.loop_cost }
  end
  local ok, v, bad = pcall(loop_over, node, env)
  if outermost then
    functions.meter = nil
  end
  if not ok then
    error(v, 0)
  end
  return v, bad
end

-- What went wrong in a loop over something secret, without what would show it.
local function veil(bad, marked)
  if marked == "secret" then
    bad.msg, bad.hint = "the loop over something secret cannot be done", "what exactly is wrong would show the secret"
  end
  return bad
end

loop_over = function(node, env)
  local over, bad = evaluate(node.over, env)
  if bad then
    return nil, bad
  end
  local marked = value.marked(over)
  if marked == "secret" then
    over = over[1]
  elseif marked then
    return later(node, over, env)
  end
  if type(over) ~= "table" or over == value.null then
    return problem(node.over.at, nil, "a loop needs a list or map")
  end
  local data = require("core.data")
  local out = node.kind == "list" and data.list({}) or {}
  local is_list = value.is_list(over)
  local inner = setmetatable({ bound = setmetatable({}, { __index = env.bound }) }, { __index = env })
  for _, key in ipairs(data.keys(over)) do
    local v, kept = over[key], true
    inner.bound[node.first] = node.second and key or (is_list and v or not is_list and key)
    if node.second then
      inner.bound[node.second] = v
    end
    if node.test then
      local test
      test, bad = evaluate(node.test, inner)
      if bad then
        return nil, veil(bad, marked)
      elseif type(test) == "table" and value.has_unknown(test) then
        return later(node, over, env)
      end
      kept = functions.truth(value.is_secret(test) and test[1] or test)
    end
    if kept then
      local item, name
      item, bad = evaluate(node.item, inner)
      name = #out + 1
      if not bad and node.key then
        name, bad = evaluate(node.key, inner)
        if not bad and type(name) ~= "string" and math.type(name) ~= "integer" then
          return problem(node.key.at, nil, "a key must be a text or a number that is known")
        end
      end
      if bad then
        return nil, veil(bad, marked)
      end
      out[name] = item == nil and value.null or item
    end
    functions.meter[1] = functions.meter[1] + 1
    if functions.meter[1] > functions.meter.most then
      return problem(node.at, "go over less, or make less in each round", "the loop makes too much")
    end
  end
  return marked == "secret" and value.secret(out) or out
end

--- Makes a loop that waited, when what it goes over and all it names is known.
---@return any value
---@return string? wrong
function M.resume(text, over, given, texts)
  local node, wrong = M.parse(text, { functions = placed.LIST })
  if not node then
    return nil, wrong.msg
  end
  node.over = { op = "value", value = over, at = 1 }
  local v, bad = loop(node, {
    bound = {},
    functions = placed.functions(function(_, path)
      return texts[path]
    end, ""),
    lookup = function(one)
      local found = given[one.text]
      if found ~= nil then
        return found
      end
      return given[one.head] ~= nil and follow(given[one.head], one) or nil
    end,
  })
  return v, bad and bad.msg
end

-- The side that is not chosen is not looked at, unless what chooses is not known yet.
local function choose(node, env)
  local first, bad = evaluate(node[1], env)
  if bad then
    return nil, bad
  end
  if type(first) == "table" and value.has_unknown(first) then
    local rest, wrong, n = evaluate_all({ node[2], node[3] }, env)
    if wrong then
      return nil, wrong
    end
    return functions.choose(node.op, { first, rest[1], n > 1 and rest[2] or nil })
  end
  local condition = first
  if value.is_secret(first) then
    condition = first[1]
  end
  local holds = functions.truth(condition)
  if node.op == "if" then
    return evaluate(node[holds and 2 or 3], env)
  elseif (node.op == "and") == holds then
    return evaluate(node[2], env)
  end
  return first
end

function evaluate(node, env)
  local op = node.op
  if op == "value" then
    return node.value
  elseif op == "path" or op == "ref" then
    local v, bad = env.lookup(node)
    if bad then
      bad.at = bad.at or node.at
    end
    return v, bad
  elseif op == "local" then
    return follow(env.bound[node.head], node)
  elseif op == "for" then
    return loop(node, env)
  elseif node.status then
    return env.call(node)
  elseif op == "list" or op == "map" then
    return collection(node, env)
  elseif op == "if" or op == "and" or op == "or" then
    return choose(node, env)
  end
  local args, bad, n = evaluate_all(op == "call" and node.args or node, env)
  if bad then
    return nil, bad
  end
  local name = op == "call" and node.name or op
  local special = op == "call" and env.functions and env.functions[name]
  local done, why, hint
  if special then
    done, why, hint = special(table.unpack(args, 1, n))
  elseif op == "index" and value.is_ref(args[1]) and not value.is_marked(args[2]) then
    return args[1][args[2]]
  else
    done, why, hint = functions.call(name, args, n)
  end
  if done == nil and why then
    return problem(node.at, hint, "%s", why)
  end
  return done
end

--- The value of an expression.
---@param node prov.expr.Node
---@param env prov.expr.Env
---@return any value
---@return table? problem
function M.evaluate(node, env)
  return evaluate(node, env)
end

return M
