-- Prometheus node exporter: metrics of the machine.

local schema = {
  port = { type = "int", min = 1, max = 65535, default = 9100, doc = "TCP port" },
  address = { type = "string", default = "", pattern = "^[%w.:%[%]-]*$", doc = "address to listen on; all when empty" },
  collectors = { type = "list", of = { type = "string", pattern = "^!?[%w_]+$" }, default = {},
    doc = "collectors to switch on besides the default ones; !name switches one off" },
}

local function arguments(want)
  local list = { ("--web.listen-address=%s:%d"):format(want.address, want.port) }
  for _, name in ipairs(want.collectors) do
    local off = name:match("^!(.*)$")
    list[#list + 1] = off and "--no-collector." .. off or "--collector." .. name
  end
  return table.concat(list, " ")
end

local function recipe(op, want)
  return {
    op.pkg { "prometheus-node-exporter" },
    op.file { "/etc/default/prometheus-node-exporter",
      text = ("# Written by prov: changes here are undone.\nARGS=\"%s\"\n"):format(arguments(want)),
        notify = "restart" },
    op.service { "prometheus-node-exporter", state = "running", enabled = true, on = { restart = "restart" } },
  }
end

local function health(op, want)
  local host = want.address ~= "" and want.address or "127.0.0.1"
  return { op.http { ("http://%s:%d/metrics"):format(host, want.port), contains = "node_" } }
end

local function remove(op)
  return {
    op.service { "prometheus-node-exporter", state = "stopped" },
    op.pkg { "prometheus-node-exporter", absent = true },
    op.file { "/etc/default/prometheus-node-exporter", absent = true },
    op.dir { "/var/lib/prometheus/node-exporter", absent = true },
  }
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "node-exporter", category = "monitoring",
  summary = "Metrics of the machine for Prometheus",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  ports = { "port" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
