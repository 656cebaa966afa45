-- containerd with runc.

local CONF = "/etc/containerd/config.toml"

local schema = {
  systemd_cgroup = { type = "bool", default = true,
    doc = "runc puts containers into systemd's groups (Kubernetes wants it)" },
  root = { type = "path", default = "/var/lib/containerd", pattern = "^/[%w_./-]+$",
    doc = "where images and snapshots are" },
  snapshotter = { type = "enum", one_of = { "overlayfs", "native", "btrfs", "zfs" }, default = "overlayfs",
    doc = "how layers are stored" },
  sandbox_image = { type = "string", pattern = "^[%w./:@_-]+$", doc = "image of the pause container" },
  mirrors = { type = "map", of = { type = "list", of = { type = "url" } }, default = {},
    doc = "registry host -> URLs to ask instead" },
  keep_data = { type = "bool", default = true, doc = "removing the taskserv leaves images and containers on the disk" },
}

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return ("\\u%04X"):format(c:byte())
  end) .. '"'
end

local function config(want)
  local cri = '[plugins."io.containerd.grpc.v1.cri"'
  local out = { "# Written by prov: changes here are undone.", "version = 2", "root = " .. quoted(want.root) }
  out[#out + 1] = cri .. "]"
  if want.sandbox_image then
    out[#out + 1] = "  sandbox_image = " .. quoted(want.sandbox_image)
  end
  out[#out + 1] = cri .. ".containerd]"
  out[#out + 1] = "  snapshotter = " .. quoted(want.snapshotter)
  out[#out + 1] = '  default_runtime_name = "runc"'
  out[#out + 1] = cri .. ".containerd.runtimes.runc]"
  out[#out + 1] = '  runtime_type = "io.containerd.runc.v2"'
  out[#out + 1] = cri .. ".containerd.runtimes.runc.options]"
  out[#out + 1] = "  SystemdCgroup = " .. tostring(want.systemd_cgroup)
  out[#out + 1] = cri .. ".cni]"
  out[#out + 1] = '  bin_dir = "/usr/lib/cni"'
  out[#out + 1] = '  conf_dir = "/etc/cni/net.d"'
  local hosts = {}
  for host in pairs(want.mirrors) do
    hosts[#hosts + 1] = host
  end
  table.sort(hosts)
  for _, host in ipairs(hosts) do
    local urls = {}
    for i, url in ipairs(want.mirrors[host]) do
      urls[i] = quoted(url)
    end
    out[#out + 1] = ("%s.registry.mirrors.%s]"):format(cri, quoted(host))
    out[#out + 1] = ("  endpoint = [%s]"):format(table.concat(urls, ", "))
  end
  return table.concat(out, "\n") .. "\n"
end

local function recipe(op, want)
  return {
    op.pkg { "containerd", "runc" },
    op.dir { "/etc/containerd", mode = "0755" },
    op.file { CONF, text = config(want), notify = "restart" },
    op.service { "containerd", state = "running", enabled = true, on = { restart = "restart" } },
  }
end

local function health(op)
  return {
    op.command { "ctr version", contains = "Server:", title = "containerd answers" },
    op.command { "runc --version", contains = "runc", title = "runc is there" },
  }
end

local function remove(op, want)
  local ops = {
    op.service { "containerd", state = "stopped" },
    op.pkg { "containerd", "runc", absent = true, purge = not want.keep_data },
    op.dir { "/etc/containerd", absent = true },
  }
  if not want.keep_data then
    ops[#ops + 1] = op.exec { ("find %s -mindepth 1 -delete"):format(want.root), title = "empty " .. want.root,
      onlyif = ("[ -n \"$(ls -A %s)\" ]"):format(want.root) }
  end
  return ops
end

---@type prov.Taskserv
return {
  kind = "taskserv", api = 1, name = "containerd", category = "containers",
  summary = "containerd and runc",
  platforms = { "debian>=12", "ubuntu>=22.04" },
  schema = schema,
  recipe = recipe,
  health = health,
  remove = remove,
}
