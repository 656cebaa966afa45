-- luacheck: no max line length (rows of texts)
local registry = require("prov.registry")
local tmp = require("support.tmp")

local TASKSERV = [[
return { kind = "taskserv", api = 1, name = "%s", summary = "%s", recipe = function() return {} end }
]]

describe("registry", function()
  local dir, reg

  before_each(function()
    dir = tmp.dir()
    reg = registry.open(dir .. "/ws", { path = dir .. "/a:" .. dir .. "/b", share_dir = dir .. "/share" })
  end)

  local function put(path, text)
    return tmp.write(dir .. "/" .. path, text)
  end

  it("looks in the workspace, PROV_PATH and the installation, in this order", function()
    put("share/taskservs/web/nginx/taskserv.lua", TASKSERV:format("nginx", "share"))
    assert.are.equal("share", reg:get("taskserv", "nginx").summary)
    put("b/taskservs/web/nginx/taskserv.lua", TASKSERV:format("nginx", "b"))
    put("a/taskservs/nginx/taskserv.lua", TASKSERV:format("nginx", "a"))
    local fresh =
      registry.open(dir .. "/ws", { path = dir .. "/a:" .. dir .. "/b", share_dir = dir .. "/share" })
    assert.are.equal("a", fresh:get("taskserv", "nginx").summary)
    assert.are.equal(dir .. "/a/taskservs/nginx/taskserv.lua", fresh:which("taskserv", "nginx"))
    put("ws/extensions/taskservs/web/nginx/taskserv.lua", TASKSERV:format("nginx", "ws"))
    fresh = registry.open(dir .. "/ws", { path = dir .. "/a", share_dir = dir .. "/share" })
    assert.are.equal("ws", fresh:get("taskserv", "nginx").summary)
    assert.are.equal(1, #fresh:list("taskserv"))
    assert.are.equal("share", reg:get("taskserv", "nginx").summary) -- what was loaded stays
  end)

  it("loads only what is asked for", function()
    put("share/taskservs/web/good/taskserv.lua", TASKSERV:format("good", "x"))
    put("share/taskservs/web/broken/taskserv.lua", "return {")
    assert.is_table(reg:get("taskserv", "good"))
    local rows = reg:list("taskserv")
    assert.are.same({ "broken", "good" }, { rows[1].name, rows[2].name })
    assert.truthy(tostring(rows[1].err):find("broken/taskserv.lua:1", 1, true))
  end)

  it("suggests names", function()
    put("share/taskservs/web/nginx/taskserv.lua", TASKSERV:format("nginx", "x"))
    local _, e = reg:get("taskserv", "ngnix")
    assert.are.equal("notfound", e.code)
    assert.truthy(e.hint:find("did you mean 'nginx'?", 1, true))
    _, e = reg:get("taskserv", "../../etc")
    assert.are.equal("notfound", e.code)
  end)

  it("names file and field of what a declaration lacks", function()
    local rows = {
      { "return 3", "must return a table" },
      { 'return { kind = "provider" }', "field 'kind' must be \"taskserv\"" },
      { 'return { kind = "taskserv", api = 9 }', "field 'api' is 9" },
      { 'return { kind = "taskserv", api = 1, name = "x" }', "field 'summary' is missing" },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s" }',
        "field 'recipe' must be a function",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = "r" }',
        "field 'recipe' must be a function",
      },
      {
        'return { kind = "taskserv", api = 1, name = "y", summary = "s", recipe = function() end }',
        "field 'name' is 'y', but its folder is 'x'",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, recipee = 1 }',
        "field 'recipee' is not known",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, schema = { a = { type = "itn" } } }',
        "field 'schema.a' has a mistake: there is no type 'itn'",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end,\nschema = { a = { type = "int", requird = true } } }',
        "taskserv.lua:2: field 'schema.a.requird' is not known",
        "did you mean 'required'?",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, schema = { a = { type = "list", of = { fields = { b = { typ = "int" } } } } } }',
        "field 'schema.a.of.b.typ' is not known",
        "did you mean 'type'?",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, schema = { a = { required = "yes" } } }',
        "field 'schema.a.required' must be a boolean, not a string",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, needs = { 1 } }',
        "field 'needs' must be a list of strings",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, platforms = { "debain>=12" } }',
        "field 'platforms' has a mistake: 'debain>=12': there is no system 'debain'",
        "did you mean 'debian'?",
      },
      {
        'return { kind = "taskserv", api = 1, name = "x", summary = "s", recipe = function() end, platforms = { "debian=>12" } }',
        "field 'platforms' has a mistake: 'debian=>12' is no platform",
        'write a name of /etc/os-release, or name and version such as "debian>=12" (>= > = < <=)',
      },
      { "error('boom')", "boom" },
    }
    for i, row in ipairs(rows) do
      put(("r%d/taskservs/x/taskserv.lua"):format(i), row[1])
      local _, e =
        registry.open(nil, { path = dir .. "/r" .. i, share_dir = "/nonexistent" }):get("taskserv", "x")
      assert.truthy(tostring(e):find(row[2], 1, true), tostring(e))
      local _, times = tostring(e):gsub("taskservs/x/taskserv%.lua", "")
      assert.equal(1, times, tostring(e))
      assert.equal(row[3] or e.hint, e.hint)
    end
  end)

  it("checks the resources of a provider", function()
    local function check(resources)
      put(
        "share/providers/p/provider.lua",
        ('return { kind = "provider", api = 1, name = "p", summary = "s", resources = %s }'):format(resources)
      )
      local fresh = registry.open(nil, { path = "", share_dir = dir .. "/share" })
      local declaration, e = fresh:get("provider", "p")
      return declaration, e and tostring(e) or nil
    end
    assert.is_table(check('{ server = { schema = {}, body = "server" } }'))
    local _, e = check('{ server = { body = "server" } }')
    assert.truthy(e:find("field 'resources.server.schema' is missing", 1, true))
    _, e = check("{ server = { schema = {}, read = function() end } }")
    assert.truthy(e:find("field 'resources.server.create' must be a function", 1, true))
    _, e = check('{ server = { schema = {}, body = "server", outptus = {} } }')
    assert.truthy(e:find("field 'resources.server.outptus' is not known", 1, true))
    assert.is_table(check('{ server = { schema = {}, body = "server", action_start = function() end } }'))
  end)

  it("loads body modules beside the declaration, in a restricted environment", function()
    put(
      "share/providers/p/provider.lua",
      'return { kind = "provider", api = 1, name = "p", summary = "s", resources = { server = { schema = {}, body = "server" } } }'
    )
    put(
      "share/providers/p/server.lua",
      [[
      local lib = require("lib.names")
      return { read = lib.read, env = { io = io == nil, execute = os.execute == nil, load = load == nil, debug = debug == nil },
        core = { pcall(require, "core.app") }, up = { pcall(require, "../server") }, luv = { pcall(require, "luv") } }
    ]]
    )
    put("share/providers/p/lib/names.lua", "return { read = function() return 'read' end }")
    local declaration = reg:get("provider", "p")
    local body = assert(reg:body(declaration, "server"))
    assert.are.equal("read", body.read())
    assert.are.same({ io = true, execute = true, load = true, debug = true }, body.env)
    assert.is_false(body.core[1])
    assert.is_false(body.up[1])
    assert.is_false(body.luv[1])
    assert.are.equal(body, reg:body(declaration, "server"))
    local _, e = reg:body(declaration, "nothing")
    assert.are.equal("notfound", e.code)
  end)

  it("shows the functions of a taskserv's body module", function()
    put(
      "share/taskservs/x/taskserv.lua",
      'return { kind = "taskserv", api = 1, name = "x", summary = "s", body = "body" }'
    )
    put("share/taskservs/x/body.lua", "return { recipe = function() return { 1 } end }")
    local declaration = assert(reg:get("taskserv", "x"))
    assert.are.same({ 1 }, declaration.recipe())
    assert.is_nil(declaration.health)
  end)
end)
