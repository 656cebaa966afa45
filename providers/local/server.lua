--- Servers: an overlay clone of a base image in namespaces of its own, systemd as its init.

local M = {}

function M.create(ctx, want)
  local lab = assert(ctx.machine.lab_of(ctx))
  return lab:server_create({
    key = ctx.key,
    hostname = want.hostname or ctx.name_of(ctx.address),
    network = want.network,
    image = want.image,
    user_key = ctx.user_key,
    ip = want.ip,
    cpus = want.cpus,
    memory = want.memory,
    nesting = want.nesting,
    init = want.init,
    volumes = want.volumes,
    ports = want.ports,
  }, ctx.keygen, ctx.adopt)
end

function M.read(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):server_read(id)
end

function M.update(ctx, id, want)
  return assert(ctx.machine.lab_of(ctx)):server_update(id, want)
end

function M.delete(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):server_delete(id)
end

function M.find(ctx, key)
  return assert(ctx.machine.lab_of(ctx)):server_find(key)
end

function M.list(ctx)
  return assert(ctx.machine.lab_of(ctx)):server_list()
end

function M.action_start(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):server_start(id)
end

function M.action_stop(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):server_stop(id)
end

function M.action_restart(ctx, id)
  return assert(ctx.machine.lab_of(ctx)):server_restart(id)
end

return M
