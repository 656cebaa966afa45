--- A project's lock on its workspace.

local async = require("prov.async")
local engine = require("prov.engine")
local locks = require("prov.engine.locks")
local project = require("support.project")
local test = require("support.async").test

describe("the lock of a project", function()
  it("is given back when its taker is cancelled while it settles an interrupted run", test(function()
    local c = project.ctx({ ["infra.yaml"] = "items: { a: { provider: demo } }\n" })
    local real, settling = engine.recover, nil
    engine.recover = function() -- luacheck: ignore 122
      settling = true
      async.sleep(60000)
    end
    local task = async.spawn(function()
      local p <close> = assert(require("prov.project").open(c))
      local _ <close> = assert(p:begin("apply"))
    end)
    while not settling do
      async.sleep(5)
    end
    engine.recover = real -- luacheck: ignore 122
    assert.is_truthy(locks.holder(c.need_workspace():store()))
    task:cancel()
    pcall(task.join, task)
    assert.is_nil(locks.holder(c.need_workspace():store()))
    assert.equal("done", assert(project.apply(c)).status)
  end))
end)
