--- What changed outside of prov, compared with what it recorded; and making that the record.

local async = require("prov.async")
local data = require("core.data")
local diff = require("prov.plan.diff")
local file = require("prov.plan.file")
local refresh = require("prov.plan.refresh")
local state = require("prov.state")

local M = {}

--- The recorded services whose server is there and runs.
local function services(now, observed)
  local nodes = {}
  for address, record in pairs(now.records) do
    local name, server = address:match("^taskserv%.(.-)@(.+)$")
    local seen = server and observed[server]
    if seen and seen.status ~= "stopped" then
      nodes[#nodes + 1] = { address = address, name = name, server = server, args = record:args() }
    end
  end
  table.sort(nodes, function(a, b)
    return a.address < b.address
  end)
  return nodes
end

--- Reads the world and compares: { address, status "gone"|"changed"|"drifted", changes?, detail? }.
-- Also gives the observed states by address, false for what is gone.
---@async
---@param project prov.Project
---@return table[]? rows
---@return table<string, table|false>|prov.Err observed
function M.look(project)
  local now, rows = project.state, data.list({})
  local observed, e = refresh.resources(project.providers, now)
  if not observed then
    return nil, e
  end
  local drifted
  drifted, e = refresh.taskservs(project.hosts, services(now, observed))
  if not drifted then
    return nil, e
  end
  for _, address in ipairs(now:addresses()) do
    local record, seen, report = now.records[address], observed[address], drifted[address]
    if seen == false then
      rows[#rows + 1] = { address = address, status = "gone", changes = data.list({}) }
    elseif seen and data.encode(seen) ~= record.state_bytes then
      local changes = file.plain_changes(diff.values(record:shown(), record:shown(seen)))
      rows[#rows + 1] = { address = address, status = "changed", changes = changes }
    elseif report then
      local titles = data.list({})
      for _, op in ipairs(report.ops or {}) do
        if op.status ~= "ok" then
          titles[#titles + 1] = op.title or op.name
        end
      end
      rows[#rows + 1] = { address = address, status = "drifted", changes = data.list({}), ops = titles,
        detail = report.reason }
    end
  end
  return rows, observed
end

--- The arguments of the last apply without those whose field somebody has cleared since, so that a plan that wants
--- them has something to do; nil when there are none.
local function without_lost(project, record, seen)
  local _, resource = project.providers:resource(record.provider, record.kind)
  local told, args, any = record:state(), record:args(), false
  for name, field in pairs(resource and resource.schema or {}) do
    if args[name] ~= nil and diff.is_lost(field, told[name], seen[name]) then
      args[name], any = nil, true
    end
  end
  return any and args or nil
end

--- Makes what was seen the record, in one revision: states as they are, what is gone is forgotten.
---@async
---@param project prov.Project
---@param lock table from Project:begin
---@param observed table<string, table|false>
---@return true?, prov.Err?
function M.accept(project, lock, observed)
  local batch = { message = "refresh", epoch = lock.token }
  for _, address in ipairs(project.state:addresses()) do
    local record, seen = project.state.records[address], observed[address]
    local server = address:match("^taskserv%..-@(.+)$")
    if seen == false or server and observed[server] == false then
      table.move(state.removes(record), 1, 1 + #record.needs, #batch + 1, batch)
    elseif seen and data.encode(seen) ~= record.state_bytes then
      local args = without_lost(project, record, seen)
      state.writes(state.copy(record, { state = seen, args = args }), record, batch)
    end
  end
  if #batch == 0 then
    return true
  end
  local revision, e = async.await(function(resume)
    return project.store:commit(batch, resume)
  end)
  return revision and true, e
end

--- Looks, and with `accept` makes what was seen the record.
---@async
---@return { changes: table[], accepted: boolean }?, prov.Err?
function M.run(ctx, accept)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "try" }))
  local lock <close> = accept and assert(project:begin("refresh")) or nil
  local rows, observed = M.look(project)
  if not rows then
    return nil, observed
  end
  if accept then
    assert(M.accept(project, lock, observed))
  end
  return { changes = rows, accepted = accept and true or false }
end

return M
