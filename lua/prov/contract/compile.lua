--- Fields to closures: each takes a value and returns it completed, or nil and problems.

local bounded = require("core.sandbox")
local data = require("core.data")
local field_of = require("prov.contract.field")
local pattern = require("prov.contract.pattern")
local problem = require("prov.contract.problem")
local record = require("prov.contract.record")
local regex = require("prov.contract.regex")
local scalars = require("prov.contract.scalars")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local null, list_mt = data.null, data.list_mt
local secret_mt, LATER = data.secret_mt, field_of.LATER
local gather, mismatch, new_problem, shown = problem.gather, problem.mismatch, problem.new, problem.shown
local marked = value.marked
local next, type, getmetatable, rawlen, setmetatable = next, type, getmetatable, rawlen, setmetatable

local MAX_DEPTH = 100 -- of values of a type that holds itself

local compile_field

--- True when a check lets the value through as it is: it is known only later.
local function is_later(v)
  return LATER[getmetatable(v)] ~= nil
end

--- A limit as a number: min = "1 MiB" of a size.
local function number_of(field, limit)
  if type(limit) ~= "string" then
    return limit
  end
  local scalar = (field.type == "size" or field.type == "duration") and scalars[field.type]
  local number = scalar and scalar(limit)
  if not number then
    error(("the limit %q is not a number"):format(limit), 0)
  end
  return number
end

--- What a text must look like: the test, and the form for messages.
local function form_of(field)
  if field.regex then
    local matches, wrong = regex.compile(field.regex)
    if not matches then
      error(("the regex %s has a mistake: %s"):format(field.regex, wrong), 0)
    end
    return matches, field.regex
  elseif field.pattern then
    local wrong = pattern.mistake(field.pattern)
    if wrong then
      error(("the pattern %s has a mistake: %s"):format(field.pattern, wrong), 0)
    end
    local whole = "^" .. pattern.bare(field.pattern) .. "$"
    return function(text)
      return bounded.match(text, whole) ~= nil
    end, field.pattern
  end
end

--- Adds min, max, pattern and regex of the field to a check of a scalar or collection.
local function limit(check, field, size)
  local min, max, matches, form = number_of(field, field.min), number_of(field, field.max), form_of(field)
  if not (min or max or matches) then
    return check
  elseif min and max and min > max then
    error(("the smallest allowed, %s, is more than the largest, %s"):format(field.min, field.max), 0)
  end
  local function outside(v, n, unit, which, least, bound)
    local found = unit == "" and shown(v) or n .. unit
    return nil,
      new_problem(("%s is %s: %s%s"):format(found, which, bound, unit), nil, {
        expected = ("%s %s%s"):format(least, bound, unit),
        found = found,
      })
  end
  return function(v)
    local done, problems = check(v)
    local kind = type(done)
    if problems or kind == "table" and marked(done) then
      return done, problems
    end
    local n, unit = done, ""
    if kind == "string" then
      n, unit = (min or max) and (utf8.len(done) or #done), " characters"
    elseif kind == "table" then
      n, unit = size(done), " items"
    end
    if min and n < min then
      return outside(v, n, unit, "less than the smallest allowed", "at least", field.min)
    elseif max and n > max then
      return outside(v, n, unit, "more than the largest allowed", "at most", field.max)
    elseif matches and not matches(kind == "string" and done or tostring(done)) then
      return nil,
        new_problem(
          ("%s does not have the form %s"):format(shown(v), form),
          field.example ~= nil and "for example " .. tostring(field.example) or nil,
          { expected = "the form " .. form, found = shown(v) }
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

--- The check of a scalar goes on here when it is none.
local function not_scalar(field, fn, v, expected)
  if type(v) == "table" then
    if is_later(v) then
      return v
    elseif getmetatable(v) == secret_mt then
      local done, wanted = fn(v[1])
      if wanted == nil then
        return value.secret(done)
      end
      return nil, problem.conceal(mismatch(wanted, v))
    end
  end
  local is_bare = field.type == "string" and (type(v) == "number" or type(v) == "boolean")
  return nil, mismatch(expected, v, is_bare and "put quotes around it" or nil)
end

local function scalar(field)
  local fn = scalars[field.type]
  return limit(function(v)
    local done, expected = fn(v)
    if expected == nil then
      return done
    end
    return not_scalar(field, fn, v, expected)
  end, field)
end

local function enum(field)
  local allowed, names = {}, {}
  for i, one in ipairs(field.one_of) do
    allowed[one] = one
    names[i] = tostring(one)
  end
  local expected = "one of " .. table.concat(names, ", ")
  return function(v)
    local found = allowed[v]
    if found ~= nil then
      return found
    elseif type(v) == "table" then
      if is_later(v) then
        return v
      elseif getmetatable(v) == secret_mt and allowed[v[1]] ~= nil then
        return v
      end
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
    regex = field.regex,
    example = field.example,
  })
  return function(v)
    if type(v) == "string" or value.is_secret(v) then
      local done, problems = plain(value.is_secret(v) and v[1] or v)
      if problems then
        return nil, problem.conceal(problems)
      end
      return value.secret(done)
    elseif type(v) == "table" and is_later(v) then
      return v
    end
    return nil, problem.mismatch_of_secret("a string", v)
  end
