--- Reads the world: the state of every recorded resource as its provider sees it now.

local async = require("prov.async")
local err = require("prov.err")
local settings = require("prov.settings")

local M = {}

local function read_one(providers, record)
  local state, e = providers:call(record.provider, record.kind, "read", {
    address = record.address,
    key = record.key,
    record = record,
    recorded = record:state(),
  }, record.id)
  if state == nil and e then
    return nil, e:wrap("read %s (%s)", record.address, tostring(record.id))
  end
  return state or false
end

local function refresh_group(providers, name, kind, records, observed)
  local by_id
  if #records >= settings.calls.list_from and providers:has(name, kind, "list") then
    local record_of, ids = {}, {}
    for i, record in ipairs(records) do
      record_of[record.id], ids[i] = record, record.id
    end
    local states, e = providers:call(name, kind, "list", {
      recorded_ids = ids,
      recorded_of = function(id)
        return record_of[id] and record_of[id]:state()
      end,
    })
    if not states then
      return nil, e:wrap("list %ss of %s", kind, name)
    end
    by_id = {}
    for _, state in ipairs(states) do
      by_id[state.id] = state
    end
  end
  return async.each(records, providers:concurrency(name), function(record)
    -- An id missing from a list may be the list lagging behind: only a read decides.
    local state = by_id and by_id[record.id]
    if state == nil then
      local e
      state, e = read_one(providers, record)
      if state == nil then
        return nil, e
      end
    end
    observed[record.address] = state
  end)
end

-- Secrets come first: a provider may be configured with one that was set anew.
local function read_secrets(providers, state, observed)
  local records = {}
  for _, record in pairs(state.records) do
    if record.kind == "secret" and record.provider == "secrets" and record.id then
      records[#records + 1] = record
    end
  end
  providers.seen = observed
  if #records == 0 then
    return true
  end
  return refresh_group(providers, "secrets", "secret", records, observed)
end

--- Reads every recorded resource.
---@async
---@param providers prov.Providers
---@param state prov.State
---@return table<string, table|false>? observed state by address, false for one that is gone
---@return prov.Err?
function M.resources(providers, state)
  local groups, order, observed = {}, {}, {}
  local ok, e = read_secrets(providers, state, observed)
  if not ok then
    return nil, e
  end
  for _, record in pairs(state.records) do
    if observed[record.address] == nil and record.provider and record.id and providers:is_ready(record.provider) then
      local slot = record.provider .. "/" .. record.kind
      if not groups[slot] then
        groups[slot] = { provider = record.provider, kind = record.kind }
        order[#order + 1] = groups[slot]
      end
      table.insert(groups[slot], record)
    end
  end
  ok, e = async.scope(function(scope)
    for _, group in ipairs(order) do
      scope:spawn(refresh_group, providers, group.provider, group.kind, group, observed)
    end
    return true
  end)
  if not ok then
    return nil, e
  end
  return observed
end

--- Runs the check mode of every taskserv whose server is there and whose arguments stay.
---@async
---@param hosts prov.Hosts
---@param nodes table[] { address, name, server, args } with known arguments
---@return table<string, table>? report by address; only those that would change something
---@return prov.Err?
function M.taskservs(hosts, nodes)
  local by_server, order = {}, {}
  for _, node in ipairs(nodes) do
    if not by_server[node.server] then
      by_server[node.server] = {}
      order[#order + 1] = by_server[node.server]
    end
    table.insert(by_server[node.server], node)
  end
  local drifted = {}
  local ok, e = async.each(order, 32, function(list)
    for _, node in ipairs(list) do
      local report, why = hosts:check(node)
      if not report then
        if err.is(why) and (why.code == "unavailable" or why.code == "timeout") then
          drifted[node.address] = { reason = "its host does not answer: " .. tostring(why) }
        else
          return nil, why:wrap("check %s", node.address)
        end
      elseif report.would_change > 0 or report.failed > 0 then
        drifted[node.address] = report
      end
    end
  end)
  if not ok then
    return nil, e
  end
  return drifted
end

return M
