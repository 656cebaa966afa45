local async = require("prov.async")
local engine = require("prov.host")
local host = require("support.host")
local op = engine.op
local process = require("prov.host.process")
local tmp = require("support.tmp")
local uv = require("luv")
local value = require("prov.value")

-- A recipe whose restart is an exec that counts.
local function with_restart(dir, text, broken)
  return {
    op.file { dir .. "/conf", text = text, notify = "restart" },
    op.exec { broken and "exit 1" or "true", changes = false },
    op.exec { ("echo x >> %s/restarts"):format(dir), on = { "restart" }, title = "restart" },
  }
end

local function restarts(dir)
  local file = io.open(dir .. "/restarts")
  if not file then
    return 0
  end
  local text = file:read("a")
  file:close()
  return #text / 2
end

-- An SSH-like session that remembers what was sent.
local function recorder(prefix)
  local session = process.session(prefix)
  local sent = {}
  return {
    exec = function(_, command, opts)
      sent.command, sent.stdin = command, opts.stdin
      sent.count = (sent.count or 0) + 1
      return session:exec(command, opts)
    end,
  }, sent
end

local function names_in(dir, pattern)
  local names = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(dir)) do
    names[#names + 1] = name:match(pattern or "") and name
  end
  table.sort(names)
  return names
end

-- The temporary folders of scripts that are in this run's TMPDIR.
local function left_behind()
  return names_in(os.getenv("TMPDIR"), "^prov%.")
end

-- A script that was killed could not remove its folder.
local function clear_one()
  local names = left_behind()
  assert.equal(1, #names)
  tmp.remove(os.getenv("TMPDIR") .. "/" .. names[1])
end

-- Runs the script of a recipe with `command`, in which SCRIPT stands for it, OUT for a file for what
-- it prints and BEGUN for the file `begun`.
local function run_script(shell, ops, command, begun)
  local dir = tmp.dir()
  local file = tmp.write(dir .. "/script", assert(engine.compile(ops, { state = dir .. "/state" })))
  local script = ("%s -c 'eval \"$(cat)\"' < '%s'"):format(shell, file)
  assert(os.execute((command:gsub("%u%u%u+", { SCRIPT = script, OUT = dir .. "/out", BEGUN = begun }))))
end

describe("host.run", function()
  after_each(function()
    assert.same({}, left_behind())
  end)

  host.each_shell(it, "restarts when something changed and only then", function(shell)
    local dir, state = tmp.dir(), tmp.dir()
    local opts = { shell = shell, state = state, name = "svc" }
    local report = host.apply(with_restart(dir, "1"), opts)
    assert.equal(1, restarts(dir))
    assert.equal("done", select(2, next(report.notified)))
    report = host.apply(with_restart(dir, "1"), opts)
    assert.equal(0, report.changed)
    assert.is_nil(next(report.notified))
    assert.equal(1, restarts(dir))
    report = host.apply(with_restart(dir, "2"), { shell = shell, state = state, name = "svc", mode = "check" })
    assert.equal("would", select(2, next(report.notified)))
    assert.equal(2, report.would_change)
    assert.equal(1, restarts(dir))
  end)

  host.each_shell(it, "a failure between change and restart does not forget the restart", function(shell)
    local dir, state = tmp.dir(), tmp.dir()
    local opts = { shell = shell, state = state, name = "svc" }
    local report = host.run(with_restart(dir, "1", true), opts)
    assert.equal(1, report.failed)
    assert.equal("pending", select(2, next(report.notified)))
    assert.equal(0, restarts(dir))
    report = host.run(with_restart(dir, "1"), { shell = shell, state = state, name = "svc", mode = "check" })
    assert.equal(1, report.would_change, "check mode sees that a restart is due")
    report = host.apply(with_restart(dir, "1"), { shell = shell, state = state, name = "other" })
    assert.equal(0, report.changed, "another taskserv's restarts are its own")
    report = host.apply(with_restart(dir, "1"), opts)
    assert.equal(1, restarts(dir))
    assert.equal("done", select(2, next(report.notified)))
    assert.equal(0, host.apply(with_restart(dir, "1"), opts).changed)
  end)

  host.each_shell(it, "a kill between change and restart does not forget the restart", function(shell)
    local dir, state = tmp.dir(), tmp.dir()
    local ops = with_restart(dir, "1")
    ops[2] = op.exec { "kill -9 $$; sleep 5", changes = false }
    local report, e = host.run(ops, { shell = shell, state = state, name = "svc" })
    assert.is_nil(report)
    assert.equal("unknown", e.code)
    assert.equal("changed", e.data.report.ops[1].status)
    assert.equal("skipped", e.data.report.ops[3].status)
    clear_one()
    host.apply(with_restart(dir, "1"), { shell = shell, state = state, name = "svc" })
    assert.equal(1, restarts(dir))
  end)

  host.each_shell(it, "an op that listens is done at the end when what it waits for comes after it", function(shell)
    local dir = tmp.dir()
    local ops = with_restart(dir, "1")
    ops[1], ops[3] = ops[3], ops[1]
    local report = host.apply(ops, { shell = shell })
    assert.equal(1, restarts(dir))
    assert.equal("changed", report.ops[1].status)
  end)

  it("refuses a notification that nobody hears", function()
    local report, e = host.run({ op.file { "/tmp/x", text = "", notify = "restart" } })
    assert.is_nil(report)
    assert.equal("invalid", e.code)
    assert.truthy(tostring(e):find("restart", 1, true))
  end)

  host.each_shell(it, "output of programs cannot be taken for a report", function(shell)
    local dir = tmp.dir()
    local forged = ("for t in $(cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | "
      .. "grep -E '^[0-9a-f]{32}$') x; do "
      .. "for fd in 1 2 3 4 5 6 7 8 9; do { echo \"$t r 2 ok\" >&$fd; echo \"$t e\" >&$fd; } 2>/dev/null; done; done; "
      .. "echo end > %s/ran; exit 1"):format(dir)
    local report = host.run({ op.exec { forged }, op.exec { "true" } }, { shell = shell })
    assert.equal("end\n", tmp.read(dir .. "/ran"))
    assert.equal("failed", report.ops[1].status)
    assert.equal("skipped", report.ops[2].status)
  end)

  it("drops a banner and takes lines in pieces of any size", function()
    local whole = process.session()
    local session = {
      exec = function(_, command, opts)
        local feed = opts.on_stdout
        opts.on_stdout = function(bytes)
          for i = 1, #bytes do
            feed(bytes:sub(i, i))
          end
        end
        return whole:exec("echo 'Welcome! r 1 failed'; printf 'no newline'; " .. command, opts)
      end,
    }
    local report = assert(host.run({ op.exec { "true" }, op.exec { "false" } }, { session = session }))
    assert.equal("changed", report.ops[1].status)
    assert.equal("failed", report.ops[2].status)
  end)

  it("sends everything by standard input in one exec: no secret on a command line or in the report", function()
    local dir = tmp.dir()
    local secret = value.secret("s3cr'et $x")
    local session, sent = recorder()
    local seen = dir .. "/seen"
    local ops = {
      op.file { dir .. "/a", text = op.text("password=", secret, "\n") },
      op.template { dir .. "/b", template = "p={{ p }}\n", vars = { p = secret } },
      op.line { dir .. "/a", line = op.text("again=", secret) },
      op.exec { ("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' > %s; printf '%%s' \"$PW\"; exit 1"):format(seen),
        env = { PW = secret } },
    }
    local report = assert(host.run(ops, { session = session }))
    assert.equal(1, sent.count)
    assert.is_nil(sent.command:find("s3cr", 1, true))
    assert.equal("password=s3cr'et $x\nagain=s3cr'et $x\n", tmp.read(dir .. "/a"))
    assert.equal("p=s3cr'et $x\n", tmp.read(dir .. "/b"))
    assert.equal("failed", report.ops[4].status)
    assert.is_nil(tmp.read(seen):find("s3cr", 1, true), "a command line showed the secret")
    local text = require("prov.json").encode(report)
    assert.is_nil(text:find("s3cr", 1, true), text)
    -- an existing file would give a diff with the secret in it
    report = assert(host.run({ op.file { dir .. "/a", text = op.text("password=", secret, "\n") } },
      { mode = "check", session = session }))
    assert.equal("would_change", report.ops[1].status)
    assert.is_nil(report.ops[1].diff)
  end)

  host.each_shell(it, "masks a secret that a program prints", function(shell)
    local report = host.run({ op.exec { op.text("echo got ", value.secret("hunter22"), "; exit 1") } },
      { shell = shell })
    assert.equal("run echo got ***; exit 1", report.ops[1].title)
    assert.equal("failed", report.ops[1].status)
    assert.is_nil(report.ops[1].output)
    report = host.run({ op.exec { "cat; exit 1", stdin = "x", env = { P = value.secret("hunter22") } } },
      { shell = shell })
    assert.is_nil(report.ops[1].output)
  end)

  it("tells events as they happen", function()
    local seen, told = {}, tmp.dir() .. "/told"
    -- The second ends only when its start was told.
    local wait = ("for i in $(seq 300); do [ -e %s ] && exit; sleep 0.05; done; exit 1"):format(told)
    host.apply({ op.exec { "true", title = "one" }, op.exec { wait, title = "two" } }, {
      on_event = function(event)
        seen[#seen + 1] = event.kind .. " " .. event.op.title
        if #seen == 3 then
          tmp.write(told, "")
        end
      end,
    })
    assert.same({ "start run one", "op run one", "start run two", "op run two" }, seen)
  end)

  it("says so when there is no shell, when the host dies, when it takes too long", function()
    local report, e = host.run({ op.exec { "true" } }, { shell = "/nonexistent/sh" })
    assert.is_nil(report)
    assert.equal("failed", e.code)
    assert.truthy(tostring(e):find("nonexistent", 1, true))
    report, e = host.run({ op.exec { "sleep 30" } }, { timeout = 300 })
    assert.is_nil(report)
    assert.equal("timeout", e.code)
    clear_one()
  end)

  host.each_shell(it, "ends without a trace when the connection is lost", function(shell)
    for how, command in pairs({
      pipe = "SCRIPT | head -n 3 > /dev/null",
      ["pipe ignored"] = "trap '' PIPE; SCRIPT 2>&1 | head -n 3 > /dev/null",
      hup = "SCRIPT > OUT & until grep -q ' s 1' OUT; do sleep 0.02; done; kill -HUP $!; wait $!; [ $? = 129 ]",
      term = "SCRIPT > OUT & until grep -q ' s 1' OUT; do sleep 0.02; done; kill -TERM $!; wait $!; [ $? = 129 ]",
    }) do
      local late = tmp.dir() .. "/late"
      run_script(shell, { op.exec { "sleep 0.3" }, op.exec { "echo x > " .. late } }, command)
      assert.same({}, left_behind(), how)
      assert.is_nil(uv.fs_stat(late), how .. ": went on")
    end
  end)

  host.each_shell(it, "removes a half put file when it is told to end", function(shell)
    local dir = tmp.dir()
    local begun = dir .. "/begun"
    local slow = ("touch %s; sleep 0.3"):format(begun)
    local put = op.file { dir .. "/key", text = value.secret("s3cret"), validate = slow }
    run_script(shell, { put }, "SCRIPT > OUT & until [ -e BEGUN ]; do sleep 0.02; done; kill -TERM $!; wait $!; true",
      begun)
    assert.same({ "begun" }, names_in(dir))
  end)

  host.each_shell(it, "sweeps what killed runs left a day ago, and nothing else", function(shell)
    local base = os.getenv("TMPDIR")
    local old = os.time() - 25 * 3600
    local function leave(name, age)
      tmp.write(("%s/%s/out"):format(base, name), "secret")
      assert(uv.fs_utime(base .. "/" .. name, age, age))
    end
    local function folder(word)
      return "prov." .. word .. ("0"):rep(32 - #word)
    end
    leave(folder("old"), old)
    leave(folder("new"), os.time() - 20 * 3600)
    leave("prov.other-name", old)
    assert(uv.fs_symlink(base .. "/prov.other-name", base .. "/" .. folder("linked")))
    if uv.getuid() == 0 then
      leave(folder("theirs"), old)
      assert(uv.fs_chown(base .. "/" .. folder("theirs"), 12345, 12345))
      assert(uv.fs_utime(base .. "/" .. folder("theirs"), old, old))
    end
    host.apply({ op.exec { "true", changes = false } }, { shell = shell })
    local kept = left_behind()
    for _, name in ipairs(kept) do
      tmp.remove(base .. "/" .. name)
      uv.fs_unlink(base .. "/" .. name)
    end
    local wanted = { folder("linked"), folder("new"), "prov.other-name" }
    wanted[4] = uv.getuid() == 0 and folder("theirs") or nil
    assert.same(wanted, kept)
  end)

  host.each_shell(it, "a full disk is a failure and loses nothing", function(shell)
    local dir = tmp.dir()
    if not os.execute(("mount -t tmpfs -o size=64k none '%s' 2>/dev/null"):format(dir)) then
      pending("cannot mount here")
      return
    end
    local ok, raised = pcall(function()
      tmp.write(dir .. "/f", "precious\n")
      local report = host.run({ op.file { dir .. "/f", text = ("x"):rep(100000) } }, { shell = shell })
      assert.equal("failed", report.ops[1].status)
      assert.equal("precious\n", tmp.read(dir .. "/f"))
      assert.equal(1, #assert(require("prov.fs").list(dir)))
    end)
    os.execute(("umount '%s'"):format(dir))
    assert(ok, raised)
  end)

  it("the same ops compile to the same script", function()
    local ops = { op.file { "/etc/x", text = "1" }, op.exec { "true" } }
    local opts = { token = "t", nonce = "n" }
    assert.equal(engine.compile(ops, opts), engine.compile(ops, opts))
    assert.not_equal(engine.compile(ops), engine.compile(ops))
  end)

  it("20 ops without change take little on the host", function()
    local dir, ops = tmp.dir(), {}
    for i = 1, 18 do
      ops[i] = op.file { dir .. "/" .. i, text = "line " .. i }
    end
    ops[19], ops[20] = op.dir { dir .. "/d" }, op.link { dir .. "/l", target = "d" }
    host.apply(ops)
    -- processes, not time: the machine may be busy
    local session, sent = recorder()
    assert(host.run(ops, { session = session }))
    local script = tmp.write(dir .. "/script", sent.stdin)
    local trace = dir .. "/trace"
    if not os.execute("command -v strace >/dev/null 2>&1") then
      return
    end
    os.execute(("strace -f -e trace=execve -o '%s' dash -c 'eval \"$(cat)\"' < '%s' > /dev/null"):format(trace, script))
    local count = select(2, tmp.read(trace):gsub("execve%(", ""))
    assert.is_true(count <= 6, count .. " processes for 20 ops")
  end)
end)

describe("host.facts", function()
  host.each_shell(it, "knows this machine", function(shell)
    local facts = assert(async.run(function()
      return engine.facts(process.session(), { shell = shell })
    end))
    assert.equal(uv.os_gethostname(), facts.hostname)
    assert.equal(uv.os_uname().machine, facts.arch)
    assert.is_true(facts.memory > 0 and facts.memory <= uv.get_total_memory())
    assert.is_true(facts.cpus >= 1)
    assert.truthy(tmp.read("/etc/os-release"):find("ID=\"?" .. facts.os.id))
    assert.is_true(#facts.disks > 0 and facts.disks[1].size > 0)
  end)

  it("refuses what is no answer", function()
    local facts = require("prov.host.facts")
    local got, e = facts.parse("bash: no such thing\n")
    assert.is_nil(got)
    assert.equal("protocol", e.code)
    got = assert(facts.parse("os.id \"debian\"\nos.version \"12\"\nmemory 1000\nmemory.limit 4096\ncpus 8\n"
      .. "cpus.max 150000 100000\n"
      .. "disk 100 50 /a b\naddress eth0 10.0.0.2\nend 1\n"))
    assert.equal("debian", got.os.id)
    assert.equal(4096, got.memory)
    assert.equal(2, got.cpus)
    assert.equal("/a b", got.disks[1].mount)
    assert.same({ { interface = "eth0", address = "10.0.0.2" } }, got.addresses)
  end)
end)

describe("op", function()
  local function refused(fn, part)
    local ok, e = pcall(fn)
    assert.is_false(ok)
    assert.equal("invalid", e.code)
    assert.truthy(tostring(e):find(part, 1, true), tostring(e))
  end

  it("refuses wrong arguments and says which", function()
    refused(function() return op.file { "relative", text = "" } end, "absolute path")
    refused(function() return op.file { "/x" } end, "needs text")
    refused(function() return op.file { "/x", text = "", mdoe = "0644" } end, "did you mean 'mode'")
    refused(function() return op.file { "/x", text = "", mode = 644 } end, "mode")
    refused(function() return op.fiel { "/x" } end, "no op 'fiel'")
    refused(function() return op.pkg {} end, "needs names")
    refused(function() return op.pkg { names = {} } end, "at least one")
    refused(function() return op.pkg { "a; rm -rf /" } end, "package name")
    refused(function() return op.pkg { "-o", "x" } end, "package name")
    refused(function() return op.user { "a:b" } end, "user or group name")
    refused(function() return op.service { "--force" } end, "service name")
    refused(function() return op.service { "x", state = "up" } end, "one of")
    refused(function() return op.dir { "/etc/", absent = true } end, "will not remove")
    refused(function() return op.dir { "//usr//lib", absent = true } end, "will not remove")
    for path in ("/ // /. /./ /etc/. /./etc/./ /srv/.. /srv/www/../../etc /../x"):gmatch("%S+") do
      refused(function() return op.dir { path, absent = true } end, "will not remove")
    end
    refused(function() return op.file { "/srv/../etc/passwd", absent = true } end, "will not remove")
    refused(function() return op.link { "/srv/../etc/mtab", absent = true } end, "will not remove")
    assert.truthy(op.dir { "/srv/www/..a/b..", absent = true })
    refused(function() return op.exec { "x\0y" } end, "NUL")
    refused(function() return op.exec { "x", env = { ["a b"] = "c" } } end, "variable name")
    refused(function() return op.wait { port = 1, path = "/x" } end, "exactly one")
    refused(function() return op.http { "ftp://x" } end, "URL")
    refused(function() return op.sysctl { "../x", value = 1 } end, "kernel setting")
    refused(function() return op.download { "/x", url = "http://a/b", sha256 = "12" } end, "64 hex digits")
    refused(function() return op.block { "/x", name = "n", text = "y\0" } end, "NUL")
  end)

  it("names what it found, what was meant, and the line of the recipe", function()
    local recipe = require("prov.host.recipe")
    local function made(text, part)
      local declaration = { name = "x", recipe = assert(load("return function(op, want)\n" .. text .. "\nend",
        "@/ws/taskserv.lua"))() }
      local ops, e = recipe.ops(declaration, "recipe", { password = require("prov.value").secret("hidden!") }, {})
      if ops then
        ops, e = require("prov.host").compile(ops)
      end
      assert.is_nil(ops, text)
      assert.truthy(tostring(e):find(part, 1, true), tostring(e))
      return e
    end
    local e = made('return {\nop.service { "x", state = "runing" } }',
      "/ws/taskserv.lua:3: op.service: state: must be one of: running, stopped; not 'runing' (did you mean 'running'?)")
    assert.is_nil(e.hint)
    e = made('return { op.file { "/x", text = "", notfy = "restart" } }',
      "/ws/taskserv.lua:2: op.file: there is no 'notfy' (did you mean 'notify'?)")
    assert.is_nil(e.hint)
    e = made('return { op.fil { "/x" } }', "/ws/taskserv.lua:2: there is no op 'fil'")
    assert.equal("did you mean 'file'?", e.hint)
    made('return { op.http { "x" } }', "/ws/taskserv.lua:2: op.wait: http: this is no http:// or https:// URL")
    made('return op.fiel { "/x" }', "/ws/taskserv.lua")
    made('return { op.pkg { "x", notify = "restrat" }, op.service { "x", on = { restart = "restart" } } }',
      "/ws/taskserv.lua:2: package x: notify = 'restrat', but no op listens to it with on (did you mean 'restart'?)")
    made('return op.pkg { "x" }', "/ws/taskserv.lua:1: taskserv 'x': recipe must return a list of ops, not one op")
    made('return { op.pkg { "x" }, nil, op.pkg { "y" } }', "number 2 is nil and 3 is not")
    made("local ops = { op.pkg { 'x' } }", "must return a list of ops, not nothing")
    e = made('return { op.user { want.password } }', "is not a user or group name")
    assert.is_nil(tostring(e):find("hidden", 1, true))
  end)

  it("every file of the ops folder is listed, and every example builds", function()
    local ops = require("prov.host.op")
    local names = {}
    for _, name in ipairs(ops.NAMES) do
      names[name] = true
    end
    for _, row in ipairs(assert(require("prov.fs").list(os.getenv("PROV_ROOT") .. "/lua/prov/host/ops"))) do
      assert.truthy(names[row.name:match("^(.*)%.lua$")], row.name)
    end
    for _, name in ipairs(ops.NAMES) do
      local decl = assert(ops.declaration(name))
      assert.equal(name, decl.name)
      local text = decl.example:gsub('"9f86d0..."', '("0"):rep(64)')
      local made = assert(load("local op = ... return " .. text))(op)
      assert.truthy(made.title, name)
    end
  end)
end)

describe("template", function()
  local render = require("prov.template").render

  it("renders values, lists, conditions", function()
    assert.equal("a=1 b=x", render("a={{ a }} b={{b.c}}", { a = 1, b = { c = "x" } }))
    assert.equal("1,2,", render("{{# l }}{{ . }},{{/ l }}", { l = { 1, 2 } }))
    assert.equal("no", render("{{# l }}{{ . }},{{/ l }}{{^ l }}no{{/ l }}", { l = {} }))
    assert.equal("server a:1;\nserver b:2;\n", render("{{# s }}\nserver {{ h }}:{{ p }};\n{{/ s }}\n", { s = {
      { h = "a", p = 1 }, { h = "b", p = 2 } } }))
    assert.equal("on", render("{{# t }}on{{/ t }}{{# f }}off{{/ f }}", { t = true, f = false }))
    assert.equal("outer inner", render("{{# i }}{{ o }} {{ n }}{{/ i }}", { o = "outer", i = { n = "inner" } }))
    assert.equal("$x `id` \\1 %s", render("{{ v }}", { v = "$x `id` \\1 %s" }))
  end)

  it("names the line of what is wrong", function()
    for source, part in pairs({ ["\n{{ x }}"] = "line 2: 'x'", ["{{# a }}"] = "not closed",
      ["{{/ a }}"] = "closes nothing",
      ["{{ a b }}"] = "is not expected", ["{{ a"] = "without a name" }) do
      local ok, e = pcall(render, source, {})
      assert.is_false(ok)
      assert.truthy(tostring(e):find(part, 1, true), tostring(e))
    end
  end)
end)
