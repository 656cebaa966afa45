local async = require("prov.async")
local clock = require("prov.clock")
local locks = require("prov.engine.locks")
local store = require("core.store")
local task = require("support.async")
local tmp = require("support.tmp")

local HOUR = 3600000

describe("workspace lock", function()
  local s, wall, shift

  before_each(function()
    s = assert(store.open(tmp.dir() .. "/state.db"))
    wall, shift = clock.wall, 0
    clock.wall = function() -- luacheck: ignore
      return wall() + shift
    end
  end)

  after_each(function()
    clock.wall = wall -- luacheck: ignore
    s:close()
  end)

  local function commit(token)
    local revision, e = s:commit_sync({ { "node", "a", "t", "" }, epoch = token })
    return revision and "written" or e.code
  end

  -- A lock that another process took at this machine's time of now.
  local function foreign(owner)
    return assert(s:claim("workspace", "apply by " .. owner, 60000, clock.wall()))
  end

  it("stays with a living process of this machine when the clock jumps", task.test(function()
    for _, jump in ipairs({ HOUR, -HOUR }) do
      local lock <close> = assert(locks.lock(s, "apply"))
      shift = jump
      local other, e = locks.lock(s, "plan")
      assert.is_nil(other)
      assert.equal("locked", e.code)
      assert.is_truthy(locks.holder(s))
      assert.equal("written", commit(lock.token))
      shift = 0
    end
    assert.is_nil(locks.holder(s))
  end))

  it("is taken from a process that died, whatever the clock says", task.test(function()
    for _, jump in ipairs({ 0, HOUR, -HOUR }) do
      local dead = foreign((clock.identity():gsub("pid .*$", "pid 1/1")))
      shift = jump
      local lock <close> = assert(locks.lock(s, "apply"))
      assert.equal("conflict", commit(dead))
      assert.equal("written", commit(lock.token))
      shift = 0
    end
  end))

  it("of a process that ended is free, though nobody has waited for it", task.test(function()
    local parent <close> = assert(io.popen("sleep 0.1 & echo $!; exec sleep 60 >&-"))
    local pid = parent:read("l")
    local function stat()
      local file <close> = assert(io.open("/proc/" .. pid .. "/stat"))
      local fields = {}
      for word in file:read("a"):match("%)(.*)$"):gmatch("%S+") do
        fields[#fields + 1] = word
      end
      return fields
    end
    local host = require("luv").os_gethostname()
    local owner = ("me@%s pid %s/%s"):format(host, pid, stat()[20])
    assert.is_true(clock.is_alive(owner))
    repeat
      async.sleep(20)
    until stat()[1] == "Z"
    assert.is_true(clock.is_dead(owner))
    local there = foreign(owner)
    local lock <close> = assert(locks.lock(s, "apply"))
    assert.equal("conflict", commit(there))
    assert.equal("written", commit(lock.token))
    os.execute("kill " .. stat()[2]) -- its parent, which was not to wait
  end))

  it("of another machine expires, and its holder writes nothing after that", task.test(function()
    local there = foreign("me@another-machine pid 7/9")
    shift = -HOUR
    local none, e = locks.lock(s, "apply")
    assert.is_nil(none)
    assert.equal("locked", e.code)
    assert.equal("written", commit(there))
    shift = HOUR
    local lock <close> = assert(locks.lock(s, "apply"))
    assert.equal("conflict", commit(there))
    assert.equal("conflict", select(2, s:renew("workspace", there, 60000, clock.wall())).code)
    assert.equal("written", commit(lock.token))
  end))
end)
