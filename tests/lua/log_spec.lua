local base = require("core.base")
local log = require("prov.log")
local tmp = require("support.tmp")
local uv = require("luv")

-- What fn logs, with the time cut off text lines.
local function logged(level, form, fn)
  local path = tmp.dir() .. "/log"
  local fd = assert(uv.fs_open(path, "w", 384))
  log.configure(level, form, fd)
  local ok, raised = pcall(fn)
  log.configure("warn")
  uv.fs_close(fd)
  assert(ok, raised)
  return (tmp.read(path):gsub("%d+%-%d+%-%d+T%d+:%d+:%d+%.%d+Z ?", ""))
end

describe("log", function()
  after_each(function()
    base.redact_clear()
    log.configure("warn")
  end)

  it("writes lines from its level on, fields in order", function()
    local text = logged("info", "text", function()
      log.debug("no")
      log.info("started", { server = "web[1]", count = 3, ratio = 0.5, ready = true, at = "a b" })
      log.warn("slow")
      log.error(42)
    end)
    assert.equal(
      'info  started at="a b" count=3 ratio=0.5 ready=true server=web[1]\nwarn  slow\nerror 42\n',
      text
    )
    assert.is_true(log.enabled("warn"))
    assert.is_false(log.enabled("info"))
  end)

  it("writes JSON", function()
    local text = logged("debug", "json", function()
      log.debug("say \"hi\"\n", { n = 1, big = 1 / 0, no = false, t = setmetatable({}, {
        __tostring = function()
          return "shown"
        end,
      }) })
    end)
    assert.equal(
      '{"time":"","level":"debug","msg":"say \\"hi\\"\\n","big":"inf","n":1,"no":false,"t":"shown"}\n',
      text
    )
  end)

  it("binds fields", function()
    local text = logged("info", "text", function()
      local l = log.with({ run = "r1", step = 1 })
      l.info("go", { step = 2 })
      l.error("stop")
      l.debug("no")
    end)
    assert.equal("info  go run=r1 step=2\nerror stop run=r1 step=1\n", text)
  end)

  it("hides secrets, whole and split over fields", function()
    assert.is_true(log.secret("hunter2"))
    assert.equal("invalid", select(2, log.secret("abc")).code)
    local text = logged("info", "text", function()
      log.info("the password is hunter2", { a = "hun", b = "ter2", c = "aHVudGVyMg==", d = "fine" })
    end)
    assert.equal('info  the password is *** a=*** b=*** c="***g==" d=fine\n', text)
    assert.equal("x *** y", log.redact("x hunter2 y"))
  end)

  it("takes its level from the environment", function()
    local env = { PROV_LOG = os.getenv("PROV_LOG"), PROV_LOG_FORMAT = os.getenv("PROV_LOG_FORMAT") }
    uv.os_setenv("PROV_LOG", "debug")
    assert.is_true(log.from_env())
    assert.is_true(log.enabled("debug"))
    uv.os_setenv("PROV_LOG", "loud")
    local ok, e = log.from_env()
    assert.is_nil(ok)
    assert.equal("PROV_LOG is 'loud', not one of debug info warn error off", e.msg)
    if env.PROV_LOG then
      uv.os_setenv("PROV_LOG", env.PROV_LOG)
    else
      uv.os_unsetenv("PROV_LOG")
    end
  end)
end)

describe("write_atomic", function()
  it("replaces a file whole", function()
    local path = tmp.dir() .. "/file"
    assert.is_true(base.write_atomic(path, "one"))
    assert.is_true(base.write_atomic(path, "two\0", 420))
    assert.equal("two\0", tmp.read(path))
    assert.equal(420, uv.fs_stat(path).mode & 511)
    assert.equal("notfound", select(2, base.write_atomic(tmp.dir() .. "/no/x", "")).code)
  end)
end)
