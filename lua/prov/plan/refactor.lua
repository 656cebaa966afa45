--- Moves, imports and forgetting: changes of what prov has recorded that change nothing in the world. They are part
-- of a plan and are written, journalled, before its first step.

local address_of = require("prov.address")
local err = require("prov.err")
local state = require("prov.state")

local M = {}

local find = string.find

local function is_module(text)
  return address_of.base(text):match("module%.[%w_-]+$") ~= nil and address_of.parse(text) == nil
end

--- True for what stands behind an address in that of one of its instances, or of what is in a module.
local function is_below(rest, of_module)
  local stop = address_of.behind_key(rest, 1) or 1
  return stop > #rest and rest ~= "" or of_module and rest:sub(stop, stop) == "."
end

--- Where the moves of an infra put an address; nil when it stays.
local function moved_to(address, moves)
  local service, at = address:match("^(taskserv%..-@)(.*)$")
  local now = at or address
  for _, move in ipairs(moves) do
    local from = move.from
    if now == from then
      now = move.to
    elseif now:sub(1, #from) == from then
      local rest = now:sub(#from + 1)
      if address_of.is_instance(move.to, from) then -- from one to one of several, which are not meant
        if is_module(from) and rest:sub(1, 1) == "." then
          now = move.to .. rest
        end
      elseif is_below(rest, is_module(from)) then
        now = move.to .. rest
      end
    end
  end
  now = service and service .. now or now
  return now ~= address and now or nil
end

--- True when an address is what is named, one instance of it, or in it.
local function is_of(address, named)
  local at = address:match("^taskserv%..-@(.*)$") or address
  if at == named then
    return true
  end
  local rest = at:sub(1, #named) == named and at:sub(#named + 1) or ""
  return is_below(rest, is_module(named))
end

--- Records with moves made and forgotten ones left out; those that do not change are shared.
---@param records table<string, prov.Record>
---@param moves { from: string, to: string }[]
---@param forget string[] addresses after the moves
---@return table<string, prov.Record>
function M.records(records, moves, forget)
  local map, out = {}, {}
  for _, move in ipairs(moves) do
    map[move.from] = move.to
  end
  for address, record in pairs(records) do
    local needs
    for i, need in ipairs(record.needs) do
      if map[need] then
        needs = needs or table.move(record.needs, 1, #record.needs, 1, {})
        needs[i] = map[need]
      end
    end
    local to = map[address]
    if to or needs then
      record = state.copy(record, {
        address = to or address,
        needs = needs or record.needs,
        id = to and record.kind == "taskserv" and to or record.id,
      })
    end
    out[to or address] = record
  end
  for _, address in ipairs(forget) do
    out[address] = nil
  end
  return out
end

local function refused(moves, to, code, msg, hint)
  local origin = moves[1].origin
  for _, one in ipairs(moves) do
    origin = one.to == to and one.origin or origin
  end
  return nil, err.new(code, msg, { file = origin.file, line = origin.line, column = origin.column, hint = hint })
end

--- Moves of what was to be replaced, and whose replacement never came: it has its address again.
local function restored(records)
  local moves = {}
  for address in pairs(records) do
    local base = find(address, "~", 1, true) and address:match("^(.*)~%w*$")
    if base and not records[base] then
      moves[#moves + 1] = { from = address, to = base }
    end
  end
  return moves
end

--- What `moved` and `removed` of an infra mean for a state.
---@param infra prov.Infra
---@param now prov.State
---@return { state: prov.State, moves: table[], forget: string[] }?
---@return prov.Err?
function M.of(infra, now)
  local past = infra.past or { moved = {}, removed = {} }
  local moves, forget = restored(now.records), {}
  if #past.moved == 0 and #past.removed == 0 and not moves[1] then
    return { state = now, moves = moves, forget = forget }
  end
  for address, record in pairs(now.records) do
    local to = moved_to(address, past.moved)
    if to then
      local parsed = address_of.parse(to)
      if parsed and parsed.kind ~= record.kind then
        return refused(past.moved, to, "invalid",
          ("%s is a %s: its address cannot be %s"):format(address, record.kind, to))
      elseif now.records[to] and not moved_to(to, past.moved) then
        return refused(past.moved, to, "conflict", ("%s cannot move to %s: there is something already"):format(
          address, to), "take the move out, and 'prov state rm' the one that is not wanted")
      end
      moves[#moves + 1] = { from = address, to = to }
    end
  end
  table.sort(moves, function(a, b)
    return a.from < b.from
  end)
  local records = M.records(now.records, moves, {})
  for address in pairs(records) do
    for _, one in ipairs(past.removed) do
      if is_of(address, one.from) then
        forget[#forget + 1] = address
        break
      end
    end
  end
  table.sort(forget)
  return { state = state.of(M.records(records, {}, forget), now.revision), moves = moves, forget = forget }
end

--- The name under which the store remembers what was let go of.
---@param record prov.Record
---@return string
function M.let_go(record)
  return ("%s/%s/%s"):format(record.provider, record.kind, record.id)
end

--- What going back to a past state means for records, beside what is made and deleted: what has moved moves back,
-- what was imported since is let go of, and what was let go of is taken over again.
---@param past prov.State
---@param now prov.State
---@param was_let_go fun(name: string): boolean
---@return { state: prov.State, moves: table[], forget: string[], import: table[] }
function M.back(past, now, was_let_go)
  local by_id, moves, forget, import = {}, {}, {}, {}
  for address, record in pairs(now.records) do
    if record.provider and record.id then
      by_id[M.let_go(record)] = address
    end
  end
  local servers = {}
  for address, record in pairs(past.records) do
    if record.provider and record.id and not now.records[address] then
      local at = by_id[M.let_go(record)]
      if at and not past.records[at] then
        servers[at] = address
        moves[#moves + 1] = { from = at, to = address }
      elseif not at and was_let_go(M.let_go(record)) then
        import[#import + 1] = { to = address, id = record.id, origin = {}, optional = true }
      end
    end
  end
  for address, record in pairs(now.records) do
    local service, at = address:match("^(taskserv%..-@)(.*)$")
    if service and servers[at] then
      moves[#moves + 1] = { from = address, to = service .. servers[at] }
    elseif record.provider and not record.key and not past.records[address] and not servers[address] then
      forget[#forget + 1] = address -- only what was imported has no key of a creation
    end
  end
  table.sort(moves, function(a, b)
    return a.from < b.from
  end)
  table.sort(forget)
  local records = M.records(now.records, moves, forget)
  return { state = state.of(records, now.revision), moves = moves, forget = forget, import = import }
end

--- The store operations that turn old records into new ones.
---@param old table<string, prov.Record>
---@param new table<string, prov.Record>
---@return table[] batch
function M.writes(old, new)
  local batch = {}
  for address, record in pairs(old) do
    if new[address] == nil or new[address] ~= record then
      local removes = state.removes(record)
      table.move(removes, 1, #removes, #batch + 1, batch)
    end
  end
  for address, record in pairs(new) do
    if old[address] ~= record then
      state.writes(record, nil, batch)
    end
  end
  return batch
end

return M
