--- Events of an orchestrator as lines.

local json = require("prov.json")
local requests = require("prov.orchestrator.requests")

local M = {}

--- Prints an event: as JSON on one line, or for people.
---@param ctx prov.Ctx
---@param event { id: string?, event: string, data: string }
function M.write(ctx, event)
  local fields = json.decode(event.data)
  if ctx.output == "json" then
    fields.type = event.event
    io.stdout:write(json.encode(fields), "\n")
  elseif event.event == "job" and fields.state then
    io.stdout:write(("%s  %-8s  %s%s\n"):format(fields.job, fields.state, fields.operation,
      fields.workspace and " in " .. fields.workspace or ""))
  else
    io.stdout:write(("%-8s  %s\n"):format(event.event, requests.line(event.event, fields)))
  end
  io.stdout:flush()
end

return M
