--- The seam of workflows: how a step runs an operation. Here in this process, each with a context of its own.
--
-- A `call` is a function (operation, params, opts) -> value | nil, err, which may suspend:
--
--   operation   the name, such as "server stop"
--   params      its parameters, completed and checked by its contract; secrets are laid open
--   opts        workspace = folder of the workspace it works in
--               yes = true, for nobody is there to answer
--               on_event = fn({ kind = "info"|"warn"|"start"|"done"|"failed", text = }), what it says meanwhile
--               cancel = table: `requested` and `killed` are set and its stop() and kill() called, where the
--                 operation has put them there, to end it early; without them its task is cancelled
--
-- The value is that of the operation, also when it says that something failed: whoever calls looks at the
-- operation's exit_code. A host of workflows that runs operations elsewhere gives its own.

local async = require("prov.async")
local context = require("prov.context")
local ops = require("prov.ops")

local M = {}

local function nothing() end

-- A ui that hands on what is said; questions are answered with yes.
local function ui_of(on_event)
  local function say(kind)
    return function(fmt, ...)
      on_event({ kind = kind, text = select("#", ...) > 0 and fmt:format(...) or fmt })
    end
  end
  return {
    info = say("info"),
    warn = say("warn"),
    debug = nothing,
    show = nothing,
    close = nothing,
    confirm = function()
      return true
    end,
    progress = function()
      return {
        start = function(_, address, action)
          on_event({ kind = "start", text = ("%s %s"):format(action or "", address) })
        end,
        event = function(_, address, event)
          on_event({ kind = "info", text = ("%s: %s"):format(address, event.title or event.name or "") })
        end,
        done = function(_, address, action)
          on_event({ kind = "done", text = ("%s %s"):format(action or "", address) })
        end,
        fail = function(_, address, e)
          on_event({ kind = "failed", text = ("%s: %s"):format(address, tostring(e)) })
        end,
        skip = nothing,
        close = nothing,
      }
    end,
  }
end

--- Runs an operation in this process.
---@async
---@param operation string
---@param params table
---@param opts { workspace: string, yes: boolean, on_event: fun(event: table)?, cancel: table? }
---@return any value
---@return prov.Err?
function M.here(operation, params, opts)
  local op = assert(ops.load(operation))
  local ctx = context.new({ workspace = opts.workspace, yes = opts.yes }, {
    ui = ui_of(opts.on_event or nothing),
    interactive = false,
    output = "json",
    cancel = opts.cancel,
  })
  local _ <close> = setmetatable({}, {
    __close = function()
      ctx:close()
    end,
  })
  local value, e = op.run(ctx, params)
  return value, e
end

--- Ends a running call: as a second Ctrl-C does where the operation knows how, else its task is cancelled.
---@param task prov.Task
---@param cancel table
function M.stop(task, cancel)
  cancel.requested, cancel.killed = true, true
  if not cancel.stop then
    return task:cancel()
  end
  if cancel.kill then
    cancel.kill()
  end
  cancel.stop()
end

--- Runs a call with a deadline: "timeout" when it is over.
---@async
---@param call function
---@param seconds number?
---@param running fun(task: prov.Task, cancel: table)
---@return any value
---@return prov.Err?
function M.bounded(call, seconds, running)
  local cancel, expired = {}, false
  local task = async.spawn(call, cancel)
  if task.done then
    return task:join()
  end
  running(task, cancel)
  local timer = seconds and async.spawn(function()
    async.sleep(math.max(1, math.floor(seconds * 1000)))
    expired = true
    M.stop(task, cancel)
    async.sleep(10000) -- one that does not end in order is cancelled
    task:cancel()
    return true
  end)
  local value, e = task:join()
  if timer then
    timer:cancel()
  end
  if expired then
    return nil, require("prov.err").new("timeout", ("did not end within %s"):format(
      require("prov.render.units").duration(seconds * 1000)))
  end
  return value, e
end

return M
