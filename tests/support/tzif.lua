--- Bytes of TZif files, for specs that want no tzdata.

local M = {}

local function block(version, width, times, kinds, chars)
  local out = { "TZif", version, ("\0"):rep(15), (">I4I4I4I4I4I4"):pack(0, 0, 0, #times, #kinds, #chars) }
  for _, time in ipairs(times) do
    out[#out + 1] = (">i" .. width):pack(time[1])
  end
  for _, time in ipairs(times) do
    out[#out + 1] = string.char(time[2])
  end
  for _, kind in ipairs(kinds) do
    out[#out + 1] = (">i4BB"):pack(kind[1], kind[2], kind[3])
  end
  return table.concat(out) .. chars
end

local KINDS = { { 3600, 0, 0 }, { 7200, 1, 4 } }

--- A file of version 1 with an hour of daylight saving between the two times.
function M.version1(from, to)
  return block("\0", 4, { { from, 1 }, { to, 0 } }, KINDS, "STD\0DST\0")
end

--- A file of version 2 whose footer says everything.
function M.footer(text)
  return block("2", 4, {}, KINDS, "STD\0DST\0") .. block("2", 8, {}, KINDS, "STD\0DST\0") .. "\n" .. text .. "\n"
end

return M
