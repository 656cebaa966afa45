-- Redis from the distribution's packages.

local CONF = "/etc/redis/prov.conf"

local schema = {
  port = { type = "int", min = 1, max = 65535, default = 6379, doc = "TCP port" },
  bind = { type = "list", of = { type = "string", pattern = "^[%w.:*-]+$" }, default = {},
    doc = "addresses to listen on besides 127.0.0.1" },
  password = { type = "secret", doc = "clients (and replicas) must give it" },
  max_memory = { type = "string", pattern = "^%d+[kmgKMG]?[bB]?$", doc = "most memory for data, such as 256mb" },
  policy = {
    type = "enum", default = "noeviction", doc = "what goes when the memory is full",
    one_of = { "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
      "volatile-ttl" },
  },
  append_only = { type = "bool", default = false, doc = "log every write to disk" },
  replica_of = { type = "string", pattern = "^[%w.:-]+$", doc = "address (or address:port) of the server to copy" },
}

-- A value of redis.conf in double quotes.
local function quoted(text)
  return '"' .. text:gsub('[%c"\\\127-\255]', function(c)
    return ("\\x%02x"):format(c:byte())
  end) .. '"'
end

local function shell_quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function config(op, want)
  local lines = { "# Written by prov: changes here are undone.\n", ("port %d\n"):format(want.port) }
  local function add(...)
    lines[#lines + 1] = op.text(...)
  end
  add("bind 127.0.0.1 ", table.concat(want.bind, " "), "\n")
  if want.password then
    add("requirepass ", op.map_text(want.password, quoted), "\n")
    add("masterauth ", op.map_text(want.password, quoted), "\n")
  elseif #want.bind > 0 then
    add("protected-mode no\n")
  end
  if want.max_memory then
    add("maxmemory ", want.max_memory, "\n")
  end
  add("maxmemory-policy ", want.policy, "\n")
  add("appendonly ", want.append_only and "yes" or "no", "\n")
  if want.replica_of then
    local host, port = want.replica_of:match("^([^:]+):(%d+)$")
    add(("replicaof %s %s\n"):format(host or want.replica_of, port or want.port))
  end
  return op.text(table.unpack(lines))
end

local function recipe(op, want)
  return {
    op.pkg { "redis-server" },
    op.file { CONF, text = config(op, want), mode = "0640", owner = "redis", group = "redis", notify = "restart" },
    op.line { "/etc/redis/redis.conf", line = "include " .. CONF, notify = "restart" },
    op.service { "redis-server", state = "running", enabled = true, on = { restart = "restart" } },
  }
end

local function cli(op, want, command)
  if not want.password then
    return ("redis-cli -p %d %s"):format(want.port, command)
  end
  return op.text("REDISCLI_AUTH=", op.map_text(want.password, shell_quoted), (" redis-cli -p %d %s"):format(want.port,
    command))
end

local function health(op, want)
  local checks = { op.command { cli(op, want, "ping"), contains = "PONG", title = "answers PING" } }
  if want.replica_of then
    checks[2] = op.command { cli(op, want, "info replication"), contains = "master_link_status:up",
      title = "follows its primary" }
  end
  return checks
end

local function remove(op)
  return {
    op.service { "redis-server", state = "stopped" },
    op.pkg { "redis-server", "redis-tools", absent = true },
    op.dir { "/etc/redis", absent = true },
    op.dir { "/var/lib/redis", absent = true },
    op.dir { "/var/log/redis", absent = true },
  }
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "redis", category = "databases",
  summary = "Redis, alone or as a replica",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  ports = { "port" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
