--- The standard input of this process, whatever it is, read without blocking the loop.

local async = require("prov.async")
local err = require("prov.err")
local fs = require("prov.fs")
local uv = require("luv")

local M = {}

local function open()
  local kind = uv.guess_handle(0)
  if kind == "tty" then
    return uv.new_tty(0, true)
  elseif kind == "pipe" then
    local pipe = uv.new_pipe(false)
    local ok, e = pipe:open(0)
    if not ok then
      pipe:close()
      return nil, e
    end
    return pipe
  end
end

local function too_large(max)
  return err.new("limit", ("the standard input is larger than %d bytes"):format(max))
end

--- Reads all of it.
---@async
---@param max integer largest size in bytes
---@return string? bytes
---@return prov.Err? err "limit"
function M.read(max)
  local handle, why = open()
  if why then
    return nil, err.uv(why, "cannot read the standard input")
  elseif not handle then -- a file, or nothing
    local text, e = fs.read("/dev/stdin", { max = max })
    if not text then
      return nil, e.code == "limit" and too_large(max) or e
    end
    return text
  end
  local _ <close> = setmetatable({}, {
    __close = function()
      if not handle:is_closing() then
        handle:close()
      end
    end,
  })
  local parts, size = {}, 0
  return async.await(function(resume)
    return handle:read_start(function(e, bytes)
      if e then
        handle:read_stop()
        resume(nil, err.uv(e, "cannot read the standard input"))
        return
      end
      size = size + #(bytes or "")
      if size > max then
        handle:read_stop()
        resume(nil, too_large(max))
      elseif bytes then
        parts[#parts + 1] = bytes
      else
        handle:read_stop()
        resume(table.concat(parts))
      end
    end)
  end)
end

--- True when a person types there.
---@return boolean
function M.is_terminal()
  return uv.guess_handle(0) == "tty"
end

local CTRL_C, CTRL_D, ERASE = "\3", "\4", { ["\127"] = true, ["\b"] = true }

--- Reads what a person types, which the terminal does not show, to the first line that says something or to Ctrl-D.
---@async
---@param max integer largest size in bytes
---@param one_line boolean a line is all
---@param ask fun() says what to type, once nothing of it will be shown
---@return string? bytes
---@return prov.Err? err "canceled" after Ctrl-C, "limit"
function M.hidden(max, one_line, ask)
  local tty, e = uv.new_tty(0, true)
  if not tty then
    return nil, err.uv(e, "cannot read the standard input")
  end
  local _ <close> = setmetatable({}, {
    __close = function()
      uv.tty_reset_mode()
      if not tty:is_closing() then
        tty:close()
      end
    end,
  })
  tty:set_mode(1)
  ask()
  local text = ""
  return async.await(function(resume)
    local function done(...)
      tty:read_stop()
      resume(...)
    end
    return tty:read_start(function(failure, bytes)
      if failure then
        return done(nil, err.uv(failure, "cannot read the standard input"))
      end
      for char in (bytes or CTRL_D):gmatch(utf8.charpattern) do
        local is_enter = char == "\r" or char == "\n"
        if char == CTRL_C then
          return done(nil, err.new("canceled", "interrupted"))
        elseif char == CTRL_D or is_enter and one_line and text ~= "" then
          return done(text)
        elseif ERASE[char] then
          text = text:sub(1, (utf8.offset(text, -1) or 1) - 1)
        else
          text = text .. (is_enter and "\n" or char)
        end
      end
      if #text > max then
        done(nil, too_large(max))
      end
    end)
  end)
end

return M
