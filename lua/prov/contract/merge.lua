--- Merges trees of values that several files give: records key by key, with priorities.
--
--   local tree, place = merge.trees({
--     { tree = t, file = "infra.yaml", place = f },                       -- what a prov.Source has
--     { tree = u, file = "env/prod.yaml", place = g, priority = "force" }, -- an environment
--   })
--   if not tree then return nil, place end          -- a list of errors, all of them
--   local line, column, file = place({ "servers", "web", "plan" })
--
-- `place` knows the file of every value: contract.errors and everything that has a prov.At or
-- prov.Source takes it as it is. The trees are not changed; parts that only one file gives are shared.
--
-- Priorities are default < normal < force. In data files they are a mark behind the key, in Lua also
-- a function around the value:
--
--   plan?: small       plan = default("small")      used when nobody else gives a plan
--   plan: small        plan = "small"
--   plan!: large       plan = force("large")        replaces what others give
--   tags!: null        tags = force(null)           takes it away
--   "really!!": yes    (a key that ends in ! or ? itself doubles it)
--
-- For each key, over all files, whatever their order:
-- 1. A null without a mark, and in a file of no higher priority than normal, says nothing.
-- 2. The highest priority counts. A map without a mark is never replaced by another such map, whatever the
--    priorities of their files: maps are merged key by key, and the priority of a file is that of its other
--    values. A mark behind the key of a map is about the whole map.
-- 3. What is left must be maps, which are merged, or equal values; a list is one value. Anything else is a
--    conflict: an error with the place of every one.

local contract = require("prov.contract")
local value = require("prov.value")

local M = {}

---@class prov.Tree what one file gives
---@field tree table
---@field file string
---@field place? fun(path: (string|integer)[]): integer?, integer? line and column
---@field priority? "default"|"normal"|"force"|number of what has no mark; the three are 1, 2 and 3
---@field unmarked? boolean promises that no priorities are in it (see may_mark): saves a walk

---@class prov.Given one file's value of one key
---@field value any
---@field rank number
---@field mark boolean the rank was written at this key
---@field from prov.Tree
---@field raw? any the key as it is written there
---@field up? prov.Given of the map it stands in
---@field kids? table<any, prov.Given> when maps were merged: what gave each key

local RANK = { default = 1, normal = 2, force = 3 }
local NORMAL = RANK.normal
local MAX_DEPTH = 100
local MAX_NODES = 20 * 1000 * 1000 -- of shared tables that hold each other many times over

local null = value.null
local byte, getmetatable, next, type = string.byte, getmetatable, next, type
local FORCE, DEFAULT = byte("!"), byte("?")

local priority_mt = {}
function priority_mt.__tostring(self)
  return (self[1] == RANK.force and "force" or "default") .. "(...)"
end

--- Marks the value of a field in Lua: it replaces what other files give.
---@param v any
function M.force(v)
  return setmetatable({ RANK.force, v }, priority_mt)
end

--- Marks the value of a field in Lua: it is used when no other file gives one.
---@param v any
function M.default(v)
  return setmetatable({ RANK.default, v }, priority_mt)
end

--- The name a key stands for, and the rank that its mark gives.
---@param key any
---@return any name
---@return number? rank
function M.name_of(key)
  local last = type(key) == "string" and #key > 1 and byte(key, -1)
  if last ~= FORCE and last ~= DEFAULT then
    return key
  elseif byte(key, -2) == last then
    return key:sub(1, -2)
  end
  return key:sub(1, -2), last == FORCE and RANK.force or RANK.default
end

--- False when the text of a YAML, TOML or JSON file can have no key with a mark.
---@param text string
---@return boolean
function M.may_mark(text)
  local question = text:find("?", 1, true) -- a look for one character takes next to no time
  return (question or text:find("!", 1, true)) ~= nil and text:find("[!?][\"']?%s*[:=%].]") ~= nil
    or question ~= nil and text:find("\n%s*%?%s") ~= nil
end

local function is_map(v)
  return type(v) == "table" and getmetatable(v) == nil and rawlen(v) == 0
end

