local async = require("support.async").test
local audit = require("prov.vault.audit")
local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local json = require("prov.json")
local log = require("prov.log")
local tmp = require("support.tmp")
local whole = require("support.vault")

local ask = whole.ask

local function test(name, fn)
  it(name, async(function()
    fn(tmp.dir())
  end))
end

local function open(dir)
  return whole.open(dir, function()
    return 1700000000
  end)
end

local function lines(path)
  local out = {}
  for text in io.lines(path) do
    assert.is_nil(text:find("[^\32-\126]"))
    out[#out + 1] = assert(json.decode(text))
    assert.equal(text, json.encode(out[#out])) -- keys in their order, each once
  end
  return out
end

-- Two entries of the request that fn makes, in a device with these options.
local function entries(dir, options, fn)
  local vault <close> = open(dir)
  assert(ask(vault, "update", "secret/data/a", { data = { user = "canary one" } }))
  local token = ask(vault, "update", "auth/token/create", { policies = { "root" }, display_name = "me" })
  token = token.auth.client_token
  options.file_path = dir .. "/lines"
  assert(ask(vault, "update", "sys/audit/it", { type = "file", options = options }))
  local before = #lines(options.file_path) -- the answer to that
  fn(vault, token)
  local salt
  for _, row in ipairs(vault.barrier:get("core/audit")) do
    salt = row.path == "it/" and row.salt or salt
  end
  local all = lines(options.file_path)
  return { table.unpack(all, before + 1) }, token, function(text)
    return "hmac-sha256:" .. crypto.hex(crypto.mac("sha256", salt, text))
  end
end

describe("the audit", function()
  test("has a line before and one after, with texts as HMACs", function(dir)
    local all, token, hash = entries(dir, {}, function(vault, token)
      assert(ask(vault, "read", "secret/data/a", nil, token))
      assert(ask(vault, "update", "secret/data/b", { data = { list = { "x", 2, true } }, options = {} }, token))
    end)
    assert.equal(4, #all)
    for i, entry in ipairs(all) do
      assert.equal(i % 2 == 1 and "request" or "response", entry.type)
      assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", entry.time)
      assert.equal(hash(token), entry.auth.client_token)
      assert.equal(hash(token), entry.request.client_token)
      assert.matches("^hmac%-sha256:", entry.auth.accessor)
      assert.equal("token-me", entry.auth.display_name)
      assert.same({ "root" }, entry.auth.policies)
    end
    assert.equal("secret/data/a", all[1].request.path)
    assert.equal("read", all[1].request.operation)
    assert.equal(all[1].request.id, all[2].request.id)
    assert.not_equal(all[1].request.id, all[3].request.id)
    assert.is_nil(all[1].response)
    assert.equal(hash("canary one"), all[2].response.data.data.user)
    assert.equal(1, all[2].response.data.metadata.version)
    assert.equal("create", all[3].request.operation)
    assert.same({ hash("x"), 2, true }, all[3].request.data.data.list)
  end)

  test("says what was refused", function(dir)
    local all, token, hash = entries(dir, {}, function(vault, token)
      local _, e = ask(vault, "read", "nowhere/data/a", nil, token)
      assert.equal("notfound", e.code)
      _, e = ask(vault, "read", "secret/data/a", nil, "no token")
      assert.equal("denied", e.code)
    end)
    assert.equal(4, #all)
    assert.matches("no handler for route", all[1].error)
    assert.equal(all[1].error, all[2].error)
    assert.equal(hash(token), all[1].auth.client_token)
    assert.equal("permission denied", all[3].error)
    assert.is_nil(all[3].auth)
    assert.equal(hash("no token"), all[4].request.client_token)
  end)

  test("hides what new tokens are, and shows accessors or all when told so", function(dir)
    local function make(vault, token)
      return assert(ask(vault, "update", "auth/token/create", { policies = { "root" } }, token)).auth
    end
    local made, kept
    local all, _, hash = entries(dir .. "/a", {}, function(vault, token)
      made = make(vault, token)
      kept = vault:devices()[1].known[made.client_token] ~= nil
    end)
    assert.equal(hash(made.client_token), all[2].response.auth.client_token)
    assert.equal(hash(made.accessor), all[2].response.auth.accessor)
    assert.is_false(kept) -- in clear
    all, _, hash = entries(dir .. "/b", { hmac_accessor = "false" }, function(vault, token)
      made = make(vault, token)
    end)
    assert.equal(hash(made.client_token), all[2].response.auth.client_token)
    assert.equal(made.accessor, all[2].response.auth.accessor)
    assert.matches("^%w+$", all[1].auth.accessor)
    local token
    all, token = entries(dir .. "/c", { log_raw = "true" }, function(vault, who)
      made = make(vault, who)
    end)
    assert.equal(made.client_token, all[2].response.auth.client_token)
    assert.equal(token, all[1].auth.client_token)
  end)

  test("keeps no device that failed, however often", function(dir)
    local alive = setmetatable({}, { __mode = "k" })
    local open_device, append, log_error = audit.open, base.append, log.error
    finally(function()
      audit.open, base.append, log.error = open_device, append, log_error
    end)
    function audit.open(row)
      local device, e = open_device(row)
      alive[device] = true
      return device, e
    end
    local vault <close> = open(dir)
    local token = ask(vault, "update", "auth/token/create", { policies = { "root" } }).auth.client_token
    function base.append()
      return nil, err.new("failed", "the disk is full")
    end
    log.error = function() end
    for _ = 1, 100 do
      local answer, e = ask(vault, "read", "auth/token/lookup-self", nil, token)
      assert.is_nil(answer)
      assert.equal("unavailable", e.code)
    end
    base.append = append
    assert(ask(vault, "read", "auth/token/lookup-self", nil, token))
    collectgarbage()
    collectgarbage()
    local count = 0
    for _ in pairs(alive) do
      count = count + 1
    end
    assert.is_true(count <= 2)
  end)

  test("goes to a file that was moved away until it is opened anew", function(dir)
    local vault <close> = open(dir)
    assert(ask(vault, "read", "sys/mounts"))
    local path = dir .. "/audit.jsonl"
    assert(os.rename(path, path .. ".1"))
    local before = #lines(path .. ".1")
    assert(ask(vault, "read", "sys/mounts"))
    assert.equal(before + 2, #lines(path .. ".1"))
    vault:reopen_audit()
    assert(ask(vault, "read", "sys/mounts"))
    assert.equal(before + 2, #lines(path .. ".1"))
    assert.equal(2, #lines(path))
  end)
end)

describe("values that stay in memory", function()
  test("are read anew when they were written, deleted, or the vault was sealed", function(dir)
    local vault <close> = open(dir)
    assert(ask(vault, "read", "sys/mounts"))
    local barrier = vault.barrier
    assert.is_nil(barrier:peek("x/a"))
    assert(barrier:put("x/a", { n = 1 }))
    local first = barrier:peek("x/a")
    assert.equal(1, first.n)
    assert.equal(first, barrier:peek("x/a")) -- the same table
    assert(barrier:put("x/a", { n = 2 }))
    assert.equal(2, barrier:peek("x/a").n)
    assert(barrier:delete("x/a"))
    assert.is_nil(barrier:peek("x/a"))
    assert(barrier:put("x/a", { n = 3 }))
    assert.equal(3, barrier:peek("x/a").n)
    assert(barrier:commit({ { "del_below", "x/" } }))
    assert.is_nil(barrier:peek("x/a"))
    assert(barrier:put("x/a", { n = 4 }))
    barrier:peek("x/a")
    barrier:lock()
    local value, e = barrier:peek("x/a")
    assert.is_nil(value)
    assert.equal("locked", e.code)
  end)

  test("are no tokens that were revoked or renewed", function(dir)
    local vault <close> = open(dir)
    local function make(ttl)
      return ask(vault, "update", "auth/token/create", { policies = { "root" }, ttl = ttl }).auth.client_token
    end
    local token = make("1h")
    for _ = 1, 3 do
      assert(ask(vault, "read", "auth/token/lookup-self", nil, token))
    end
    local renewed = assert(ask(vault, "update", "auth/token/renew-self", { increment = "30m" }, token))
    assert.equal(1800, renewed.auth.lease_duration)
    assert.equal(1800, ask(vault, "read", "auth/token/lookup-self", nil, token).data.ttl)
    assert(ask(vault, "update", "auth/token/revoke", { token = token }))
    local answer, e = ask(vault, "read", "auth/token/lookup-self", nil, token)
    assert.is_nil(answer)
    assert.equal("denied", e.code)
  end)
end)
