--- The past of a state: its revisions, what changed between two, and the way back.

local data = require("core.data")
local diff = require("prov.plan.diff")
local file = require("prov.plan.file")
local state = require("prov.state")

local M = {}

--- Revisions, newest first: { revision, time (seconds since 1970), what }.
---@param store prov.Store
---@param limit? integer
---@return table[]?, prov.Err?
function M.list(store, limit)
  local rows, e = store:revisions(limit)
  if not rows then
    return nil, e
  end
  local out = data.list({})
  for i, row in ipairs(rows) do
    out[i] = { revision = row[1], time = row[2] // 1000, what = row[3] }
  end
  return out
end

local function addresses_of(a, b)
  local seen, list = {}, {}
  for _, records in ipairs({ a.records, b.records }) do
    for address in pairs(records) do
      if not seen[address] then
        seen[address] = true
        list[#list + 1] = address
      end
    end
  end
  table.sort(list)
  return list
end

local function same(a, b)
  return a.args_bytes == b.args_bytes and a.state_bytes == b.state_bytes and a.id == b.id and a.kind == b.kind
    and a.provider == b.provider and a.key == b.key and a.tainted == b.tainted
    and table.concat(a.needs, "\n") == table.concat(b.needs, "\n")
end

-- Everything a record says, as one map to compare.
local function whole(record)
  return {
    id = record.id,
    provider = record.provider,
    tainted = record.tainted,
    needs = record.needs,
    args = record:args(),
    state = record:shown(),
  }
end

--- What became different from one state to another: { address, change "added"|"removed"|"changed",
--- changes = { path, before, after } }.
---@param before prov.State
---@param after prov.State
---@return table[]
function M.diff(before, after)
  local rows = data.list({})
  for _, address in ipairs(addresses_of(before, after)) do
    local old, new = before.records[address], after.records[address]
    if not (old and new) then
      rows[#rows + 1] = { address = address, change = new and "added" or "removed", changes = data.list({}) }
    elseif not same(old, new) then
      local changes = file.plain_changes(diff.values(whole(old), whole(new)))
      rows[#rows + 1] = { address = address, change = "changed", changes = changes }
    end
  end
  return rows
end

--- The store operations that make the state `now` as it was in `past`.
---@param now prov.State
---@param past prov.State
---@return table[] batch empty when nothing differs
function M.restore(now, past)
  local batch = {}
  for _, address in ipairs(addresses_of(now, past)) do
    local have, want = now.records[address], past.records[address]
    if not want then
      table.move(state.removes(have), 1, 1 + #have.needs, #batch + 1, batch)
    elseif not have or not same(have, want) then
      state.writes(want, have, batch)
    end
  end
  return batch
end

return M
