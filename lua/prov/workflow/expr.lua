--- Expressions in workflows: `${...}` in texts, and conditions. The language is that of prov.expr; here a path
-- is `inputs.region`, `steps.deploy.outputs.ip`, `matrix.size`, `run.id` or `steps.web[1].status`, and a condition
-- may ask `succeeded`, `failed`, `skipped` or `always`, with names of steps in quotes.

local expr = require("prov.expr")
local functions = require("prov.expr.functions")
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

local heads = {}
for _, head in ipairs(M.HEADS) do
  heads[head] = true
end

local function problem(at, hint, fmt, ...)
  return nil, { at = at, hint = hint, msg = fmt:format(...) }
end

local function check_path(node)
  local wrong
  if not heads[node.head] then
    local hint = suggest.hint(node.head, M.HEADS) or "a path begins with " .. table.concat(M.HEADS, ", ")
    wrong = { hint = hint, msg = ("there is no '%s' here"):format(node.head) }
  elseif node.head == "steps" and type(node.path[1]) ~= "string" then
    wrong = { msg = ("'%s' names no step, as in steps.deploy.outputs.ip"):format(node.text) }
  end
  return wrong
end

local TEXT = { path = check_path }
local CONDITION = { path = check_path, status = M.STATUS }

local prepared, n_prepared = {}, 0

--- The parts of a text: strings and expressions.
---@param text string
---@return (string|prov.expr.Node)[]? parts
---@return table? problem
function M.template(text)
  local known = prepared[text]
  if not known then
    local parts, wrong = expr.split(text, TEXT)
    if wrong then
      wrong.hint = wrong.hint or "write $${ for a plain ${"
    end
    known = { parts, wrong }
    if n_prepared > 2000 then
      prepared, n_prepared = {}, 0
    end
    prepared[text], n_prepared = known, n_prepared + 1
  end
  return known[1], known[2]
end

--- Reads a condition.
---@param text string
---@return prov.expr.Node? node
---@return table? problem
function M.condition(text)
  return expr.parse(text, CONDITION)
end

-- Walking ---------------------------------------------------------------------------------------

--- Calls on(node) for every path and call below a node of a condition.
---@param node table
---@param on fun(node: table)
function M.walk(node, on)
  return expr.walk(node, on)
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
        expr.walk(part, function(node)
          on(node, path, v)
        end)
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

local function fill_text(text, lookup)
  local parts, bad = M.template(text)
  if not parts then
    return nil, bad
  end
  local values, secret, unknown = {}, false, false
  for i, part in ipairs(parts) do
    local v = part
    if type(part) == "table" then
      v, bad = expr.evaluate(part, { lookup = lookup })
      if bad then
        return nil, bad
      elseif #parts == 1 and value.is_call(v) then
        return value.unknown("any")
      elseif #parts == 1 then
        return v == nil and value.null or v
      elseif v == nil or v == value.null then
        return problem(part.at, nil, "there is no value at ${%s}", part.text or "...")
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
    values[i] = functions.text_of(secret and value.reveal(v) or v)
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

--- Answers a condition: everything but false and null holds.
---@param node table
---@param env { lookup: fun(node: table): any, call: fun(node: table): boolean }
---@return boolean? holds
---@return table? problem
function M.holds(node, env)
  local v, bad = expr.evaluate(node, env)
  if bad then
    return nil, bad
  elseif value.is_secret(v) then
    v = v[1]
  end
  return functions.truth(v)
end

return M
