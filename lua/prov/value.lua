--- The values of infra: plain Lua values and marked kinds that survive every function.
--
-- secret   a value that is never shown
-- unknown  a value that is known only after apply
-- ref      a value of another resource: an address and a path of keys
-- text     a string with references in it
-- time     a date, a time or both as TOML has them; infra itself gets them as strings
-- call     a function or operator whose arguments are not all known yet
--
-- A ref grows by indexing (`r.ip`, `r[1]`), `..` on marked values gives a text, `+ - * / // %` a call.

local data = require("core.data")

local M = {}

local secret_mt, unknown_mt, ref_mt, text_mt = data.secret_mt, data.unknown_mt, data.ref_mt, data.text_mt
local time_mt, call_mt = data.time_mt, data.call_mt
local LATER = {
  [secret_mt] = "secret",
  [unknown_mt] = "unknown",
  [ref_mt] = "ref",
  [text_mt] = "text",
  [call_mt] = "call",
}
local MARKED = { [time_mt] = "time" }
for mt, kind in pairs(LATER) do
  MARKED[mt] = kind
end

--- JSON's and YAML's null.
M.null = data.null

--- Marks a value as secret: it is never printed.
---@param v any
function M.secret(v)
  return getmetatable(v) == secret_mt and v or setmetatable({ v }, secret_mt)
end

--- Makes a value that is not known yet.
---@param type string of a contract, "any" when that is not known either
---@param origins? string[] addresses it comes from
function M.unknown(type, origins)
  return setmetatable({ type = type, origins = origins }, unknown_mt)
end

--- Makes a reference to a value of a resource.
---@param address string
---@param path? (string|integer)[]
function M.ref(address, path)
  return setmetatable({ ["@address"] = address, ["@path"] = path or {} }, ref_mt)
end

--- Makes a call of a function of expressions that waits until its arguments are known.
---@param name string
---@param args any[] without holes: M.null where there is none
function M.call(name, args)
  return setmetatable({ ["@call"] = { name, table.unpack(args) } }, call_mt)
end

