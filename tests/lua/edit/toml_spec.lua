local data = require("core.data")
local edit = require("prov.edit.toml")
local fs = require("prov.fs")
local toml = require("prov.toml")

local shared = os.getenv("PROV_SHARED") or (os.getenv("PROV_ROOT") or ".") .. "/../shared"

local INFRA = [==[
# My infra

[defaults]   # for all
provider = 'local' # which
image = "debian-12"

# web servers
[servers.web]
count = 2
ports = [
  80, # http
  443 # https
]
labels = { a = "x", "b c" = "y" }
tags.tier = "front"

  # disks
[[servers.web.disks]]
size = 1

[[servers.web.disks]]
size = 2 # two

# db
[servers.db]
network = "lan"
# the end
]==]

--- The lines that two texts do not share, in their order: "-12 old", "+12 new".
local function changes(old, new)
  local a, b = {}, {}
  for line in old:gmatch("([^\n]*)\n") do
    a[#a + 1] = line
  end
  for line in new:gmatch("([^\n]*)\n") do
    b[#b + 1] = line
  end
  local first, tail = 1, 0
  while first <= #a and first <= #b and a[first] == b[first] do
    first = first + 1
  end
  while tail <= math.min(#a, #b) - first and a[#a - tail] == b[#b - tail] do
    tail = tail + 1
  end
  local out = {}
  for i = first, #a - tail do
    out[#out + 1] = "-" .. a[i]
  end
  for i = first, #b - tail do
    out[#out + 1] = "+" .. b[i]
  end
  return out
end

describe("edit.toml", function()
  local function expect(want, text, e)
    assert(text, tostring(e))
    assert.are.same(want, changes(INFRA, text))
  end

  it("replaces a value and keeps its quotes, its comment and its place", function()
    expect({ "-provider = 'local' # which", "+provider = 'demo' # which" },
      edit.set(INFRA, { "defaults", "provider" }, "demo"))
    expect({ "-count = 2", "+count = 3" }, edit.set(INFRA, { "servers", "web", "count" }, 3))
    assert.are.equal(INFRA, edit.set(INFRA, { "servers", "web", "ports" }, { 80, 443 }))
    assert.are.equal("# only this\n", edit.set("# only this\n", {}, {}))
  end)

  it("adds a member where its table is", function()
    expect({ "+image = \"x\"" }, edit.set(INFRA, { "servers", "web", "image" }, "x"))
    expect({ "+tags.\"new key\" = \"z\"" }, edit.set(INFRA, { "servers", "web", "tags", "new key" }, "z"))
    expect({ "-labels = { a = \"x\", \"b c\" = \"y\" }", "+labels = { a = \"x\", \"b c\" = \"y\", c = \"z\" }" },
      edit.set(INFRA, { "servers", "web", "labels", "c" }, "z"))
    expect({ "+top = 1", "+" }, edit.set(INFRA, { "top" }, 1))
  end)

  it("gives a table without a header one when it needs it", function()
    expect({ "+[servers]", "+note = \"\"\"", "+a", "+b", "+\"\"\"", "+" },
      edit.set(INFRA, { "servers", "note" }, "a\nb\n"))
  end)

  it("adds a table behind its kin, as a section", function()
    expect({ "+", "+[servers.cache]", "+network = \"lan\"", "+", "+[[servers.cache.disks]]", "+size = 1" },
      edit.set(INFRA, { "servers", "cache" }, { network = "lan", disks = { { size = 1 } } }))
    expect({ "+", "+[volumes.data]", "+size = 1" }, edit.set(INFRA, { "volumes", "data", "size" }, 1))
  end)

  it("keeps the style of lists", function()
    expect({ "-  443 # https", "+  443, # https", "+  8080" },
      edit.set(INFRA, { "servers", "web", "ports", 3 }, 8080))
    expect({ "+  22," }, edit.insert(INFRA, { "servers", "web", "ports", 1 }, 22))
    expect({ "-  80, # http" }, edit.delete(INFRA, { "servers", "web", "ports", 1 }))
    expect({ "+[[servers.web.disks]]", "+size = 3", "+" },
      edit.set(INFRA, { "servers", "web", "disks", 3 }, { size = 3 }))
    expect({ "-[[servers.web.disks]]", "-size = 2 # two", "-" }, edit.delete(INFRA, { "servers", "web", "disks", 2 }))
    assert.are.equal("a = [1, 2, 3]\n", edit.set("a = [1, 2]\n", { "a", 3 }, 3))
    assert.are.equal("a = [1, 3]\n", edit.delete("a = [1, 2, 3]\n", { "a", 2 }))
    assert.are.equal("a = [\n  1,\n  2,\n  3,\n]\n", edit.set("a = [\n  1,\n  2,\n]\n", { "a", 3 }, 3))
  end)

  it("deletes a value with the comment of its line, and keeps the table above it", function()
    expect({ "-tags.tier = \"front\"", "+tags = {}" }, edit.delete(INFRA, { "servers", "web", "tags", "tier" }))
    expect({ "-labels = { a = \"x\", \"b c\" = \"y\" }", "+labels = { \"b c\" = \"y\" }" },
      edit.delete(INFRA, { "servers", "web", "labels", "a" }))
    local text = assert(edit.delete(INFRA, { "servers", "web" }))
    assert.truthy(text:find("# web servers\n  # disks\n# db", 1, true) or text:find("# web servers", 1, true))
    assert.is_nil(toml.decode(text).servers.web)
    assert.are.same({}, toml.decode(assert(edit.delete("[a.b]\nx = 1\n", { "a", "b" }))).a)
    assert.are.same({ a = data.list({}) }, toml.decode(assert(edit.delete("[[a]]\nx = 1\n", { "a", 1 }))))
  end)

  it("keeps how lines end, and the mark of the encoding", function()
    assert.are.equal("\u{FEFF}a = 1\r\nb = 2\r\n", edit.set("\u{FEFF}a = 1\r\n", { "b" }, 2))
    assert.are.equal("\u{FEFF}b = 2\r\n\r\n[a]\r\n", edit.set("\u{FEFF}[a]\r\n", { "b" }, 2))
    assert.are.equal("a = 1\nb = 2\n", edit.set("a = 1", { "b" }, 2))
    assert.are.equal("a = 1\n", edit.set("", { "a" }, 1))
  end)

  it("writes dates as dates", function()
    assert.are.equal("a = 1979-05-27\n", edit.set("a = 1\n", { "a" }, toml.time("1979-05-27")))
    assert.are.equal('a = "1979-05-27"\n', edit.set("a = 1979-05-27\n", { "a" }, "1979-05-27"))
  end)

  it("takes time that grows with the text only", function()
    local function seconds(n)
      local lines = { "[servers]" }
      for i = 1, n do
        lines[#lines + 1] = ("s%d.plan = 1"):format(i)
      end
      local began = os.clock()
      assert(edit.set(table.concat(lines, "\n"), { "servers", "new" }, { plan = 1 }))
      return os.clock() - began
    end
    seconds(100)
    assert.is_true(seconds(8000) < 40 * seconds(800) + 0.5)
  end)

  it("says what is wrong", function()
    local function refused(want, text, e)
      assert.is_nil(text)
      assert.are.equal(want, ("%s: %s"):format(e.code, e.msg))
    end
    refused("invalid: 'servers.web.count' is no table: it has nothing below it",
      edit.set(INFRA, { "servers", "web", "count", "x" }, 1))
    refused("invalid: 'servers.web.ports' is a list: name an item by its number",
      edit.set(INFRA, { "servers", "web", "ports", "x" }, 1))
    refused("invalid: 'servers' is a table: name a member by its key", edit.set(INFRA, { "servers", 1 }, 1))
    refused("notfound: 'servers.web.ports' has 2 items", edit.set(INFRA, { "servers", "web", "ports", 9 }, 1))
    refused("notfound: there is no 'nothing'", edit.delete(INFRA, { "nothing", "x" }))
    refused("exists: there is a 'defaults.image' already", edit.insert(INFRA, { "defaults", "image" }, 1))
    refused("invalid: there is no value to set", edit.set(INFRA, { "a" }, nil))
    refused("invalid: a TOML document is a map", edit.set(INFRA, {}, 1))
    assert.truthy(select(2, edit.set("a = ", { "a" }, 1)).line)
    assert.truthy(select(2, edit.set("", { "a" }, { x = data.null })).msg:find("null", 1, true))
  end)
end)

-- Random edits of every valid text of toml-test. After each: the tree is exactly the changed one; every line
-- that has nothing to do with the path is there as it was written, in the same order; so is every comment.

local function key_text(path)
  local out = {}
  for i, key in ipairs(path) do
    out[i] = math.type(key) and ("#%d"):format(key) or ("%q"):format(key)
  end
  return table.concat(out, "/")
end

local function starts_with(path, head)
  for i, key in ipairs(head) do
    if path[i] ~= key then
      return false
    end
  end
  return true
end

--- What a text consists of: lines { path, source } in order, and comments { source, from }.
local function parts_of(text)
  local layout = assert(data.toml_layout(text))
  local function path_of(node)
    local path = {}
    while layout.nodes[node] do
      table.insert(path, 1, layout.nodes[node][2])
      node = layout.nodes[node][1]
    end
    return path
  end
  local parts, block = { lines = {}, comments = {}, gone = {} }, { path = {}, node = 1 }
  for _, span in ipairs(layout.spans) do
    if span.kind == "comment" then
      parts.comments[#parts.comments + 1] = { source = text:sub(span.from, span.to), from = span.from }
    else
      local path = path_of(span.node)
      local line = { path = path, source = text:sub(span.from, span.to), from = span.from, to = span.to }
      if span.kind == "table" or span.kind == "element" then
        block = { path = path, node = span.node, from = span.from, to = span.to }
        parts.gone[#parts.gone + 1] = block
      elseif span.owner == block.node then
        parts.lines[#parts.lines + 1] = line
        block.to = span.to
      end
      if span.kind == "member" or span.kind == "item" then
        parts.gone[#parts.gone + 1] = line
      end
    end
  end
  return parts
end

--- A path that the edit may change: at, above or below it, or beside it in the same list.
local function is_near(path, target, in_list)
  if in_list then
    target = table.move(target, 1, #target - 1, 1, {})
  end
  return starts_with(path, target) or starts_with(target, path)
end

local function check_rest(old, new, target, in_list)
  local before, after = parts_of(old), parts_of(new)
  local want, got, known = {}, {}, {}
  for _, line in ipairs(before.lines) do
    if not is_near(line.path, target, in_list) then
      want[#want + 1] = key_text(line.path) .. " " .. line.source:gsub("\r\n", "\n")
      known[want[#want]] = true
    end
  end
  for _, line in ipairs(after.lines) do
    local text = key_text(line.path) .. " " .. line.source:gsub("\r\n", "\n")
    if known[text] then
      got[#got + 1] = text
    end
  end
  assert.are.same(want, got)
  local left = {}
  for _, comment in ipairs(after.comments) do
    left[comment.source] = (left[comment.source] or 0) + 1
  end
  for _, comment in ipairs(before.comments) do
    local may_go = false
    for _, part in ipairs(before.gone) do
      local line_end = part.to and (old:find("\n", part.to, true) or #old)
      if part.from and starts_with(part.path, target) and comment.from >= part.from and comment.from <= line_end then
        may_go = true
      end
    end
    if not may_go then
      left[comment.source] = (left[comment.source] or 0) - 1
      assert.is_true(left[comment.source] >= 0, "lost: " .. comment.source)
    end
  end
end

local random = math.random
local SCALARS = {
  function() return random(0) end,
  function() return random(-5, 5) end,
  function() return random() * 1e6 end,
  function() return -1 / 0 end,
  function() return random(2) == 1 end,
  function() return toml.time("1979-05-27T07:32:00Z") end,
  function() return "plain" end,
  function() return "two\nlines\n" end,
  function() return [[C:\new "x" 'y']] end,
  function() return "\u{E9} \t\r\n\127\0 # ] } ," end,
  function() return "" end,
}
local KEYS = { "a", "b", "name", "x y", "", "a.b", "\u{E9}", "1", "new", "k#", "type", "value" }

local function any_value(depth)
  local pick = depth > 2 and 1 or random(4)
  if pick <= 2 then
    return SCALARS[random(#SCALARS)]()
  end
  local out = pick == 3 and data.list({}) or {}
  local maps_only = pick == 3 and random(2) == 1
  for i = 1, random(0, 3) do
    local v = any_value(depth + 1)
    if maps_only then
      v = { [KEYS[random(#KEYS)]] = v }
    end
    out[pick == 3 and i or KEYS[random(#KEYS)]] = v
  end
  return out
end

local function copy(v)
  local kind = data.kind(v)
  if kind ~= "map" and kind ~= "list" then
    return v
  end
  local out = kind == "list" and data.list({}) or {}
  for key, item in pairs(v) do
    out[key] = copy(item)
  end
  return out
end

--- A random walk into a tree.
local function any_path(tree)
  local path, v = {}, tree
  while true do
    local kind = data.kind(v)
    if kind ~= "map" and kind ~= "list" or #path > 0 and random(4) == 1 then
      return path, v
    end
    local keys = kind == "map" and data.keys(v) or nil
    local n = keys and #keys or #v
    if n == 0 then
      return path, v
    end
    local key = keys and keys[random(n)] or random(n)
    path[#path + 1] = key
    v = v[key]
  end
end

--- One random edit: the operation, its path, and the tree that is wanted.
local function any_edit(tree)
  local want = copy(tree)
  local path, v = any_path(tree)
  local op = ({ "set", "set", "delete", "insert" })[random(4)]
  local kind = data.kind(v)
  if op ~= "delete" and (kind == "map" or kind == "list") and random(2) == 1 or #path == 0 then
    op = op == "delete" and "set" or op
    path[#path + 1] = kind == "list" and random(#v + 1) or KEYS[random(#KEYS)]
    if kind == "map" and v[path[#path]] == nil and random(3) == 1 then
      path[#path + 1] = KEYS[random(#KEYS)] -- a table that is not there yet
    end
  end
  local last, above = path[#path], want
  for i = 1, #path - 1 do
    if above[path[i]] == nil then
      above[path[i]] = {}
    end
    above = above[path[i]]
  end
  local new = any_value(0)
  if op == "insert" and not math.type(last) and above[last] ~= nil then
    op = "set"
  end
  if op == "insert" and math.type(last) then
    table.insert(above, last, copy(new))
  elseif op == "delete" and math.type(last) then
    table.remove(above, last)
  elseif op == "delete" then
    above[last] = nil
  else
    above[last] = copy(new)
  end
  return op, path, new, want
end

describe("edit.toml, at random", function()
  it("changes what it is told to in every valid text of toml-test, and nothing else", function()
    local root = shared .. "/suites/toml-test/tests"
    if not fs.exists(root) then
      pending("SKIP 210 texts: toml-test is not here")
      return
    end
    math.randomseed(tonumber(os.getenv("PROV_SEED")) or 20261127)
    local texts, edits = 0, 0
    for name in assert(fs.read(root .. "/files-toml-1.0.0")):gmatch("[^\n]+") do
      if name:find("^valid/.*%.toml$") then
        texts = texts + 1
        for _ = 1, tonumber(os.getenv("PROV_ROUNDS")) or 3 do
          local text = assert(fs.read(root .. "/" .. name))
          for _ = 1, 5 do
            local tree = assert(toml.decode(text))
            local op, path, new, want = any_edit(tree)
            local about = ("%s: %s %s\n%s"):format(name, op, key_text(path), text)
            local out, e = edit[op](text, path, new)
            assert(out, about .. "value: " .. toml.encode_value(new) .. " " .. tostring(e))
            local got = assert(toml.decode(out))
            assert.are.equal(assert(toml.encode(want)), assert(toml.encode(got)), about)
            local in_list = math.type(path[#path]) ~= nil
            if in_list and op ~= "delete" and data.kind(new) ~= "map" then
              path[#path], in_list = nil, false -- a list of [[]] has to become one of []
            end
            local ok, why = pcall(check_rest, text, out, path, in_list)
            assert(ok, about .. "\n-- became --\n" .. out .. tostring(why))
            text, edits = out, edits + 1
          end
        end
      end
    end
    print(("edit.toml: %d edits of %d texts"):format(edits, texts))
    assert.are.equal(210, texts)
  end)
end)