end

builders.enum = enum

--- The check of items, with their rule.
local function with_rule(check, item)
  if not item.check then
    return check
  end
  return function(v)
    local done, problems = check(v)
    if problems or marked(done) then
      return done, problems
    end
    problems = record.run_item_rule(item.check, done)
    if problems then
      return nil, problems
    end
    return done
  end
end

function builders.list(field)
  local of = field_of.full(field.of)
  local item = compile_field(of)
  return limit(
    with_rule(function(v)
      local mt = type(v) == "table" and getmetatable(v)
      if mt ~= list_mt and (mt == false or value.is_marked(v) or rawlen(v) == 0 and next(v) ~= nil) then
        if mt and is_later(v) then
          return v
        end
        return nil, mismatch("a list", v)
      end
      local out, all = setmetatable({}, list_mt), nil
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
    end, of),
    field,
    function(t)
      return #t
    end
  )
end

function builders.map(field)
  local of = field_of.full(field.of)
  local item = compile_field(of)
  return limit(
    with_rule(function(v)
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
    end, of),
    field,
    count
  )
end

function builders.optional(field)
  local check = compile_field(field_of.full(field.of))
  return function(v)
    if v == null or v == nil then
      return null
    end
    return check(v)
  end
end

local records = setmetatable({}, { __mode = "k" }) -- fields -> { [open] = check }: types are compiled once

--- A type that holds itself is called through here: values that hold themselves end.
local function recursive(known)
  local depth = 0
  return function(v)
    if depth >= MAX_DEPTH then
      return nil, new_problem(("nested more than %d levels deep"):format(MAX_DEPTH))
    end
    depth = depth + 1
    local ran, done, problems = pcall(known.check, v)
    depth = depth - 1
    if not ran then
      error(done, 0)
    end
    return done, problems
  end
end

--- The check of the fields of a record.
---@param fields table<string, prov.Field>
---@param open boolean?
---@return fun(v: any, skip: table?): any, prov.Problem[]?
function M.record(fields, open)
  local slot = records[fields] or {}
  records[fields] = slot
  open = open or false
  local known = slot[open]
  if not known then
    known = {}
    slot[open] = known
    local ran, check = pcall(record.compile, fields, open, compile_field)
    if not ran then
      slot[open] = nil
      error(check, 0)
    end
    known.check = check
  end
  return known.check or recursive(known)
end

function builders.record(field)
  local check = M.record(field.fields or {}, field.open)
  return function(v)
    return check(v)
  end
end

function builders.union(field)
  local checks, other = {}, mismatch
  for i, one in ipairs(field.of) do
    checks[i] = compile_field(one)
    if field_of.is_secret(field_of.full(one)) then
      other = problem.mismatch_of_secret -- it may have been meant as that
    end
  end
  return function(v)
    if type(v) == "table" and is_later(v) then
      return v
    end
    local expected, nearest = {}, nil
    for _, check in ipairs(checks) do
      local done, problems = check(v)
      if not problems then
        return done
      end
      local one = problems[1]
      if #problems == 1 and #one.path == 0 and one.expected and one.msg:find("^expected ") then
        expected[#expected + 1] = one.expected
      elseif not nearest or #problems < #nearest then
        nearest = problems -- the right shape with something wrong inside
      end
    end
    if nearest then
      return nil, nearest
    end
    return nil, other(table.concat(expected, " or "), v)
  end
end

--- Wraps a check so that what it takes is secret, also in what it says.
local function secret(check)
  return function(v)
    local done, problems = check(value.is_secret(v) and v[1] or v)
    if problems then
      return nil, problem.conceal(problems)
    elseif marked(done) then
      return done
    end
    return value.secret(done)
  end
end

compile_field = function(field)
  field = field_of.full(field)
  local kind = field_of.kind(field)
  local check
  if field.one_of and kind ~= "list" and kind ~= "map" then
    check = enum(field)
  elseif builders[kind] then
    check = builders[kind](field)
  elseif scalars[kind] then
    check = scalar(field)
  else
    local hint = suggest.hint(tostring(kind), field_of.TYPES)
    error(("there is no type '%s'%s"):format(tostring(kind), hint and "; " .. hint or ""), 0)
  end
  return field.secret and kind ~= "secret" and secret(check) or check
end

--- The check of one field.
---@param field prov.Field|string
---@return fun(v: any): any, prov.Problem[]?
function M.field(field)
  return compile_field(field)
end

return M
