--- `prov simulate`: a world, the clouds that serve it, its fault script and its log of calls.

local async = require("prov.async")
local control = require("prov.simulate.control")
local data = require("core.data")
local dirs = require("prov.dirs")
local err = require("prov.err")
local faults_of = require("prov.simulate.faults")
local fs = require("prov.fs")
local json = require("prov.json")
local machines_of = require("prov.simulate.machines")
local service = require("prov.simulate.service")
local world_of = require("prov.simulate.world")

local M = {}

--- The clouds there are; each is the module prov.simulate.<name> (a prov.simulate.Face).
M.CLOUDS = { "hetzner", "upcloud", "aws" }

local CALLS_KEPT = 20000

---@class prov.Simulator
---@field dir string
---@field world prov.simulate.World
---@field faults? prov.simulate.Faults
---@field services prov.simulate.Service[]
---@field machines? prov.simulate.Machines when its servers are real ones
local Simulator = {}
Simulator.__index = Simulator

--- The folder of a simulator when none is named.
---@return string
function M.dir()
  return dirs.state() .. "/simulate"
end

local function call_key(n)
  return ("%012d"):format(n)
end

--- What servers of the world are; with "local", what makes them real. It is kept with the world, and can be changed as
-- long as the world has no server.
local function open_backend(self, opts)
  local world = self.world
  local before = world:note("backend") or "none"
  local backend = opts.backend or before
  if backend ~= before then
    for _, object in ipairs(world.stored) do
      if machines_of.is_server(object) then
        return nil, err.new("conflict", ("the world in %s has servers of the backend '%s'"):format(self.dir, before), {
          hint = "'prov simulate reset' empties it; --dir names another one",
        })
      end
    end
  end
  if backend == "local" then
    local machines, e = machines_of.open(world, self.dir, { ports = opts.ports or world:note("ports"), log = opts.log })
    if not machines then
      return nil, e:wrap("the servers of this world cannot be real ones")
    end
    self.machines = machines
    world:set_note("ports", self.machines.ports)
  end
  world:set_note("backend", backend)
  world:set_note("public_range", backend == "local" and machines_of.public_range(self.dir) or nil)
  return world:transact(function()
    return true
  end)
end

---@class prov.simulate.OpenOptions
---@field speed? number
---@field quotas? table<string, integer>
---@field faults? table a checked script
---@field backend? "none"|"local" what servers are; as the world was made
---@field ports? integer[] of real servers that their public addresses have
---@field log? fun(text: string) is told of what takes long

--- Opens a simulator in a folder, which is made when it is not there.
---@async
---@param dir string
---@param opts? prov.simulate.OpenOptions
---@return prov.Simulator?, prov.Err?
function M.open(dir, opts)
  opts = opts or {}
  local ok, e = fs.mkdirp(dir, 448)
  if not ok then
    return nil, e
  end
  local lock
  lock, e = fs.lock(dir .. "/lock")
  if not lock then
    return nil, e.code == "locked" and e:wrap("another simulator has the world in %s", dir) or e
  end
  local world
  world, e = world_of.open(dir, opts)
  if not world then
    lock:close()
    return nil, e
  end
  local self = setmetatable({ dir = dir, lock = lock, world = world, services = {} }, Simulator)
  ok, e = open_backend(self, opts)
  if not ok then
    self:close()
    return nil, e
  end
  local last = world.store:scan("calls", "", { reverse = true, limit = 1 })
  self.calls = last and last[1] and math.tointeger(tonumber(last[1][1])) or 0
  if opts.faults then
    self:set_faults(opts.faults)
  elseif world:note("faults") then
    local note = world:note("faults")
    self.faults = faults_of.new(note.script, note.memory)
  end
  return self
end

--- Sets the fault script, or none.
---@param script? table checked
function Simulator:set_faults(script)
  self.faults = script and faults_of.new(script) or nil
  self:keep_faults()
end

function Simulator:keep_faults()
  self.world:set_note("faults", self.faults and { script = self.faults.script, memory = self.faults.memory } or nil)
end

--- What goes wrong with a call; nil for nothing.
---@param call prov.simulate.Call
---@return table?
function Simulator:fault(call)
  if not self.faults then
    return nil
  end
  local fault = self.faults:decide(call)
  self:keep_faults()
  return fault
end

--- Writes a call to the log.
---@param row table
function Simulator:log(row)
  self.calls = self.calls + 1
  row.n = self.calls
  local batch = { { "put", "calls", call_key(row.n), json.encode(row) } }
  if row.n % 1000 == 0 and row.n > CALLS_KEPT then
    batch[2] = { "del_range", "calls", "", call_key(row.n - CALLS_KEPT) }
  end
  self.world:write(batch)
end

