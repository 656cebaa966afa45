local async = require("prov.async")
local cipher = require("prov.sops.cipher")
local flatten = require("prov.sops.flatten")
local rules = require("prov.sops.rules")
local scalar = require("prov.sops.scalar")
local shamir = require("prov.shamir")
local sops = require("prov.sops")
local age = require("prov.age")
local tmp = require("support.tmp")

-- In a task, with an identity of its own in a file.
local function with_key(fn)
  local key = age.keygen()
  local path = tmp.write(tmp.dir() .. "/key.txt", key:secret() .. "\n")
  local ok, e = async.run(function()
    fn(key:public(), { path })
    return true
  end)
  assert.is_true(ok, tostring(e))
end

local function encrypted(plain, format, to, rule)
  rule = rule or {}
  rule.groups = { { to } }
  return assert(sops.encrypt(assert(sops.create(plain, format, rule)), "test"))
end

describe("sops", function()
  it("splits a secret into shares", function()
    for _, case in ipairs({ { 2, 2 }, { 5, 3 }, { 9, 9 } }) do
      local shares = assert(shamir.split("a secret of some bytes\0\255", case[1], case[2]))
      assert.equal(case[1], #shares)
      local enough = table.move(shares, #shares - case[2] + 1, #shares, 1, {})
      assert.equal("a secret of some bytes\0\255", shamir.combine(enough))
      enough[1] = nil
      assert.not_equal("a secret of some bytes\0\255", shamir.combine(table.move(enough, 2, case[2], 1, {})))
    end
    -- GF(2^8): 3 = 1 + 2x at x = 1 and 5 at x = 2 meet at 1.
    assert.equal("\1", shamir.combine({ "\3\1", "\5\2" }))
    assert.is_nil((shamir.combine({ "\3\1", "\5\1" })))
    assert.is_nil((shamir.split("x", 2, 3)))
    assert.is_nil((shamir.split("x", 2, 1)))
  end)

  it("writes floats without exponent", function()
    for text, v in pairs({ ["0.1"] = 0.1, ["1"] = 1.0, ["-2.5"] = -2.5, ["100000000000000000000000"] = 1e23,
      ["0.000000123"] = 1.23e-7, ["5e-324"] = false, ["123456789.125"] = 123456789.125, ["-0"] = -0.0 }) do
      if v then
        assert.equal(text, cipher.float(v))
      end
    end
  end)

  it("knows the types of plain scalars as go-yaml does", function()
    for text, want in pairs({ ["yes"] = "str yes", ["True"] = "bool True", ["0x1F"] = "int 31", ["017"] = "int 15",
      ["0o17"] = "int 15", ["0b11"] = "int 3", ["1_000"] = "int 1000", ["+5"] = "int 5", ["-9223372036854775808"] =
      "int -9223372036854775808", ["9223372036854775808"] = "float 9223372036854776000", ["1.50"] = "float 1.5",
      ["1e3"] = "float 1000", [".5"] = "float 0.5", ["."] = "str .", ["-"] = "str -", ["1.2.3"] = "str 1.2.3",
      ["2001-12-14"] = "time 2001-12-14T00:00:00Z", ["2001-2-30"] = "str 2001-2-30", ["09"] = "float 9",
      ["2001-12-14t21:59:43.10-05:00"] = "time 2001-12-14T21:59:43.1-05:00", ["~"] = "null ", ["nUll"] = "str nUll",
      ["2001-12-14 21:59:43"] = "time 2001-12-14T21:59:43Z", [".inf"] = "float +Inf" }) do
      assert.equal(want, table.concat({ scalar.resolve(text) }, " "), text)
    end
  end)

  it("binds values to their place, and reuses what it opened", function()
    local box <close> = assert(cipher.new(("k"):rep(32)))
    local sealed = assert(box:seal("str", "text", "a:"))
    assert.is_true(cipher.is_encrypted(sealed))
    local plain, type = box:open(sealed, "a:")
    assert.same({ "text", "str" }, { plain, type })
    assert.equal(sealed, box:seal("str", "text", "a:"))
    assert.not_equal(sealed, box:seal("str", "text", "b:"))
    assert.equal("auth", select(2, box:open(sealed, "b:")).code)
    assert.equal("invalid", select(2, box:open("text", "a:")).code)
  end)

  it("flattens metadata", function()
    local data = require("core.data")
    local meta = { age = data.list({ { recipient = "a", enc = "x\ny" }, { recipient = "b", enc = "z" } }), mac = "m",
      key_groups = data.list({ { age = data.list({ { recipient = "c" } }) } }) }
    local flat = flatten.flatten(meta, "sops_")
    assert.same({ "sops_age__list_0__map_enc", "x\ny" }, flat[1])
    local back = {}
    for i, pair in ipairs(flat) do
      back[i] = { pair[1]:sub(6), pair[2] }
    end
    assert.same(meta, flatten.unflatten(back))
  end)

  it("looks for regular expressions anywhere", function()
    for _, case in ipairs({ { "b", "abc", true },
      { "^b", "abc", false }, { "^a|c$", "xc", true }, { "^a|c$", "xcx", false },
      { "(^|/)s\\.yaml$", "d/s.yaml", true }, { "(^|/)s\\.yaml$", "xs.yaml", false },
      { "^(data|stringData)$", "data", true },
      { "a.*?b", "xaxxb", true }, { "[|]", "a|b", true }, { "\\|", "ab", false } }) do
      assert.equal(case[3], assert(rules.matcher(case[1]))(case[2]), case[1] .. " " .. case[2])
    end
    assert.equal("unsupported", select(2, rules.matcher("(?i)a")).code)
  end)

  it("chooses what is encrypted by every part of a path, and by comments", function()
    local function chosen(meta, path, comments, kind)
      return assert(rules.chooser(meta))({ path = path, comments = comments or {}, kind = kind or "value" })
    end
    assert.is_true(chosen({}, { "a" }))
    assert.is_false(chosen({}, { "a_unencrypted", "b" }))
    assert.is_false(chosen({ encrypted_suffix = "_x" }, { "a" }))
    assert.is_true(chosen({ encrypted_suffix = "_x" }, { "a_x", "b" }))
    assert.is_true(chosen({ encrypted_comment_regex = "sec" }, { "a" }, { "secret" }))
    assert.is_false(chosen({ encrypted_comment_regex = "sec" }, {}, { "secret" }, "comment"))
    assert.is_false(chosen({ unencrypted_comment_regex = "pub" }, { "a" }, { "public" }))
    assert.is_nil((rules.chooser({ encrypted_suffix = "a", encrypted_regex = "b" })))
  end)

  -- Each was found by tests/fuzz/guided.lua.
  it("loses nothing in odd files", function()
    with_key(function(to, identities)
      local function again(plain, format, rule)
        local opts = { format = format, file = "test", identities = identities }
        return assert(sops.decrypt(encrypted(plain, format, to, rule), opts)).plain
      end
      -- A file of bytes is encrypted whatever a rule says; one of somebody else may say otherwise.
      assert.truthy(encrypted("text\n", "binary", to, { encrypted_suffix = "_x" }):find('"data": "ENC[', 1, true))
      assert.equal("text\n", again("text\n", "binary", { encrypted_suffix = "_x" }))
      local open = assert(sops.create("text\n", "binary", { groups = { { to } } }))
      open.meta.encrypted_suffix = "_x"
      assert.truthy(assert(sops.encrypt(open, "test")):find('"data": "text\\n"', 1, true))
      open.plain = "\255"
      local _, e = sops.encrypt(open, "test")
      assert.equal("invalid", e.code)
      -- A comment behind the name of a section, in which a bracket would end the name.
      assert.equal("# c\n[s]\nk = 1\n", again("[s] # c\nk = 1\n", "ini"))
      -- No map, and metadata that are none.
      for text, words in pairs({ ["null\n"] = "maps", ["~"] = "maps", ["a: 1\nsops:\n"] = "metadata" }) do
        _, e = sops.encrypt(assert(sops.create(text, "yaml", { groups = { { to } } })), "test")
        assert.equal("invalid", e.code)
        assert.truthy(tostring(e):find(words, 1, true), tostring(e))
      end
    end)
  end)

  it("goes both ways and leaves the text as it was", function()
    with_key(function(to, identities)
      for format, texts in pairs({
        yaml = { "# c\na: 1 # d\nb:\n  - 'x'\n  - {y: [1, 2.5]}\nc: |\n  l1\n  l2\n# end\n",
          "---\na: 1\n---\n# only\nb: x\n", "{a: b}\n", "a: 1", "a:\r\n  b: x\r\n", "? k\n: v\n" },
        json = { '{"a": 1}', '{\n  "a": [true, null, "\\"é\\\\"],\n  "b": {}\n}\n', "{}" },
        dotenv = { "A=1\n#c\n\nB=x=y # z\n", "A=1", "" },
        ini = { "a = 1\n\n[s]\n; c\nk = \"v\"\nl : `a#b`\nm = \n; end\n", "[s]\nk=v # c\n" },
        binary = { "", "\0\255\n", ("x"):rep(5000) },
      }) do
        for _, plain in ipairs(texts) do
          local text = encrypted(plain, format, to)
          local open, e = sops.decrypt(text, { format = format, file = "test", identities = identities })
          assert.is_table(open, ("%s %q: %s"):format(format, plain, tostring(e)))
          assert.equal(plain:gsub("\r?\n$", ""), (open.plain:gsub("\r?\n$", "")), format)
          -- What did not change is written as it was.
          local again = assert(sops.encrypt(open, "test"))
          local strip = function(s)
            return (s:gsub("mac[^\n]*", ""):gsub("lastmodified[^\n]*", ""))
          end
          assert.equal(strip(text), strip(again))
        end
      end
    end)
  end)

  it("writes aliases out", function()
    with_key(function(to, identities)
      local text = encrypted("a: &x {k: v}\nb: *x\nc: &y 1\nd: [*y]\n", "yaml", to)
      local open = assert(sops.decrypt(text, { format = "yaml", file = "test", identities = identities }))
      assert.same({ a = { k = "v" }, b = { k = "v" }, c = 1, d = { 1 } }, sops.value(open, "test"))
      text = encrypted("a: &x # c\n  k: v\nb:\n  <<: *x\n  y: 2\nc: !!str &t 5\nd: *t\n", "yaml", to)
      open = assert(sops.decrypt(text, { format = "yaml", file = "test", identities = identities }))
      assert.same({ a = { k = "v" }, b = { k = "v", y = 2 }, c = "5", d = "5" }, sops.value(open, "test"))
    end)
  end)

  it("finds what was changed", function()
    with_key(function(to, identities)
      local text = encrypted("a: one\nb: two\nc_unencrypted: three\n", "yaml", to)
      local function opened(changed)
        return sops.decrypt(changed, { format = "yaml", file = "f.yaml", identities = identities })
      end
      assert.is_table((opened(text)))
      local _, e = opened((text:gsub("three", "four")))
      assert.equal("auth", e.code)
      _, e = opened((text:gsub("b: [^\n]*\n", "", 1)))
      assert.equal("auth", e.code)
      local a = text:match("a: (ENC[^\n]*)")
      _, e = opened((text:gsub("b: ENC[^\n]*", function()
        return "b: " .. a
      end)))
      assert.equal("auth", e.code)
      assert.is_truthy(e.msg:find("^b: "))
      assert.equal("f.yaml", e.file)
      _, e = opened((text:gsub("mac: [^\n]*", "mac: x")))
      assert.equal("auth", e.code)
      _, e = opened("a: 1\n")
      assert.equal("invalid", e.code)
      assert.is_table((opened((encrypted("a: 1\nc_unencrypted: x\n", "yaml", to, { mac_only_encrypted = true })
        :gsub("c_unencrypted: x", "c_unencrypted: y")))))
    end)
  end)

  it("refuses what sops does not read", function()
    with_key(function(to)
      for _, case in ipairs({
        { "yaml", "a: 1\nb: {c: 1, c: 2}\n", 2 }, { "yaml", "a: 1\n---\nb:\n  - c: 1\n    c: 2\n", 5 },
        { "yaml", "a: 1\r---\rb: 2\r" }, { "ini", "[a]\nk = 1\n[]\nk = 2\n", 3 },
      }) do
        local text, e = sops.encrypt(assert(sops.create(case[2], case[1], { groups = { { to } } })), "test")
        assert.is_nil(text, case[2])
        assert.same({ "invalid", "test", case[3] }, { e.code, e.file, e.line })
      end
      assert.equal("{", encrypted('\xEF\xBB\xBF{"a": 1}', "json", to):sub(1, 1))
    end)
  end)

  it("takes no bytes where a format has texts only", function()
    with_key(function(to)
      local open = assert(sops.create("a: 1\n", "yaml", { groups = { { to } } }))
      for _, v in ipairs({ "\xFF", { b = { "\xFF" } } }) do
        local ok, e = sops.change(open, { "a" }, v)
        assert.same({ nil, "invalid" }, { ok, e.code })
      end
    end)
  end)

  it("takes many comments in a row, in memory that grows as they do", function()
    with_key(function(to, identities)
      for format, ends in pairs({ yaml = { "a: 1\n", "b: 2\n" }, dotenv = { "A=1\n", "B=2\n" } }) do
        local plain = ends[1] .. ("# a comment\n"):rep(8000) .. ends[2]
        collectgarbage()
        local before = collectgarbage("count")
        local text = encrypted(plain, format, to, { encrypted_comment_regex = "comment" })
        assert.is_true(collectgarbage("count") - before < 200 * 1024, format)
        local open = assert(sops.decrypt(text, { format = format, file = "test", identities = identities }))
        assert.equal(plain, open.plain)
        assert.is_nil(text:find(ends[2], 1, true), "below a comment that says so, and in plain text")
        assert.is_truthy(text:find(ends[1], 1, true), "encrypted, though no comment says so")
      end
    end)
  end)

  it("refuses what it cannot encrypt", function()
    with_key(function(to)
      for text, format in pairs({ ["- a\n"] = "yaml",
        ["1: a\n"] = "yaml", ["sops: a\n"] = "yaml", ["a: *x\n"] = "yaml", ["# a\n\rb: 1\n"] = "yaml",
        ["[1]"] = "json", ["sops_a=1\n"] = "dotenv", ["a\n"] = "dotenv", ["[a\n"] = "ini",
        ["[s]\na=1\na=2\n"] = "ini" }) do
        local open = assert(sops.create(text, format, { groups = { { to } } }))
        local ok, e = sops.encrypt(open, "test")
        assert.is_nil(ok, text)
        assert.is_string(e.code, text)
      end
    end)
  end)
end)
