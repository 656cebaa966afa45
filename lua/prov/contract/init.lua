--- Contracts: a schema is compiled once into closures that check and complete values.
--
-- A check takes a value and returns the completed value, or nil and a list of problems
-- `{ path = { keys }, msg, hint }`. Paths and places are only built when something is wrong,
-- so a good value costs one closure call per field.

local bounded = require("core.sandbox")
local data = require("core.data")
local err = require("prov.err")
local scalars = require("prov.contract.scalars")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

---@class prov.Field
---@field type string
---@field required? boolean
---@field default? any
---@field min? number of a number, or of the length of a string, list or map
---@field max? number
---@field pattern? string Lua pattern of a whole string
---@field one_of? any[]
---@field of? prov.Field|prov.Field[] items of a list, values of a map, alternatives of a union
---@field fields? table<string, prov.Field> of a record
---@field open? boolean record: other fields are allowed
---@field doc? string
---@field example? any
---@field secret? boolean
---@field replace? boolean
---@field computed? boolean
---@field check? fun(value: any, whole: table): boolean?, string?

---@class prov.Contract
---@field schema table<string, prov.Field>
local Contract = {}
Contract.__index = Contract

local null = data.null
local marked = value.marked
local next, type, getmetatable = next, type, getmetatable

--- Every type there is.
M.TYPES = {
  "any",
  "bool",
  "cidr",
  "duration",
  "enum",
  "hostname",
  "int",
  "ip",
  "list",
  "map",
  "number",
  "path",
  "port",
  "record",
  "ref",
  "secret",
  "semver",
  "size",
  "string",
  "union",
  "url",
}

