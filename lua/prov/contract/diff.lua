--- What differs between two contracts, and what of it breaks those who use the old one.
--
-- For a contract of arguments, a change breaks when a value that was good is refused now. For one of results
-- (`results = true`) it breaks when what was promised may not be there, or be something else.

local data = require("core.data")
local describe = require("prov.contract.describe")
local field_of = require("prov.contract.field")
local scalars = require("prov.contract.scalars")

local M = {}

---@class prov.ContractChange
---@field path string servers.disks[].size
---@field effect "breaks"|"changes"|"adds" breaks: what was good is refused; changes: it is good and means something
--- else; adds: nobody has to do anything
---@field what string

local Differ = {}
Differ.__index = Differ

function Differ:say(effect, path, what, ...)
  self.out[#self.out + 1] = {
    path = path == "" and "(all)" or path,
    effect = effect,
    what = select("#", ...) > 0 and what:format(...) or what,
  }
end

-- Types whose values are values of another type too.
local WIDER = {
  int = { number = true, duration = true, size = true },
  port = { int = true, number = true, size = true, duration = true },
}
for _, kind in ipairs({ "cidr", "hostname", "ip", "path", "ref", "semver", "url", "enum" }) do
  WIDER[kind] = { string = true, secret = true, path = true, ref = true }
end
WIDER.string = { secret = true }
WIDER.secret = { string = true }

local function takes(from, to)
  return from == to or to == "any" or WIDER[from] ~= nil and WIDER[from][to] == true
end

local function shown(v)
  if v == nil then
    return "none"
  elseif type(v) == "function" then
    return "computed"
  elseif type(v) == "table" then
    return (require("prov.json").encode(v)) or "a table"
  end
  return type(v) == "string" and ("%q"):format(v) or tostring(v)
end

local function same(a, b)
  if type(a) == "function" or type(b) == "function" then
    return type(a) == type(b) -- what they compute cannot be compared
  end
  return require("prov.contract.changes").equal(a, b)
end

local function number(field, limit)
  local scalar = type(limit) == "string" and scalars[field.type]
  return scalar and (scalar(limit)) or limit
end

function Differ:choices(path, old, new)
  local had, has = {}, {}
  for _, v in ipairs(old) do
    had[v] = true
  end
  for _, v in ipairs(new) do
    has[v] = true
    if not had[v] then
      self:say("adds", path, "the value %s", shown(v))
    end
  end
  for _, v in ipairs(old) do
    if not has[v] then
      self:say(self.results and "adds" or "breaks", path, "the value %s is gone", shown(v))
    end
  end
end

--- Limits and forms of the value.
function Differ:limits(path, old, new)
  local narrower = self.results and "changes" or "breaks"
  for _, name in ipairs({ "min", "max" }) do
    local before, after = number(old, old[name]), number(new, new[name])
    if before ~= after then
      local tighter = after and (not before or name == "min" and after > before or name == "max" and after < before)
      self:say(tighter and narrower or "adds", path, "%s is %s, was %s", name, shown(new[name]), shown(old[name]))
    end
  end
  for _, name in ipairs({ "pattern", "regex" }) do
    if old[name] ~= new[name] then
      self:say(new[name] and narrower or "adds", path, "%s is %s, was %s", name, shown(new[name]), shown(old[name]))
    end
  end
  if new.check and not old.check then
    self:say(narrower, path, "a rule checks it")
  end
end

--- True when a value must be given: a default that is computed may come to nothing.
local function is_demanded(field)
  return field.required and (field.default == nil or type(field.default) == "function") or false
end

--- What is said of a field besides its value.
function Differ:attributes(path, old, new)
  local given = not self.results
  local demands, demanded = is_demanded(new), is_demanded(old)
  if given and demands and not demanded then
    self:say("breaks", path, "must be given now")
  elseif demanded and not demands then
    self:say(given and "adds" or "breaks", path, given and "need not be given any more" or "may be absent now")
  elseif given and not same(old.default, new.default) then
    self:say("changes", path, "the default is %s, was %s", shown(new.default), shown(old.default))
  end
  if (new.replace or false) ~= (old.replace or false) then
    self:say("changes", path, new.replace and "a change of it replaces the resource now" or "is changed in place now")
  end
  if field_of.is_secret(new) ~= field_of.is_secret(old) then
    self:say("changes", path, field_of.is_secret(new) and "is secret now" or "is shown now")
  end
  if new.deprecated and not old.deprecated then
    self:say("adds", path, "is deprecated%s", type(new.deprecated) == "string" and ": " .. new.deprecated or "")
  end
end

