--- A command on a server: its output was printed as it came.

local M = {}

--- Only what is not output: that a signal ended it.
---@param result { signal: string? }
---@return string
function M.render(result)
  return result.signal and ("ended by signal %s\n"):format(result.signal) or ""
end

return M
