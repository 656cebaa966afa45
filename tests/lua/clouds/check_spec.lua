--- `prov provider check`: who the account is, or why a provider cannot be used.

local check = require("prov.provider.check")
local project = require("support.project")
local test = require("support.async").test

local PROVIDER = [[
return { kind = "provider", api = 1, name = "%s", summary = "One",
  config = { token = { type = "secret", env = "NO_SUCH_TOKEN" } },
  resources = {}, %s }
]]

local function row_of(account)
  local ctx = project.ctx({
    ["infra.yaml"] = "providers: { one: {} }\n",
    ["extensions/providers/one/provider.lua"] = PROVIDER:format("one", account),
  })
  ctx.output = "json"
  return assert(check.run(ctx, {}))[1]
end

describe("provider check", function()
  it("says who we are", test(function()
    local row = row_of("account = function(ctx) return { name = 'me', detail = 'fine' } end")
    assert.is_true(row.ok)
    assert.equal("me", row.account)
    assert.equal("fine", row.detail)
  end))

  it("says why not", test(function()
    local row = row_of("account = function(ctx) return ctx.fail('denied', 'the token is wrong') end")
    assert.is_false(row.ok)
    assert.equal("the token is wrong", row.detail)
    row = row_of("account = function(ctx) return nothing.there end")
    assert.is_false(row.ok)
    assert.equal(1, require("prov.ops").load("provider check").exit_code({ row }))
  end))

  it("knows that some need none, and that others do not exist", test(function()
    assert.equal("needs no account", row_of("").detail)
    local ctx = project.ctx({ ["infra.yaml"] = "{}\n" })
    local rows = assert(check.run(ctx, { name = { "dmeo" } }))
    assert.is_false(rows[1].ok)
    assert.truthy(rows[1].detail:find("dmeo", 1, true))
  end))
end)
