--- The examples of every rule are its tests: the bad one makes it find something, the good one does not.

local example = require("prov.validate.example")
local fix = require("prov.validate.fix")
local infra = require("prov.infra")
local registry = require("prov.registry")
local rules = require("prov.rules")
local yaml = require("prov.yaml")

local all = rules.built_in()
local installed = registry.open(nil, { path = "" })

describe("the rule", function()
  for _, rule in ipairs(all) do
    it(rule.id .. " finds its bad example, and nothing in the good one", function()
      assert.same({}, example.problems(rule, installed))
    end)
  end

  for _, rule in ipairs(all) do
    local first = (example.run(rule, rule.bad, installed) or {})[1]
    if first and first.fix then
      it(rule.id .. " mends its bad example", function()
        local text, options = example.parts(rule.bad)
        for _, finding in ipairs(assert(example.run(rule, rule.bad, installed))) do
          for _, edit in ipairs(finding.fix) do
            text = assert(fix.editor(edit.file).set(text, edit.path, edit.value))
          end
        end
        assert.same({}, assert(example.run(rule, { infra = text, options = options }, installed)))
      end)
    end
  end

  it("has an id of its own, says what is wrong and why, and what to do", function()
    local seen = {}
    for _, rule in ipairs(all) do
      assert.is_nil(seen[rule.id], rule.id)
      seen[rule.id] = true
      assert.matches("^[a-z][a-z0-9-]*$", rule.id)
      assert.is_true(({ error = true, warning = true, note = true })[rule.severity], rule.id)
      assert.matches("%.$", rule.doc, rule.id)
      assert.matches("^%w.*[^.]$", rule.summary, rule.id)
      for _, finding in ipairs(assert(example.run(rule, rule.bad, installed))) do
        assert.matches("^%S.*[^.]$", finding.message, rule.id)
        assert.truthy(finding.hint, rule.id .. " has no hint")
        assert.truthy(finding.path, rule.id)
      end
    end
    assert.is_true(#all >= 40, #all .. " rules")
  end)
end)

--- What a field of a contract may hold besides a plain value: a reference, also inside of what it holds.
local function strange(field)
  local out = { "${server.b.id}" }
  if field.type == "list" then
    out[2] = { "${server.b.id}", "x ${server.b.id}" }
  elseif field.type == "map" then
    out[2] = { a = "${server.b.id}" }
  end
  return out
end

describe("no rule fails or hangs", function()
  local function look(tree)
    local source = { file = "infra.yaml", tree = tree, place = function() end, text = "" }
    local loaded = infra.build(
      { dir = "/", name = "t", defaults = { provider = "demo" } },
      { source },
      { registry = installed }
    )
    if not loaded then
      return false -- the contract has refused it
    end
    local scene = require("prov.validate.scene").new(loaded, installed)
    for _, finding in ipairs((require("prov.validate.check").run(scene, all))) do
      assert.is_nil(finding.message:find("the rule failed", 1, true), finding.rule .. ": " .. finding.message)
    end
    return true
  end

  it("on references in any field of a service", function()
    local looked = 0
    for _, one in ipairs(installed:index("taskserv")) do
      local schema = assert(installed:get("taskserv", one.name)).schema
      for name, field in pairs(schema) do
        for _, v in ipairs(strange(field)) do
          local tree = { servers = { b = {}, a = { taskservs = { [one.name] = { [name] = v } } } } }
          looked = looked + (look(tree) and 1 or 0)
        end
      end
    end
    assert.is_true(looked > 60, looked)
  end)

  it("on references in any field of a resource", function()
    local looked = 0
    for _, provider in ipairs({ "demo", "local" }) do
      for kind, resource in pairs(assert(installed:get("provider", provider)).resources) do
        for name, field in pairs(resource.schema) do
          for _, v in ipairs(strange(field)) do
            local tree = {
              [require("prov.infra.merge").plural(kind)] = {
                a = {
                  provider = provider,
                  [name] = v,
                  network = name ~= "network" and resource.schema.network and "somewhere" or v,
                },
              },
            }
            if not (resource.schema.network or name == "network") then
              tree[next(tree)].a.network = nil
            end
            tree.servers = tree.servers or {}
            tree.servers.b = {}
            looked = looked + (look(tree) and 1 or 0)
          end
        end
      end
    end
    assert.is_true(looked > 15, looked)
  end)

  it("on an empty infra", function()
    assert.is_true(look({}))
    assert.is_true(look(yaml.decode("outputs: { a: 1 }")))
  end)
end)

describe("a rule of prov that fails", function()
  it("is told once, and keeps no other from any node", function()
    local tree = { servers = { a = {}, b = {}, c = {} } }
    local source = { file = "infra.yaml", tree = tree, place = function() end, text = "" }
    local loaded = assert(infra.build({ dir = "/", name = "t", defaults = { provider = "demo" } }, { source },
      { registry = installed }))
    local seen, after = {}, {}
    local function rule(id, fn)
      return { id = id, severity = "note", category = "t", summary = "x", applies = { "server", "infra" }, check = fn }
    end
    local findings = require("prov.validate.check").run(require("prov.validate.scene").new(loaded, installed), {
      rule("first", function(_, node)
        seen[#seen + 1] = node and node.name or "infra"
      end),
      rule("broken", function(_, node)
        if not node or node.name == "b" then
          error("no")
        end
      end),
      rule("last", function(ctx, node)
        after[#after + 1] = node and node.name or "infra"
        if node then
          ctx:report(node, { message = "m" })
        end
      end),
    })
    assert.same({ { "a", "b", "c", "infra" }, { "a", "b", "c", "infra" } }, { seen, after })
    local ids = {}
    for i, finding in ipairs(findings) do
      ids[i] = finding.rule
    end
    assert.same({ "last", "last", "last", "broken" }, ids)
    assert.matches("the rule failed: .*no$", findings[4].message)
  end)
end)
