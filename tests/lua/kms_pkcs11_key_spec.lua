local async = require("prov.async")
local key = require("prov.kms.pkcs11_key")
local run = require("support.async").run
local uri = require("prov.kms.pkcs11_uri")
local uv = require("luv")

local MODULE = "/usr/lib/softhsm/libsofthsm2.so"
local PLAIN = ("k"):rep(32)

local function sh(fmt, ...)
  local pipe = assert(io.popen(fmt:format(...) .. " 2>&1"))
  local out = pipe:read("a")
  local ok = pipe:close()
  return ok, out
end

describe("URIs of PKCS#11", function()
  it("are read", function()
    assert.same({
      token = "my token",
      object = "kek",
      id = "\0\1",
      slot = 7,
      module_path = "/m.so",
      pin_file = "/p",
    }, uri.parse(
      "pkcs11:token=my%20token;object=kek;id=%00%01;slot-id=7;type=secret-key"
        .. "?module-path=/m.so&pin-source=file:///p"
    ))
    assert.same({ object = "k", module_name = "softhsm2" }, uri.parse("pkcs11:object=k;x-other=1?module-name=softhsm2"))
  end)

  for text, want in pairs({
    ["file:x"] = "1:begins with pkcs11:",
    ["pkcs11:?module-path=/m"] = "8:object=LABEL",
    ["pkcs11:object=k"] = "16:names no module",
    ["pkcs11:objct=k?module-path=/m"] = "8:'objct' is no attribute",
    ["pkcs11:object=%zz?module-path=/m"] = "15:hexadecimal",
    ["pkcs11:object=k;object=l?module-path=/m"] = "17:twice",
    ["pkcs11:object=k;;?module-path=/m"] = "17:name=value",
    ["pkcs11:object=?module-path=/m"] = "8:no value",
    ["pkcs11:object=k;slot-id=x?module-path=/m"] = "25:number",
    ["pkcs11:object=k;type=private?module-path=/m"] = "22:secret-key",
    ["pkcs11:object=k?module-path=m.so"] = "29:absolute",
    ["pkcs11:object=k?module-path=/m&pin-source=|cat"] = "43:absolute path",
    ["pkcs11:object=k?module-path=/m&pin-value=4321"] = "42:everybody",
    ["pkcs11:object=k;pin-value=4321?module-path=/m"] = "17:no attribute",
  }) do
    it("are refused with the place: " .. text, function()
      local parts, e = uri.parse(text)
      assert.is_nil(parts)
      local column, part = want:match("^(%d+):(.*)$")
      assert.equal("invalid", e.code)
      assert.truthy(e.msg:find(part, 1, true), e.msg)
      assert.equal(math.tointeger(tonumber(column)), e.column)
      assert.falsy((e.msg .. (e.hint or "")):find("4321", 1, true))
    end)
  end
end)

describe("a key in a token", function()
  local dir, text

  setup(function()
    if not uv.fs_stat(MODULE) then
      return
    end
    dir = assert(uv.fs_mkdtemp("/tmp/prov-p11-XXXXXX"))
    local function write(name, content)
      local file = assert(io.open(dir .. "/" .. name, "w"))
      file:write(content)
      file:close()
      assert(uv.fs_chmod(dir .. "/" .. name, 384))
    end
    write("conf", ("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"):format(dir))
    write("pin", "4321\n")
    write("wrong", "9999\n")
    uv.os_setenv("SOFTHSM2_CONF", dir .. "/conf")
    assert(sh("softhsm2-util --init-token --free --label prov --so-pin 12345678 --pin 4321"))
    text = ("pkcs11:token=prov;object=%%s?module-path=%s&pin-source=%s/pin"):format(MODULE, dir)
  end)

  teardown(function()
    if dir then
      uv.os_unsetenv("SOFTHSM2_CONF")
      sh("rm -rf '%s'", dir)
    end
  end)

  local function case(name, fn)
    it(name, function()
      if not dir then
        pending("SoftHSM is not installed (apt: softhsm2)")
        return
      end
      run(fn)
    end)
  end

  local function tool(fmt, ...)
    return sh("pkcs11-tool --module %s --token-label prov --login --pin 4321 " .. fmt, MODULE, ...)
  end

  case("wraps a thousand at once, and opens all", function()
    local k <close> = assert(key.new(text:format("many")))
    local made = assert(k:rotate())
    assert.equal("\0\0\0\1", made.id)
    local sealed = {}
    assert(async.scope(function(scope)
      for i = 1, 1000 do
        scope:spawn(function()
          sealed[i] = assert(k:wrap(PLAIN .. i, "n=" .. i))
          return true
        end)
      end
      return true
    end))
    for i = 1, 1000 do
      local plain <close> = assert(k:unwrap(made.id, sealed[i], "n=" .. i))
      assert.equal(PLAIN .. i, plain:reveal())
    end
    local _, e = k:unwrap(made.id, sealed[1], "n=2")
    assert.equal("auth", e.code)
  end)

  case("rotates; old versions open until they are deleted", function()
    local k <close> = assert(key.new(text:format("turn")))
    assert(k:rotate())
    local old, first = assert(k:wrap(PLAIN, ""))
    assert(k:rotate())
    local new, second = assert(k:wrap(PLAIN, ""))
    assert.equal("\0\0\0\2", second)
    assert(k:unwrap(first, old, "")):close()
    local _, versions = assert(k:look())
    assert.equal(2, #versions)
    -- pkcs11-tool takes the old one away
    assert(tool("--delete-object --type secrkey --label turn --id 00000001"))
    local plain, e = k:unwrap(first, old, "")
    assert.is_nil(plain)
    assert.equal("denied", e.code)
    assert(k:unwrap(second, new, "")):close()
  end)

  case("is seen by pkcs11-tool as one that never leaves", function()
    local k <close> = assert(key.new(text:format("seen")))
    assert(k:rotate())
    local ok, out = tool("--list-objects --type secrkey")
    assert.is_true(ok, out)
    assert.truthy(out:find("label:%s+seen"), out)
    assert.truthy(out:find("never extractable", 1, true), out)
  end)

  case("made by pkcs11-tool works, and rotates", function()
    assert(tool("--keygen --key-type AES:32 --label theirs --id a1ff --sensitive"))
    local k <close> = assert(key.new(text:format("theirs")))
    local sealed, version = assert(k:wrap(PLAIN, "x"))
    assert.equal("\xa1\xff", version)
    assert(k:unwrap(version, sealed, "x")):close()
    assert.equal("\0\0\xa2\0", assert(k:rotate()).id)
  end)

  case("is not opened by a wrong PIN, which is tried once", function()
    local k = assert(key.new((text:format("many"):gsub("/pin$", "/wrong"))))
    local _, first = k:wrap(PLAIN, "")
    assert.equal("denied", first.code)
    assert.falsy(first:text():find("9999", 1, true))
    local _, again = k:wrap(PLAIN, "")
    assert.equal(first, again)
    k = assert(key.new((text:format("many"):gsub("/pin$", "/wrong"))))
    local errors = {}
    assert(async.scope(function(scope)
      for _ = 1, 20 do
        scope:spawn(function()
          local _, e = k:wrap(PLAIN, "")
          errors[e] = true
          return true
        end)
      end
      return true
    end))
    local one = next(errors)
    assert.is_nil(next(errors, one)) -- one try, one error for all
  end)

  case("says what is missing", function()
    local k = assert(key.new("pkcs11:object=k?module-name=nothing-of-this-name"))
    local _, e = k:wrap(PLAIN, "")
    assert.equal("unavailable", e.code)
    assert.truthy(e.hint:find("install", 1, true))
  end)
end)
