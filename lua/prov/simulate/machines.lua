--- The servers of a world as real ones, made by what the provider `local` is made of (prov.machine).
--
-- The world says what there should be, the lab what there is; after every change of a server both are compared and the
-- lab is made like the world. So nothing has to be remembered: a simulator that was killed compares all when it starts.
-- What a server will be when all that is planned for it has happened is begun at once, and the world waits: while a
-- machine is being changed nothing that takes time happens (World asks `busy`). So the API never says `running` of a
-- server that does not answer yet, and says `deleting` until nothing is left of it.

local async = require("prov.async")
local backends = require("prov.machine.backend")
local cloud_init = require("prov.simulate.cloud_init")
local cloud_of = require("prov.simulate.cloud")
local crypto = require("core.crypto")
local err = require("prov.err")
local images = require("prov.machine.image")
local log = require("prov.log")
local machine = require("prov.machine")
local shelves = require("prov.simulate.shelves")
local ssh = require("prov.ssh")
local uv = require("luv")

local M = {}

--- Ports of public addresses that lead into servers, when nothing else is said.
M.PORTS = { 22, 80, 443, 8080 }

local NETWORK = { key = "world", name = "cloud", cidr = "198.18.0.0/16" }
local AT_ONCE = 8

--- What a face says of its servers: the field `machine` of prov.simulate.Face.
---@class prov.simulate.MachineForm
---@field kind string what the cloud calls a server
---@field running table<string, boolean> states in which the real one runs
---@field gone? table<string, boolean> states in which there is none any more
---@field of fun(w: prov.simulate.Cloud, server: prov.simulate.Object): prov.simulate.MachineWant
---@field failed fun(w: prov.simulate.Cloud, server: prov.simulate.Object, why: string) changes a server whose real one
--- could not be made as it should; nothing that was planned for it may be left

---@class prov.simulate.MachineWant
---@field hostname string
---@field image string of prov.machine.image
---@field login prov.simulate.Login
---@field user_data? string
---@field memory integer bytes
---@field cpus number
---@field public string[] IPv4 addresses of the world's, which are of this machine's loopback
---@field private string[] IPv4 addresses in networks, such as "10.0.1.2/16"

---@class prov.simulate.Machines
---@field world prov.simulate.World
---@field lab prov.machine.Lab
---@field ports integer[]
local Machines = {}
Machines.__index = Machines

local function open_lab(dir, say)
  local obstacle = backends.get(backends.DEFAULT).obstacle()
  if obstacle then
    return nil, obstacle
  end
  local path = uv.fs_realpath(dir) or dir
  return machine.lab({ name = machine.lab_name({ name = "simulate", dir = path }), workspace = path, log = say })
end

--- Opens what makes servers of the world in a folder real. Nothing is made before `run`.
---@param world prov.simulate.World
---@param dir string folder of the world
---@param opts? { ports: integer[]?, log: (fun(text: string))?, lab: prov.machine.Lab? } lab: for tests
---@return prov.simulate.Machines?, prov.Err?
function M.open(world, dir, opts)
  opts = opts or {}
  local lab, e = opts.lab, nil
  if not lab then
    lab, e = open_lab(dir, opts.log)
  end
  return lab and setmetatable({
    world = world,
    lab = lab,
    ports = opts.ports or M.PORTS,
    queue = async.queue(),
    dirty = {}, -- keys of servers that changed since they were looked at
    working = {}, -- keys that a task works on
    count = 0, -- how many those are
    boots = {}, -- key -> how often it was restarted
    known = {}, -- key -> { id, ip } or { error } of the real one
    gate = async.semaphore(1), -- the lab's network
    places = async.semaphore(AT_ONCE),
  }, Machines), e
end

--- The range of the loopback that a world's public addresses are of: 127.x.0.0, by its folder.
---@param dir string
---@return string
function M.public_range(dir)
  local first = crypto.sha256(uv.fs_realpath(dir) or dir):sub(1, 8)
  return ("127.%d.0.0"):format(16 + tonumber(first, 16) % 239)
end

--- True when servers can be made of an image.
---@param name string?
---@return boolean
function M.has_image(name)
  for _, one in ipairs(images.names()) do
    if one == name then
      return true
    end
  end
  return false
