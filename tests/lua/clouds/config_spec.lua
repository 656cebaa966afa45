local config = require("prov.provider.config")
local log = require("prov.log")
local spec = require("support.project")
local test = require("support.async").test
local tmp = require("support.tmp")
local uv = require("luv")

local SCHEMA = {
  token = { type = "secret", required = true, env = "SPEC_TOKEN", doc = "Token" },
  endpoint = { type = "url", default = "https://api.example", env = { "SPEC_URL", "SPEC_ENDPOINT" }, doc = "Where" },
  tries = { type = "int", env = "SPEC_TRIES", doc = "Tries" },
  zone = { type = "string", default = "a", doc = "Zone" },
}

local function credentials(text, mode)
  local path = config.file("spec")
  tmp.write(path, text)
  uv.fs_chmod(path, mode or 384)
  return path
end

local PROVIDER = [[
return {
  kind = "provider", api = 1, name = "spec", summary = "x",
  config = {
    token = { type = "secret", required = true, env = "SPEC_TOKEN", doc = "Token" },
    url = { type = "string", default = "there", env = "SPEC_URL", doc = "Where" },
  },
  resources = { thing = {
    schema = {}, outputs = { token = { type = "string" }, seen = { type = "any" } },
    create = function(ctx)
      ctx.adopt("1")
      local function once()
        return { n = 1 }
      end
      local doc = ctx.xml.decode("<a><item>1</item></a>")
      return { id = "1", seen = {
        url = ctx.config.url, env = ctx.env("SPEC_OTHER") or "none", empty = ctx.env("SPEC_EMPTY") or "none",
        base64 = ctx.base64.decode(ctx.base64.encode("a\0b")) == "a\0b",
        json = ctx.json.encode({ none = ctx.json.null, list = ctx.json.list({}) }),
        xml = doc.a.item[1], same = ctx.cached("x", once) == ctx.cached("x", once),
        api = type(ctx.api({ url = "http://127.0.0.1:1" }).get), watch = type(ctx.watch),
      } }
    end,
    read = function(ctx) return ctx.recorded end,
    delete = function() return true end,
  } },
}
]]

