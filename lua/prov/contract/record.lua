--- Records: known fields, their defaults (also ones computed from other fields), and rules over the whole.

local data = require("core.data")
local field_of = require("prov.contract.field")
local problem = require("prov.contract.problem")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local null, list_mt = data.null, data.list_mt
local secret_mt, LATER = data.secret_mt, field_of.LATER
local gather, mismatch, new_problem = problem.gather, problem.mismatch, problem.new
local new_table = data.copy
local next, type, getmetatable, rawlen = next, type, getmetatable, rawlen

local ROOM = 4 -- fields that a record has room for besides its defaults, before it has to grow

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

local function new_map()
  return {}
end

--- What makes a default of its own for each record, or nil when one can be for all.
local function copier(v)
  if type(v) ~= "table" or value.is_marked(v) then
    return nil
  end
  return next(v) == nil and getmetatable(v) == nil and new_map or copy
end

local function missing(name, doc)
  return { path = {}, msg = ("the field '%s' is missing"):format(name), hint = doc, missing = name }
end

--- Text of what a rule or default raised.
local function raised_text(e)
  if type(e) == "table" and e.msg then
    return e.msg
  end
  return (tostring(e):gsub("^[^\n]-:%d+: ", "", 1))
end

-- A limit of the sandbox goes through every pcall.
local function is_limit(e)
  return type(e) == "table" and rawget(e, "limit") ~= nil
end

--- Runs rules { name, check } over parts of a whole that is good otherwise.
local function run_rules(rules, whole, all)
  for i = 1, #rules do
    local rule = rules[i]
    local v = whole[rule.name]
    if v ~= nil and not value.is_marked(v) then
      local ran, ok, message, hint = pcall(rule.check, v, whole)
      if not ran then
        if is_limit(ok) then
          error(ok, 0)
        elseif not value.has_unknown(whole) then -- else it is checked when its values are known
          all = gather(all, rule.name, new_problem("the rule failed: " .. raised_text(ok), nil, { rule = rule.check }))
        end
      elseif not ok and (message ~= nil or ok == false) then
        all = gather(all, rule.name, new_problem(message or "the value is not allowed", hint, { rule = rule.check }))
      end
    end
  end
  return all
end

