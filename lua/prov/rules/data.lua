-- Data: where it is, and what would take it away.

-- Services that keep data, and where.
local FOLDERS = {
  postgres = "/var/lib/postgresql",
  etcd = "/var/lib/etcd",
  prometheus = "/var/lib/prometheus",
  redis = "/var/lib/redis",
}

local function keeps_data(taskserv)
  return FOLDERS[taskserv.name] ~= nil and (taskserv.name ~= "redis" or taskserv.args.append_only == true)
end

--- The volumes of servers by address: the server names them, or they name the server.
local function volumes_of(ctx, server)
  local attached = ctx:once("attached", function()
    local out = {}
    for _, volume in ipairs(ctx:resources("volume")) do
      local given = volume.args.server
      local named = type(given) == "string" and ctx:node("server." .. given)
      for _, one in ipairs(named and { named } or ctx:targets(given)) do
        out[one.address] = true
      end
    end
    return out
  end)
  return ctx:list(server.args.volumes), attached[server.address]
end

local function covers(path, folder)
  return folder == path or path == "/" or folder:sub(1, #path + 1) == path:gsub("/*$", "") .. "/"
end

--- The names of the fields of a resource that are sizes, or nil.
local function size_fields(ctx, node)
  local out = {}
  for name, spec in pairs(ctx:schema(node)) do
    out[#out + 1] = type(spec) == "table" and spec.type == "size" and name or nil
  end
  table.sort(out)
  return out[1] and out
end

--- Every use of a volume: calls fn(volume, user, path).
local function each_use(ctx, fn)
  for _, server in ipairs(ctx:having("server", "volumes")) do
    for i, one in ipairs(ctx:list(server.args.volumes)) do
      for _, volume in ipairs(ctx:targets(one)) do
        fn(volume, server, { "volumes", i })
      end
    end
  end
end

local function check_unused(ctx)
  if not ctx:resources("volume")[1] then
    return
  end
  local used = {}
  each_use(ctx, function(volume)
    used[volume] = true
  end)
  for _, list in ipairs({ ctx:resources(), ctx:taskservs() }) do
    for _, node in ipairs(list) do
      for _, need in ipairs(node.needs or {}) do
        used[need] = true
      end
    end
  end
  for _, volume in ipairs(ctx:resources("volume")) do
    if not used[volume] and not used[volume.address] and volume.args.server == nil then
      ctx:report(volume, { message = "no server uses this volume", hint = "take it out, or bind it to a server" })
    end
  end
end

local function check_shared(ctx)
  local user = {}
  each_use(ctx, function(volume, server, path)
    local before = user[volume]
    if before and before ~= server then
      ctx:report(server, {
        path = path,
        message = ("%s is also bound into %s"):format(volume.address, before.address),
        hint = "a volume each: with count, volumes can be counted too",
        related = { before },
        related_path = { "volumes" },
      })
    end
    user[volume] = before or server
  end)
end

return {
  {
    id = "data-volume",
    severity = "note",
    applies = { "host" },
    instances = true,
    summary = "A service keeps its data on the server's own disk",
    doc = "The data goes with the server: a change of image or zone replaces it. A volume stays. Looks at "
      .. "postgres, etcd, prometheus, and redis with append_only, on providers that have volumes.",
    bad = "servers:\n  db: { taskservs: { postgres: {} } }\n",
    good = "servers:\n  db: { taskservs: { postgres: {} } }\nvolumes:\n  db: { server: \"${server.db}\" }\n",
    check = function(ctx, server)
      local resources = ctx:declaration(server).resources
      local volumes, attached = volumes_of(ctx, server)
      for _, taskserv in ipairs(resources and resources.volume and not attached and ctx:services(server) or {}) do
        local found = false
        for _, one in ipairs(volumes) do
          local path = ctx:known(ctx:map(one).path)
          found = found or path == nil or covers(path, FOLDERS[taskserv.name] or "")
        end
        if keeps_data(taskserv) and not found then
          ctx:report(taskserv, {
            message = ("its data in %s goes with the server"):format(FOLDERS[taskserv.name]),
            hint = "bind a volume there",
            related = { server },
          })
        end
      end
    end,
  },
  {
    id = "data-protect",
    severity = "note",
    applies = { "server", "volume" },
    instances = true,
    summary = "What holds data may be destroyed by a plan",
    doc = "`lifecycle: { prevent_destroy: true }` refuses every plan that would delete or replace it. "
      .. "Looks at volumes, and at servers whose services keep data on their own disk.",
    bad = "volumes:\n  db: { size: 10 GiB }\n",
    good = "volumes:\n  db: { size: 10 GiB, lifecycle: { prevent_destroy: true } }\n",
    check = function(ctx, node)
      local holds = node.kind == "volume"
      if not holds and ctx:services(node)[1] then
        local volumes, attached = volumes_of(ctx, node)
        for _, taskserv in ipairs(not attached and volumes[1] == nil and ctx:services(node) or {}) do
          holds = holds or keeps_data(taskserv)
        end
      end
      if holds and not node.lifecycle.prevent_destroy then
        ctx:report(node, {
          message = "it holds data, and a plan may delete it",
          hint = "lifecycle: { prevent_destroy: true }",
          fix = { { path = { "lifecycle", "prevent_destroy" }, value = true } },
        })
      end
    end,
  },
  {
    id = "data-purge",
    severity = "note",
    applies = { "taskserv" },
    summary = "Removing a service would delete its data",
    doc = "`keep_data: false` makes `prov taskserv remove`, and taking the service out of the infra, "
      .. "delete what it stored.",
    bad = "servers:\n  db: { taskservs: { postgres: { keep_data: false } } }\n",
    good = "servers:\n  db: { taskservs: { postgres: {} } }\n",
    check = function(ctx, taskserv)
      if taskserv.args.keep_data == false and keeps_data(taskserv) then
        ctx:report(taskserv, {
          path = { "keep_data" },
          message = "taking it out of the infra deletes its data",
          hint = "leave keep_data out",
          fix = { { path = { "keep_data" }, value = true } },
        })
      end
    end,
  },
  {
    id = "volume-unused",
    severity = "warning",
    applies = { "infra" },
    summary = "No server uses a volume",
    doc = "It is made, and may cost, for nothing; or a server has forgotten it, and keeps its data elsewhere.",
    bad = "volumes:\n  db: { size: 10 GiB }\n",
    good = "servers:\n  db: {}\nvolumes:\n  db: { size: 10 GiB, server: \"${server.db}\" }\n",
    check = check_unused,
  },
  {
    id = "volume-shared",
    severity = "error",
    applies = { "infra" },
    summary = "Two servers use one volume",
    doc = "Two databases that write into one folder destroy it. Instances of a count name the same volume.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
volumes:
  data: {}
servers:
  db: { count: 2, network: "${network.lan}", volumes: [{ volume: "${volume.data}", path: /var/lib/postgresql }] }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
volumes:
  data: {}
servers:
  db: { network: "${network.lan}", volumes: [{ volume: "${volume.data}", path: /var/lib/postgresql }] }
]],
    check = check_shared,
  },
  {
    id = "size-unit",
    severity = "error",
    applies = { "resource" },
    summary = "A size is so small that its unit is missing",
    doc = "A number alone is bytes: `size: 10` is ten bytes. Sizes have units, `10 GiB`.",
    bad = "volumes:\n  db: { size: 10 }\n",
    good = "volumes:\n  db: { size: 10 GiB }\n",
    about = size_fields,
    check = function(ctx, node, sizes)
      for _, name in ipairs(sizes) do
        local size = ctx:known(node.args[name])
        if math.type(size) and size > 0 and size < 1024 * 1024 then
          ctx:report(node, {
            path = { name },
            message = ("%d bytes: the unit is missing"):format(size),
            hint = ("%d GiB"):format(size),
          })
        end
      end
    end,
  },
}
