--- What holds for every contract: random schemas and values, the same in every run.

local contract = require("prov.contract")
local data = require("core.data")
local describe_of = require("prov.contract.describe")
local diff = require("prov.contract.diff")
local luacats = require("prov.contract.luacats")
local merge = require("prov.contract.merge")
local random = require("support.random_schema")
local value = require("prov.value")

local SCHEMAS = 400

--- Calls fn(maker, schema, seed) for many schemas.
local function each(fn)
  for seed = 1, SCHEMAS do
    local maker = random.new(seed)
    fn(maker, maker:schema(3), seed)
  end
end

local function text(v)
  return (data.encode(v))
end

describe("every contract", function()
  it("takes what is made for it, and its own completed values, unchanged", function()
    local taken = 0
    each(function(maker, schema, seed)
      local c = contract.compile(schema)
      for _ = 1, 3 do
        local v = maker:record(schema)
        local done, errs = c:complete(v)
        if not done then
          error(("seed %d: %s"):format(seed, errs[1].msg))
        end
        local again, more = c:complete(done)
        assert(again, more and more[1].msg)
        assert.are.equal(text(done), text(again), "seed " .. seed)
        local plain = value.reveal(done)
        local open = assert(c:complete(plain))
        assert.are.equal(text(done), text(open), "seed " .. seed)
        taken = taken + 1
      end
    end)
    assert.are.equal(SCHEMAS * 3, taken)
  end)

  it("never raises on a value, and says where and what is wrong", function()
    local refused = 0
    each(function(maker, schema)
      local c = contract.compile(schema)
      local v = maker:record(schema)
      for _ = 1, 5 do
        v = maker:changed(v, schema)
        local done, errs = c:complete(v, { file = "x.yaml" })
        if not done then
          refused = refused + 1
          for _, e in ipairs(errs) do
            assert.are.equal("x.yaml", e.file)
            assert.is_true(#e.msg > 0 and type(e.path) == "string")
          end
        end
      end
    end)
    assert.is_true(refused > SCHEMAS / 2, refused .. " values were refused")
  end)

  it("is described, exported and compared with itself", function()
    each(function(_, schema)
      for _, row in ipairs(describe_of.rows(schema)) do
        assert.is_true(#row.type > 0)
      end
      local js = contract.json_schema(schema)
      assert.is_string(data.json_encode(js))
      assert.is_truthy(luacats.of("x", schema):find("@class x", 1, true))
      assert.are.same({}, diff.schemas(schema, schema))
    end)
  end)

  it("that breaks nothing takes what the old one took", function()
    local kept, broke = 0, 0
    each(function(maker, schema, seed)
      local other = random.new(seed):schema(3) -- the same once more
      local extra = maker:schema(2)
      local names = data.keys(other)
      local name = maker:pick(names)
      local what = maker:int(1, 6)
      if what == 1 then
        other[name] = nil
      elseif what == 2 then
        other[name] = extra.f1
      elseif what == 3 then
        other[name].required = not other[name].required
      elseif what == 4 then
        other[name].default = nil
      elseif what == 5 then
        other.added = extra.f1
      elseif other[name].one_of then
        table.remove(other[name].one_of)
      else
        other[name].max = nil
      end
      local fine, after = pcall(contract.compile, other)
      if not fine then
        return -- a field that says nothing sensible any more
      end
      local breaks = false
      for _, change in ipairs(diff.schemas(schema, other)) do
        breaks = breaks or change.effect == "breaks"
      end
      broke = broke + (breaks and 1 or 0)
      local before = contract.compile(schema)
      for _ = 1, 5 do
        local v = maker:record(schema)
        if not breaks and before:complete(v) then
          local done, errs = after:complete(v)
          if not done then
            error(("seed %d, change %d of %s: nothing breaks, but %s"):format(seed, what, name, errs[1].msg))
          end
          kept = kept + 1
        end
      end
    end)
    assert.is_true(kept > 300, kept .. " values were tried")
    assert.is_true(broke > 50, broke .. " changes break")
  end)
end)

--- A random tree of maps.
local function tree(maker, depth, prefix)
  local out = {}
  for i = 1, maker:int(1, 4) do
    local name = prefix .. i
    if depth > 1 and maker:chance(50) then
      out["m" .. i] = tree(maker, depth - 1, prefix)
    else
      out[name] = maker:chance(30) and data.list({ maker:int(1, 3) }) or maker:int(1, 1000)
    end
  end
  return out
end

--- The trees merged, or nil.
local function merged(...)
  local sources = {}
  for i, t in ipairs({ ... }) do
    sources[i] = { tree = t, file = i .. ".yaml" }
  end
  return (merge.trees(sources))
end

describe("merging", function()
  it("is commutative, associative and idempotent for trees that do not contradict each other", function()
    for seed = 1, 300 do
      local maker = random.new(seed)
      -- the maps m1..m4 are shared, the other names are of one tree only
      local a, b, c = tree(maker, 3, "a"), tree(maker, 3, "b"), tree(maker, 3, "c")
      local ab = text(assert(merged(a, b)))
      assert.are.equal(ab, text(assert(merged(b, a))))
      assert.are.equal(text(a), text(assert(merged(a, a))))
      assert.are.equal(text(a), text(assert(merged(a, {}))))
      local left = text(assert(merged(assert(merged(a, b)), c)))
      assert.are.equal(left, text(assert(merged(a, assert(merged(b, c))))))
      assert.are.equal(left, text(assert(merged(a, b, c))))
      assert.are.equal(left, text(assert(merged(c, a, b))))
    end
  end)

  it("gives the same for every order of trees with priorities, or is refused in every order", function()
    local good, bad = 0, 0
    local MARKS = { "", "", "?", "!" }
    local function marked(maker, depth)
      local out = {}
      for i = 1, maker:int(1, 3) do
        local name = "k" .. i .. maker:pick(MARKS)
        local what = maker:int(1, 10)
        if depth > 1 and what <= 6 then
          out[name] = marked(maker, depth - 1)
        elseif what == 7 then
          out[name] = value.null
        else
          out[name] = maker:int(1, 2)
        end
      end
      return out
    end
    for seed = 1, 1000 do
      local maker = random.new(seed)
      local a, b, c = marked(maker, 3), marked(maker, 3), marked(maker, 3)
      local first = merged(a, b, c)
      for _, order in ipairs({ { a, c, b }, { b, a, c }, { b, c, a }, { c, a, b }, { c, b, a } }) do
        local other = merged(table.unpack(order))
        assert.are.equal(first == nil, other == nil, "seed " .. seed)
        if first then
          assert.are.equal(text(first), text(other), "seed " .. seed)
        end
      end
      good, bad = good + (first and 1 or 0), bad + (first and 0 or 1)
    end
    assert.is_true(good > 200 and bad > 200, ("%d good, %d refused"):format(good, bad))
  end)
end)
