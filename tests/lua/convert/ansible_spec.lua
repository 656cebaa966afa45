local convert = require("prov.convert.ansible")
local ini = require("prov.convert.ansible.ini")
local notes_of = require("prov.convert.notes")
local tmp = require("support.tmp")
local tree = require("prov.convert.tree")

local function convert_files(files, name, provider)
  local dir = tmp.dir()
  for path, text in pairs(files) do
    tmp.write(dir .. "/" .. path, text)
  end
  local out, notes = convert.convert(dir .. "/" .. (name or "hosts"), { provider = provider or "demo" })
  if not out then
    return nil, (tostring(notes):gsub("^.-/([^/]*:?)", "%1"))
  end
  local said = {}
  for i, note in ipairs(notes.list) do
    said[i] = notes_of.text(note):gsub("^.*/", "")
  end
  return tree.plain(out[1].tree), said, tree.encode(out[1].tree, "yaml")
end

local INI = [[
mail.example.org ansible_host=192.0.2.1   # the first

[web]
web[01:03] http_port=80 name='a "b"' debug=True weights="[1, 2]"
[db]
db-[a:b]:2222
; a comment
[prod:children]
web
db
[prod:vars]
ntp = pool.example.org # no comment
size=3
]]

describe("ansible inventories", function()
  it("in INI: ranges, groups of groups, variables", function()
    local out, notes, text = convert_files({ hosts = INI })
    assert.are.same({ provider = "demo" }, out.defaults)
    assert.are.same({ labels = { host = "mail.example.org" } }, out.servers["mail-example-org"])
    for _, name in ipairs({ "web01", "web02", "web03" }) do
      assert.are.same({ labels = { groups = "prod,web" } }, out.servers[name])
      assert.are.same({ http_port = 80, name = 'a "b"', debug = true, weights = { 1, 2 } },
        out.inputs.hosts.default[name])
    end
    assert.are.same({ labels = { groups = "db,prod" } }, out.servers["db-b"])
    assert.are.same({ ntp = "pool.example.org # no comment", size = 3 }, out.inputs.prod.default)
    assert.is_truthy(text:find("  # ansible_port: 2222\n  db-a:\n", 1, true))
    assert.are.same({ "hosts:1:1: how Ansible reaches the hosts (ansible_host, ansible_user, ...) is in comments; "
      .. "prov has addresses and users from the provider" }, notes)
  end)

  it("in YAML, with group_vars and host_vars beside them", function()
    local out, notes = convert_files({
      ["hosts.yaml"] = [[
all:
  vars: { domain: example.org }
  children:
    web:
      hosts:
        web[1:2]:
        odd name: { max: 1 }
    prod:
      children: { web: }
]],
      ["group_vars/web.yml"] = "motd: \"hi {{ user }}\"\nprice: \"${x}\"\n",
      ["group_vars/prod/a.yml"] = "a: 1\n",
      ["group_vars/prod/b.yml"] = "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3030\n",
      ["group_vars/all"] = "$ANSIBLE_VAULT;1.1;AES256\n3030\n",
      ["host_vars/web1.yaml"] = "role: [primary]\n",
    }, "hosts.yaml")
    assert.are.same({ labels = { groups = "prod,web" } }, out.servers.web2)
    assert.are.same({ labels = { groups = "prod,web", host = "odd name" } }, out.servers["odd-name"])
    assert.are.same({ web1 = { role = { "primary" } }, ["odd-name"] = { max = 1 } }, out.inputs.hosts.default)
    assert.are.same({ domain = "example.org" }, out.inputs.all.default)
    assert.are.same({ motd = "hi {{ user }}", price = "$${x}" }, out.inputs.web.default)
    assert.are.same({ a = 1 }, out.inputs.prod.default)
    assert.are.same({ type = "secret", required = true }, out.inputs.password)
    assert.are.equal(3, #notes)
    assert.is_truthy(table.concat(notes, "\n"):find("all:1:1: the file is sealed by ansible-vault", 1, true))
  end)

  it("say where they are wrong", function()
    for text, said in pairs({
      ["[web]\nweb[3:1]"] = "hosts:2:1: not an inventory: the range '[3:1]' is none",
      ["[web]\nweb[1:99999]"] = "hosts:2:1: not an inventory: the range '[1:99999]' has more than 10000 names",
      ["a b"] = "hosts:1:1: not an inventory: 'b' is no name=value behind a host",
      ["a b='c"] = "hosts:1:1: not an inventory: the quote ' is not closed",
      ["[a:vars]\nx"] = "hosts:2:1: not an inventory: expected name=value in [a:vars]",
      ["---\nall: { host: { a: } }"] = "hosts:2:8: not an inventory: a group has hosts, children and vars, not 'host'",
    }) do
      local out, e = convert_files({ hosts = text })
      assert.is_nil(out)
      assert.are.equal(said, (e:gsub("^.*/", "")))
    end
    local out, e = convert_files({ hosts = "#!/bin/sh\necho\n" })
    assert.is_nil(out)
    assert.is_truthy(e:find("a program that makes an inventory", 1, true))
  end)

  it("expand ranges", function()
    assert.are.same({ "a08", "a09", "a10" }, ini.expand("a[08:10]"))
    assert.are.same({ "1", "3", "5" }, ini.expand("[1:5:2]"))
    assert.are.same({ "a-1", "a-2", "b-1", "b-2" }, ini.expand("[a:b]-[1:2]"))
    assert.are.same({ "x0", "x1" }, ini.expand("x[:1]"))
    assert.are.same({ "plain" }, ini.expand("plain"))
  end)

  it("of any text are read or refused with a place", function()
    local pieces = { "a", "web", "[", "]", ":", "\n", " ", "=", "'", '"', "\\", "#", ";", "[a]\n", "[a:vars]\n",
      "[b:children]\n", "[1:3]", "[a:c]", "\t", "\r\n", "\0", "é", "---\n", "{", "}", "- " }
    local state = 5
    local function random(n)
      state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
      return (state >> 33) % n + 1
    end
    local dir, read, refused = tmp.dir(), 0, 0
    for _ = 1, 2000 do
      local out = {}
      for i = 1, random(15) do
        out[i] = pieces[random(#pieces)]
      end
      tmp.write(dir .. "/hosts", table.concat(out))
      local files, e = convert.convert(dir .. "/hosts", {})
      if files then
        read = read + 1
        assert(require("prov.yaml").decode((tree.encode(files[1].tree, "yaml"))) ~= nil, table.concat(out))
      else
        refused = refused + 1
        assert(e.code == "unsupported" or e.file and e.line, table.concat(out) .. tostring(e))
      end
    end
    assert.is_true(read > 200 and refused > 200)
  end)
end)
