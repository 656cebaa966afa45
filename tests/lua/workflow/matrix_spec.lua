--- Combinations of a matrix.

local data = require("core.data")
local matrix = require("prov.workflow.matrix")

local function labels(m)
  local out = {}
  for i, row in ipairs(assert(matrix.rows(m))) do
    out[i] = row.label
  end
  return out
end

describe("a matrix", function()
  it("is every value with every other, axes by name", function()
    assert.same({ "eu,big", "eu,small", "us,big", "us,small" }, labels({ region = { "eu", "us" }, size = { "big",
      "small" } }))
    assert.same({ "1", "true" }, labels({ n = { 1, true } }))
  end)

  it("leaves out and adds", function()
    local m = { region = { "eu", "us" }, size = { 1, 2 }, exclude = { { region = "us", size = 2 } },
      include = { { region = "eu", fast = true }, { region = "asia", size = 9 } } }
    assert.same({ "eu,1", "eu,2", "us,1", "asia,9" }, labels(m))
    local rows = matrix.rows(m)
    assert.same({ true, true }, { rows[1].values.fast, rows[2].values.fast })
    assert.is_nil(rows[3].values.fast)
    assert.same({ "a", "b" }, labels({ include = { { x = "a" }, { x = "b" } } }))
  end)

  it("is refused with the place of what is wrong", function()
    local many = {}
    for i = 1, 17 do
      many[i] = i
    end
    for wanted, m in pairs({
      ["a list of values"] = { region = "eu" },
      ["a text, a number or a bool"] = { region = { { "eu" } } },
      ["the matrix has no 'regoin'"] = { region = { "eu" }, exclude = { { regoin = "eu" } } },
      ["no instance left"] = { region = { "eu" }, exclude = { { region = "eu" } } },
      ["289 instances; 256 are the most"] = { a = many, b = many },
      ["the instance 'a' twice"] = { a = { "a", "a" } },
      ["neither values nor include"] = {},
      ["thousands"] = { a = many, b = many, c = many, d = many },
    }) do
      local rows, path, message = matrix.rows(m)
      assert.is_nil(rows)
      assert.equal("table", type(path))
      assert.matches(wanted, message, 1, true)
    end
    assert.same({ "exclude", 1, "regoin" }, (select(2, matrix.rows({ region = { "eu" },
      exclude = data.list({ { regoin = "eu" } }) }))))
  end)
end)
