local async = require("prov.async")
local database = require("prov.vault.engines.database")
local pg = require("prov.pg")
local vault = require("support.vault")

-- The server may run as another user, who has no way into the temporary folder of specs.
local made <close> = assert(io.popen("mktemp -d /tmp/prov-pg-XXXXXX"))
local dir = made:read("l")
local script = (os.getenv("PROV_SOURCE") or os.getenv("PROV_ROOT")) .. "/tests/support/postgres.sh"
local here = os.execute("cd / && sh " .. script .. " start " .. dir)
local ROOT = { url = "postgresql:///postgres?host=" .. dir, user = "root", password = "rootpw" }
local it = here and it or pending

local function new_mount()
  local mount = vault.mount(database, { now = os.time() })
  assert.is_nil(select(2, mount:update("config/main", { plugin_name = "postgresql-database-plugin",
    connection_url = "postgresql://{{username}}:{{password}}@/postgres?host=" .. dir, username = "root",
    password = "rootpw", allowed_roles = "app" })))
  assert.is_nil(select(2, mount:update("roles/app", { db_name = "main", default_ttl = "1h", creation_statements = {
    "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
    'GRANT CREATE ON SCHEMA public TO "{{name}}"' } })))
  return mount
end

local function login(data, sql)
  return pg.exec({ url = ROOT.url, user = data.username, password = data.password }, { sql or "SELECT 1" })
end

-- async.run gives back what fails in it.
local function task(fn)
  assert(async.run(function()
    fn()
    return true
  end))
end

describe("vault database", function()
  teardown(function()
    os.execute("sh " .. script .. " remove " .. dir)
  end)

  it("makes a user, and drops it though it owns things and is connected", function()
    task(function()
      local mount = new_mount()
      local user = assert(mount:read("creds/app"))
      assert(login(user.data, "CREATE TABLE owned (a int)"))
      assert.equal(7200, database.renew(mount.ctx, user.lease, 7200))
      local sleeper = async.spawn(login, user.data, "SELECT pg_sleep(20)")
      async.sleep(300)
      assert(database.revoke(mount.ctx, user.lease))
      assert.is_nil((sleeper:join()))
      assert.equal("auth", select(2, login(user.data)).code)
      assert(database.revoke(mount.ctx, user.lease))
      assert.same({}, mount.ctx.storage:list("users/"))
    end)
  end)

  it("drops what a crash left half made", function()
    task(function()
      local mount = new_mount()
      assert(pg.exec(ROOT, { "CREATE ROLE half LOGIN" }))
      mount.ctx.storage:put("users/half", { db_name = "main", revocation_statements = {}, made = false, expires = 0 })
      assert(database.resume(mount.ctx))
      assert.equal("notfound", select(2, pg.exec(ROOT, { "DROP ROLE half" })).code)
    end)
  end)

  it("refuses roles that are not allowed", function()
    task(function()
      local mount = new_mount()
      mount:update("roles/other", { db_name = "main", creation_statements = { "SELECT 1" } })
      assert.equal("denied", select(2, mount:read("creds/other")).code)
    end)
  end)

  it("makes 500 users at once", function()
    task(function()
      local mount = new_mount()
      local numbers = {}
      for i = 1, 500 do
        numbers[i] = i
      end
      local leases = {}
      assert(async.each(numbers, 500, function()
        local user, e = mount:read("creds/app")
        leases[#leases + 1] = user and user.lease
        return user and true, e
      end))
      assert.equal(500, #mount.ctx.storage:list("users/"))
      assert(async.each(leases, 500, function(lease)
        return database.revoke(mount.ctx, lease)
      end))
      assert.equal(0, #mount.ctx.storage:list("users/"))
    end)
  end)

  it("loses nothing while the server is down", function()
    task(function()
      local mount = new_mount()
      local user = assert(mount:read("creds/app"))
      os.execute("cd / && sh " .. script .. " stop " .. dir)
      assert.equal("unavailable", select(2, mount:read("creds/app")).code)
      assert.equal("unavailable", select(2, database.revoke(mount.ctx, user.lease)).code)
      assert.equal(2, #mount.ctx.storage:list("users/"))
      os.execute("cd / && sh " .. script .. " start " .. dir)
      assert(database.resume(mount.ctx))
      assert(login(user.data))
      assert(database.revoke(mount.ctx, user.lease))
      assert.same({}, mount.ctx.storage:list("users/"))
    end)
  end)
end)
