--- Volumes: folders of this machine that servers share and that outlive them.

local M = {}

function M.create(ctx)
  local lab = assert(ctx.machine.lab_of(ctx))
  return lab:volume_create({ key = ctx.key, name = ctx.name_of(ctx.address) }, ctx.adopt)
end

function M.read(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):volume_read(id)
end

function M.update(ctx, id)
  return M.read(ctx, id)
end

function M.delete(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):volume_delete(id)
end

function M.find(ctx, key)
  return assert(ctx.machine.lab_of(ctx)):volume_find(key)
end

function M.list(ctx)
  return assert(ctx.machine.lab_of(ctx)):volume_list()
end

return M
