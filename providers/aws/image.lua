--- Images of servers: AMIs of this account. The server runs on while its image is taken.

local api = require("api")
local kind = require("kind")

local function state(_, image, known)
  return {
    id = image.ImageId,
    name = image.Name,
    server = known.server or image.SourceInstanceId,
    labels = api.labels(image.Tags),
  }
end

local M = kind.body({
  what = "image", operation = "DescribeImages", field = "Images", id = "ImageId", filter = "image-id",
  type = "image", state = state, params = { Owners = { "self" } },
  is_gone = function(image)
    return image.State == "deregistered"
  end,
})

function M.create(ctx, want)
  local image, e = M.make(ctx, want, "CreateImage", { InstanceId = want.server, Name = api.name_of(ctx, want),
    NoReboot = true })
  if not image then
    return nil, e
  end
  local id = image.ImageId
  image, e = M.wait(ctx, id, function(seen)
    if seen and seen.State == "available" then
      return seen
    elseif seen and (seen.State == "failed" or seen.State == "invalid" or seen.State == "error") then
      return ctx.fail("failed", "the image %s could not be made%s", id,
        seen.StateReason and ": " .. seen.StateReason.Message or "")
    end
  end, { timeout = 7200 })
  return image and state(ctx, image, want), e
end

--- An image leaves the snapshots that it is made of.
function M.delete(ctx, id)
  local image, e = M.object(ctx, id)
  if not image then
    return not e or nil, e
  end
  local ok
  ok, e = api.away(ctx, "DeregisterImage", { ImageId = id })
  if not ok then
    return nil, e
  end
  for _, mapping in ipairs(image.BlockDeviceMappings or {}) do
    local snapshot = mapping.Ebs and mapping.Ebs.SnapshotId
    if snapshot then
      ok, e = api.patient(ctx, { ["InvalidSnapshot.InUse"] = true }, 60, function()
        return api.away(ctx, "DeleteSnapshot", { SnapshotId = snapshot })
      end)
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

return kind.guarded(M)
