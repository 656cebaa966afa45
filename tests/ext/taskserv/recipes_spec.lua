-- What every taskserv's recipe, health and remove give for a usual want, as data: compared with
-- golden files (PROV_UPDATE=1 writes them anew).

local contract = require("prov.contract")
local host = require("prov.host")
local json = require("prov.json")
local tmp = require("support.tmp")
local uv = require("luv")
local value = require("prov.value")

local ROOT = os.getenv("PROV_ROOT")
local GOLDEN = ROOT .. "/tests/ext/taskserv/golden/"

local FACTS = {
  os = { id = "debian", version = "12", like = {} }, arch = "x86_64", init = "systemd", packages = "apt",
  addresses = { { interface = "eth0", address = "10.0.0.2" } },
  server = { address = "server.a", name = "a", ip = "10.0.0.2", private_ip = "10.0.0.2", peers = {} },
}

local CASES = {
  { "web/nginx", "plain", {} },
  { "web/nginx", "sites", { port = 8080, index = "hi\n", workers = 2, sites = {
    api = { port = 81, server_name = "api.example.org", upstreams = { "10.0.0.3", "10.0.0.4:8080", "fd00::1" } } } } },
  { "web/nginx", "tls", { port = 443, tls = { certificate = "CERTIFICATE\n", key = value.secret("KEY\n") } } },
  { "web/haproxy", "plain", { backends = { "10.0.0.3", "10.0.0.4:8080" } } },
  { "web/haproxy", "tcp", { frontends = { db = { listen = 5432, mode = "tcp", backends = { "10.0.0.3" },
    backend_port = 5432, balance = "leastconn" } }, stats_port = 8404 } },
  { "databases/postgres", "single", { databases = { "shop" }, users = { app = { password = value.secret("it's \"x\""),
    owns = { "shop" } } }, listen = "*", allow = { "10.0.0.0/24" } } },
  { "databases/postgres", "primary",
    { role = "primary", replication_password = value.secret("rep"), keep_data = false } },
  { "databases/postgres", "standby",
    { role = "standby", primary = "10.0.0.1", replication_password = value.secret("rep") } },
  { "databases/redis", "replica", { password = value.secret("p\"w"), replica_of = "10.0.0.1", max_memory = "64mb" } },
  { "databases/etcd", "cluster", { members = { "10.0.0.1", "10.0.0.2", "10.0.0.3" } } },
  { "databases/etcd", "alone", { keep_data = false } },
  { "monitoring/prometheus", "targets",
    { targets = { "10.0.0.3" }, jobs = { app = { targets = { "10.0.0.4:81" } } } } },
  { "monitoring/node-exporter", "collectors", { collectors = { "systemd", "!wifi" } } },
  { "containers/containerd", "mirrors", { mirrors = { ["docker.io"] = { "http://10.0.0.9:5000" } } } },
}

local function declaration(path)
  return assert(loadfile(("%s/taskservs/%s/taskserv.lua"):format(ROOT, path), "t"))()
end

local function complete(decl, want)
  local done, problems = contract.compile(decl.schema):complete(want)
  assert(done, problems and tostring(problems[1] and problems[1].msg))
  return done
end

-- Golden files hold no secrets, and no fields that are as by default.
local function plain(ops)
  local out = {}
  for i, item in ipairs(ops) do
    local args = {}
    for key, v in pairs(item.args) do
      if key ~= "opaque" and v ~= false and not (type(v) == "table" and next(v) == nil) then
        args[key] = v
      end
    end
    out[i] = { op = item.op, title = item.title, notify = item.notify, secret = item.args.opaque or nil, args = args }
  end
  return out
end

