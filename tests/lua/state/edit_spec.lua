local data = require("core.data")
local edit = require("prov.state.edit")
local history = require("prov.state.history")
local state = require("prov.state")
local tmp = require("support.tmp")
local transfer = require("prov.state.transfer")
local value = require("prov.value")

describe("state", function()
  local store

  local function commit(batch)
    batch.message = batch.message or "test"
    return assert(store:commit_sync(batch))
  end

  local function put(address, kind, needs, fields)
    commit(state.writes(state.record({
      address = address, kind = kind, provider = "demo", id = fields.id or address, key = "k-" .. address,
      needs = needs, args = fields, state = fields,
    })))
  end

  local function now(revision)
    return assert(state.load(store, revision))
  end

  before_each(function()
    store = assert(require("core.store").open(tmp.dir() .. "/state.mdb"))
    put("network.lan", "network", {}, { cidr = "10.0.0.0/24" })
    put("server.web", "server", { "network.lan" }, { plan = "small" })
    put("server.db", "server", { "network.lan" }, { plan = "big" })
    put("taskserv.nginx@server.web", "taskserv", { "server.web" }, { id = "taskserv.nginx@server.web" })
    put("server.lb", "server", { "network.lan", "taskserv.nginx@server.web", "server.web" }, { plan = "small" })
  end)

  after_each(function()
    store:close()
  end)

  it("gives a thing another address, with its services and everything that refers to it", function()
    local batch, map = edit.move(now(), "server.web", "server.front[1]")
    commit(batch)
    assert.equal("taskserv.nginx@server.front[1]", map["taskserv.nginx@server.web"])
    local after = now()
    assert.same({
      "network.lan", "server.db", "server.front[1]", "server.lb", "taskserv.nginx@server.front[1]",
    }, after:addresses())
    local needs = after.records["server.lb"].needs
    assert.same({ "network.lan", "taskserv.nginx@server.front[1]", "server.front[1]" }, needs)
    assert.equal("k-server.web", after.records["server.front[1]"].key)
    assert.equal("taskserv.nginx@server.front[1]", after.records["taskserv.nginx@server.front[1]"].id)
    local types = {}
    for _, edge in ipairs(assert(store:edges("server.front[1]", "both"))) do
      types[#types + 1] = table.concat({ edge[1], edge[2], edge[3] }, " ")
    end
    table.sort(types)
    assert.same({
      "server.front[1] connected network.lan",
      "server.lb depends_on server.front[1]",
      "taskserv.nginx@server.front[1] running_on server.front[1]",
    }, types)
    assert.equal(0, store:check().errors)
    assert.same({}, assert(store:edges("server.web", "both")))
  end)

  it("refuses addresses that are taken, of another kind, or none", function()
    for to, message in pairs({
      ["server.db"] = "something at server.db already",
      ["network.x"] = "is a server",
      ["serverx"] = "",
    }) do
      local batch, e = edit.move(now(), "server.web", to)
      assert.is_nil(batch)
      assert.matches(message, e.msg, 1, true)
    end
    local batch, e = edit.move(now(), "server.wev", "server.x")
    assert.is_nil(batch)
    assert.matches("server.web", e.hint, 1, true)
    assert.is_nil((edit.move(now(), "taskserv.nginx@server.web", "taskserv.nginx@server.db")))
  end)

  it("forgets things that nothing needs, or all of it by force", function()
    local batch, e = edit.forget(now(), { "server.web" })
    assert.is_nil(batch)
    assert.matches("server.lb needs server.web", e.msg, 1, true)
    commit(assert(edit.forget(now(), { "server.lb", "server.web", "taskserv.nginx@server.web" })))
    assert.same({ "network.lan", "server.db" }, now():addresses())
    commit(assert(edit.forget(now(), { "network.lan" }, true)))
    assert.same({ "server.db" }, now():addresses())
    assert.equal(0, store:check().errors)
  end)

  it("shows what changed, and goes back to any revision", function()
    local past = now()
    put("server.db", "server", { "network.lan" }, { plan = "huge" })
    commit(assert(edit.forget(now(), { "server.lb" })))
    put("volume.new", "volume", {}, { size = 1 })
    local rows = history.diff(past, now())
    local seen = {}
    for i, row in ipairs(rows) do
      seen[i] = row.change .. " " .. row.address
    end
    assert.same({ "changed server.db", "removed server.lb", "added volume.new" }, seen)
    assert.same({ "args.plan", "state.plan" }, { rows[1].changes[1].path, rows[1].changes[2].path })
    assert.same({ "big", "huge" }, { rows[1].changes[1].before, rows[1].changes[1].after })
    commit(history.restore(now(), past))
    assert.same({}, history.diff(past, now()))
    assert.same({}, history.restore(now(), past))
    assert.equal(0, store:check().errors)
    assert.equal("test", history.list(store, 1)[1].what)
    local none, e = state.load(store, 10000)
    assert.is_nil(none)
    assert.equal("notfound", e.code)
  end)

  it("survives export and import", function()
    put("item.s", "item", { "network.lan" }, {
      token = value.secret("s3cret"), list = data.list({}), map = {}, int = math.maxinteger, half = 0.5,
    })
    local text = transfer.export(now(), "json")
    assert.is_nil(text:find("s3cret", 1, true))
    local back = assert(transfer.import(transfer.export(now(), "json", true), "x.json"))
    assert.same(now():addresses(), back:addresses())
    for _, row in ipairs(history.diff(now(), back)) do -- the secret is plain text now, all else is as it was
      assert.equal("item.s", row.address)
      for _, change in ipairs(row.changes) do
        assert.matches("token", change.path, 1, true)
      end
    end
    for bad, message in pairs({
      ["{"] = "x.json",
      ["[]"] = "x.json",
      ['{"format":"other","version":1,"records":[]}'] = "format",
      ['{"format":"prov state","version":99,"records":[]}'] = "version",
      ['{"format":"prov state","version":1,"records":[{"address":"x","kind":"y"}]}'] = "records[1]",
      ['{"format":"prov state","version":1,"records":[{"address":"item.a","kind":"item"}]}'] = "has no id",
    }) do
      local none, e = transfer.import(bad, "x.json")
      assert.is_nil(none, bad)
      assert.matches(message, tostring(e), 1, true)
    end
  end)

  it("writes statements for SurrealDB with every record and edge", function()
    local text = transfer.export(now(), "surql")
    assert.equal(5, select(2, text:gsub("CREATE ", "")))
    assert.equal(6, select(2, text:gsub("RELATE ", "")))
    assert.matches("RELATE taskserv:`taskserv.nginx@server.web`->running_on->server:`server.web`;", text, 1, true)
  end)
end)
