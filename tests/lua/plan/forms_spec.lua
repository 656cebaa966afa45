--- One infra in every form: the plans are the same bytes.
local file = require("prov.plan.file")
local json = require("prov.json")
local spec = require("support.project")
local test = require("support.async").test

local FORMS = {}

FORMS["infra.yaml"] = [==[
providers:
  demo: { zone: demo-2 }
defaults: { provider: demo, image: debian-12 }
networks:
  lan: { cidr: 10.1.0.0/24 }
servers:
  web:
    count: 2
    network: ${network.lan}
    labels: { role: "web-${index}", since: "1979-05-27" }
    tags: { tier: front }
  db:
    for_each: { eu: a, us: b }
    network: ${network.lan}
    labels: { zone: "${value}", key: "${key}" }
    needs: [server.web]
    lifecycle: { prevent_destroy: true }
volumes:
  data: { size: 20 GiB, server: "${server.db[\"eu\"]}" }
items:
  any:
    value:
      int: 9223372036854775807
      float: 1.5
      whole: 2.0
      bool: true
      date: "1979-05-27T07:32:00Z"
      text: |
        one
        two "three" \four
      list: [1, [2, x], { a: 1 }]
      tables:
        - { name: a, ports: [80, 443] }
        - { name: b, nested: { deep: { er: yes } } }
      "odd key": ''
outputs:
  addresses: ${server.web.ip}
  first: "http://${server.web[1].ip}/"
]==]

FORMS["infra.toml"] = [==[
# The same, with some of each way TOML has to say it.
[providers.demo]
zone = "demo-2"

[defaults]
provider = "demo"
image = "debian-12"

[networks]
lan.cidr = "10.1.0.0/24"

[servers.web]
count = 2
network = "${network.lan}"
labels = { role = "web-${index}", since = 1979-05-27 }
tags.tier = "front"

[servers.db]
for_each = { eu = "a", us = "b" }
network = "${network.lan}"
needs = ["server.web"]
labels.zone = "${value}"
labels.key = "${key}"
lifecycle.prevent_destroy = true

[volumes]
data = { size = "20 GiB", server = '${server.db["eu"]}' }

[items.any.value]
int = 0x7fff_ffff_ffff_ffff
float = 1.5
whole = 2.0
bool = true
date = 1979-05-27 07:32:00z
text = '''
one
two "three" \four
'''
list = [
  1, # one
  [2, "x"],
  { a = 1 },
]
"odd key" = ""

[[items.any.value.tables]]
name = "a"
ports = [80, 443]

[[items.any.value.tables]]
name = "b"
[items.any.value.tables.nested.deep]
er = "yes"

[outputs]
addresses = "${server.web.ip}"
first = "http://${server.web[1].ip}/"
]==]

FORMS["infra.json"] = [==[
{ "providers": { "demo": { "zone": "demo-2" } },
  "defaults": { "provider": "demo", "image": "debian-12" },
  "networks": { "lan": { "cidr": "10.1.0.0/24" } },
  "servers": {
    "web": { "count": 2, "network": "${network.lan}",
      "labels": { "role": "web-${index}", "since": "1979-05-27" }, "tags": { "tier": "front" } },
    "db": { "for_each": { "eu": "a", "us": "b" }, "network": "${network.lan}", "needs": ["server.web"],
      "labels": { "zone": "${value}", "key": "${key}" }, "lifecycle": { "prevent_destroy": true } } },
  "volumes": { "data": { "size": "20 GiB", "server": "${server.db[\"eu\"]}" } },
  "items": { "any": { "value": {
    "int": 9223372036854775807, "float": 1.5, "whole": 2.0, "bool": true, "date": "1979-05-27T07:32:00Z",
    "text": "one\ntwo \"three\" \\four\n", "list": [1, [2, "x"], { "a": 1 }], "odd key": "",
    "tables": [{ "name": "a", "ports": [80, 443] }, { "name": "b", "nested": { "deep": { "er": "yes" } } }] } } },
  "outputs": { "addresses": "${server.web.ip}", "first": "http://${server.web[1].ip}/" } }
]==]

