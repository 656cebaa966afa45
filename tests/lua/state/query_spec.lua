local query = require("prov.state.query")
local state = require("prov.state")

local function world()
  local records = {}
  local function add(address, kind, needs, fields, tainted)
    records[address] = state.record({
      address = address, kind = kind, provider = kind ~= "taskserv" and "demo" or nil, id = address, needs = needs,
      args = fields, state = fields, tainted = tainted,
    })
  end
  add("network.lan", "network", {}, { cidr = "10.0.0.0/24" })
  add("volume.disk", "volume", {}, { size = 100 })
  add("server.web[1]", "server", { "network.lan" }, { status = "running", ip = "10.0.0.2", cpus = 2 })
  add("server.web[2]", "server", { "network.lan" }, { status = "stopped", ip = "10.0.0.3", cpus = 4 })
  add('server.eu["a b"]', "server", { "network.lan" }, { status = "running" }, true)
  add("server.db", "server", { "network.lan", "volume.disk" }, { status = "running", ssh = { port = 22 } })
  add("taskserv.nginx@server.web[1]", "taskserv", { "server.web[1]" }, { port = 80 })
  add("taskserv.postgres@server.db", "taskserv", { "server.db" }, { port = 5432 })
  add("taskserv.web@server.db", "taskserv", { "server.db", "taskserv.postgres@server.db" }, {})
  return state.of(records, 1)
end

local function found(text)
  local parsed = assert(query.parse(text))
  return (query.run(world(), parsed))
end

describe("state query", function()
  it("finds by kind, name and address, with wildcards", function()
    assert.same({ "network.lan" }, found("network:lan"))
    assert.same({ "server.web[1]", "server.web[2]" }, found("server:web*"))
    assert.same({ "server.web[1]", "server.web[2]" }, found("server:web-*"))
    assert.same({ "server.web[2]" }, found("server:web-2"))
    assert.same({ "server.web[2]" }, found("server.web[2]"))
    assert.same({ "server.web[1]", "server.web[2]" }, found("server:web-?"))
    assert.same({ "taskserv.postgres@server.db", "taskserv.web@server.db" }, found("taskserv:*@server.db"))
    assert.same(9, #found("*"))
    assert.same({}, found("nothing"))
  end)

  it("filters by fields of the state and of the arguments", function()
    assert.same({ "server.web[2]" }, found("server:*[status=stopped]"))
    assert.same({ "server.web[2]" }, found("server:*[status!=running]"))
    assert.same({ "server.web[2]" }, found("server:*[cpus>2]"))
    assert.same({ "server.web[1]", "server.web[2]" }, found("server:*[cpus>=2]"))
    assert.same({ "server.db" }, found("server:*[ssh.port=22]"))
    assert.same({ "server.web[1]" }, found('server:*[status="running"][ip~".2"]'))
    assert.same({ 'server.eu["a b"]' }, found("*[tainted=true]"))
    assert.same({ "taskserv.nginx@server.web[1]", "taskserv.postgres@server.db" }, found("*[port>0]"))
  end)

  it("follows edges by type and direction", function()
    assert.same({ "network.lan" }, found("server:web-* ->connected-> *"))
    assert.same(4, #found("network:lan <-connected<- server:*"))
    assert.same(4, #found("network:lan ->connected<- server:*"))
    assert.same({ "volume.disk" }, found("server:db ->mounted-> *"))
    assert.same({ "taskserv.nginx@server.web[1]" }, found("server:web-* ->running_on<- taskserv:*"))
    assert.same({ "taskserv.web@server.db" }, found("taskserv:postgres* <- *"))
    assert.same({ "network.lan", "volume.disk" }, found("taskserv:web@* -> server:* -> *"))
    assert.same({ "taskserv.nginx@server.web[1]", "taskserv.postgres@server.db", "taskserv.web@server.db" },
      found("network:lan<-connected<-server:*<-running_on<-*"))
  end)

  it("counts and explains", function()
    local parsed = assert(query.parse("server:* | count"))
    assert.is_true(parsed.count)
    parsed = assert(query.parse("network:lan <-connected<- server:*[status=running]"))
    local _, sizes = query.run(world(), parsed)
    assert.same({
      "start with network called lan: 1",
      "follow connected edges backwards to server called * with status = running: 3",
    }, query.explain(parsed, sizes))
  end)

  it("says where a query is wrong", function()
    for text, message in pairs({
      [""] = "a name, an address or * is missing at character 1",
      ["server:"] = "missing at character 8",
      ["server:* ->"] = "missing at character 12",
      ["server:* what"] = "an edge such as",
      ["server:*[x]"] = "a filter looks like [status=running] at character 9",
      ["server:*[x==1]"] = "a filter looks like",
      ["server:* | sum"] = "an edge such as",
      ["server:* ->runing_on-> *"] = "no type of edge 'runing_on'",
    }) do
      local parsed, e = query.parse(text)
      assert.is_nil(parsed, text)
      assert.matches(message, e.msg, 1, true)
    end
  end)

  it("never tells a secret by comparing it", function()
    local value = require("prov.value")
    local records = {}
    records["item.a"] = state.record({
      address = "item.a", kind = "item", id = "a", args = { token = value.secret("s3") }, state = {},
    })
    local now = state.of(records, 1)
    assert.same({}, (query.run(now, assert(query.parse("*[token=s3]")))))
    assert.same({}, (query.run(now, assert(query.parse("*[token~s]")))))
  end)
end)
