local json = require("prov.edit.json")
local path = require("prov.path")
local yaml = require("prov.edit.yaml")

local TEXT = [[
# the infra
servers:   # all of them
  # the first
  web:
    size: 'small'  # cheap
    tags: [a, b]
    disks:
      - size: 1 # one
        kind: ssd
      # the second
      - size: 2
    note: |
      hello

  db: &db
    size: "big"
  copy: *db
empty: {}
nothing:
last: 5]]

-- Runs the edit; gives the lines that went with "-" and those that came with "+".
local function edited(text, where, v, delete)
  local at = assert(path.parse(where))
  local new, e
  if delete then
    new, e = yaml.delete(text, at)
  else
    new, e = yaml.set(text, at, v)
  end
  if not new then
    return nil, e
  end
  local old_lines, new_lines, out = {}, {}, {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    old_lines[#old_lines + 1] = line
  end
  for line in (new .. "\n"):gmatch("(.-)\n") do
    new_lines[#new_lines + 1] = line
  end
  local first = 1
  while first <= #old_lines and old_lines[first] == new_lines[first] do
    first = first + 1
  end
  local back = 0
  while back < #old_lines - first + 1 and back < #new_lines - first + 1
    and old_lines[#old_lines - back] == new_lines[#new_lines - back] do
    back = back + 1
  end
  for i = first, #old_lines - back do
    out[#out + 1] = "-" .. old_lines[i]
  end
  for i = first, #new_lines - back do
    out[#out + 1] = "+" .. new_lines[i]
  end
  return table.concat(out, "\n")
end

describe("yaml edit", function()
  it("changes a value in its own style", function()
    local function is(want, where, v)
      assert.are.equal(want, (edited(TEXT, where, v)))
    end
    is("-    size: 'small'  # cheap\n+    size: 'it''s'  # cheap", "servers.web.size", "it's")
    is("-    size: 'small'  # cheap\n+    size: 5  # cheap", "servers.web.size", 5)
    is("-last: 5\n+last: \"5\"", "last", "5")
    is("-last: 5\n+last: \"yes\"", "last", "yes")
    is("-nothing:\n+nothing: x", "nothing", "x")
    is("-    tags: [a, b]\n+    tags: [a, \"x, y\"]", "servers.web.tags[2]", "x, y")
    is("-      hello\n+      one\n+      two", "servers.web.note", "one\ntwo\n")
    is("-    note: |\n-      hello\n+    note: |-\n+      one", "servers.web.note", "one")
    is("-last: 5\n+last: |-\n+  a\n+  b", "last", "a\nb")
    is("", "last", 5)
  end)

  it("adds where it belongs", function()
    local function is(want, where, v)
      assert.are.equal(want, (edited(TEXT, where, v)))
    end
    is("-    tags: [a, b]\n+    tags: [a, b, c]", "servers.web.tags[3]", "c")
    is("+      - kind: hdd\n+        size: 3", "servers.web.disks[3]", { size = 3, kind = "hdd" })
    is("+        zone: x", "servers.web.disks[2].zone", "x")
    is("-empty: {}\n+empty:\n+  a:\n+    b: 1", "empty.a.b", 1)
    is("+  x: true", "nothing.x", true)
    is("+new:\n+  - 1\n+  - a: []", "new", { 1, { a = require("core.data").list({}) } })
  end)

  it("changes only what differs in a map or list", function()
    assert.are.equal("-        kind: ssd\n+        kind: hdd\n+        zone: x", (edited(TEXT, "servers.web.disks", {
      { size = 1, kind = "hdd", zone = "x" }, { size = 2 },
    })))
    assert.are.equal("-      - size: 2",
      (edited(TEXT, "servers.web.disks", { { size = 1, kind = "ssd" } })))
  end)

  it("deletes", function()
    local function is(want, where)
      assert.are.equal(want, (edited(TEXT, where, nil, true)))
    end
    is("-    size: 'small'  # cheap", "servers.web.size")
    is("-    tags: [a, b]\n+    tags: [b]", "servers.web.tags[1]")
    is("-      - size: 1 # one\n-        kind: ssd\n+      - kind: ssd", "servers.web.disks[1].size")
    is("-      - size: 1 # one\n-        kind: ssd", "servers.web.disks[1]")
    is("-last: 5", "last")
    is("-  copy: *db", "servers.copy")
  end)

  it("refuses what would change something else", function()
    for where, part in pairs({
      ["servers.db.size"] = "cannot be changed in place: another value would change with it",
      ["servers.copy.size"] = "servers.copy: is an alias (*db): change what it names",
      ["last.x"] = "last: is a number, nothing can be in it",
      ["servers.web.tags[5]"] = "servers.web.tags: has 2 items, there is no [5]",
      ["servers.web.tags.x"] = "servers.web.tags: is a list: it has items [1] to [2], not 'x'",
    }) do
      local out, e = edited(TEXT, where, "new")
      assert.is_nil(out, where)
      assert.truthy(e.msg:find(part, 1, true), e.msg)
    end
    local _, e = edited(TEXT, "servers.db", nil, true)
    assert.are.equal("unsupported", e.code)
    _, e = edited(TEXT, "servers.nope", nil, true)
    assert.are.equal("notfound", e.code)
    _, e = edited(TEXT, "servers.copy.size", nil, true)
    assert.truthy(e.msg:find("comes from an alias or merge key", 1, true))
    _, e = edited("a: [", "a", 1)
    assert.are.equal("invalid", e.code)
  end)

  it("keeps what is around the document", function()
    local frame = "\xEF\xBB\xBF%%YAML 1.1\n--- # x\na: %d\n...\n"
    assert.are.equal(frame:format(2), (yaml.set(frame:format(1), { "a" }, 2)))
    assert.are.equal("a: 1\r\nb:\r\n  c: 2\r\n", (yaml.set("a: 1\r\n", { "b", "c" }, 2)))
    assert.are.equal("# only this\na: 1\n", (yaml.set("# only this\n", { "a" }, 1)))
    assert.are.equal("a: 1\n", (yaml.set("", { "a" }, 1)))
    assert.are.equal("---\na: 1\n", (yaml.set("---\n", { "a" }, 1)))
    assert.are.equal("{}\n", (yaml.delete("a: 1\n", { "a" })))
    assert.are.equal("[\n  1,\n  2,\n  3\n]\n", (yaml.set("[\n  1,\n  2\n]\n", { 3 }, 3)))
  end)
end)

describe("json edit", function()
  it("keeps order, spaces and numbers", function()
    local text = '{\n\t"z": 1.50,\n\t"a": {"b": [1,2]},\n\t"n": null\n}\n'
    assert.are.equal('{\n\t"z": 1.50,\n\t"a": {"b": [1,2,"x"]},\n\t"n": null\n}\n',
      (json.set(text, { "a", "b", 3 }, "x")))
    assert.are.equal('{\n\t"z": 1.50,\n\t"a": {"b": [1,2]},\n\t"n": null,\n\t"m": {"k": true}\n}\n',
      (json.set(text, { "m" }, { k = true })))
    assert.are.equal('{\n\t"a": {"b": [1,2]},\n\t"n": null\n}\n', (json.delete(text, { "z" })))
    assert.are.equal('{\n\t"z": 1.50,\n\t"a": {"b": [1,2]}\n}\n', (json.delete(text, { "n" })))
  end)

  it("writes anew what is no YAML", function()
    assert.are.equal('{\n  "a": 1,\n  "\u{1F600}": 2\n}\n', (json.set('{"\\ud83d\\ude00": 2}', { "a" }, 1)))
    local _, e = json.set('{"a": 1', { "a" }, 1)
    assert.are.equal("invalid", e.code)
    _, e = json.set('{"a": 1}', { "a", "b" }, 1)
    assert.are.equal("a: is a number, nothing can be in it", e.msg)
  end)
end)
