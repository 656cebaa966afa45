local err = require("prov.err")

describe("prov.err", function()
  it("is nil and an error from fail", function()
    local value, e = err.fail("notfound", "no server '%s'", "web")
    assert.is_nil(value)
    assert.is_true(err.is(e))
    assert.equal("notfound", e.code)
    assert.equal("no server 'web'", e.msg)
    assert.equal("no server 'web'", tostring(e))
  end)

  it("takes a percent sign as it is when there is nothing to format", function()
    local _, e = err.fail("limit", "disk is 100% full")
    assert.equal("disk is 100% full", e.msg)
    assert.equal("copy: 100% done: disk is 100% full", e:wrap("copy: 100% done"):text())
  end)

  it("names the place, as far as it is known", function()
    local function text(fields)
      return err.new("invalid", "bad", fields):text()
    end
    assert.equal("bad", text({ line = 3 }))
    assert.equal("a.yaml: bad", text({ file = "a.yaml" }))
    assert.equal("a.yaml:3: bad", text({ file = "a.yaml", line = 3 }))
    assert.equal("a.yaml:3:7: bad", text({ file = "a.yaml", line = 3, column = 7 }))
  end)

  it("keeps cause, hint and data when wrapped", function()
    local inner = err.new("denied", "no key fits", { hint = "add one", data = { host = "h" }, file = "f" })
    local outer = inner:wrap("connect to %s", "web")
    assert.equal("denied", outer.code)
    assert.equal("add one", outer.hint)
    assert.equal("h", outer.data.host)
    assert.equal(inner, outer.cause)
    assert.equal("connect to web: f: no key fits", tostring(outer))
  end)

  it("refuses a code that is not in the list", function()
    assert.has_error(function()
      err.new("oops", "text")
    end)
  end)

  it("has an exit code between 1 and 255 for every code", function()
    for code, exit in pairs(err.CODES) do
      assert.is_true(math.type(exit) == "integer" and exit >= 1 and exit <= 255, code)
    end
  end)

  it("knows its own from anything else", function()
    for _, value in ipairs({ "text", 1, true, {}, { code = "io", msg = "x" }, setmetatable({}, {}) }) do
      assert.is_false(err.is(value))
    end
    assert.is_false(err.is(nil))
  end)

  it("makes a bug of what is no error", function()
    local e = err.from("attempt to index nil", "stack")
    assert.equal("bug", e.code)
    assert.equal("stack", e.data.traceback)
    assert.equal("bug", err.from(nil).code)
    local own = err.new("io", "x")
    assert.equal(own, err.from(own))
  end)

  it("translates what luv says", function()
    for text, code in pairs({
      ["ENOENT: no such file or directory"] = "notfound",
      ["EACCES: permission denied"] = "denied",
      ["ECONNREFUSED: connection refused"] = "unavailable",
      ["E2BIG: argument list too long"] = "io",
      ["EAI_NONAME: unknown node or service"] = "io",
      ["something else"] = "io",
    }) do
      local e = err.uv(text, "open %s", "x")
      assert.equal(code, e.code)
      assert.equal("open x: " .. text:gsub("^E[%u%d_]+: ", ""), e.msg)
      assert.equal(text:match("^(E[%u%d_]+): "), e.data.errno)
    end
  end)

  it("is the class of what C hands over", function()
    local graph = require("core.graph").new(2)
    graph:edge(1, 2)
    graph:edge(2, 1)
    local value, e = graph:sort()
    assert.is_nil(value)
    assert.is_true(err.is(e))
    assert.equal("cycle", e.code)
    assert.is_string(e:text())
  end)
end)