describe("taskserv recipes", function()
  for _, case in ipairs(CASES) do
    local path, name, want = table.unpack(case)
    it(("%s: %s"):format(path, name), function()
      local decl = declaration(path)
      local done = complete(decl, want)
      local all = {}
      for _, which in ipairs({ "recipe", "health", "remove" }) do
        local ops = decl[which](host.op, done, FACTS)
        assert(host.compile(ops, { name = decl.name }))
        assert.equal(json.encode(plain(ops), { sorted = true }),
          json.encode(plain(decl[which](host.op, done, FACTS)), { sorted = true }), "a recipe is pure")
        all[which] = plain(ops)
      end
      local text = json.encode(all, { pretty = true, sorted = true }) .. "\n"
      local file = GOLDEN .. path:gsub("/", "-") .. "-" .. name .. ".json"
      if os.getenv("PROV_UPDATE") then
        tmp.write(file, text)
      end
      assert.equal(tmp.read(file), text)
    end)
  end

  it("refuses what would not work", function()
    local function refused(path, want, part)
      local decl = declaration(path)
      local ok, e = pcall(decl.recipe, host.op, complete(decl, want), FACTS)
      assert.is_false(ok, part)
      assert.truthy(tostring(e):find(part, 1, true), tostring(e))
    end
    refused("databases/postgres", { role = "standby", replication_password = "x" }, "needs primary")
    refused("databases/postgres", { role = "primary" }, "needs replication_password")
    refused("databases/postgres", { settings = { ["a b"] = "x" } }, "no setting")
    refused("databases/etcd", { members = { "10.9.9.9" } }, "does not name this server")
    refused("web/haproxy", { backends = { "a b" } }, "no address")
    refused("web/nginx", { upstreams = { "x;y" } }, "no address")
    refused("monitoring/prometheus", { targets = { "a'b" } }, "no address")
  end)

  -- Runs the copy of a standby with programs that only pretend: "running" is the port of the cluster.
  local function run_copy(prepare, port)
    local dir = tmp.dir()
    local programs = {
      su = 'exec sh -c "$5"',
      psql = 'cat main/id >> seen; [ "$3" = "$(cat running)" ] && echo 1',
      systemctl = 'case $1 in stop) rm -f running ;; *) [ -e main/id ] && cat port > running ;; esac',
      pg_basebackup = "mkdir main && echo copy > main/id",
    }
    for name, text in pairs(programs) do
      tmp.write(dir .. "/bin/" .. name, ("#!/bin/sh\ncd '%s'\n%s\n"):format(dir, text))
    end
    tmp.write(dir .. "/port", port .. "\n")
    local decl = declaration("databases/postgres")
    local want = { role = "standby", primary = "10.0.0.1", replication_password = "x", port = port }
    local script
    for _, item in ipairs(decl.recipe(host.op, complete(decl, want), FACTS)) do
      if item.args.creates then
        script = { ("cd '%s'; chmod +x bin/*; PATH=$PWD/bin:$PATH"):format(dir) }
        for key, v in pairs(item.args.env) do
          script[#script + 1] = ("export %s='%s'"):format(key, (v:gsub("^/var/lib/postgresql/%d+", dir)))
        end
        script[#script + 1] = prepare
        script[#script + 1] = item.args.command
      end
    end
    local ok = os.execute(table.concat(script, "\n"))
    return ok, dir
  end

  it("postgres: a standby with a port of its own asks its cluster where that listens by now", function()
    local ok, dir = run_copy("mkdir main; echo own > main/id; echo 5432 > running", 5433)
    assert.is_true(ok)
    assert.equal("copy\n", tmp.read(dir .. "/main/id"))
  end)

  it("postgres: a copy that was interrupted begins anew with what was there before", function()
    for _, prepare in ipairs({ "mkdir main.prov-old; echo own > main.prov-old/id",
      "mkdir main main.prov-old; echo own > main.prov-old/id; echo half > main/id" }) do
      local ok, dir = run_copy(prepare, 5432)
      assert.is_true(ok)
      assert.equal("own\n", tmp.read(dir .. "/seen"))
      assert.equal("copy\n", tmp.read(dir .. "/main/id"))
      assert.truthy(uv.fs_stat(dir .. "/.prov-standby"))
      assert.is_nil(uv.fs_stat(dir .. "/main.prov-old"))
    end
  end)

  it("refuses names that would leave their folder or their line", function()
    local nginx = declaration("web/nginx")
    for _, name in ipairs({ "../../etc", "..", ".", "", "a/b", "a;b", "a\nb", "a b", "-a", "a\0" }) do
      local done, problems = contract.compile(nginx.schema):complete({ sites = { [name] = {} } })
      assert.is_nil(done, name)
      assert.truthy(problems[1].msg:find("no name for a site", 1, true), problems[1].msg)
      -- What was recorded before the check was there must not be removed either.
      for _, which in ipairs({ "recipe", "health", "remove" }) do
        local ok, e = pcall(nginx[which], host.op, { port = 80, sites = { [name] = { port = 80 } } }, FACTS)
        assert.is_false(ok, name)
        assert.truthy(tostring(e):find("no name for a site", 1, true), tostring(e))
      end
    end
    local postgres = declaration("databases/postgres")
    for _, name in ipairs({ "o'brien", "", "a\nSQL\n", "-a", 'a"b' }) do
      local users = { app = { password = value.secret("x"), owns = { name } } }
      assert.is_nil((contract.compile(postgres.schema):complete({ users = users })), name)
    end
    complete(nginx, { sites = { ["api.v2-x_y"] = {}, ["0"] = {} } })
    for path, want in pairs({ ["web/haproxy"] = { frontends = { [""] = { listen = 80 } } },
      ["monitoring/prometheus"] = { jobs = { [""] = { targets = {} } } } }) do
      local decl = declaration(path)
      local ok, e = pcall(decl.recipe, host.op, complete(decl, want), FACTS)
      assert.is_false(ok, path)
      assert.truthy(tostring(e):find("is no name for a", 1, true), tostring(e))
    end
  end)

  it("every taskserv and cluster has a README with an example", function()
    for _, path in ipairs({ "taskservs/web/nginx", "taskservs/web/haproxy", "taskservs/databases/postgres",
      "taskservs/databases/redis", "taskservs/databases/etcd", "taskservs/monitoring/prometheus",
      "taskservs/monitoring/node-exporter", "taskservs/containers/containerd", "clusters/web",
      "clusters/postgresql" }) do
      assert.truthy(tmp.read(("%s/%s/README.md"):format(ROOT, path)):find("```yaml", 1, true), path)
    end
  end)
end)
