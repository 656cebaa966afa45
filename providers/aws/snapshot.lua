--- Snapshots of volumes.

local api = require("api")
local kind = require("kind")

local function state(_, snapshot, known)
  return {
    id = snapshot.SnapshotId,
    name = api.tag(snapshot.Tags, "Name"),
    volume = known.volume or snapshot.VolumeId,
    size = (snapshot.VolumeSize or 0) * api.GIB,
    labels = api.labels(snapshot.Tags),
  }
end

local M = kind.body({
  what = "snapshot", operation = "DescribeSnapshots", field = "Snapshots", id = "SnapshotId", filter = "snapshot-id",
  type = "snapshot", state = state, params = { OwnerIds = { "self" } },
  not_ours = function(snapshot) -- what an image is made of
    return (snapshot.Description or ""):find("^Created by CreateImage") ~= nil
  end,
})

function M.create(ctx, want)
  local snapshot, e = M.make(ctx, want, "CreateSnapshot", { VolumeId = want.volume,
    Description = api.name_of(ctx, want) })
  if not snapshot then
    return nil, e
  end
  local id = snapshot.SnapshotId
  snapshot, e = M.wait(ctx, id, function(seen)
    if seen and seen.State == "completed" then
      return seen
    elseif seen and seen.State == "error" then
      return ctx.fail("failed", "the snapshot %s could not be made: %s", id, seen.StateMessage or "")
    end
  end, { timeout = 7200 })
  return snapshot and state(ctx, snapshot, want), e
end

function M.delete(ctx, id)
  local ok, e = api.away(ctx, "DeleteSnapshot", { SnapshotId = id })
  if not ok then
    if api.code(e) == "InvalidSnapshot.InUse" then
      e.hint = "an image is made of it: delete that first"
    end
    return nil, e
  end
  return true
end

return kind.guarded(M)