describe("the configuration of a provider", function()
  after_each(function()
    for _, name in ipairs({ "SPEC_TOKEN", "SPEC_URL", "SPEC_ENDPOINT", "SPEC_TRIES", "SPEC_OTHER", "SPEC_EMPTY" }) do
      uv.os_unsetenv(name)
    end
    uv.fs_unlink(config.file("spec"))
  end)

  local function complete(given)
    local done, e = config.complete("spec", "spec", SCHEMA, given or {})
    return done and require("prov.value").reveal(done), e
  end

  it("comes from the infra, then the environment, then the file of credentials, then the defaults", function()
    credentials("token: of-the-file\nendpoint: https://file.example\n")
    assert.same({ token = "of-the-file", endpoint = "https://file.example", zone = "a" }, (complete()))
    uv.os_setenv("SPEC_TOKEN", "of-the-env")
    uv.os_setenv("SPEC_ENDPOINT", "https://env.example")
    uv.os_setenv("SPEC_TRIES", "3")
    assert.same({ token = "of-the-env", endpoint = "https://env.example", tries = 3, zone = "a" }, (complete()))
    uv.os_setenv("SPEC_URL", "https://first.example")
    assert.equal("https://first.example", complete().endpoint)
    assert.same({ token = "given", endpoint = "https://given.example", zone = "b", tries = 1 },
      (complete({ token = "given", endpoint = "https://given.example", zone = "b", tries = 1 })))
    uv.fs_unlink(config.file("spec"))
    assert.equal("https://api.example", complete({ token = "x", tries = 1 }) and "https://api.example")
  end)

  it("mixes no secrets of two places", function()
    credentials("name: me\npassword: of-the-file\n")
    local schema = {
      token = { type = "secret", env = "SPEC_TOKEN" }, password = { type = "secret", env = "SPEC_URL" },
      name = { type = "string", env = "SPEC_OTHER" },
    }
    local function whole(given)
      return require("prov.value").reveal(assert(config.complete("spec", "spec", schema, given)))
    end
    assert.same({ name = "me", password = "of-the-file" }, whole({}))
    assert.same({ name = "you", password = "of-the-file" }, whole({ name = "you" }))
    assert.same({ name = "me", token = "given" }, whole({ token = "given" }))
    uv.os_setenv("SPEC_TOKEN", "of-the-env")
    assert.same({ name = "me", token = "of-the-env" }, whole({}))
  end)

  it("says where what is missing can come from", function()
    local _, e = complete()
    assert.equal("invalid", e.code)
    assert.equal("provider 'spec' needs its token", e.msg)
    assert.matches("set SPEC_TOKEN, run 'prov provider login spec', or .*providers%.spec%.token", e.hint)
    _, e = config.complete("eu", "spec", SCHEMA, {}) -- an instance has the credentials of what it is one of
    assert.equal("provider 'eu' needs its token", e.msg)
    assert.matches("prov provider login spec', or .*providers%.eu%.token", e.hint)
    credentials("token: of-the-file\n")
    assert.is_table((config.complete("eu", "spec", SCHEMA, {})))
    uv.fs_unlink(config.file("spec"))
    uv.os_setenv("SPEC_TOKEN", "") -- an empty variable is none
    _, e = complete()
    assert.equal("invalid", e.code)
  end)

  it("names the variable that has a bad value, without the value of a secret", function()
    uv.os_setenv("SPEC_TOKEN", "a-token")
    uv.os_setenv("SPEC_TRIES", "many")
    local _, e = complete()
    assert.matches("the environment variable SPEC_TRIES", tostring(e))
  end)

  it("is not read from a file that others may read, nor from one with mistakes", function()
    local path = credentials("token: abcdef\n", 420)
    local _, e = complete()
    assert.equal("denied", e.code)
    assert.equal("chmod 600 " .. path, e.hint)
    credentials("token: [\n")
    _, e = complete()
    assert.equal(path, e.file)
    credentials("- a\n")
    _, e = complete()
    assert.matches("must be a map", tostring(e))
  end)

  it("is not needed to check an infra or to plan, and reaches the body when it is called", test(function()
    local c = spec.ctx({
      ["extensions/providers/spec/provider.lua"] = PROVIDER,
      ["infra.yaml"] = "defaults: { provider: spec }\nthings: { a: {} }\n",
    })
    assert.same({ "create thing.a" }, (spec.plan(c)))
    local applied, e = pcall(spec.apply, c)
    assert.is_false(applied)
    assert.matches("provider 'spec' needs its token", tostring(e))
    uv.os_setenv("SPEC_TOKEN", "the-token-of-the-spec")
    uv.os_setenv("SPEC_URL", "over there")
    uv.os_setenv("SPEC_OTHER", "seen")
    uv.os_setenv("SPEC_EMPTY", "")
    c = spec.reopen(c.dir)
    assert.equal("done", assert(spec.apply(c)).status)
    local project <close> = assert(require("prov.project").open(c))
    local state = project.state
    assert.same({
      url = "over there", env = "seen", empty = "none", base64 = true, json = '{"list":[],"none":null}', xml = "1",
      same = true, api = "function", watch = "function",
    }, state.records["thing.a"]:state().seen)
    assert.equal("a *** b", log.redact("a the-token-of-the-spec b"))
  end))

  it("may say so only where a name of a variable stands", function()
    local fields = require("prov.contract.fields")
    assert.is_true((fields.check({ a = { type = "string", env = "A" } })))
    assert.is_false((fields.check({ a = { type = "string", env = 1 } })))
    local row = require("prov.contract").describe({ a = { type = "string", env = { "A", "B" }, doc = "It" } })[1]
    assert.equal("It; from $A or $B when absent", row.doc)
  end)
end)
