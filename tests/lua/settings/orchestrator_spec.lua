--- Settings of workflows and of the orchestrator.

local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local matrix = require("prov.workflow.matrix")
local orchestrator = require("prov.orchestrator")
local pool = require("prov.orchestrator.pool")
local project = require("support.project")
local remote_ui = require("prov.orchestrator.remote_ui")
local schedules = require("prov.orchestrator.schedules")
local submit = require("prov.orchestrator.submit")
local support = require("support.settings")
local tmp = require("support.tmp")
local worker = require("prov.orchestrator.worker")
local workflow = require("prov.workflow")

local HEAD = "kind: workflow\napi: 1\nsummary: x\n"

-- How a workflow ends, and why.
local function flow(text, p)
  return function()
    local ctx = project.ctx({ ["infra.yaml"] = "items: {}\n", ["workflows/w.yaml"] = HEAD .. text })
    ctx.cancel = {}
    ctx.call = function()
      return { text = ("x"):rep(100) }
    end
    local params = { name = "w", detach = true }
    for name, v in pairs(p and p(ctx) or {}) do
      params[name] = v
    end
    local v, e = workflow.run(ctx, params)
    return { v and v.status or tostring(err.list(e)[1]):gsub("/tmp/[^ ]*", "FILE") }
  end
end

local STEP = "  - { name: %s, run: server start, with: { name: a }%s }\n"

-- An orchestrator without workers.
local function with_orchestrator(fn)
  return function()
    local o <close> = assert(orchestrator.open({ dir = tmp.dir(), workers = 0, places = 4, calls = 4, memory = 1 << 30,
      silent = 30000, keep = 3600 }))
    local result = fn(o)
    o.pool:shut(1000)
    return result
  end
end

-- How often a worker is asked whether it lives.
local function beats()
  local count = 0
  local function nothing() end
  local one = assert(pool.open({ count = 0, memory = 1 << 40, silent = 1e9, data = tmp.dir(), on_message = nothing,
    on_gone = nothing, on_ready = nothing }))
  one.workers[1] = { heard = clock.monotonic(), wire = { send = function()
    count = count + 1
  end } }
  async.sleep(400)
  one.workers[1] = nil
  one:close()
  return count > 1
end

-- What a schedule has seen after its clock was set back by an hour and a half.
local function corrected()
  local now = clock.wall() // 1000
  local entry = {
    schedule = { seen = now + 5000, last = now + 5000, paused = true },
    spec = { fixed = true, next = function() end },
  }
  schedules.look_at_schedules({ looked = now, schedules = { s = entry } })
  return entry.schedule.seen > now + 100
end

local function held()
  local kept
  submit.admitted({
    ready_count = 0,
    queue = { add = function(_, _, _, job)
      kept = type(job)
    end },
    publish = function() end,
    kick = function() end,
  }, { id = "j1", lane = "-", priority = 0, ready_at = 0, params = { text = ("x"):rep(100) } })
  return kept
end

local function inputs(ctx)
  tmp.write(ctx.dir .. "/in.yaml", "n: 1 # " .. ("x"):rep(50) .. "\n")
  return { inputs = ctx.dir .. "/in.yaml" }
end

-- Milliseconds between the looks of a run for answers and wishes.
local function polls()
  local every, asked = clock.every, nil
  clock.every = function(ms, fn) -- luacheck: ignore 122
    asked = ms
    return every(ms, fn)
  end
  flow("steps:\n" .. STEP:format("a", ""))()
  clock.every = every -- luacheck: ignore 122
  return asked
end

describe("the settings", function()
  support.tests(it, {
    ["workflow.steps"] = { 2, flow("steps:\n" .. STEP:format("a", "") .. STEP:format("b", "") .. STEP:format("c", "")
      .. STEP:format("d", "")) },
    ["workflow.instances"] = { 2, function()
      return (matrix.rows({ a = { 1, 2, 3 } })) ~= nil
    end },
    ["workflow.outputs"] = { 20, flow("steps:\n" .. STEP:format("a", ', outputs: { x: "${result.text}" }')) },
    ["workflow.artifact"] = { 20, flow("steps:\n" .. STEP:format("a", ', artifacts: { x: "${result.text}" }')) },
    ["workflow.inputs_size"] = { 20, flow("inputs: { n: { type: int } }\nsteps:\n" .. STEP:format("a", ""), inputs) },
    ["workflow.poll_every"] = { 0.1, polls },
    ["orchestrator.result_size"] = { 1024, function()
      return (worker.fitting({ result = ("x"):rep(2000), code = 0 })) ~= nil
    end },
    ["orchestrator.event_size"] = { 1024, function()
      return remote_ui.event("show", { value = ("x"):rep(2000) }).kind
    end },
    ["orchestrator.held_params"] = { 10, held },
    ["orchestrator.beat"] = { 0.1, beats },
    ["orchestrator.clock_correction"] = { 60, corrected },
    ["orchestrator.write_again"] = { 0.1, with_orchestrator(function(o)
      local asked
      o.again:close()
      o.again = { start = function(_, ms)
        asked = ms
      end, close = function() end, is_closing = function()
        return true
      end, stop = function() end }
      o:noted(err.new("io", "the disk is full"))
      return asked
    end) },
    ["orchestrator.remember_keys"] = { 60, with_orchestrator(function(o)
      local now = o.jobs:now()
      assert(o:commit_now({ { "put", "request", "key", require("core.data").encode({ time = now - 100000 }) } }))
      return #o.jobs:forget_requests(now)
    end) },
  })
end)
