-- Random edits of every YAML text at hand: what comes out holds exactly the change, and every comment
-- that is not part of what was changed.

local data = require("core.data")
local edit = require("prov.edit.yaml")
local fs = require("prov.fs")
local path = require("prov.path")
local tree = require("prov.edit.yaml_tree")
local yaml = require("prov.yaml")

local root = os.getenv("PROV_ROOT") or "."
local shared = os.getenv("PROV_SHARED") or root .. "/../shared"

local function generator(seed)
  local state = seed
  return function(n)
    state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
    return (state >> 33) % n + 1
  end
end

local VALUES = {
  "text", "it's: # a \"test\"", "two\nlines", "two\nlines\n", "", " padded ", "yes", "010", "~", "- x",
  "a, b]", "\u{85}é\u{1F600}",
  0, -7, 9223372036854775807, 1.5, true, false, data.null, data.list({}), {}, data.list({ 1, "b", data.list({}) }),
  { a = 1, ["b c"] = data.list({ { d = "e" }, 2 }) }, data.list({ data.list({ 1, 2 }), { x = "y\nz\n" } }),
}

-- Every path of a value.
local function paths(v, at, out)
  out[#out + 1] = at
  if type(v) == "table" then
    for key, item in pairs(v) do
      local below = table.move(at, 1, #at, 1, {})
      below[#below + 1] = key
      paths(item, below, out)
    end
  end
  return out
end

local function sorted_paths(v)
  local list = paths(v, {}, {})
  table.sort(list, function(a, b)
    return path.format(a) < path.format(b)
  end)
  return list
end

-- The comments of a text, each with its place; what stands in scalars is none.
local function comments(text)
  local node = tree.build(text)
  local covered, out = {}, {}
  local function cover(one)
    if one.kind == "scalar" or one.kind == "alias" then
      covered[#covered + 1] = one
    end
    for _, item in ipairs(one.items or {}) do
      cover(item)
    end
    for _, member in ipairs(one.members or {}) do
      cover(member.key)
      cover(member.value)
    end
  end
  if node then
    cover(node)
  end
  local at = 1
  local function inside(byte)
    for _, one in ipairs(covered) do
      if byte >= one.content and byte <= one.to and not (one.style == "literal" or one.style == "folded") then
        return one.to
      elseif byte > (text:find("\n", one.content, true) or #text) and byte <= one.to then
        return one.to
      end
    end
  end
  while true do
    at = text:find("#", at, true)
    if not at then
      return out
    end
    local skip = inside(at)
    if not skip and (at == 1 or text:find("^%s", at - 1)) then
      local stop = tree.line_end(text, at)
      out[#out + 1] = { at = at, text = text:sub(at, stop) }
      at = stop
    end
    at = (skip or at) + 1
  end
end

-- First and last byte of what a change of the path may take with it.
local function region(text, at)
  local node, member, parent = tree.build(text), nil, nil
  if not node then
    return #text + 1, #text
  end
  for _, key in ipairs(at) do
    local below
    for _, one in ipairs(node.members or {}) do
      if one.key.value == key then
        below, member = one.value, one
      end
    end
    if node.items then
      below, member = node.items[key], nil
    end
    if not below then
      return #text + 1, #text -- new: nothing goes
    end
    parent, node = node, below
  end
  local from = member and member.key.from or node.from
  if parent and parent.kind == "list" and parent.style == "block" then
    from = node.from
  end
  return math.min(from, node.from), tree.line_end(text, math.max(node.raw_to, node.from) + 1)
end

local function check_comments(old, new, at, what)
  local from, to = region(old, at)
  local left = {}
  for _, one in ipairs(comments(new)) do
    left[one.text] = (left[one.text] or 0) + 1
  end
  for _, one in ipairs(comments(old)) do
    if one.at < from or one.at > to then
      local kept = left[one.text] and left[one.text] > 0
      assert(kept, ("%s: lost the comment %q\n%s\n--->\n%s"):format(what, one.text, old, new))
      left[one.text] = left[one.text] - 1
    end
  end
end

local function copy_with(v, at, i, new)
  if i > #at then
    return new
  end
  local out = setmetatable({}, getmetatable(v))
  for key, item in pairs(v) do
    out[key] = item
  end
  if i == #at and new == nil and data.kind(v) == "list" then
    table.remove(out, at[i])
  else
    out[at[i]] = copy_with(v[at[i]], at, i + 1, new)
  end
  return out
end

local YAML = { edit = edit, decode = yaml.decode, comments = true }
local JSON = { edit = require("prov.edit.json"), decode = require("prov.json").decode_placed }

local function one_edit(text, name, random, counts, form)
  local v = form.decode(text)
  local list = sorted_paths(v)
  local at = table.move(list[random(#list)], 1, #list, 1, {})
  local there = path.get(v, at)
  local new = VALUES[random(#VALUES)]
  local kind, choice = data.kind(there), random(4)
  local out, e, want
  if choice == 1 and #at > 0 then
    new = nil
    out, e = form.edit.delete(text, at)
  else
    if choice == 2 and kind == "map" then
      at[#at + 1] = "new key"
    elseif choice == 2 and kind == "list" then
      at[#at + 1] = #there + 1
    end
    out, e = form.edit.set(text, at, new)
  end
  local what = ("%s: %s %s"):format(name, new == nil and "delete" or "set", path.format(at))
  if not out then
    counts.refused = counts.refused + 1
    assert(e.code == "unsupported" or e.code == "invalid", what .. ": " .. tostring(e))
    return text
  end
  want = copy_with(v, at, 1, new)
  assert(data.encode(want) == data.encode((form.decode(out))), what .. " gave\n" .. out)
  if form.comments then
    check_comments(text, out, at, what)
  end
  counts.edits = counts.edits + 1
  return out
end

local function run(texts, rounds, seed, form)
  local counts = { texts = 0, edits = 0, refused = 0 }
  local random = generator(seed)
  for _, one in ipairs(texts) do
    counts.texts = counts.texts + 1
    for _ = 1, rounds do
      local text = one.text
      for _ = 1, 3 do -- edits of edits
        text = one_edit(text, one.name, random, counts, form or YAML)
      end
    end
  end
  print(("# %d texts, %d edits, %d refused"):format(counts.texts, counts.edits, counts.refused))
  return counts
end

local function files_of(dir, out)
  for _, entry in ipairs(fs.list(dir) or {}) do
    local at = dir .. "/" .. entry.name
    if entry.type == "directory" and not entry.name:find("^build") and entry.name:sub(1, 1) ~= "." then
      files_of(at, out)
    elseif entry.name:find("%.ya?ml$") then
      local text = fs.read(at)
      if type(yaml.decode(text)) == "table" then
        out[#out + 1] = { name = at, text = text }
      end
    end
  end
  return out
end

describe("random edits keep everything else", function()
  it("in the texts of yaml-test-suite", function()
    local suite = shared .. "/suites/yaml-test-suite"
    if not fs.exists(suite) then
      return pending("SKIP 402 texts: yaml-test-suite is not here")
    end
    local texts = {}
    local function take(dir, name)
      local text = fs.read(dir .. "/in.yaml")
      local v = text and yaml.decode(text)
      if v ~= nil and not fs.exists(dir .. "/error") then
        texts[#texts + 1] = { name = name, text = text }
      end
    end
    for _, entry in ipairs(fs.list(suite)) do
      take(suite .. "/" .. entry.name, entry.name)
      for _, inner in ipairs(fs.list(suite .. "/" .. entry.name) or {}) do
        if inner.type == "directory" then
          take(suite .. "/" .. entry.name .. "/" .. inner.name, entry.name .. "/" .. inner.name)
        end
      end
    end
    local counts = run(texts, 12, 1)
    assert.is_true(counts.texts > 190, "texts: " .. counts.texts)
    assert.is_true(counts.refused < counts.edits / 8, "refused: " .. counts.refused)
  end)

  it("in JSON texts", function()
    local suite = shared .. "/suites/yaml-test-suite"
    if not fs.exists(suite) then
      return pending("SKIP 279 texts: yaml-test-suite is not here")
    end
    local texts = {}
    for _, entry in ipairs(fs.list(suite)) do
      local text = fs.read(suite .. "/" .. entry.name .. "/in.json")
      if text and (JSON.decode(text)) ~= nil then
        texts[#texts + 1] = { name = entry.name, text = text }
      end
    end
    local counts = run(texts, 12, 3, JSON)
    assert.is_true(counts.texts > 150, "texts: " .. counts.texts)
    assert.are.equal(0, counts.refused)
  end)

  it("in the YAML files of the project", function()
    local counts = run(files_of(root .. "/workspaces", files_of(root .. "/tests", {})), 40, 2)
    assert.is_true(counts.texts > 5, "texts: " .. counts.texts)
    assert.is_true(counts.refused < counts.edits / 50, "refused: " .. counts.refused)
  end)
end)
