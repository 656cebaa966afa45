local put = require("prov.edit.yaml_text")
local recipients = require("prov.sops.recipients")
local yaml = require("prov.yaml")

local ARN = "arn:aws:kms:eu-central-1:123456789012:key/2d943c66-223d-4541-85b3-62f848d3426e"
local ROLE = "arn:aws:iam::123456789012:role/secrets"
local FP = "6FB0E8266BCA0AEA5EB34948C9704BF947008884"

describe("recipients of SOPS files", function()
  local function parsed(text)
    local one = assert(recipients.parse(text))
    return one.kind, one.name
  end

  it("are told by their form, and named as sops names them", function()
    assert.same({ "age", "age1xyz" }, { parsed("age1xyz") })
    assert.same({ "age", "ssh-ed25519 AAAA me" }, { parsed("ssh-ed25519 AAAA me") })
    assert.same({ "pgp", FP }, { parsed(FP:sub(1, 20) .. " " .. FP:sub(21)) })
    assert.same({ "pgp", FP .. "!" }, { parsed(FP .. "!") })
    assert.same({ "kms", ARN }, { parsed(ARN) })
    assert.same({ "kms", ARN .. "+" .. ROLE }, { parsed(ARN .. "+" .. ROLE) })
    assert.same({ "kms", ARN .. "|a:1,b:2" }, { parsed(ARN .. "|b:2,a:1") })
    assert.same({ "kms", ARN .. "||prod" }, { parsed(ARN .. "||prod") })
    assert.same({ "hc_vault", "https://vault:8200/v1/a/b/keys/c" }, { parsed("https://vault:8200/v1/a/b/keys/c/") })
    local vault = assert(recipients.parse("https://vault:8200/v1/a/b/keys/c"))
    assert.same({ "https://vault:8200", "a/b", "c" }, { vault.vault_address, vault.engine_path, vault.key_name })
  end)

  it("are those that metadata have", function()
    local entry = { arn = ARN, role = ROLE, aws_profile = "", context = { b = "2", a = "1" }, enc = "" }
    assert.equal(ARN .. "+" .. ROLE .. "|a:1,b:2", recipients.of("kms", entry).name)
    entry.aws_profile, entry.context = "prod", nil
    assert.equal(ARN .. "+" .. ROLE .. "||prod", recipients.of("kms", entry).name)
    assert.equal(FP, recipients.of("pgp", { fp = FP }).name)
  end)

  it("stand in one text with commas, as contexts do", function()
    local out = assert(recipients.add(("age1x, %s|a:1,b:2,%s,"):format(ARN, FP), nil, {}))
    assert.equal(3, #out)
    assert.same({ a = "1", b = "2" }, out[2].context)
    assert.equal("pgp", out[3].kind)
  end)

  it("are refused with a word of what they are", function()
    for text, word in pairs({ ABCD0123 = "fingerprint", ["https://vault/transit/keys/x"] = "/v1/ENGINE/keys/KEY",
      [ARN .. "|a"] = "NAME:VALUE" }) do
      local one, e = recipients.parse(text)
      assert.is_nil(one)
      assert.equal("invalid", e.code)
      assert.truthy(tostring(e):find(word, 1, true), tostring(e))
    end
  end)
end)

describe("texts in YAML", function()
  it("are quoted as the writer of YAML does, also those that are seen to be words at once", function()
    local signs = "aeEoOxXyYnNtTzZ019_./=+-: fobR#"
    local state = 7
    local function random(n)
      state = (state * 1103515245 + 12345) & 0x7fffffff
      return (state >> 8) % n + 1
    end
    local words = { "yes", "No", "on", "OFF", "null", "Null", "true", "y", "N", "1e5", "0x1F", "0o7", "12e03",
      "1_000", "2001-01-01", ".5", "-", "1.", "a", "=", "<<", "0b1", "1T0", "aZ", "9z", "z9=", "+a", "-a" }
    for i = 1, 20000 do
      local text = words[i]
      if not text then
        local chars = {}
        for at = 1, random(6) do
          local from = random(#signs)
          chars[at] = signs:sub(from, from)
        end
        text = table.concat(chars)
      end
      local want = yaml.encode({ text }) == "- " .. text .. "\n"
      local got = put.string(text, { eol = "\n", step = 2, list_step = 2 }, 0)
      assert.equal(want, got == text, text .. " is written as " .. got)
    end
  end)
end)
