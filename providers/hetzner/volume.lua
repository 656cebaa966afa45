--- Volumes.

local api = require("api")
local common = require("common")

local GIB = 1 << 30

local function state(_, volume)
  return {
    id = tostring(volume.id),
    name = volume.name,
    size = volume.size * GIB,
    zone = common.zone(volume),
    server = volume.server and tostring(volume.server),
    format = volume.format,
    labels = api.own_labels(volume.labels),
    protected = volume.protection and volume.protection.delete or false,
    device = volume.linux_device,
  }
end

local body = common.body({
  path = "/volumes", list = "volumes", field = "volume", what = "volume", state = state,
  before_delete = function(ctx, id) -- one that is attached cannot be deleted
    local volume, e = api.get(ctx, ("/volumes/%d"):format(api.number(ctx, id, "volume")), "volume")
    if not volume then
      return not e, e
    end
    local ok
    ok, e = common.unprotected(ctx, "volume", volume)
    if not ok or not volume.server then
      return ok, e
    end
    return api.act(ctx, ("/volumes/%d/actions/detach"):format(volume.id))
  end,
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

local function attach(ctx, id, want)
  return body.act(ctx, id, "attach", {
    server = api.number(ctx, want.server, "server"), automount = want.mount or false,
  })
end

function M.create(ctx, want)
  local fields = { size = want.size // GIB, format = want.format }
  if want.server then
    fields.server, fields.automount = api.number(ctx, want.server, "server"), want.mount or false
  else
    fields.location = want.zone or ctx.config.zone
  end
  local id, volume = body.make(ctx, want, fields)
  if not id then
    return nil, volume
  end
  local ok, e = body.guard(ctx, id, want)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

local function change_server(ctx, id, want, volume)
  local is = volume.server and tostring(volume.server)
  if want.server == is or want.server == nil and (ctx.applied or {}).server == nil then
    return true
  elseif is then
    local ok, e = body.act(ctx, id, "detach")
    if not ok then
      return nil, e
    end
  end
  return api.unless(not want.server, attach, ctx, id, want)
end

local function change_size(ctx, id, want, volume)
  local wanted = want.size // GIB
  if wanted == volume.size then
    return true
  elseif wanted < volume.size then
    return nil, ctx.error("invalid", ("volume %s has %d GiB and cannot shrink to %d"):format(id, volume.size, wanted), {
      hint = ("to lose what is on it: prov apply --replace %s"):format(ctx.address),
    })
  end
  return body.act(ctx, id, "resize", { size = wanted })
end

function M.update(ctx, id, want)
  local volume, e = body.present(ctx, id)
  if not volume then
    return nil, e
  end
  local ok
  ok, e = api.steps(function()
    return change_size(ctx, id, want, volume)
  end, function()
    return body.rename(ctx, id, want, volume)
  end, function()
    return change_server(ctx, id, want, volume)
  end, function()
    return body.protect(ctx, id, want, volume)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
