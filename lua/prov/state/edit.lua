--- Changes of the state by hand: other addresses, and forgetting. What exists is not touched.

local address_of = require("prov.address")
local err = require("prov.err")
local state = require("prov.state")
local suggest = require("prov.suggest")

local M = {}

--- Addresses of records that need the address, in order.
---@param now prov.State
---@param address string
---@return string[]
function M.dependents(now, address)
  local list = {}
  for other, record in pairs(now.records) do
    for _, need in ipairs(record.needs) do
      if need == address then
        list[#list + 1] = other
      end
    end
  end
  table.sort(list)
  return list
end

--- What the addresses of a move become: the thing itself, and the services of a server with it.
local function renames(now, from, to)
  local map = { [from] = to }
  for address in pairs(now.records) do
    local name, server = address:match("^taskserv%.(.-)@(.+)$")
    if server == from then
      map[address] = ("taskserv.%s@%s"):format(name, to)
    end
  end
  return map
end

local function renamed(list, map)
  local out = {}
  for i, one in ipairs(list) do
    out[i] = map[one] or one
  end
  return out
end

--- The store operations that give what is at `from` the address `to`, everywhere.
---@param now prov.State
---@param from string
---@param to string
---@return table[]? batch, prov.Err?
---@return table<string, string> map old address -> new one
function M.move(now, from, to)
  local record = now.records[from]
  if not record then
    return nil, suggest.unknown("address", from, now:addresses())
  end
  local parsed, e = address_of.parse(to)
  if not parsed then
    return nil, e
  elseif parsed.kind ~= record.kind then
    return err.fail("invalid", "%s is a %s: its address cannot be %s", from, record.kind, to)
  elseif record.kind == "taskserv" then
    return err.fail("unsupported", "a taskserv stays on its server; move the server")
  elseif now.records[to] then
    return err.fail("exists", "there is something at %s already", to)
  end
  local map, batch = renames(now, from, to), {}
  for address, old in pairs(now.records) do
    local new_needs = renamed(old.needs, map)
    if map[address] then
      table.move(state.removes(old), 1, 1 + #old.needs, #batch + 1, batch)
      local id = old.kind == "taskserv" and map[address] or old.id
      state.writes(state.copy(old, { address = map[address], needs = new_needs, id = id }), nil, batch)
    elseif table.concat(new_needs, "\n") ~= table.concat(old.needs, "\n") then
      state.writes(state.copy(old, { needs = new_needs }), old, batch)
    end
  end
  return batch, map
end

--- The store operations that make the state forget addresses; what exists stays.
---@param now prov.State
---@param addresses string[]
---@param force? boolean also when something that stays needs them
---@return table[]? batch, prov.Err?
function M.forget(now, addresses, force)
  local batch, going = {}, {}
  for _, address in ipairs(addresses) do
    if not now.records[address] then
      return nil, suggest.unknown("address", address, now:addresses())
    end
    going[address] = true
  end
  for _, address in ipairs(addresses) do
    for _, other in ipairs(force and {} or M.dependents(now, address)) do
      if not going[other] then
        return nil, err.new("conflict", ("%s needs %s"):format(other, address), {
          hint = "forget both, or --force",
        })
      end
    end
    local record = now.records[address]
    table.move(state.removes(record), 1, 1 + #record.needs, #batch + 1, batch)
  end
  return batch
end

return M
