-- haproxy: frontends that spread connections over backends.

local CONF = "/etc/haproxy/haproxy.cfg"

local function frontend_fields(listen)
  return {
    listen = { type = "int", min = 1, max = 65535, default = listen, required = not listen and true or nil,
      doc = "port it listens on" },
    address = { type = "string", default = "*", pattern = "^[%w.:*-]+$", doc = "address it listens on" },
    mode = { type = "enum", one_of = { "http", "tcp" }, default = "http", doc = "what it understands" },
    balance = { type = "enum", one_of = { "roundrobin", "leastconn", "source", "first" }, default = "roundrobin",
      doc = "how it chooses a backend" },
    backends = { type = "list", of = { type = "string" }, default = {}, doc = "servers: address or address:port" },
    backend_port = { type = "int", min = 1, max = 65535, default = 80, doc = "port of backends that name none" },
    check = { type = "string", pattern = "^/[%w%p]*$",
      doc = "path that must answer 2xx or 3xx; a TCP connection by default" },
  }
end

local schema = frontend_fields(80)
schema.frontends = { type = "map", of = { type = "record", fields = frontend_fields(nil) }, default = {},
  doc = "further frontends by name; the fields above are those of the one called 'main'" }
schema.stats_port = { type = "int", min = 1, max = 65535, doc = "statistics page on this port of 127.0.0.1" }
schema.max_connections = { type = "int", min = 10, default = 2000, doc = "connections at once" }

local function frontends_of(want)
  local names, all = {}, {}
  for name, one in pairs(want.frontends or {}) do
    names[#names + 1] = name
    all[name] = one
  end
  table.sort(names)
  if not all.main and (#want.backends > 0 or #names == 0) then
    table.insert(names, 1, "main")
    all.main = want
  end
  return names, all
end

local function hostport(text, port)
  if text:find("[^%w.:%[%]-]") then
    error(("backend '%s' is no address"):format(text), 0)
  elseif text:find("^%[?[%x:]*:[%x:]*:[%x:.]*%]?$") then
    return ("[%s]:%d"):format(text:gsub("[%[%]]", ""), port)
  end
  return text:find(":%d+$") and text or ("%s:%d"):format(text, port)
end

local function frontend(out, name, one)
  out[#out + 1] = ""
  out[#out + 1] = ("frontend %s"):format(name)
  out[#out + 1] = ("    bind %s:%d"):format(one.address, one.listen)
  out[#out + 1] = ("    mode %s"):format(one.mode)
  out[#out + 1] = ("    default_backend %s"):format(name)
  out[#out + 1] = ""
  out[#out + 1] = ("backend %s"):format(name)
  out[#out + 1] = ("    mode %s"):format(one.mode)
  out[#out + 1] = ("    balance %s"):format(one.balance)
  if one.mode == "http" then
    out[#out + 1] = "    option forwardfor"
  end
  if one.check and one.mode == "http" then
    out[#out + 1] = ("    option httpchk GET %s"):format(one.check)
  end
  for i, backend in ipairs(one.backends) do
    out[#out + 1] = ("    server s%d %s check inter 1s fall 2 rise 1"):format(i, hostport(backend, one.backend_port))
  end
end

local function config(want)
  local out = {
    "# Written by prov: changes here are undone.",
    "global",
    "    log /dev/log local0",
    "    user haproxy",
    "    group haproxy",
    ("    maxconn %d"):format(want.max_connections),
    "    stats socket /run/haproxy/admin.sock mode 660 level admin",
    "",
    "defaults",
    "    log global",
    "    option redispatch",
    "    retries 3",
    "    timeout connect 5s",
    "    timeout client 50s",
    "    timeout server 50s",
  }
  local names, all = frontends_of(want)
  for _, name in ipairs(names) do
    if name == "" or name:find("[^%w_-]") then
      error(("'%s' is no name for a frontend"):format(name), 0)
    end
    frontend(out, name, all[name])
  end
  if want.stats_port then
    for _, line in ipairs({ "", "frontend stats", ("    bind 127.0.0.1:%d"):format(want.stats_port), "    mode http",
      "    stats enable", "    stats uri /" }) do
      out[#out + 1] = line
    end
  end
  return table.concat(out, "\n") .. "\n"
end

local function recipe(op, want)
  return {
    op.pkg { "haproxy" },
    op.file { CONF, text = config(want), validate = "haproxy -c -q -f %s", notify = "reload" },
    op.service { "haproxy", state = "running", enabled = true, on = { reload = "reload" }, workers = true },
  }
end

local function health(op, want)
  local checks = {}
  local names, all = frontends_of(want)
  for _, name in ipairs(names) do
    checks[#checks + 1] = op.port { all[name].listen, service = "haproxy" }
  end
  return checks
end

local function remove(op)
  return {
    op.service { "haproxy", state = "stopped" },
    op.pkg { "haproxy", absent = true },
    op.dir { "/etc/haproxy", absent = true },
    op.dir { "/var/lib/haproxy", absent = true },
  }
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "haproxy", category = "web",
  summary = "Load balancer for HTTP and TCP",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  ports = { "listen" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
