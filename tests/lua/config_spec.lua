local config = require("prov.config")
local layers = require("prov.config.layers")
local tmp = require("support.tmp")

local KEYS = {
  parallelism = { type = "int", default = 10, min = 1, doc = "How many" },
  output = { type = "enum", one_of = { "table", "json" }, default = "table", doc = "Form" },
  color = { type = "bool", default = false, doc = "Colours" },
}

describe("config", function()
  local dir, env

  before_each(function()
    dir = tmp.dir()
    env = {}
  end)

  local function open(flags)
    return config.open({
      workspace = dir,
      keys = KEYS,
      flags = flags,
      env = function(name)
        return env[name]
      end,
    })
  end

  it("takes the strongest layer that has a value", function()
    assert.are.equal(10, open():get("parallelism"))
    tmp.write(dir .. "/prov.yaml", "name: x\nconfig: { parallelism: 20 }\n")
    assert.are.equal(20, open():get("parallelism"))
    env.PROV_PARALLELISM = "30"
    assert.are.equal(30, open():get("parallelism"))
    assert.are.equal(40, open({ parallelism = "40" }):get("parallelism"))
    local rows = open({ parallelism = "40" }):explain("parallelism")
    local seen = {}
    for i, row in ipairs(rows) do
      seen[i] = ("%s %s %s"):format(row.layer, tostring(row.value), tostring(row.wins))
    end
    assert.are.same(
      { "flag 40 true", "environment 30 false", "workspace 20 false", "env-defaults nil false", "user nil false",
        "default 10 false" },
      seen
    )
  end)

  it("names the layer of a bad value", function()
    env.PROV_OUTPUT = "jsn"
    local v, e = open():get("output")
    assert.is_nil(v)
    assert.truthy(tostring(e):find("PROV_OUTPUT", 1, true))
    assert.are.equal("did you mean 'json'?", e.hint)
    env.PROV_OUTPUT = nil
    tmp.write(dir .. "/prov.yaml", "config:\n  output: 3\n")
    v, e = open():get("output")
    assert.is_nil(v)
    assert.truthy(tostring(e):find("prov.yaml:2:3", 1, true))
  end)

  it("knows no other keys", function()
    local _, e = open():get("paralelism")
    assert.are.equal("notfound", e.code)
    assert.are.equal("did you mean 'parallelism'?", e.hint)
    tmp.write(dir .. "/prov.yaml", "config:\n  colour: never\n")
    e = open():check_files()[1]
    assert.are.equal("did you mean 'color'?", e.hint)
    assert.are.equal(2, e.line)
  end)

  it("turns the text of flags and the environment into the key's type", function()
    env.PROV_COLOR = "yes"
    assert.is_true(open():get("color"))
    env.PROV_COLOR = "0"
    assert.is_false(open():get("color"))
    env.PROV_COLOR = "maybe"
    assert.is_nil((open():get("color")))
  end)

  it("has a default and a text for every real key", function()
    local real = config.open({ env = function() end })
    local variables = {}
    for _, key in ipairs(real:names()) do
      local value, e = real:get(key)
      assert.is_nil(e)
      assert.is_string(real:spec_of(key).doc, key)
      assert.is_true(value ~= nil or not real:is_own(key) or real:spec_of(key).type == "path", key)
      local name = layers.variable(key)
      assert.is_nil(variables[name], name)
      variables[name] = key
    end
    for _, taken in ipairs({ "PROV_WORKSPACE", "PROV_LOG", "PROV_PATH", "PROV_ENV", "PROV_DEV", "PROV_ROOT" }) do
      assert.is_nil(variables[taken])
    end
  end)

  it("has no group that is called like something of its own", function()
    local real = config.open({ env = function() end })
    local mine = require("prov.settings")
    for _, key in ipairs(real:names()) do
      local name = key:match("^[^.]+")
      local v = real:is_own(key) and real[name]
      assert.is_not_equal("function", type(v), name)
      assert.is_nil(real:is_own(key) and rawget(mine, name) or nil, name)
    end
  end)

  describe("with groups", function()
    local GROUPS = {
      ["ssh.port"] = { type = "int", default = 22, doc = "Port" },
      ["ssh.user"] = { type = "string", default = "root", doc = "User" },
      ["log.dir"] = { type = "string", doc = "Folder" },
      ["log.file"] = { type = "string", default = "${log.dir}/${ssh.user}.log", doc = "File" },
      ["top"] = { type = "int", default = 1, doc = "Without a group" },
    }

    local function grouped(opts)
      opts = opts or {}
      opts.workspace, opts.keys = dir, GROUPS
      opts.env = opts.env or function(name)
        return env[name]
      end
      return config.open(opts)
    end

    it("gives values as fields, found once", function()
      local c = grouped()
      assert.equal(22, c.ssh.port)
      env.PROV_SSH_PORT = "2222"
      assert.equal(22, c.ssh.port)
      assert.equal(22, rawget(c.ssh, "port"))
      assert.equal(2222, grouped().ssh.port)
      assert.equal(1, c.top)
      local ok, e = pcall(function()
        return c.ssh.prot
      end)
      assert.is_false(ok)
      assert.equal("did you mean 'ssh.port'?", e.hint)
    end)

    it("fills in other settings, the environment and the workspace, over all layers", function()
      tmp.write(dir .. "/config/prov.yaml", "ssh: { user: ops }\nlog: { dir: '${env:BASE}/${workspace}' }\n")
      env.BASE = "/var"
      assert.equal("/var/" .. dir .. "/ops.log", grouped().log.file)
      tmp.write(dir .. "/config/prov.yaml", "log: { dir: 'a$${b}' }\n")
      assert.equal("a${b}/root.log", grouped().log.file)
    end)

    it("says which settings refer to each other in a circle", function()
      tmp.write(dir .. "/config/prov.yaml", "log: { dir: '${ssh.user}' }\nssh: { user: '${log.file}' }\n")
      local _, e = grouped():get("log.dir")
      assert.truthy(tostring(e):find("log.dir -> ssh.user -> log.file -> log.dir", 1, true))
    end)

    it("puts an environment between the workspace and the user", function()
      tmp.write(dir .. "/config/prod-defaults.yaml", "ssh: { port: 1, user: a }\n")
      tmp.write(dir .. "/config/prov.yaml", "ssh: { port: 2 }\n")
      local c = grouped({ environment = "prod" })
      assert.equal(2, c.ssh.port)
      assert.equal("a", c.ssh.user)
      assert.equal("root", grouped().ssh.user)
      assert.equal("a", grouped():again("prod").ssh.user)
    end)

    it("refuses a key in two files of one layer", function()
      tmp.write(dir .. "/config/prov.yaml", "top: 2\n")
      tmp.write(dir .. "/prov.yaml", "config: { top: 3 }\n")
      local _, e = grouped():get("top")
      assert.equal("conflict", e.code)
    end)

    it("names everything that is wrong in files, with its place", function()
      tmp.write(dir .. "/config/prov.yaml", "ssh:\n  prot: 1\n  port: many\nlog: 3\n")
      local errs = grouped():validate()
      local seen = {}
      for i, e in ipairs(errs) do
        seen[i] = ("%d:%s"):format(e.line, e.path)
      end
      assert.same({ "2:ssh.prot", "3:ssh.port", "4:log" }, (table.sort(seen) or seen))
      assert.equal("did you mean 'ssh.port'?", errs[1].path == "ssh.prot" and errs[1].hint or errs[2].hint
        or errs[3].hint)
    end)

    it("reads lists and maps of the environment as YAML", function()
      local c = config.open({ keys = { ["a.b"] = { type = "list", of = { type = "int" }, doc = "x" } }, env = function()
        return "[1, 2]"
      end })
      assert.same({ 1, 2 }, c.a.b)
    end)
  end)

  it("gives the flags of a command line their settings", function()
    tmp.write(dir .. "/prov.yaml",
      "config: { flags: { plan: { target: [server.web] }, apply: { on_failure: rollback } } }\n")
    local c = config.open({ workspace = dir, env = function() end })
    local params = {}
    assert(c:fill_flags(require("prov.ops").load("plan"), params))
    assert.same({ target = { "server.web" } }, params)
    params = { on_failure = "stop" }
    assert(c:fill_flags(require("prov.ops").load("apply"), params))
    assert.equal("stop", params.on_failure)
  end)

  it("lists every key with what wins", function()
    local c = open()
    assert.are.equal(3, #c:names())
    for _, key in ipairs(c:names()) do
      assert.are.equal("default", c:winner(key).layer)
    end
  end)
end)

describe("the settings that count here", function()
  it("are those of the task, which the tasks it starts inherit", function()
    local settings, async = require("prov.settings"), require("prov.async")
    local function with(rows)
      return config.open({ keys = { ["ui.rows"] = { type = "int", default = rows, doc = "x" } }, env = function() end })
    end
    local seen = {}
    require("support.async").run(function()
      seen[1] = settings.ui.rows
      async.spawn(function()
        settings.inherit(with(77))
        async.spawn(function()
          async.sleep(1)
          seen[2] = settings.ui.rows
        end):join()
      end):join()
      seen[3] = settings.ui.rows
    end)
    assert.same({ 12, 77, 12 }, seen)
  end)

  it("takes null for absent, in files of every layer", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/config/prov.yaml", "ssh:\nparallelism:\n")
    tmp.write(dir .. "/config/prod-defaults.yaml", "parallelism: 7\n")
    local one = config.open({ workspace = dir, environment = "prod", env = function() end })
    assert.are.equal(7, one:get("parallelism"))
    assert.are.same({}, one:check_files())
  end)

  it("tells what a file has instead of settings", function()
    local dir = tmp.dir()
    local function said(text, file)
      tmp.write(dir .. (file or "/config/prov.yaml"), text)
      local errs = config.open({ workspace = dir, env = function() end }):check_files()
      local e = assert(errs[1], text)
      return (tostring(e):gsub("^" .. dir:gsub("%p", "%%%0"), "")) .. (e.hint and " | " .. e.hint or "")
    end
    assert.are.equal("config/prov.yaml:1:1: expected settings, found a string", said("hello\n"))
    assert.are.equal("config/prov.yaml:1:1: expected settings, found a list", said("- a\n"))
    assert.truthy(said("ssh: 5\n"):find("config/prov.yaml:1:1: ssh: expected a map of settings, found a number", 1,
      true))
    assert.truthy(said("ssh.keepalive: 5s\n"):find("| write 'keepalive' in the map 'ssh'", 1, true))
    tmp.write(dir .. "/config/prov.yaml", "")
    assert.are.equal("prov.yaml:2:1: config: expected settings, found a number",
      said("name: x\nconfig: 5\n", "/prov.yaml"))
  end)

  it("tells where every value comes from, and where one cannot be filled in", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/config/prov.yaml", "# x\nssh:\n  keepalive: ${env:NOPE}\n  connect_timeout: ${http.timeout}\n"
      .. "http: { timeout: '${ssh.connect_timeout}' }\n")
    tmp.write(dir .. "/config/prod-defaults.toml", "\n[ssh]\nkeepalive = 5\n")
    local one = config.open({ workspace = dir, environment = "prod", env = function() end })
    local rows = one:explain("ssh.keepalive")
    assert.are.equal("config/prov.yaml:3", rows[3].source)
    assert.are.equal("config/prod-defaults.toml:3", rows[4].source)
    local texts = {}
    for i, e in ipairs(one:validate()) do
      texts[i] = tostring(e):match("^[^\n]*")
    end
    assert.are.same({
      "config/prov.yaml:4:3: ssh.connect_timeout: these settings refer to each other: "
        .. "http.timeout -> ssh.connect_timeout -> http.timeout",
      "config/prov.yaml:3:3: ssh.keepalive: the environment has no NOPE",
    }, texts)
    local _, e = config.open({ workspace = dir, env = function(name)
      return name == "PROV_SSH_KEEPALIVE" and "5x" or nil
    end }):get("ssh.keepalive")
    assert.truthy(tostring(e):find("ssh.keepalive: expected a duration", 1, true), tostring(e))
  end)

  it("keeps what was written while a person edits", function()
    local edit = require("prov.config.edit")
    local fs = require("prov.fs")
    local dir = tmp.dir()
    local path = dir .. "/config/prov.yaml"
    local one = config.open({ workspace = dir, env = function() end })
    local function edited(meanwhile)
      tmp.write(path, "parallelism: 5\n")
      return edit.edit(one, "workspace", function(copy)
        tmp.write(copy, "parallelism: 6\n")
        if meanwhile then
          tmp.write(path, meanwhile)
        end
        return true
      end, error)
    end
    assert.are.equal(path, (edited()))
    assert.are.equal("parallelism: 6\n", fs.read(path))
    local ok, e = edited("parallelism: 7\n")
    assert.is_nil(ok)
    assert.are.equal("conflict", e.code)
    assert.are.equal("your text is in " .. path .. ".edited", e.hint)
    assert.are.equal("parallelism: 7\n", fs.read(path))
    assert.are.equal("parallelism: 6\n", fs.read(path .. ".edited"))
  end)
end)
