local async = require("prov.async")
local err = require("prov.err")
local fs = require("prov.fs")
local uv = require("luv")

describe("prov.fs", function()
  local dir

  before_each(function()
    dir = assert(fs.tempdir("prov-fs"))
  end)

  after_each(function()
    assert(fs.remove(dir, { recursive = true }))
    assert.is_nil(uv.fs_stat(dir))
  end)

  it("writes into a pipe, and puts no file in its place", function()
    local path = require("support.tmp").dir() .. "/pipe"
    assert(os.execute("mkfifo " .. path .. " && (cat " .. path .. " > " .. path .. ".got &)"))
    assert(fs.write_atomic(path, "through"))
    assert.equal("fifo", require("luv").fs_stat(path).type)
    for _ = 1, 100 do
      if (fs.read(path .. ".got") or "") == "through" then
        break
      end
      os.execute("sleep 0.05")
    end
    assert.equal("through", fs.read(path .. ".got"))
  end)

  it("writes and reads bytes, replacing what was there", function()
    local bytes = ("\0\255line\n"):rep(50000)
    assert(fs.write_atomic(dir .. "/a", "old"))
    assert(fs.write_atomic(dir .. "/a", bytes, { mode = 384 }))
    assert.equal(bytes, assert(fs.read(dir .. "/a")))
    assert.equal(384, assert(fs.stat(dir .. "/a")).mode)
    assert.equal(1, #assert(fs.list(dir)))
  end)

  it("works the same inside of a task", function()
    local ok, e = async.run(function()
      assert(fs.write_atomic(dir .. "/b", "x"))
      assert(fs.mkdirp(dir .. "/t/u/v"))
      assert(fs.write_atomic(dir .. "/t/u/f", "y"))
      assert(fs.remove(dir .. "/t", { recursive = true }))
      return true
    end)
    assert.is_true(ok, tostring(e))
    assert.is_nil(fs.stat(dir .. "/t"))
  end)

  it("reports what it cannot do, and leaves nothing behind", function()
    local data, e = fs.read(dir .. "/absent")
    assert.is_nil(data)
    assert.equal("notfound", e.code)
    local _, e2 = fs.write_atomic(dir .. "/no/such/folder", "x")
    assert.equal("notfound", e2.code)
    assert(fs.mkdirp(dir .. "/folder/in"))
    local _, e3 = fs.write_atomic(dir .. "/folder", "x") -- a folder is not replaced
    assert.is_true(err.is(e3))
    assert.equal(1, #assert(fs.list(dir)))
    local _, e4 = fs.remove(dir .. "/folder")
    assert.is_true(err.is(e4))
    assert(fs.write_atomic(dir .. "/big", ("x"):rep(101)))
    local _, e5 = fs.read(dir .. "/big", { max = 100 })
    assert.equal("limit", e5.code)
    local _, e6 = fs.mkdirp(dir .. "/big/below")
    assert.is_true(err.is(e6))
  end)

  it("does not follow links while removing", function()
    assert(fs.mkdirp(dir .. "/keep"))
    assert(fs.write_atomic(dir .. "/keep/f", "1"))
    assert(fs.mkdirp(dir .. "/gone"))
    assert(uv.fs_symlink(dir .. "/keep", dir .. "/gone/link"))
    assert(fs.remove(dir .. "/gone", { recursive = true }))
    assert.is_true(fs.exists(dir .. "/keep/f"))
    assert.is_true(fs.remove(dir .. "/never-there"))
  end)

  it("locks against another holder and frees on close", function()
    local path = dir .. "/lock"
    local first = assert(fs.lock(path))
    local again, e = fs.lock(path)
    assert.is_nil(again)
    assert.equal("locked", e.code)
    first:close()
    first:close()
    local second <close> = assert(fs.lock(path))
    assert.truthy(second)
  end)

  it("waits for a lock that comes free, one holder at a time", function()
    local inside, most, done = 0, 0, 0
    local ok, e = async.run(function()
      return async.scope(function(scope)
        for _ = 1, 5 do
          scope:spawn(function()
            local lock <close> = assert(fs.lock(dir .. "/l", { wait = 5000 }))
            assert(lock)
            inside = inside + 1
            most = math.max(most, inside)
            async.sleep(5)
            inside = inside - 1
            done = done + 1
            return true
          end)
        end
        return true
      end)
    end)
    assert.is_true(ok, tostring(e))
    assert.equal(1, most)
    assert.equal(5, done)
  end)

  it("writes to what is no file, and leaves it what it is", function()
    local link = dir .. "/full"
    assert(fs.symlink("/dev/full", link))
    local ok, e = fs.write_atomic(link, "x")
    assert.is_nil(ok)
    assert.truthy(tostring(e):find("no space left", 1, true), tostring(e))
    assert.equal("link", fs.stat(link, { link = true }).type)
    assert.equal("char", fs.stat(link).type)
  end)

  it("changes a file that people write too", function()
    local real, link = dir .. "/real", dir .. "/link"
    assert(fs.write_atomic(real, "one", { mode = 384 }))
    assert(fs.symlink(real, link))
    assert(fs.update(link, function(text)
      return text .. " two"
    end))
    assert.equal("one two", fs.read(real))
    assert.equal("link", fs.stat(link, { link = true }).type)
    assert.equal(384, fs.stat(real).mode)
    local ok, e = fs.update(real, function()
      return err.fail("invalid", "not this")
    end)
    assert.is_nil(ok)
    assert.equal("not this", e.msg)
    assert.equal("one two", fs.read(real))
    assert(fs.update(dir .. "/new", function(text)
      assert.is_nil(text)
      return "new"
    end))
    assert.equal("new", fs.read(dir .. "/new"))
    ok, e = fs.update(dir .. "/absent/new", function()
      return "new"
    end)
    assert.is_nil(ok)
    assert.truthy(tostring(e):find("no such file", 1, true))
    assert.is_false(fs.exists(dir .. "/absent"))
    assert(os.execute("mkfifo '" .. dir .. "/pipe'"))
    for path, what in pairs({ [dir .. "/pipe"] = "fifo", [dir] = "directory" }) do
      ok, e = fs.update(path, error)
      assert.is_nil(ok)
      assert.equal(("cannot change %s: it is a %s, not a file"):format(path, what), e.msg)
      assert.equal(what, fs.stat(path).type)
    end
  end)

  it("loses no change of several that change a file at once", function()
    local path = dir .. "/count"
    assert(fs.write_atomic(path, "0"))
    local ok, e = async.run(function()
      return async.scope(function(scope)
        for _ = 1, 20 do
          scope:spawn(function()
            return assert(fs.update(path, function(text)
              return tostring(tonumber(text) + 1)
            end))
          end)
        end
        return true
      end)
    end)
    assert.is_true(ok, tostring(e))
    assert.equal("20", fs.read(path))
  end)
end)
