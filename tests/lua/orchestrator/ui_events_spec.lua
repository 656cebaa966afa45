local ui_events = require("prov.ui_events")

--- A ui that notes its calls, and calls of its progress.
local function noting()
  local calls = {}
  local function note(name)
    return function(...)
      calls[#calls + 1] = table.pack(name, ...)
    end
  end
  local ui = { show = note("show") }
  for _, level in ipairs({ "info", "warn", "debug" }) do
    ui[level] = function(fmt, ...)
      calls[#calls + 1] = { level, select("#", ...) > 0 and fmt:format(...) or fmt }
    end
  end
  function ui.progress(work)
    calls[#calls + 1] = { "progress", work.what, work.run, work.total }
    local progress = {}
    for _, name in ipairs({ "start", "event", "wait", "done", "fail", "skip", "estimate", "close" }) do
      progress[name] = function(_, ...)
        local fields = table.pack(...)
        for i, field in ipairs(fields) do
          if type(field) == "table" then -- names of the step travel with it
            field.step, field.address, field.action, field.ms = nil, nil, nil, nil
            fields[i] = next(field) and field or nil
          end
        end
        fields.n = nil
        calls[#calls + 1] = { name, fields }
      end
    end
    return progress
  end
  return ui, calls
end

--- What an operation says.
local function talk(ui)
  ui.info("100%% of %s", "it")
  ui.warn("50% off")
  ui.debug("deep")
  ui.show("plan", { steps = { 1, 2 } })
  local progress = ui.progress({ total = 4, run = "r1", what = "apply" })
  progress:estimate(1200)
  progress:start("a.b", "create")
  progress:event("a.b", "create", { title = "half" })
  progress:wait("a.b", "create", { reason = "busy" })
  progress:done("a.b", "create", {})
  progress:start("a.c", "delete")
  progress:fail("a.c", "delete", { code = "timeout", msg = "too late", hint = "wait" })
  progress:skip("a.d", "update")
  progress:close({ status = "failed" })
  progress:close({ status = "done" })
end

describe("ui events", function()
  it("play as the calls they came from", function()
    local direct, wanted = noting()
    talk(direct)
    wanted[#wanted] = nil -- closed twice is closed once
    local far, calls = noting()
    local state = {}
    talk(ui_events.ui({ verbose = true }, function(kind, fields)
      ui_events.play(far, kind, fields, state)
    end))
    for _, list in ipairs({ wanted, calls }) do
      for _, call in ipairs(list) do
        call.n = nil
      end
    end
    assert.are.same(wanted, calls)
  end)

  it("ask only when not all answers are yes", function()
    local asked = 0
    local function ask()
      asked = asked + 1
      return true
    end
    ui_events.ui({ yes = true }, function() end, ask).confirm("sure?")
    assert.are.equal(0, asked)
    ui_events.ui({}, function() end, ask).confirm("sure?")
    assert.are.equal(1, asked)
  end)
end)
