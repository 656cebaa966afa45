--- Looks at what this machine offers for local servers. Changes nothing.

local fs = require("prov.fs")
local settings = require("prov.settings")
local uv = require("luv")

local M = {}

local PER_SERVER = 8 -- inotify instances of a server's systemd, with some room

local function has_program(name)
  for dir in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    local stat = fs.stat(dir .. "/" .. name)
    if stat and stat.type == "file" and stat.mode & 73 ~= 0 then
      return true
    end
  end
  return false
end

local function root()
  if uv.getuid() == 0 then
    return true, "running as root"
  end
  return false, "local servers need root", "run prov with sudo, or use another provider"
end

local function capabilities()
  local text = fs.read("/proc/self/status") or ""
  local mask = tonumber(text:match("CapEff:%s*(%x+)") or "0", 16)
  if mask & 1 << 21 ~= 0 and mask & 1 << 12 ~= 0 then
    return true, "may make namespaces, mounts and links"
  end
  local fix = "give the container you are in both, or run prov outside of it"
  return false, "CAP_SYS_ADMIN or CAP_NET_ADMIN is missing", fix
end

local function overlay()
  local text = fs.read("/proc/filesystems") or ""
  if text:find("\toverlay\n", 1, true) then
    return true, "overlayfs is there"
  end
  return false, "the kernel has no overlayfs", "modprobe overlay"
end

local function namespaces()
  for _, name in ipairs({ "mnt", "net", "pid", "uts", "ipc", "cgroup" }) do
    if not fs.exists("/proc/self/ns/" .. name) then
      local fix = "use a kernel with CONFIG_NAMESPACES and all its kinds"
      return false, ("the kernel has no %s namespaces"):format(name), fix
    end
  end
  return true, "all namespaces are there"
end

