--- Settings of tries, pauses and limits: calls to providers, the sandbox, hosts, locks, jobs.

local async = require("prov.async")
local clock = require("prov.clock")
local core_net = require("core.net")
local err = require("prov.err")
local feed = require("prov.orchestrator.feed")
local fs = require("prov.fs")
local gate = require("prov.gate")
local helper = require("prov.machine.helper")
local host = require("prov.host")
local http = require("prov.http")
local image = require("prov.machine.image")
local infra = require("prov.infra")
local lab = require("prov.machine.lab")
local locks = require("prov.engine.locks")
local notify = require("prov.workflow.notify")
local orchestrator = require("prov.orchestrator")
local pool = require("prov.orchestrator.pool")
local proc = require("prov.proc")
local progress = require("prov.face.cli.progress")
local project = require("support.project")
local runner = require("prov.orchestrator.runner")
local schedules = require("prov.orchestrator.schedules")
local settings = require("prov.settings")
local support = require("support.settings")
local tmp = require("support.tmp")

local function nothing() end

-- The pauses of a call that fails ten times, and whether it is tried again each time.
local function tries(retry_after)
  return function()
    local now, out = 0, {}
    local one = gate.new("p", {}, { now = function()
      return now
    end, sleep = function(ms)
      now = now + ms
    end, random = function()
      return 1
    end })
    for i = 1, 10 do
      local e = err.new("unavailable", "no", { data = retry_after and { retry_after = retry_after } or nil })
      out[#out + 1] = one:again(i, e) or false
      one:enter(function(ms)
        out[#out + 1] = "told of " .. ms
      end)
    end
    return out
  end
end

-- Looks until something is given up.
local function polls()
  local seen, slept = 0, 0
  local real = async.sleep
  async.sleep = function(ms) -- luacheck: ignore 122
    slept = slept + ms
  end
  local ctx = project.ctx({ ["infra.yaml"] = "items: {}\n" })
  local providers = require("prov.provider").open(ctx.need_workspace(), ctx.registry, {})
  local poll = providers:ctx("demo", "item").poll
  local _, e = poll({}, function()
    seen = seen + 1
    return nil
  end)
  async.sleep = real -- luacheck: ignore 122
  assert(e.code == "timeout")
  return { seen, slept }
end

local function load(files)
  return function()
    files["prov.yaml"] = "name: t\ndefaults: { provider: demo }\n"
    local ctx = project.ctx(files)
    collectgarbage()
    local loaded, errs = infra.load(ctx.need_workspace(), { registry = ctx.registry })
    local said = {}
    for i, e in ipairs(errs and err.list(errs) or {}) do
      said[i] = tostring(e):gsub("after [%d.]+ s", "")
    end
    return { loaded ~= nil, said }
  end
end

local BAD = {}
for i = 1, 5 do
  BAD[i] = ("  a%d: { odd: 1 }\n"):format(i)
end

-- What a session is asked to run for the facts of a host.
local function facts()
  local seen
  host.facts({ exec = function(_, _, opts)
    seen = opts.timeout
    return err.fail("closed", "no")
  end })
  return seen
end

local function new_file_diff()
  local op = require("prov.host.op")
  local build = op.new()
  local session = require("prov.host.process").session()
  local report = assert(host.run(session, { build.file { tmp.dir() .. "/new", text = ("line\n"):rep(100) } },
    { mode = "check", diff = true }))
  return #report.ops[1].diff
end

local function printed()
  local r = proc.run({ "head", "-c", "5000", "/dev/zero" })
  return r ~= nil
end

-- The timeout of the command that ends what a cancelled one left.
local function reaped()
  local real, timeouts = core_net.ssh_connect, {}
  core_net.ssh_connect = function(_, cb)
    clock.after(1, function()
      cb(true)
    end)
    return {
      ready = function()
        return true
      end,
      exec = function(_, options, done)
        timeouts[#timeouts + 1] = options.timeout
        clock.after(1, function()
          done(nil, err.new("timeout", "too slow"))
        end)
        return { cancel = nothing }
      end,
      close = nothing,
    }
  end
  local session = assert(require("prov.ssh").connect({ host = "127.0.0.1" }))
  core_net.ssh_connect = real
  session:exec("true")
  session:settle()
  return timeouts
end

-- For how long a lock is claimed.
local function leased()
  local seen
  local lock = assert(locks.lock({ locks = function()
    return {}
  end, claim = function(_, _, _, ms)
    seen = ms
    return 1
  end, renew = nothing, release = function()
    return true
  end }, "apply", "x"))
  lock:close()
  return seen
end

-- What a helper of this machine, a lock or a program is asked to wait for.
local function asked_helper(name)
  return function()
    local real, seen = helper.run, nil
    helper.run = function(...)
      seen = { select(3, ...) }
      return true
    end
    require("prov.machine.namespaces")[name]("folder")
    helper.run = real
    return seen
  end
end

local function asked_lock(call)
  return function()
    local real, seen = fs.lock, nil
    fs.lock = function(_, opts) -- luacheck: ignore 122
      seen = opts.wait
      return err.fail("locked", "no")
    end
    call()
    fs.lock = real -- luacheck: ignore 122
    return seen
  end
end

-- Pauses before a notification is sent again.
local function notified()
  local sleep, request, slept = async.sleep, http.request, {}
  async.sleep = function(ms) -- luacheck: ignore 122
    slept[#slept + 1] = ms
  end
  http.request = function() -- luacheck: ignore 122
    return err.fail("unavailable", "no")
  end
  notify.send({ { on = { "x" }, url = "http://127.0.0.1/", retries = 8, timeout = 1, headers = {} } },
    { event = "x", delivery = "d" }, { lookup = nothing, was_sent = nothing, sent = nothing, warn = nothing })
  async.sleep, http.request = sleep, request -- luacheck: ignore 122
  return slept
end

local function nested()
  local files = { ["infra.yaml"] = "items: {}\n" }
  for i = 1, 4 do
    local what = i < 4 and "workflow: w" .. i + 1 or "run: server start, with: { name: a }"
    files[("workflows/w%d.yaml"):format(i)] = "kind: workflow\napi: 1\nsummary: x\nsteps:\n  - { name: a, " .. what
      .. " }\n"
  end
  local ctx = project.ctx(files)
  local ok, e = require("prov.workflow").validate(ctx, { name = "w1" })
  return { ok ~= nil, e and tostring(err.list(e)[1]) }
end

-- How a job goes on that was interrupted, or failed for a while.
local function settled(why, job)
  return function()
    local random = math.random
    math.random = function() -- luacheck: ignore 122
      return 1
    end
    job.interruptions, job.op, job.params = 1, "plan", {}
    local self = setmetatable({ ends = {}, kick = nothing, metrics = { add = nothing } }, { __index = runner })
    self:settle({ job = job, why = "x", events = 0 }, why)
    math.random = random -- luacheck: ignore 122
    return self.ends[1].outcome
  end
end

-- What a schedule has seen after its clock was set back a little.
local function followed()
  local now = clock.wall() // 1000
  local entry = { schedule = { seen = now + 100, paused = true }, spec = { next = nothing } }
  schedules.look_at_schedules({ looked = now, schedules = { s = entry } })
  return entry.schedule.seen >= now + 100
end

local function heard(count)
  return function()
    local one = feed.feed("x")
    for i = 1, count do
      one:push("j" .. i, "done", i)
    end
    return one:listen(1) ~= nil
  end
end

local function lagging()
  local one = feed.feed("x")
  local listener = one:listen(0)
  for i = 1, 20 do
    one:push("j" .. i, "done", i)
  end
  return #listener.read(0)
end

-- Jobs that one look for old ones reads.
local function pruned()
  local limits = {}
  orchestrator.prune_once({ store = { scan = function(_, _, _, opts)
    limits[#limits + 1] = opts.limit
  end }, jobs = { now = clock.wall, forget_requests = function()
    return {}
  end }, keep = 1, keys = {}, commit_now = nothing, closed = true })
  return limits
end

-- The pause before a worker that ended is started again.
local function started()
  local one = assert(pool.open({ count = 0, memory = 1 << 40, silent = 1e9, data = tmp.dir(), on_message = nothing,
    on_gone = nothing, on_ready = nothing }))
  one:close()
  return one.pause
end

local function waiting_line()
  local lines = {}
  local view = progress.new({ paint = function(_, _, text)
    return text
  end, size = function()
    return 80, 24
  end }, { total = 1, live = false, on_close = nothing })
  view.write = function(_, text)
    lines[#lines + 1] = text
  end
  view:start("server.a", "create")
  view:wait("server.a", "create", { ms = 3000, reason = "rate limit" })
  view.handle:stop()
  view:close()
  return #lines
end

describe("the settings", function()
  support.tests(it, {
    ["calls.attempts"] = { 2, tries() },
    ["calls.backoff"] = { 1, tries() },
    ["calls.longest_backoff"] = { 1, tries() },
    ["calls.failures"] = { 2, tries() },
    ["calls.longest_wait"] = { 5, tries(60) },
    ["calls.told_after"] = { 1000, tries(60) },
    ["calls.poll_every"] = { 5, polls },
    ["calls.poll_timeout"] = { 20, polls },
    ["infra.errors"] = { 2, load({ ["infra.yaml"] = "items:\n" .. table.concat(BAD) }) },
    ["infra.instances"] = { 2, load({ ["infra.yaml"] = "items: { a: { count: 3 } }\n" }) },
    ["sandbox.instructions"] = { 1000, load({ ["infra.lua"] = "for i = 1, 50000 do end return {}" }) },
    ["sandbox.memory"] = { 1 << 20, load({ ["infra.lua"] =
      'local t = {} for i = 1, 60000 do t[i] = ("x"):rep(500) .. i end return {}' }) },
    ["sandbox.string"] = { 1000, load({ ["infra.lua"] = 'local s = ("x"):rep(5000) return {}' }) },
    ["sandbox.output"] = { 1000, load({ ["infra.lua"] = 'return { items = { a = { value = ("x"):rep(5000) } } }' }) },
    ["sandbox.seconds"] = { 0.1, load({ ["infra.lua"] = "for i = 1, 30000000 do end return {}" }) },
    ["host.facts_timeout"] = { 5, facts },
    ["host.longest_diff"] = { 50, new_file_diff },
    ["host.longest_output"] = { 1000, printed },
    ["ssh.reap_timeout"] = { 3, reaped },
    ["state.lease"] = { 9, leased },
    ["machine.boot_timeout"] = { 9, asked_helper("start") },
    ["machine.grace"] = { 9, asked_helper("stop") },
    ["machine.lock_timeout"] = { 9, asked_lock(function()
      assert(lab.open({ dir = tmp.dir(), name = "x" })):lock()
    end) },
    ["machine.image_timeout"] = { 9, asked_lock(function()
      support.with({ ["machine.image_folder"] = tmp.dir(), ["machine.image_timeout"] = settings.machine.image_timeout },
        image.ensure, "debian-12")
    end) },
    ["workflow.depth"] = { 2, nested },
    ["workflow.notify_backoff"] = { 1, notified },
    ["workflow.notify_longest_backoff"] = { 1, notified },
    ["orchestrator.interruptions"] = { 1, settled("interrupted", {}) },
    ["orchestrator.late"] = { 200, followed },
    ["orchestrator.feed_length"] = { 5, heard(20) },
    ["orchestrator.feed_lag"] = { 5, lagging },
    ["orchestrator.prune_rows"] = { 7, pruned },
    ["orchestrator.worker_pause"] = { 3, started },
    ["ui.told_after"] = { 2, waiting_line },
  })
end)
