--- Settings of the ways to other machines (SSH, HTTP), of hosts, of images of this machine, of copies of the state.

local apply = require("prov.apply")
local async = require("prov.async")
local clock = require("prov.clock")
local core_net = require("core.net")
local err = require("prov.err")
local fs = require("prov.fs")
local hosts = require("prov.hosts")
local http = require("prov.http")
local http_server = require("prov.http_server")
local image = require("prov.machine.image")
local machine = require("prov.machine")
local proc = require("prov.proc")
local project = require("support.project")
local rest = require("prov.face.rest")
local servers = require("prov.servers")
local settings = require("prov.settings")
local ssh = require("prov.ssh")
local support = require("support.settings")
local tmp = require("support.tmp")
local uv = require("luv")

local STATE = { ip = "10.0.0.2", status = "running", ssh = { host = "10.0.0.2" } }

-- Hosts of servers that are there, to whom connect(options) leads.
local function open(connect, declaration, session)
  local kept = package.loaded["prov.ssh"]
  package.loaded["prov.ssh"] = { connect = connect or function()
    return session
  end }
  local opened = hosts.open({
    workspace = { state_dir = require("support.tmp").dir(), user_key = function()
      return { private = "key" }
    end },
    registry = { get = function()
      return declaration
    end },
    state_of = function(server)
      return server == "server.off" and { status = "stopped", ssh = STATE.ssh } or STATE
    end,
    servers = function()
      return { "server.a" }
    end,
  })
  return opened, function()
    package.loaded["prov.ssh"] = kept
  end
end

-- What connect is asked for when a session to a server is needed.
local function target(field, server)
  return function()
    local seen
    local opened, restore = open(function(options)
      seen = options
      return err.fail("denied", "no")
    end)
    opened:session(server or "server.a")
    restore()
    return { seen[field] }
  end
end

