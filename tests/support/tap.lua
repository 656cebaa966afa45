--- Output handler of busted: TAP with the reason of every skipped test.

local busted = require("busted")

local function show(word, number, name, note)
  io.write(("%s %d - %s%s\n"):format(word, number, (name:gsub("[\r\n#]", " ")), note or ""))
  io.flush()
end

local function explain(t)
  local message = t.message == nil and "nil error" or t.message
  if type(message) ~= "string" then
    message = require("pl.pretty").write(message)
  end
  local at = t.element.trace
  if at and at.short_src then
    io.write("# ", at.short_src, ":", tostring(at.currentline), "\n")
  end
  io.write("# ", (message:gsub("\n", "\n# ")), "\n")
  local trace = t.isError and t.trace and t.trace.traceback
  if trace then
    io.write("# ", (trace:gsub("^\n", ""):gsub("\n", "\n# ")), "\n")
  end
  io.flush()
end

return function()
  local handler = require("busted.outputHandlers.base")()
  local count = 0

  local function failed(list)
    local t = list[#list]
    count = count + 1
    show("not ok", count, t.name)
    explain(t)
  end

  local function test_end(_, _, status)
    if status == "failure" then
      failed(handler.failures)
    elseif status == "error" then
      failed(handler.errors)
    else
      count = count + 1
      local list = status == "pending" and handler.pendings or handler.successes
      local t = list[#list]
      local why = type(t.message) == "string" and t.message:gsub("^[^\n]-%.lua:%d+: ", "") or "pending"
      show("ok", count, t.name, status == "pending" and " # SKIP " .. why or nil)
    end
    return nil, true
  end

  local function outside_test(element)
    if element.descriptor ~= "it" then
      failed(handler.errors)
    end
    return nil, true
  end

  local function suite_end()
    io.write("1..", count, "\n")
    io.flush()
    return nil, true
  end

  busted.subscribe({ "test", "end" }, test_end)
  busted.subscribe({ "error" }, outside_test)
  busted.subscribe({ "failure" }, outside_test)
  busted.subscribe({ "suite", "end" }, suite_end)
  return handler
end
