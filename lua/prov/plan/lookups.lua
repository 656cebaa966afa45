--- Reads the `data` of an infra from its providers. What cannot be read is an error, never "there is none".

local catalogs = require("prov.catalog")
local data = require("core.data")
local err = require("prov.err")
local merge = require("prov.infra.merge")
local value = require("prov.value")

local M = {}

---@class prov.Lookups
---@field list table[] as prov.infra.lookups gives them
---@field by_address table<string, table>
---@field found table<string, any> what was read, by address
---@field providers prov.Providers
local Lookups = {}
Lookups.__index = Lookups

--- Opens the look-ups of an infra or of a saved plan.
---@param list table[]
---@param providers prov.Providers
---@param found? table<string, any> what was read before
---@return prov.Lookups
function M.open(list, providers, found)
  local by_address = {}
  for _, one in ipairs(list or {}) do
    by_address[one.address] = one
  end
  return setmetatable({
    list = list or {},
    by_address = by_address,
    providers = providers,
    found = found or {},
    resolving = {},
  }, Lookups)
end

local function fail(one, code, hint, fmt, ...)
  local at = one.origin or {}
  return nil, err.new(code, one.address .. ": " .. fmt:format(...), {
    file = at.file, line = at.line, column = at.column, hint = hint,
  })
end

local function pattern_of(text)
  return "^" .. text:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function matches(row, where)
  for field, wanted in pairs(where) do
    local have = row[field]
    if type(wanted) == "string" and type(have) == "string" then
      if have ~= wanted and not (wanted:find("[*?]") and have:find(pattern_of(wanted))) then
        return false
      end
    elseif have == nil or data.encode(have) ~= data.encode(wanted) then
      return false
    end
  end
  return true
end

--- All rows that a provider has of a kind.
local function rows_of(self, one)
  local declaration, e = self.providers:declaration(one.provider)
  if not declaration then
    return nil, e
  end
  local catalog
  catalog, e = catalogs.of(self.providers.workspace, self.providers, one.provider)
  if e then -- what was kept from before is no answer here
    return nil, e
  end
  local rows = catalog and (catalog[merge.plural(one.kind)] or catalog[one.kind])
  if rows then
    return rows
  elseif not declaration.resources[one.kind] or not self.providers:has(one.provider, one.kind, "list") then
    return err.fail("unsupported", "the provider '%s' cannot list its %s", one.provider, merge.plural(one.kind))
  end
  rows, e = self.providers:call(one.provider, one.kind, "list", {})
  if rows == nil then
    return nil, e or err.new("failed", "it gave no list")
  end
  return rows
end

local function where_text(where)
  local parts = {}
  for _, name in ipairs(data.keys(where)) do
    parts[#parts + 1] = ("%s %s"):format(name, tostring(where[name]))
  end
  return #parts > 0 and " with " .. table.concat(parts, ", ") or ""
end

local function pick(one, rows, where)
  local found = data.list({})
  for _, row in ipairs(rows) do
    if type(row) == "table" and matches(row, where) then
      found[#found + 1] = row
    end
  end
  if one.sort then
    local function less(a, b)
      local x, y = a[one.sort], b[one.sort]
      if type(x) ~= type(y) then
        return x == nil and y ~= nil
      end
      return type(x) == "number" and x < y or tostring(x) < tostring(y)
    end
    table.sort(found, less)
  end
  if one.pick == "all" then
    return found
  elseif #found == 0 then
    return fail(one, "notfound", ("'prov provider show %s' lists what there is"):format(one.provider),
      "the provider '%s' has no %s%s", one.provider, one.kind, where_text(where))
  elseif #found > 1 and one.pick == "one" then
    return fail(one, "conflict", "narrow it with 'where', or say which with 'pick' and 'sort'",
      "the provider '%s' has %d %s%s", one.provider, #found, merge.plural(one.kind), where_text(where))
  end
  return found[one.pick == "last" and #found or 1]
end

--- The value of a path of a look-up; an unknown while it cannot be read yet. Raises what goes wrong.
---@async
---@param address string
---@param path any[]
---@param lookup fun(address: string, path: any[]): any of what its `where` refers to
---@return any
function Lookups:get(address, path, lookup)
  local one = self.by_address[address]
  if self.found[address] == nil then
    local task = coroutine.running() -- steps of a run may ask for the same at once
    if self.resolving[address] == task then
      error(select(2, fail(one, "cycle", "take one of the references out of 'where'", "it needs itself")), 0)
    end
    self.resolving[address] = task
    local where, e = value.resolve(one.where, function(of, below)
      return lookup(of, below) or value.unknown("any", { of })
    end)
    self.resolving[address] = nil
    if where == nil then
      error(e, 0)
    elseif value.has_unknown(where) or not self.providers:is_ready(one.provider) then
      return value.unknown("any", one.needs)
    end
    local rows, row
    rows, e = rows_of(self, one)
    if rows then
      row, e = pick(one, rows, value.reveal(where))
    elseif e.file == nil then
      row, e = fail(one, e.code, e.hint, "%s", tostring(e))
    end
    if row == nil then
      error(e, 0)
    end
    self.found[address] = row
  end
  local v = self.found[address]
  for _, key in ipairs(path) do
    v = type(v) == "table" and v[key] or nil
  end
  return v
end

--- Reads all that can be read now.
---@async
---@return true?, prov.Err?
function Lookups:read_all(lookup)
  for _, one in ipairs(self.list) do
    local ok, e = pcall(self.get, self, one.address, {}, lookup)
    if not ok then
      return nil, err.from(e)
    end
  end
  return true
end

return M