local function shown(v)
  local kind = data.kind(v)
  if kind == "string" then
    return ("%q"):format(#v > 40 and v:sub(1, 37) .. "..." or v):gsub("\\\n", "\\n")
  elseif kind == "number" or kind == "boolean" then
    return tostring(v)
  elseif kind == "null" then
    return "nothing"
  end
  return "a " .. kind
end

local function problem(msg, hint)
  return { { path = {}, msg = msg, hint = hint } }
end

local function mismatch(expected, v, hint)
  return problem(("expected %s, found %s"):format(expected, shown(v)), hint)
end

--- Puts `key` in front of the paths of the problems and appends them to `all`.
local function gather(all, key, problems)
  all = all or {}
  for _, p in ipairs(problems) do
    table.insert(p.path, 1, key)
    all[#all + 1] = p
  end
  return all
end

local compile_field

--- Adds min, max, pattern and one_of of the field to a check of a scalar or collection.
local function limit(check, field, size)
  local min, max, pattern =
    field.min, field.max, field.pattern and "^" .. field.pattern:gsub("^%^", ""):gsub("%$$", "") .. "$"
  if not (min or max or pattern) then
    return check
  end
  return function(v)
    local done, problems = check(v)
    if problems or marked(done) then
      return done, problems
    end
    local n, unit = done, ""
    if type(done) == "string" then
      n, unit = utf8.len(done) or #done, " characters"
    elseif type(done) == "table" then
      n, unit = size(done), " items"
    end
    if min and n < min then
      return nil,
        problem(
          ("%s is less than the smallest allowed: %s%s"):format(
            unit == "" and shown(v) or n .. unit,
            min,
            unit
          )
        )
    elseif max and n > max then
      return nil,
        problem(
          ("%s is more than the largest allowed: %s%s"):format(
            unit == "" and shown(v) or n .. unit,
            max,
            unit
          )
        )
    elseif pattern and not bounded.match(tostring(done), pattern) then
      return nil,
        problem(
          ("%s does not have the form %s"):format(shown(v), field.pattern),
          field.example and "for example " .. tostring(field.example)
        )
    end
    return done
  end
end

local function count(t)
  local n = 0
  for _ in next, t do
    n = n + 1
  end
  return n
end

--- True when a check lets the value through as it is: it is known only later.
local function is_later(v)
  local mt = getmetatable(v)
  return mt == data.ref_mt or mt == data.text_mt or mt == data.unknown_mt
end

local function scalar(field)
  local fn = scalars[field.type]
  return limit(function(v)
    local done, expected = fn(v)
    if expected == nil then
      return done
    end
    if type(v) == "table" then
      if is_later(v) then
        return v
      elseif value.is_secret(v) then
        done, expected = fn(v[1])
        if expected == nil then
          return value.secret(done)
        end
        return nil, problem("expected " .. expected .. ", found another secret value")
      end
    end
    local hint = field.type == "string"
        and (type(v) == "number" or type(v) == "boolean")
        and "put quotes around it"
      or nil
    return nil, mismatch(expected, v, hint)
  end, field)
end

local function enum(field)
  local allowed, names = {}, {}
  for i, one in ipairs(field.one_of) do
    allowed[one] = true
    names[i] = tostring(one)
  end
  local expected = "one of " .. table.concat(names, ", ")
  return function(v)
    if allowed[v] then
      return v
    elseif type(v) == "table" and is_later(v) then
      return v
    end
    return nil, mismatch(expected, v, type(v) == "string" and suggest.hint(v, names) or nil)
  end
end

local builders = {}

function builders.any()
  return function(v)
    return v
  end
end

function builders.secret(field)
  local plain = scalar({
    type = "string",
    min = field.min,
    max = field.max,
    pattern = field.pattern,
    example = field.example,
  })
  return function(v)
    if type(v) == "string" or value.is_secret(v) then
      local done, problems = plain(value.is_secret(v) and v[1] or v)
      if problems then
        problems[1].msg = "the secret value is not of the expected form"
        return nil, problems
      end
      return value.secret(done)
    elseif type(v) == "table" and is_later(v) then
      return v
    end
    return nil, mismatch("a string", v)
  end
end

function builders.enum(field)
  return enum(field)
end

function builders.list(field)
  local item = compile_field(field.of or { type = "any" })
  return limit(
    function(v)
      if type(v) ~= "table" or not value.is_list(v) and (next(v) ~= nil or value.is_marked(v)) then
        if type(v) == "table" and is_later(v) then
          return v
        end
        return nil, mismatch("a list", v)
      end
      local out, all = data.list({}), nil
      for i = 1, #v do
        local done, problems = item(v[i])
        if problems then
          all = gather(all, i, problems)
        else
          out[i] = done
        end
      end
      if all then
        return nil, all
      end
      return out
    end,
    field,
    function(t)
      return #t
    end
  )
end

function builders.map(field)
  local item = compile_field(field.of or { type = "any" })
  return limit(function(v)
    if type(v) ~= "table" or value.is_list(v) and next(v) ~= nil or value.is_marked(v) then
      if type(v) == "table" and is_later(v) then
        return v
      end
      return nil, mismatch("a map", v)
    end
    local out, all = {}, nil
    for key, one in next, v do
      local done, problems = item(one)
      if problems then
        all = gather(all, key, problems)
      else
        out[key] = done
      end
    end
    if all then
      return nil, all
    end
    return out
  end, field, count)
end

local function copy(v)
  if type(v) ~= "table" or value.is_marked(v) then
    return v
  end
  local out = setmetatable({}, getmetatable(v))
  for k, x in next, v do
    out[k] = copy(x)
  end
  return out
end

--- Adds what is absent: defaults, and problems for required fields.
local function complete_absent(out, absent, all, failed)
  for i = 1, #absent do
    local one = absent[i]
    if out[one.name] == nil and not (failed and failed[one.name]) then
      if one.default ~= nil then
        out[one.name] = one.copy and copy(one.default) or one.default
      else
        all = all or {}
        all[#all + 1] = { path = {}, msg = ("the field '%s' is missing"):format(one.name), hint = one.hint }
      end
    end
  end
  return all
end

local function run_checks(out, whole_checks, all)
  for _, one in ipairs(whole_checks) do
    local v = out[one.name]
    if v ~= nil and not value.is_marked(v) then
      local ok, message = one.check(v, out)
      if not ok and (message ~= nil or ok == false) then
        all = gather(all, one.name, problem(message or "the value is not allowed"))
      end
    end
  end
  return all
end

--- Compiles the fields of a record into `check(v, skip)`.
local function record(fields, open)
  local checks, absent, whole_checks, names = {}, {}, {}, {}
  for name, field in next, fields do
    names[#names + 1] = name
    checks[name] = compile_field(field)
    if field.default ~= nil then
      local default, problems = checks[name](field.default)
      if problems then
        error(("the default of field '%s': %s"):format(name, problems[1].msg), 0)
      end
      absent[#absent + 1] = { name = name, default = default, copy = type(default) == "table" }
    elseif field.required then
      absent[#absent + 1] = { name = name, hint = field.doc }
    end
    if field.check then
      whole_checks[#whole_checks + 1] = { name = name, check = field.check }
    end
  end
  table.sort(names)
  table.sort(absent, function(a, b)
    return a.name < b.name
  end)
  local n_absent, n_checks = #absent, #whole_checks
  return function(v, skip)
    if type(v) ~= "table" or value.is_list(v) and next(v) ~= nil or marked(v) then
      if type(v) == "table" and is_later(v) then
        return v
      end
      return nil, mismatch("a map", v)
    end
    local out, all, failed = {}, nil, nil
    for key, one in next, v do
      local check = checks[key]
      if one == null then -- luacheck: ignore
      elseif check then
        local done, problems = check(one)
        if problems then
          all = gather(all, key, problems)
          failed = failed or {}
          failed[key] = true
        else
          out[key] = done
        end
      elseif open then
        out[key] = one
      elseif not (skip and skip[key]) then
        local known = table.move(names, 1, #names, 1, {})
        for name in next, skip or {} do
          known[#known + 1] = name
        end
        all = gather(
          all,
          key,
          problem(
            ("there is no field '%s'"):format(tostring(key)),
            suggest.hint(tostring(key), known)
              or #names > 0 and #names <= 16 and "the fields are: " .. table.concat(names, ", ")
              or nil
          )
        )
      end
    end
    if n_absent > 0 then
      all = complete_absent(out, absent, all, failed)
    end
    if n_checks > 0 and not all then
      all = run_checks(out, whole_checks, all)
    end
    if all then
      return nil, all
    end
    return out
  end
end

function builders.record(field)
  local check = record(field.fields or {}, field.open)
  return function(v)
    return check(v)
  end
end

function builders.union(field)
  local checks = {}
  for i, one in ipairs(field.of) do
    checks[i] = compile_field(one)
  end
  return function(v)
    if type(v) == "table" and is_later(v) then
      return v
    end
    local expected = {}
    for i, check in ipairs(checks) do
      local done, problems = check(v)
      if not problems then
        return done
      end
      if type(v) == "table" and #field.of == i and #expected == 0 then
        return nil, problems
      end
      local wanted = #problems[1].path == 0 and problems[1].msg:match("^expected (.-), found")
      if not wanted then
        return nil, problems -- the right shape with something wrong inside
      end
      expected[#expected + 1] = wanted
    end
    return nil, mismatch(table.concat(expected, " or "), v)
  end
end

compile_field = function(field)
  if type(field) == "string" then
    field = { type = field }
  end
  local kind = field.type or (field.one_of and "enum" or field.fields and "record") or "any"
  local check
  if field.one_of and kind ~= "list" and kind ~= "map" then
    check = enum(field)
  elseif builders[kind] then
    check = builders[kind](field)
  elseif scalars[kind] then
    check = scalar(field)
  else
    error(
      ("there is no type '%s'%s"):format(
        tostring(kind),
        suggest.hint(tostring(kind), M.TYPES) and "; " .. suggest.hint(tostring(kind), M.TYPES) or ""
      ),
      0
    )
  end
  if field.secret and kind ~= "secret" then
    local plain = check
    check = function(v)
      local done, problems = plain(value.is_secret(v) and v[1] or v)
      if problems or marked(done) then
        return done, problems
      end
      return value.secret(done)
    end
  end
  return check
end

local compiled = setmetatable({}, { __mode = "k" })

--- Compiles a schema; the same table is compiled once. A schema with a mistake is a bug of
-- its author and raises.
---@param schema table<string, prov.Field>
---@return prov.Contract
function M.compile(schema)
  local contract = compiled[schema]
  if not contract then
    contract = setmetatable({ schema = schema, run = record(schema) }, Contract)
    compiled[schema] = contract
  end
  return contract
end

--- Writes a path of keys: `servers.web.disks[2].size`.
---@param path (string|integer)[]
---@return string
function M.path_text(path)
  local out = {}
  for i, key in ipairs(path) do
    if math.type(key) == "integer" then
      out[i] = "[" .. key .. "]"
    elseif type(key) == "string" and key:match("^[%w_-]+$") then
      out[i] = (i > 1 and "." or "") .. key
    else
      out[i] = ("[%q]"):format(tostring(key))
    end
  end
  return table.concat(out)
end

---@class prov.At where a value stands
---@field path? (string|integer)[] keys from the root of its file
---@field file? string
---@field place? fun(path: (string|integer)[]): integer?, integer? line and column

--- Turns problems into errors with path, file, line and column.
---@param problems table[]
---@param at? prov.At
---@return prov.Err[]
function M.errors(problems, at)
  at = at or {}
  local out = {}
  for i, p in ipairs(problems) do
    local path = table.move(at.path or {}, 1, #(at.path or {}), 1, {})
    table.move(p.path, 1, #p.path, #path + 1, path)
    local line, column
    if at.place then
      line, column = at.place(path)
    end
    local text = M.path_text(path)
    out[i] = err.new("invalid", text ~= "" and text .. ": " .. p.msg or p.msg, {
      path = text,
      keys = path,
      file = at.file,
      line = line,
      column = column,
      hint = p.hint,
    })
  end
  table.sort(out, function(a, b)
    if a.line and b.line and a.line ~= b.line then
      return a.line < b.line
    end
    return a.msg < b.msg
  end)
  return out
end

--- Checks a value: returns a new table with defaults filled in, or nil and all errors.
---@param v any
---@param at? prov.At
---@return table? value, prov.Err[]? errors
function Contract:complete(v, at)
  local done, problems = self.run(v)
  if problems then
    return nil, M.errors(problems, at)
  end
  return done
end

--- Rows for help: name, type, required, default, doc; nested fields as `a.b`.
---@param schema table<string, prov.Field>
function M.describe(schema)
  return require("prov.contract.describe").rows(schema)
end

--- The JSON Schema (2020-12) of a schema.
---@param schema table<string, prov.Field>
function M.json_schema(schema)
  return require("prov.contract.describe").json_schema(schema)
end

return M
