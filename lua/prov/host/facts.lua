--- Facts of a host: one script, lines `key value`, and their reader.
--
-- What the kernel has in a file is read with builtins, the rest costs a process each.

local M = {}

-- Defines `facts`, which is called without input: what follows it may read that.
local BODY = [==[
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
put() { printf '%s %s\n' "$1" "$2"; }
first() { F=; [ -r "$1" ] && read -r F < "$1"; }
facts() {
put begin 1
for F in /etc/os-release /usr/lib/os-release; do
  [ -r "$F" ] || continue
  while IFS= read -r L; do
    case $L in ID=*) put os.id "${L#*=}" ;; ID_LIKE=*) put os.like "${L#*=}" ;;
      VERSION_ID=*) put os.version "${L#*=}" ;; VERSION_CODENAME=*) put os.codename "${L#*=}" ;; esac
  done < "$F"
  break
done
first /proc/sys/kernel/arch; put arch "${F:-$(uname -m)}"
first /proc/sys/kernel/osrelease; put kernel "${F:-$(uname -r)}"
first /proc/sys/kernel/hostname; put hostname "$F"
if [ -d /run/systemd/system ]; then put init systemd
elif command -v rc-service > /dev/null; then put init openrc
else first /proc/1/comm; put init "${F:-unknown}"; fi
while read -r K V U; do case $K in MemTotal:) put memory "$V"; break ;; esac; done < /proc/meminfo
for F in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  first "$F"; case $F in '' | *[!0-9]*) ;; *) put memory.limit "$F" ;; esac
done
put cpus "$(nproc)"
first /sys/fs/cgroup/cpu.max; [ -n "$F" ] && put cpus.max "$F"
first /sys/fs/cgroup/cpu/cpu.cfs_quota_us; Q=$F
first /sys/fs/cgroup/cpu/cpu.cfs_period_us; [ -n "$Q" ] && put cpus.max "$Q $F"
for P in apt-get apk dnf; do command -v $P > /dev/null && { put packages "${P%-get}"; break; }; done
put df 1
df -Pk
if command -v ip > /dev/null; then
  put ip 1
  ip -o addr show scope global
else
  for A in $(hostname -i || hostname -I); do put address "- $A"; done
fi
put end 1
}
facts < /dev/null 2> /dev/null
]==]

--- Prints the facts and goes on.
M.BODY = BODY

--- Prints the facts.
M.SCRIPT = BODY .. "exit 0\n"

--- The end of what it prints.
M.LAST = "\nend 1\n"

local NO_DISK = { tmpfs = true, devtmpfs = true, udev = true, shm = true, none = true, proc = true, sysfs = true }

-- What df and ip print, line by line.
local TABLES = {
  df = function(line, many)
    local device, size, free, mount = line:match("^(%S+)%s+(%d+)%s+%d+%s+(%d+)%s+%S+%s+(/.*)$")
    if device and not NO_DISK[device] then
      table.insert(many.disk, ("%s %s %s"):format(size, free, mount))
    end
  end,
  ip = function(line, many)
    local interface, address = line:match("^%d+:%s+(%S+)%s+%S+%s+([^%s/]+)")
    if interface then
      table.insert(many.address, interface .. " " .. address)
    end
  end,
}

local function unquote(text)
  return (text:gsub('^"(.*)"$', "%1"):gsub("^'(.*)'$", "%1"))
end

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

local function cpu_limit(count, max)
  local quota, period = (max or ""):match("^(%d+) (%d+)$")
  if quota and tonumber(period) > 0 then
    return math.max(1, math.min(count, math.ceil(tonumber(quota) / tonumber(period))))
  end
  return count
end

--- Reads what the script printed.
---@param out string
---@return table? facts
---@return prov.Err?
function M.parse(out)
  local one, many = {}, { disk = {}, address = {} }
  local rows
  for line in out:gmatch("[^\n]+") do
    local key, value = line:match("^(%S+) (.*)$")
    if TABLES[key] and value == "1" then
      rows = TABLES[key]
    elseif rows and key ~= "end" and key ~= "address" then
      rows(line, many)
    elseif many[key] then
      table.insert(many[key], value)
    elseif key and value ~= "" then
      one[key] = value
    end
  end
  if not one["end"] then
    return require("prov.err").fail("protocol", "the host gave no facts: %s", out:sub(1, 200))
  end
  local memory = math.tointeger(one.memory) and math.tointeger(one.memory) * 1024 or 0
  local limit = math.tointeger(one["memory.limit"])
  if limit and limit > 0 and (memory == 0 or limit < memory) then
    memory = limit
  end
  local facts = {
    os = { id = unquote(one["os.id"] or "linux"), version = unquote(one["os.version"] or ""),
      codename = unquote(one["os.codename"] or ""), like = words(unquote(one["os.like"] or "")) },
    arch = one.arch, kernel = one.kernel, hostname = one.hostname, init = one.init, packages = one.packages,
    memory = memory, cpus = cpu_limit(math.tointeger(one.cpus) or 1, one["cpus.max"]), disks = {}, addresses = {},
  }
  for _, line in ipairs(many.disk) do
    local size, free, mount = line:match("^(%d+) (%d+) (/.*)$")
    if size then
      table.insert(facts.disks, { mount = mount, size = tonumber(size) * 1024, free = tonumber(free) * 1024 })
    end
  end
  for _, line in ipairs(many.address) do
    local interface, address = line:match("^(%S+) (%S+)$")
    if address and address ~= "127.0.0.1" then
      table.insert(facts.addresses, { interface = interface, address = address })
    end
  end
  return facts
end

return M
