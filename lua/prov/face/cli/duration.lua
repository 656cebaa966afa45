--- Durations for people.

local M = {}

--- 640 -> "640 ms", 4200 -> "4.2 s", 83000 -> "1 min 23 s".
---@param ms number
---@return string
function M.text(ms)
  if ms < 1000 then
    return ("%d ms"):format(math.floor(ms))
  elseif ms < 59950 then
    return ("%.1f s"):format(ms / 1000)
  end
  local s = math.floor(ms / 1000 + 0.5)
  if s < 3600 then
    return ("%d min %02d s"):format(s // 60, s % 60)
  end
  return ("%d h %02d min"):format(s // 3600, s % 3600 // 60)
end

return M
