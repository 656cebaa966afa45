--- Events (prov.ui_events) for programs: every line on stderr is one, as JSON.

local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local ui_events = require("prov.ui_events")

local M = {}

--- Writes one event.
---@param kind string
---@param fields table
function M.write(kind, fields)
  fields.v, fields.time, fields.type = ui_events.VERSION, ui_events.time(clock.wall()), kind
  io.stderr:write(json.encode(fields), "\n")
end

--- Writes the errors a command ended with.
---@param e prov.Err|prov.Err[]
function M.fail(e)
  M.write("error", { errors = data.list(err.data(e).errors) })
end

--- Makes the ui of a command.
---@param ctx { flags: table, output: string }
---@return prov.Ui
function M.ui(ctx)
  return ui_events.ui(ctx.flags, M.write, function(question, otherwise)
    return err.fail("usage", "with --events json nobody answers: %s Add --yes%s", question,
      otherwise and ", or " .. otherwise or "")
  end)
end

return M
