--- Durations and sizes for people.

local M = {}

--- 640 -> "640 ms", 4200 -> "4.2 s", 83000 -> "1 min 23 s".
---@param ms number
---@return string
function M.duration(ms)
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

local PARTS = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } }

--- Seconds as durations are written: 0.5 -> "500ms", 5400 -> "1h30m", 0 -> "0s".
---@param seconds number
---@return string
function M.short(seconds)
  local ms = math.floor(seconds * 1000 + 0.5)
  local out = {}
  for _, part in ipairs(PARTS) do
    local count = ms // part[2]
    if count > 0 then
      out[#out + 1] = ("%d%s"):format(count, part[1])
    end
    ms = ms % part[2]
  end
  return out[1] and table.concat(out) or "0s"
end

local BINARY = { "KiB", "MiB", "GiB", "TiB", "PiB" }
local DECIMAL = { "kB", "MB", "GB", "TB", "PB" }

local function whole(bytes, step, units)
  local unit = "bytes"
  for _, name in ipairs(units) do
    if bytes % step ~= 0 or bytes == 0 then
      break
    end
    bytes, unit = bytes // step, name
  end
  return bytes, unit
end

--- A number of bytes, exactly, in the unit that needs the smaller number: "512 MiB", "2 GB".
---@param bytes integer
---@return string
function M.size(bytes)
  local n, unit = whole(bytes, 1024, BINARY)
  local decimal, name = whole(bytes, 1000, DECIMAL)
  if decimal < n then
    n, unit = decimal, name
  end
  return ("%d %s"):format(n, unit)
end

return M
