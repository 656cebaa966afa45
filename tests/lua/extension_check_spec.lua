-- luacheck: no max line length (rows of texts)
--- What `prov extension check` finds without a host, and what it says it could not check.
local extensions = require("prov.extensions")
local registry = require("prov.registry")
local tmp = require("support.tmp")

describe("extension check", function()
  local dir, reg

  before_each(function()
    dir = tmp.dir()
    reg = registry.open(dir, { path = "" })
  end)

  local function check(kind, name, text, more)
    local path = ({ taskserv = "taskservs/own/%s/taskserv.lua", cluster = "clusters/%s/cluster.lua",
      provider = "providers/%s/provider.lua" })[kind]:format(name)
    local file = dir .. "/extensions/" .. path
    tmp.write(file, text)
    for other, content in pairs(more or {}) do
      tmp.write(file:match("^(.*/)") .. other, content)
    end
    local report, e = extensions.check(reg, kind, name)
    return report, e, file
  end

  local count = 0
  -- A taskserv whose recipe is on line 5 of its file.
  local function taskserv(schema, recipe, rest)
    count = count + 1
    local name = "t" .. count
    return check("taskserv", name, ([[
return {
  kind = "taskserv", api = 1, name = "%s", summary = "s", %s
  schema = { %s },
  recipe = function(op, want, facts)
    %s
  end,
}
]]):format(name, rest or "", schema, recipe))
  end

  local function finds(part, hint, ...)
    local report, e, file = taskserv(...)
    assert.is_nil(report, "no mistake found, but expected: " .. part)
    assert.equal((part:gsub("@", file):gsub("%%s", "t" .. count)), tostring(e))
    if hint then
      assert.equal(hint, e.hint)
    end
  end

  local TEXT = 'text = { type = "string", default = "x" }'

  it("finds the mistakes of recipes, with file and line", function()
    finds("@:5: there is no op 'fil'", "did you mean 'file'?", "", 'return { op.fil { "/x", text = "" } }')
    finds("@:5: op.file: there is no 'notfy' (did you mean 'notify'?)", nil, "",
      'return { op.file { "/x", text = "", notfy = "restart" } }')
    finds("@:5: op.service: state: must be one of: running, stopped; not 'runing' (did you mean 'running'?)", nil, "",
      'return { op.service { "x", state = "runing" } }')
    finds("@:5: op.file: mode: '644' is not a mode; write it as a string of octal digits, such as \"0644\"", nil, "",
      'return { op.file { "/x", text = "", mode = 644 } }')
    finds("@:5: op.file: path: 'etc/x' is not an absolute path", nil, "",
      'return { op.file { "etc/x", text = "" } }')
    finds("@:5: there is no field 'txt' in the schema", "did you mean 'text'?", TEXT,
      'return { op.file { "/x", text = want.txt .. "\\n" } }')
    finds("@:5: there is no field 'txt' in the schema", nil, 'text = { type = "string", required = true }',
      'return { op.file { "/x", text = want.txt } }')
    finds("@:5: taskserv '%s': recipe: attempt to call a nil value (field 'execute')",
      "an extension cannot reach the machine: what is to happen on the host is an op, such as op.exec",
      'text = { type = "string", required = true }', 'os.execute("reboot")')
    finds("@:5: taskserv '%s': recipe: attempt to index a nil value (field 'peer')", nil, "",
      "return { op.pkg { facts.server.peer.name } }")
    finds("@:5: package x: notify = 'restrat', but no op listens to it with on (did you mean 'restart'?)", nil, "",
      'return { op.pkg { "x", notify = "restrat" }, op.service { "x", on = { restart = "restart" } } }')
    finds("@:4: taskserv '%s': recipe must return a list of ops, not nothing", nil, "",
      'local ops = { op.pkg { "x" } }')
    finds("@:5: op.pkg: needs names (package names)", nil, "", "return { op.pkg {} }")
  end)

  it("tries fields that may be left out, each choice, each platform, health and remove", function()
    finds("@:5: op.dir: path: 'srv/example' is not an absolute path", nil,
      'name = { type = "string", example = "example" }',
      'return { want.name and op.dir { "srv/" .. want.name } or op.pkg { "x" } }')
    finds("@:5: there is no op 'fil' (with mode = b)", nil, 'mode = { type = "enum", one_of = { "a", "b" }, default = "a" }',
      'return { want.mode == "b" and op.fil { "/x" } or op.pkg { "x" } }')
    finds("@:5: there is no op 'fil' (with on = true)", nil, 'on = { type = "bool", default = false }',
      'return { want.on and op.fil { "/x" } or op.pkg { "x" } }')
    finds("@:5: there is no op 'fil'", nil, "",
      'return { facts.os.id == "ubuntu" and op.fil { "/x" } or op.pkg { "x" } }',
      'platforms = { "debian>=12", "ubuntu>=22.04" },')
    finds("@:2: there is no op 'prot'", "did you mean 'port'?", "", "return {}",
      "health = function(op) return { op.prot { 80 } } end,")
    finds("@:2: there is no op 'fil'", nil, "", "return {}",
      'remove = function(op) return { op.fil { "/x", absent = true } } end,')
    finds("@: needs: there is no taskserv 'bsae'", nil, "", "return {}", 'needs = { "bsae" },')
    local _, e = taskserv("", "while true do end")
    assert.truthy(tostring(e):find("stopped after 50 million instructions", 1, true), tostring(e))
    _, e = taskserv(TEXT, "return { op.pkg { want.txt }, op.fil {} }",
      'health = function(op) return { op.prot { 80 } } end,')
    assert.truthy(e.hint:find("also: .*there is no op 'prot'"), e.hint)
  end)

  it("says what example arguments cannot show", function()
    local report = assert(taskserv('size = { type = "string", required = true }',
      'return { op.file { "/x", text = tostring(tonumber(want.size) + 1) } }'))
    assert.truthy(report.note:find("^not checked: recipe with .*attempt to perform arithmetic on a nil value"), report.note)
    report = assert(taskserv('where = { type = "string", required = true }',
      'return { op.file { want.where, text = "" } }'))
    assert.truthy(report.note:find("'example' is not an absolute path", 1, true), report.note)
    report = assert(taskserv('a = { type = "string", required = true, pattern = "^Q%d%d%d$" }', "return {}"))
    assert.equal("not checked: no value is known that the field 'a' allows: give it an example", report.note)
    report = assert(taskserv('role = { type = "enum", one_of = { "a", "b" }, default = "a" }',
      'if want.role == "b" then error("role b needs a friend", 0) end return {}'))
    assert.truthy(report.note:find("recipe with role = b: .*role b needs a friend"), report.note)
    report = assert(taskserv('where = { type = "string", required = true, example = "/srv" }, key = { type = "secret" }',
      'return { op.file { want.where .. "/x", text = op.text(want.key or "", "!") } }'))
    assert.is_nil(report.note)
  end)

  it("expands clusters", function()
    local function cluster(expand, schema)
      count = count + 1
      local name = "c" .. count
      return check("cluster", name, ('return { kind = "cluster", api = 1, name = "%s", summary = "s", schema = { %s },\n'
        .. "expand = function(want)\n%s\nend }\n"):format(name, schema or "", expand))
    end
    assert.equal("ok", assert(cluster('return { servers = { [want.name] = { taskservs = { nginx = {} } } } }')).status)
    for expand, part in pairs({
      ["return { srevers = {} }"] = "no provider has 'srevers'",
      ["return 3"] = "expand must return a table, not a number",
      ["return { servers = { a = 1 } }"] = "expand: servers.a must be a table of fields, not a number",
      ["return { servers = { a = { taskservs = { ngnix = {} } } } }"] = "there is no taskserv 'ngnix'",
      ["return { servers = { a = { count = want.cuont } } }"] = ":3: there is no field 'cuont' in the schema",
      ["local x = want.count.y"] = "cluster.lua:3: attempt to index a number value (field 'count')",
    }) do
      local report, e = cluster(expand, 'count = { type = "int", default = 2 }')
      assert.is_nil(report, expand)
      assert.truthy(tostring(e):find(part, 1, true), tostring(e))
    end
  end)

  it("looks for the functions of providers", function()
    local function provider(resource, body)
      count = count + 1
      local name = "p" .. count
      return check("provider", name,
        ('return { kind = "provider", api = 1, name = "%s", summary = "s", resources = { thing = { schema = {}, %s } } }')
          :format(name, resource), { ["thing.lua"] = body })
    end
    local FINE = "local M = {}; function M.read() end function M.create() end function M.delete() end %s return M"
    assert(provider('body = "thing"', FINE:format("")))
    assert(provider('body = "thing", actions = { "start" }', FINE:format("function M.action_start() end")))
    local _, e, file = provider('body = "thing", actions = { "start" }', FINE:format(""))
    assert.equal(file:gsub("provider%.lua$", "thing.lua") .. ": thing: must have a function 'action_start'", tostring(e))
    _, e = provider('body = "thing"', "return { read = print }")
    assert.truthy(tostring(e):find("thing: must have a function 'create'", 1, true), tostring(e))
    _, e = provider('body = "thing"', FINE:format("function M.updaet() end"))
    assert.equal("did you mean 'update'?", e.hint)
    _, e = provider('body = "nothing"', "")
    assert.equal("notfound", e.code)
  end)

  it("finds nothing wrong with what is here", function()
    for _, row in ipairs(extensions.check_all(registry.open(nil, { path = "" }))) do
      assert.equal("ok", row.status, row.name .. ": " .. tostring(row.problem))
      assert.is_nil(row.note, row.name)
    end
  end)

  it("wants a name in every entry of a provider's catalog", function()
    local function refused(catalog)
      local _, e = check("provider", "p" .. #catalog, ([[
return { kind = "provider", api = 1, name = "p%d", summary = "s", resources = {}, catalog = %s }
]]):format(#catalog, catalog))
      return e and tostring(e)
    end
    assert.matches("field 'catalog.plans%[2%]' needs a name in every entry", refused('{ plans = { { name = "a" }, { price = 1 } } }'))
    assert.matches("field 'catalog' must be a table or a function", refused('"none"'))
    assert.is_nil(refused('{ plans = { { name = "a", price = 1 } }, currency = "EUR", quotas = { server = 2 } }'))
  end)
end)
