--- Settings of files: how they are read, checked, formatted and converted.

local convert_ini = require("prov.convert.ansible.ini")
local datafile = require("prov.datafile")
local doctor = require("prov.doctor")
local fmt = require("prov.fmt")
local fmt_files = require("prov.fmt.files")
local infra = require("prov.infra")
local lint = require("prov.lint")
local project = require("support.project")
local settings = require("prov.settings")
local support = require("support.settings")
local template = require("prov.template")
local terraform = require("prov.convert.terraform")
local tmp = require("support.tmp")
local validate = require("prov.validate")

-- A folder with files in it.
local function folder(files)
  local dir = tmp.dir()
  for name, text in pairs(files) do
    tmp.write(dir .. "/" .. name, text)
  end
  return dir
end

-- Whether something works, and why not.
local function outcome(fn, ...)
  local results = table.pack(pcall(fn, ...))
  local e = not results[1] and results[2] or results[2] == nil and results[3] or nil
  if type(e) == "table" and not e.msg then
    e = e[1]
  end
  return { e == nil, e and tostring(e):gsub("/tmp/[^ ]*", "FILE") or nil }
end

local function trying(fn, ...)
  local args = table.pack(...)
  return function()
    return outcome(fn, table.unpack(args, 1, args.n))
  end
end

local function formatted(form, text)
  return function()
    return assert(fmt.text(form, text))
  end
end

-- Severities by rule of what lint finds, and its exit code.
local function linted(files)
  local dir = folder(files)
  return function()
    local value = assert(lint.run({}, { path = { dir } }))
    local out = { code = value.exit_code }
    for _, one in ipairs(value.findings) do
      out[one.rule] = one.severity
    end
    return out
  end
end

local function load(files)
  return function()
    files["prov.yaml"] = "name: t\ndefaults: { provider: demo }\n"
    local ctx = project.ctx(files)
    local loaded, errs = infra.load(ctx.need_workspace(), { registry = ctx.registry })
    return { loaded ~= nil, errs and tostring(errs[1]) }
  end
end

-- A loop; every call gives another text, for what expressions make is kept.
local loops = 0
local function loop()
  loops = loops + 1
  return load({ ["infra.yaml"] = ('items: { a: { value: "${[for x in range(%d, %d) => x]}" } }\n'):format(loops,
    loops + 50) })()[1]
end

-- What rules find in an infra of networks nobody is in.
local function found(files, fn)
  return function()
    files["prov.yaml"] = files["prov.yaml"] or "name: t\ndefaults: { provider: demo }\n"
    local ctx = project.ctx(files)
    ctx.config = settings.current()
    return fn(ctx)
  end
end

local NETWORKS = "networks: { a: {}, b: {}, c: {} }\n"

local RULE = [[
return { kind = "rule", api = 1, id = "long", severity = "note", summary = "x", applies = { "network" },
  check = function(ctx, node)
    local list = {}
    for i = 1, 60000 do list[i] = ("x"):rep(500) .. i end
    ctx:report(node, { message = ("m"):rep(100) })
  end }
]]

