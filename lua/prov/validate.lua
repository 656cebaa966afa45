--- Checks a workspace's infra without touching anything.

local graph = require("core.graph")

local M = {}

local function check_order(infra)
  local nodes, number = {}, {}
  for _, list in ipairs({ infra.resources, infra.taskservs }) do
    for _, node in ipairs(list) do
      nodes[#nodes + 1] = node
      number[node.address] = #nodes
    end
  end
  local g <close> = assert(graph.new(#nodes))
  for id, node in ipairs(nodes) do
    for _, need in ipairs(node.needs or {}) do
      if number[need] then
        g:edge(number[need], id)
      end
    end
  end
  local order, e = g:sort()
  return order ~= nil or nil, not order and require("prov.plan.cycle").error(e.data.path, nodes) or nil
end

--- Loads and checks the infra of the operation's workspace.
---@param ctx prov.Ctx
---@return table? counts
---@return prov.Err|prov.Err[]?
function M.run(ctx)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  local infra, errs = require("prov.infra").load(workspace, { registry = ctx.registry, ui = ctx.ui })
  if not infra then
    return nil, errs
  end
  local ok
  ok, e = check_order(infra)
  if not ok then
    return nil, e
  end
  local outputs = 0
  for _ in pairs(infra.outputs or {}) do
    outputs = outputs + 1
  end
  return {
    workspace = workspace.name,
    resources = #infra.resources,
    taskservs = #infra.taskservs,
    outputs = outputs,
  }
end

return M
