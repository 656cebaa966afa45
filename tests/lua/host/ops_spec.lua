local host = require("support.host")
local op = require("prov.host").op
local tmp = require("support.tmp")
local uv = require("luv")

local read = tmp.read

local function mode_of(path)
  return ("%o"):format(uv.fs_lstat(path).mode & 4095)
end

local function list(dir)
  return assert(require("prov.fs").list(dir))
end

-- Runs a recipe in check mode, for real, and once more: what was foreseen happens, once.
local function thrice(shell, ops, changes, opts)
  opts = opts or {}
  local state = tmp.dir() .. "/state"
  local function with(mode)
    return host.apply(ops, { shell = shell, state = state, mode = mode, name = opts.name })
  end
  local foreseen = with("check")
  assert.equal(changes, foreseen.would_change, "check mode foresees the changes")
  local first = with()
  assert.equal(changes, first.changed, "the first run changes")
  local second = with()
  assert.equal(0, second.changed, "the second run changes nothing")
  assert.equal(#ops, second.ok)
  return first, foreseen
end

describe("host ops", function()
  host.each_shell(it, "file: bytes, mode, diff, atomic, idempotent", function(shell)
    local dir = tmp.dir()
    local bytes = "a'b\\c\n\0\1\255$(id)\n"
    local first, foreseen = thrice(shell, {
      op.file { dir .. "/bin", text = bytes, mode = "0600" },
      op.file { dir .. "/new text", text = "one\ntwo" },
      op.file { dir .. "/empty", text = "" },
    }, 3)
    assert.is_true(read(dir .. "/bin") == bytes)
    assert.equal("600", mode_of(dir .. "/bin"))
    assert.equal("644", mode_of(dir .. "/new text"))
    assert.equal("", read(dir .. "/empty"))
    local diff = "--- /dev/null\n+++ %s/new text\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n"
    assert.equal(diff:format(dir),
      foreseen.ops[2].diff)
    assert.equal("absent", first.ops[1].reason)
    assert.equal(3, #list(dir), "no temporary file is left")
  end)

  host.each_shell(it, "file: repairs content, mode, links; keeps what is not asked for", function(shell)
    local dir = tmp.dir()
    tmp.write(dir .. "/f", "old\nsame\n")
    uv.fs_chmod(dir .. "/f", 448)
    local ops = { op.file { dir .. "/f", text = "new\nsame\n", mode = "0640" } }
    local check = host.apply(ops, { shell = shell, mode = "check" })
    assert.equal("old\nsame\n", read(dir .. "/f"), "check mode touches nothing")
    assert.equal(("--- %s/f\n+++ %s/f\n@@ -1,2 +1,2 @@\n-old\n+new\n same"):format(dir, dir), check.ops[1].diff)
    assert.equal("content, mode 700 -> 640", check.ops[1].reason)
    host.apply(ops, { shell = shell })
    assert.equal("new\nsame\n", read(dir .. "/f"))
    assert.equal("640", mode_of(dir .. "/f"))
    tmp.write(dir .. "/target", "mine\n")
    uv.fs_unlink(dir .. "/f")
    uv.fs_symlink(dir .. "/target", dir .. "/f")
    host.apply(ops, { shell = shell })
    assert.equal("file", uv.fs_lstat(dir .. "/f").type)
    assert.equal("mine\n", read(dir .. "/target"), "what the link pointed to is left alone")
    thrice(shell, { op.file { dir .. "/f", absent = true } }, 1)
    assert.is_nil(uv.fs_lstat(dir .. "/f"))
  end)

  host.each_shell(it, "file: a failed validation leaves the old file", function(shell)
    local dir = tmp.dir()
    tmp.write(dir .. "/f", "good\n")
    local ops = { op.file { dir .. "/f", text = "bad\n", validate = "grep -q good %s || { echo not good; false; }" },
      op.exec { "true" } }
    local report = host.run(ops, { shell = shell })
    assert.equal("failed", report.ops[1].status)
    assert.equal("validation failed", report.ops[1].reason)
    assert.equal("not good", report.ops[1].output)
    assert.equal("skipped", report.ops[2].status)
    assert.equal("good\n", read(dir .. "/f"))
    assert.equal(1, #list(dir))
    ops[1].args.text = "good too\n"
    assert.equal(2, host.apply({ op.file { dir .. "/f", text = "good too\n", validate = "grep -q good %s" },
      op.exec { "true" } },
      { shell = shell }).changed)
  end)

  host.each_shell(it, "dir, link: made, repaired, removed", function(shell)
    local dir = tmp.dir()
    thrice(shell, {
      op.dir { dir .. "/a/b c/d", mode = "0750" },
      op.link { dir .. "/l", target = "a/b c" },
      op.link { dir .. "/dangling", target = "no where" },
    }, 3)
    assert.equal("750", mode_of(dir .. "/a/b c/d"))
    assert.equal("a/b c", uv.fs_readlink(dir .. "/l"))
    thrice(shell, { op.link { dir .. "/l", target = "other" } }, 1)
    tmp.write(dir .. "/file", "x")
    assert.equal(1, host.run({ op.link { dir .. "/file", target = "y" } }, { shell = shell }).failed)
    thrice(shell, { op.link { dir .. "/file", target = "y", force = true } }, 1)
    thrice(shell, { op.dir { dir .. "/a", absent = true }, op.link { dir .. "/l", absent = true } }, 2)
    assert.is_nil(uv.fs_lstat(dir .. "/a"))
  end)

  host.each_shell(it, "line: adds, replaces, places, removes", function(shell)
    local dir = tmp.dir()
    local path = tmp.write(dir .. "/f", "#Port 22\nother\nPort 1\nlast") -- no newline at the end
    thrice(shell, { op.line { path, line = "Port 2222", match = "^#?Port " } }, 1)
    assert.equal("#Port 22\nother\nPort 2222\nlast\n", read(path))
    thrice(shell, { op.line { path, line = "it's $HOME \\1 & \"x\"" } }, 1)
    assert.equal("#Port 22\nother\nPort 2222\nlast\nit's $HOME \\1 & \"x\"\n", read(path))
    thrice(shell, { op.line { path, line = "first", before = "^#Port" }, op.line { path, line = "after",
      after = "^other" } }, 2)
    assert.equal("first\n#Port 22\nother\nafter\nPort 2222\nlast\nit's $HOME \\1 & \"x\"\n", read(path))
    thrice(shell, { op.line { path, match = "^(first|after|#)", absent = true }, op.line { path, line = "last",
      absent = true } }, 2)
    assert.equal("other\nPort 2222\nit's $HOME \\1 & \"x\"\n", read(path))
    thrice(shell, { op.line { path, line = "1.0" } }, 1) -- not the number 1
    thrice(shell, { op.line { path, line = "1", match = "^nothing" } }, 1)
    assert.equal(1, host.run({ op.line { dir .. "/none", line = "x" } }, { shell = shell }).failed)
    thrice(shell, { op.line { dir .. "/none", line = "x", create = true } }, 1)
    assert.equal("x\n", read(dir .. "/none"))
  end)

  host.each_shell(it, "block: added, changed, removed; a broken one is not guessed at", function(shell)
    local path = tmp.write(tmp.dir() .. "/f", "top\n")
    thrice(shell, { op.block { path, name = "x", text = "a\n'b'" } }, 1)
    assert.equal("top\n# BEGIN prov x\na\n'b'\n# END prov x\n", read(path))
    tmp.write(path, read(path) .. "bottom\n")
    thrice(shell, { op.block { path, name = "x", text = "c\\n" }, op.block { path, name = "y", text = "" } }, 2)
    assert.equal("top\n# BEGIN prov x\nc\\n\n# END prov x\nbottom\n# BEGIN prov y\n# END prov y\n", read(path))
    thrice(shell, { op.block { path, name = "x", absent = true } }, 1)
    assert.equal("top\nbottom\n# BEGIN prov y\n# END prov y\n", read(path))
    tmp.write(path, "# BEGIN prov x\nprecious\n")
    assert.equal(1, host.run({ op.block { path, name = "x", text = "z" } }, { shell = shell }).failed)
    assert.equal("# BEGIN prov x\nprecious\n", read(path))
  end)

  host.each_shell(it, "line, block: what is read ahead is no reason to overlook anything", function(shell)
    local dir = tmp.dir()
    local function run(...)
      return host.apply({ ... }, { shell = shell })
    end
    -- a line behind what is read ahead, in a name with a colon; one that only begins alike
    local long = ("x"):rep(99) .. "\n"
    tmp.write(dir .. "/lo:ng", long:rep(1000) .. "last: 1")
    assert.equal(0, run(op.line { dir .. "/lo:ng", line = "last: 1" }).changed)
    assert.equal(1, run(op.line { dir .. "/lo:ng", line = "last" }).changed)
    -- two files, the line is in the other one
    tmp.write(dir .. "/a", "one\n")
    tmp.write(dir .. "/b", "two\n")
    local report = run(op.line { dir .. "/a", line = "one" }, op.line { dir .. "/b", line = "one" })
    assert.equal(1, report.changed)
    assert.equal("two\none\n", read(dir .. "/b"))
    -- removed by a command before it in the same run
    report = run(op.exec { "printf 'zero\\n' > " .. dir .. "/a" }, op.line { dir .. "/a", line = "one" })
    assert.equal(2, report.changed)
    assert.equal("zero\none\n", read(dir .. "/a"))
    -- a second block of the name goes, also right behind the first
    local block = "# BEGIN prov b\ntext\n# END prov b\n"
    for _, between in ipairs({ "", "between\n" }) do
      tmp.write(dir .. "/blocks", "top\n" .. block .. between .. block)
      assert.equal(1, run(op.block { dir .. "/blocks", name = "b", text = "text\n" }).changed)
      assert.equal("top\n" .. block .. between, read(dir .. "/blocks"))
      assert.equal(0, run(op.block { dir .. "/blocks", name = "b", text = "text\n" }).changed)
    end
  end)

  host.each_shell(it, "file: in a folder that gives its group, one that is asked for is kept to", function(shell)
    if uv.getuid() ~= 0 then
      return pending("needs root: files are given away")
    end
    local dir = tmp.dir()
    assert(uv.fs_mkdir(dir .. "/g", 511))
    assert(uv.fs_chown(dir .. "/g", 0, 12345))
    assert(uv.fs_chmod(dir .. "/g", 1535)) -- 2777
    thrice(shell, {
      op.file { dir .. "/g/root", text = "x", group = "root", mode = "0640" },
      op.file { dir .. "/g/any", text = "x" },
    }, 2)
    assert.equal(0, uv.fs_stat(dir .. "/g/root").gid)
    assert.equal(12345, uv.fs_stat(dir .. "/g/any").gid)
    assert.equal("640", mode_of(dir .. "/g/root"))
    assert.equal("644", mode_of(dir .. "/g/any"))
  end)

  it("pkg: dpkg's status file says the same as dpkg-query", function()
    if not uv.fs_stat("/var/lib/dpkg/status") then
      return
    end
    local script = tmp.dir() .. "/packages"
    tmp.write(script, require("prov.host.shell").PACKAGES .. [[
set -f
status='${db:Status-Status}'
want=$(dpkg-query -W -f "$status "'${Package} ${Version}\n'"$status "'${Package}:${Architecture} ${Version}\n' |
  sed -n 's/^installed //p' | sort)
got=$(packages_apt $(dpkg-query -W -f '${Package} ') none | sort)
[ "$want" = "$got" ] && [ "$(packages_apt dpkg | wc -l)" = 2 ] && [ -z "$(packages_apt none)" ]
]])
    assert.is_true((os.execute("sh " .. script)))
  end)

  host.each_shell(it, "exec: guards, env, stdin, output, failure", function(shell)
    local dir = tmp.dir()
    thrice(shell, {
      op.exec { "printf '%s' \"$V\" > out; cat > in", cwd = dir, env = { V = "it's\n$x" }, stdin = "a'b\n",
        creates = dir .. "/in" },
      op.exec { "echo x >> " .. dir .. "/count", unless = "test -e " .. dir .. "/count" },
      op.exec { "rm " .. dir .. "/gone", onlyif = "test -e " .. dir .. "/gone" },
      op.exec { "true", changes = false },
    }, 2)
    assert.equal("it's\n$x", read(dir .. "/out"))
    assert.equal("a'b\n", read(dir .. "/in"))
    assert.equal("x\n", read(dir .. "/count"))
    local report = host.run({
      op.exec { "echo out; echo err >&2; printf 'a\\0b'; exit 3" }, op.exec { "echo no > " .. dir .. "/no" },
    }, { shell = shell })
    assert.equal("exit code 3", report.ops[1].reason)
    assert.equal("out\nerr\nab", report.ops[1].output)
    assert.equal("skipped", report.ops[2].status)
    assert.is_nil(uv.fs_lstat(dir .. "/no"))
    for _, text in ipairs({ "exit 5", "fi; }; echo", "'", "cd /nonexistent || exit 6", "exec false",
      "set -e; false; true" }) do
      report = host.run({ op.exec { text }, op.exec { "true" } }, { shell = shell })
      assert.equal(1, report.failed, text)
      assert.equal(1, report.skipped, text)
    end
  end)

  host.each_shell(it, "wait: path, command, port; fails after the timeout", function(shell)
    local dir = tmp.dir()
    local server = uv.new_tcp()
    server:bind("127.0.0.1", 0)
    server:listen(8, function()
      local client = uv.new_tcp()
      server:accept(client)
      client:close()
    end)
    local port = server:getsockname().port
    local ok, raised = pcall(function()
      host.apply({ op.wait { path = dir }, op.wait { command = "echo yes", contains = "yes" }, op.port { port } },
        { shell = shell })
      local report = host.run({ op.wait { command = "echo broken; false", timeout = 1 } }, { shell = shell })
      assert.equal("exit code 1 (waited 1 s)", report.ops[1].reason)
      assert.equal("broken", report.ops[1].output)
      assert.equal(1, host.run({ op.wait { path = dir .. "/x", timeout = 0 } }, { shell = shell,
        mode = "check" }).would_change)
    end)
    server:close()
    assert(ok, raised)
  end)

  host.each_shell(it, "service: a reload is done when the old processes listen no more, else it failed", function(shell)
    local dir = tmp.dir()
    local server = uv.new_tcp()
    server:bind("127.0.0.1", 0)
    server:listen(8, function() end)
    local port = server:getsockname().port
    -- A systemd that pretends: the unit is this very process, which goes on listening.
    local function run(body)
      tmp.write(dir .. "/clock", "0\n")
      tmp.write(dir .. "/script", table.concat({
        "set -f; Systemd=1 Mode=apply", require("prov.host.ops.service").sh, require("prov.host.ops.wait").sh,
        "systemctl() { echo \"$*\" >> calls; [ \"$4\" != -- ] || [ \"$2\" != -p ] || echo 1; }",
        "sleep() { :; }", ("unit_pids() { Lp='1 %d'; }"):format(uv.os_getpid()),
        "date() { T=$(cat clock); echo $((T + 15)) > clock; echo $T; }", body,
      }, "\n"))
      return (os.execute(("cd '%s' && rm -f calls out && %s script > out 2>&1"):format(dir, shell))),
        tmp.read(dir .. "/out")
    end
    local ok, raised = pcall(function()
      assert.is_true(run(("wait_port '' %d %04X x"):format(port, port)))
      assert.is_true(run(("listening; pid_listens %d %04X"):format(uv.os_getpid(), port)))
      assert.falsy((run(("listening; pid_listens $$ %04X"):format(port))))
      local _, out = run(("unit_pids() { Lp=$$; }; wait_port '' %d %04X x; echo \"$Why\""):format(port, port))
      assert.equal(("another program listens on port %d, not x\n"):format(port), out)
      tmp.write(dir .. "/log", "old line\n")
      local done
      done, out = run("systemctl() { echo 'bind failed' >> log; }; service_do reload x '' 1 log")
      assert.falsy(done)
      assert.equal("its old processes go on as before: it cannot use the new configuration\nbind failed\n", out)
      assert.is_true((run("unit_pids() { Lp=$$; }; service_do reload x '' 1 ''")))
      assert.truthy(tmp.read(dir .. "/calls"):find("reload-or-restart -- x", 1, true))
    end)
    server:close()
    assert(ok, raised)
    assert.is_false((pcall(op.port, { 80, "other.host", service = "x" })))
  end)

  host.each_shell(it, "archive: unpacked once, digest checked, another digest unpacks again", function(shell)
    local dir = tmp.dir()
    local function pack(text)
      tmp.write(dir .. "/src/top/x y", text)
      assert(os.execute(("cd '%s/src' && tar -czf ../a.tgz top"):format(dir)))
      return require("core.crypto").sha256(read(dir .. "/a.tgz"))
    end
    local digest = pack("one")
    local function ops(sha)
      return { op.archive { dir .. "/out", source = dir .. "/a.tgz", sha256 = sha, strip = 1,
        creates = dir .. "/out/x y" } }
    end
    thrice(shell, ops(digest), 1)
    assert.equal("one", read(dir .. "/out/x y"))
    local state = tmp.dir()
    assert.equal(1, host.run(ops(("0"):rep(64)), { shell = shell, state = state }).failed)
    digest = pack("two")
    assert.equal(1, host.apply(ops(digest), { shell = shell, state = state }).changed)
    assert.equal("two", read(dir .. "/out/x y"))
  end)

  host.each_shell(it, "hostile names and contents do what they say and nothing else", function(shell)
    local dir = tmp.dir()
    local state = 42
    local function random(low, high)
      if not high then
        low, high = 1, low
      end
      state = (state * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
      return low + (state >> 20) % (high - low + 1)
    end
    local ops, expected = {}, {}
    for i = 1, 60 do
      local name = dir .. "/" .. i .. host.hostile(random, 20, true):gsub("[/\n]", "_")
      expected[name] = host.hostile(random, 100, false)
      ops[#ops + 1] = op.file { name, text = expected[name] }
      ops[#ops + 1] = op.line { name .. ".l", line = "l" .. host.hostile(random, 30, true):gsub("\n", "_"),
        create = true }
    end
    thrice(shell, ops, 120)
    for name, bytes in pairs(expected) do
      assert.is_true(read(name) == bytes, name)
    end
    for i = 2, #ops, 2 do
      assert.is_true(read(ops[i].args.path) == ops[i].args.line .. "\n", ops[i].args.line)
    end
    assert.equal(120, #list(dir))
  end)
end)
