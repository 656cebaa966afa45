--- The backend `podman`: podman with runc makes the server, as a container whose root is the
-- server's own overlay and whose network is a namespace on the bridge of the lab.
--
-- The helper runs podman in a cell (pv_cell_make() in core/linux/server.h): a mount namespace of
-- its own, the network namespace of the lab and the cgroups of the server. So nothing of podman is
-- mounted, listed or routed on the machine; its storage is memory in the cell and goes with the
-- last process; a server is a container only while it runs. What ends and removes a server is the
-- same as for the built-in backend, which knows its processes by their cgroups.

local conf = require("prov.machine.conf")
local err = require("prov.err")
local fs = require("prov.fs")
local helper = require("prov.machine.helper")
local namespaces = require("prov.machine.namespaces")
local preflight = require("prov.machine.preflight")
local settings = require("prov.settings")

---@type prov.machine.Backend
local M = {
  stop = namespaces.stop,
  destroy = namespaces.destroy,
  limit = namespaces.limit,
}


--- In place of the machine's own settings of podman, so that a server is the same everywhere.
local SETTINGS = [[
[containers]
default_sysctls = []
[engine]
lock_type = "file"
events_logger = "none"
]]

--- Before the init, in the container: what podman has no words for, so that a server is the same
-- as that of the built-in backend (core/linux/rootfs.c). One version 2 tree of control groups (what
-- podman gives systemd on a machine with version 1 is the machine's own), the network's own settings
-- writable, /run in memory, and the files of /etc as they are in the server instead of podman's.
local BEFORE = [[
exec >>/dev/console 2>&1
for path in /etc/hostname /etc/hosts /etc/resolv.conf; do umount "$path" 2>/dev/null || :; done
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw,nosuid,nodev,noexec /proc/sys/net
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
mkdir -m 1777 /run/lock
mkdir -m 755 /run/sshd
exec "$@"
]]

local INIT = {
  systemd = { "/sbin/init", "--log-target=console", "--show-status=1" },
  sshd = { "/usr/sbin/sshd", "-D", "-e" },
}

--- Limits that podman may set here: its defaults are above what it may give when we may not
-- raise ours, and it lowers its own number of processes to that of the kernel first.
local function ulimits()
  local text = fs.read("/proc/self/limits") or ""
  local function hard(name)
    return math.tointeger(tonumber(text:match(name .. "%s+%S+%s+(%d+)"))) or 1 << 20 -- unlimited
  end
  local files = hard("Max open files")
  local processes = math.min(hard("Max processes"), tonumber((fs.read("/proc/sys/kernel/pid_max"))) or 32768)
  return ("nofile=%d:%d"):format(files, files), ("nproc=%d:%d"):format(processes, processes)
end

--- The command that makes the container of a server. `group` is its cgroup.
---@param folder string
---@param cell string folder in memory
---@param described table
---@param group string
---@return string[]
local function command(folder, cell, described, group)
  local files, processes = ulimits()
  local args = {
    "podman", "--root", cell .. "/root", "--runroot", cell .. "/run", "--tmpdir", cell .. "/tmp",
    "--network-config-dir", cell .. "/net", "--volumepath", cell .. "/volumes", "--storage-driver", "vfs",
    "--cgroup-manager", "cgroupfs", "--runtime", "runc", "--runtime-flag", "root=" .. cell .. "/runc",
    "run", "--detach", "--name", folder:match("[^/]+$"), "--pidfile", folder .. "/pid",
    "--cgroup-parent", group, "--cgroupns", "private", "--pids-limit", "-1",
    "--ulimit", files, "--ulimit", processes,
    "--network", "ns:" .. folder .. "/net", "--hostname", described.hostname, "--no-hosts", "--dns", "none",
    "--ipc", "private", "--shm-size", "0", "--systemd", "false",
    "--env", "container=podman", "--env", "HOME=/root", "--env", "LANG=C.UTF-8",
    -- As in the built-in backend: root in the server may mount, route and filter in there.
    "--cap-add", "all", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
    "--security-opt", "label=disable",
    "--log-driver", "none", "--volume", folder .. "/console.log:/dev/console",
  }
  for _, line in ipairs(described.volume) do
    args[#args + 1] = "--volume"
    args[#args + 1] = line
  end
  local rest = { "--rootfs", folder .. "/root", "/bin/sh", "-ec", BEFORE, "init" }
  table.move(INIT[described.init], 1, #INIT[described.init], #rest + 1, rest)
  return table.move(rest, 1, #rest, #args + 1, args)
end

function M.obstacle()
  return preflight.obstacle("podman")
end

function M.accept(want)
  if want.nesting then
    local text = "server '%s': the backend podman makes no servers with nesting"
    return nil, err.new("unsupported", text:format(want.hostname), {
      hint = "use the backend namespaces for docker or containerd in servers",
    })
  end
  return true
end

---@async
function M.start(folder)
  local dir, lab, id = folder:match("^(.*/([^/]+))/servers/([^/]+)$")
  local described, e = conf.read(folder .. "/server.conf")
  local shared
  if described then
    shared, e = conf.read(dir .. "/lab.conf")
  end
  if not shared then
    return nil, e or err.new("notfound", ("there is no server at %s"):format(folder))
  end
  local containers = folder .. "/containers.conf"
  local ok
  ok, e = fs.write_atomic(containers, SETTINGS, { mode = 384, sync = false })
  if not ok then
    return nil, e
  end
  local cell = shared.netns:match("^(.+)/")
  local args = command(folder, cell, described, ("/prov/%s/%s"):format(lab, id))
  local boot_ms = settings.ms(settings.machine.boot_timeout)
  return helper.run_with(table.move(args, 1, #args, 4, { "start", folder, boot_ms }), {
    CONTAINERS_CONF = containers,
    TMPDIR = cell,
  })
end

return M