local function session_of(sent)
  return {
    exec = function(_, command, opts)
      sent[#sent + 1] = { command = command, timeout = opts.timeout }
      if command:find("systemctl is-active", 1, true) then
        return { code = 3, stdout = "dead", stderr = "" }
      end
      return require("prov.host.process").session():exec(command, opts)
    end,
    close = function() end,
    closed = function()
      return false
    end,
  }
end

local NODE = { address = "taskserv.web@server.a", name = "web", server = "server.a", args = {} }

-- What is run on a host of a service that does not become healthy.
local function unhealthy(field, pattern)
  return function()
    local sent = {}
    local declaration = {
      name = "web",
      recipe = function(op)
        return { op.exec { "true", changes = false } }
      end,
      health = function(op)
        return { op.command { "false", timeout = 0.1 } }
      end,
    }
    local opened, restore = open(nil, declaration, session_of(sent))
    assert(opened:facts("server.a")).init = "systemd"
    local recipe = declaration.recipe
    opened:apply(NODE, function()
      declaration.recipe = function(op)
        return { recipe(op)[1], op.service { "web", state = "running" } }
      end
    end)
    restore()
    local found = {}
    for _, one in ipairs(sent) do
      if not pattern or one.command:find(pattern, 1, true) then
        found[#found + 1] = one[field]
      end
    end
    return found
  end
end

-- Logins of many servers at once that were running together.
local function together()
  local now, most = 0, 0
  local opened, restore = open(function()
    now = now + 1
    most = math.max(most, now)
    async.sleep(20)
    now = now - 1
    return session_of({})
  end)
  async.scope(function()
    for i = 1, 5 do
      async.spawn(opened.session, opened, "server." .. i)
    end
  end)
  restore()
  return most
end

-- Attempts to log in to a server that refuses.
local function refused()
  local count = 0
  local opened, restore = open(function()
    count = count + 1
    return err.fail("unavailable", "refused")
  end, { name = "web", recipe = function() end })
  opened:apply(NODE)
  restore()
  return count
end

-- What core.net is asked for.
local function asked(name, call)
  local real, seen = core_net[name], nil
  core_net[name] = function(options)
    seen = options
    return err.fail("unavailable", "not now")
  end
  pcall(call)
  core_net[name] = real
  return seen
end

local function request(field)
  return function()
    local seen = asked("http_request", function()
      http.request({ url = "http://127.0.0.1:1/" })
    end)
    return { seen[field] }
  end
end

-- Where a request to a server arrives, or to its proxy.
local function arrives(url)
  local server = assert(http_server.listen({}, function(incoming)
    incoming:respond(200, {}, ("%s %s"):format(incoming.host, incoming.headers["user-agent"] or "-"))
  end))
  local response = http.request({ url = url:gsub("PORT", tostring(server.port)), timeout = 500 })
  server:close()
  return { response and response.body:gsub(":%d+", "") }
end

-- The proxy is a server that is asked for another.
local function through(more)
  local server = assert(http_server.listen({}, function(incoming)
    incoming:respond(200, {}, "proxy")
  end))
  local also = { ["http.proxy"] = "http://127.0.0.1:" .. server.port }
  for name, v in pairs(more or {}) do
    also[name] = v
  end
  local other = assert(http_server.listen({}, function(incoming)
    incoming:respond(200, {}, "direct")
  end))
  local response = assert(support.with(also, http.request, { url = ("http://127.0.0.1:%d/"):format(other.port) }))
  server:close()
  other:close()
  return response.body
end

-- The limits that the REST face asks of its server.
local function limit(name)
  return function()
    local real, seen = http_server.listen, nil
    http_server.listen = function(options)
      seen = options.limits
      return {}
    end
    local ok, e = pcall(rest.open, {}, { server = {}, token = "x" })
    http_server.listen = real
    assert(ok, e)
    return seen[name]
  end
end

local function drained()
  local real, seen = http_server.listen, nil
  http_server.listen = function()
    return { drain = function(_, ms)
      seen = ms
    end }
  end
  local ok, face = pcall(rest.open, {}, { server = {}, token = "x" })
  http_server.listen = real
  assert(ok, face)
  face:drain()
  return seen
end

-- A session of prov.ssh over a handle that only notes what it is asked for.
local function exec_limit()
  local real, seen = core_net.ssh_connect, nil
  core_net.ssh_connect = function(_, cb)
    local handle = {
      ready = function()
        return true
      end,
      exec = function(_, options)
        seen = options.max_output
        return err.fail("closed", "no")
      end,
      close = function() end,
    }
    clock.after(1, function()
      cb(true)
    end)
    return handle
  end
  local session = assert(ssh.connect({ host = "127.0.0.1" }))
  core_net.ssh_connect = real
  session:exec("true")
  return seen
end

local function ssh_line()
  local argv = assert(servers.ssh_command({ keys = { "key" }, host_key = "ssh-ed25519 AAAA", port = 22, user = "root",
    host = "10.0.0.2", compress = settings.ssh.compression }, "server.a", tmp.dir()))
  return (table.concat(argv, " "):gsub("/tmp/[^ ]*", "FILE"))
end

local function key_kind()
  local ctx = project.ctx({ ["infra.yaml"] = "items: {}\n" })
  return assert(ctx.need_workspace():user_key()).public:match("^%S+")
end

local function wait_limit()
  return require("prov.host.ops.wait").emit({ port = 5432, host = "" })[2]
end

-- Copies of the state after some applies that change it.
local function backups()
  local ctx = project.ctx({ ["infra.yaml"] = "" })
  for i = 1, 3 do
    project.edit(ctx, "infra.yaml", ("items: { a: { provider: demo, value: %d } }\n"):format(i))
    assert(apply.run(ctx, {}))
  end
  local names = {}
  for _, entry in ipairs(fs.list(ctx.need_workspace().state_dir .. "/backups") or {}) do
    names[#names + 1] = entry.name:match("%.mdb$")
  end
  return #names
end

local function import()
  local ctx = project.ctx({ ["infra.yaml"] = "items: {}\n", ["state.json"] = (" "):rep(3000) })
  local ok, e = pcall(function()
    return assert(require("prov.states").import(ctx, ctx.dir .. "/state.json"))
  end)
  return { ok, (tostring(e):gsub("/tmp/[^ ]*", "FILE")) }
end

local function rewrite()
  local workspace = project.ctx({ ["infra.yaml"] = "items: {}\n" }).need_workspace()
  assert(workspace:store())
  local _ <close> = assert(workspace:rewrite_lock())
  local began = clock.monotonic()
  assert.is_nil((workspace:rewrite_lock()))
  return clock.monotonic() - began > 1000
end

-- Programs that are run to make an image, with nothing behind them.
local function made()
  local real, ran = proc.run, {}
  proc.run = function(opts)
    ran[#ran + 1] = opts[5]
    for _, word in ipairs(opts) do
      for _, below in ipairs(word:find("%.tmp%-build$") and { "apt/apt.conf.d", "dpkg/dpkg.cfg.d" } or {}) do
        fs.mkdirp(word .. "/etc/" .. below)
      end
    end
    return { code = 0, stdout = "", stderr = "" }
  end
  local ok, path, e = pcall(support.with, {
    ["machine.image_folder"] = tmp.dir(),
    ["machine.archive"] = settings.machine.archive,
  }, image.ensure, "debian-12")
  proc.run = real
  assert(ok and path, tostring(e or path))
  return ran
end

local function described(field)
  return function()
    local one, e = image.describe("debian-12")
    return one and one[field] or tostring(e)
  end
end

-- The time that a host which answers nothing takes from a request.
local function unanswered()
  local server = uv.new_tcp()
  server:bind("127.0.0.1", 0)
  server:listen(1, function() end)
  local port = server:getsockname().port
  local clients = {}
  for i = 1, 8 do -- more than wait in its line
    clients[i] = uv.new_tcp()
    clients[i]:connect("127.0.0.1", port, function() end)
    async.sleep(10)
  end
  local began = clock.monotonic()
  local _, e = http.request({ url = ("http://127.0.0.1:%d/"):format(port), timeout = 2000 })
  local took = clock.monotonic() - began
  for _, client in ipairs(clients) do
    client:close()
  end
  server:close()
  assert.equal("timeout", e.code)
  return took > 1000
end

describe("the settings", function()
  local dir = tmp.dir()
  tmp.write(dir .. "/key", "-----BEGIN OPENSSH PRIVATE KEY-----\n")
  support.tests(it, {
    ["ssh.user"] = { "ops", target("user") },
    ["ssh.port"] = { 2222, target("port") },
    ["ssh.identities"] = { { dir .. "/key" }, target("keys") },
    ["ssh.agent"] = { true, target("agent") },
    ["ssh.known_hosts"] = { dir .. "/known", target("known_hosts") },
    ["ssh.strict"] = { false, target("strict"), also = { ["ssh.known_hosts"] = dir .. "/known" } },
    ["ssh.compression"] = { true, target("compress") },
    ["ssh.keepalive"] = { 3, target("keepalive") },
    ["ssh.connect_timeout"] = { 3, target("timeout") },
    ["ssh.stopped_timeout"] = { 2, target("timeout", "server.off") },
    ["ssh.logins"] = { 2, together },
    ["ssh.retry_every"] = { 0.05, refused, also = { ["ssh.patience"] = 0.3 } },
    ["ssh.patience"] = { 0.2, refused, also = { ["ssh.retry_every"] = 0.1, ["ssh.patience"] = 0 } },
    ["ssh.longest_output"] = { 2048, exec_limit },
    ["ssh.key_type"] = { "ecdsa", key_kind },
    ["ssh.program"] = { "autossh", ssh_line },
    ["ssh.options"] = { { "-o", "ServerAliveInterval=10" }, ssh_line },
    ["host.health_timeout"] = { 77, unhealthy("timeout") },
    ["host.recipe_timeout"] = { 66, unhealthy("timeout") },
    ["host.status_timeout"] = { 5, unhealthy("timeout", "systemctl is-active") },
    ["host.status_lines"] = { 3, unhealthy("command", "systemctl is-active") },
    ["host.wait_timeout"] = { 7, wait_limit },
    ["http.cert"] = { dir .. "/cert", request("cert") },
    ["http.key"] = { dir .. "/key", request("key"), also = { ["http.cert"] = dir .. "/cert" } },
    ["http.min_tls"] = { "1.3", request("min_tls") },
    ["http.ca"] = { dir .. "/ca", request("ca") },
    ["http.verify"] = { false, request("verify") },
    ["http.timeout"] = { 3, request("timeout") },
    ["http.max_body"] = { 5000, request("max_body") },
    ["http.connect_timeout"] = { 0.2, unanswered },
    ["http.user_agent"] = { "somebody", function()
      return arrives("http://127.0.0.1:PORT/")
    end },
    ["rest.head_size"] = { 2048, limit("head_bytes") },
    ["rest.body_size"] = { 2048, limit("body_bytes") },
    ["rest.stream_size"] = { 70000, limit("stream_bytes") },
    ["rest.connections"] = { 3, limit("connections") },
    ["rest.connections_per_address"] = { 3, limit("per_address") },
    ["rest.head_timeout"] = { 3, limit("head_ms") },
    ["rest.body_timeout"] = { 3, limit("body_ms") },
    ["rest.idle_timeout"] = { 3, limit("idle_ms") },
    ["rest.write_timeout"] = { 3, limit("write_ms") },
    ["rest.drain"] = { 3, drained },
    ["state.backups"] = { 2, backups },
    ["state.import_size"] = { 1024, import },
    ["state.rewrite_timeout"] = { 0.1, rewrite },
    ["machine.packages"] = { { "vim" }, described("packages") },
    ["machine.apt_retries"] = { 5, described("id") },
    ["machine.mirror"] = { "http://mirror.example/debian", described("sources") },
    ["machine.archive"] = { false, made },
    ["machine.folder"] = { dir, function()
      return machine.labs_dir()
    end },
    ["machine.image_folder"] = { dir, function()
      return image.dir()
    end },
  })

  local test = require("support.async").test

  it("has http.proxy and http.no_proxy", test(function()
    assert.equal("proxy", through())
    assert.equal("direct", through({ ["http.no_proxy"] = "127.0.0.1" }))
  end))

  it("has ssh.jump: one session that all others go through", test(function()
    local seen = {}
    local opened, restore = open(function(options)
      seen[#seen + 1] = options
      return session_of({})
    end)
    support.with({ ["ssh.jump"] = "ops@bastion.example:2222", ["ssh.identities"] = { dir .. "/key" } }, function()
      assert(opened:session("server.a"))
      assert(opened:session("server.b"))
      opened:close()
    end)
    restore()
    assert.equal(3, #seen)
    assert.same({ "ops", "bastion.example", 2222, { dir .. "/key" } },
      { seen[1].user, seen[1].host, seen[1].port, seen[1].keys })
    assert.is_nil(seen[1].jump)
    assert.is_truthy(seen[2].jump)
    assert.equal(seen[2].jump, seen[3].jump)
    local line = support.with({ ["ssh.jump"] = "bastion" }, ssh_line)
    assert.matches(" -J bastion ", line, 1, true)
    for text, host in pairs({ ["[::1]:22"] = "::1", ["b"] = "b", ["u@[fe80::1%eth0]"] = "fe80::1%eth0" }) do
      seen = {}
      opened, restore = open(function(options)
        seen[#seen + 1] = options
        return err.fail("denied", "no")
      end)
      local _, e = support.with({ ["ssh.jump"] = text }, opened.session, opened, "server.a")
      restore()
      assert.equal(host, seen[1].host)
      assert.matches("ssh.jump", tostring(e))
    end
    opened, restore = open()
    local _, e = support.with({ ["ssh.jump"] = "a:b:c" }, opened.session, opened, "server.a")
    restore()
    assert.matches("is no host", tostring(e))
  end))
end)
