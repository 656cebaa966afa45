--- prov.Ui (lua/meta/ui.lua) for people: notes, questions, progress. All of it on stderr; stdout is
-- for the result.

local async = require("prov.async")
local err = require("prov.err")
local progress = require("prov.face.cli.progress")
local uv = require("luv")

local M = {}

--- Reads one line from the terminal without blocking the loop.
---@async
---@return string? line nil at the end of input
function M.read_line()
  local tty = uv.new_tty(0, true)
  local _ <close> = setmetatable({}, {
    __close = function()
      if not tty:is_closing() then
        tty:close()
      end
    end,
  })
  local text = ""
  return async.await(function(resume)
    return tty:read_start(function(_, data)
      text = text .. (data or "")
      local line = text:match("^([^\r\n]*)\r?\n")
      if line or not data then
        tty:read_stop()
        resume(line)
      end
    end)
  end)
end

--- Makes the ui of a command.
---@param ctx { flags: table, output: string, interactive: boolean, term_out: prov.Term, term_err: prov.Term }
---@return prov.Ui
function M.new(ctx)
  if ctx.flags.events == "json" then
    return require("prov.face.cli.events").ui(ctx)
  end
  local ui, term, flags = {}, ctx.term_err, ctx.flags
  local live -- the progress that is drawn now

  local function line(text)
    if live then
      return live:print(text)
    end
    io.stderr:write(text, "\n")
  end

  local function text(fmt, ...)
    return select("#", ...) > 0 and fmt:format(...) or fmt
  end

  function ui.info(fmt, ...)
    if not flags.quiet then
      line(text(fmt, ...))
    end
  end

  function ui.warn(fmt, ...)
    line(term:paint("yellow", "warning:") .. " " .. text(fmt, ...))
  end

  function ui.debug(fmt, ...)
    if flags.verbose then
      line(term:paint("dim", text(fmt, ...)))
    end
  end

  function ui.confirm(question, otherwise)
    if flags.yes then
      return true
    elseif not ctx.interactive then
      return nil,
        err.new("usage", "nobody is there to answer: " .. question, {
          hint = "add --yes" .. (otherwise and ", or " .. otherwise or ""),
        })
    end
    io.stderr:write(term:paint("bold", question), " [y/N] ")
    local answer = M.read_line()
    if not answer then
      io.stderr:write("\n")
    end
    if answer and (answer:lower() == "y" or answer:lower() == "yes") then
      return true
    end
    return nil, err.new("canceled", "nothing was changed")
  end

  if ctx.output == "table" or ctx.output == "wide" then
    ui.stream = { -- where bytes of a remote command go as they come
      out = function(bytes)
        io.stdout:write(bytes)
        io.stdout:flush()
      end,
      err = function(bytes)
        io.stderr:write(bytes)
      end,
    }
  end

  function ui.show(view, value)
    local human = ctx.output == "table" or ctx.output == "wide"
    if human or not flags.quiet then
      local out, to = human and ctx.term_out or term, human and io.stdout or io.stderr
      to:write((require("prov.face.cli.view." .. view).render(value, out):gsub("\n*$", "\n")))
      to:flush()
    end
  end

  function ui.progress(work)
    live = progress.new(term, {
      total = work.total,
      quiet = flags.quiet,
      live = flags.progress ~= false and term.tty,
      on_close = function()
        live = nil
      end,
    })
    return live
  end

  function ui.close()
    if live then
      live:close()
    end
  end

  return ui
end

return M
