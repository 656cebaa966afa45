--- Ctrl-C: the first one asks for an orderly end, the second one cancels what runs, the third
-- ends the process where it stands.
--
-- An operation that can stop in order puts how into ctx.cancel: `stop()` starts nothing more,
-- `kill()` cancels what runs; both are told by `requested` and `killed`. The others are cancelled
-- as tasks (ctx.cancel.task, or the whole command). Ending at once is safe: what must not be lost is journalled before.

local async = require("prov.async")
local uv = require("luv")

local M = {}

local Signals = {}
Signals.__index = Signals

local function hard_exit(ctx)
  ctx.ui.close()
  ctx.ui.warn("stopped at once; the next apply finds what was begun")
  io.stderr:flush()
  os.exit(130, false)
end

function Signals:on_signal(ctx, task, name)
  local cancel = ctx.cancel
  if name == "sighup" and cancel.reload then
    return cancel.reload()
  end
  if cancel.idle then -- the REPL waits for a line: there is nothing to stop
    return
  end
  self.count = (cancel.requested and self.count or 0) + 1
  self.interrupted = true
  cancel.requested = true
  if not cancel.stop then
    if self.count > 1 then
      return hard_exit(ctx)
    end
    (cancel.task or task):cancel()
  elseif self.count == 1 then
    ctx.ui.warn("stopping: waiting for what is running; Ctrl-C again cancels it")
    cancel.stop()
  elseif self.count == 2 then
    cancel.killed = true
    ctx.ui.warn("cancelling what is running; Ctrl-C again ends at once")
    if cancel.kill then
      cancel.kill()
    end
    cancel.stop()
  else
    hard_exit(ctx)
  end
end

--- Starts to listen; call inside the root task.
---@param ctx table
function M.open(ctx)
  local self = setmetatable({ handles = {}, interrupted = false, count = 0 }, Signals)
  local task = async.running()
  for _, name in ipairs({ "sigint", "sigterm", "sighup" }) do
    local handle = uv.new_signal()
    handle:start(name, function()
      self:on_signal(ctx, task, name)
    end)
    handle:unref()
    self.handles[#self.handles + 1] = handle
  end
  return self
end

--- Stops listening.
function Signals:close()
  for _, handle in ipairs(self.handles) do
    handle:close()
  end
  self.handles = {}
  uv.run("nowait")
end

return M
