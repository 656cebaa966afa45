--- A small language for paths over the graph of the state.
--
--   query  = set { edge set } { "|" "count" }
--   set    = [ kind ":" ] pattern { "[" filter "]" }
--   edge   = "->" type "->"  |  "<-" type "<-"  |  "->" | "<-"        (also "->type<-" as a
--            spelling of "<-type<-", read from right to left)
--   filter = field op value      field: a path in state, then args; op: = != ~ < > <= >=
--
-- "server:web-* ->running_on<- taskserv:*" is: from the servers whose name matches, along edges
-- of type running_on that arrive there, to the taskservs they leave. A pattern is a name or an
-- address, in which * and ? stand for any text and any character.

local err = require("prov.err")
local state_of = require("prov.state")

local M = {}

M.EDGES = { "running_on", "connected", "mounted", "depends_on" }

local function fail(text, at, msg)
  return nil, err.new("invalid", ("query: %s at character %d"):format(msg, at), {
    hint = ("%s\n%s^"):format(text, (" "):rep(at - 1)),
  })
end

local function glob(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function skip(text, at)
  return text:match("^%s*()", at)
end

local function read_filter(text, at)
  local field, op, value, stop = text:match('^%[%s*([%w_.]+)%s*([=!~<>]=?)%s*"([^"]*)"%s*%]()', at)
  if not field then
    field, op, value, stop = text:match("^%[%s*([%w_.]+)%s*([=!~<>]=?)%s*([^%]]-)%s*%]()", at)
  end
  if not field or op == "!" or op == "~=" or op == "==" then
    return nil
  end
  local path = {}
  for name in field:gmatch("[^.]+") do
    path[#path + 1] = name
  end
  return { path = path, op = op, value = value }, stop
end

local function read_set(text, at)
  at = skip(text, at)
  local kind, stop = text:match("^([%a_][%w_-]*):()", at)
  local pattern, after = text:match("^([%w_.*?@-]+)()", stop or at)
  local index, behind = text:match('^(%[%d+%])()', after or at)
  if not index then
    index, behind = text:match('^(%["[^"]*"%])()', after or at)
  end
  if not pattern then
    return fail(text, stop or at, "a name, an address or * is missing")
  end
  -- "web-*" must not swallow the first characters of an arrow behind it
  while pattern:sub(-1) == "-" and text:sub(after, after) == ">" do
    pattern, after = pattern:sub(1, -2), after - 1
  end
  if index and after == text:find(index, after, true) then
    pattern, after = pattern .. index, behind
  end
  local set = { kind = kind, pattern = glob(pattern), filters = {}, text = pattern }
  at = after
  while text:sub(at, at) == "[" do
    local filter, next_at = read_filter(text, at)
    if not filter then
      return fail(text, at, "a filter looks like [status=running]")
    end
    set.filters[#set.filters + 1] = filter
    at = next_at
  end
  return set, at
end

local FORMS = {
  { "^%->%s*([%a_]*)%s*<%-()", "in" },
  { "^<%-%s*([%a_]*)%s*<%-()", "in" },
  { "^%->%s*([%a_]*)%s*%->()", "out" },
  { "^<%-%s*([%a_]*)%s*%->()", "out" },
  { "^%->()", "out" },
  { "^<%-()", "in" },
}

local function read_edge(text, at)
  for _, form in ipairs(FORMS) do
    local kind, stop = text:match(form[1], at)
    if kind then
      if not stop then
        kind, stop = nil, kind
      end
      if kind == "" then
        kind = nil
      end
      return { type = kind, direction = form[2] }, stop
    end
  end
end

local function known_edge(kind)
  for _, one in ipairs(M.EDGES) do
    if one == kind then
      return true
    end
  end
end

--- Reads a query.
---@param text string
---@return { sets: table[], edges: table[], count: boolean }? query, prov.Err?
function M.parse(text)
  local query = { sets = {}, edges = {}, count = false }
  local set, at = read_set(text, 1)
  if not set then
    return nil, at
  end
  query.sets[1] = set
  while true do
    at = skip(text, at)
    if at > #text then
      return query
    end
    local stop = text:match("^|%s*count%s*()$", at)
    if stop then
      query.count = true
      return query
    end
    local edge, after = read_edge(text, at)
    if not edge then
      return fail(text, at, "an edge such as ->running_on-> or <-depends_on<-, or | count, is expected")
    elseif edge.type and not known_edge(edge.type) then
      return nil, require("prov.suggest").unknown("type of edge", edge.type, M.EDGES)
    end
    query.edges[#query.edges + 1] = edge
    set, at = read_set(text, after)
    if not set then
      return nil, at
    end
    query.sets[#query.sets + 1] = set
  end
end

local COMPARE = {
  ["="] = function(a, b)
    return tostring(a) == b
  end,
  ["!="] = function(a, b)
    return tostring(a) ~= b
  end,
  ["~"] = function(a, b)
    return tostring(a):find(b, 1, true) ~= nil
  end,
  ["<"] = function(a, b)
    return tonumber(a) and tonumber(b) and tonumber(a) < tonumber(b)
  end,
  [">"] = function(a, b)
    return tonumber(a) and tonumber(b) and tonumber(a) > tonumber(b)
  end,
  ["<="] = function(a, b)
    return tonumber(a) and tonumber(b) and tonumber(a) <= tonumber(b)
  end,
  [">="] = function(a, b)
    return tonumber(a) and tonumber(b) and tonumber(a) >= tonumber(b)
  end,
}

-- A secret compares as nothing: a query must not tell what it is.
local function comparable(v)
  local kind = type(v)
  return (kind == "string" or kind == "number" or kind == "boolean") and v or nil
end

local OWN = { kind = true, provider = true, id = true, tainted = true }

local function passes(record, filter)
  local path = filter.path
  local v
  if #path == 1 and OWN[path[1]] then
    v = record[path[1]] or path[1] == "tainted" and false
  else
    v = comparable(state_of.at(record:shown(), path))
    if v == nil then
      v = comparable(state_of.at(record:args(), path))
    end
  end
  if v == nil then
    return filter.op == "!="
  end
  return COMPARE[filter.op](v, filter.value)
end

--- The name in an address: web[1] of server.web[1].
local function name_of(address)
  return address:match("^%w+%.(.*)$") or address
end

local function matches(set, record)
  if set.kind and set.kind ~= record.kind then
    return false
  end
  local name = name_of(record.address)
  local plain = name:gsub("%[\"?(.-)\"?%]", "-%1") -- web-1 is web[1], as in server commands
  if not (record.address:find(set.pattern) or name:find(set.pattern) or plain:find(set.pattern)) then
    return false
  end
  for _, filter in ipairs(set.filters) do
    if not passes(record, filter) then
      return false
    end
  end
  return true
end

--- Edges as lists by node and direction: { out = { [from] = { { to, type } } }, ["in"] = ... }.
local function adjacency(now)
  local out, into = {}, {}
  for address, record in pairs(now.records) do
    for _, need in ipairs(record.needs) do
      local kind = state_of.edge_type(address, need)
      out[address] = out[address] or {}
      table.insert(out[address], { need, kind })
      into[need] = into[need] or {}
      table.insert(into[need], { address, kind })
    end
  end
  return { out = out, ["in"] = into }
end

--- Runs a query on a state: the addresses of the last set, in order, each once; and how many
-- things each step had, for explain.
---@param now prov.State
---@param query table from M.parse
---@return string[] addresses
---@return integer[] sizes of the sets along the way
function M.run(now, query)
  local current, sizes = {}, {}
  for address, record in pairs(now.records) do
    if matches(query.sets[1], record) then
      current[address] = true
    end
  end
  local edges = #query.edges > 0 and adjacency(now)
  local function size()
    local n = 0
    for _ in pairs(current) do
      n = n + 1
    end
    sizes[#sizes + 1] = n
  end
  size()
  for i, edge in ipairs(query.edges) do
    local reached = {}
    for address in pairs(current) do
      for _, one in ipairs(edges[edge.direction][address] or {}) do
        local record = now.records[one[1]]
        if record and (not edge.type or edge.type == one[2]) and matches(query.sets[i + 1], record) then
          reached[one[1]] = true
        end
      end
    end
    current = reached
    size()
  end
  local list = {}
  for address in pairs(current) do
    list[#list + 1] = address
  end
  table.sort(list)
  return list, sizes
end

--- What a query does, a line for each step.
---@param query table
---@param sizes? integer[]
---@return string[]
function M.explain(query, sizes)
  local lines = {}
  local function add(text, i)
    lines[#lines + 1] = sizes and ("%s: %d"):format(text, sizes[i]) or text
  end
  local function set_text(set)
    local filters = {}
    for i, filter in ipairs(set.filters) do
      filters[i] = (" with %s %s %s"):format(table.concat(filter.path, "."), filter.op, filter.value)
    end
    return ("%s called %s%s"):format(set.kind or "anything", set.text, table.concat(filters))
  end
  add("start with " .. set_text(query.sets[1]), 1)
  for i, edge in ipairs(query.edges) do
    add(("follow %s edges %s to %s"):format(edge.type or "all", edge.direction == "out" and "forwards" or "backwards",
      set_text(query.sets[i + 1])), i + 1)
  end
  return lines
end

return M
