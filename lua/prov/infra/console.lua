--- The value of an expression where an infra stands: it is read as one more output, and what it refers to is what is
-- recorded; what is declared, for what was not made yet; or what a look-up finds.

local address = require("prov.address")
local data = require("core.data")
local err = require("prov.err")
local interpolate = require("prov.infra.interpolate")
local source = require("prov.infra.source")
local state = require("prov.state")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local NAME, FILE = "console", "the expression"

--- What `output.name` means in an expression: the declared output, made anew.
---@param declared table<string, any>
---@param scope prov.Scope
---@return fun(name: string, path: any[]): any, table?
function M.outputs(declared, scope)
  local asked = {}
  return function(name, path)
    if declared[name] == nil or name == NAME and asked[NAME] then
      local names = {}
      for one in next, declared do
        names[#names + 1] = one ~= NAME and one or nil
      end
      table.sort(names)
      return nil, {
        msg = ("there is no output '%s'"):format(name),
        hint = suggest.hint(name, names) or #names > 0 and "there are " .. table.concat(names, ", ") or nil,
      }
    elseif asked[name] then
      return nil, { msg = ("the output '%s' needs itself"):format(name) }
    end
    asked[name] = true
    local problems = {}
    local v = interpolate.value(declared[name], scope, problems)
    asked[name] = nil
    if problems[1] then
      return nil, problems[1]
    end
    return interpolate.follow(v, path)
  end
end

---@class prov.Console
---@field project prov.Project
---@field infra prov.Infra as it was read for the last expression
local Console = {}
Console.__index = Console

--- Opens the infra and the state of a project.
---@param project prov.Project
---@return prov.Console
function M.open(project)
  return setmetatable({ project = project, infra = project.infra }, Console)
end

-- The infra with the expression as an output; files are read anew, so changes of them count.
local function infra_with(self, text)
  local workspace = self.project.workspace
  local sources, errs, reading = source.read(workspace)
  if not sources then
    return nil, errs
  end
  sources = table.move(sources, 1, #sources, 1, {})
  sources[#sources + 1] = {
    file = FILE,
    tree = { outputs = { [NAME] = "${" .. text .. "}" } },
    text = "",
    place = function() end,
  }
  return require("prov.infra").build(workspace, sources, { registry = self.project.registry, outputs = true }, reading)
end

-- Errors without the name that the expression has only here.
local function of_person(errs)
  for _, e in ipairs(err.list(errs)) do
    if e.file == FILE then
      e.file, e.path = nil, nil
      e.hint = e.hint ~= interpolate.PLAIN and e.hint or nil -- there are no braces to escape
      e.msg = e.msg:gsub("^outputs%." .. NAME .. ": ", ""):gsub("^'%${(.*)}'", "'%1'")
    end
  end
  return errs
end

-- What references give.
local function lookup_of(self, infra, records)
  local declared, instances = {}, {}
  for _, list in ipairs({ infra.resources, infra.taskservs }) do
    for _, node in ipairs(list) do
      declared[node.address] = node.args
      local base = node.key ~= nil and address.base(node.address)
      if base then
        instances[base] = instances[base] or {}
        table.insert(instances[base], node.address)
      end
    end
  end
  local lookups = require("prov.plan.lookups").open(infra.lookups, self.project.providers)
  local lookup
  function lookup(at, path)
    if lookups.by_address[at] then
      return lookups:get(at, path, lookup)
    elseif not declared[at] and instances[at] then
      local list = data.list({})
      for i, instance in ipairs(instances[at]) do
        list[i] = lookup(instance, path)
      end
      return list
    end
    local record = records[at]
    if record then
      local found = state.at(record:shown(), path)
      if found == nil then
        found = state.at(record:args(), path)
      end
      if found == nil then
        error(err.new("notfound", ("%s has no value '%s'"):format(at, table.concat(path, ".")), {
          hint = ("'prov state show %s' shows what is recorded"):format(at),
        }), 0)
      end
      return found
    end
    local found = declared[at] and path[1] ~= nil and state.at(declared[at], path) or nil
    if found ~= nil then
      found = value.resolve(found, lookup)
    end
    return found == nil and value.unknown("any", { at }) or found
  end
  return lookup
end

--- The value of an expression. Secrets and what is not known yet are marked values.
---@async
---@param text string
---@return any value
---@return prov.Err|prov.Err[]? err
function Console:value(text)
  local infra, errs = infra_with(self, text)
  if not infra then
    return nil, of_person(errs)
  end
  self.infra = infra
  local now, e = state.load(self.project.store)
  if not now then
    return nil, e
  end
  local v
  v, e = value.resolve(infra.outputs[NAME], lookup_of(self, infra, now.records))
  if v == nil then
    return nil, e
  end
  return v
end

--- What can be typed at the beginning of an expression: addresses, variables, outputs, functions.
---@return string[]
function Console:names()
  local out, seen = {}, {}
  local function add(name)
    if not seen[name] then
      seen[name] = true
      out[#out + 1] = name
    end
  end
  for _, node in ipairs(self.infra.resources) do
    add(address.base(node.address))
  end
  for _, one in ipairs(self.infra.lookups or {}) do
    add(one.address)
  end
  for name in next, self.infra.outputs do
    add("output." .. name)
  end
  for _, name in ipairs(require("prov.expr.functions").names()) do
    add(name .. "(")
  end
  table.sort(out)
  return out
end

return M
