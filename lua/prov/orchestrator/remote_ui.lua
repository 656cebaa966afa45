--- The ui of an operation in a worker: its words become events that go to the orchestrator.

local async = require("prov.async")
local base = require("core.base")
local err = require("prov.err")
local json = require("prov.json")
local settings = require("prov.settings")
local ui_events = require("prov.ui_events")

local M = {}

--- The event: it can always be sent and always fits, whatever an operation says.
---@param kind string
---@param fields table
---@return { kind: string, json: string }
function M.event(kind, fields)
  local text, e = json.encode_said(fields)
  if text and #text <= settings.orchestrator.event_size then
    return { kind = kind, json = text }
  end
  local why = text and ("it has %d bytes"):format(#text) or tostring(e)
  return { kind = "warn", json = assert(json.encode({ msg = ("an event '%s' was left out: %s"):format(kind, why) })) }
end

--- Makes one. ui.answered(yes) is to be called with the answer to its question.
---@param flags table
---@param send fun(event: { kind: string, json: string })
---@param interactive? boolean somebody answers questions
---@return prov.Ui
function M.new(flags, send, interactive)
  local ui

  local function write(kind, fields)
    send(M.event(kind, fields))
  end

  ui = ui_events.ui(flags, write, function(question, otherwise)
    if not interactive then
      return nil,
        err.new("usage", "nobody is there to answer: " .. question, {
          hint = "add --yes" .. (otherwise and ", or " .. otherwise or ""),
        })
    end
    write("question", { msg = question })
    local yes = async.await(function(resume, on_cancel)
      on_cancel(function()
        ui.answered = function() end
      end)
      ui.answered = resume
      return true
    end)
    if yes then
      return true
    end
    return nil, err.new("canceled", "nothing was changed")
  end)

  function ui.answered() end

  --- Nobody answers any more: what is asked now and later is answered with no.
  function ui.left_alone()
    interactive = false
    ui.answered(false)
  end

  if flags.output == "table" or flags.output == "wide" then
    ui.stream = {}
    for _, stream in ipairs({ "out", "err" }) do
      ui.stream[stream] = function(bytes)
        write("output", { stream = stream, base64 = base.base64(bytes) })
      end
    end
  end

  return ui
end

return M