local function findings(ctx)
  collectgarbage() -- limits of memory are beside what there is
  local out = {}
  for _, one in ipairs(assert(validate.run(ctx)).findings) do
    out[#out + 1] = one.rule .. ": " .. one.message:sub(1, 80)
  end
  return out
end

local TF = { ["main.tf"] = 'locals {\n  a = "x"\n  b = "${local.a}-${local.a}"\n}\n'
  .. 'resource "hcloud_server" "s" {\n  name = local.b\n  image = local.b\n}\n',
  ["more.tf"] = 'module "one" {\n  source = "./one"\n}\nmodule "two" {\n  source = "./two"\n}\n',
  ["one/main.tf"] = 'output "x" {\n  value = 1\n}\n', ["two/main.tf"] = 'output "x" {\n  value = 1\n}\n' }

local function converted(files)
  local dir = folder(files)
  return function()
    local out, notes = terraform.convert(dir, { schema = function() end, catalog = function()
      return {}
    end })
    local said = {}
    for i, note in ipairs(out and notes.list or {}) do
      said[i] = note.what
    end
    return { out ~= nil, said, not out and tostring(notes[1] or notes):gsub("/tmp/[^ ]*", "FILE") or nil }
  end
end

describe("the settings", function()
  local json = folder({ ["x.json"] = '{ "a": [1, 2, 3] }\n' }) .. "/x.json"
  local lua_file = "return {\n  a = {\n    1,\n  },\n}\n"
  local warned = { "prov.yaml", ["infra.lua"] = "x = 1\nreturn {}\n" }
  warned[1] = nil
  support.tests(it, {
    ["data.file_size"] = { 5, trying(datafile.decode, { format = "json", file = json }) },
    ["convert.hosts"] = { 2, trying(convert_ini.expand, "web[1:3]") },
    ["convert.file_size"] = { 20, converted(TF) },
    ["convert.files"] = { 1, converted(TF) },
    ["convert.modules"] = { 1, converted(TF) },
    ["convert.locals"] = { 1, converted(TF) },
    ["fmt.lua_indent"] = { 4, formatted("lua", lua_file) },
    ["fmt.toml_indent"] = { 4, formatted("toml", "a = [\n  1,\n]\n") },
    ["fmt.json_indent"] = { 4, formatted("json", '{"a":1}') },
    ["fmt.file_size"] = { 3, linted({ ["infra.yaml"] = "a: 1\n" }) and function()
      return outcome(fmt_files.run, {}, { path = { json }, check = true })[1]
        and fmt_files.run({}, { path = { json }, check = true }).errors
    end },
    ["fmt.exclude"] = { { "infra/*.json", "rules" }, function()
      local dir = folder({ ["prov.yaml"] = "name: t\n", ["infra/a.json"] = "{}", ["infra/a.yaml"] = "a: 1\n",
        ["rules/x.lua"] = "return {}\n", ["infra/deep/b.json"] = "{}" })
      local paths = assert(fmt_files.of_workspace(dir))
      for i, path in ipairs(paths) do
        paths[i] = path:sub(#dir + 2)
      end
      return paths
    end },
    ["lint.form"] = { "off", linted({ ["infra.yaml"] = "a:   1\n" }) },
    ["lint.tab"] = { "note", linted({ ["infra.yaml"] = "# a\tb\na: 1\n" }) },
    ["lint.input_unused"] = { "error", linted({ ["infra.yaml"] = "inputs:\n  a: { type: int }\n" }) },
    ["lint.global_set"] = { "error", linted(warned) },
    ["lint.line_long"] = { "error", linted({ ["infra.yaml"] = "a: " .. ("x"):rep(130) .. "\n" }) },
    ["lint.width"] = { 20, linted({ ["infra.yaml"] = "a: " .. ("x"):rep(30) .. "\n" }), also = {
      ["lint.line_long"] = "error" } },
    ["template.output"] = { 5, trying(template.render, "0123456789", {}) },
    ["template.depth"] = { 1, function()
      return outcome(template.render, "{{#a}}{{#b}}x{{/b}}{{/a}}" .. settings.template.depth, { a = 1, b = 1 })[1]
    end },
    ["template.rounds"] = { 2, trying(template.render, "{{#a}}x{{/a}}", { a = { 1, 2, 3 } }) },
    ["doctor.free_space"] = { 1 << 60, function()
      local ctx = project.ctx({ ["infra.yaml"] = "items: {}\n" })
      for _, one in ipairs(doctor.run(ctx, "workspace")) do
        if one.check == "disk" then
          return one.status
        end
      end
    end },
    ["infra.imports"] = { 1, load({ ["infra.lua"] = 'import("a.lua") return {}', ["a.lua"] = 'return import("b.lua")',
      ["b.lua"] = "return {}" }) },
    ["infra.modules"] = { 1, load({ ["infra.yaml"] = "modules: { one: { source: ./one } }\n",
      ["one/module.yaml"] = "modules: { two: { source: ./two } }\n", ["one/two/module.yaml"] = "outputs: {}\n" }) },
    ["infra.file_size"] = { 3, load({ ["infra.yaml"] = "items: { a: { value: '${file(\"x.txt\")}' } }\n",
      ["x.txt"] = "0123456789" }) },
    ["infra.function_instructions"] = { 1000, load({ ["infra.lua"] =
      'return { items = { a = { value = function() local n = 0 for i = 1, 50000 do n = i end return "x" end } } }' }) },
    ["infra.cluster_instructions"] = { 1000, load({ ["infra.yaml"] =
      "clusters: { c: { template: slow } }\n", ["extensions/clusters/slow/cluster.lua"] = [[
return { kind = "cluster", api = 1, name = "slow", summary = "x", schema = {}, expand = function()
  local n = 0
  for i = 1, 50000 do n = n + i end
  return { items = { a = { value = "x" } } }
end }]] }) },
    ["infra.loop_cost"] = { 10, loop },
    ["infra.numbers"] = { 10, loop },
    ["validation.findings"] = { 1, found({ ["infra.yaml"] = NETWORKS }, findings) },
    ["validation.instructions"] = { 1000, found({ ["infra.yaml"] = NETWORKS, ["rules/long.lua"] = RULE }, findings) },
    ["validation.memory"] = { 1 << 20, found({ ["infra.yaml"] = NETWORKS, ["rules/long.lua"] = RULE }, findings) },
    ["validation.message"] = { 40, found({ ["infra.yaml"] = NETWORKS, ["rules/long.lua"] = RULE }, findings) },
    ["validation.before_apply"] = { "warning", found({ ["infra.yaml"] = NETWORKS }, function(ctx)
      return outcome(require("prov.apply").run, ctx, {})
    end) },
  })

  it("let what is an error only stop an apply, and what is ignored not", require("support.async").test(function()
    local function apply(text)
      return support.with({ ["validation.before_apply"] = "error" }, found({ ["infra.yaml"] = text }, function(ctx)
        return outcome(require("prov.apply").run, ctx, {})
      end))
    end
    local bad = "networks: { a: { cidr: 10.0.0.0/24 }, b: { cidr: %s/25%s } }\n"
    assert.same({ true }, apply(bad:format("10.0.1.0", "")))
    local ok = apply(bad:format("10.0.0.0", ""))
    assert.is_false(ok[1])
    assert.matches("^the rules of this workspace find %d: infra.yaml:1:", ok[2])
    assert.same({ true }, apply(bad:format("10.0.0.0", ", validate: { ignore: { network-overlap: on purpose } }")))
  end))
end)