FORMS["infra.lua"] = [==[
return {
  providers = { demo = { zone = "demo-2" } },
  defaults = { provider = "demo", image = "debian-12" },
  networks = { lan = { cidr = "10.1.0.0/24" } },
  servers = {
    web = {
      count = 2,
      network = network.lan,
      labels = function(i) return { role = "web-" .. i, since = "1979-05-27" } end,
      tags = { tier = "front" },
    },
    db = {
      for_each = { eu = "a", us = "b" },
      network = network.lan,
      labels = function(key, value) return { zone = value, key = key } end,
      needs = { "server.web" },
      lifecycle = { prevent_destroy = true },
    },
  },
  volumes = { data = { size = "20 GiB", server = server.db["eu"] } },
  items = { any = { value = {
    int = math.maxinteger, float = 1.5, whole = 2.0, bool = true, date = "1979-05-27T07:32:00Z",
    text = "one\ntwo \"three\" \\four\n", list = { 1, { 2, "x" }, { a = 1 } }, ["odd key"] = "",
    tables = { { name = "a", ports = { 80, 443 } }, { name = "b", nested = { deep = { er = "yes" } } } },
  } } },
  outputs = { addresses = server.web.ip, first = "http://" .. server.web[1].ip .. "/" },
}
]==]

--- The plan as people see it, and the hash of what apply would execute.
local function plan_of(files)
  local c = spec.ctx(files)
  local project <close> = assert(require("prov.project").open(c))
  local plan = assert(project:plan({}))
  local shown = assert(json.encode(file.project(plan), { pretty = true }))
  return shown, assert(file.save(project.workspace, plan, c.dir .. "/plan.json"))
end

describe("infra in YAML, TOML, JSON and Lua", function()
  it("gives byte-identical plans", test(function()
    local want, want_hash = plan_of({ ["infra.yaml"] = FORMS["infra.yaml"] })
    assert.truthy(want:find("server.db[\\\"us\\\"]", 1, true))
    for name, text in pairs(FORMS) do
      local shown, hash = plan_of({ [name] = text })
      assert.are.equal(want, shown, name)
      assert.are.equal(want_hash, hash, name)
    end
  end))

  it("may be mixed: a folder of files in every form is one infra", test(function()
    local want, want_hash = plan_of({ ["infra.yaml"] = "defaults: { provider: demo }\nitems:\n"
      .. "  a: { value: 1 }\n  b: { value: 1 }\n  c: { value: 1 }\n  d: { value: '${item.a}' }\n" })
    local shown, hash = plan_of({
      ["infra/a.toml"] = '[defaults]\nprovider = "demo"\n[items]\na.value = 1\n',
      ["infra/b.yaml"] = "items:\n  b: { value: 1 }\n",
      ["infra/c.json"] = '{ "items": { "c": { "value": 1 } } }',
      ["infra/d.lua"] = "return { items = { d = { value = item.a } } }",
    })
    assert.are.equal(want, shown)
    assert.are.equal(want_hash, hash)
  end))

  it("names line and column of a mistake in TOML", test(function()
    local c = spec.ctx({
      ["infra.toml"] = '[defaults]\nprovider = "demo"\n\n[servers.web]\n'
        .. 'labels = { role = "x" }\nplam = "big"\n[[servers.db]]\n',
    })
    local _, errs = require("prov.infra").load(c.need_workspace(), { registry = c.registry })
    local text = {}
    for i, e in ipairs(errs) do
      text[i] = e:text()
    end
    assert.are.same({
      "infra.toml:6:1: servers.web.plam: there is no field 'plam'",
      "infra.toml:7:11: servers.db: expected a map of fields",
    }, text)
  end))
end)
