--- Asking a person for a secret, on the terminal of this process and not on its standard input, which may be a file.

local async = require("prov.async")
local err = require("prov.err")
local uv = require("luv")

local M = {}

local BACKSPACE <const>, DELETE <const>, INTERRUPT <const>, END <const>, ERASE <const> = "\b", "\127", "\3", "\4", "\21"

--- Adds what was typed to the line; says how it ended, if it did.
local function typed(line, bytes)
  for char in bytes:gmatch(".") do
    if char == "\r" or char == "\n" then
      return line, "done"
    elseif char == INTERRUPT or char == END and line == "" then
      return line, "canceled"
    elseif char == BACKSPACE or char == DELETE then
      line = line:gsub(utf8.charpattern .. "$", "")
    elseif char == ERASE then
      line = ""
    elseif char >= " " then
      line = line .. char
    end
  end
  return line
end

--- Asks, and reads a line that is not shown.
---@async
---@param question string without colon
---@return string? answer
---@return prov.Err? err "usage": there is no terminal; "canceled": Ctrl-C
function M.secret(question)
  local fd = uv.fs_open("/dev/tty", "r+", 0)
  if not fd then
    return err.fail("usage", "%s: there is no terminal to ask on", question)
  end
  local tty, e = uv.new_tty(fd, true)
  if not tty then
    uv.fs_close(fd)
    return nil, err.uv(e, "cannot use the terminal")
  end
  local _ <close> = setmetatable({}, {
    __close = function()
      tty:set_mode(0)
      if not tty:is_closing() then
        tty:close()
      end
    end,
  })
  tty:set_mode(1)
  tty:write(question .. ": ")
  local line = ""
  return async.await(function(resume)
    return tty:read_start(function(why, bytes)
      local how = "canceled"
      if bytes then
        line, how = typed(line, bytes)
      end
      if not how then
        return
      end
      tty:read_stop()
      tty:write("\r\n")
      if why then
        resume(nil, err.uv(why, "cannot read from the terminal"))
      elseif how == "canceled" then
        resume(nil, async.CANCELED)
      else
        resume(line)
      end
    end)
  end)
end

return M
