local passwords = require("prov.vault.passwords")

describe("vault passwords", function()
  it("are made by a policy", function()
    local policy = assert(passwords.parse([[
      length = 12
      rule "charset" { charset = "abcdef" }
      rule "charset" {
        charset   = "XYZ"
        min-chars = 3
      }
      rule "charset" {
        charset   = "é!"
        min-chars = 1
      }
    ]]))
    local seen = {}
    for _ = 1, 200 do
      local password = passwords.generate(policy)
      assert.equal(12, utf8.len(password))
      assert.is_true(select(2, password:gsub("[XYZ]", "")) >= 3)
      assert.truthy(password:find("é", 1, true) or password:find("!", 1, true))
      assert.is_nil(password:gsub("é", ""):find("[^abcdefXYZ!]"))
      assert.is_nil(seen[password])
      seen[password] = true
      seen[password:sub(1, 1)] = true
    end
    assert.is_true(seen.a and seen.X) -- nothing has a place of its own
  end)

  it("refuse policies that are none", function()
    assert(passwords.parse('length = 4\nrule "charset" { charset = "a" }'))
    for _, text in ipairs({ "", "length = 10", 'length = 3\nrule "charset" { charset = "a" }',
      'length = 101\nrule "charset" { charset = "a" }', 'rule "charset" { charset = "a" }',
      'length = 10\nrule "charset" { }', 'length = 10\nrule "other" { charset = "a" }',
      'length = 10\nrule "charset" {\ncharset = "a"\nmin-chars = 11\n}', "length = 10\nother = 1",
      'length = 10\nrule "charset" {\ncharset = "a"\nmin-chars = -1\n}', "length = " }) do
      assert.equal("usage", select(2, passwords.parse(text)).code, text)
    end
  end)

  it("have letters and digits by default", function()
    local password = passwords.default()
    assert.truthy(password:find("^[%w-]+$") and password:find("%l") and password:find("%u") and password:find("%d"))
    assert.equal(24, #password)
  end)
end)
