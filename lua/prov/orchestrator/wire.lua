--- Messages between the orchestrator and its workers: values in the canonical encoding, each behind its
-- length in four bytes, over a socket pair.

local async = require("prov.async")
local data = require("core.data")
local err = require("prov.err")
local uv = require("luv")

local M = {}

local MAX = 256 * 1024 * 1024

---@class prov.Wire
local Wire = {}
Wire.__index = Wire

--- Begins to read messages from a pipe.
---@param pipe userdata a luv pipe
---@param on_message fun(message: table)
---@param on_end fun(e: prov.Err?) once; the pipe is closed then
---@return prov.Wire
function M.new(pipe, on_message, on_end)
  local self = setmetatable({ pipe = pipe, on_end = on_end, unsent = {}, flusher = uv.new_prepare() }, Wire)
  local parts, size, need = {}, 0, nil
  local function take(bytes)
    local at = 1
    while true do
      if not need then
        if #bytes - at + 1 < 4 then
          break
        end
        need, at = string.unpack("<I4", bytes, at)
        if need > MAX then
          return self:stop(err.new("protocol", "a message of " .. need .. " bytes"))
        end
      end
      if #bytes - at + 1 < need then
        break
      end
      local message, e = data.decode(bytes:sub(at, at + need - 1))
      at, need = at + need, nil
      if message == nil then
        return self:stop(e)
      end
      local ok, raised = xpcall(on_message, debug.traceback, message)
      if not ok then -- messages are done with once and in order, or not at all
        return self:stop(err.new("bug", raised))
      end
    end
    parts, size = { bytes:sub(at) }, #bytes - at + 1
  end
  pipe:read_start(function(e, bytes)
    if not bytes then
      return self:stop(e and err.uv(e, "cannot read") or nil)
    end
    parts[#parts + 1], size = bytes, size + #bytes
    if size >= (need or 4) then
      take(table.concat(parts))
    end
  end)
  return self
end

--- Sends a message, together with the others of this turn of the loop; what cannot be sent is lost, and
--- the end of the pipe is told.
---@param message table
function Wire:send(message)
  if self.pipe:is_closing() then
    return
  end
  local count = #self.unsent
  self.unsent[count + 1] = string.pack("<s4", (assert(data.encode(message))))
  if count == 0 then
    self.flusher:start(function()
      self:flush()
    end)
  end
end

--- Sends what waits for the end of this turn of the loop.
function Wire:flush()
  self.flusher:stop()
  if #self.unsent > 0 and not self.pipe:is_closing() then
    self.pipe:write(self.unsent)
    self.unsent = {}
  end
end

--- Ends it when all that was sent has gone out.
---@async
function Wire:finish()
  if not self.pipe:is_closing() then
    self:flush()
    async.await(function(resume)
      return self.pipe:shutdown(resume)
    end)
  end
  self:stop()
end

--- Ends it at once.
---@param e? prov.Err
function Wire:stop(e)
  if not self.pipe:is_closing() then
    self:flush()
    self.flusher:close()
    self.pipe:close()
    self.on_end(e)
  end
end

return M
