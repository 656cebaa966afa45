--- Placement groups: servers that stand on machines of their own.

local api = require("api")
local common = require("common")

local function state(_, group)
  return {
    id = tostring(group.id),
    name = group.name,
    strategy = group.type,
    labels = api.own_labels(group.labels),
  }
end

local body = common.body({
  path = "/placement_groups", list = "placement_groups", field = "placement_group", what = "placement group",
  state = state, at_once = true,
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

function M.create(ctx, want)
  local id, group = body.make(ctx, want, { type = want.strategy })
  if not id then
    return nil, group
  end
  return state(ctx, group)
end

function M.update(ctx, id, want)
  local group, e = body.present(ctx, id)
  if not group then
    return nil, e
  end
  local ok
  ok, e = body.rename(ctx, id, want, group)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
