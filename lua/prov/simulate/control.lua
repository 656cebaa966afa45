--- What people and tests ask a simulator: its world, its calls, its faults, its clock. A running one answers over the
-- Unix socket `control` in its folder; without one the same is done to the world in the folder.

local data = require("core.data")
local err = require("prov.err")
local faults = require("prov.simulate.faults")
local fs = require("prov.fs")
local http = require("prov.http")
local http_server = require("prov.http_server")
local json = require("prov.json")
local machines = require("prov.simulate.machines")
local shelves = require("prov.simulate.shelves")

local M = {}

--- Fields that every object has, for the world's own use.
local INNER = { seq = true, quiet = true }

local function shown(sim, object)
  local out = {}
  if sim.machines and machines.is_server(object) then
    out.machine = sim.machines:describe(shelves.key_of(object.cloud, object.kind, object.id))
  end
  for name, value in pairs(object) do
    if not INNER[name] then
      out[name] = value
    end
  end
  return out
end

local VERBS = {}

--- The objects; what a cloud has of its own only when its kind is named.
function VERBS.state(sim, p)
  local out = data.list({})
  for _, object in ipairs(sim.world:all()) do
    if (not p.cloud or object.cloud == p.cloud) and (object.kind == p.kind or not p.kind and not object.quiet) then
      out[#out + 1] = shown(sim, object)
    end
  end
  return out
end

function VERBS.calls(sim, p)
  local rows, e = sim:calls_list(p)
  return rows and data.list(rows), e
end

function VERBS.faults(sim)
  return sim.faults and sim.faults:rows() or data.list({})
end

function VERBS.set_faults(sim, p)
  local script, e
  if p.script then
    script, e = faults.check(p.script)
    if not script then
      return nil, e
    end
  end
  sim:set_faults(script)
  local ok
  ok, e = sim.world:transact(function()
    return true
  end)
  return ok and VERBS.faults(sim), e
end

function VERBS.reset(sim)
  return sim:reset()
end

--- Lets time pass, or faster; tells what time it is.
function VERBS.clock(sim, p)
  if p.advance then
    sim.world:advance(math.floor(p.advance * 1000))
  end
  if p.speed then
    sim.world:set_speed(p.speed)
  end
  local ok, e = sim.world:transact(function()
    return true
  end)
  return ok and { now = sim.world:now(), speed = sim.world.meta.speed }, e
end

local function answer(sim, request)
  local verb = VERBS[request.path:sub(2)]
  local p = json.decode(request.body)
  if request.method ~= "POST" or not verb or not p then
    return request:problem(400, "POST a JSON object to /state, /calls, /faults, /set_faults, /reset or /clock")
  end
  local value, e = verb(sim, p)
  local text = json.encode(value ~= nil and { value = value } or err.data(err.list(e)))
  return request:respond(value ~= nil and 200 or 422, { ["Content-Type"] = "application/json" }, text)
end

--- Answers what is asked over the socket; belongs to the running task.
---@async
---@param sim prov.Simulator
---@return prov.http.Server?, prov.Err?
function M.serve(sim)
  return http_server.listen({ path = sim.dir .. "/control" }, function(request)
    return answer(sim, request)
  end)
end

local function ask_running(dir, verb, p)
  local response, e = http.request({
    url = "http://simulator/" .. verb,
    method = "POST",
    socket = dir .. "/control",
    body = json.encode(p),
    timeout = 60000,
  })
  if not response then
    return nil, e
  end
  local value
  value, e = json.decode(response.body)
  if not value then
    return nil, e
  elseif value.errors then
    return nil, err.of_data(value)
  end
  return value.value
end

--- Does something to the simulator of a folder: a verb and its parameters.
--  state { cloud?, kind? }, calls { cloud?, after?, limit? }, faults, set_faults { script? }, reset,
--  clock { advance?: seconds, speed?: number }
---@async
---@param dir string
---@param verb string
---@param p? table
---@return any value
---@return prov.Err|prov.Err[]|nil
function M.ask(dir, verb, p)
  local simulate = require("prov.simulate")
  local ok, e = simulate.check_dir(dir)
  if not ok then
    return nil, e
  end
  if fs.exists(dir .. "/control") then
    local value
    value, e = ask_running(dir, verb, p or {})
    if value ~= nil or e.code ~= "unavailable" then
      return value, e
    end
  end
  local sim
  sim, e = simulate.open(dir)
  if not sim then
    return nil, e
  end
  local value
  value, e = VERBS[verb](sim, p or {})
  sim:close()
  return value, e
end

return M
