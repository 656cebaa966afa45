local async = require("prov.async")
local database = require("prov.vault.engines.database")
local pg = require("prov.pg")
local template = require("prov.vault.database.template")
local async_of_tests = require("support.async")
local vault = require("support.vault")

local test = async_of_tests.test
async_of_tests.limit_ms = 300000 -- hundreds of users, on a busy machine, under sanitizers

-- The server may run as another user, who has no way into the temporary folder of specs.
local made <close> = assert(io.popen("mktemp -d /tmp/prov-pg-XXXXXX"))
local dir = made:read("l")
local script = (os.getenv("PROV_SOURCE") or os.getenv("PROV_ROOT")) .. "/tests/support/postgres.sh"
local function server(what)
  return os.execute("cd / && sh " .. script .. " " .. what .. " " .. dir)
end
local here = server("start")
local ROOT = { url = "postgresql:///postgres?host=" .. dir, user = "root", password = "rootpw" }
local it_served = here and it or pending

local ROLE = { db_name = "main", default_ttl = "1h", creation_statements = {
  "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
  'GRANT CREATE ON SCHEMA public TO "{{name}}"' } }

local function new_mount(given)
  local mount = vault.mount(database, { now = os.time() })
  local config = { plugin_name = "postgresql-database-plugin", username = "root", password = "rootpw",
    connection_url = "postgresql://{{username}}:{{password}}@/postgres?host=" .. dir, allowed_roles = "app,static" }
  for name, value in pairs(given or {}) do
    config[name] = value
  end
  assert.is_nil(select(2, mount:update("config/main", config)))
  assert.is_nil(select(2, mount:update("roles/app", ROLE)))
  return mount
end

local function login(data, sql)
  return pg.exec({ url = ROOT.url, user = data.username, password = data.password }, { sql or "SELECT 1" })
end

local function root(...)
  assert(pg.exec(ROOT, { ... }))
end

local function has_user(pattern)
  local _, e = pg.exec(ROOT, { "SELECT 1 / (SELECT count(*) FROM pg_roles WHERE rolname LIKE '" .. pattern .. "')" })
  return e == nil
end

