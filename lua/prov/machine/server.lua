--- The servers of a lab; methods of prov.machine.Lab.

local backends = require("prov.machine.backend")
local err = require("prov.err")
local fs = require("prov.fs")
local image = require("prov.machine.image")
local ipam = require("prov.machine.ipam")
local users = require("prov.machine.users")
local uv = require("luv")

local PROXY_PORT = 3142
local HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n%s %s\n"
local RESOLV = "nameserver %s\noptions timeout:2 attempts:2\n"
local APT_PROXY = 'Acquire::http::Proxy "http://%s:%d";\n'

local function boot_id()
  return (fs.read("/proc/sys/kernel/random/boot_id") or ""):gsub("%s+$", "")
end

--- The init of a server when it lives, else nil; see core/linux/process.h.
local function running_pid(folder)
  local text = fs.read(folder .. "/run")
  if not text then
    return nil
  end
  local pid, started, boot = text:match("pid=(%d+)\nstarted=(%d+)\nboot=([^\n]*)")
  if not pid or boot ~= boot_id() then
    return nil
  end
  local stat = fs.read(("/proc/%s/stat"):format(pid))
  local fields = {}
  for field in (stat and stat:match("%)%s(.*)$") or ""):gmatch("%S+") do
    fields[#fields + 1] = field
  end
  if fields[20] ~= started or fields[1] == "Z" or fields[1] == "X" then
    return nil
  end
  return math.tointeger(pid)
end

local LOOPBACK = "127.0.0.1"

--- "127.0.0.1:8080:80" -> { host = 8080, guest = 80 }; another address is its `address`.
local function parse_port(line)
  local address, host, guest = line:match("^([%d.]+):(%d+):(%d+)$")
  return {
    address = address ~= LOOPBACK and address or nil,
    host = math.tointeger(host),
    guest = math.tointeger(guest),
  }
end

--- { host = 8080, guest = 80 } -> "127.0.0.1:8080:80"
local function format_port(port)
  return ("%s:%d:%d"):format(port.address or LOOPBACK, port.host, port.guest)
end

--- The lines that both creation and update write from what is wanted.
local function changeable(lab, want, described)
  described.memory = want.memory and math.tointeger(want.memory) or nil
  described.milli_cpus = want.cpus and math.floor(want.cpus * 1000 + 0.5) or nil
  described.port, described.volume = {}, {}
  described.address = want.addresses or {}
  for i, port in ipairs(want.ports or {}) do
    described.port[i] = format_port(port)
  end
  for i, volume in ipairs(want.volumes or {}) do
    local found, e = lab:get("volumes", volume.volume)
    if not found and (not e or e.code ~= "corrupt") then -- of a volume only the folder matters
      return nil, e or err.new("notfound", ("there is no volume '%s'"):format(tostring(volume.volume)))
    end
    if not tostring(volume.path):match("^/[^:\n]*$") or volume.path:find("%.%.") then
      return err.fail("invalid", "volume path '%s' must be absolute, without ':' and '..'", tostring(volume.path))
    end
    described.volume[i] = ("%s/data:%s"):format(lab:folder("volumes", volume.volume), volume.path)
  end
  return described
end

--- Ports of the machine that other servers of the lab forward.
local function check_ports(lab, id, described)
  for other, conf in pairs(lab:all("servers")) do
    for _, taken in ipairs(other ~= id and conf.port or {}) do
      for _, line in ipairs(described.port) do
        local a, b = parse_port(taken), parse_port(line)
        if a.host == b.host and a.address == b.address then
          return err.fail("conflict", "port %d is forwarded to server '%s' already", b.host, other)
        end
      end
    end
  end
  return true
end

--- Files that lie over the image from the first boot on.
local function first_files(want, described, gateway, keys)
  local random = uv.random(16)
  return {
    folders = {
      { "up", 493 },
      { "up/etc", 493 },
      { "up/etc/ssh", 493 },
      { "up/etc/apt", 493 },
      { "up/etc/apt/apt.conf.d", 493 },
      { "up/root", 448 },
      { "up/root/.ssh", 448 },
    },
    files = {
      { "up/etc/ssh/ssh_host_ed25519_key", keys.private, 384 },
      { "up/etc/ssh/ssh_host_ed25519_key.pub", keys.public .. "\n", 420 },
      { "up/root/.ssh/authorized_keys", want.user_key:gsub("%s*$", "\n"), 384 },
      { "up/etc/hostname", described.hostname .. "\n", 420 },
      { "up/etc/machine-id", ("%02x"):rep(16):format(random:byte(1, 16)) .. "\n", 292 },
      {
        "up/etc/hosts",
        HOSTS:format(described.ip, described.hostname),
        420,
      },
      { "up/etc/resolv.conf", RESOLV:format(gateway), 420 },
      { "up/etc/apt/apt.conf.d/95prov-proxy", APT_PROXY:format(gateway, PROXY_PORT), 420 },
    },
  }
end

local function describe_server(lab, want, lower, keys, tail)
  local network, e = lab:get("networks", want.network)
  if not network then
    return nil, nil, e or err.new("notfound", ("there is no network '%s'"):format(tostring(want.network)))
  end
  local taken = {}
  for id, other in pairs(lab:all("servers")) do
    if other.network == want.network then
      taken[other.ip] = id
    end
  end
  local ip
  ip, e = ipam.allocate(assert(ipam.network(network.cidr)), taken, want.ip)
  if not ip then
    return nil, nil, e
  end
  local described
  described, e = changeable(lab, want, {
    key = want.key,
    backend = lab.backend,
    hostname = want.hostname,
    network = want.network,
    link = "ve" .. tail,
    ip = ip,
    image = lower,
    image_name = want.image,
    init = want.init or "systemd",
    nesting = want.nesting and true or false,
    host_key = keys.public:match("^%S+ %S+"),
  })
  local ok = described
  if ok then
    ok, e = check_ports(lab, nil, described)
  end
  local accounts = { folders = {}, files = {} }
  if ok and want.users then
    accounts, e = users.over(lower, want.users)
  end
  if not ok or not accounts then
    return nil, nil, e
  end
  local first = first_files(want, described, network.gateway, keys)
  for _, part in ipairs({ "folders", "files" }) do
    table.move(accounts[part], 1, #accounts[part], #first[part] + 1, first[part])
  end
  return described, first
end

local function server_state(lab, id, described)
  local folder = lab:folder("servers", id)
  local ports, volumes = {}, {}
  for i, line in ipairs(described.port) do
    ports[i] = parse_port(line)
  end
  for i, line in ipairs(described.volume) do
    local volume, path = line:match("([^/]+)/data:(.*)$")
    volumes[i] = { volume = volume, path = path }
  end
  local state = {
    id = id,
    hostname = described.hostname,
    network = described.network,
    image = described.image_name,
    init = described.init,
    nesting = described.nesting == "1",
    memory = math.tointeger(described.memory),
    cpus = described.milli_cpus and math.tointeger(described.milli_cpus) / 1000 or nil,
    ports = ports,
    volumes = volumes,
    addresses = described.address[1] and described.address or nil,
    ip = described.ip,
    private_ip = described.ip,
    status = running_pid(folder) and "running" or "stopped",
    ssh = { host = described.ip, port = 22, user = "root", host_key = described.host_key, netns = lab.netns },
  }
  if described.pending then -- differs from whatever is wanted, so that the next plan does it again
    state.memory, state.cpus, state.volumes = nil, nil, nil
    state.ports = "unknown, an update was cut short"
  end
  return state
end

return function(Lab)
  --- Starts a server that is described but was never ready, and marks it as complete.
  local function complete(lab, id)
    local ok, e = lab:run(id, "start")
    if not ok then
      return nil, e
    end
    ok, e = fs.write_atomic(lab:folder("servers", id) .. "/ready", "", { sync = false })
    if not ok then
      return nil, e
    end
    return server_state(lab, id, assert(lab:get("servers", id)))
  end

  --- Makes a server and waits for its SSH, or finishes the one with the same key.
  ---@async
  ---@param want table key, hostname, network, image, user_key (of root); ip, cpus, memory, nesting, volumes, init,
  --- ports { address?, host, guest } of this machine's loopback, addresses in its network beside ip ("10.0.1.2/16"),
  --- users (prov.machine.User[])
  ---@param keygen fun(): { private: string, public: string }
  ---@param adopt? fun(id: string)
  function Lab:server_create(want, keygen, adopt)
    local backend = assert(backends.get(self.backend))
    local ok, e = backend.accept(want)
    if not ok then
      return nil, e
    end
    local lower
    lower, e = image.ensure(want.image, self.log)
    if not lower then
      return nil, e
    end
    local keys
    keys, e = keygen()
    if not keys then
      return nil, e
    end
    local id, described
    do
      local lock <close>, why = self:lock()
      if not lock then
        return nil, why
      end
      self:sweep()
      id, described = self:by_key("servers", want.key)
      if not id then
        id, described = self:appear("servers", want.hostname, function(_, tail)
          return describe_server(self, want, lower, keys, tail)
        end)
      end
      if not id then
        return nil, described
      end
    end
    ok, e = self:keep("servers", id)
    if not ok then
      return nil, e
    end
    if adopt then
      adopt(id)
    end
    local state
    state, e = complete(self, id)
    if not state then
      return nil, e:wrap("cannot create the server '%s'", want.hostname)
    end
    return state
  end

  --- What a server is now; nil when it is gone.
  ---@async
  function Lab:server_read(id)
    local described, e = self:get("servers", id)
    if not described then
      return self:damaged("servers", id, e)
    end
    local state = server_state(self, id, described)
    if state.status == "running" then
      self:ensure_served()
    end
    return state
  end

  --- The server that was created with an idempotency key, finished when its creation was cut short.
  ---@async
  function Lab:server_find(key)
    local id, described = self:by_key("servers", key)
    if not id then
      return nil
    end
    if not fs.exists(self:folder("servers", id) .. "/ready") then
      return complete(self, id)
    end
    return server_state(self, id, described)
  end

  ---@async
  function Lab:server_list()
    local states = {}
    for id, described in pairs(self:all("servers")) do
      states[#states + 1] = server_state(self, id, described)
    end
    table.sort(states, function(a, b)
      return a.id < b.id
    end)
    return states
  end

  --- Changes limits, ports, addresses and volumes; a running server restarts when its volumes changed.
  ---@async
  function Lab:server_update(id, want)
    local remount, old
    do
      local lock <close>, e = self:lock()
      if not lock then
        return nil, e
      end
      local described
      described, e = self:get("servers", id)
      if not described then
        return nil, e or err.new("notfound", ("there is no server '%s'"):format(id))
      end
      old = self:get("servers", id)
      local before = table.concat(described.volume, "\n")
      local ok
      described, e = changeable(self, want, described)
      if described then
        ok, e = check_ports(self, id, described)
      end
      if ok then
        remount = old.pending == "volumes" or before ~= table.concat(described.volume, "\n")
        described.pending = remount and "volumes" or "limits"
        ok, e = self:put("servers", id, described)
      end
      if not ok then
        return nil, e
      end
    end
    if running_pid(self:folder("servers", id)) then
      local ok, e = self:run(id, "limit")
      if ok and remount then
        ok, e = self:server_restart(id)
      end
      if not ok then
        self:put("servers", id, old) -- what is written is what runs: the next plan tries again
        self:run(id, "limit")
        return nil, e
      end
    end
    local settled, e = self:settle_update(id)
    if not settled then
      return nil, e
    end
    return self:server_read(id)
  end

  --- What is described is what runs: the update is done.
  ---@async
  function Lab:settle_update(id)
    local lock <close>, e = self:lock()
    local described
    if lock then
      described, e = self:get("servers", id)
    end
    if not described then
      return nil, e or err.new("notfound", ("there is no server '%s'"):format(id))
    end
    described.pending = nil
    return self:put("servers", id, described)
  end

  local function known(lab, id)
    local described, e = lab:get("servers", id)
    if described then
      return true
    end
    return nil, e or err.new("notfound", ("there is no server '%s'"):format(tostring(id)))
  end

  ---@async
  function Lab:server_start(id)
    local ok, e = known(self, id)
    if not ok then
      return nil, e
    end
    return complete(self, id)
  end

  ---@async
  function Lab:server_stop(id)
    local ok, e = known(self, id)
    if ok then
      ok, e = self:run(id, "stop")
    end
    if not ok then
      return nil, e
    end
    return self:server_read(id)
  end

  ---@async
  function Lab:server_restart(id)
    local state, e = self:server_stop(id)
    if not state then
      return nil, e
    end
    return self:server_start(id)
  end

  --- Ends and removes a server; gone is fine.
  ---@async
  function Lab:server_delete(id)
    if type(id) ~= "string" or not id:match("^[a-z0-9][a-z0-9-]*$") then
      return err.fail("invalid", "'%s' is no id of a server", tostring(id))
    end
    local ok, e = self:mend()
    if ok then
      ok, e = self:run(id, "destroy")
    end
    if not ok then
      return nil, e
    end
    if next((self:all("networks"))) == nil then -- else the last network closes the lab
      return self:close_empty()
    end
    return true
  end
end
