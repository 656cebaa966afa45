--- A plan for a part of the infra: what is named, and what that needs.

local address_of = require("prov.address")
local edit = require("prov.state.edit")
local state_of = require("prov.state")
local suggest = require("prov.suggest")

local M = {}

local function base_of(address)
  return address_of.base((address:gsub("~%w*$", "")))
end

local function pattern_of(text)
  return "^" .. text:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

--- Addresses of both that a pattern means: an address, a base for all its instances, a module for all that is in it,
-- or with * and ?.
local function matches(text, nodes, records)
  local pattern, found = pattern_of(text), {}
  local inside = text:match("^module%.") and pattern_of(text .. "."):sub(1, -2)
  local keyed = inside and pattern_of(text .. "["):sub(1, -2)
  for _, known in ipairs({ nodes, records }) do
    for address in pairs(known) do
      local at = address:match("^taskserv%..-@(.*)$") or address
      if address:find(pattern) or base_of(address):find(pattern)
        or inside and (at:find(inside) or at:find(keyed)) then
        found[address] = true
      end
    end
  end
  return found
end

local function index(infra)
  local nodes, instances = {}, {}
  for _, list in ipairs({ infra.resources, infra.taskservs }) do
    for _, node in ipairs(list) do
      nodes[node.address] = node
      local base = base_of(node.address)
      instances[base] = instances[base] or {}
      table.insert(instances[base], node.address)
    end
  end
  return nodes, instances
end

--- Adds an address and, from the infra, everything it needs.
local function add_needed(set, address, nodes, instances)
  local queue = { address }
  while #queue > 0 do
    local one = table.remove(queue)
    if not set[one] then
      set[one] = true
      for _, need in ipairs(nodes[one] and nodes[one].needs or {}) do
        for _, instance in ipairs(nodes[need] and { need } or instances[need] or {}) do
          queue[#queue + 1] = instance
        end
      end
    end
  end
end

--- Adds a recorded address that goes, and everything recorded that needs it and goes too.
local function add_going(set, address, nodes, now)
  local queue = { address }
  while #queue > 0 do
    local one = table.remove(queue)
    if not set[one] then
      set[one] = true
      for _, other in ipairs(edit.dependents(now, one)) do
        if not nodes[other] then
          queue[#queue + 1] = other
        end
      end
    end
  end
end

--- The parts of an infra and of a state that a plan for `targets` is made of.
---@param infra table
---@param now prov.State
---@param targets string[] addresses, bases such as server.web, or with * and ?
---@return { infra: table, state: prov.State }?, prov.Err?
function M.select(infra, now, targets)
  local nodes, instances = index(infra)
  local set = {}
  for _, text in ipairs(targets) do
    local found = matches(text, nodes, now.records)
    if next(found) == nil then
      local known = now:addresses()
      for address in pairs(nodes) do
        known[#known + 1] = address
      end
      return nil, suggest.unknown("address", text, known)
    end
    for address in pairs(found) do
      if nodes[address] then
        add_needed(set, address, nodes, instances)
      else
        add_going(set, address, nodes, now)
      end
    end
  end
  local part = setmetatable({ resources = {}, taskservs = {} }, { __index = infra })
  for _, kind in ipairs({ "resources", "taskservs" }) do
    for _, node in ipairs(infra[kind]) do
      if set[node.address] then
        table.insert(part[kind], node)
      end
    end
  end
  local records = {}
  for address, record in pairs(now.records) do
    if set[address] then
      records[address] = record
    end
  end
  return { infra = part, state = state_of.of(records, now.revision) }
end

return M