--- Name and arguments of a call.
---@return string name, any[] args
function M.call_parts(call)
  local all = rawget(call, "@call")
  return all[1], table.move(all, 2, #all, 1, {})
end

--- What a known part of a text reads like: of a list its items with commas between them. Raises what has no text.
local function part_text(part, inner)
  local msg, hint
  if part == data.null then
    msg, hint = "there is no value inside of the text", "coalesce(x, '') takes another one then"
  elseif type(part) ~= "table" or M.is_marked(part) then
    return tostring(part)
  elseif inner or not M.is_list(part) and next(part) ~= nil then
    msg, hint = "a map, or a list in a list, cannot stand inside of a text", "json(x) makes a text of it"
  end
  if msg then
    error(require("prov.err").new("invalid", msg, { hint = hint }), 0)
  end
  local out = {}
  for i, item in ipairs(part) do
    out[i] = part_text(item, true)
  end
  return table.concat(out, ",")
end

--- Makes a string with references in it; strings only give a plain string.
---@param parts any[]
function M.text(parts)
  local out, n, marked, later = {}, 0, false, false
  for _, part in ipairs(parts) do
    if getmetatable(part) == text_mt then
      table.move(part, 1, rawlen(part), n + 1, out)
      n = n + rawlen(part)
      marked, later = true, true
    else
      local kind = MARKED[getmetatable(part)]
      n = n + 1
      out[n] = part
      marked, later = marked or kind ~= nil, later or kind ~= nil and (kind ~= "secret" or M.has_unknown(part))
    end
  end
  if marked and not later then -- nothing in it has to wait
    for i, part in ipairs(out) do
      out[i] = part_text(getmetatable(part) == secret_mt and part[1] or part)
    end
    return M.secret(table.concat(out))
  end
  if not marked then
    return table.concat(out)
  end
  return setmetatable(out, text_mt)
end

--- Kind of a marked value ("secret", "unknown", "ref", "text", "time", "call"), or nil.
---@return string?
function M.marked(v)
  if type(v) == "table" then
    return MARKED[getmetatable(v)]
  end
end

local function is(mt)
  return function(v)
    return type(v) == "table" and getmetatable(v) == mt
  end
end

M.is_secret, M.is_unknown, M.is_ref, M.is_text = is(secret_mt), is(unknown_mt), is(ref_mt), is(text_mt)
M.is_time = is(time_mt)
M.is_call = is(call_mt)

---@return boolean
function M.is_marked(v)
  return type(v) == "table" and MARKED[getmetatable(v)] ~= nil
end

--- True for a table that is a list: marked as one, or with items.
---@return boolean
function M.is_list(v)
  if type(v) ~= "table" then
    return false
  end
  local mt = getmetatable(v)
  return mt == data.list_mt or not MARKED[mt] and rawlen(v) > 0
end

--- Address and path of a reference.
---@return string address, (string|integer)[] path
function M.parts(ref)
  return rawget(ref, "@address"), rawget(ref, "@path")
end

local function path_text(path)
  local out = {}
  for i, key in ipairs(path) do
    out[i] = math.type(key) and "[" .. key .. "]" or "." .. key
  end
  return table.concat(out)
end

local function concat(a, b)
  return M.text({ a, b })
end

-- Lua makes a boolean of what these give, so they cannot wait.
local function no_order(a, b)
  local v = MARKED[getmetatable(a)] and a or b
  error(("cannot compare %s: its value is known only after apply; use fn.less, fn.equal and fn.when"):format(
    tostring(v)), 2)
end

local function no_call(v)
  local shown = tostring(v)
  local what, name = shown:match("^%${(.*)%.([%a_]+)}$")
  if not what then
    what, name = shown:match('^%${(.*)%["([%a_]+)"%]}$')
  end
  local fn = name and require("prov.expr.functions").LIST[name] and "fn." .. name
  if M.is_ref(v) and #rawget(v, "@path") == 0 then
    error(("there is no function '%s'%s"):format(rawget(v, "@address"), fn and "; did you mean " .. fn .. "?" or ""), 2)
  end
  error(("cannot call %s%s"):format(shown, fn and ("; write %s(%s, ...)"):format(fn, what) or ""), 2)
end

local function no_length(v)
  error(("%s is known only after apply, so it has no length yet; fn.length waits for it"):format(tostring(v)), 2)
end

local function no_operator(a, b)
  local v = MARKED[getmetatable(a)] and a or b
  error(("cannot calculate so with %s, which is known only after apply: + - * / // %% can wait, and functions of fn")
    :format(tostring(v)), 2)
end

local OPERATORS = { __add = "+", __sub = "-", __mul = "*", __div = "/", __mod = "%", __idiv = "//" }

local function arithmetic(sign)
  return function(a, b)
    local done, why = require("prov.expr.functions").call(sign, { a, b }, 2)
    if done == nil then
      error(why, 2)
    end
    return done
  end
end

for mt in pairs(LATER) do
  mt.__concat = concat
  for event, sign in pairs(OPERATORS) do
    mt[event] = arithmetic(sign)
  end
  mt.__unm = function(v)
    return arithmetic("-")(0, v)
  end
  mt.__lt, mt.__le, mt.__call, mt.__len = no_order, no_order, no_call, no_length
  for _, event in ipairs({ "__pow", "__band", "__bor", "__bxor", "__bnot", "__shl", "__shr" }) do
    mt[event] = no_operator
  end
end

function secret_mt.__tostring()
  return "(secret)"
end

function unknown_mt.__tostring()
  return "(unknown)"
end

function ref_mt.__tostring(ref)
  return "${" .. rawget(ref, "@address") .. path_text(rawget(ref, "@path")) .. "}"
end

function ref_mt.__index(ref, key)
  local path = table.move(rawget(ref, "@path"), 1, #rawget(ref, "@path"), 1, {})
  path[#path + 1] = key
  return M.ref(rawget(ref, "@address"), path)
end

function ref_mt.__newindex()
  error("a reference cannot be changed", 2)
end

function text_mt.__tostring(text)
  local out = {}
  for i, part in ipairs(text) do
    out[i] = type(part) == "string" and part:gsub("%${", "$${") or tostring(part)
  end
  return table.concat(out)
end

function time_mt.__tostring(time)
  return time[1]
end

function time_mt.__eq(a, b)
  return a[1] == b[1]
end

function time_mt.__concat(a, b)
  return tostring(a) .. tostring(b)
end

local SIGNS = { ["+"] = true, ["-"] = true, ["*"] = true, ["/"] = true, ["//"] = true, ["%"] = true, ["=="] = true,
  ["!="] = true, ["<"] = true, ["<="] = true, [">"] = true, [">="] = true, [".."] = true, ["and"] = true,
  ["or"] = true }

local function inner_text(v)
  if MARKED[getmetatable(v)] then
    local shown = tostring(v):gsub("^%${(.*)}$", "%1")
    return getmetatable(v) == call_mt and SIGNS[M.call_parts(v)] and "(" .. shown .. ")" or shown
  elseif type(v) == "string" then
    return ("%q"):format(#v > 40 and v:sub(1, 37) .. "..." or v)
  elseif v == data.null then
    return "null"
  end
  return type(v) == "table" and (M.is_list(v) and "[...]" or "{...}") or tostring(v)
end

function call_mt.__tostring(call)
  local name, given = M.call_parts(call)
  local args = {}
  for i, one in ipairs(given) do
    args[i] = inner_text(one)
  end
  if SIGNS[name] then
    return ("${%s %s %s}"):format(args[1], name, args[2])
  elseif name == "if" then
    return ("${if %s then %s else %s}"):format(args[1], args[2], args[3])
  elseif name == "for" then
    return ("${%s}"):format(given[1])
  elseif name == "index" then
    return ("${%s[%s]}"):format(args[1], args[2])
  end
  return ("${%s(%s)}"):format(name, table.concat(args, ", "))
end

--- Grows like a reference.
local function index(v, key)
  return M.call("index", { v, key })
end

call_mt.__index = index

--- A text has no fields, but methods of texts are asked of it: calling what this gives says what to write.
function text_mt.__index(text, key)
  return type(key) == "string" and index(text, key) or nil
end

--- Calls visit(v, kind) for every marked value in v; stops when it returns true.
local function walk(v, visit)
  if type(v) ~= "table" then
    return false
  end
  local kind = MARKED[getmetatable(v)]
  if kind and visit(v, kind) then
    return true
  end
  if kind == "ref" or kind == "unknown" then
    return false
  end
  for _, item in next, v do
    if type(item) == "table" and walk(item, visit) then
      return true
    end
  end
  return false
end

local function is_later(_, kind)
  return kind == "unknown" or kind == "ref"
end

local function is_reference(_, kind)
  return kind == "ref"
end

local function is_hidden(_, kind)
  return kind == "secret"
end

--- True when the value is or contains an unknown or a reference.
---@return boolean
function M.has_unknown(v)
  return walk(v, is_later)
end

---@return boolean
function M.has_reference(v)
  return walk(v, is_reference)
end

---@return boolean
function M.has_secret(v)
  return walk(v, is_hidden)
end

--- Addresses the value refers to, as a set.
---@return table<string, true>
function M.references(v)
  local set = {}
  walk(v, function(ref, kind)
    if kind == "ref" then
      set[rawget(ref, "@address")] = true
    end
    return false
  end)
  return set
end

--- Rebuilds v with fn(marked, kind, path) in place of every marked value (fn returns what stands
-- there; it sees the outermost one; the path is good until fn returns). Tables without marked
-- values are shared, not copied.
---@param v any
---@param fn fun(marked: table, kind: string, path: any[]): any
---@param path? any[] where v stands
---@return any
function M.map(v, fn, path)
  if type(v) ~= "table" then
    return v
  end
  path = path or {}
  local kind = MARKED[getmetatable(v)]
  if kind then
    return fn(v, kind, path)
  end
  local depth = #path + 1
  local out
  for key, item in next, v do
    if type(item) == "table" then
      path[depth] = key
      local new = M.map(item, fn, path)
      if not rawequal(new, item) then
        if not out then
          out = setmetatable({}, getmetatable(v))
          for k, x in next, v do
            out[k] = x
          end
        end
        out[key] = new
      end
    end
  end
  path[depth] = nil
  return out or v
end

local resolve_with

local function origins_of(v, into)
  walk(v, function(unknown, kind)
    for _, origin in ipairs(kind == "unknown" and rawget(unknown, "origins") or {}) do
      into[#into + 1] = origin
    end
    return false
  end)
  return into
end

local CHOICES = { ["if"] = true, ["and"] = true, ["or"] = true }

-- Only the side that is chosen is looked at: the other one may not exist.
local function resolve_choice(name, args, lookup)
  local condition = resolve_with(args[1], lookup)
  if condition == nil then
    return nil
  elseif M.has_unknown(condition) then
    return M.unknown("any", origins_of(condition, {}))
  end
  args[1] = condition
  return resolve_with(require("prov.expr.functions").choose(name, args), lookup)
end

local function resolve_call(call, lookup)
  local name, args = M.call_parts(call)
  if CHOICES[name] then
    return resolve_choice(name, args, lookup)
  end
  for i, one in ipairs(args) do
    local v = resolve_with(one, lookup)
    if v == nil then
      return nil
    end
    args[i] = v
  end
  local done = require("prov.expr.functions").resume(name, args)
  if getmetatable(done) == call_mt then
    return M.unknown("any", origins_of(args, {}))
  end
  return done
end

local function resolve_text(text, lookup)
  local out, origins, secret = {}, nil, false
  for i, part in ipairs(text) do
    local v = resolve_with(part, lookup)
    if v == nil then
      return nil
    end
    if M.is_unknown(v) or M.is_ref(v) or M.has_unknown(v) then
      origins = origins or {}
      origins_of(v, origins)
    else
      if M.has_secret(v) then
        secret, v = true, M.reveal(v)
      end
      out[i] = part_text(v)
    end
  end
  if origins then
    return M.unknown("string", origins)
  end
  local joined = table.concat(out)
  return secret and M.secret(joined) or joined
end

resolve_with = function(v, lookup)
  return M.map(v, function(marked, kind)
    if kind == "ref" then
      return lookup(rawget(marked, "@address"), rawget(marked, "@path"))
    elseif kind == "text" then
      return resolve_text(marked, lookup)
    elseif kind == "call" then
      return resolve_call(marked, lookup)
    elseif kind == "secret" then
      local inner = resolve_with(marked[1], lookup)
      if rawequal(inner, marked[1]) then
        return marked
      end
      return M.is_unknown(inner) and inner or M.secret(inner)
    end
    return marked
  end)
end

--- The value with every reference replaced by lookup(address, path), which gives a value, an
-- unknown, or nil for what is not there. A text with an unknown in it becomes unknown, one
-- with a secret in it secret; a list in a text is joined with commas. A call is made when its arguments
-- are known; nil, err when it cannot be made.
---@param v any
---@param lookup fun(address: string, path: (string|integer)[]): any
---@return any
---@return prov.Err? err
function M.resolve(v, lookup)
  local ok, out = pcall(resolve_with, v, lookup)
  if ok then
    return out
  elseif require("prov.err").is(out) then
    return nil, out
  end
  error(out, 0)
end

--- The value with every secret laid open.
function M.reveal(v)
  return M.map(v, function(marked, kind)
    return kind == "secret" and M.reveal(marked[1]) or marked
  end)
end

return M
