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

return M