end

--- How the servers of a cloud are real ones.
---@return prov.simulate.MachineForm
local function form_of(cloud)
  return require("prov.simulate." .. cloud).machine
end

--- True for an object of a world that is a server, and not one that is gone and only told of.
---@param object prov.simulate.Object
---@return boolean
function M.is_server(object)
  local form = form_of(object.cloud)
  return object.kind == form.kind and not (form.gone and form.gone[object.state])
end

-- ---- What there should be ----

--- What an object is when all that is planned for it has happened; nil when it is gone then.
local function outcome(object)
  local out = {}
  for name, value in pairs(object or {}) do
    out[name] = value
  end
  for _, item in ipairs(out.next or {}) do
    if item.gone then
      return nil
    end
    cloud_of.set_fields(out, item.set or {})
  end
  return object and out
end

--- What there should be of a server; nil for nothing.
local function wanted(self, key)
  local object = outcome(self.world.objects[key])
  if not object or not M.is_server(object) then
    return nil
  end
  local form = form_of(object.cloud)
  local want = form.of(self.world.clouds[object.cloud], object)
  want.key = ("%s#%d"):format(key, object.rebuilt or 0)
  want.on = form.running[object.state] or false
  want.boots = object.boots or 0
  want.forwards = {}
  for _, address in ipairs(want.public) do
    for _, port in ipairs(self.ports) do
      table.insert(want.forwards, { address = address, host = port, guest = port })
    end
  end
  return want
end

-- ---- What there is ----

local function changeable(want)
  return { memory = want.memory, cpus = want.cpus, ports = want.forwards, addresses = want.private, volumes = {} }
end

local function texts(list, fn)
  local out = {}
  for i, item in ipairs(list or {}) do
    out[i] = fn and fn(item) or item
  end
  return table.concat(out, " ")
end

local function port_text(port)
  return ("%s:%d:%d"):format(port.address or "", port.host, port.guest)
end

local function differs(state, want)
  return state.memory ~= want.memory or state.cpus ~= want.cpus
    or texts(state.addresses) ~= texts(want.private)
    or type(state.ports) ~= "table" or texts(state.ports, port_text) ~= texts(want.forwards, port_text)
end

local function create(self, want)
  local network, e = self.gate:with(self.lab.network_create, self.lab, NETWORK)
  if not network then
    return nil, e
  end
  local spec, accounts = changeable(want), cloud_init.accounts(want.login, want.user_data)
  spec.key, spec.hostname, spec.network = want.key, want.hostname:match("^[^.]+"), network.id
  spec.image, spec.user_key, spec.users = want.image, accounts.root, accounts.users
  return self.lab:server_create(spec, function()
    return accounts.host_key or ssh.keygen("ed25519")
  end)
end

--- Lets a real server be as it should.
local function adapt(self, key, id, want)
  local lab = self.lab
  local state, e = lab:server_read(id)
  if state and differs(state, want) then
    state, e = lab:server_update(id, changeable(want))
  end
  if not state then
    return nil, e
  end
  local runs = state.status == "running"
  if want.on and runs and want.boots ~= (self.boots[key] or want.boots) then
    return lab:server_restart(id)
  elseif want.on ~= runs then
    return lab[want.on and "server_start" or "server_stop"](lab, id)
  end
  return state
end

--- Makes the lab like the world, of one server.
local function make_real(self, key)
  local want, id = wanted(self, key), nil
  for other, described in pairs(self.lab:all("servers")) do
    if want and described.key == want.key then
      id = other
    elseif tostring(described.key):match("^(.*)#%d+$") == key then
      local ok, e = self.lab:server_delete(other)
      if not ok then
        return nil, e
      end
    end
  end
  if not want then
    self.known[key] = nil
    return true
  elseif not id and not want.on then -- one that never ran needs no machine yet
    return true
  end
  local state, e
  if id then
    state, e = adapt(self, key, id, want)
  else
    state, e = create(self, want)
  end
  if not state then
    return nil, e
  end
  self.boots[key] = want.boots
  self.known[key] = { id = state.id, ip = state.ip, status = state.status }
  return true
end

