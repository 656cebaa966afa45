local custody = require("prov.custody")
local fs = require("prov.fs")
local test = require("support.async").test
local tmp = require("support.tmp")

local CONTEXT = { workspace = "shop", purpose = "state", revision = "3" }

local function file(bytes)
  local path = tmp.dir() .. "/key"
  if bytes then
    assert(fs.write_atomic(path, bytes, { mode = 384 }))
  end
  return path
end

local function ring()
  local path = tmp.dir() .. "/ring"
  assert(require("prov.kms.local").create(path))
  return path
end

describe("who keeps a key", function()
  it("is the file, and no module of a KMS is loaded for that", test(function()
    local path = file()
    local key, _, kept = custody.keyfile(path, "state")
    assert.equal(32, #key)
    assert.is_nil(kept)
    assert.equal(key, custody.keyfile(path, "state"))
    for name in pairs(package.loaded) do
      assert.is_nil(name:find("^prov%.kms"), name)
    end
  end))

  it("is a KMS, which must have given the key back", test(function()
    local uri = "local:" .. ring()
    local key, bytes = custody.make(uri, CONTEXT)
    local path = file(bytes)
    require("prov.kms.cache").clear()
    local found, _, kept = custody.keyfile(path, "state")
    assert.equal(key, found)
    assert.equal(uri, kept.kms)
    assert.same(CONTEXT, kept.context)
    assert.is_nil(bytes:find(key, 1, true))
    assert.equal(bytes, custody.encode(custody.parse(bytes, path)))
  end))

  it("is said when it does not wrap, and no key is made", test(function()
    local key, e = custody.make("local:" .. tmp.dir() .. "/nothing", CONTEXT)
    assert.is_nil(key)
    assert.equal("unavailable", e.code)
  end))

  it("is not believed about another workspace", test(function()
    local _, bytes = custody.make("local:" .. ring(), CONTEXT)
    local path = file((bytes:gsub('"workspace":"shop"', '"workspace":"other"')))
    local key, e = custody.keyfile(path, "state")
    assert.is_nil(key)
    assert.equal("auth", e.code)
  end))

  it("is not believed about another purpose, without asking the KMS", test(function()
    local _, bytes = custody.make("local:" .. ring(), { purpose = "queue" })
    local path = file(bytes)
    local key, e = custody.keyfile(path, "state")
    assert.is_nil(key)
    assert.equal("auth", e.code)
    assert.matches("'queue', not 'state'", tostring(e), 1, true)
    assert.equal(32, #custody.keyfile(path, "queue"))
  end))

  it("is bound to another name when it is wrapped anew", test(function()
    local key, bytes = custody.make("local:" .. ring(), CONTEXT)
    local path = file(bytes)
    assert(custody.rewrap(path, { workspace = "store" }))
    local found, _, kept = custody.keyfile(path, "state")
    assert.equal(key, found)
    assert.same({ workspace = "store", purpose = "state", revision = "3" }, kept.context)
  end))

  it("wraps anew without changing the key", test(function()
    local uri = "local:" .. ring()
    local key, bytes = custody.make(uri, CONTEXT)
    local path = file(bytes)
    assert.equal("2", assert(assert(require("prov.kms").open(uri)):rotate()))
    assert(custody.rewrap(path))
    assert.not_equal(bytes, custody.read(path))
    assert.equal(key, (custody.keyfile(path, "state")))
    assert.equal(384, fs.stat(path).mode & 511)
  end))

  it("leaves the file alone when it does not wrap anew", test(function()
    local there = ring()
    local _, bytes = custody.make("local:" .. there, CONTEXT)
    local path = file(bytes)
    assert(fs.rename(there, there .. ".away"))
    local none, e = custody.rewrap(path)
    assert.is_nil(none)
    assert.equal("unavailable", e.code)
    assert.equal(bytes, custody.read(path))
  end))

  it("is unknown in a damaged file", test(function()
    for _, bytes in ipairs({ "", "short", "{", "{}", '{"prov_custody":2}', ("x"):rep(33),
      '{"prov_custody":1,"kms":"local:/x","context":{},"envelope":7}' }) do
      local key, e = custody.keyfile(file(bytes), "state")
      assert.is_nil(key)
      assert.equal("corrupt", e.code, bytes)
    end
  end))
end)
