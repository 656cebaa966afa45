local patterns = require("prov.leaks.patterns")
local scan = require("prov.leaks.scan")
local secrets = require("prov.validate.secrets")

-- Rules and secrets of a text.
local function found(text, file)
  local out = {}
  for i, one in ipairs(scan.text(text, file or "a.txt")) do
    out[i] = one.rule.id
  end
  return table.concat(out, " ")
end

local RANDOM = "Zk3uQ9vT1xW7" .. "bN5mR2pL8sD4" -- in parts: this file is scanned, too

describe("patterns of leaks", function()
  it("find their example in the middle of a text, and nothing without its mark", function()
    local seen = {}
    for _, one in ipairs(patterns) do
      assert.is_nil(seen[one.id], one.id)
      seen[one.id] = true
      local text = "first line\n  x: \"" .. one.example .. "\" \nlast line\n"
      assert.truthy((" " .. found(text) .. " "):find(" " .. one.id .. " ", 1, true), one.id .. ": " .. found(text))
      assert.truthy(secrets.shape(one.example), one.id)
      local at = assert(one.example:find(one.has, 1, true), one.id)
      local broken = one.example:sub(1, at - 1) .. one.example:sub(at + #one.has)
      assert.is_nil((" " .. found(broken) .. " "):find(" " .. one.id .. " ", 1, true), one.id)
    end
  end)

  it("take no key without a body, no word for a password in a URL, nothing that says it is an example", function()
    for _, text in ipairs({
      "-----BEGIN " .. "PRIVATE KEY-----",
      'if text:find("-----BEGIN ' .. 'RSA PRIVATE KEY-----") then return "a key" end',
      "postgres://user:" .. "password@host/db",
      "https://x:" .. "${TOKEN}@host/",
      "http://admin:" .. "<password>@host",
      "AKIA" .. "IOSFODNN7EXAMPLE",
      "ghp_" .. ("x"):rep(36),
    }) do
      assert.equal("", found(text), text)
    end
  end)
end)

describe("assignments", function()
  it("to names of secrets are leaks when the value is random", function()
    for _, text in ipairs({
      'password = "' .. RANDOM .. '"',
      "db_password: " .. RANDOM,
      '{"api_key": "' .. RANDOM .. '"}',
      "export HCLOUD_TOKEN=" .. RANDOM,
      "  secret => '" .. RANDOM .. "',",
      "client_secret := `" .. RANDOM .. "`",
      "config['auth_token'] = '" .. RANDOM .. "'",
    }) do
      assert.equal("assignment", found(text), text)
    end
    assert.equal("assignment", found("DB_PASSWORD=correct-" .. "horse-battery", "prod.env"))
  end)

  it("are none with names, code, references and what is encrypted", function()
    for _, text in ipairs({
      "password_file = /run/" .. RANDOM,
      "password = os.getenv('DB_PASSWORD2')",
      "token: ${secret.token_12345}",
      "secret = config.auth2.secret_of(name1)",
      'password: ENC[AES256_GCM,data:' .. RANDOM .. ",iv:x,tag:y,type:str]",
      'token = "not-random-at-all"',
      "key = " .. RANDOM,
      'password_hash = "' .. RANDOM .. '"',
      'password = "' .. RANDOM .. '" # prov:allow' .. "-secret",
    }) do
      assert.equal("", found(text), text)
    end
  end)

  it("are told with their place, once, and hidden", function()
    local text = ("x\n"):rep(100) .. "a: 1\npassword: " .. RANDOM .. "\n"
    local list = scan.text(text, "a.yaml")
    assert.equal(1, #list)
    assert.equal(RANDOM, text:sub(list[1].at, list[1].at + #RANDOM - 1))
    assert.equal("Zk3u... (24 characters)", scan.hidden(RANDOM))
    assert.equal("s... (7 characters)", scan.hidden("s3cret7"))
    assert.equal("... (3 characters)", scan.hidden("abc"))
  end)

  it("in long lines are found without looking at all of them", function()
    local started = os.clock()
    local text = ("token_name = 1; "):rep(60000) .. 'password = "' .. RANDOM .. '"'
    assert.equal("assignment", found(text))
    assert.is_true(os.clock() - started < 5)
  end)
end)