describe("vault database", function()
  teardown(function()
    server("remove")
  end)

  it_served("makes a user, and drops it though it owns things and is connected", test(function()
    local mount = new_mount()
    local user = assert(mount:read("creds/app"))
    assert(login(user.data, "CREATE TABLE owned (a int)"))
    assert.equal(7200, database.renew(mount.ctx, user.lease, 7200))
    local sleeper = async.spawn(login, user.data, "SELECT pg_sleep(20)")
    async.sleep(300)
    assert(database.revoke(mount.ctx, user.lease))
    assert.is_nil((sleeper:join()))
    assert.equal("auth", select(2, login(user.data)).code)
    assert.is_false(has_user(user.data.username))
    assert(database.revoke(mount.ctx, user.lease))
  end))

  it_served("renews at the server", test(function()
    local mount = new_mount()
    local user = assert(mount:read("creds/app"))
    mount.time = mount.time - 7200
    assert(database.renew(mount.ctx, user.lease, 60))
    assert.equal("auth", select(2, login(user.data)).code)
    mount.time = mount.time + 7200
    assert(database.renew(mount.ctx, user.lease, 60))
    assert(login(user.data))
    assert(database.revoke(mount.ctx, user.lease))
  end))

  it_served("works for a root that may only create roles", test(function()
    root("CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'makerpw'",
      "GRANT CREATE ON SCHEMA public TO maker WITH GRANT OPTION")
    local mount = new_mount({ username = "maker", password = "makerpw" })
    local user = assert(mount:read("creds/app"))
    assert(login(user.data, "CREATE TABLE owned_by_one (a int)"))
    local sleeper = async.spawn(login, user.data, "SELECT pg_sleep(20)")
    async.sleep(300)
    assert(database.revoke(mount.ctx, user.lease))
    assert.is_nil((sleeper:join()))
    assert.is_false(has_user(user.data.username))
    root("DROP OWNED BY maker", "DROP ROLE maker")
  end))

  it_served("takes statements with commas, and what is left of them when one fails", test(function()
    local mount = new_mount()
    mount:update("roles/app", { creation_statements =
      "CREATE ROLE \"{{name}}\" LOGIN; GRANT pg_monitor, pg_read_all_data TO \"{{name}}\"" })
    local user = assert(mount:read("creds/app"))
    assert(database.revoke(mount.ctx, user.lease))
    mount:update("roles/app", { creation_statements = { 'CREATE ROLE "{{name}}"', "GRANT no_such_role TO root" } })
    local _, e = mount:read("creds/app")
    assert.equal("notfound", e.code)
    assert.is_false(has_user("v-tester-app-%"))
  end))

  it_served("runs own statements to revoke, also when the user is gone", test(function()
    local mount = new_mount()
    mount:update("roles/app", { revocation_statements =
      'REVOKE CREATE ON SCHEMA public FROM "{{name}}"; DROP ROLE "{{name}}"' })
    local user = assert(mount:read("creds/app"))
    assert(database.revoke(mount.ctx, user.lease))
    assert.is_false(has_user(user.data.username))
    assert(database.revoke(mount.ctx, user.lease))
    mount:update("roles/app", { revocation_statements = { 'DROP TABLE not_there' } })
    user = assert(mount:read("creds/app"))
    assert.equal("notfound", select(2, database.revoke(mount.ctx, user.lease)).code)
    root('DROP OWNED BY "' .. user.data.username .. '"', 'DROP ROLE "' .. user.data.username .. '"')
  end))

  it_served("rolls back", test(function()
    local mount = new_mount()
    mount:update("roles/app", { creation_statements = { "SELECT 1/0" },
      rollback_statements = { "CREATE ROLE rolled_back" } })
    assert.is_nil((mount:read("creds/app")))
    assert.is_true(has_user("rolled_back"))
    root("DROP ROLE rolled_back")
  end))

  it_served("quotes passwords of any policy", test(function()
    local mount = new_mount()
    for _, password in ipairs({ "it's", [[back\slash']], 'say "x"', "a{{name}}b", "$$;DROP" }) do
      mount.ctx.new_password = function()
        return password
      end
      local user = assert(mount:read("creds/app"))
      assert.equal(password, user.data.password)
      assert(login(user.data))
      assert(database.revoke(mount.ctx, user.lease))
    end
    mount:update("roles/app", { creation_statements = "CREATE ROLE \"{{name}}\" PASSWORD 'p{{password}}'" })
    assert.equal("usage", select(2, mount:read("creds/app")).code)
  end))

  it_served("names users by a template", test(function()
    local mount = new_mount({ username_template = "{{ .RoleName | uppercase }}'\"-{{ random 8 }}" })
    local user = assert(mount:read("creds/app"))
    assert.truthy(user.data.username:find("^APP__%-%w%w%w%w%w%w%w%w$"))
    assert(login(user.data))
    assert(database.revoke(mount.ctx, user.lease))
    assert.equal("usage", select(2, mount:update("config/main", { username_template = "{{ .Nope }}" })).code)
  end))

  it_served("refuses what it should", test(function()
    local mount = new_mount()
    mount:update("roles/other", { db_name = "main", creation_statements = { "SELECT 1" } })
    assert.equal("denied", select(2, mount:read("creds/other")).code)
    assert.equal("unknown role: nope", select(2, mount:read("creds/nope")).msg)
    assert.equal("auth", select(2, mount:update("config/main", { password = "wrong" })).code)
    assert.equal("usage", select(2, mount:update("config/x", { plugin_name = "nope" })).code)
    assert.equal("notfound", select(2, mount:read("config/x")).code)
    assert.equal("usage", select(2, mount:update("static-roles/static", { db_name = "main", username = "root",
      rotation_period = 2 })).code)
  end))

  it_served("keeps what an update does not name, and shows no password", test(function()
    local mount = new_mount()
    assert.is_nil(select(2, mount:update("config/main", { allowed_roles = "app,more" })))
    assert(database.revoke(mount.ctx, assert(mount:read("creds/app")).lease))
    local config = mount:read("config/main").data
    assert.same({ "app", "more" }, config.allowed_roles)
    assert.equal("root", config.connection_details.username)
    assert.is_nil(config.connection_details.password)
    local answer = mount:update("config/main", { connection_url = "postgresql://root:rootpw@/postgres?host=" .. dir })
    assert.equal(1, #answer.warnings)
    assert.equal("postgresql://root:*****@/postgres?host=" .. dir, mount:read("config/main").data.connection_details
      .connection_url)
    mount:update("config/main", { connection_url = "host=" .. dir .. " dbname=postgres user=root password=rootpw" })
    assert.is_nil(mount:read("config/main").data.connection_details.connection_url:find("rootpw"))
    mount:update("roles/app", { max_ttl = "2h" })
    assert.equal(3600, mount:read("roles/app").data.default_ttl)
  end))

  it_served("makes 500 users at once", test(function()
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
    assert.equal(500, #leases)
    assert.is_true(has_user("v-tester-app-%"))
    assert(async.each(leases, 500, function(lease)
      return database.revoke(mount.ctx, lease)
    end))
    assert.is_false(has_user("v-tester-app-%"))
  end))

  it_served("rotates the password of root, also when it was interrupted", test(function()
    root("CREATE ROLE turner LOGIN SUPERUSER PASSWORD 'first'")
    local mount = new_mount({ username = "turner", password = "first" })
    assert.is_nil(select(2, mount:update("rotate-root/main")))
    assert.equal("auth", select(2, login({ username = "turner", password = "first" })).code)
    assert(database.revoke(mount.ctx, assert(mount:read("creds/app")).lease))
    local config = mount.ctx.storage:get("config/main")
    -- Killed before it was set, and after.
    config.next = "never set"
    mount.ctx.storage:put("config/main", config)
    assert.is_nil(select(2, mount:update("reset/main")))
    assert.is_nil(mount.ctx.storage:get("config/main").next)
    config.next = "was set"
    mount.ctx.storage:put("config/main", config)
    root("ALTER ROLE turner PASSWORD 'was set'")
    assert(database.revoke(mount.ctx, assert(mount:read("creds/app")).lease))
    assert.equal("was set", mount.ctx.storage:get("config/main").password)
    mount:update("config/main", { root_rotation_statements = { "SELECT 1/0" } })
    assert.equal("invalid", select(2, mount:update("rotate-root/main")).code)
    assert.is_nil(mount.ctx.storage:get("config/main").next)
    -- Those that are at work meanwhile do not fail.
    mount:update("config/main", { root_rotation_statements = {} })
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = async.spawn(function()
        local user, e = mount:read("creds/app")
        return user and database.revoke(mount.ctx, user.lease), e
      end)
    end
    assert.is_nil(select(2, mount:update("rotate-root/main")))
    for _, task in ipairs(tasks) do
      assert(task:join())
    end
    root("DROP ROLE turner")
  end))

  it_served("changes the password of a static role when it is due, and when asked", test(function()
    root("CREATE ROLE static LOGIN")
    local mount = new_mount()
    assert.is_nil(select(2, mount:update("static-roles/static", { db_name = "main", username = "static",
      rotation_period = "1h" })))
    local first = mount:read("static-creds/static").data
    assert(login(first))
    assert.equal(3600, first.ttl)
    assert.same({ at = mount.time + 3600, name = "static-roles/static" }, mount.ctx.storage.due[1])
    mount.time = mount.time + 3599
    assert(database.due(mount.ctx, "static-roles/static"))
    assert.equal(first.password, mount:read("static-creds/static").data.password)
    mount.time = mount.time + 1
    assert(database.due(mount.ctx, "static-roles/static"))
    local second = mount:read("static-creds/static").data
    assert(login(second))
    assert.equal("auth", select(2, login(first)).code)
    assert.is_nil(select(2, mount:update("rotate-role/static")))
    assert.equal("auth", select(2, login(second)).code)
    -- Killed after the new one was written down.
    local role = mount.ctx.storage:get("static-roles/static")
    role.next = "another"
    mount.ctx.storage:put("static-roles/static", role)
    assert.equal("another", mount:read("static-creds/static").data.password)
    assert(login({ username = "static", password = "another" }))
    assert.is_nil(mount:read("static-roles/static").data.password)
    assert.equal("usage", select(2, mount:update("static-roles/static", { username = "root" })).code)
    mount:delete("static-roles/static")
    assert(database.due(mount.ctx, "static-roles/static"))
    assert.equal("notfound", select(2, mount:update("static-roles/static", { db_name = "main", username = "nobody_here",
      rotation_period = "1h" })).code)
    assert.is_nil((mount:read("static-roles/static")))
    root("DROP ROLE static")
  end))

  it_served("says that the server is down", test(function()
    local mount = new_mount()
    local user = assert(mount:read("creds/app"))
    server("stop")
    assert.equal("unavailable", select(2, mount:read("creds/app")).code)
    assert.equal("unavailable", select(2, database.revoke(mount.ctx, user.lease)).code)
    server("start")
    assert(login(user.data))
    assert(database.revoke(mount.ctx, user.lease))
  end))

  it("knows Vault's templates", function()
    local values = { DisplayName = "userpass-bob", RoleName = "Reader", now = 1700000000 }
    local cases = {
      ['{{ printf "v-%s-%s-%s" (.DisplayName | truncate 8) (.RoleName | lowercase) (unix_time) | truncate 20 }}'] =
        "v-userpass-reader-17",
      ["x_{{.RoleName}}_{{ .DisplayName | replace \"-\" \".\" }}"] = "x_Reader_userpass.bob",
      ["{{ .DisplayName | truncate_sha256 10 }}"] = "us99027acf",
      ["{{ unix_time_millis }}"] = "1700000000000",
      ["{{ .RoleName | sha256 | truncate 6 }}"] = "d85542",
      ["plain"] = "plain",
    }
    for text, wanted in pairs(cases) do
      assert.equal(wanted, template.render(text, values))
    end
    for _, text in ipairs({ "{{ .Nope }}", "{{ nope }}", "{{ random }}", "{{ .RoleName | }}", "{{ (.RoleName }}",
      "{{ .RoleName | truncate x }}", "{{ }}", "{{ printf \"%q\" .RoleName }}", "{{ .RoleName .RoleName }}", "" }) do
      assert.equal("usage", select(2, template.render(text, values)).code, text)
    end
  end)
end)
