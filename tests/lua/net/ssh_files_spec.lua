local async = require("prov.async")
local net = require("core.net")
local relay = require("support.relay")
local run = require("support.async").run
local ssh = require("prov.ssh")
local sshd = require("support.sshd")
local tmp = require("support.tmp")
local uv = require("luv")

if not sshd.available() then
  return pending("needs root and /usr/sbin/sshd")
end

local function fails(code, value, e)
  assert.is_nil(value)
  assert.are.equal(code, e and e.code)
  return e:text()
end

local function list(dir)
  local names = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(dir)) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- What is open, as "number target".
local function descriptors()
  local open = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir("/proc/self/fd")) do
    local target = uv.fs_readlink("/proc/self/fd/" .. name)
    open[#open + 1] = target and name .. " " .. target -- nothing: the one that read the folder
  end
  table.sort(open)
  return open
end

local function shell_ok(command)
  assert(os.execute(command))
end

describe("ssh files", function()
  local server, session, dir

  before_each(function()
    run(function()
      server = sshd.start()
      session = assert(ssh.connect(server:target()))
    end)
    dir = tmp.dir()
  end)

  after_each(function()
    run(function()
      session:close()
      server:stop()
    end)
  end)

  it("uploads bytes and files with a mode, also over what is there", function()
    run(function()
      local path = dir .. "/it's a file"
      assert(session:upload("one\0two", path))
      assert.are.equal("one\0two", tmp.read(path))
      assert.are.equal(tonumber("644", 8), uv.fs_stat(path).mode % 512)
      assert(session:upload("", path, { mode = "0600" }))
      assert.are.equal("", tmp.read(path))
      assert.are.equal(tonumber("600", 8), uv.fs_stat(path).mode % 512)
      local big = tmp.write(dir .. "/big", ("0123456789"):rep(3000000))
      assert(session:upload({ path = big }, path, { mode = tonumber("755", 8) }))
      assert.are.equal(net.sha256(tmp.read(big)), net.sha256(tmp.read(path)))
      assert.are.equal(tonumber("755", 8), uv.fs_stat(path).mode % 512)
      assert.are.same({ "big", "it's a file" }, list(dir))
    end)
  end)

  it("refuses what cannot be uploaded and leaves nothing behind", function()
    run(function()
      fails("notfound", session:upload("x", "/nonexistent/file"))
      fails("notfound", session:upload({ path = "/nonexistent/file" }, dir .. "/x"))
      uv.fs_mkdir(dir .. "/folder", 448)
      tmp.write(dir .. "/folder/in", "x")
      local got = session:upload("x", dir .. "/folder/in/below")
      assert.is_nil(got)
      assert.are.same({ "folder" }, list(dir))
    end)
  end)

  it("reports a full disk on the far side, keeping the old file", function()
    run(function()
      assert.are.equal(0, assert(session:exec("mount -t tmpfs -o size=1m none " .. dir)).code)
      assert(session:upload("old", dir .. "/file"))
      fails("limit", session:upload(("x"):rep(3000000), dir .. "/file"))
      assert.are.equal("old", assert(session:download(dir .. "/file")))
      assert.are.equal("file\n", assert(session:exec("ls -A " .. dir)).stdout)
      assert(session:upload(("x"):rep(500000), dir .. "/file"))
      assert.are.equal(500000, #assert(session:download(dir .. "/file")))
    end)
  end)

  it("removes the half file of a cancelled upload", function()
    run(function()
      local slow <close> = relay.start(server.port, { rate = 2000000 })
      local other = assert(ssh.connect(server:target({ port = slow.port })))
      local task = async.spawn(function()
        return other:upload(("x"):rep(20000000), dir .. "/file")
      end)
      local function comes_to(count)
        for _ = 1, 100 do
          if #list(dir) == count then
            break
          end
          async.sleep(50)
        end
        assert.are.equal(count, #list(dir))
      end
      comes_to(1)
      task:cancel()
      fails("canceled", task:join())
      comes_to(0)
      other:close()
    end)
  end)

  it("downloads to memory and into files", function()
    run(function()
      local bytes = ("\0\1\2\255abc"):rep(500000)
      local path = tmp.write(dir .. "/far", bytes)
      assert.is_true(assert(session:download(path)) == bytes)
      assert(session:download(path, { path = dir .. "/near" }))
      assert.is_true(tmp.read(dir .. "/near") == bytes)
      assert.are.equal(tonumber("600", 8), uv.fs_stat(dir .. "/near").mode % 512)
      fails("limit", session:download(path, { max = 1000 }))
      fails("limit", session:download(path, { max = 1000, path = dir .. "/never" }))
      fails("notfound", session:download(dir .. "/none"))
      fails("notfound", session:download(path, { path = "/nonexistent/near" }))
      assert.are.same({ "far", "near" }, list(dir))
    end)
  end)

  it("keeps one shell for many commands", function()
    run(function()
      local shell <close> = session:shell()
      local r = assert(shell:run("echo out; echo err >&2; exit 3"))
      assert.are.same({ code = 3, stdout = "out\n", stderr = "err\n" }, r)
      assert.are.same({ code = 0, stdout = "no newline", stderr = "" }, assert(shell:run("printf 'no newline'")))
      assert.are.same({ code = 0, stdout = "", stderr = "" }, assert(shell:run("x=1; cd /")))
      assert.are.equal("", assert(shell:run("printf %s \"$x\"")).stdout)
      assert.are.equal(0, assert(shell:run("cat")).code) -- no standard input
      assert.are_not.equal(0, assert(shell:run("if then")).code) -- a syntax error does not end the shell
      assert.are.equal("it's\n", assert(shell:run("echo \"it's\"")).stdout)
      assert.are.equal(5000000, #assert(shell:run("head -c 5000000 /dev/zero")).stdout)
      fails("limit", shell:run("yes", { max_output = 100000 }))
      fails("timeout", shell:run("sleep 50", { timeout = 100 }))
      local task = async.spawn(function()
        shell:run("sleep 50")
      end)
      async.sleep(50)
      task:cancel()
      task:join()
      local seen = {}
      assert(async.scope(function(scope)
        for i = 1, 20 do
          scope:spawn(function()
            local text = assert(shell:run("echo " .. i)).stdout
            seen[#seen + 1] = text
            return true
          end)
        end
        return true
      end))
      assert.are.equal(20, #seen)
      fails("closed", shell:run("kill -9 $$; sleep 1"))
      assert.are.equal("again\n", assert(shell:run("echo again")).stdout)
    end)
  end)

  it("connects through jump hosts", function()
    run(function()
      local second <close> = sshd.start({ config = "AllowTcpForwarding yes" })
      local inner = assert(ssh.connect(second:target({ jump = session })))
      assert.are.equal(second.port .. "\n", assert(inner:exec("echo ${SSH_CONNECTION##* }")).stdout)
      local bytes = ("0123456789abcdef"):rep(1 << 19)
      assert(inner:upload(bytes, dir .. "/through"))
      assert.is_true(assert(inner:download(dir .. "/through")) == bytes)
      local third = assert(ssh.connect(server:target({ jump = inner })))
      assert.are.equal("deep\n", assert(third:exec("echo deep")).stdout)
      third:close()
      local text = fails("unavailable", ssh.connect({
        host = "127.0.0.1",
        port = sshd.free_port(),
        jump = session,
        host_key = second.host_key,
        keys = { second.user_key.private },
      }))
      assert.matches("through the jump host", text)
      local task = async.spawn(function()
        return inner:exec("sleep 60")
      end)
      async.sleep(100)
      session:close()
      fails("unavailable", task:join())
      inner:close()
      fails("closed", ssh.connect(second:target({ jump = session })))
    end)
  end)

  it("works over a slow network", function()
    run(function()
      local slow <close> = relay.start(server.port, { rate = 500000, delay = 25 })
      local other = assert(ssh.connect(server:target({ port = slow.port })))
      local bytes = ("0123456789"):rep(100000)
      assert(other:upload(bytes, dir .. "/slow"))
      assert.is_true(assert(other:download(dir .. "/slow")) == bytes)
      other:close()
    end)
  end)

  it("gives up on a peer that falls silent, while the loop goes on", function()
    run(function()
      local link <close> = relay.start(server.port)
      local other = assert(ssh.connect(server:target({ port = link.port, keepalive = 1 })))
      assert.are.equal("ok\n", assert(other:exec("echo ok")).stdout)
      link:stall()
      local longest, last, timer = 0, uv.hrtime(), uv.new_timer()
      timer:start(10, 10, function()
        longest, last = math.max(longest, (uv.hrtime() - last) / 1e6), uv.hrtime()
      end)
      -- More than all buffers hold: a blocking write would stop here.
      local text = fails("unavailable", other:exec("cat > /dev/null", { stdin = ("x"):rep(50000000) }))
      timer:close()
      assert.matches("no answer for", text)
      -- Stopped for good is what is feared; a busy machine may hold it up for a second.
      assert.is_true(longest < 3000, "the loop stood still for " .. longest .. " ms")
      assert.is_true(other:closed())
      other:close()
    end)
  end)

  it("gives up on a peer that accepts and never answers", function()
    run(function()
      local silent <close> = relay.start()
      local started = uv.hrtime()
      local text = fails("timeout", ssh.connect(server:target({ port = silent.port, timeout = 300 })))
      assert.matches("handshake", text)
      -- After its own 300 ms, not the 30 s of those who ask for nothing; a busy machine is late.
      local took = (uv.hrtime() - started) / 1e6
      assert.is_true(took >= 300 and took < 15000, took .. " ms")
      local task = async.spawn(function()
        return ssh.connect(server:target({ port = silent.port }))
      end)
      async.sleep(50)
      task:cancel()
      fails("canceled", task:join())
      fails("unavailable", ssh.connect(server:target({ port = sshd.free_port() })))
      fails("notfound", ssh.connect(server:target({ host = "no-such-host.invalid" })))
      fails("invalid", ssh.connect(server:target({ port = 70000 })))
    end)
  end)
end)

describe("ssh in quantity", function()
  it("holds 60 sessions at once without leaking descriptors", function()
    run(function()
      local server <close> = sshd.start()
      assert(ssh.connect(server:target())):close()
      async.sleep(50)
      local before = descriptors()
      local sessions = {}
      assert(async.scope(function(scope)
        for _ = 1, 60 do
          scope:spawn(function()
            local session = assert(ssh.connect(server:target({ timeout = 60000 })))
            sessions[#sessions + 1] = session
            assert.are.equal("hi\n", assert(session:exec("echo hi")).stdout)
            return true
          end)
        end
        return true
      end))
      assert.are.equal(60, #sessions)
      assert.is_true(#descriptors() >= #before + 60)
      for _, session in ipairs(sessions) do
        session:close()
      end
      for _ = 1, 100 do -- a loaded machine needs a while to say goodbye to all
        if #descriptors() <= #before then
          break
        end
        async.sleep(50)
      end
      assert.are.same(before, descriptors())
    end)
  end)

  it("closes what is collected", function()
    run(function()
      local server <close> = sshd.start()
      local before = descriptors()
      for _ = 1, 5 do
        assert(ssh.connect(server:target()))
      end
      assert.is_true(#descriptors() >= #before + 1)
      collectgarbage()
      collectgarbage()
      async.sleep(50)
      assert.are.same(before, descriptors())
    end)
  end)
end)

describe("ssh in a network namespace", function()
  it("reaches a server that only exists there", function()
    local name = "prov-test-" .. uv.os_getpid()
    shell_ok("ip netns add " .. name .. " && ip -n " .. name .. " link set lo up")
    local ok, raised = pcall(run, function()
      local server <close> = sshd.start()
      -- The same port inside, carried to the server by a relay that listens there.
      local path = "/run/netns/" .. name
      local text = fails("unavailable", ssh.connect(server:target({ netns = path })))
      assert.matches("refused", text)
      fails("notfound", ssh.connect(server:target({ netns = "/run/netns/none-such" })))
      fails("invalid", ssh.connect(server:target({ netns = "/etc/passwd" })))
      local inside = sshd.start({ netns = name })
      local session = assert(ssh.connect(inside:target({ netns = path })))
      local home = uv.fs_readlink("/proc/self/ns/net")
      assert.are_not.equal(home .. "\n", assert(session:exec("readlink /proc/self/ns/net")).stdout)
      assert.are.equal(home, uv.fs_readlink("/proc/thread-self/ns/net"))
      fails("unavailable", ssh.connect(inside:target()))
      session:close()
      inside:stop()
    end)
    shell_ok("ip netns del " .. name)
    assert(ok, raised)
  end)
end)
