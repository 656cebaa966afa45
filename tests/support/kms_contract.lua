--- What every KMS backend does the same way: forty cases, run by the spec of each.

local assert = require("luassert")
local async = require("prov.async")
local crypto = require("core.crypto")
local envelope = require("prov.kms.envelope")
local json = require("prov.json")
local kms = require("prov.kms")
local servers = require("support.kms_servers")
local settings = require("support.settings")
local test = require("support.async").test

local M = {}

local CONTEXT = { workspace = "shop", purpose = "state", revision = "7" }

---@class kms_contract.World how a spec makes things happen; what a backend does not have stays out, and is counted
---@field fresh fun(): string the URI of a new key
---@field revoke? fun(uri: string) so that the key cannot be used any more
---@field restore? fun(uri: string) the reverse
---@field rotate? boolean false: the backend cannot
---@field retire? fun(uri: string, version: string) an old version cannot be used any more
---@field served? boolean it is asked at a port of 127.0.0.1 that stands in its URI
---@field unreachable? fun(uri: string): string, fun() the same key where nobody answers, and what brings it back; not
--- needed by what is `served`
---@field stranger? fun(uri: string): string the same key asked for by who may not use it; or raises its effect
---@field env? fun(name: string): string? the variables a backend sees
---@field separates? boolean false: a stand-in of the KMS does not tell {a="bc"} from {ab="c"}
---@field versions? boolean false: the KMS tells no versions of its keys

local function with(changes)
  local out = {}
  for name, text in pairs(CONTEXT) do
    out[name] = text
  end
  for name, text in pairs(changes) do
    out[name] = text or nil
  end
  return out
end

local env

local function opened(uri)
  return assert(kms.open(uri, { ask = false, env = env }))
end

local function on_port(uri, port)
  return (uri:gsub("127%.0%.0%.1:%d+", "127.0.0.1:" .. port))
end

local function nobody(uri)
  return on_port(uri, servers.free_port()), function() end
end

local function refuses(code, value, e)
  assert.is_nil(value)
  local codes = type(code) == "table" and code or { code }
  local known = false
  for _, one in ipairs(codes) do
    known = known or e.code == one
  end
  assert.is_true(known, ("code %s: %s"):format(e.code, tostring(e)))
  return e
end

local function changed(blob, change)
  local sealed = assert(envelope.decode(blob))
  change(sealed)
  return assert(envelope.encode(sealed))
end

