local ini = require("prov.ini")

describe("ini", function()
  it("reads the files of the AWS tools", function()
    local v, at = ini.decode([[
# shared config
region = eu-west-1   ; not part of it

[default]
output=json
[profile dev user]  # a comment
role_arn = arn:aws:iam::1:role/x#y
s3 =
  max_concurrent_requests = 20
  # another
  addressing_style = path
credential_process = "/opt/bin/p" --a=b
empty =
secret = #x;y  ; not part of it
ca_bundle : /etc/ca
long = one
  two = 2
[default]
cli_pager =
]], { file = "config" })
    assert.are.same({
      region = "eu-west-1",
      default = { output = "json", cli_pager = "" },
      ["profile dev user"] = {
        role_arn = "arn:aws:iam::1:role/x#y",
        s3 = { max_concurrent_requests = "20", addressing_style = "path" },
        credential_process = '"/opt/bin/p" --a=b',
        empty = "",
        secret = "#x;y",
        ca_bundle = "/etc/ca",
        long = "one\ntwo = 2",
      },
    }, v)
    assert.are.same({ 2, 1 }, { at({ "region" }) })
    assert.are.same({ 6, 1 }, { at({ "profile dev user" }) })
    assert.are.same({ 11, 3 }, { at({ "profile dev user", "s3", "addressing_style" }) })
  end)

  it("reads what editors of other systems write", function()
    assert.are.same({ a = { b = "1" } }, (ini.decode("\xEF\xBB\xBF[a]\r\nb=1\r\n")))
    assert.are.same({}, (ini.decode("")))
    assert.are.same({ a = "1" }, (ini.decode("a=1")))
  end)

  it("says where a mistake is", function()
    local rows = {
      { "a = 1\nnonsense\n", "2:1", "a line is a [section], key = value or a comment" },
      { "a = 1\n[b]\nc = 1\nd = 2\nc = 3\n", "5:1", "the key 'c' was given before, on line 3" },
      { "[a\nb = 1\n", "1:1", "a section is a name in brackets" },
      { "[]\n", "1:1", "a section is a name in brackets" },
      { "[a] b\n", "1:1", "a section is a name in brackets" },
      { "[a]\n  b = 1\n", "2:3", "nothing above this line" },
      { "[a]\ns =\n  b = 1\n  c\n", "4:3", "a line below 's =' must be key = value" },
      { "s =\n  b = 1\n  b = 2\n", "3:3", "the key 'b' was given before, on line 2" },
      { "= 1\n", "1:1", "a key is missing" },
      { "a = 1\n[a]\n", "2:1", "the section 'a' has the name of a key, on line 1" },
      { "a = 1\nb = \0\n", "2:5", "a NUL byte" },
      { "a = 1\nb = \255\n", "2:5", "the text is not UTF-8" },
    }
    for _, row in ipairs(rows) do
      local v, e = ini.decode(row[1], { file = "x.ini" })
      assert.is_nil(v, row[1])
      assert.are.equal("invalid", e.code)
      assert.are.equal(1, tostring(e):find("x.ini:" .. row[2] .. ": not valid INI: " .. row[3], 1, true), tostring(e))
    end
    assert.are.equal("limit", select(2, ini.decode("a = 1", { max = 3 })).code)
  end)

  it("reads any line in time that grows with it", function()
    local started = os.clock()
    local spaces = (" "):rep(1000000)
    for _, text in ipairs({ "a" .. spaces .. "b", "[" .. spaces, "a =" .. spaces .. "b" }) do
      ini.decode(text)
      ini.decode("s =\n " .. text)
    end
    assert.is_true(os.clock() - started < 5)
  end)

  it("writes what it reads", function()
    local v = {
      top = "1",
      default = { region = "eu", on = true, n = 5 },
      ["profile x"] = { s3 = { a = "b" }, long = "one\ntwo" },
      empty = {},
    }
    local text = assert(ini.encode(v))
    assert.are.equal("top = 1\n\n[default]\nn = 5\non = true\nregion = eu\n\n[empty]\n\n[profile x]\n"
      .. "long = one\n  two\ns3 =\n  a = b\n", text)
    local again = ini.decode(text)
    assert.are.same({ n = "5", on = "true", region = "eu" }, again.default)
    assert.are.same(v["profile x"], again["profile x"])
    assert.are.equal(text, ini.encode(again))
  end)

  it("refuses what INI cannot hold", function()
    for _, v in ipairs({
      { "a" }, "a", { a = { 1 } }, { s = { a = { b = { c = 1 } } } }, { s = { a = { b = { 1 } } } }, { a = " x" },
      { a = "x ; y" }, { a = "x\n\ny" }, { ["a=b"] = "1" }, { ["#a"] = "1" }, { [" a"] = "1" }, { ["a]"] = {} },
      { ["[a"] = "1" }, { [""] = "1" },
    }) do
      local text, e = ini.encode(v)
      assert.is_nil(text, text)
      assert.are.equal("invalid", e.code)
      assert.truthy(e.msg:find("^cannot write as INI"))
    end
  end)
end)
