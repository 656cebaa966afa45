local routes = require("prov.face.rest.routes")

describe("routes", function()
  local all = routes.new()

  local function at(method, path)
    local op, values = all:match(method, path)
    return op and op.name, values
  end

  it("finds operations, with the values of the path", function()
    assert.are.equal("job list", (at("GET", "/v1/jobs")))
    local name, values = at("GET", "/v1/jobs/j1")
    assert.are.equal("job show", name)
    assert.are.same({ id = "j1" }, values)
    assert.are.equal("job show", (at("HEAD", "/v1/jobs/j1")))
    name, values = at("POST", "/v1/workspaces/shop/runs")
    assert.are.equal("apply", name)
    assert.are.equal("shop", values.workspace)
  end)

  it("decodes what is encoded, and only once", function()
    assert.are.same({ id = "a b/c%20ä" }, select(2, at("GET", "/v1/jobs/a%20b%2Fc%2520%C3%A4")))
    assert.are.same({ id = "a+b" }, select(2, at("GET", "/v1/jobs/a+b")))
    for _, bad in ipairs({ "%", "%2", "%zz", "%00", "%ff", "%C3%28" }) do
      assert.is_nil(all:match("GET", "/v1/jobs/" .. bad), bad)
    end
  end)

  it("tells methods a path has", function()
    local op, methods = all:match("PATCH", "/v1/jobs")
    assert.is_nil(op)
    assert.are.same({ "GET", "HEAD", "POST" }, methods)
    assert.are.same({ "POST" }, select(2, all:match("GET", "/v1/jobs/x/cancel")))
  end)

  it("knows no other spelling of a path", function()
    for _, path in ipairs({ "/v1/jobs/", "//v1/jobs", "/v1//jobs", "v1/jobs", "", "/", "/V1/jobs", "/v1/jobs/a/b" }) do
      local op, values = all:match("GET", path)
      assert.is_nil(op, path)
      assert.is_nil(values, path)
    end
  end)

  it("takes a literal before a parameter, and has a way back", function()
    local ops = 0
    for _, op in ipairs(all.ops) do
      local path = op.http.path:gsub("{[%w_]+}", "zzz")
      local found, values = all:match(op.http.method, path)
      assert.are.equal(op.name, found and found.name, path)
      for _, value in pairs(values) do
        assert.are.equal("zzz", value)
      end
      ops = ops + 1
    end
    assert.is_true(ops > 50)
  end)
end)
