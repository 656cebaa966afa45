--- Lines and columns of the bytes of a text.

local M = {}

--- A function from a byte to its line and column (in characters), and where the lines begin.
---@param text string
---@return fun(at: integer): integer, integer
---@return integer[] starts
function M.of(text)
  local starts, n = { 1 }, 1
  for at in text:gmatch("\n()") do
    n = n + 1
    starts[n] = at
  end
  return function(at)
    local low, high = 1, n
    while low < high do
      local middle = (low + high + 1) // 2
      if starts[middle] <= at then
        low = middle
      else
        high = middle - 1
      end
    end
    local before = text:sub(starts[low], at - 1)
    return low, (utf8.len(before) or #before) + 1
  end, starts
end

--- The byte of a line and column, as near as lines of plain letters allow.
---@param starts integer[]
---@return integer
function M.offset(starts, line, column)
  return (starts[line] or starts[#starts]) + column - 1
end

return M
