--- Placement groups: whether servers stand close together or apart.

local api = require("api")
local kind = require("kind")

local function state(_, group)
  return {
    id = group.GroupId,
    name = group.GroupName,
    strategy = group.Strategy,
    labels = api.labels(group.Tags),
  }
end

local M = kind.body({
  what = "placement group", operation = "DescribePlacementGroups", field = "PlacementGroups", id = "GroupId",
  filter = "group-id", unfiltered = true, type = "placement-group", state = state,
  is_gone = function(group)
    return group.State == "deleting" or group.State == "deleted"
  end,
})

function M.create(ctx, want)
  local group, e = M.make(ctx, want, "CreatePlacementGroup", { GroupName = api.name_of(ctx, want),
    Strategy = want.strategy }, "PlacementGroup")
  if not group then
    return nil, e
  end
  group, e = M.wait(ctx, group.GroupId, function(seen)
    return seen and seen.State == "available" and seen or nil
  end)
  return group and state(ctx, group), e
end

function M.delete(ctx, id)
  local group, e = M.object(ctx, id)
  if not group then
    return not e or nil, e
  end
  local ok
  ok, e = api.patient(ctx, { ["InvalidPlacementGroup.InUse"] = true }, ctx.config.patience, function()
    return api.away(ctx, "DeletePlacementGroup", { GroupName = group.GroupName })
  end)
  if not ok then
    return nil, e
  end
  return true
end

return kind.guarded(M)