--- Calls of the log, in order.
---@param opts? { after: integer?, limit: integer?, cloud: string? } limit: the newest so many; 1000
---@return table[]?, prov.Err?
function Simulator:calls_list(opts)
  opts = opts or {}
  self.world:flush()
  local rows, e = self.world.store:scan("calls", "", { after = opts.after and call_key(opts.after) or nil })
  if not rows then
    return nil, e
  end
  local out = {}
  for i = #rows, 1, -1 do
    local row = json.decode(rows[i][2])
    if not opts.cloud or row.cloud == opts.cloud then
      out[#out + 1] = row
    end
    if #out >= (opts.limit or 1000) then
      break
    end
  end
  for i = 1, #out // 2 do
    out[i], out[#out + 1 - i] = out[#out + 1 - i], out[i]
  end
  return out
end

--- Serves a cloud.
---@async
---@param name string one of CLOUDS
---@param opts prov.simulate.ServiceOptions
---@return prov.simulate.Service?, prov.Err?
function Simulator:serve(name, opts)
  local face = require("prov.simulate." .. name)
  local one, e = service.open(self, face, opts)
  if not one then
    return nil, e:wrap("cannot serve %s on port %d", face.title, opts.port)
  end
  self.services[#self.services + 1] = one
  return one
end

--- Makes the servers real, when they are to be; belongs to the running task.
---@async
function Simulator:animate()
  if self.machines then
    self.world.machines = self.machines
    async.spawn(self.machines.run, self.machines)
  end
end

--- Empties the world, and removes what was real of it.
---@async
---@return true?, prov.Err?
function Simulator:reset()
  local ok, e = self.world:reset()
  if ok and self.machines then
    ok, e = self.machines:clear()
  end
  return ok, e
end

--- Where each cloud is served: name -> URL.
---@return table<string, string>
function Simulator:addresses()
  local out = {}
  for _, one in ipairs(self.services) do
    out[one.face.name] = ("http://127.0.0.1:%d"):format(one.port)
  end
  return out
end

--- Stops serving: requests under way are answered first.
---@async
function Simulator:drain()
  for _, one in ipairs(self.services) do
    one:close()
  end
  self.services = {}
end

--- Closes the world; whoever serves drains before.
function Simulator:close()
  self.world:close()
  self.lock:close()
end

Simulator.__close = Simulator.close

--- The clouds of a name.
local function clouds_of(name)
  return name == "all" and M.CLOUDS or { name }
end

--- Says where each cloud is, and how clients find it.
local function tell(ctx, sim)
  for _, one in ipairs(sim.services) do
    local url = ("http://127.0.0.1:%d"):format(one.port)
    ctx.ui.info("%s at %s", one.face.title, url)
    for _, pair in ipairs(one.face.environment(url)) do
      ctx.ui.info("  export %s=%s", pair[1], pair[2])
    end
  end
  if sim.machines then
    ctx.ui.info("Servers are real ones, in the lab %s; TCP ports of public addresses: %s",
      sim.machines.lab.name, table.concat(sim.machines.ports, " "))
  end
end

local function quotas_of(p)
  local out, kinds = {}, {}
  for _, cloud in ipairs(clouds_of(p.cloud)) do
    kinds[cloud] = require("prov.simulate." .. cloud).kinds
  end
  for name, text in pairs(p.quota or {}) do
    out[name] = math.tointeger(tonumber(text))
    local cloud, kind = name:match("^(%w+)%.([%w_]+)$")
    if not out[name] or out[name] < 0 or not cloud then
      return err.fail("usage", "--quota wants CLOUD.KIND=NUMBER, not '%s=%s'", name, text)
    elseif not (kinds[cloud] and kinds[cloud][kind]) then
      local of = kinds[cloud] or kinds
      return nil, err.new("usage", ("--quota %s: there is no such %s here"):format(name,
        kinds[cloud] and "kind" or "cloud"), { hint = "there are: " .. table.concat(data.keys(of), ", ") })
    end
  end
  return out
end

--- What `prov simulate CLOUD` does: serves until a signal comes.
---@async
---@param ctx prov.Ctx
---@param p table parameters of the operation
---@return true?, prov.Err?
function M.run(ctx, p)
  local dir = p.dir or M.dir()
  local script, e
  if p.faults then
    script, e = faults_of.read(p.faults)
    if not script then
      return nil, e
    end
  end
  local quotas
  quotas, e = quotas_of(p)
  if not quotas then
    return nil, e
  end
  local sim <close>, why = M.open(dir, {
    speed = p.speed,
    quotas = quotas,
    faults = script,
    backend = p.backend,
    ports = p.forward,
    log = function(text)
      ctx.ui.info("%s", text)
    end,
  })
  if not sim then
    return nil, why
  end
  for i, name in ipairs(clouds_of(p.cloud)) do
    local port = not p.port and require("prov.simulate." .. name).port or p.port == 0 and 0 or p.port + i - 1
    local one
    one, e = sim:serve(name, {
      port = port,
      latency = p.latency and math.floor(p.latency * 1000),
      age = p.consistency and math.floor(p.consistency * 1000),
      rate = p.rate,
      secret = p.token,
    })
    if not one then
      return nil, e
    end
  end
  sim:animate()
  local server
  server, e = control.serve(sim)
  if not server then
    return nil, e
  end
  local ok
  ok, e = fs.write_atomic(dir .. "/addresses", json.encode(sim:addresses()) .. "\n", { sync = false })
  if not ok then
    return nil, e
  end
  tell(ctx, sim)
  local asked = async.queue()
  function ctx.cancel.stop()
    asked:put(true)
  end
  asked:take()
  fs.remove(dir .. "/addresses")
  sim:drain()
  server:close()
  return true
end

--- Asks the simulator of a folder, or looks into its world when none runs.
M.ask = control.ask

--- An error when nobody ever simulated in a folder.
---@param dir string
---@return true?, prov.Err?
function M.check_dir(dir)
  if fs.exists(dir .. "/world.db") then
    return true
  end
  return nil, err.new("notfound", "no simulator was ever in " .. dir, {
    hint = "'prov simulate CLOUD' starts one; --dir names its folder",
  })
end

return M