local function equal(a, b)
  if rawequal(a, b) then
    return true
  elseif type(a) ~= "table" or type(b) ~= "table" then
    return type(a) == "number" and type(b) == "number" and a == b
  elseif getmetatable(a) ~= getmetatable(b) and (value.is_marked(a) or value.is_marked(b)) then
    return false
  end
  for k, v in next, a do
    if not equal(v, rawget(b, k)) then
      return false
    end
  end
  for k in next, b do
    if rawget(a, k) == nil then
      return false
    end
  end
  return true
end

---@class prov.Merger
---@field errors prov.Err[]
---@field marked table<prov.Tree, boolean>
---@field nodes integer
local Merger = {}
Merger.__index = Merger

local function raw_path(given)
  local path, n = {}, 0
  while given.up do
    n = n + 1
    path[n] = given.raw
    given = given.up
  end
  for i = 1, n // 2 do
    path[i], path[n - i + 1] = path[n - i + 1], path[i]
  end
  return path
end

local function where(given)
  local line, column
  if given.from.place then
    line, column = given.from.place(raw_path(given))
  end
  return { file = given.from.file, line = line, column = column }
end

local function where_text(at)
  return at.file .. (at.line and ":" .. at.line .. (at.column and ":" .. at.column or "") or "")
end

function Merger:fail(path, given, msg, hint, more)
  local at = where(given)
  local e = contract.errors({ { path = table.move(path, 1, #path, 1, {}), msg = msg, hint = hint } }, {
    file = at.file,
    place = function()
      return at.line, at.column
    end,
  })[1]
  e.data = more
  self.errors[#self.errors + 1] = e
end

--- Looks through one tree: true when priorities are in it. Notes what must not be.
function Merger:scan(source)
  local found, seen, path = false, {}, {}
  local root = { from = source }
  local function at_path()
    local given = root
    for _, key in ipairs(path) do
      given = { from = source, up = given, raw = key }
    end
    return given
  end
  local function walk(t)
    local depth = #path + 1
    if depth > MAX_DEPTH then
      return self:fail(path, at_path(), ("nested more than %d levels deep"):format(MAX_DEPTH))
    end
    seen[t] = true
    local map = is_map(t)
    for key, v in next, t do
      if map and not found and type(key) == "string" then
        local last = byte(key, -1)
        found = last == FORCE or last == DEFAULT
      end
      if type(v) == "table" then
        path[depth] = key
        if getmetatable(v) == priority_mt then
          found = true
          if not map then
            self:fail(path, at_path(), "a priority is for a field of a map", "put it around the whole list")
          end
          v = v[2]
        end
        if type(v) == "table" and not seen[v] and not value.is_marked(v) then
          walk(v)
        end
        path[depth] = nil
      end
    end
  end
  walk(source.tree)
  return found
end

--- Those that count, of what is given for one key; empty when it is taken away.
local function strongest(given)
  local counting, n = {}, 0
  for _, one in ipairs(given) do
    if one.value ~= null or one.rank > NORMAL then
      n = n + 1
      counting[n] = one
    end
  end
  if n == 0 then
    return { given[1] }
  end
  local top, whole = -math.huge, -math.huge
  for _, one in ipairs(counting) do
    one.deep = not one.mark and is_map(one.value)
    top = math.max(top, one.rank)
    whole = one.deep and whole or math.max(whole, one.rank)
  end
  local kept, something = {}, false
  for _, one in ipairs(counting) do
    if one.rank == top or one.deep and one.rank >= whole then
      kept[#kept + 1] = one
      something = something or one.value ~= null
    end
  end
  if not something then
    return {}
  end
  for i = #kept, 1, -1 do
    if kept[i].value == null then
      table.remove(kept, i)
    end
  end
  return kept
end

local function kind_text(v)
  if is_map(v) then
    return "a map"
  elseif value.is_list(v) then
    return "a list"
  end
  return "a single value"
end

--- What to write to settle a conflict.
local function advice(given, name)
  if given.mark then
    return "both are marked: take one of them out, or its mark"
  elseif given.from.file:match("%.lua$") then
    return "write force(...) around the value that is to win, or default(...) around the one that may give way"
  end
  return ("write '%s!' for the key of the one that is to win, or '%s?' for the one that may give way"):format(
    tostring(name),
    tostring(name)
  )
end

function Merger:conflict(kept, path)
  local first = kept[1]
  for i = 2, #kept do
    local one = kept[i]
    if is_map(one.value) ~= is_map(first.value) or not equal(one.value, first.value) then
      local here, there = kind_text(one.value), kind_text(first.value)
      local places = { where(first), where(one) }
      local other = where_text(places[1])
      local msg = here ~= there and ("%s here, but %s at %s"):format(here, there, other)
        or ("given another value at %s"):format(other)
      return self:fail(path, one, msg, advice(one, path[#path]), { places = places })
    end
  end
end

--- Groups the members of maps by name.
local function members(maps)
  local by_name = {}
  for _, map in ipairs(maps) do
    for key, v in next, map.value do
      local name, rank = M.name_of(key)
      while getmetatable(v) == priority_mt do
        rank, v = v[1], v[2]
      end
      local one = { value = v, rank = rank or map.rank, mark = rank ~= nil, from = map.from, raw = key, up = map }
      local list = by_name[name]
      if list then
        list[#list + 1] = one
      else
        by_name[name] = { one }
      end
    end
  end
  return by_name
end

--- The value of one key, and what it comes from; nil when it is taken away.
function Merger:join(given, path)
  local first = given[1]
  if #given == 1 and not self.marked[first.from] then
    return first.value, first
  end
  self.nodes = self.nodes + 1
  if #path > MAX_DEPTH or self.nodes > MAX_NODES then
    if not self.stopped then
      self.stopped = true
      self:fail(path, first, "too large or too deep to merge")
    end
    return nil
  end
  local kept = strongest(given)
  first = kept[1]
  if not first then
    return nil
  end
  if #kept > 1 then -- an empty map beside a list says nothing: Lua writes both {}
    local full = {}
    for _, one in ipairs(kept) do
      if not (is_map(one.value) and next(one.value) == nil) then
        full[#full + 1] = one
      end
    end
    kept = #full > 0 and full or { first }
    first = kept[1]
  end
  for _, one in ipairs(kept) do
    if not is_map(one.value) then
      self:conflict(kept, path)
      return first.value, first
    end
  end
  local out, depth = {}, #path + 1
  first.kids = {}
  for name, list in next, members(kept) do
    path[depth] = name
    out[name], first.kids[name] = self:join(list, path)
  end
  path[depth] = nil
  return out, first
end

local function by_place(a, b)
  for _, field in ipairs({ "file", "line", "column" }) do
    if a[field] ~= b[field] and a[field] and b[field] then
      return a[field] < b[field]
    end
  end
  return a.msg < b.msg
end

--- Merges trees.
---@param sources prov.Tree[]
---@return table? tree
---@return (fun(path: (string|integer)[]): integer?, integer?, string?)|prov.Err[] place line, column and file of a
--- path, or of the nearest part of it that is written anywhere; all errors when tree is nil
function M.trees(sources)
  local self = setmetatable({ errors = {}, marked = {}, nodes = 0 }, Merger)
  local given = {}
  for i, source in ipairs(sources) do
    self.marked[source] = not source.unmarked and self:scan(source)
    local rank = RANK[source.priority or "normal"] or source.priority
    given[i] = { value = source.tree, rank = rank, mark = false, from = source }
  end
  if #given == 0 then
    return {}, function() end
  end
  local tree, root
  if #self.errors == 0 then
    tree, root = self:join(given, {})
  end
  if #self.errors > 0 then
    table.sort(self.errors, by_place)
    return nil, self.errors
  end
  return tree, function(path)
    local node, i = root, 1
    while node.kids and node.kids[path[i]] do
      node, i = node.kids[path[i]], i + 1
    end
    local raw = raw_path(node)
    if not node.kids then -- below it, the path is as in its file
      table.move(path, i, #path, #raw + 1, raw)
    end
    local line, column
    if node.from.place then
      line, column = node.from.place(raw)
    end
    return line, column, node.from.file
  end
end

return M
