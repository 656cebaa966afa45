--- Conditions and `${...}` of workflows.

local expr = require("prov.workflow.expr")
local value = require("prov.value")

local VALUES = {
  inputs = { n = 3, name = "eu", yes = true, no = false, list = { "a", "b" }, key = value.secret("s3") },
  steps = { ["a-b"] = { outputs = { ip = "10.0.0.1" }, status = "done" } },
  matrix = { region = "fi" },
}

local function lookup(ref)
  local v = VALUES[ref.head]
  for _, key in ipairs(ref.path) do
    v = type(v) == "table" and v[key] or nil
  end
  if ref.head == "inputs" and ref.path[1] == "no" then
    return false
  end
  return v
end

local function holds(text)
  local node, bad = expr.condition(text)
  assert.is_nil(bad and bad.msg)
  local answer, wrong = expr.holds(node, {
    lookup = lookup,
    call = function(call)
      return call.name == "always" or call.name == "failed" and call.args[1] ~= nil
    end,
  })
  return answer == nil and wrong.msg or answer
end

describe("conditions", function()
  it("compare and combine", function()
    for text, wanted in pairs({
      ["inputs.n == 3"] = true, ["inputs.n != 3"] = false, ["inputs.n < 10"] = true, ["inputs.n >= 3.5"] = false,
      ["inputs.name == 'eu'"] = true, ['inputs.name < "fi"'] = true, ["inputs.n == '3'"] = false,
      ["inputs.yes"] = true, ["inputs.no"] = false, ["inputs.none"] = false, ["inputs.none == null"] = true,
      ["inputs.no == false"] = true, ["not inputs.no"] = true, ["not not inputs.yes"] = true,
      ["inputs.no and inputs.yes or inputs.yes"] = true, ["inputs.no and (inputs.yes or inputs.yes)"] = false,
      ["not inputs.yes or inputs.n == 3 and true"] = true, ["steps.a-b.outputs.ip == '10.0.0.1'"] = true,
      ['steps["a-b"].status == "done"'] = true, ["inputs.list[2] == 'b'"] = true, ["${inputs.n} > -1"] = true,
      ["always()"] = true, ["failed()"] = false, ["failed('a', 'b')"] = true, [" ( ( true ) ) "] = true,
      ["inputs.key == 's3'"] = true, ["'it\\'s' == \"it's\""] = true, ["andy"] = nil,
    }) do
      if wanted ~= nil then
        assert.equal(wanted, holds(text), text)
      end
    end
    assert.matches("two numbers or two texts", holds("inputs.n < 'a'"))
    assert.is_false(holds("inputs.list == 1"))
    assert.is_true(holds("inputs.list == ['a', 'b'] and length(inputs.list) + 1 == inputs.n"))
  end)

  it("say what is wrong, and at which column", function()
    for text, wanted in pairs({
      ["inputs.n = 3"] = { 10, "write ==" },
      ["inputs.n == "] = { 13, "missing at the end" },
      ["inputs.n && true"] = { 10, "not expected" },
      ["outputs.n"] = { 1, "there is no 'outputs'" },
      ["true and (false"] = { 16, "is not closed" },
      ["suceeded('a')"] = { 1, "no function 'suceeded'" },
      ["failed(a)"] = { 8, "names of steps in quotes" },
      ["failed('a"] = { 8, "no closing" },
      ["always('a')"] = { 1, "takes nothing" },
      ["steps"] = { 1, "names no step" },
      ["true false"] = { 6, "not expected" },
      ["${inputs.n"] = { 1, "the closing } is missing" },
      [""] = { 1, "missing at the end" },
      [("("):rep(60) .. "1"] = { 51, "nested too deep" },
    }) do
      local node, bad = expr.condition(text)
      assert.is_nil(node, text)
      assert.equal(wanted[1], bad.at, text .. ": " .. bad.msg)
      assert.matches(wanted[2], bad.msg, 1, true)
    end
    assert.equal("did you mean 'succeeded'?", select(2, expr.condition("suceeded('a')")).hint)
    assert.equal("write and", select(2, expr.condition("true && true")).hint)
  end)

  it("know whether they ask how steps ended", function()
    for text, wanted in pairs({ ["failed()"] = true, ["inputs.yes or always()"] = true, ["inputs.yes"] = false,
      ["steps.a.status == 'failed'"] = true, ["steps.a.outputs.x"] = false }) do
      assert.equal(wanted, expr.asks_status(assert(expr.condition(text))), text)
    end
  end)

  it("never raise, whatever they are given", function()
    math.randomseed(7)
    local words = { "inputs.n", "steps.a.outputs.b", "==", "<", "(", ")", "and", "or", "not", "'x'", '"', "3", "${",
      "}", "failed(", "null", "[1]", ".", "\0", "é", " " }
    for _ = 1, 5000 do
      local out = {}
      for i = 1, math.random(1, 9) do
        out[i] = words[math.random(#words)]
      end
      local text = table.concat(out, math.random() < 0.5 and " " or "")
      local node, bad = expr.condition(text)
      assert.is_true(node ~= nil or type(bad.msg) == "string" and bad.at >= 1 and bad.at <= #text + 1, text)
      expr.template(text)
    end
  end)
end)

describe("texts", function()
  it("keep the type of a value that stands alone, and join others", function()
    assert.equal(3, expr.fill("${inputs.n}", lookup))
    assert.same({ "a", "b" }, expr.fill("${inputs.list}", lookup))
    assert.equal("n=3 a,b $ ${x}", expr.fill("n=${inputs.n} ${ inputs.list } $ $${x}", lookup))
    assert.equal("all 1,2,3", expr.fill("all ${inputs.deep}", function()
      return { { 1, 2 }, { 3 } }
    end))
    assert.same({ a = { "fi!" } }, expr.fill({ a = { "${matrix.region}!" } }, lookup))
    assert.equal(value.null, expr.fill("${inputs.none}", lookup))
    assert.matches("no value at", select(2, expr.fill("a ${inputs.none}", lookup)).msg)
  end)

  it("stay secret, and unknown", function()
    local secret = expr.fill("k ${inputs.key} ${inputs.n}", lookup)
    assert.is_true(value.is_secret(secret))
    assert.equal("k s3 3", value.reveal(secret))
    assert.is_true(value.is_unknown(expr.fill("a ${run.id}", function()
      return value.unknown("any")
    end)))
  end)

  it("say what is wrong, and where", function()
    for text, wanted in pairs({
      ["ab ${inptus.x}"] = { 6, "there is no 'inptus'" },
      ["${inputs.x +}"] = { 13, "something is missing" },
      ["${inputs.x"] = { 1, "closing } is missing" },
      ["${}"] = { 3, "something is missing" },
      ["${failed()}"] = { 3, "there is no function 'failed'" },
    }) do
      local parts, bad = expr.template(text)
      assert.is_nil(parts, text)
      assert.equal(wanted[1], bad.at, text)
      assert.matches(wanted[2], bad.msg, 1, true)
    end
  end)
end)
