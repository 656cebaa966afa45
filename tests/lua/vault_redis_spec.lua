local async = require("prov.async")
local database = require("prov.vault.engines.database")
local redis = require("prov.vault.database.redis")
local test = require("support.async").test
local uv = require("luv")
local vault = require("support.vault")

local script = (os.getenv("PROV_SOURCE") or os.getenv("PROV_ROOT")) .. "/tests/support/redis.sh"
local made <close> = assert(io.popen("mktemp -d /tmp/prov-redis-XXXXXX"))
local dir = made:read("l")
local function server(what)
  return os.execute("sh " .. script .. " " .. what .. " " .. dir)
end
local it_served = server("start") and it or pending

local function read(name)
  local file <close> = assert(io.open(dir .. "/" .. name))
  return file:read("a")
end

local function new_mount(given)
  local mount = vault.mount(database)
  local config = { plugin_name = "redis-database-plugin", host = "127.0.0.1", port = tonumber(read("port")),
    username = "admin", password = "adminpw", allowed_roles = "*" }
  for name, value in pairs(given or {}) do
    config[name] = value
  end
  local _, e = mount:update("config/main", config)
  if e then
    return nil, e
  end
  assert.is_nil(select(2, mount:update("roles/app", { db_name = "main", creation_statements = '["~app:*", "+@all"]' })))
  return mount
end

local function login(data)
  return redis.verify({ host = "127.0.0.1", port = tonumber(read("port")), username = data.username,
    password = data.password })
end

-- A server that answers what a list says, and leaves; gives its port.
local function scripted(answers)
  local listener = uv.new_tcp()
  listener:bind("127.0.0.1", 0)
  listener:listen(8, function()
    local tcp, at = uv.new_tcp(), 0
    listener:accept(tcp)
    tcp:read_start(function(_, bytes)
      at = at + 1
      if bytes and answers[at] then
        tcp:write(answers[at])
      elseif not tcp:is_closing() then
        tcp:close()
      end
    end)
  end)
  return listener:getsockname().port, listener
end

describe("vault database at Redis", function()
  teardown(function()
    server("remove")
  end)

  it_served("makes a user, and drops it with its connections", test(function()
    local mount = assert(new_mount())
    local user = assert(mount:read("creds/app"))
    assert.truthy(user.data.username:find("^V_TESTER_APP_"))
    assert(login(user.data))
    assert.equal(60, database.renew(mount.ctx, user.lease, 60))
    local sleeper = io.popen(("redis-cli -p %d --no-auth-warning --user %s --pass '%s' blpop app:x 20 2>&1"):format(
      tonumber(read("port")), user.data.username, user.data.password))
    async.sleep(500)
    assert(database.revoke(mount.ctx, user.lease))
    assert.truthy(sleeper:read("a"):find("closed"))
    sleeper:close()
    assert.equal("auth", select(2, login(user.data)).code)
    assert(database.revoke(mount.ctx, user.lease))
  end))

  it_served("speaks TLS", test(function()
    local port = tonumber(read("tls-port"))
    local mount = assert(new_mount({ port = port, tls = true, ca_cert = read("cert") }))
    assert(login(assert(mount:read("creds/app")).data))
    assert.equal("auth", select(2, new_mount({ port = port, tls = true })).code)
    assert(new_mount({ port = port, tls = true, insecure_tls = true }))
    assert.equal("auth", select(2, new_mount({ port = port, tls = true, ca_cert = "none" })).code)
    assert.is_nil((new_mount({ port = tonumber(read("port")), tls = true, ca_cert = read("cert") })))
  end))

  it_served("keeps users beyond the server's life", test(function()
    local mount = assert(new_mount({ persistence_mode = "ACLFILE" }))
    local kept = assert(mount:read("creds/app"))
    assert.is_nil(select(2, mount:update("config/main", { persistence_mode = "NONE" })))
    local lost = assert(mount:read("creds/app"))
    server("stop")
    assert.equal("unavailable", select(2, mount:read("creds/app")).code)
    assert.equal("unavailable", select(2, database.revoke(mount.ctx, kept.lease)).code)
    server("start")
    assert(login(kept.data))
    assert.equal("auth", select(2, login(lost.data)).code)
    assert(database.revoke(mount.ctx, lost.lease))
    assert(database.revoke(mount.ctx, kept.lease))
  end))

  it_served("changes passwords", test(function()
    local mount = assert(new_mount())
    assert(os.execute(("redis-cli -p %d --no-auth-warning --user admin --pass adminpw acl setuser fixed on '>one' "
      .. "'~f*' >/dev/null"):format(tonumber(read("port")))))
    assert(login({ username = "fixed", password = "one" }))
    assert.is_nil(select(2, mount:update("static-roles/fixed", { db_name = "main", username = "fixed",
      rotation_period = 60 })))
    assert(login(mount:read("static-creds/fixed").data))
    assert.equal("auth", select(2, login({ username = "fixed", password = "one" })).code)
    assert.is_nil(select(2, mount:update("rotate-root/main")))
    assert.equal("auth", select(2, login({ username = "admin", password = "adminpw" })).code)
    assert(login(assert(mount:read("creds/app")).data))
    server("stop")
    server("start") -- nothing of this was saved
  end))

  it_served("refuses rules that are none, without the password", test(function()
    local mount = assert(new_mount())
    for _, rules in ipairs({ '["+@nope"]', "nonsense", '["~*"' }) do
      mount:update("roles/app", { creation_statements = rules })
      local _, e = mount:read("creds/app")
      assert.truthy(e.code == "invalid" or e.code == "usage")
    end
    mount.ctx.new_password = function()
      return "canary"
    end
    mount:update("roles/app", { creation_statements = '{"a":1}' })
    local _, e = mount:read("creds/app")
    assert.is_nil(tostring(e):find("canary"))
    assert.equal("auth", select(2, new_mount({ password = "wrong" })).code)
  end))

  it("knows that something may have happened", test(function()
    local user = { username = "u", password = "canary", expires = 0 }
    local function create(answers)
      local port, listener = scripted(answers)
      local ok, e = redis.create({ host = "127.0.0.1", port = port, username = "a", password = "b", tls = false,
        persistence_mode = "NONE" }, {}, user)
      listener:close()
      return ok, e
    end
    assert.is_true(create({ "+OK\r\n", "+OK\r\n" }))
    assert.equal("unavailable", select(2, create({})).code)
    assert.equal("unknown", select(2, create({ "+OK\r\n" })).code)
    assert.equal("protocol", select(2, create({ "HTTP/1.1 400 Bad Request\r\n" })).code)
    assert.equal("unavailable", select(2, create({ "+OK\r\n", "-LOADING later\r\n" })).code)
    local _, e = create({ "+OK\r\n", "-ERR modifier '>canary'\r\n" })
    assert.equal("Redis: ERR modifier '>...'", e.msg)
  end))
end)
