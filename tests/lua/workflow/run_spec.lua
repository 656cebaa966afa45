--- Runs of workflows with a call that is told what to answer: order, policies, conditions, retries, kills.

local async = require("prov.async")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local journal = require("prov.workflow.journal")
local spec = require("support.project")
local test = require("support.async").test
local workflow = require("prov.workflow")

local HEAD = "kind: workflow\napi: 1\nsummary: x\n"

-- A workspace with the workflow w. Steps run `server start`: `answers` say by the name given what it gives:
-- a value, an error code, or a function. What was called is in c.calls.
local function flow(text, answers, more)
  local files = { ["infra.yaml"] = "items: {}\n", ["workflows/w.yaml"] = HEAD .. text }
  for name, body in pairs(more or {}) do
    files[name] = body
  end
  local c = spec.ctx(files)
  c.calls, c.most, c.now = {}, 0, 0
  c.call = function(operation, params, opts)
    local name = params.name
    c.calls[#c.calls + 1] = operation == "server start" and name or operation .. " " .. tostring(name)
    c.opts = opts
    c.now = c.now + 1
    c.most = math.max(c.most, c.now)
    async.sleep(c.pause or 1)
    local answer = (answers or {})[name]
    if type(answer) == "function" then
      answer = answer(opts, c)
    end
    c.now = c.now - 1
    if err.is(answer) then
      return nil, answer
    elseif type(answer) == "string" then
      return err.fail(answer, "told to fail")
    end
    return answer or { ip = "ip-" .. tostring(name) }
  end
  return c
end

local function run(c, p)
  c.cancel = {}
  p = p or {}
  p.name, p.detach = "w", true
  return assert(workflow.run(c, p))
end

local function step(name, more)
  return ("  - { name: %s, run: server start, with: { name: %s }%s }\n"):format(name, name, more and ", " .. more or "")
end

local function statuses(v)
  local out = {}
  for _, row in ipairs(v.steps) do
    out[#out + 1] = row.step .. " " .. row.status
  end
  return table.concat(out, ", ")
end

describe("a run", function()
  it("hands outputs on, in the order of the edges", test(function()
    local c = flow("steps:\n  - { name: b, run: server start, with: { name: \"${steps.a.outputs.ip}\" }, outputs: { "
      .. "n: \"${result.ip}\" } }\n"
      .. step("a", 'outputs: { ip: "${result.ip}", all: "${result}" }') .. "outputs: { last: "
        .. "\"${steps.b.outputs.n}!\" }\n")
    local v = run(c)
    assert.same({ "a", "ip-a" }, c.calls)
    assert.same({ "done", { last = "ip-ip-a!" } }, { v.status, v.outputs })
    assert.equal(true, c.opts.yes)
    assert.equal(c.dir, c.opts.workspace)
  end))

  it("stops, goes on elsewhere, or undoes in reverse, as on_failure says", test(function()
    local undo = "compensate: { run: server stop, with: { name: \"${steps.%s.outputs.ip}\" } }"
    local steps = "steps:\n" .. step("a", 'outputs: { ip: "${result.ip}" }, ' .. undo:format("a"))
      .. step("b", 'needs: [a], outputs: { ip: "${result.ip}" }, ' .. undo:format("b"))
      .. step("c", "needs: [b]") .. step("d", "needs: [c]")
      .. step("e", "needs: [b]"):gsub("server start", "server show") .. step("f", "needs: [e]")
    local function slow()
      async.sleep(20)
    end
    local c = flow("on_failure: stop\n" .. steps, { c = "failed", e = slow })
    assert.equal("a done, b done, c failed, d skipped, e done, f skipped", statuses(run(c)))
    c = flow("on_failure: continue\n" .. steps, { c = "failed", e = slow })
    assert.equal("a done, b done, c failed, d skipped, e done, f done", statuses(run(c)))
    c = flow("on_failure: rollback\n" .. steps, { c = "failed", e = slow })
    local v = run(c)
    assert.same({ "server stop ip-b", "server stop ip-a" }, table.move(c.calls, #c.calls - 1, #c.calls, 1, {}))
    assert.equal("rolled_back", v.status)
    assert.equal("a undone, b undone, c failed, d skipped, e done, f skipped", statuses(v))
    assert.equal("c: told to fail", v.error)
  end))

  it("keeps a rollback that failed as something to mend", test(function()
    local c = flow("on_failure: rollback\nsteps:\n" .. step("a", "compensate: { run: server stop, with: { name: x } }")
      .. step("b", "needs: [a]"), { b = "failed", x = "unavailable" })
    local v = run(c)
    assert.equal("failed", v.status)
    assert.equal("a not undone, b failed", statuses(v))
    c.call = function()
      return true
    end
    assert.equal("rolled_back", assert(workflow.resume(c, { id = "last" })).status)
  end))

  it("asks conditions, and those about endings whatever happened", test(function()
    local c = flow("inputs: { env: { type: string, default: test } }\nsteps:\n" .. step("a")
      .. step("b", "needs: [a], when: \"inputs.env == 'prod'\"") .. step("c", "needs: [b]")
      .. step("bad", "needs: [c]") .. step("d", "needs: [bad]") .. step("e", "when: \"failed('bad')\"")
      .. step("f", "needs: [bad], when: always()") .. step("g", "needs: [bad], when: succeeded()")
      .. step("h", "when: \"skipped('d') and inputs.env != null\""), { bad = "failed" })
    local v = run(c)
    assert.equal("a done, b skipped, c done, bad failed, d skipped, e done, f done, g skipped, h done", statuses(v))
    assert.equal("failed", v.status)
    c = flow("steps:\n" .. step("a", "continue_on_failure: true") .. step("b", "needs: [a]"), { a = "failed" })
    v = run(c)
    assert.same({ "done", "a failed, b done" }, { v.status, statuses(v) })
    c = flow("steps:\n" .. step("a", 'outputs: { l: "${result.ip}" }') .. step("b", 'when: "steps.a.outputs.l < 3"'))
    assert.matches("two numbers or two texts", run(c).error)
  end))

  it("does not begin a step that waited for its workspace while another failed, or somebody cancelled", test(function()
    local steps = "steps:\n" .. step("a") .. step("b") -- a has most behind it
      .. step("c", "needs: [a]") .. step("d", "needs: [c]")
    local c = flow("on_failure: stop\n" .. steps, { a = "failed" })
    assert.equal("a failed, b skipped, c skipped, d skipped", statuses(run(c)))
    assert.same({ "a" }, c.calls)
    c = flow("on_failure: continue\n" .. steps, { a = "failed" })
    assert.equal("a failed, b done, c skipped, d skipped", statuses(run(c)))
    c = flow(steps, { a = function(_, cx)
      cx.cancel.requested = true
    end })
    local v = run(c)
    assert.same({ "interrupted", "a done, b pending, c pending, d pending" }, { v.status, statuses(v) })
    assert.same({ "a" }, c.calls)
    c.cancel = {}
    assert.equal("a done, b done, c done, d done", statuses(assert(workflow.resume(c, { id = "last" }))))
    -- What has nothing to do with a workspace waits for none.
    c = flow("steps:\n  - { name: w, matrix: { n: [1, 2, 3] }, run: wait, with: { duration: \"${matrix.n}s\" } }\n")
    c.pause = 50
    run(c)
    assert.equal(3, c.most)
  end))

  it("ends at its time also while it waits for a person", test(function()
    local c = flow("timeout: 1s\nsteps:\n  - { name: a, approve: true }\n")
    c.cancel = {}
    local v = assert(async.deadline(5000, function()
      return assert(workflow.run(c, { name = "w" }))
    end))
    assert.same({ "failed", "the workflow did not end in time" }, { v.status, v.error })
  end))

  it("keeps its limits", test(function()
    local c = flow("max_parallel: 3\nsteps:\n  - { name: a, matrix: { n: [1, 2, 3, 4, 5, 6] }, run: server show, "
      .. "with: { name: \"${matrix.n}x\" } }\n")
    c.pause = 50 -- longer than what keeps the next from beginning
    assert.equal("done", run(c).status)
    assert.equal(3, c.most)
    c = flow("steps:\n  - { name: a, matrix: { n: [1, 2, 3, 4] }, max_parallel: 2, run: server show, with: { name: "
      .. "\"${matrix.n}x\" } }\n")
    c.pause = 50
    run(c)
    assert.equal(2, c.most)
    c = flow("steps:\n" .. step("a") .. step("b") .. step("c")) -- they change one workspace: one after the other
    run(c)
    assert.equal(1, c.most)
    c = flow("steps:\n  - { name: s, matrix: { n: [1, 2, 3, 4] }, max_parallel: 1, workflow: v, with: { n: "
      .. "\"${matrix.n}x\" } }\n", nil,
      { ["workflows/v.yaml"] = HEAD .. "inputs: { n: { type: string } }\nsteps:\n  - { name: p, run: server show, "
        .. "with: { name: \"${inputs.n}\" } }\n" })
    run(c)
    assert.equal(1, c.most)
  end))

  it("lists the outputs of a matrix, and picks one", test(function()
    local c = flow("steps:\n  - { name: a, matrix: { n: [x, y] }, run: server show, with: { name: \"${matrix.n}\" "
      .. "}, outputs: { ip: \"${result.ip}\" } }\n"
      .. "outputs: { all: \"${steps.a.outputs.ip}\", one: '${steps.a[\"y\"].outputs.ip}', first: "
        .. "\"${steps.a[1].outputs.ip}\" }\n")
    assert.same({ all = data.list({ "ip-x", "ip-y" }), one = "ip-y", first = "ip-x" }, run(c).outputs)
  end))

  it("tries again for the codes that are worth it", test(function()
    local left = 2
    local function flaky()
      left = left - 1
      return left >= 0 and "unavailable" or nil
    end
    local c = flow("steps:\n" .. step("a", "retries: { attempts: 3, delay: 0.01 }"), { a = flaky })
    assert.equal("done", run(c).status)
    assert.equal(3, #c.calls)
    c = flow("steps:\n" .. step("a", "retries: 3"), { a = "denied" })
    assert.equal("failed", run(c).status)
    assert.equal(1, #c.calls)
    c = flow("steps:\n" .. step("a", "retries: { attempts: 3, on: [timeout] }"), { a = "unavailable" })
    run(c)
    assert.equal(1, #c.calls)
  end))

  it("ends steps that take too long: as they know how, or by force", test(function()
    local c = flow("steps:\n" .. step("a", "timeout: 0.05"), {
      a = function()
        async.sleep(60000)
      end,
    })
    local v = run(c)
    assert.same({ "failed", "timeout" }, { v.status, v.steps[1].code })
    local killed
    c = flow("steps:\n" .. step("a", "timeout: 0.05"), {
      a = function(opts)
        local q = async.queue()
        opts.cancel.kill, opts.cancel.stop = function()
          killed = true
        end, function()
          q:put(1)
        end
        q:take()
        return "canceled"
      end,
    })
    run(c)
    assert.is_true(killed)
    c = flow("timeout: 1\nsteps:\n" .. step("a") .. step("b", "needs: [a]"), {
      a = function()
        async.sleep(60000)
      end,
    })
    v = run(c)
    assert.same({ "failed", "the workflow did not end in time" }, { v.status, v.error })
  end))

  it("runs hooks for how it ended", test(function()
    local hooks = "hooks:\n  on_success: [{ name: s, run: server start, with: { name: good } }]\n"
      .. "  on_failure: [{ name: f, run: server start, with: { name: \"bad ${run.status} ${steps.a.status}\" } }]\n"
      .. "  always: [{ name: z, run: server start, with: { name: end } }]\n"
    local c = flow("steps:\n" .. step("a") .. hooks)
    assert.equal("a done, on_success/s done, always/z done", statuses(run(c)))
    c = flow("steps:\n" .. step("a") .. hooks, { a = "failed" })
    local v = run(c)
    assert.equal("a failed, on_failure/f done, always/z done", statuses(v))
    assert.equal("bad failed failed", c.calls[2])
    assert.equal("failed", v.status)
  end))

  it("gives sub-workflows inputs and takes their outputs; a failure inside is that of the step", test(function()
    local sub = HEAD .. "inputs: { n: { type: string, required: true }, m: { type: int, default: 4 } }\nsteps:\n"
      .. "  - { name: p, run: server start, with: { name: \"${inputs.n}-${inputs.m}\" }, outputs: { ip: "
        .. "\"${result.ip}\" } }\n"
      .. "  - { name: q, run: server start, with: { name: q }, needs: [p] }\noutputs: { ip: "
        .. "\"${steps.p.outputs.ip}\" }\n"
    local top = "steps:\n" .. step("a", 'outputs: { ip: "${result.ip}" }')
      .. "  - { name: s, workflow: v, with: { n: \"${steps.a.outputs.ip}\" }%s }\n" .. step("z", 'needs: [s], when: '
        .. '"%s"')
      .. "outputs: { ip: \"${steps.s.outputs.ip}\" }\n"
    local c = flow(top:format("", "true"), nil, { ["workflows/v.yaml"] = sub })
    local v = run(c)
    assert.same({ "a", "ip-a-4", "q", "z" }, c.calls)
    assert.equal("ip-ip-a-4", v.outputs.ip)
    c = flow(top:format("", "true"), { q = "failed" }, { ["workflows/v.yaml"] = sub })
    v = run(c)
    assert.equal("a done, s failed, s/p done, s/q failed, z skipped", statuses(v))
    assert.equal("s/q: told to fail", v.error)
    c = flow(top:format(", continue_on_failure: true", "steps.s.status == 'failed'"), { q = "failed" },
      { ["workflows/v.yaml"] = sub })
    assert.same({ "done", "a done, s failed, s/p done, s/q failed, z done" }, { run(c).status,
      statuses(assert(workflow.status(c, "last"))) })
    c = flow((top:format(", when: \"false\"", "true"):gsub("outputs: { ip: \"${steps.s.*$", "")), nil,
      { ["workflows/v.yaml"] = sub })
    assert.equal("a done, s skipped, s/p skipped, s/q skipped, z done", statuses(run(c)))
  end))

  it("fails on the value of an operation that says so, and takes changes as an answer", test(function()
    local c = flow("steps:\n  - { name: a, run: drift, outputs: { n: \"${result.x}\" } }\n  - { name: b, run: "
      .. "apply, needs: [a] }\n")
    c.call = function(operation)
      return operation == "drift" and { changes = { 1 }, x = 1 }
        or { status = "failed", failures = { { step = "create x.y", error = "no", hint = "mend it" } } }
    end
    local v = run(c)
    assert.equal("a done, b failed", statuses(v))
    assert.equal("b: create x.y: no", v.error)
  end))

  it("bounds what steps leave, and keeps secrets", test(function()
    local c = flow("steps:\n" .. step("a", 'outputs: { x: "${result.x}" }'), {
      a = function()
        return { x = ("y"):rep(300000) }
      end,
    })
    assert.matches("262144 are the most", run(c).error)
    c = flow("inputs: { k: { type: secret, required: true } }\nsteps:\n  - { name: a, run: server start, with: { "
      .. "name: \"k${inputs.k}\" }, outputs: { k: \"${inputs.k}\" } }\n"
      .. "outputs: { k: \"${steps.a.outputs.k}\" }\n")
    local v = run(c, { input = { k = "hush" } })
    assert.same({ "khush" }, c.calls)
    assert.equal("(secret)", tostring(v.outputs.k))
    c = flow("inputs: { k: { type: secret, required: true } }\nsteps:\n"
      .. step("a", 'outputs: { k: "${inputs.k}" }')
      .. "  - { name: b, run: server exec, with: { name: b, command: [x], timeout: \"${steps.a.outputs.k}\" } }\n")
    v = run(c, { input = { k = "hush" } })
    assert.matches("timeout does not fit", v.error)
    assert.is_nil(v.error:find("hush", 1, true))
  end))

  it("keeps artifacts: values, and files of the step's workspace only", test(function()
    local c = flow("steps:\n" .. step("a", 'artifacts: { v.json: "${result}", t.txt: "ip ${result.ip}", f: { file: '
      .. 'infra.yaml } }')
      .. "outputs: { p: '${steps.a.artifacts[\"t.txt\"]}' }\n")
    local fs = require("prov.fs")
    local v = run(c)
    assert.equal("ip ip-a", fs.read(v.outputs.p))
    assert.equal(384, fs.stat(v.outputs.p).mode)
    assert.equal("items: {}\n", fs.read(v.steps[1].artifacts.f))
    assert.same({ ip = "ip-a" }, require("prov.json").decode(fs.read(v.steps[1].artifacts["v.json"])))
    for _, bad in ipairs({ "../../../../etc/passwd", "/../../../../../etc/passwd" }) do
      c = flow("steps:\n" .. step("a", "artifacts: { f: { file: " .. bad .. " } }"))
      assert.equal("failed", run(c).status)
    end
  end))

  it("goes back to how the workspace was before the step first began", test(function()
    local c = flow("on_failure: rollback\nsteps:\n" .. step("a",
      'compensate: { run: run rollback, with: { revision: "${before.revision}" } }') .. step("b", "needs: [a]"),
        { b = "failed" })
    local real, seen = c.call, nil
    c.call = function(operation, params, opts)
      if operation == "status" then
        return { revision = 7 }
      elseif operation == "run rollback" then
        seen = params.revision
        return { status = "done" }
      end
      return real(operation, params, opts)
    end
    assert.equal("rolled_back", run(c).status)
    assert.equal(7, seen)
  end))
end)

-- A process that dies: the journal up to a point, and nothing of what came after.
local function die_after(c, n)
  local note, count = require("prov.workflow.run").open, 0
  local store = assert(c.need_workspace():store())
  local real = journal.commit
  journal.commit = function(...)
    count = count + 1
    if count > n then
      return err.fail("io", "died")
    end
    return real(...)
  end
  local ok, result, e = pcall(workflow.run, c, { name = "w", detach = true })
  journal.commit = real
  return ok and result, e or result, note and store
end

describe("a run under a clock that is set", function()
  local wall, time, ahead = clock.wall, os.time, 0

  before_each(function()
    ahead = 0
    clock.wall = function()
      return wall() + ahead * 1000
    end
    rawset(os, "time", function(...)
      return ... and time(...) or time() + ahead
    end)
  end)

  after_each(function()
    clock.wall = wall
    rawset(os, "time", time)
  end)

  it("is behind those that began before it", test(function()
    local c = flow("steps:\n" .. step("a"))
    local ids = {}
    for i, where in ipairs({ 0, 86400, -3600, -3600 }) do
      ahead = where
      ids[5 - i] = run(c).id
    end
    local listed = {}
    for i, row in ipairs(assert(workflow.runs(c, 10))) do
      listed[i] = row.id
    end
    assert.same(ids, listed)
    assert.equal(ids[1], assert(workflow.status(c, "last")).id)
  end))

  it("takes the time it has", test(function()
    local c = flow("timeout: 10s\nsteps:\n" .. step("a") .. step("b", "needs: [a]"), { a = function()
      ahead = 86400
      async.sleep(600)
      return {}
    end })
    assert.equal("done", run(c).status)
    ahead = 0
    c = flow("timeout: 300ms\nsteps:\n" .. step("a") .. step("b", "needs: [a]"), { a = function()
      ahead = -86400
      async.sleep(1500)
      return {}
    end })
    assert.equal("failed", run(c).status)
  end))

  it("takes an answer that came before the question, as it seems", test(function()
    local c = flow("steps:\n  - { name: ok, approve: sure }\n" .. step("a", "needs: [ok]"))
    local id = run(c).id
    ahead = -3600
    assert(workflow.approve(c, { id = id, step = "ok" }))
    c.cancel = {}
    assert.equal("done", assert(workflow.resume(c, { id = id })).status)
  end))

  it("takes no answer that was given to an earlier question", test(function()
    local c = flow("steps:\n  - { name: ok, approve: { message: sure, timeout: 1s } }\n" .. step("a", "needs: [ok]"))
    local id = run(c).id
    ahead = 5
    c.cancel = {}
    assert.equal("failed", assert(workflow.work(c, id, {})).status) -- nobody answered in time
    assert(journal.ask(c.need_workspace():store(), id, "ok", { answer = "approved", by = "me" })) -- just too late
    c.cancel = {}
    assert.equal("waiting", assert(workflow.resume(c, { id = id, detach = true })).status)
  end))
end)

describe("a run that died", function()
  it("goes on after any commit, and no step that was done is run again", test(function()
    local text = "on_failure: rollback\nsteps:\n"
      .. step("a", 'outputs: { ip: "${result.ip}" }') .. step("b", "needs: [a]") .. step("c", "needs: [b]")
      .. "hooks:\n  always: [{ name: z, run: server start, with: { name: z } }]\n"
    for n = 1, 40 do
      local c = flow(text)
      c.cancel = {}
      local whole = die_after(c, n)
      if whole then
        assert.is_true(n > 8)
        return
      end
      local done = {}
      for id, s in pairs(assert(journal.read(c.need_workspace():store(), assert(workflow.runs(c, 1))[1].id)).steps) do
        done[id:match("[^/]*$")] = s.status == "done"
      end
      local before = #c.calls
      c.cancel = {}
      local v = assert(workflow.resume(c, { id = "last" }))
      assert.equal("done", v.status, n)
      for i = before + 1, #c.calls do
        assert.is_true(c.calls[i] == "z" or not done[c.calls[i]], ("%d: %s ran again"):format(n, c.calls[i]))
      end
    end
    error("it never ended")
  end))

  it("stops for a person when a step may do harm", test(function()
    local c = flow("steps:\n" .. step("a") .. "  - { name: x, run: server exec, with: { name: x, command: [rm] }, "
      .. "needs: [a] }\n"
      .. step("b", "needs: [x]"), { x = function()
        return { code = 0 }
      end })
    c.cancel = {}
    die_after(c, 4) -- running, a: intent, a: done, x: intent
    assert.equal("server exec x", c.calls[#c.calls])
    local v = assert(workflow.resume(c, { id = "last" }))
    assert.same({ "unknown", "a done, x unknown, b pending" }, { v.status, statuses(v) })
    v = assert(workflow.resume(c, { id = "last", skip = { "x" } }))
    assert.same({ "done", "a done, x skipped, b done" }, { v.status, statuses(v) })
    assert.equal(1, select(2, table.concat(c.calls, ","):gsub("exec", "")))
    assert.equal("conflict", select(2, workflow.resume(c, { id = "last" })).code)
  end))

  it("is gone on with elsewhere, when an answer came and another process was quicker", test(function()
    local c = flow("steps:\n  - { name: ok, approve: sure }\n" .. step("a", "needs: [ok]"))
    assert.equal("waiting", run(c).status)
    c.cancel = {}
    local store = c.need_workspace():store()
    local id = workflow.runs(c, 1)[1].id
    local live = async.spawn(workflow.work, c, id, {})
    local lock <close> = (function()
      for _ = 1, 200 do -- the live one lets go of it while it waits
        async.sleep(50)
        local taken = require("prov.engine.locks").lock(store, "workflow", id)
        if taken then
          return taken
        end
      end
      error("it never waited")
    end)()
    assert.equal("conflict", select(2, workflow.approve(c, { id = id, step = "a" })).code)
    assert(workflow.approve(c, { id = id, step = "ok", message = "fine" }))
    local v = assert(live:join())
    assert.same({ "waiting", 0 }, { v.status, #c.calls })
    lock:close()
    assert.equal("done", assert(workflow.work(c, id, {})).status)
  end))

  it("is worked on by one process", test(function()
    local c = flow("steps:\n" .. step("a"), { a = "failed" })
    local v = run(c)
    local store = c.need_workspace():store()
    local lock <close> = assert(require("prov.engine.locks").lock(store, "workflow", v.id))
    assert.equal("locked", select(2, workflow.resume(c, { id = "last" })).code)
    assert.truthy(lock)
  end))
end)
