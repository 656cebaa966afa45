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

--- True when a person may be typing.
---@return boolean
function M.is_terminal()
  return uv.guess_handle(0) == "tty"
end

local RAW = 1 -- no echo, every key at once
local INTERRUPT, END, ERASE, LINE = "\3", "\4", { ["\b"] = true, ["\127"] = true }, { ["\r"] = true, ["\n"] = true }

--- Takes one key into a line; what the line ended with, or nil.
local function take(line, key)
  if key == INTERRUPT or LINE[key] or key == END and #line == 0 then
    return key
  elseif ERASE[key] then
    line[#line] = nil
  elseif key == "\21" then -- Ctrl-U
    for i = #line, 1, -1 do
      line[i] = nil
    end
  elseif key >= " " then
    line[#line + 1] = key
  end
end

--- Asks a person at the terminal for one line that is not shown.
---@async
---@param question string
---@return string? line
---@return prov.Err? err "canceled"
function M.hidden_line(question)
  local tty = assert(uv.new_tty(0, true))
  tty:set_mode(RAW)
  local _ <close> = setmetatable({}, {
    __close = function()
      uv.tty_reset_mode()
      tty:close()
      io.stderr:write("\n")
    end,
  })
  io.stderr:write(question, " ")
  local line = {}
  return async.await(function(resume)
    return tty:read_start(function(e, bytes)
      local ended = not bytes and END or nil
      for key in (bytes or ""):gmatch(".") do
        ended = ended or take(line, key)
      end
      if e or ended then
        tty:read_stop()
      end
      if e then
        resume(nil, err.uv(e, "cannot read the terminal"))
      elseif ended == INTERRUPT then
        resume(nil, err.new("canceled", "nothing was changed"))
      elseif ended then
        resume(table.concat(line))
      end
    end)
  end)
end

return M
