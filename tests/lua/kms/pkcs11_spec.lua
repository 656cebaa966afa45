local contract = require("support.kms_contract")
local key = require("prov.kms.pkcs11_key")
local uv = require("luv")

local MODULE = "/usr/lib/softhsm/libsofthsm2.so"

if uv.fs_stat(MODULE) then
  local dir = assert(uv.fs_mkdtemp("/tmp/prov-p11-XXXXXX"))
  local function write(name, content)
    local file = assert(io.open(dir .. "/" .. name, "w"))
    file:write(content)
    file:close()
    assert(uv.fs_chmod(dir .. "/" .. name, 384))
  end
  local count = 0
  local function uri(label)
    return ("pkcs11:token=prov;object=%s?module-path=%s&pin-source=%s/pin"):format(label, MODULE, dir)
  end

  local function tool(fmt, ...)
    assert(os.execute(("pkcs11-tool --module %s --token-label prov --login --pin 4321 " .. fmt .. " >/dev/null 2>&1")
      :format(MODULE, ...)))
  end
  local function label(text)
    return text:match("object=([^?]+)")
  end

  setup(function()
    write("conf", ("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"):format(dir))
    write("pin", "4321\n")
    uv.os_setenv("SOFTHSM2_CONF", dir .. "/conf")
    assert(os.execute("softhsm2-util --init-token --free --label prov --so-pin 12345678 --pin 4321 >/dev/null"))
  end)
  teardown(function()
    uv.os_unsetenv("SOFTHSM2_CONF")
    os.execute("rm -rf " .. dir)
  end)

  contract.run("pkcs11", {
    fresh = function()
      count = count + 1
      local k <close> = assert(key.new(uri("kek" .. count)))
      assert(k:rotate())
      return uri("kek" .. count)
    end,
    revoke = function(text)
      tool("--delete-object --type secrkey --label %s", label(text))
    end,
    retire = function(text, version)
      tool("--delete-object --type secrkey --label %s --id %s", label(text), version)
    end,
    -- No stranger: a token lets a process in as a whole (tests/lua/kms_pkcs11_key_spec.lua has the wrong PIN).
    unreachable = function(text)
      return (text:gsub("token=prov", "token=gone")), function() end
    end,
    secret = "4321",
  }, { describe = describe, it = it, pending = pending })

  describe("pkcs11", function()
    it("says how a PIN is given", function()
      require("support.async").run(function()
        local text = uri("kek"):gsub("&pin%-source=.*", "")
        local kms = assert(require("prov.kms").open(text))
        local _, e = kms:health()
        assert.equal("denied", e.code)
        assert.matches("pin-source=file:", e.hint, 1, true)
      end)
    end)
  end)
else
  describe("pkcs11", function()
    pending("SoftHSM is not installed (apt: softhsm2)")
  end)
end
