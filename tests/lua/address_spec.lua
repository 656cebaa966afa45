local address = require("prov.address")

describe("address", function()
  local good = {
    ["server.web"] = { kind = "server", name = "web" },
    ["server.web[2]"] = { kind = "server", name = "web", key = 2 },
    ['server.web-1["a.b]"]'] = { kind = "server", name = "web-1", key = "a.b]" },
    ['server.web["a\\"b\\\\c"]'] = { kind = "server", name = "web", key = 'a"b\\c' },
    ["taskserv.postgres@server.db"] = { kind = "taskserv", name = "postgres", server = "server.db" },
    ['module.eu["a"].network.lan'] = {
      kind = "network",
      name = "lan",
      modules = { { name = "eu", key = "a" } },
    },
    ["module.a.module.b[1].server.x"] = {
      kind = "server",
      name = "x",
      modules = { { name = "a" }, { name = "b", key = 1 } },
    },
    ["taskserv.nginx@module.eu.server.web[1]"] = {
      kind = "taskserv",
      name = "nginx",
      server = "module.eu.server.web[1]",
    },
  }

  it("reads and writes the same text", function()
    for text, want in pairs(good) do
      local got, e = address.parse(text)
      assert.is_nil(e)
      assert.are.same(want, got)
      assert.are.equal(text, address.format(got))
    end
  end)

  it("refuses what is not one", function()
    local bad = {
      "",
      "server",
      "server.",
      ".web",
      "server.web[",
      "server.web[]",
      "server.web[a]",
      "server.web[-1]",
      'server.web["a]',
      "server.web.ip",
      "server web",
      "1server.web",
      "server.web@x",
      "module.eu",
      "taskserv.a@",
      "server.web[1]x",
      "server.web[1][2]",
    }
    for _, text in ipairs(bad) do
      local got, e = address.parse(text)
      assert.is_nil(got, text)
      assert.are.equal("invalid", e.code)
    end
  end)

  it("takes any key back", function()
    math.randomseed(7)
    for _ = 1, 500 do
      local chars = {}
      for i = 1, math.random(0, 8) do
        chars[i] = string.char(math.random(1, 255))
      end
      local a = { kind = "server", name = "x", key = table.concat(chars) }
      assert.are.same(a, address.parse(address.format(a)))
    end
  end)
end)
