--- A ui whose words go somewhere else as events: { kind = "info", text = ... }. See prov.Ui.

local async = require("prov.async")
local err = require("prov.err")
local json = require("prov.json")

local M = {}

local function text_of(fmt, ...)
  return select("#", ...) > 0 and fmt:format(...) or fmt
end

local function error_of(e)
  return err.is(e) and err.data(e).errors[1] or { code = "failed", msg = tostring(e) }
end

--- Makes one.
---@param flags table
---@param send fun(event: { kind: string, json: string })
---@param interactive? boolean somebody answers questions
---@return prov.Ui
function M.new(flags, send, interactive)
  local ui = {}

  local function tell(kind, fields)
    fields.kind = kind
    send({ kind = kind, json = json.encode(fields, { sorted = true }) })
  end

  for _, kind in ipairs({ "info", "warn", "debug" }) do
    ui[kind] = function(fmt, ...)
      if kind == "warn" or kind == "info" and not flags.quiet or kind == "debug" and flags.verbose then
        tell(kind, { text = text_of(fmt, ...) })
      end
    end
  end

  function ui.confirm(question, otherwise)
    if flags.yes then
      return true
    elseif not interactive then
      return nil,
        err.new("usage", "nobody is there to answer: " .. question, {
          hint = "add --yes" .. (otherwise and ", or " .. otherwise or ""),
        })
    end
    tell("question", { text = question })
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
  end

  --- Called with the answer to the question that was asked last.
  function ui.answered() end

  function ui.show(view, value)
    tell("show", { view = view, value = value })
  end

  if flags.output == "table" or flags.output == "wide" then
    ui.stream = {
      out = function(bytes)
        tell("output", { stream = "out", base64 = require("core.base").base64(bytes) })
      end,
      err = function(bytes)
        tell("output", { stream = "err", base64 = require("core.base").base64(bytes) })
      end,
    }
  end

  function ui.progress(total)
    local progress = {}
    tell("progress", { total = total })
    function progress.start(_, address, action)
      tell("step_started", { address = address, action = action })
    end
    function progress.event(_, address, event)
      tell("step_note", { address = address, text = event.title or event.name })
    end
    function progress.done(_, address, action, ms)
      tell("step_done", { address = address, action = action, ms = ms })
    end
    function progress.fail(_, address, e)
      tell("step_failed", { address = address, error = error_of(e) })
    end
    function progress.skip(_, address, why)
      tell("step_skipped", { address = address, text = why })
    end
    function progress.print(_, line)
      tell("info", { text = line })
    end
    function progress.close()
      if not progress.closed then
        progress.closed = true
        tell("progress_ended", {})
      end
    end
    ui.live = progress
    return progress
  end

  function ui.close()
    if ui.live then
      ui.live:close()
    end
  end

  return ui
end

return M
