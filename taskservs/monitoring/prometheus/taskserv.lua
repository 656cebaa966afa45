-- Prometheus: collects metrics of targets.

local CONF = "/etc/prometheus/prometheus.yml"

local schema = {
  port = { type = "int", min = 1, max = 65535, default = 9090, doc = "TCP port of its web page and API" },
  address = { type = "string", default = "127.0.0.1", pattern = "^[%w.:%[%]-]*$", doc = "address to listen on" },
  interval = { type = "string", default = "15s", pattern = "^%d+[smh]$", doc = "how often targets are asked" },
  retention = { type = "string", default = "15d", pattern = "^%d+[dwyh]$", doc = "how long samples are kept" },
  targets = { type = "list", of = { type = "string" }, default = {}, doc = "node exporters: address or address:port" },
  target_port = { type = "int", min = 1, max = 65535, default = 9100, doc = "port of targets that name none" },
  jobs = {
    type = "map", default = {}, doc = "further jobs by name",
    of = {
      type = "record",
      fields = {
        targets = { type = "list", of = { type = "string" }, required = true, doc = "address:port" },
        path = { type = "string", default = "/metrics", pattern = "^/[%w%p]*$", doc = "path of the metrics" },
      },
    },
  },
  keep_data = { type = "bool", default = true, doc = "removing the taskserv leaves the samples on the disk" },
}

local function target(text, port)
  if text:find("[^%w.:%[%]_-]") then
    error(("target '%s' is no address"):format(text), 0)
  end
  return ("'%s'"):format(text:find(":%d+$") and text or ("%s:%d"):format(text, port))
end

local function job(out, name, path, targets, port)
  if name == "" or name:find("[^%w_.-]") then
    error(("'%s' is no name for a job"):format(name), 0)
  end
  local list = {}
  for i, one in ipairs(targets) do
    list[i] = target(one, port)
  end
  out[#out + 1] = ("  - job_name: '%s'"):format(name)
  if path then
    out[#out + 1] = ("    metrics_path: '%s'"):format((path:gsub("'", "''")))
  end
  out[#out + 1] = ("    static_configs: [{ targets: [%s] }]"):format(table.concat(list, ", "))
end

local function config(want)
  local out = {
    "# Written by prov: changes here are undone.",
    "global:",
    "  scrape_interval: " .. want.interval,
    "  evaluation_interval: " .. want.interval,
    "scrape_configs:",
  }
  job(out, "prometheus", nil, { ("%s:%d"):format(want.address ~= "" and want.address or "127.0.0.1", want.port) },
    want.port)
  if #want.targets > 0 then
    job(out, "node", nil, want.targets, want.target_port)
  end
  local names = {}
  for name in pairs(want.jobs) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    job(out, name, want.jobs[name].path, want.jobs[name].targets, want.target_port)
  end
  return table.concat(out, "\n") .. "\n"
end

local function recipe(op, want)
  return {
    op.pkg { "prometheus" },
    op.file { "/etc/default/prometheus", notify = "restart",
      text = ("# Written by prov: changes here are undone.\nARGS=\"%s:%d --storage.tsdb.retention.time=%s\"\n"):format(
        "--web.listen-address=" .. want.address, want.port, want.retention) },
    op.file { CONF, text = config(want), validate = "promtool check config %s", notify = "reload" },
    op.service { "prometheus", state = "running", enabled = true, on = { restart = "restart", reload = "reload" } },
  }
end

local function health(op, want)
  local host = want.address ~= "" and want.address or "127.0.0.1"
  return { op.http { ("http://%s:%d/-/ready"):format(host, want.port), timeout = 60 } }
end

local function remove(op, want)
  local ops = {
    op.service { "prometheus", state = "stopped" },
    op.pkg { "prometheus", absent = true, purge = not want.keep_data },
    op.file { CONF, absent = true },
    op.file { "/etc/default/prometheus", absent = true },
  }
  if not want.keep_data then
    ops[#ops + 1] = op.dir { "/var/lib/prometheus/metrics2", absent = true }
    ops[#ops + 1] = op.dir { "/etc/prometheus", absent = true }
  end
  return ops
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "prometheus", category = "monitoring",
  summary = "Prometheus and what it collects",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  ports = { "port" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