-- Each: title, what it needs of the world, function(world, uri, backend).
local CASES = {
  { "opens without asking anybody", nil, function(_, uri) assert.equal(uri, opened(uri).uri) end },
  { "is healthy, and says which key it is", nil, function(_, _, k)
    local h = assert(k:health())
    assert.is_true(h.ok)
    assert.is_string(h.key)
  end },
  { "generates keys of 32 bytes", nil, function(_, _, k)
    local key, blob = k:generate(CONTEXT)
    assert.equal(32, #assert(key, tostring(blob)))
    assert.equal(key, assert(k:unwrap(blob, CONTEXT)))
  end },
  { "never generates a key twice", nil, function(_, _, k)
    assert.not_equal((assert(k:generate(CONTEXT))), (assert(k:generate(CONTEXT))))
  end },
  { "wraps and unwraps", nil, function(_, _, k)
    local key = assert(crypto.random(32))
    assert.equal(key, assert(k:unwrap(assert(k:wrap(key, CONTEXT)), CONTEXT)))
  end },
  { "wraps a key of zeroes and one of 0xff", nil, function(_, _, k)
    for _, key in ipairs({ ("\0"):rep(32), ("\255"):rep(32) }) do
      assert.equal(key, assert(k:unwrap(assert(k:wrap(key, CONTEXT)), CONTEXT)))
    end
  end },
  { "wraps the same key differently each time", nil, function(_, _, k)
    local key = assert(crypto.random(32))
    assert.not_equal(assert(envelope.decode(assert(k:wrap(key, CONTEXT)))).wrapped,
      assert(envelope.decode(assert(k:wrap(key, CONTEXT)))).wrapped)
  end },
  { "the blob does not hold the key", nil, function(_, _, k)
    local key, blob = k:generate(CONTEXT)
    assert(key, tostring(blob))
    assert.is_nil(blob:find(key, 1, true))
    assert.is_nil(envelope.decode(blob).wrapped:find(key, 1, true))
    assert.is_nil(blob:find(require("core.base").base64(key), 1, true))
  end },
  { "the blob is canonical", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    assert.equal(blob, envelope.encode(assert(envelope.decode(blob))))
  end },
  { "the blob says which KMS, when and how", nil, function(_, uri, k)
    local _, blob = k:generate(CONTEXT)
    local sealed = assert(envelope.decode(blob))
    assert.equal(uri:match("^%w+"), sealed.kms)
    assert.is_true(math.abs(sealed.created - os.time()) < 120)
    assert.is_true(#sealed.alg > 0 and #sealed.key > 0)
  end },
  { "the blob says the version of the key", "versions", function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    assert.not_equal("", envelope.decode(blob).version)
  end },
  { "another process unwraps", nil, function(_, uri, k)
    local key, blob = k:generate(CONTEXT)
    assert.equal(key, assert(opened(uri):unwrap(blob, CONTEXT)))
  end },
  { "the order of the context does not matter", nil, function(_, _, k)
    local key, blob = k:generate({ a = "1", b = "2", c = "3" })
    assert.equal(key, assert(k:unwrap(blob, { c = "3", b = "2", a = "1" })))
  end },
  { "a context of UTF-8 and punctuation", nil, function(_, _, k)
    local odd = { workspace = "läden/=&?\"\\ ☃", purpose = "a b" }
    local key, blob = k:generate(odd)
    assert.equal(key, assert(k:unwrap(blob, odd)))
  end },
  { "a context of the longest values", nil, function(_, _, k)
    local long = { workspace = ("w"):rep(256), purpose = ("p"):rep(256) }
    local key, blob = k:generate(long)
    assert.equal(key, assert(k:unwrap(blob, long)))
  end },
  { "refuses the context of another workspace", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("auth", k:unwrap(blob, with({ workspace = "other" })))
  end },
  { "refuses another purpose", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("auth", k:unwrap(blob, with({ purpose = "queue" })))
  end },
  { "refuses a context with less", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("auth", k:unwrap(blob, with({ revision = false })))
  end },
  { "refuses a context with more", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("auth", k:unwrap(blob, with({ more = "x" })))
  end },
  { "refuses a context moved between fields", "separates", function(_, _, k)
    local _, blob = k:generate({ a = "bc", d = "e" })
    refuses("auth", k:unwrap(blob, { a = "b", cd = "e" }))
  end },
  { "refuses an empty context", nil, function(_, _, k)
    refuses("invalid", k:generate({}))
    refuses("invalid", k:wrap(("k"):rep(32), {}))
  end },
  { "refuses a context that is no map of texts", nil, function(_, _, k)
    refuses("invalid", k:generate({ workspace = 7 }))
    refuses("invalid", k:generate({ ["not a name"] = "x" }))
    refuses("invalid", k:generate({ workspace = ("x"):rep(257) }))
  end },
  { "refuses keys of other sizes", nil, function(_, _, k)
    for _, size in ipairs({ 0, 16, 31, 33 }) do
      refuses("invalid", k:wrap(("k"):rep(size), CONTEXT))
    end
  end },
  { "refuses changed bytes, wherever they are", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    local size = #envelope.decode(blob).wrapped
    for _, at in ipairs({ 1, size // 2, size }) do
      local bad = changed(blob, function(s)
        local byte = s.wrapped:byte(at)
        s.wrapped = s.wrapped:sub(1, at - 1) .. string.char(byte ~ 1) .. s.wrapped:sub(at + 1)
      end)
      refuses({ "auth", "invalid", "corrupt", "denied" }, k:unwrap(bad, CONTEXT))
    end
  end },
  { "refuses bytes that were cut off", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    for _, left in ipairs({ 0, 1, 16 }) do
      refuses({ "auth", "invalid", "corrupt" }, k:unwrap(changed(blob, function(s)
        s.wrapped = s.wrapped:sub(1, left)
      end), CONTEXT))
    end
  end },
  { "refuses an envelope that is none", nil, function(_, _, k)
    for _, text in ipairs({ "", "{", "[]", "7", "null", "{}", '{"prov_kms":1}', ("x"):rep(70000) }) do
      refuses("corrupt", k:unwrap(text, CONTEXT))
    end
  end },
  { "refuses an envelope that is not canonical", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("corrupt", k:unwrap(blob .. " ", CONTEXT))
    refuses("corrupt", k:unwrap(assert(json.encode(json.decode(blob), { pretty = true, sorted = true })), CONTEXT))
  end },
  { "refuses an envelope of a newer format", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("unsupported", k:unwrap((blob:gsub('"prov_kms":1', '"prov_kms":2')), CONTEXT))
  end },
  { "refuses the envelope of another kind of KMS", nil, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses("auth", k:unwrap(changed(blob, function(s) s.kms = "other" end), CONTEXT))
  end },
  { "refuses the envelope of another key", nil, function(world, _, k)
    local _, blob = k:generate(CONTEXT)
    refuses({ "auth", "denied" }, opened(world.fresh()):unwrap(blob, CONTEXT))
  end },
  { "rewraps", nil, function(_, _, k)
    local key, blob = k:generate(CONTEXT)
    local again = assert(k:rewrap(blob, CONTEXT))
    assert.not_equal(blob, again)
    assert.equal(key, assert(k:unwrap(again, CONTEXT)))
    assert.equal(key, assert(k:unwrap(blob, CONTEXT)))
  end },
  { "rewraps nothing with another context", nil, function(_, _, k)
    local key, blob = k:generate(CONTEXT)
    refuses("auth", k:rewrap(blob, with({ workspace = "other" })))
    assert.equal(key, assert(k:unwrap(blob, CONTEXT)))
  end },
  { "rotates, and opens what older versions wrapped", "rotate", function(_, _, k)
    local key, blob = k:generate(CONTEXT)
    assert.is_string(assert(k:rotate()))
    assert.equal(key, assert(k:unwrap(blob, CONTEXT)))
    local second, newer = k:generate(CONTEXT)
    assert(k:rotate())
    assert.equal(second, assert(k:unwrap(newer, CONTEXT)))
    assert.equal(key, assert(k:unwrap(assert(k:rewrap(blob, CONTEXT)), CONTEXT)))
  end },
  { "uses the newest version from then on", { "rotate", "versions" }, function(_, _, k)
    local _, blob = k:generate(CONTEXT)
    local version = assert(k:rotate())
    assert.not_equal(version, envelope.decode(blob).version)
    assert.equal(version, envelope.decode(assert(k:rewrap(blob, CONTEXT))).version)
    assert.equal(version, assert(k:health()).version)
  end },
  { "a version that was taken away opens nothing, a newer one does", { "rotate", "retire" }, function(world, uri, k)
    local key, blob = k:generate(CONTEXT)
    local old = envelope.decode(blob).version
    assert(k:rotate())
    local newer = assert(k:rewrap(blob, CONTEXT))
    world.retire(uri, old)
    refuses({ "denied", "auth" }, k:unwrap(blob, CONTEXT))
    assert.equal(key, assert(k:unwrap(newer, CONTEXT)))
  end },
  { "a revoked key unwraps and wraps nothing, and nothing is lost", "revoke", function(world, uri, k)
    local key, blob = k:generate(CONTEXT)
    world.revoke(uri)
    local e = refuses("denied", k:unwrap(blob, CONTEXT))
    assert.is_string(e.hint)
    refuses("denied", k:wrap(("k"):rep(32), CONTEXT))
    refuses("denied", k:health())
    if world.restore then
      world.restore(uri)
      assert.equal(key, assert(k:unwrap(blob, CONTEXT)))
    end
  end },
  { "who may not use it is denied", "stranger", function(world, uri, k)
    local _, blob = k:generate(CONTEXT)
    refuses("denied", opened(world.stranger(uri)):unwrap(blob, CONTEXT))
  end },
  { "an unreachable KMS is said to be one, and is as before when it is back", "unreachable", function(world, uri, k)
    local key, blob = k:generate(CONTEXT)
    local elsewhere, back = world.unreachable(uri)
    local e = refuses("unavailable", opened(elsewhere):unwrap(blob, CONTEXT))
    assert.is_string(e.hint)
    assert.matches(elsewhere, tostring(e), 1, true)
    refuses("unavailable", opened(elsewhere):health())
    refuses("unavailable", opened(elsewhere):generate(CONTEXT))
    back()
    assert.equal(key, assert(k:unwrap(blob, CONTEXT)))
  end },
  { "a KMS that does not answer in time is given up", "served", function(_, uri, k)
    local _, blob = k:generate(CONTEXT)
    local port, stop = servers.silent()
    local slow = settings.with({ ["kms.timeout"] = 1 }, opened, on_port(uri, port))
    local began = os.time()
    local e = refuses({ "timeout", "unavailable" }, slow:unwrap(blob, CONTEXT))
    stop()
    assert.is_true(os.time() - began < 5)
    assert.is_string(e.hint)
  end },
  { "twenty at once", nil, function(_, _, k)
    async.each({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 }, 20, function(i)
      local mine = with({ revision = tostring(i) })
      local key, blob = k:generate(mine)
      assert.equal(key, assert(k:unwrap(blob, mine)))
    end)
  end },
}

--- What a backend has unless its spec says false.
local ABLE = { rotate = true, versions = true, separates = true }

--- Runs them; `describe` and `it` are busted's.
---@param name string of the backend
---@param world kms_contract.World
---@param busted { describe: function, it: function }
function M.run(name, world, busted)
  assert(#CASES == 40, #CASES)
  world.unreachable = world.unreachable or world.served and nobody
  local skipped = {}
  busted.describe("the KMS " .. name, function()
    for _, case in ipairs(CASES) do
      local title, needs, fn = case[1], case[2], case[3]
      local missing
      for _, need in ipairs(type(needs) == "table" and needs or { needs }) do
        if world[need] == false or (world[need] == nil and not ABLE[need]) then
          missing = need
        end
      end
      if missing then
        skipped[#skipped + 1] = title
      else
        busted.it(title, test(function()
          env = world.env
          local uri = world.fresh()
          fn(world, uri, opened(uri))
        end))
      end
    end
    if #skipped > 0 then
      busted.it("lacks cases", function()
        print(("SKIP %d of 40 cases of the KMS %s, which it cannot have: %s"):format(#skipped, name,
          table.concat(skipped, "; ")))
      end)
    end
  end)
end

return M
