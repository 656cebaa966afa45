--- A worker as its orchestrator sees it: what it says, what it leaves, when it ends.

local app = require("core.app")
local async = require("prov.async")
local data = require("core.data")
local fs = require("prov.fs")
local json = require("prov.json")
local remote_ui = require("prov.orchestrator.remote_ui")
local settings = require("prov.settings")
local test = require("support.async").test
local uv = require("luv")
local wire = require("prov.orchestrator.wire")
local worker_of = require("prov.orchestrator.worker")

--- A worker with this test as its orchestrator; take(kind) waits for its next message of that kind, the last one
--- is "ended".
local function start()
  local dir = assert(fs.tempdir("prov-worker"))
  assert(fs.mkdirp(dir .. "/outcomes", 448))
  local messages, pipe = async.queue(), uv.new_pipe(false)
  local handle = assert(uv.spawn(app.exe, {
    args = { "worker", "--data", dir },
    stdio = { nil, 2, 2, pipe },
  }, function(code)
    messages:put({ t = "ended", code = code })
  end))
  local one = { dir = dir, handle = handle }
  one.wire = wire.new(pipe, function(message)
    messages:put(message)
  end, function() end)
  function one.take(kind)
    return assert(async.deadline(20000, function()
      while true do
        local message = messages:take()
        if message.t == kind then
          return message
        end
      end
    end))
  end
  one.hello = one.take("hello")
  return setmetatable(one, {
    __close = function()
      one.wire:stop()
      if not handle:is_closing() then
        handle:kill("sigkill")
        handle:close()
      end
      fs.remove(dir, { recursive = true })
    end,
  })
end

local function job(id, op, params)
  return { t = "job", id = id, op = op, params = params, flags = { output = "json", yes = true }, began = 17 }
end

describe("a worker", function()
  it("that is to end keeps what the orchestrator has not written down yet", test(function()
    local worker <close> = start()
    worker.wire:send(job("j1", "wait", { duration = 0 }))
    worker.wire:send({ t = "retire" })
    assert.is_nil(worker.take("end").error)
    async.sleep(300)
    worker.wire:stop() -- the orchestrator is killed before its commit
    assert.are.equal(0, worker.take("ended").code)
    local bytes = assert(fs.read(worker_of.outcome_path(worker.dir, "j1")))
    local done = assert(data.decode(bytes))
    assert.are.equal(17, done.began)
    assert.are.same({ waited = 0 }, json.decode(done.result))
  end))

  it("that is to end ends as soon as everything is written down", test(function()
    local worker <close> = start()
    worker.wire:send(job("j1", "wait", { duration = 0 }))
    worker.take("end")
    worker.wire:send({ t = "retire" })
    worker.wire:send({ t = "noted", ids = data.list({ "j1" }) })
    assert.are.equal(0, worker.take("ended").code)
    assert.is_false(fs.exists(worker_of.outcome_path(worker.dir, "j1")))
  end))

  it("ends when the folder of its orchestrator is gone", test(function()
    local worker <close> = start()
    worker.wire:send(job("j1", "wait", { duration = 1 }))
    worker.wire:send({ t = "ping" })
    async.sleep(300)
    fs.remove(worker.dir, { recursive = true })
    worker.wire:stop()
    assert.are.equal(0, worker.take("ended").code)
  end))

  it("refuses to keep more than one value of the store takes", function()
    local most = settings.orchestrator.result_size
    local small = { result = "1", code = 0, files = { out = "x" } }
    assert.are.equal(small, worker_of.fitting(small))
    local _, e = worker_of.fitting({ result = ("x"):rep(most // 2), code = 0, files = { out = ("x"):rep(most) } })
    assert.are.equal("limit", e.code)
  end)
end)

describe("the events of a worker", function()
  it("are JSON whatever a server says", function()
    local event = remote_ui.event("info", { msg = "gr\xfc\xdfe", list = data.list({ "\xff" }) })
    assert.are.equal("info", event.kind)
    assert.are.same({ msg = "gr??e", list = { "?" } }, json.decode(event.json))
  end)

  it("that do not fit are left out, and say so", function()
    local event = remote_ui.event("show", { value = ("x"):rep(settings.orchestrator.event_size) })
    assert.are.equal("warn", event.kind)
    assert.is_truthy(event.json:find("'show' was left out: it has", 1, true))
    assert.are.equal("warn", remote_ui.event("show", { value = 0 / 0 }).kind)
  end)
end)

describe("a wire", function()
  it("ends when a message cannot be dealt with, and does not repeat those before it", test(function()
    local fds = assert(uv.socketpair(nil, nil, { nonblock = true }, { nonblock = true }))
    local a, b = uv.new_pipe(false), uv.new_pipe(false)
    a:open(fds[1])
    b:open(fds[2])
    local heard, ended = {}, async.queue()
    wire.new(a, function(message)
      heard[#heard + 1] = message.n
      if message.n == 2 then
        error("no")
      end
    end, function(e)
      ended:put(e)
    end)
    local sender = wire.new(b, function() end, function() end)
    for n = 1, 3 do
      sender:send({ n = n })
    end
    assert.are.equal("bug", ended:take().code)
    assert.are.same({ 1, 2 }, heard)
    sender:stop()
  end))
end)
