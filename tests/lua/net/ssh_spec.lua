local async = require("prov.async")
local run = require("support.async").run
local ssh = require("prov.ssh")
local sshd = require("support.sshd")
local tmp = require("support.tmp")
local uv = require("luv")

if not sshd.available() then
  return pending("needs root and /usr/sbin/sshd")
end

local function with_session(options, fn)
  run(sshd.with_session, options, fn)
end

local function fails(code, value, e)
  assert.is_nil(value)
  assert.are.equal(code, e and e.code)
  return e:text()
end

describe("ssh", function()
  it("runs a command and keeps its streams and code apart", function()
    with_session(nil, function(session)
      local r = assert(session:exec("echo out; echo err >&2; exit 3"))
      assert.are.same({ code = 3, stdout = "out\n", stderr = "err\n" }, r)
      r = assert(session:exec("kill -KILL $$"))
      assert.are.same({ signal = "KILL", stdout = "", stderr = "" }, r)
      assert.are.equal(0, assert(session:exec("")).code)
    end)
  end)

  it("compresses when it is asked to", function()
    with_session(nil, function(_, server)
      local session = assert(ssh.connect(server:target({ compress = true })))
      local text = ("all the same "):rep(100000)
      assert.is_true(assert(session:exec("cat", { stdin = text })).stdout == text)
      session:close()
    end)
  end)

  it("feeds a large script to standard input and passes binary through unchanged", function()
    with_session(nil, function(session)
      local script = { "n=0" }
      for _ = 1, 20000 do
        script[#script + 1] = "n=$((n+1)) # padding padding padding padding padding padding"
      end
      script[#script + 1] = "echo $n"
      local r = assert(session:exec("sh -s", { stdin = table.concat(script, "\n") .. "\n" }))
      assert.are.equal("20000\n", r.stdout)
      local all = {}
      for byte = 0, 255 do
        all[#all + 1] = string.char(byte)
      end
      local bytes = table.concat(all):rep(1000)
      assert.is_true(assert(session:exec("cat", { stdin = bytes })).stdout == bytes)
    end)
  end)

  it("hands output on piece by piece", function()
    with_session(nil, function(session)
      local size, errors = 0, {}
      local r = assert(session:exec("head -c 100000000 /dev/zero; echo done >&2", {
        on_stdout = function(bytes)
          size = size + #bytes
        end,
        on_stderr = function(bytes)
          errors[#errors + 1] = bytes
        end,
      }))
      assert.are.equal(100000000, size)
      assert.are.equal("done\n", table.concat(errors))
      assert.are.equal("", r.stdout)
    end)
  end)

  it("stops a command that prints more than its cap", function()
    with_session(nil, function(session)
      fails("limit", session:exec("yes", { max_output = 1000000 }))
      fails("limit", session:exec("yes", { max_output = 1000000, on_stdout = function() end }))
      assert.are.equal("ok\n", assert(session:exec("echo ok")).stdout)
    end)
  end)

  it("ends a command that takes too long, with everything it started", function()
    with_session(nil, function(session)
      local text = fails("timeout", session:exec("sleep 1234; echo never", { timeout = 200 }))
      assert.matches("not finished after 0.2 s", text)
      local list = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done 2>/dev/null | grep '^sleep 1234'"
      local left
      for _ = 1, 40 do
        left = assert(session:exec(list)).stdout
        if left == "" then
          break
        end
        async.sleep(50)
      end
      assert.are.equal("", left)
    end)
  end)

  it("gives the channel back when its task is cancelled", function()
    with_session(nil, function(session)
      for _ = 1, 20 do
        local task = async.spawn(function()
          session:exec("sleep 1235")
        end)
        async.sleep(10)
        task:cancel()
        task:join()
      end
      local channels
      for _ = 1, 100 do
        channels = session.handle:channels()
        if channels == 0 then
          break
        end
        async.sleep(50)
      end
      assert.are.equal(0, channels)
      assert.are.equal("ok\n", assert(session:exec("echo ok")).stdout)
    end)
  end)

  it("runs 100 commands at once on one connection", function()
    with_session({ config = "MaxSessions 100" }, function(session)
      local seen = 0
      assert(async.scope(function(scope)
        for i = 1, 100 do
          scope:spawn(function()
            local r = assert(session:exec("sleep 0.1; echo " .. i))
            assert.are.equal(i .. "\n", r.stdout)
            seen = seen + 1
          end)
        end
        return true
      end))
      assert.are.equal(100, seen)
    end)
  end)

  it("waits for a place when the server allows fewer channels", function()
    with_session({ config = "MaxSessions 3" }, function(session)
      local seen = 0
      assert(async.scope(function(scope)
        for i = 1, 30 do
          scope:spawn(function()
            assert.are.equal(i .. "\n", assert(session:exec("sleep 0.02; echo " .. i)).stdout)
            seen = seen + 1
          end)
        end
        return true
      end))
      assert.are.equal(30, seen)
    end)
  end)

  it("reports a server that dies in the middle of a command", function()
    with_session(nil, function(session, server)
      local task = async.spawn(function()
        return session:exec("sleep 60")
      end)
      async.sleep(100)
      server:kill()
      local text = fails("unavailable", task:join())
      assert.matches("connection lost", text)
      assert.is_true(session:closed())
      fails("closed", session:exec("true"))
    end)
  end)

  it("survives rekeying in both directions", function()
    with_session({ config = "RekeyLimit 1M" }, function(session)
      local bytes = ("0123456789abcdef"):rep(1 << 20)
      assert(session:upload(bytes, "/dev/shm/prov-rekey"))
      assert.is_true(assert(session:download("/dev/shm/prov-rekey")) == bytes)
      assert(session:exec("rm /dev/shm/prov-rekey"))
    end)
  end)

  it("may be closed from a callback and twice", function()
    with_session(nil, function(session)
      local got, e = session:exec("yes", {
        on_stdout = function()
          session:close()
        end,
      })
      fails("closed", got, e)
      session:close()
    end)
  end)
end)

describe("ssh host keys", function()
  local function refused(with, wanted, options)
    run(function()
      local server = sshd.start(options)
      local target = server:target()
      for key, value in pairs(with(server)) do
        target[key] = value
      end
      target.host_key = target.host_key or nil
      local session, e = ssh.connect(target)
      server:stop()
      if wanted then
        local text = fails("auth", session, e)
        for _, part in ipairs(wanted) do
          assert.is_truthy(text:find(part, 1, true), text)
        end
      else
        assert.is_truthy(session, e and e:text())
        session:close()
      end
    end)
  end

  local function known(line)
    return tmp.write(tmp.dir() .. "/known_hosts", line .. "\n")
  end

  it("refuses another key than the pinned one and says what to do", function()
    refused(function()
      return { host_key = assert(ssh.keygen()).public }
    end, { "is not the pinned one", "record its new key" })
  end)

  it("accepts the pinned key among several of the server's", function()
    for _, kind in ipairs({ "ed25519", "ecdsa", "rsa" }) do
      refused(function(server)
        return { host_key = server.host_keys[kind] }
      end, nil, { host_keys = { "ed25519", "ecdsa", "rsa" } })
    end
  end)

  it("refuses a host missing from known_hosts", function()
    refused(function()
      return { host_key = false, known_hosts = tmp.dir() .. "/none" }
    end, { "is not in", "SHA256:" })
  end)

  it("adds a missing host without strict checking, and refuses it when it changed later", function()
    local path = tmp.dir() .. "/known_hosts"
    refused(function()
      return { host_key = false, known_hosts = path, strict = false }
    end)
    assert.matches("^%[127%.0%.0%.1%]:%d+ ssh%-ed25519 AAAA", tmp.read(path))
    refused(function(server)
      local line = ("[127.0.0.1]:%d %s"):format(server.port, ssh.keygen().public)
      return { host_key = false, known_hosts = known(line), strict = false }
    end, { "differs from", "line 1", "remove that line" })
  end)

  it("accepts a known host, also by pattern and by hash", function()
    refused(function(server)
      return { host_key = false, known_hosts = known("# comment\n\n[127.0.0.?]:* " .. server.host_key) }
    end)
    refused(function(server)
      local path = known(("[127.0.0.1]:%d %s"):format(server.port, server.host_key))
      assert(os.execute("ssh-keygen -H -f " .. path .. " >/dev/null 2>&1"))
      assert.matches("^|1|", tmp.read(path))
      return { host_key = false, known_hosts = path }
    end)
  end)

  it("asks for the kind of key it knows", function()
    refused(function(server)
      local line = ("[127.0.0.1]:%d %s"):format(server.port, server.host_keys.rsa)
      return { host_key = false, known_hosts = known(line) }
    end, nil, { host_keys = { "ed25519", "rsa" } })
  end)

  it("refuses a revoked key and a negated name", function()
    refused(function(server)
      local line = ("[127.0.0.1]:%d %s"):format(server.port, server.host_key)
      return { host_key = false, known_hosts = known(line .. "\n@revoked * " .. server.host_key) }
    end, { "is revoked" })
    refused(function(server)
      return { host_key = false, known_hosts = known("*,![127.0.0.1]:* " .. server.host_key) }
    end, { "is not in" })
  end)
end)

describe("ssh keys", function()
  it("logs in with every type of key, as text and as a file", function()
    run(function()
      local server <close> = sshd.start()
      local dir = tmp.dir()
      for _, kind in ipairs({ "ed25519", "ecdsa", "rsa" }) do
        local pair = assert(ssh.keygen(kind, "test " .. kind))
        server:allow(pair.public)
        local path = tmp.write(dir .. "/" .. kind, pair.private)
        for _, key in ipairs({ pair.private, path }) do
          local session = assert(ssh.connect(server:target({ keys = { key } })))
          assert.are.equal("hi\n", assert(session:exec("echo hi")).stdout)
          session:close()
        end
      end
    end)
  end)

  it("makes keys that OpenSSH reads, and knows their fingerprints", function()
    local dir = tmp.dir()
    for _, kind in ipairs({ "ed25519", "ecdsa", "rsa" }) do
      local pair = assert(ssh.keygen(kind, "me@here"))
      local path = tmp.write(dir .. "/" .. kind, pair.private)
      uv.fs_chmod(path, tonumber("600", 8))
      local pipe = io.popen("ssh-keygen -y -f " .. path .. " && ssh-keygen -lf " .. path)
      local text = pipe:read("a")
      pipe:close()
      assert.is_truthy(text:find(pair.public:match("^(%S+ %S+)"), 1, true), text)
      assert.is_truthy(text:find(pair.fingerprint, 1, true), text)
      assert.are.equal(pair.fingerprint, ssh.fingerprint(pair.public))
      assert.matches(" me@here$", pair.public)
    end
    fails("invalid", ssh.keygen("dsa"))
    fails("invalid", ssh.keygen("ed25519", "two\nlines"))
    fails("invalid", ssh.fingerprint("ssh-ed25519 nonsense"))
  end)

  it("reads keys made by OpenSSH", function()
    run(function()
      local server <close> = sshd.start()
      local dir = tmp.dir()
      for _, kind in ipairs({ "ed25519", "ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048", "rsa -m PEM" }) do
        local path = dir .. "/" .. kind:gsub("%W", "")
        assert(os.execute(("ssh-keygen -q -t %s -N '' -f %s </dev/null >/dev/null"):format(kind, path)))
        server:allow(tmp.read(path .. ".pub"):gsub("%s+$", ""))
        local session = assert(ssh.connect(server:target({ keys = { path } })))
        session:close()
      end
    end)
  end)

  it("tries one key after the other and tells when none fits", function()
    run(function()
      local server <close> = sshd.start()
      local other = assert(ssh.keygen())
      local session = assert(ssh.connect(server:target({ keys = { other.private, server.user_key.private } })))
      session:close()
      local text = fails("auth", ssh.connect(server:target({ keys = { other.private } })))
      assert.matches("accepts none of the 1 keys for user 'root'", text)
      fails("auth", ssh.connect(server:target({ keys = {} })))
      fails("notfound", ssh.connect(server:target({ keys = { "/nonexistent/key" } })))
      fails("invalid", ssh.connect(server:target({ keys = { "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n" } })))
      fails("invalid", ssh.connect(server:target({ host_key = "nonsense" })))
    end)
  end)

  it("refuses a key locked with a passphrase at once", function()
    run(function()
      local path = tmp.dir() .. "/locked"
      assert(os.execute("ssh-keygen -q -t ed25519 -N secret -f " .. path))
      local text = fails("invalid", ssh.connect({ host = "127.0.0.1", port = 1, keys = { path } }))
      assert.matches("passphrase", text)
    end)
  end)

  it("logs in with a certificate and not without it", function()
    run(function()
      local dir = tmp.dir()
      assert(os.execute(("ssh-keygen -q -t ed25519 -N '' -f %s/ca"):format(dir)))
      local server <close> = sshd.start({ config = "TrustedUserCAKeys " .. dir .. "/ca.pub" })
      for _, kind in ipairs({ "ed25519", "ecdsa", "rsa" }) do
        local pair = assert(ssh.keygen(kind))
        local path = tmp.write(dir .. "/" .. kind, pair.private)
        tmp.write(path .. ".pub", pair.public .. "\n")
        assert(os.execute(("ssh-keygen -q -s %s/ca -I test -n root %s.pub"):format(dir, path)))
        local cert = path .. "-cert.pub"
        fails("auth", ssh.connect(server:target({ keys = { pair.private } })))
        for _, value in ipairs({ cert, tmp.read(cert) }) do
          local session = assert(ssh.connect(server:target({ keys = { pair.private }, cert = value })))
          session:close()
        end
        fails("invalid", ssh.connect(server:target({ cert = cert })))
      end
    end)
  end)

  it("logs in with an agent, and gives up on one that does not answer", function()
    run(function()
      local server <close> = sshd.start()
      local dir = tmp.dir()
      local key = tmp.write(dir .. "/key", server.user_key.private)
      uv.fs_chmod(key, tonumber("600", 8))
      local socket = dir .. "/agent"
      local ended
      local agent = assert(uv.spawn("ssh-agent", { args = { "-D", "-a", socket } }, function()
        ended = true
      end))
      repeat
        async.sleep(20)
      until uv.fs_stat(socket)
      local text = fails("auth", ssh.connect(server:target({ keys = {}, agent = socket })))
      assert.matches("agent", text)
      assert(os.execute(("SSH_AUTH_SOCK=%s ssh-add -q %s 2>/dev/null"):format(socket, key)))
      local session = assert(ssh.connect(server:target({ keys = {}, agent = socket })))
      assert.are.equal("hi\n", assert(session:exec("echo hi")).stdout)
      session:close()
      agent:kill("sigstop")
      local late = uv.hrtime()
      local ticks, timer = 0, uv.new_timer()
      timer:start(10, 10, function()
        ticks = ticks + 1
      end)
      fails("timeout", ssh.connect(server:target({ keys = {}, agent = socket, timeout = 500 })))
      timer:close()
      assert.is_true((uv.hrtime() - late) / 1e6 < 2000)
      assert.is_true(ticks > 20, "the loop stood still")
      agent:kill("sigkill")
      repeat
        async.sleep(10)
      until ended
      agent:close()
      fails("unavailable", ssh.connect(server:target({ keys = {}, agent = socket })))
    end)
  end)
end)
