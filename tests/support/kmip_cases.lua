--- What every KMS that speaks KMIP must do, over `hooks`:
---
---   open(options?)   -> a backend of a key that was just made; options: { key?, address?, timeout? }
---   admin()          -> prov.kmip.Client, to do at the server what its keeper does
---   around(fn)       calls fn, in a task, while the server is there
---   unwraps_revoked  the server lets revoked keys decrypt what they encrypted (KMIP 2.1, 3.31)
---   unreachable, silent  addresses of nobody, and of one that never answers: open({ address = })
---
--- Called within describe().

local async = require("support.async")
local data = require("core.data")
local assert = require("luassert")

local CONTEXT = { workspace = "w", purpose = "state", revision = "1" }
local KEY = ("0123456789abcdef"):rep(2)

return function(it, hooks)
  local function test(name, fn)
    it(name, async.test(function()
      hooks.around(fn)
    end))
  end

  local function refused(code, value, e)
    assert.is_nil(value)
    assert.equal(code, e.code, tostring(e))
    assert.is_string(e.hint)
    return e
  end

  local function changed(context)
    local other = {}
    for name, text in pairs(CONTEXT) do
      other[name] = context[name] or text
    end
    return other
  end

  test("wraps and unwraps", function()
    local kms <close> = assert(hooks.open())
    for _, key in ipairs({ KEY, "\0", ("\255"):rep(64) }) do
      assert.equal(key, assert(kms:unwrap(assert(kms:wrap(key, CONTEXT)), CONTEXT)))
    end
  end)

  test("generates keys that differ", function()
    local kms <close> = assert(hooks.open())
    local one, blob = assert(kms:generate(CONTEXT))
    local other = assert(kms:generate(CONTEXT))
    assert.equal(32, #one)
    assert.not_equal(one, other)
    assert.equal(one, assert(kms:unwrap(blob, CONTEXT)))
    assert.is_nil(blob:find(one, 1, true))
  end)

  test("wraps a key otherwise each time", function()
    local kms <close> = assert(hooks.open())
    assert.not_equal(assert(kms:wrap(KEY, CONTEXT)), assert(kms:wrap(KEY, CONTEXT)))
  end)

  test("does not unwrap for another context", function()
    local kms <close> = assert(hooks.open())
    local blob = assert(kms:wrap(KEY, CONTEXT))
    for _, other in ipairs({ { workspace = "v" }, { purpose = "queue" }, { revision = "2" } }) do
      refused("auth", kms:unwrap(blob, changed(other)))
    end
    refused("auth", kms:unwrap(blob, {}))
    refused("auth", kms:unwrap(blob, { workspace = "w", purpose = "state" }))
    refused("auth", kms:unwrap(blob, { workspace = "wpurpose", purpose = "state", revision = "1" }))
    assert.equal(KEY, kms:unwrap(blob, CONTEXT))
  end)

  test("does not unwrap what was changed", function()
    local kms <close> = assert(hooks.open())
    local fields = assert(data.decode(assert(kms:wrap(KEY, CONTEXT))))
    local bytes = fields.bytes
    for at = 1, #bytes, 3 do
      fields.bytes = bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1) .. bytes:sub(at + 1)
      local key, e = kms:unwrap(assert(data.encode(fields)), CONTEXT)
      assert.is_nil(key, "byte " .. at)
      assert.is_true(e.code == "auth" or e.code == "failed", tostring(e))
    end
    fields.bytes = bytes:sub(1, -2)
    refused("auth", kms:unwrap(assert(data.encode(fields)), CONTEXT))
    fields.bytes = ""
    refused("auth", kms:unwrap(assert(data.encode(fields)), CONTEXT))
  end)

  test("tells what is no envelope", function()
    local kms <close> = assert(hooks.open())
    local fields = assert(data.decode(assert(kms:wrap(KEY, CONTEXT))))
    for _, blob in ipairs({ "", "x", assert(data.encode({})), assert(data.encode({ v = 1 })) }) do
      local key, e = kms:unwrap(blob, CONTEXT)
      assert.is_nil(key)
      assert.equal("corrupt", e.code)
    end
    for name, case in pairs({ v = { 2, "unsupported" }, kms = { "aws", "invalid" }, alg = { "x", "unsupported" } }) do
      local was = fields[name]
      fields[name] = case[1]
      local key, e = kms:unwrap(assert(data.encode(fields)), CONTEXT)
      assert.is_nil(key)
      assert.equal(case[2], e.code)
      fields[name] = was
    end
  end)

  test("does not unwrap with another key", function()
    local kms <close> = assert(hooks.open())
    local other <close> = assert(hooks.open())
    local fields = assert(data.decode(assert(kms:wrap(KEY, CONTEXT))))
    fields.key = assert(other:health()).version
    refused("auth", kms:unwrap(assert(data.encode(fields)), CONTEXT))
  end)

  test("rotates: the new key wraps, the old one still unwraps", function()
    local kms <close> = assert(hooks.open())
    local blob = assert(kms:wrap(KEY, CONTEXT))
    local was = assert(kms:health())
    assert.is_true(was.ok)
    local version = assert(kms:rotate())
    assert.not_equal(was.version, version)
    assert.equal(version, assert(kms:health()).version)
    assert.equal(KEY, assert(kms:unwrap(blob, CONTEXT)))
    local again = assert(kms:rewrap(blob, CONTEXT))
    assert.equal(version, data.decode(again).key)
    assert.equal(KEY, assert(kms:unwrap(again, CONTEXT)))
    -- Another process, that knows nothing of it.
    local fresh <close> = assert(hooks.open({ key = kms:describe().key }))
    assert.equal(version, data.decode(assert(fresh:wrap(KEY, CONTEXT))).key)
    assert.equal(version, assert(fresh:health()).version)
    assert.not_equal(version, assert(fresh:rotate()))
    assert.equal(KEY, assert(kms:unwrap(blob, CONTEXT)))
    assert.equal(KEY, assert(kms:unwrap(again, CONTEXT)))
  end)

  test("does not wrap with a revoked key", function()
    local kms <close> = assert(hooks.open())
    local blob = assert(kms:wrap(KEY, CONTEXT))
    local admin <close> = hooks.admin()
    local id = assert(kms:health()).version
    assert(admin:revoke(id, "KeyCompromise"))
    local e = refused("denied", kms:wrap(KEY, CONTEXT))
    assert.truthy(tostring(e):find(kms:describe().key, 1, true))
    assert.is_false(assert(kms:health()).ok)
    if hooks.unwraps_revoked then
      assert.equal(KEY, assert(kms:unwrap(blob, CONTEXT)))
    else
      refused("denied", kms:unwrap(blob, CONTEXT))
    end
  end)

  test("does not unwrap with a destroyed key", function()
    local kms <close> = assert(hooks.open())
    local blob = assert(kms:wrap(KEY, CONTEXT))
    local admin <close> = hooks.admin()
    local id = assert(kms:health()).version
    assert(admin:revoke(id, "CessationOfOperation"))
    assert(admin:destroy(id))
    refused("notfound", kms:unwrap(blob, CONTEXT))
  end)

  test("tells of a key that is not there", function()
    local kms <close> = assert(hooks.open({ key = "no-such-key" }))
    refused("notfound", kms:wrap(KEY, CONTEXT))
    refused("notfound", kms:health())
  end)

  test("does many things at once", function()
    local kms <close> = assert(hooks.open())
    local tasks = require("prov.async")
    local numbers = {}
    for i = 1, 20 do
      numbers[i] = i
    end
    local keys = assert(tasks.each(numbers, 5, function(i)
      local context = changed({ revision = tostring(i) })
      local blob, e = kms:wrap(KEY .. i, context)
      if not blob then
        return nil, e
      end
      return kms:unwrap(blob, context)
    end))
    for i = 1, 20 do
      assert.equal(KEY .. i, keys[i])
    end
  end)

  test("tells that nobody is there", function()
    local kms <close> = assert(hooks.open({ address = hooks.unreachable, key = "k" }))
    local e = refused("unavailable", kms:wrap(KEY, CONTEXT))
    assert.truthy(e.hint:find("nothing was changed", 1, true))
    refused("unavailable", kms:health())
  end)

  test("does not wait for ever", function()
    local kms <close> = assert(hooks.open({ address = hooks.silent(), key = "k", timeout = 300 }))
    refused("timeout", kms:wrap(KEY, CONTEXT))
    refused("timeout", kms:rotate())
  end)
end