--- Runs the rule of the items of a list or map.
---@param check function
---@param whole table
---@return prov.Problem[]?
function M.run_item_rule(check, whole)
  local rules = {}
  for key in next, whole do
    rules[#rules + 1] = { name = key, check = check }
  end
  return run_rules(rules, whole)
end

local MISTAKEN = {} -- raised in a default that reads what has a mistake: that one is told already

---@class prov.Computing defaults that are computed from other fields, in one record
---@field out table
---@field lazy table<string, table>
---@field all prov.Problem[]?
---@field failed table<string, true>
---@field running string[] names of the defaults that wait for another one
---@field whole table what they see
local Computing = {}
Computing.__index = Computing

function Computing:is_running(name)
  for _, one in ipairs(self.running) do
    if one == name then
      return true
    end
  end
  return false
end

--- The names from the first time `name` was asked for to now, as one path.
function Computing:circle(name)
  local words
  for _, one in ipairs(self.running) do
    words = words or one == name and {}
    if words then
      words[#words + 1] = one
    end
  end
  words[#words + 1] = name
  return table.concat(words, " -> ")
end

function Computing:fail(name, problems)
  self.failed[name] = true
  self.all = gather(self.all, name, problems)
end

--- Computes the default of one field, unless it is there.
function Computing:compute(name)
  local one = self.lazy[name]
  self.running[#self.running + 1] = name
  local ran, v = pcall(one.default, self.whole)
  self.running[#self.running] = nil
  if not ran then
    if is_limit(v) then
      error(v, 0)
    elseif v == MISTAKEN then
      self.failed[name] = true
    else
      local is_circle = type(v) == "table" and v.circle
      local msg = is_circle and "its default depends on itself: " .. v.circle
        or "its default cannot be computed: " .. raised_text(v)
      self:fail(name, new_problem(msg, not is_circle and "give it a value" or nil, { rule = one.default }))
    end
    return nil
  elseif v == nil or v == null then
    if one.required then
      self.failed[name] = true
      self.all = self.all or {}
      self.all[#self.all + 1] = missing(name, one.hint)
    end
    return nil
  end
  local done, problems = one.check(v)
  if problems then
    for _, p in ipairs(problems) do
      p.msg, p.rule = "its default: " .. p.msg, one.default
    end
    self:fail(name, problems)
    return nil
  end
  self.out[name] = done
  return done
end

--- What a default sees of its record: every field with its value, the defaults of others too.
local function whole_of(self, names, open)
  return setmetatable({}, {
    __index = function(_, name)
      local v = self.out[name]
      if v ~= nil then
        return v
      elseif self.failed[name] then
        error(MISTAKEN, 0)
      elseif self.lazy[name] then
        if self:is_running(name) then
          error({ circle = self:circle(name) }, 0)
        end
        v = self:compute(name)
        if self.failed[name] then
          error(MISTAKEN, 0)
        end
        return v
      elseif not open and not names[name] then
        local known = {}
        for one in next, names do
          known[#known + 1] = one
        end
        local hint = suggest.hint(tostring(name), known)
        error(("there is no field '%s'%s"):format(tostring(name), hint and "; " .. hint or ""), 0)
      end
    end,
    __newindex = function()
      error("a default only reads the other fields", 0)
    end,
    __pairs = function(t)
      for name in next, self.lazy do
        local _ = not self:is_running(name) and t[name]
      end
      return next, self.out, nil
    end,
  })
end

local function compute_absent(out, lazy, order, names, open, all, failed)
  local self
  for i = 1, #order do
    local name = order[i]
    if out[name] == nil and not (failed and failed[name]) then
      if not self then
        self = setmetatable({ out = out, lazy = lazy, all = all, failed = failed or {}, running = {} }, Computing)
        self.whole = whole_of(self, names, open)
      end
      if not self.failed[name] then
        self:compute(name)
      end
    end
  end
  return self and self.all or all
end

--- Adds what is absent: defaults that each record has of its own, and problems for required fields.
local function complete_absent(out, absent, all, failed)
  for i = 1, #absent do
    local one = absent[i]
    if out[one.name] == nil and not (failed and failed[one.name]) then
      if one.copy then
        out[one.name] = one.copy(one.default)
      else
        all = all or {}
        all[#all + 1] = missing(one.name, one.hint)
      end
    end
  end
  return all
end

local function unknown_field(key, names, skip)
  local known = table.move(names, 1, #names, 1, {})
  for name in next, skip or {} do
    known[#known + 1] = name
  end
  return new_problem(
    ("there is no field '%s'"):format(tostring(key)),
    suggest.hint(tostring(key), known)
      or #names > 0 and #names <= 16 and "the fields are: " .. table.concat(names, ", ")
      or nil
  )
end

--- Compiles what the fields say into tables for the check.
local function prepare(fields, compile)
  local self = { checks = {}, defaults = {}, absent = {}, rules = {}, names = {}, lazy = {}, order = {} }
  self.is_field, self.nullable, self.renamed = {}, nil, nil
  for name, field in next, fields do
    field = field_of.full(field)
    local new_name = field_of.new_name(field, fields)
    local check = compile(field)
    self.is_field[name] = true
    if new_name then
      self.renamed = self.renamed or {}
      self.renamed[name] = new_name
    else
      self.checks[name] = check
      self.names[#self.names + 1] = name
      if field_of.takes_null(field) then
        self.nullable = self.nullable or {}
        self.nullable[name] = true
      end
    end
    local default = field.default
    if type(default) == "function" then
      self.lazy[name] = { default = default, check = check, required = field.required, hint = field.doc }
      self.order[#self.order + 1] = name
    elseif default ~= nil then
      local done, problems = check(default)
      if problems then
        error(("the default of field '%s': %s"):format(name, problems[1].msg), 0)
      end
      local own = copier(done)
      if own then
        self.absent[#self.absent + 1] = { name = name, default = done, copy = own }
      else
        self.defaults[name] = done
      end
    elseif field.required then
      self.absent[#self.absent + 1] = { name = name, hint = field.doc }
    end
    if field.check then
      self.rules[#self.rules + 1] = { name = name, check = field.check }
    end
  end
  local function by_name(a, b)
    return a.name < b.name
  end
  table.sort(self.names)
  table.sort(self.order)
  table.sort(self.absent, by_name)
  table.sort(self.rules, by_name)
  return self
end

--- Compiles the fields of a record into `check(v, skip)`; fields in skip are somebody else's.
---@param fields table<string, prov.Field>
---@param open boolean?
---@param compile fun(field: prov.Field): function
---@return fun(v: any, skip: table?): any, prov.Problem[]?
function M.compile(fields, open, compile)
  local parts = prepare(fields, compile)
  local checks, absent, rules, names, renamed = parts.checks, parts.absent, parts.rules, parts.names, parts.renamed
  local lazy, order, is_field, nullable = parts.lazy, parts.order, parts.is_field, parts.nullable
  local n_absent, n_rules, n_lazy = #absent, #rules, #order
  local defaults = parts.defaults
  local room = math.max(0, math.min(ROOM, #names - #data.keys(defaults)))
  return function(v, skip)
    local mt = type(v) == "table" and getmetatable(v)
    if mt == false then -- no table
      return nil, mismatch("a map", v)
    elseif mt and LATER[mt] then
      return v
    elseif mt == secret_mt or (mt == list_mt or rawlen(v) > 0) and next(v) ~= nil then
      return nil, mismatch("a map", v)
    end
    local out, all, failed = new_table(defaults, room), nil, nil
    for key, one in next, v do
      local check = checks[key]
      if check and one == null and not (nullable and nullable[key]) then -- luacheck: ignore
      elseif check then
        local done, problems = check(one)
        if problems then
          all = gather(all, key, problems)
          failed = failed or {}
          failed[key], out[key] = true, nil
        else
          out[key] = done
        end
      elseif renamed and renamed[key] then
        local name = renamed[key]
        local done, problems
        if one ~= null then
          done, problems = checks[name](one)
        end
        if one ~= null and v[name] ~= nil and v[name] ~= null then
          problems = new_problem(("the old name of '%s', which is given too"):format(name), "leave it out")
        end
        if problems then
          all = gather(all, key, problems)
          failed = failed or {}
          failed[name], out[name] = true, nil
        elseif done ~= nil then
          out[name] = done
        end
      elseif open then
        out[key] = one
      elseif not (skip and skip[key]) then
        all = gather(all, key, unknown_field(key, names, skip))
      end
    end
    if n_absent > 0 then
      all = complete_absent(out, absent, all, failed)
    end
    if n_lazy > 0 then
      all = compute_absent(out, lazy, order, is_field, open, all, failed)
    end
    if n_rules > 0 and not all then
      all = run_rules(rules, out, all)
    end
    if all then
      return nil, all
    end
    return out
  end
end

return M