function Differ:union(path, old, new)
  local function alternatives(field)
    return field_of.kind(field) == "union" and field.of or { field }
  end
  local before, after = alternatives(old), alternatives(new)
  local used = {}
  for _, one in ipairs(before) do
    one = field_of.full(one)
    local best, best_breaks
    for i, other in ipairs(after) do
      other = field_of.full(other)
      local trial = setmetatable({ out = {}, results = self.results, seen = setmetatable({}, { __index = self.seen }) },
        Differ)
      trial:value(path, one, other)
      local breaks = 0
      for _, change in ipairs(trial.out) do
        breaks = breaks + (change.effect == "breaks" and 1 or 0)
      end
      if takes(field_of.kind(one), field_of.kind(other)) and (not best or breaks < best_breaks) then
        best, best_breaks = trial, breaks
        used[i] = true
      end
    end
    if not best then
      self:say(self.results and "adds" or "breaks", path, "may not be %s any more", describe.type_text(one))
    else
      table.move(best.out, 1, #best.out, #self.out + 1, self.out)
    end
  end
  for i, other in ipairs(after) do
    if not used[i] then
      self:say(self.results and "breaks" or "adds", path, "may be %s too", describe.type_text(other))
    end
  end
end

--- Compares the values that two fields take.
function Differ:value(path, old, new)
  local before, after = field_of.kind(old), field_of.kind(new)
  if before == "union" or after == "union" then
    return self:union(path, old, new)
  elseif before == "optional" or after == "optional" then
    if before ~= after then
      local loses = before == "optional"
      self:say(
        loses ~= self.results and "breaks" or "adds",
        path,
        loses and "may not be null any more" or "may be null too"
      )
    end
    return self:value(
      path,
      field_of.full(before == "optional" and old.of or old),
      field_of.full(after == "optional" and new.of or new)
    )
  end
  local fits
  if self.results then
    fits = takes(after, before)
  else
    fits = takes(before, after)
  end
  if not fits then
    return self:say("breaks", path, "is %s, was %s", describe.type_text(new), describe.type_text(old))
  elseif before ~= after then
    self:say("adds", path, "is %s, was %s", describe.type_text(new), describe.type_text(old))
  end
  if old.one_of and new.one_of then
    self:choices(path, old.one_of, new.one_of)
  elseif new.one_of then
    self:say(self.results and "adds" or "breaks", path, "must be one of %s", describe.type_text(new))
  end
  self:limits(path, old, new)
  if before == "record" and after == "record" then
    if old.open and not new.open then
      self:say(self.results and "changes" or "breaks", path, "takes no other fields any more")
    elseif new.open and not old.open then
      self:say("adds", path, "takes other fields too")
    end
    self:fields(path, old.fields or {}, new.fields or {}, new.open)
  elseif before == after and (before == "list" or before == "map") then
    self:value(path .. (before == "list" and "[]" or ".*"), field_of.full(old.of), field_of.full(new.of))
  end
end

--- The field that a value is checked by: of an old name, that of the new one.
local function read_as(field, fields)
  local name = field_of.new_name(field, fields)
  return name and field_of.full(fields[name]) or field
end

function Differ:fields(path, old, new, open)
  if old == new or self.seen[old] == new then -- the same, or a type that holds itself
    return
  end
  self.seen[old] = new
  local function below(name)
    return path == "" and name or path .. "." .. name
  end
  for _, name in ipairs(data.keys(old)) do
    local was, is = field_of.full(old[name]), new[name]
    if is == nil then
      self:say((self.results or not open) and "breaks" or "changes", below(name), "is gone")
    else
      is = field_of.full(is)
      self:attributes(below(name), was, is)
      self:value(below(name), read_as(was, old), read_as(is, new))
    end
  end
  for _, name in ipairs(data.keys(new)) do
    if old[name] == nil then
      local is = field_of.full(new[name])
      local demanded = is_demanded(is) and not self.results
      for other in next, demanded and old or {} do -- what takes the place of an old name is given by that
        demanded = demanded and field_of.new_name(new[other], new) ~= name
      end
      self:say(demanded and "breaks" or "adds", below(name), demanded and "is new, and must be given" or "is new")
    end
  end
end

--- What differs between two schemas, in the order of the fields.
---@param old table<string, prov.Field>
---@param new table<string, prov.Field>
---@param opts? { results: boolean?, at: string? } results: they are of what is given, not of what is taken;
--- at: where they stand, put in front of the paths
---@return prov.ContractChange[]
function M.schemas(old, new, opts)
  local self = setmetatable({ out = {}, seen = {}, results = opts and opts.results or false }, Differ)
  self:fields(opts and opts.at or "", old, new, false)
  return self.out
end

--- The difference of two extensions of one kind.
---@param old table declaration
---@param new table declaration
---@return prov.ContractChange[]
function M.extensions(old, new)
  local out = {}
  local function add(before, after, at, results)
    local changes = M.schemas(
      type(before) == "table" and before or {},
      type(after) == "table" and after or {},
      { at = at, results = results }
    )
    table.move(changes, 1, #changes, #out + 1, out)
  end
  if old.kind == "provider" then
    add(old.config, new.config, "config")
    for _, kind in ipairs(data.keys(old.resources)) do
      local was, is = old.resources[kind], new.resources[kind]
      if is then
        add(was.schema, is.schema, kind)
        add(was.outputs, is.outputs, kind .. ".outputs", true)
      else
        out[#out + 1] = { path = kind, effect = "breaks", what = "there are no such resources any more" }
      end
    end
    for _, kind in ipairs(data.keys(new.resources)) do
      if not old.resources[kind] then
        out[#out + 1] = { path = kind, effect = "adds", what = "is new" }
      end
    end
    return out
  elseif old.kind == "workflow" then
    add(old.inputs, new.inputs, "inputs")
    for _, name in ipairs(data.keys(old.outputs or {})) do
      if (new.outputs or {})[name] == nil then
        out[#out + 1] = { path = "outputs." .. name, effect = "breaks", what = "is gone" }
      end
    end
    return out
  end
  add(old.schema, new.schema, "")
  add(old.outputs, new.outputs, "outputs", true)
  return out
end

return M
