local async = require("prov.async")
local proc = require("prov.proc")
local uv = require("luv")

local function run(opts)
  return async.run(function()
    return proc.run(opts)
  end)
end

local function alive(pid)
  return uv.kill(pid, 0) == 0
end

local function gone(pid) -- a killed grandchild disappears when its parent or init reaps it
  for _ = 1, 100 do
    if not alive(pid) then
      return true
    end
    local f = io.open(("/proc/%d/stat"):format(pid))
    local state = f and f:read("a"):match("%) (%u)")
    if f then
      f:close()
    end
    if state == "Z" or not state then
      return true
    end
    uv.sleep(20)
  end
  return false
end

describe("prov.proc", function()
  it("gives exit code, stdout, stderr and takes stdin", function()
    local r = assert(run({ "sh", "-c", "cat; echo oops >&2; exit 3", stdin = "a\0b\n" }))
    assert.equal(3, r.code)
    assert.is_nil(r.signal)
    assert.equal("a\0b\n", r.stdout)
    assert.equal("oops\n", r.stderr)
  end)

  it("merges or clears the environment and changes the folder", function()
    local r = assert(run({ "sh", "-c", "echo $FOO:$HOME; pwd", env = { FOO = "1" }, cwd = "/" }))
    assert.equal("1:" .. os.getenv("HOME") .. "\n/\n", r.stdout)
    r = assert(run({ "/bin/sh", "-c", "echo $FOO:$HOME", env = { FOO = "1" }, clear_env = true }))
    assert.equal("1:\n", r.stdout)
  end)

  it("reports a program that is not there", function()
    local r, e = run({ "/no/such/program" })
    assert.is_nil(r)
    assert.equal("notfound", e.code)
  end)

  it("reads output larger than a pipe holds, on both sides at once", function()
    local r = assert(run({ "sh", "-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2" }))
    assert.equal(3000000, #r.stdout)
    assert.equal(3000000, #r.stderr)
    local cat = assert(run({ "cat", stdin = ("x"):rep(3000000) }))
    assert.equal(3000000, #cat.stdout)
  end)

  it("caps output and kills what prints more", function()
    local r, e = run({ "sh", "-c", "yes", max_output = 100000 })
    assert.is_nil(r)
    assert.equal("limit", e.code)
  end)

  it("kills the whole group at the timeout", function()
    local pid
    local started = uv.hrtime()
    local r, e = run({ "sh", "-c", "sleep 30 & echo $!; wait", timeout = 200, on_stdout = function(text)
      pid = tonumber(text)
    end })
    assert.is_nil(r)
    assert.equal("timeout", e.code)
    assert.is_true((uv.hrtime() - started) / 1e9 < 5)
    assert.is_true(gone(pid))
  end)

  it("kills the program when the task is cancelled", function()
    local pid
    local _, e = async.run(function()
      local task = async.spawn(proc.run, { "sh", "-c", "echo $$; sleep 30", on_stdout = function(text)
        pid = tonumber(text)
      end })
      while not pid do
        async.sleep(5)
      end
      task:cancel()
      return task:join()
    end)
    assert.equal("canceled", e.code)
    assert.is_true(gone(pid))
  end)

  it("tells the signal that ended it", function()
    local r = assert(run({ "sh", "-c", "kill -TERM $$" }))
    assert.equal(15, r.signal)
  end)

  it("leaves no handle open", function()
    assert(run({ "true" }))
    uv.run("nowait")
    local open = 0
    uv.walk(function(handle)
      if not handle:is_closing() and handle:is_active() then
        open = open + 1
      end
    end)
    assert.equal(0, open)
  end)
end)
