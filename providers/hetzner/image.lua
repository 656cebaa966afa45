--- Images: snapshots of servers. They have no name, so the description is it.

local api = require("api")
local common = require("common")

local GIB = 1 << 30
local TIMEOUT = 2 * 3600 -- large disks take the better part of an hour

local function state(_, image, recorded)
  return {
    id = tostring(image.id),
    name = image.description,
    server = image.created_from and tostring(image.created_from.id) or recorded.server,
    labels = api.own_labels(image.labels),
    protected = image.protection and image.protection.delete or false,
    size = image.image_size and math.floor(image.image_size * GIB) or nil,
    incomplete = image.status == "creating" and "it is still being made" or nil,
  }
end

local body = common.body({
  path = "/images", list = "images", field = "image", what = "image", state = state, query = { type = "snapshot" },
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

function M.create(ctx, want)
  local server = api.number(ctx, want.server, "server")
  local image, answer = api.create(ctx, ("/servers/%d/actions/create_image"):format(server), "images", "image", {
    type = "snapshot", description = want.name or ctx.name_of(ctx.address), labels = api.labels(ctx, want.labels),
  }, "/images")
  if not image then
    return nil, answer
  end
  local id = tostring(image.id)
  ctx.adopt(id)
  local ok, e
  if answer.lost then
    ok, e = api.settle(ctx, ("/servers/%d"):format(server), TIMEOUT)
  else
    ok, e = api.wait(ctx, answer, TIMEOUT)
  end
  if ok then
    ok, e = body.guard(ctx, id, want)
  end
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

function M.update(ctx, id, want)
  local image, e = body.present(ctx, id)
  if not image then
    return nil, e
  end
  local ok
  ok, e = api.steps(function()
    return api.client(ctx):put(body.path(ctx, id), {
      description = want.name or image.description, labels = api.labels(ctx, want.labels, image.labels),
    })
  end, function()
    return body.protect(ctx, id, want, image)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
