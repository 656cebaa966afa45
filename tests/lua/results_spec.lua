--- Every operation with a route says what it gives, and the reading ones give what they say.

local json = require("prov.json")
local ops = require("prov.ops")
local params_of = require("prov.params")
local project = require("support.project")
local results = require("prov.results")
local routes = require("prov.face.rest.routes")
local test = require("support.async").test

local INFRA = [[
defaults: { provider: demo }
networks: { lan: {} }
servers:
  web: { count: 2, network: "${network.lan}" }
items: { note: { value: "${server.web[1].ip}" } }
outputs: { ip: "${server.web[1].ip}" }
]]

local FLOW = [[
kind: workflow
api: 1
name: roll
summary: Looks
steps: [{ name: look, run: server list }]
]]

-- Parameters of operations that need some.
local PARAMS = {
  ["cluster show"] = { name = "web" },
  ["config explain"] = { key = "parallelism" },
  ["config get"] = { key = "parallelism" },
  ["provider show"] = { name = "demo" },
  ["rule show"] = { id = "budget" },
  ["server show"] = { name = "web-1" },
  ["state query"] = { query = "server:*" },
  ["state show"] = { address = "server.web[1]" },
  ["taskserv show"] = { name = "nginx" },
  ["workflow graph"] = { name = "roll" },
  ["workflow show"] = { name = "roll" },
  ["workspace show"] = {},
}

local function context(dir, fields)
  fields.output, fields.cancel = "json", {}
  return require("prov.context").new({ workspace = dir, yes = true }, fields)
end

local function give(op, dir, ui, params)
  local ctx <close> = context(dir, { ui = ui })
  local value, e = op.run(ctx, assert(params_of.complete(op, params or PARAMS[op.name] or {})))
  assert.is_nil(e, op.name)
  local ok, errs = results.check(op, json.decode(json.encode(value)))
  assert.is_true(ok, ("%s: %s in %s"):format(op.name, errs and tostring(errs[1]), json.encode(value)))
  return value
end

describe("what operations give", function()
  it("is declared by each that has a route", function()
    for _, op in ipairs(routes.new().ops) do
      if not op.stream then
        local field = results.field(op)
        assert.is_table(field, op.name)
        require("prov.contract").compile({ result = field })
      end
    end
  end)

  it("is what the reading ones declare", test(function()
    local c = project.ctx({ ["infra.yaml"] = INFRA, ["workflows/roll.yaml"] = FLOW })
    assert.equal("done", assert(project.apply(c)).status)
    give(ops.load("workflow run"), c.dir, c.ui, { name = "roll" })
    local count = 0
    for _, op in ipairs(routes.new().ops) do
      if op.http.method == "GET" and not op.where then
        give(op, c.dir, c.ui)
        count = count + 1
      end
    end
    assert.is_true(count >= 25)
  end))

  it("is what those declare that change something", test(function()
    local c = project.ctx({ ["infra.yaml"] = INFRA })
    for _, call in ipairs({
      { "plan" },
      { "apply" },
      { "apply" },
      { "state list", { revision = 0 } },
      { "state query", { query = "server:*", explain = true } },
      { "state query", { query = "server:* | count" } },
      { "refresh" },
      { "state mv", { from = "item.note", to = "item.other" } },
      { "state rm", { addresses = { "item.other" } } },
      { "state restore", { revision = 1 } },
      { "state unlock" },
      { "state backup", { file = c.dir .. "/copy.mdb" } },
      { "run rollback" },
      { "run show" },
      { "plan", { destroy = true, out = c.dir .. "/plan.json" } },
      { "show", { plan = c.dir .. "/plan.json" } },
      { "destroy" },
      { "status" },
    }) do
      give(ops.load(call[1]), c.dir, c.ui, call[2] or {})
    end
  end))

  it("is refused when it is something else", function()
    local op = { result = { schema = { name = { type = "string", required = true } }, list = true } }
    assert.is_true(results.check(op, json.decode('[{"name":"a"}]')))
    assert.is_false((results.check(op, json.decode('[{"name":1}]'))))
    assert.is_false((results.check(op, json.decode('[{"name":"a","more":1}]'))))
    assert.is_false((results.check(op, json.decode("{}"))))
  end)
end)
