--- `prov server set`, `prov infra set` and the like: the files change where they must and nowhere else.

local edit = require("prov.infra.edit")
local registry = require("prov.registry")
local tmp = require("support.tmp")

local PROVIDER = [[
return {
  kind = "provider", api = 1, name = "tiny", summary = "Nothing",
  resources = {
    network = { body = "none", schema = { cidr = { type = "cidr" } }, outputs = {} },
    server = {
      body = "none",
      schema = {
        cpus = { type = "int", default = 1, max = 8 },
        network = { type = "ref" },
        labels = { type = "map", of = { type = "string" } },
        disks = { type = "list", of = { type = "record", fields = { size = { type = "size" } } } },
      },
      outputs = { ip = { type = "string" } },
    },
  },
}
]]

local CLUSTER = [[
return { kind = "cluster", api = 1, name = "pair", summary = "Two", schema = {},
  expand = function() return { servers = { node = { count = 2 } } } end }
]]

local YAML = [[
# the shop
defaults: { provider: tiny }
servers:
  web:   # behind the balancer
    cpus: 2      # two are enough

    disks:
      - size: 10GiB
    labels: {team: shop, tier: front}
clusters:
  site: { template: pair }
]]

describe("editing the infra", function()
  local dir, ctx

  before_each(function()
    dir = tmp.dir()
    tmp.write(dir .. "/extensions/providers/tiny/provider.lua", PROVIDER)
    tmp.write(dir .. "/extensions/clusters/pair/cluster.lua", CLUSTER)
    tmp.write(dir .. "/infra.yaml", YAML)
    ctx = {
      workspace = { dir = dir, name = "t" },
      registry = registry.open(dir, { path = "", share_dir = "/nonexistent" }),
    }
  end)

  local function read(name)
    local file <close> = assert(io.open(dir .. "/" .. name))
    return file:read("a")
  end

  local function set(name, kind, ...)
    return edit.set(ctx, { name = name, field = { ... } }, kind)
  end

  local function refused(code, text, rows, e)
    assert.is_nil(rows)
    local first = e.code and e or e[1]
    assert.equal(code, first.code)
    assert.truthy(tostring(first):find(text, 1, true), tostring(first))
    assert.equal(YAML, read("infra.yaml"))
  end

  it("changes the values and not a byte more", function()
    local rows = assert(set("web", "server", "cpus=4", "labels.team=ops", "disks[1].size=20GiB"))
    assert.equal((YAML:gsub("cpus: 2", "cpus: 4"):gsub("team: shop", "team: ops"):gsub("10GiB", "20GiB")),
      read("infra.yaml"))
    assert.same({ path = "servers.web.cpus", before = 2, after = 4, file = "infra.yaml" }, rows[1])
  end)

  it("takes any name a resource has", function()
    for _, name in ipairs({ "web", "server.web", "servers.web" }) do
      assert(set(name, "server", "cpus=" .. #name % 8 + 1))
    end
    assert(set("server.web", nil, "cpus=3"))
    assert.truthy(read("infra.yaml"):find("cpus: 3      # two are enough", 1, true))
  end)

  it("writes nothing on a dry run", function()
    local rows = assert(edit.set(ctx, { name = "web", field = { "cpus=4" }, dry_run = true }, "server"))
    assert.equal(4, rows[1].after)
    assert.equal(YAML, read("infra.yaml"))
  end)

  it("refuses what would make the infra wrong, and says what", function()
    refused("invalid", "9 is more than the largest allowed: 8", set("web", "server", "cpus=9"))
    refused("invalid", "there is no field 'cpu'", set("web", "server", "cpu=1"))
    refused("invalid", "refers to something that is not declared", set("web", "server", "network=${network.lan}"))
    refused("notfound", "no server 'wbe'", set("wbe", "server", "cpus=1"))
    refused("unsupported", "server.site-node", set("site-node", "server", "cpus=1"))
    refused("usage", "is not FIELD=VALUE", set("web", "server", "cpus"))
    refused("usage", "is no YAML", set("web", "server", "cpus=[1"))
  end)

  it("makes what is not there, and takes it away again", function()
    assert(set("network.lan", nil, "cidr=10.0.0.0/24"))
    assert(set("web", "server", "network=${network.lan}"))
    assert.same({ cidr = "10.0.0.0/24" }, edit.show(ctx, { name = "network.lan" }))
    local rows, errs = edit.unset(ctx, { name = "network.lan" })
    assert.is_nil(rows)
    assert.truthy(tostring(errs[1]):find("${network.lan}", 1, true), tostring(errs[1]))
    assert(edit.unset(ctx, { name = "web", field = { "network" } }, "server"))
    assert(edit.unset(ctx, { name = "network.lan", field = {} }))
    local v, e = edit.show(ctx, { name = "network.lan" })
    assert.is_nil(v)
    assert.equal("notfound", e.code)
  end)

  it("changes the file of the environment, when there is one", function()
    tmp.write(dir .. "/environments/prod.yaml", "servers: { web: { cpus: 6 } } # big\n")
    ctx.workspace.env = "prod"
    assert(set("web", "server", "cpus=8"))
    assert.equal("servers: { web: { cpus: 8 } } # big\n", read("environments/prod.yaml"))
    assert.equal(YAML, read("infra.yaml"))
    assert.equal(8, edit.show(ctx, { name = "server.web.cpus" }))
  end)

  it("goes to the file that declares the name, in any form, but not into Lua", function()
    tmp.write(dir .. "/infra/db.toml", "# data\n[servers.db]\ncpus = 1 # one\n")
    tmp.write(dir .. "/infra/own.lua", "return { servers = { own = { cpus = 1 } } }\n")
    assert(set("db", "server", "cpus=5"))
    assert.equal("# data\n[servers.db]\ncpus = 5 # one\n", read("infra/db.toml"))
    refused("unsupported", "infra/own.lua:1:", set("own", "server", "cpus=5"))
  end)

  it("keeps a link a link, and the mode of the file", function()
    local fs = require("prov.fs")
    tmp.write(dir .. "/shared.yaml", YAML)
    os.remove(dir .. "/infra.yaml")
    assert(require("luv").fs_symlink("shared.yaml", dir .. "/infra.yaml"))
    require("luv").fs_chmod(dir .. "/shared.yaml", 416)
    assert(set("web", "server", "cpus=7"))
    assert.equal("link", require("luv").fs_lstat(dir .. "/infra.yaml").type)
    assert.equal(416, fs.stat(dir .. "/shared.yaml").mode & 511)
    assert.truthy(read("shared.yaml"):find("cpus: 7", 1, true))
  end)
end)
