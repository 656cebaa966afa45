local data = require("core.data")
local state = require("prov.state")
local transfer = require("prov.state.transfer")
local value = require("prov.value")

describe("a record", function()
  local record = state.record({
    address = "server.db",
    kind = "server",
    provider = "demo",
    id = "s-1",
    args = { labels = { password = value.secret("hunter2"), tier = "db" }, pair = { "a", value.secret("b") } },
    state = { id = "s-1", labels = { password = "hunter2", tier = "db" }, pair = data.list({ "a", "b" }) },
  })

  it("tells nobody what was given as a secret, though the provider says it in plain text", function()
    local shown = record:shown()
    assert.is_true(value.is_secret(shown.labels.password))
    assert.is_true(value.is_secret(shown.pair[2]))
    assert.is_true(value.is_list(shown.pair))
    assert.equal("db", shown.labels.tier)
    assert.equal("hunter2", record:state().labels.password)
    assert.is_true(value.is_secret(record:shown({ labels = { password = "changed" } }).labels.password))
    assert.is_true(value.is_secret(state.at(shown, { "labels", "password" })))
    assert.is_nil(state.at(shown, { "labels", "password", "x" }))
  end)

  it("is exported without its secrets, unless they are asked for", function()
    local now = { records = { ["server.db"] = record }, revision = 1 }
    function now.addresses()
      return { "server.db" }
    end
    assert.is_nil(transfer.export(now, "json"):find("hunter2", 1, true))
    assert.is_truthy(transfer.export(now, "json", true):find("hunter2", 1, true))
  end)

  it("shares a state without secrets", function()
    local plain = state.record({ address = "server.a", args = { plan = "S" }, state = { id = "x", plan = "S" } })
    assert.equal(plain:state(), plain:shown())
  end)
end)
