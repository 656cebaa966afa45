--- Runs the body of a test inside a task on the event loop: `local run = require("support.async").run`.

local async = require("prov.async")
local err = require("prov.err")

local M = {}

--- Longest a body may take before its test fails, in milliseconds.
M.limit_ms = 60000

local function with_trace(raised)
  if type(raised) == "string" then
    return debug.traceback(raised, 2)
  end
  return raised -- assertions of luassert and prov.err tables stay what they are
end

--- Runs fn(...) as a task, and the loop until it ends; returns what fn returned.
-- What fn raises is raised again, assertions included.  Takes more than M.limit_ms: fails.
---@param fn function
function M.try(fn, ...)
  local outcome
  local args = table.pack(...)
  local ended, why = async.run(function()
    return async.deadline(M.limit_ms, function()
      outcome = table.pack(xpcall(fn, with_trace, table.unpack(args, 1, args.n)))
      return true
    end)
  end)
  if not ended then
    error("the task did not end by itself: " .. tostring(why), 2)
  end
  if not outcome[1] then
    error(outcome[2], 0)
  end
  return table.unpack(outcome, 2, outcome.n)
end

--- Like M.try, and fails when fn returns `nil, err`.
---@param fn function
function M.run(fn, ...)
  local results = table.pack(M.try(fn, ...))
  if results[1] == nil and err.is(results[2]) then
    error("the task returned an error: " .. tostring(results[2]), 2)
  end
  return table.unpack(results, 1, results.n)
end

--- A test body: `it("...", async.test(function() ... end))`.
---@param fn function
function M.test(fn)
  return function()
    M.run(fn)
  end
end

return M