--- Takes the lab down when no server is left in it.
local function take_down(self)
  local _ <close> = self.gate:acquire()
  if next((self.lab:all("servers"))) then
    return true
  end
  for _, network in ipairs(self.lab:network_list()) do
    local ok, e = self.lab:network_delete(network.id)
    if not ok then
      return nil, e
    end
  end
  return true
end

--- fn(...) with what it raises as an error; what went wrong is logged and returned.
local function attempt(what, fn, ...)
  local ran, ok, e = xpcall(fn, function(raised)
    return err.is(raised) and raised or err.from(raised, debug.traceback(tostring(raised), 2))
  end, ...)
  if ran and ok then
    return true
  end
  e = ran and e or ok
  log.error(what, { error = e:text() })
  return nil, e
end

--- Tells the world, in the words of its cloud, that a real server is not what it should be.
local function tell(self, key, e)
  self.known[key] = { error = e:text() }
  self.world:transact(function()
    local object = self.world.objects[key]
    if object and outcome(object) then
      form_of(object.cloud).failed(self.world.clouds[object.cloud], object, e:text())
    end
    return true
  end)
end

local function work(self, key)
  local _ <close> = self.places:acquire()
  while self.dirty[key] do
    self.dirty[key] = nil
    local ok, e = attempt("a server of the world cannot be made real: " .. key, make_real, self, key)
    if not ok then
      tell(self, key, e)
    end
  end
  if self.count == 1 and not next(self.dirty) then
    attempt("the lab of the world cannot be taken down", take_down, self)
  end
  self.working[key] = nil
  self.count = self.count - 1
end

-- ---- The world's side ----

--- True while a machine is being changed: nothing that takes time may happen in the world.
---@return boolean
function Machines:busy()
  return not self.started or self.count > 0 or next(self.dirty) ~= nil
end

--- Notes that a server changed; its machine is looked at soon.
---@param key string
function Machines:mark(key)
  self.dirty[key] = true
  self.queue:put(key)
end

--- The world tells what was changed: a server, or something that hangs on one, such as an address.
---@param key string
---@param before table|false what it was
---@param object table? what it is
function Machines:changed(key, before, object)
  local one = object or before
  if not one then
    return -- it came and went
  end
  local kind = form_of(one.cloud).kind
  if one.kind == kind then
    return self:mark(key)
  end
  for _, version in ipairs({ before or {}, object or {} }) do
    if version.server then
      self:mark(shelves.key_of(one.cloud, kind, version.server))
    end
  end
end

--- What is known of the real one: { id, ip, status }, or { error }.
---@param key string
---@return table?
function Machines:describe(key)
  return self.known[key]
end

--- Removes machines whose servers the world does not have.
---@async
---@return true?, prov.Err?
function Machines:sweep()
  local keys = {}
  for _, object in ipairs(self.world.stored) do -- of clouds that are not served now
    keys[shelves.key_of(object.cloud, object.kind, object.id)] = true
  end
  for id, described in pairs(self.lab:all("servers")) do
    local key = tostring(described.key):match("^(.*)#%d+$")
    if not keys[key] and not self.world.objects[key or ""] then
      local ok, e = self.lab:server_delete(id)
      if not ok then
        return nil, e
      end
    end
  end
  return take_down(self)
end

--- Waits until all machines are as the world says.
---@async
function Machines:settled()
  while self:busy() do
    async.sleep(20)
  end
end

--- Removes what is left after the world was emptied.
---@async
---@return true?, prov.Err?
function Machines:clear()
  if self.started then
    for key in pairs(self.working) do
      self:mark(key)
    end
    self:settled()
  end
  return self:sweep()
end

--- Compares all, then works on what changes; never returns.
---@async
function Machines:run()
  attempt("machines of servers that are gone cannot be removed", self.sweep, self)
  for key, object in pairs(self.world.objects) do
    if object.kind == form_of(object.cloud).kind then
      self:mark(key)
    end
  end
  self.started = true
  while true do
    local key = self.queue:take()
    async.sleep(0) -- a transaction of the world may be under way
    if self.dirty[key] and not self.working[key] then
      self.working[key], self.count = true, self.count + 1
      async.spawn(work, self, key)
    end
  end
end

return M