--- "v1", "v2", "hybrid" or nil, and the controllers that limits need and that are missing.
local function cgroup_mode()
  local v1, v2, controllers = false, false, {}
  for line in (fs.read("/proc/self/mountinfo") or ""):gmatch("[^\n]+") do
    local path, kind, options = line:match("^%S+ %S+ %S+ / (%S+) .* %- (cgroup2?) %S+ (%S+)$")
    if kind == "cgroup" then
      v1 = true
      for name in options:gmatch("[%w_=]+") do
        controllers[name] = true
      end
    elseif kind == "cgroup2" then
      v2 = true
      for name in (fs.read(path .. "/cgroup.controllers") or ""):gmatch("%S+") do
        controllers[name] = true
      end
    end
  end
  local missing = {}
  for _, name in ipairs({ "cpu", "memory" }) do
    if not controllers[name] then
      missing[#missing + 1] = name
    end
  end
  return v1 and v2 and "hybrid" or v1 and "v1" or v2 and "v2" or nil, missing
end

local function cgroups()
  local mode, missing = cgroup_mode()
  if not mode then
    return false, "no cgroup hierarchy is mounted", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
  end
  if #missing > 0 then
    local text = "cgroups (%s) lack %s: such limits of servers cannot be set"
    local fix = "boot with cgroup_enable=" .. table.concat(missing, ",")
    return false, text:format(mode, table.concat(missing, " and ")), fix
  end
  if mode == "v1" then
    return false, "systemd in servers needs a version 2 hierarchy", "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
  end
  return true, ("cgroups are there (%s)"):format(mode)
end

local function inotify()
  local limit = tonumber((fs.read("/proc/sys/fs/inotify/max_user_instances"))) or 0
  local servers = (limit - 48) // PER_SERVER
  if servers >= 100 then
    return true, ("inotify: %d instances"):format(limit)
  end
  -- Started servers raise it themselves; only a machine that forbids that is a problem.
  local file = uv.fs_access("/proc/sys/fs/inotify/max_user_instances", "W")
  if file then
    return true, ("inotify: %d instances, raised when more than %d servers start"):format(limit, servers)
  end
  local text = "inotify: %d instances are enough for about %d servers and cannot be raised from here"
  return false, text:format(limit, servers), "sysctl fs.inotify.max_user_instances=1024 on the machine itself"
end

local function open_files()
  local text = fs.read("/proc/self/limits") or ""
  local hard = text:match("Max open files%s+%S+%s+(%S+)")
  hard = hard == "unlimited" and math.huge or tonumber(hard) or 0
  if hard >= 4096 then
    return true, ("open files: up to %s"):format(tostring(hard))
  end
  return false, ("the hard limit of open files is %d"):format(hard), "ulimit -Hn 65536 before starting prov"
end

local function disk()
  local dir = os.getenv("PROV_LOCAL_DIR") or settings.machine.folder or "/var/lib"
  while not fs.exists(dir) and dir ~= "" do
    dir = dir:match("^(.*)/[^/]*$")
  end
  local found = uv.fs_statfs(dir ~= "" and dir or "/")
  local free = found and found.bavail * found.bsize or 0
  if found and found.type == 0x794c7630 then
    local text = "%s is an overlay, on which servers cannot be cloned"
    return false, text:format(dir), "set PROV_LOCAL_DIR to a folder on a real disk"
  end
  if free < 2 << 30 then
    local text = "%.1f GiB are free in %s"
    return false, text:format(free / (1 << 30), dir), "free at least 2 GiB, or set PROV_LOCAL_DIR"
  end
  return true, ("%.0f GiB are free in %s"):format(free / (1 << 30), dir)
end

local function builder()
  for _, name in ipairs({ "mmdebstrap", "tar" }) do
    if not has_program(name) then
      return false, ("%s is not installed; it builds base images"):format(name), "apt-get install " .. name
    end
  end
  return true, "mmdebstrap and tar are installed"
end

--- podman with runc; crun does not know the hybrid cgroups of version 1 and 2 at once.
local function podman()
  local missing = {}
  for _, name in ipairs({ "podman", "runc" }) do
    if not has_program(name) then
      missing[#missing + 1] = name
    end
  end
  if #missing > 0 then
    local text = ("%s %s not installed"):format(table.concat(missing, " and "), #missing > 1 and "are" or "is")
    return false, text, "apt-get install --no-install-recommends " .. table.concat(missing, " ")
  end
  return true, "podman and runc are installed"
end

local function mirror()
  local sources = require("prov.machine.sources")
  local families, https = {}, false
  for _, row in ipairs(sources.read()) do
    if row.family then
      families[row.family] = true
      https = https or row.uri:find("^https:") ~= nil
    end
  end
  if not next(families) then
    return false, "no package source of Debian or Ubuntu is configured", "add one to /etc/apt/sources.list.d"
  end
  if #sources.hosts() == 0 and https then
    local fix = "use http for them: packages are signed"
    return false, "package sources are https only, which servers cannot fetch from", fix
  end
  local names = {}
  for name in pairs(families) do
    names[#names + 1] = name
  end
  table.sort(names)
  return true, "package sources: " .. table.concat(names, ", ")
end

local CHECKS = {
  { "root", root },
  { "capabilities", capabilities },
  { "namespaces", namespaces },
  { "overlayfs", overlay },
  { "cgroups", cgroups },
  { "inotify", inotify },
  { "open files", open_files },
  { "disk", disk },
  { "image builder", builder },
  { "package sources", mirror },
}

--- What a backend needs beyond what every server needs.
local BACKENDS = { podman = podman }

--- Runs all checks.
---@return { name: string, ok: boolean, msg: string, fix: string? }[]
function M.run()
  local findings = {}
  for i, check in ipairs(CHECKS) do
    local ok, msg, fix = check[2]()
    findings[i] = { name = check[1], ok = ok, msg = msg, fix = fix }
  end
  for name, check in pairs(BACKENDS) do -- who does not use it lacks nothing
    local ok, msg, fix = check()
    msg = ok and msg or ("%s; only `backend: %s` needs it (%s)"):format(msg, name, fix)
    findings[#findings + 1] = { name = "backend " .. name, ok = true, msg = msg }
  end
  return findings
end

--- The first thing that makes servers impossible here, as an error; nil when there is none.
---@param backend string?
---@return prov.Err?
function M.obstacle(backend)
  local err = require("prov.err")
  for _, check in ipairs({ root, capabilities, namespaces, overlay, BACKENDS[backend] }) do
    local ok, msg, fix = check()
    if not ok then
      return err.new("unsupported", msg, { hint = fix })
    end
  end
end

return M
