local suggest = require("prov.suggest")

describe("suggest", function()
  it("finds the nearest word", function()
    local words = { "nginx", "postgres", "haproxy", "etcd", "redis" }
    local mistyped = { ngnix = "nginx", postgers = "postgres", HAProxy = "haproxy", ectd = "etcd", rediss = "redis" }
    for typed, want in pairs(mistyped) do
      assert.are.equal(want, suggest.nearest(typed, words))
    end
  end)

  it("says nothing when no word is near", function()
    for _, typed in ipairs({ "zookeeper", "x", "", "ng" }) do
      assert.is_nil(suggest.nearest(typed, { "nginx", "postgres", "a" }), typed)
    end
    assert.is_nil(suggest.hint("zookeeper", { "nginx" }))
    assert.is_nil(suggest.nearest("x", {}))
  end)

  it("lists what there is when it is little", function()
    local e = suggest.unknown("provider", "zookeeper", { "local", "demo" })
    assert.are.equal("no provider 'zookeeper'", e.msg)
    assert.are.equal("there are: demo, local", e.hint)
    assert.are.equal("notfound", e.code)
  end)

  it("takes long words without taking long", function()
    local words = {}
    for i = 1, 2000 do
      words[i] = ("w"):rep(200) .. i
    end
    local started = os.clock()
    suggest.nearest(("v"):rep(200), words)
    assert.is_true(os.clock() - started < 2)
  end)
end)
