local async = require("prov.async")
local crypto = require("core.crypto")
local err = require("prov.err")
local store = require("core.store")
local task = require("support.async")
local tmp = require("support.tmp")

local KEY = ("k"):rep(32)

local function open(dir, options)
  options = options or {}
  options.sealer = options.sealer or crypto.sealer(KEY)
  return assert(store.open(dir .. "/state.db", options))
end

local function commit(s, batch)
  return async.await(function(resume)
    return s:commit(batch, resume)
  end)
end

describe("store", function()
  local dir, s

  before_each(function()
    dir = tmp.dir()
    s = open(dir)
  end)

  after_each(function()
    s:close()
  end)

  it("reads nodes and edges at any revision", function()
    assert.equal(0, s:head())
    assert.equal(
      1,
      s:commit_sync({
        message = "first",
        { "node", "server.web", "server", "one" },
        { "node", "network.lan", "network", "" },
        { "edge", "server.web", "depends_on", "network.lan", "why" },
      })
    )
    assert.equal(2, s:commit_sync({ { "node", "server.web", "server", "two" } }))
    assert.equal(3, s:commit_sync({ { "del_node", "server.web" } }))
    assert.same({ "server", "one" }, { s:node("server.web", 1) })
    assert.same({ "server", "two" }, { s:node("server.web", 2) })
    assert.same({}, { s:node("server.web") })
    assert.same({ { "network.lan", "network", "" } }, s:nodes())
    assert.same({ { "server.web", "server", "two" } }, s:nodes("server", 2))
    assert.same({ { "server.web", "depends_on", "network.lan", "why" } }, s:edges("network.lan", "in", nil, 2))
    assert.same({}, s:edges("network.lan", "in"))
    assert.same({}, s:edges("network.lan", "out", nil, 2))
    assert.same({}, s:edges("server.web", "both", "mounts", 2))
    local rows = s:revisions(2)
    assert.same({ 3, 2 }, { rows[1][1], rows[2][1] })
    assert.equal("first", s:revisions()[3][3])
    assert.is_true(math.abs(rows[1][2] / 1000 - os.time()) < 100)
  end)

  it("keeps journal and key/value spaces, also over closing", function()
    s:commit_sync({ { "journal", "r1", "a" }, { "journal", "r2", "b" }, { "journal", "r1", "c\0d" } })
    s:commit_sync({ { "put", "queue", "job/1", "x" }, { "put", "queue", "job/2", "y" }, { "put", "queue", "z", "" } })
    s:commit_sync({ { "del", "queue", "job/1" } })
    s:close()
    s = open(dir)
    assert.same({ { 1, "r1", "a" }, { 3, "r1", "c\0d" } }, s:journal("r1"))
    assert.same({ { 2, "r2", "b" } }, s:journal(nil, 2, 1))
    assert.equal("y", s:get("queue", "job/2"))
    assert.same({}, { s:get("queue", "job/1") })
    assert.same({ { "job/2", "y" } }, s:scan("queue", "job/"))
    assert.equal(2, #s:scan("queue"))
    local report = s:check()
    assert.same({ 3, 2, 0 }, { report.journal, report.keys, report.errors })
  end)

  it("reads a part of a space, from either end", function()
    local batch = {}
    for i = 1, 9 do
      batch[i] = { "put", "audit", ("%02d"):format(i), tostring(i) }
    end
    s:commit_sync(batch)
    assert.same({ { "09", "9" }, { "08", "8" } }, s:scan("audit", nil, { reverse = true, limit = 2 }))
    assert.same({ { "03", "3" } }, s:scan("audit", "0", { after = "02", limit = 1 }))
    assert.same({ { "01", "1" } }, s:scan("audit", "", { after = "02", reverse = true }))
    assert.same({}, s:scan("audit", "", { limit = 0 }))
    assert.has_error(function()
      s:scan("audit", "", { after = 3 })
    end, "field 'after' must be a string")
    assert.has_error(function()
      s:scan("audit", "", { limit = "x" })
    end)
  end)

  it("removes ranges of keys and the journal of a run", function()
    s:commit_sync({
      { "put", "audit", "a1", "" }, { "put", "audit", "a2", "" }, { "put", "audit", "a3", "" },
      { "put", "audit", "b1", "" }, { "journal", "r1", "x" }, { "journal", "r2", "y" },
    })
    s:commit_sync({ { "del_range", "audit", "a", "a3" }, { "del_journal", "r1" } })
    assert.same({ { "a3", "" }, { "b1", "" } }, s:scan("audit"))
    assert.same({ { 2, "r2", "y" } }, s:journal())
    s:commit_sync({ { "del_range", "audit" } })
    assert.same({}, s:scan("audit"))
    local report = s:check()
    assert.same({ 0, 1, 0 }, { report.keys, report.journal, report.errors })
  end)

  it("commits in order, on a worker, failing one by one", task.test(function()
    local outcomes, queued = {}, {}
    for i = 1, 30 do
      local batch = { { "node", "n", "t", tostring(i) }, expected = i % 3 == 0 and 1000 or nil }
      queued[i] = s:commit(batch, function(revision, e)
        outcomes[#outcomes + 1] = revision or e.code
      end)
    end
    assert.equal(0, #outcomes)
    assert.equal(20, commit(s, { { "journal", "r", "last" } }))
    for i = 1, 30 do
      assert.is_true(queued[i])
      assert.equal(i % 3 == 0 and "conflict" or i - i // 3, outcomes[i])
    end
    assert.same({ "t", "29" }, { s:node("n") })
  end))

  it("finishes queued commits when it is closed", task.test(function()
    local done = 0
    for i = 1, 50 do
      s:commit({ { "journal", "r", tostring(i) } }, function(revision)
        done = done + (revision and 1 or 0)
      end)
    end
    s:close()
    s = open(dir)
    assert.equal(50, #s:journal("r"))
    while done < 50 do
      async.sleep(1)
    end
  end))

  it("lets one owner at a time through, and refuses stale epochs", function()
    local token = assert(s:claim("workspace", "alice", 1000, 0))
    local none, e = s:claim("workspace", "bob", 1000, 500)
    assert.is_nil(none)
    assert.same({ "locked", "alice", 1000, token }, { e.code, e.data.owner, e.data.expires, e.data.token })
    assert.same({ { "workspace", "alice", token, 1000 } }, s:locks())
    assert.is_true(s:renew("workspace", token, 1000, 900))
    assert.equal(0, s:commit_sync({ epoch = token, { "journal", "r", "a" } }))
    local second = assert(s:claim("workspace", "bob", 1000, 5000))
    assert.is_true(second > token)
    assert.equal("conflict", select(2, s:commit_sync({ epoch = token, { "journal", "r", "b" } })).code)
    assert.equal("conflict", select(2, s:release("workspace", token)).code)
    assert.equal("conflict", select(2, s:renew("workspace", token, 1000, 900)).code)
    assert.is_true(s:release("workspace", second))
    assert.equal(1, #s:journal("r"))
  end)

  it("returns errors of the world and raises bugs of the caller", function()
    local path = dir .. "/state.db"
    local function code(...)
      local value, e = ...
      assert.is_nil(value)
      assert.is_true(err.is(e))
      return e.code
    end
    assert.equal("locked", code(store.open(path, { sealer = crypto.sealer(KEY) })))
    assert.equal("notfound", code(s:commit_sync({ { "edge", "ghost", "t", "x" } })))
    assert.equal("limit", code(s:commit_sync({ { "node", ("x"):rep(401), "t", "" } })))
    assert.equal("invalid", code(s:commit({ { "node", "", "t", "" } }, error)))
    s:close()
    assert.equal("auth", code(store.open(path)))
    assert.equal("auth", code(store.open(path, { sealer = crypto.sealer(("o"):rep(32)) })))
    assert.equal("notfound", code(store.open(dir .. "/none", { readonly = true })))
    assert.has_error(function()
      s:head()
    end, "store is closed")
    s:close() -- closing twice does nothing
    s = open(dir, { readonly = true })
    assert.equal("denied", code(s:commit_sync({ { "journal", "r", "x" } })))
    assert.equal("denied", code(s:commit({ { "journal", "r", "x" } }, error)))
    for _, bad in ipairs({ { "x" }, { "fly", "a" }, { "node", "a", "t" }, { "node", "a", "t", {} }, "node", { 1 } }) do
      assert.has_error(function()
        s:commit_sync({ bad })
      end)
    end
    assert.has_error(function()
      s:commit({})
    end)
    assert.has_error(function()
      s:commit_sync({ expected = "one" })
    end)
    assert.has_error(function()
      s:node("a", -1)
    end)
    assert.has_error(function()
      store.open(path, { sealer = {} })
    end)
  end)

  it("backs up while open", function()
    s:commit_sync({ { "node", "a", "t", "v" } })
    local copy = tmp.dir()
    assert.is_true(s:backup(copy .. "/state.db"))
    assert.equal("exists", select(2, s:backup(copy .. "/state.db")).code)
    local c <close> = open(copy)
    assert.same({ "t", "v" }, { c:node("a") })
  end)
end)
