local project = require("support.project")
local rules_show = require("prov.rules_show")
local tmp = require("support.tmp")
local validate = require("prov.validate")

local function run(files, p)
  local ctx = project.ctx(files)
  return validate.run(ctx, p), ctx
end

local function of(value, rule)
  local out = {}
  for _, finding in ipairs(value.findings) do
    if finding.rule == rule then
      out[#out + 1] = finding
    end
  end
  return out
end

local function good(files, p)
  local value, errs = validate.run(project.ctx(files), p)
  assert(value, errs and tostring(errs[1] or errs))
  return value
end

local function errors(files, p)
  local value, errs = validate.run(project.ctx(files), p)
  assert.is_nil(value)
  local out = {}
  for i, e in ipairs(require("prov.err").list(errs)) do
    out[i] = tostring(e) .. (e.hint and " | " .. e.hint or "")
  end
  return out
end

local LONELY = "defaults: { provider: demo }\nnetworks:\n  lan: { cidr: 10.0.0.0/24 }\n"

describe("prov validate", function()
  it("names file, line, column, address and field of a finding", function()
    local value = good({ ["infra.yaml"] = LONELY })
    assert.same({
      rule = "network-unused",
      severity = "warning",
      category = "network",
      message = "nothing is in this network",
      hint = "take it out, or refer to it",
      address = "network.lan",
      path = "networks.lan",
      file = "infra.yaml",
      line = 3,
      column = 3,
    }, of(value, "network-unused")[1])
    assert.same({ "warnings", 0, 1 }, { value.status, value.exit_code, value.counts.warning })
    assert.equal(80, value.rules)
  end)

  it("has other exit codes for errors, and for warnings when it is strict", function()
    assert.equal(8, good({ ["infra.yaml"] = LONELY }, { strict = true }).exit_code)
    local bad = LONELY:gsub("10.0.0.0", "10.0.0.7")
    assert.equal(1, good({ ["infra.yaml"] = bad }, { strict = true }).exit_code)
    assert.equal(1, good({ ["infra.yaml"] = bad }).exit_code)
    local well = LONELY .. 'servers:\n  web: { network: "${network.lan}" }\n'
    local value = good({ ["infra.yaml"] = well }, { strict = true })
    assert.same({ 0, "valid" }, { value.exit_code, value.status })
  end)

  it("does what prov.yaml says of rules", function()
    local function with(rules)
      return good({ ["infra.yaml"] = LONELY, ["prov.yaml"] = "name: t\nvalidate:\n  rules:\n" .. rules })
    end
    assert.same({}, of(with("    network-unused: off\n"), "network-unused"))
    local value = with("    network-unused: error\n")
    assert.same({ "error", 1 }, { of(value, "network-unused")[1].severity, value.exit_code })
    assert.equal("note", of(with("    network-unused: { severity: note }\n"), "network-unused")[1].severity)
    assert.equal(79, with("    network-unused: off\n").rules)
    assert.equal(
      "the tag 'owner' is missing",
      of(with("    tags-required: { tags: [owner] }\n"), "tags-required")[1].message
    )
  end)

  it("does what the settings say of rules, the strongest layer", function()
    local config = require("prov.config")
    local files = {
      ["infra.yaml"] = LONELY,
      ["prov.yaml"] = "name: t\nvalidate: { rules: { network-unused: error } }\n",
      ["config/prov.yaml"] = "rules: { tags-required: { tags: [owner], severity: note } }\n",
    }
    local function with(env, flags)
      local ctx = project.ctx(files)
      ctx.config = config.open({ workspace = ctx.dir, registry = ctx.registry, flags = flags, env = function(name)
        return env[name]
      end })
      local value = assert(validate.run(ctx))
      local found = of(value, "network-unused")[1]
      return { found and found.severity or "off", of(value, "tags-required")[1].severity }
    end
    assert.same({ "error", "note" }, with({}))
    assert.same({ "off", "note" }, with({ PROV_RULES_NETWORK_UNUSED_SEVERITY = "off" }))
    assert.same({ "note", "error" }, with({ PROV_RULES_NETWORK_UNUSED_SEVERITY = "off" }, {
      ["rules.network-unused.severity"] = "note", ["rules.tags-required.severity"] = "error" }))
    local ctx = project.ctx(files)
    assert.same({ "prov.yaml:2", "error" }, (function(row)
      return { row.source, row.value }
    end)(ctx.config:winner("rules.network-unused.severity")))
    files["config/prov.yaml"] = "rules: { network-unused: { severity: note } }\n"
    assert.matches("set in prov.yaml:2 and in config/prov.yaml:1", errors(files)[1])
    files["config/prov.yaml"] = "rules: { network-unused: off }\n"
    assert.matches("set in prov.yaml:2 and in config/prov.yaml:1", errors(files)[1])
    files["config/prov.yaml"] = "rules: { network-unused: loud, data-volume: off }\n"
    assert.matches("^config/prov.yaml:1:10: rules.network%-unused.severity: expected one of off", errors(files)[1])
    files["config/prov.yaml"] = "rules: { data-volume: 3 }\n"
    assert.matches("^config/prov.yaml:1:10: rules.data%-volume: expected a map of settings", errors(files)[1])
  end)

  it("says what is wrong in prov.yaml", function()
    local function with(rules)
      return errors({ ["infra.yaml"] = LONELY, ["prov.yaml"] = "name: t\nvalidate:\n  rules:\n" .. rules })
    end
    assert.same(
      { "prov.yaml:4:5: validate.rules.network-unusd: there is no such rule | did you mean 'network-unused'?" },
      with("    network-unusd: off\n")
    )
    assert.matches(
      "prov.yaml:4:15: validate.rules.budget.monthly: expected a number",
      with("    budget: { monthly: x }\n")[1],
      1,
      true
    )
    local unknown = with("    budget: { most: 3 }\n")[1]
    assert.matches("validate.rules.budget.most: there is no such setting", unknown, 1, true)
    local _, raised = pcall(with, "    budget: loud\n") -- the file itself is refused
    assert.matches(
      'validate.rules.budget: expected one of off, note, warning, error or a map, found "loud"',
      tostring(raised),
      1,
      true
    )
  end)

  it("lets a resource ignore a rule, with the reason", function()
    local function with(validation)
      return good({ ["infra.yaml"] = LONELY:gsub("}\n$", ", validate: " .. validation .. " }\n") })
    end
    local value = with("{ ignore: { network-unused: it is for later } }")
    assert.same(
      { "it is for later", "valid", 1, 0 },
      { of(value, "network-unused")[1].ignored, value.status, value.counts.ignored, value.counts.warning }
    )
    assert.same({}, of(value, "ignore-unused"))
    assert.equal(
      "there is no rule 'network-unusd'",
      of(with("{ ignore: { network-unusd: x } }"), "ignore-unknown")[1].message
    )
    local unused = of(with("{ ignore: { network-small: x } }"), "ignore-unused")[1]
    assert.same({ "networks.lan.validate.ignore.network-small", 3 }, { unused.path, unused.line })
    assert.matches(
      "expected a map, found a list",
      errors({ ["infra.yaml"] = LONELY:gsub("}\n$", ", validate: { ignore: [network-unused] } }\n") })[1],
      1,
      true
    )
  end)

  it("lets a taskserv ignore one, and its server for all of them", function()
    local text =
      "defaults: { provider: demo }\nservers:\n  db:\n    %s\n    taskservs:\n      postgres: { listen: '*', %s }\n"
    local function ignored(server, service)
      local value = good({ ["infra.yaml"] = text:format(server, service) })
      return of(value, "database-unreachable")[1].ignored
    end
    assert.is_nil(ignored("image: debian-12", "port: 5432"))
    assert.equal("a", ignored("image: debian-12", "validate: { ignore: { database-unreachable: a } }"))
    assert.equal("b", ignored("validate: { ignore: { database-unreachable: b } }", "port: 5432"))
  end)

  it("lets a cluster ignore one for all that is in it", function()
    local text = "defaults: { provider: demo }\nclusters:\n  shop: { template: web, count: 1, validate: %s }\n"
    local ignored = "{ ignore: { backend-single: a test, port-ssh: x, prt-ssh: x } }"
    local value = good({ ["infra.yaml"] = text:format(ignored) })
    assert.equal("a test", of(value, "backend-single")[1].ignored)
    assert.same({ 1, 3 }, { #of(value, "ignore-unused"), of(value, "ignore-unused")[1].line })
    assert.equal("there is no rule 'prt-ssh'", of(value, "ignore-unknown")[1].message)
    assert.matches("clusters.shop.validate.ignore: expected a map",
      errors({ ["infra.yaml"] = text:format("{ ignore: x }") })[1], 1, true)
  end)

  it("tells one finding for all instances of a count", function()
    local value =
      good({ ["infra.yaml"] = "defaults: { provider: demo }\nservers:\n  web: { count: 5, plan: huge }\n" })
    local found = of(value, "catalog-unknown")
    assert.same({ 1, "server.web[1]", 4 }, { #found, found[1].address, found[1].more })
    value = good({
      ["infra.yaml"] = "defaults: { provider: demo }\nservers:\n"
        .. '  web: { count: 5, plan: huge, labels: { n: "n${index}" } }\n',
    })
    found = of(value, "catalog-unknown")
    assert.same({ 1, "server.web[1]", 4 }, { #found, found[1].address, found[1].more })
    value = good({
      ["infra.yaml"] = "defaults: { provider: demo }\nservers:\n  web:\n    count: 5\n    image: debian-11\n"
        .. "    taskservs: { nginx: { port: 80 }, haproxy: { listen: 81, backends: [10.0.0.2] } }\n",
    })
    found = of(value, "platform-unsupported")
    assert.same({ 2, 4, 4 }, { #found, found[1].more, found[2].more })
  end)

  it("keeps a hundred findings of a rule and counts the rest", function()
    local lines = { "defaults: { provider: demo }\nservers:\n" }
    for i = 1, 250 do
      lines[#lines + 1] = ("  web%d: { plan: huge }\n"):format(i)
    end
    local found = of(good({ ["infra.yaml"] = table.concat(lines) }), "catalog-unknown")
    assert.equal(101, #found)
    assert.equal("150 more findings of this rule are not shown", found[101].message)
  end)

  it("points at the default a field comes from, and at the cluster", function()
    local value = good({ ["infra.yaml"] = "defaults:\n  provider: demo\n  image: debian-11\nservers:\n  web: {}\n" })
    local found = of(value, "catalog-deprecated")[1]
    assert.same({ 3, "defaults.image" }, { found.line, found.path })
    value =
      good({ ["infra.yaml"] = "defaults: { provider: demo }\nclusters:\n  shop:\n    template: web\n    count: 1\n" })
    found = of(value, "backend-single")[1]
    assert.same({ 3, "clusters.shop", "taskserv.haproxy@server.shop-lb" }, { found.line, found.path, found.address })
  end)

  it("points into Lua and JSON files", function()
    local value = good({
      ["infra.lua"] = "return {\n  defaults = { provider = 'demo' },\n"
        .. "  networks = {\n    lan = {\n      cidr = '10.0.0.7/24',\n    },\n  },\n}\n",
    })
    assert.same({ "infra.lua", 5, 7 }, { value.findings[2].file, value.findings[2].line, value.findings[2].column })
    value = good({
      ["infra.json"] = '{\n  "defaults": {"provider": "demo"},\n  "networks": {\n    "lan":\n'
        .. '      {"cidr": "10.0.0.7/24"}\n  }\n}\n',
    })
    assert.equal(5, of(value, "network-host-bits")[1].line)
  end)

  it("runs one rule only, and shows from a severity on", function()
    local value = good({ ["infra.yaml"] = LONELY }, { rule = { "network-small" } })
    assert.same({ 1, 0 }, { value.rules, #value.findings })
    assert.matches(
      "no rule 'network-smal' | did you mean 'network-small'?",
      errors({ ["infra.yaml"] = LONELY }, { rule = { "network-smal" } })[1],
      1,
      true
    )
    assert.same({}, good({ ["infra.yaml"] = LONELY }, { severity = "error" }).findings)
  end)

  it("writes reports also when the infra does not load", function()
    local value = good({ ["infra.yaml"] = "servers:\n  web: { provider: demo, plam: x }\n" }, { format = "github" })
    assert.matches(
      "^::error title=contract,file=infra.yaml,line=2,col=%d+::servers.web.plam: there is no field",
      value.report
    )
    assert.equal(1, value.exit_code)
    for _, format in ipairs({ "sarif", "junit" }) do
      assert.matches(
        "plam",
        good({ ["infra.yaml"] = "servers:\n  web: { provider: demo, plam: x }\n" }, { format = format }).report
      )
    end
  end)

  it("escapes what a report is made of", function()
    local value = good(
      { ["infra.yaml"] = 'defaults: { provider: demo }\nservers:\n  web: { plan: "<a&b>\\n%\\"" }\n' },
      { format = "github", rule = { "catalog-unknown" } }
    )
    assert.matches("plan '<a&b>%0A%25\"'", value.report, 1, true)
    value = good(
      { ["infra.yaml"] = 'defaults: { provider: demo }\nservers:\n  web: { plan: "<a&b>\\n\\x01" }\n' },
      { format = "junit", rule = { "catalog-unknown" } }
    )
    assert.matches("plan &apos;", value.report:gsub("'", "&apos;"), 1, true)
    assert.matches("&lt;a&amp;b&gt;&#10;?", value.report, 1, true)
    assert.is_nil(value.report:find("[%z\1-\8]"))
  end)

  it("suppresses ignored findings in SARIF and skips them in JUnit", function()
    local text = LONELY:gsub("}\n$", ", validate: { ignore: { network-unused: for later } } }\n")
    local sarif = require("prov.json").decode(good({ ["infra.yaml"] = text }, { format = "sarif" }).report)
    local results = sarif.runs[1].results
    assert.same({ 1, "network-unused", "for later", 3 }, {
      #results,
      results[1].ruleId,
      results[1].suppressions[1].justification,
      results[1].locations[1].physicalLocation.region.startLine,
    })
    assert.equal("network-unused", sarif.runs[1].tool.driver.rules[results[1].ruleIndex + 1].id)
    assert.matches(
      '<skipped message="for later"/>',
      good({ ["infra.yaml"] = text }, { format = "junit" }).report,
      1,
      true
    )
  end)

  it("never writes a secret", function()
    local text = [[
defaults: { provider: demo }
servers:
  db: { taskservs: { postgres: { users: { a: { password: letmein }, b: { password: k7Tz2qq } } } } }
  cache: { taskservs: { redis: { bind: ["*"], password: k7Tz2qq } } }
]]
    for _, format in ipairs({ false, "sarif", "junit", "github" }) do
      local value = good({ ["infra.yaml"] = text }, { format = format or nil })
      local all = assert(require("prov.json").encode(value))
      assert.is_true(#of(value, "password-default") > 0 and #of(value, "password-short") > 0)
      assert.is_nil(all:find("letmein", 1, true))
      assert.is_nil(all:find("k7Tz2qq", 1, true))
    end
  end)
end)

describe("prov validate --fix", function()
  local function mend(files)
    local ctx = project.ctx(files)
    local value, errs = validate.run(ctx, { fix = true })
    assert(value, tostring(errs))
    return value, tmp.read(ctx.dir .. "/" .. next(files))
  end

  it("changes only what a rule mends, in YAML", function()
    local value, text = mend({
      ["infra.yaml"] = "# mine\ndefaults: { provider: demo }\nnetworks:\n  lan:   # office\n    cidr: 10.0.0.7/24\n"
        .. "servers:\n  web: { image: debian-11, network: \"${network.lan}\" }   # old\n",
    })
    assert.equal("# mine\ndefaults: { provider: demo }\nnetworks:\n  lan:   # office\n    cidr: 10.0.0.0/24\n"
      .. "servers:\n  web: { image: debian-12, network: \"${network.lan}\" }   # old\n", text)
    assert.same({ "network-host-bits", "catalog-deprecated", "valid", 0 },
      { value.fixed[1].rule, value.fixed[2].rule, value.status, value.counts.fixable })
  end)

  it("changes and adds values in JSON", function()
    local value, text = mend({
      ["infra.json"] = '{ "defaults": {"provider": "demo"},\n  "volumes": {"a": {"server": "x", "size": "1 GiB"}},\n'
        .. '  "servers": {"web":  {"image": "debian-11"}} }\n',
    })
    assert.equal('{ "defaults": {"provider": "demo"},\n'
      .. '  "volumes": {"a": {"server": "x", "size": "1 GiB", "lifecycle": {"prevent_destroy": true}}},\n'
      .. '  "servers": {"web":  {"image": "debian-12"}} }\n', text)
    assert.equal(0, value.counts.fixable)
    assert.same({}, of(value, "data-protect"))
  end)

  it("leaves alone what is ignored, computed by Lua, or written by a cluster", function()
    for name, text in pairs({
      ["infra.yaml"] = "defaults: { provider: demo }\nservers:\n"
        .. "  web: { image: debian-11, validate: { ignore: { catalog-deprecated: later } } }\n",
      ["infra.lua"] = "return { defaults = { provider = 'demo' }, servers = { web = { image = 'debian-11' } } }\n",
      ["infra.json"] = '{"defaults":{"provider":"demo"},'
        .. '"clusters":{"c":{"template":"web","server":{"image":"debian-11"}}}}',
    }) do
      local value, after = mend({ [name] = text })
      assert.same({}, value.fixed)
      assert.equal(text, after)
    end
  end)
end)

describe("the guide", function()
  it("shows a rule that works", function()
    local root = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/")
    local guide = tmp.read(root .. "/docs/guides/validation.md")
    local ctx = project.ctx({ ["infra.yaml"] = LONELY, ["rules/shown.lua"] = guide:match("```lua\n(.-)```") })
    assert.same({ "plan-small", "ok" }, { rules_show.test(ctx)[1].id, rules_show.test(ctx)[1].status })
  end)
end)

describe("a rule of the workspace", function()
  local HEAD =
    'return { kind = "rule", api = 1, id = "mine", severity = "error", summary = "Mine", applies = { "server" }, '
  local INFRA =
    "defaults: { provider: demo }\nservers:\n  web:\n    taskservs:\n      redis: { password: sepia-otter-flange }\n"

  local function with(rule, p)
    return run({ ["infra.yaml"] = INFRA, ["rules/mine.lua"] = rule }, p or { rule = { "mine" } })
  end

  it("runs in the sandbox and reports like those of prov", function()
    local value = with(HEAD .. [[check = function(ctx, server)
      ctx:report(server, { message = "plan " .. ctx:known(server.args.plan), path = { "taskservs" }, hint = "h" })
    end }]])
    local found = value.findings[1]
    assert.same(
      { "plan 1xCPU-1GB", "own", "server.web", 4, "h" },
      { found.message, found.category, found.address, found.line, found.hint }
    )
  end)

  it("sees everything a rule needs, and no secret", function()
    local value = with(HEAD .. [[check = function(ctx, server)
      local redis = ctx:services(server)[1]
      assert(ctx:server(redis).address == "server.web" and #ctx:taskservs("redis") == 1 and #ctx:resources() == 1)
      assert(ctx:node("server.web") == server and #ctx:resources("network") == 0)
      ctx:report(redis, { message = tostring(redis.args.password) .. rawget(redis.args.password, 1)
        .. tostring(ctx:known(redis.args.password)) .. ctx:catalog(server).plans[1].name })
    end }]])
    assert.equal("(secret)(secret)(secret)1xCPU-1GB", value.findings[1].message)
  end)

  it("changes nothing by what it does to a value", function()
    local value = with(HEAD .. [[check = function(ctx, server)
      server.args.plan = "other"
      ctx:catalog(server).plans[1].name = "other"
      ctx.report = nil
    end }]], {})
    assert.same({}, of(value, "catalog-unknown"))
    assert.same({}, of(value, "mine"))
    local value2 = with(HEAD .. "check = function() end }", { rule = { "catalog-unknown" } })
    assert.same({}, value2.findings)
  end)

  it("that fails, runs for ever or misuses ctx is a finding of its own", function()
    local function failure(body)
      local found = with(HEAD .. "check = function(ctx, server) " .. body .. " end }").findings[1]
      return ("%s %s:%s"):format(found.message, found.file, found.line)
    end
    assert.equal(
      "the rule failed: attempt to index a nil value (field 'nothing') rules/mine.lua:1",
      failure("return server.nothing.x")
    )
    assert.equal(
      "the rule failed: stopped after 200 million instructions rules/mine.lua:1",
      failure("while true do end")
    )
    assert.matches("the message is missing", failure("ctx:report(server, {})"), 1, true)
    assert.matches(
      "expected a resource or taskserv of this infra",
      failure("ctx:report({}, { message = 'x' })"),
      1,
      true
    )
    assert.matches("attempt to .* nil value %(global 'io'%)", failure("io.open('x')"))
    assert.matches("attempt to .* nil value %(field 'registry'%)", failure("return ctx.registry.x"))
  end)

  it("is refused with what is wrong in its declaration", function()
    local function refused(text)
      return errors({ ["infra.yaml"] = INFRA, ["rules/mine.lua"] = text })[1]
    end
    assert.matches(
      "rules/mine.lua: rule 'mine': severity: expected",
      refused(HEAD:gsub('"error"', '"bad"') .. "check = print }"),
      1,
      true
    )
    assert.matches("rules/mine.lua: rule 'mine': check: must be a function", refused(HEAD .. "}"), 1, true)
    assert.matches("rules/mine.lua:1: must return a rule", refused("return nil"), 1, true)
    assert.matches("rules/mine.lua:1: .*expected", refused("return {"))
    assert.matches(
      "rule 'network-small' is declared twice: also in prov itself",
      refused(HEAD:gsub('"mine"', '"network-small"') .. "check = function() end }"),
      1,
      true
    )
    assert.matches(
      "rule 'mine': sumary: there is no field",
      refused(HEAD:gsub("summary", "sumary") .. "check = print }"),
      1,
      true
    )
  end)

  it("may come from an extension, and several from one file", function()
    local one = HEAD:sub(8) .. "check = function(ctx, s) ctx:report(s, { message = 'x' }) end }"
    local value = run({
      ["infra.yaml"] = INFRA,
      ["extensions/rules/house.lua"] = "return { " .. one .. ", " .. one:gsub('"mine"', '"other"') .. " }",
    }, {})
    assert.same({ 1, 1 }, { #of(value, "mine"), #of(value, "other") })
  end)

  it(
    "has its examples run, and a new one passes",
    require("support.async").test(function()
      local ctx = project.ctx({ ["infra.yaml"] = INFRA })
      assert.same({}, rules_show.test(ctx))
      assert.equal("rules/plan-small.lua", assert(rules_show.new(ctx.need_workspace(), "plan-small")).file)
      assert.same({ "plan-small", "ok" }, { rules_show.test(ctx)[1].id, rules_show.test(ctx)[1].status })
      tmp.write(
        ctx.dir .. "/rules/plan-small.lua",
        (tmp.read(ctx.dir .. "/rules/plan-small.lua"):gsub('== "1xCPU%-1GB"', '== "none"'))
      )
      assert.equal("it finds nothing in its bad example", rules_show.test(ctx)[1].problem)
      assert.equal("exists", select(2, rules_show.new(ctx.need_workspace(), "plan-small")).code)
      assert.equal("exists", select(2, rules_show.new(ctx.need_workspace(), "budget")).code)
    end)
  )
end)
