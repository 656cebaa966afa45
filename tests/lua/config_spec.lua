local config = require("prov.config")
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
      { "flag 40 true", "environment 30 false", "workspace 20 false", "user nil false", "default 10 false" },
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
    e = open():check_files()
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
    for _, key in ipairs(real:names()) do
      local value, e = real:get(key)
      assert.is_nil(e)
      assert.is_not_nil(value, key)
    end
  end)

  it("lists every key with what wins", function()
    local rows = open():all()
    assert.are.equal(#open():names(), #rows)
    for _, row in ipairs(rows) do
      assert.are.equal("default", row.layer)
      assert.is_string(row.doc)
    end
  end)
end)
