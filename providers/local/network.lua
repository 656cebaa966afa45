--- Networks: a bridge in the lab's own network namespace, one per network.

local M = {}

function M.create(ctx, want)
  local lab = assert(ctx.machine.lab_of(ctx))
  return lab:network_create({
    key = ctx.key,
    name = ctx.name_of(ctx.address),
    cidr = want.cidr,
    nat = want.nat,
  }, ctx.adopt)
end

function M.read(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):network_read(id)
end

function M.update(ctx, id)
  return M.read(ctx, id)
end

function M.delete(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):network_delete(id)
end

function M.find(ctx, key)
  return assert(ctx.machine.lab_of(ctx)):network_find(key)
end

function M.list(ctx)
  return assert(ctx.machine.lab_of(ctx)):network_list()
end

return M
