-- etcd: one node, or a cluster whose members are known by address.

local schema = {
  members = { type = "list", of = { type = "ip" }, default = {},
    doc = "addresses of all members, this server's among them; one node on its own when empty" },
  token = { type = "string", default = "prov", pattern = "^[%w_.-]+$", doc = "name of the cluster when it is formed" },
  client_port = { type = "int", min = 1, max = 65535, default = 2379, doc = "port for clients" },
  peer_port = { type = "int", min = 1, max = 65535, default = 2380, doc = "port for other members" },
  keep_data = { type = "bool", default = true, doc = "removing the taskserv leaves the data on the disk" },
}

local function url(address, port)
  return ("http://%s:%d"):format(address:find(":") and "[" .. address .. "]" or address, port)
end

local function name_of(address)
  return "etcd-" .. address:gsub("[^%w]", "-")
end

-- The address other members know this server by.
local function own_address(want, facts)
  if #want.members == 0 then
    return "127.0.0.1"
  end
  local server = facts.server or {}
  for _, address in ipairs(want.members) do
    if address == server.private_ip or address == server.ip then
      return address
    end
    for _, one in ipairs(facts.addresses or {}) do
      if one.address == address then
        return address
      end
    end
  end
  error(("members does not name this server (%s)"):format(server.private_ip or server.ip or "address unknown"), 0)
end

local function config(want, facts)
  local own = own_address(want, facts)
  local members = #want.members > 0 and want.members or { own }
  local cluster = {}
  for i, address in ipairs(members) do
    cluster[i] = name_of(address) .. "=" .. url(address, want.peer_port)
  end
  local clients = url("127.0.0.1", want.client_port)
  if own ~= "127.0.0.1" then
    clients = clients .. "," .. url(own, want.client_port)
  end
  local lines = {
    "# Written by prov: changes here are undone.",
    "ETCD_NAME=" .. name_of(own),
    -- Not the package's own folder: that one holds the single node it starts when it is installed.
    "ETCD_DATA_DIR=/var/lib/etcd/prov",
    "ETCD_LISTEN_CLIENT_URLS=" .. clients,
    "ETCD_ADVERTISE_CLIENT_URLS=" .. url(own, want.client_port),
    "ETCD_LISTEN_PEER_URLS=" .. url(own, want.peer_port),
    "ETCD_INITIAL_ADVERTISE_PEER_URLS=" .. url(own, want.peer_port),
    "ETCD_INITIAL_CLUSTER=" .. table.concat(cluster, ","),
    "ETCD_INITIAL_CLUSTER_STATE=new",
    "ETCD_INITIAL_CLUSTER_TOKEN=" .. want.token,
  }
  return table.concat(lines, "\n") .. "\n"
end

local function recipe(op, want, facts)
  return {
    op.pkg { "etcd-server", "etcd-client" },
    op.file { "/etc/default/etcd", text = config(want, facts), notify = "restart" },
    -- A member is up when most members are: waiting here would keep them from ever meeting.
    op.service { "etcd", state = "running", enabled = true, on = { restart = "restart" }, block = #want.members < 2 },
  }
end

local function health(op, want, facts)
  local own = own_address(want, facts)
  return {
    op.command {
      ("ETCDCTL_API=3 etcdctl --dial-timeout=2s --command-timeout=4s --endpoints=%s endpoint health"):format(
        url(own, want.client_port)),
      title = "is healthy", timeout = 120,
    },
  }
end

local function remove(op, want)
  local ops = {
    op.service { "etcd", state = "stopped" },
    op.pkg { "etcd-server", "etcd-client", absent = true, purge = not want.keep_data }, -- a purge takes the data
    op.file { "/etc/default/etcd", absent = true },
  }
  if not want.keep_data then
    ops[4] = op.dir { "/var/lib/etcd", absent = true }
  end
  return ops
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "etcd", category = "databases",
  summary = "etcd, one node or a cluster",
  platforms = { "debian>=12", "ubuntu>=24.04" },
  ports = { "client_port", "peer_port" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
