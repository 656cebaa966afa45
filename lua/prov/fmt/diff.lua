--- The unified diff of two texts.

local settings = require("prov.settings")

local M = {}

local MOST = 2000 -- differences that are looked for one by one; past them the rest counts as one

local function lines_of(text)
  local out = {}
  for line in text:gmatch("[^\n]*\n?") do
    if line ~= "" then
      out[#out + 1] = line
    end
  end
  return out
end

-- Walks the way back through what Myers' search has kept: marks the lines that only one of the texts has.
local function backtrack(trace, n, m, gone, new, first)
  local x, y = n, m
  for d = #trace, 1, -1 do
    local v, k = trace[d], x - y
    local from = (k == -(d - 1) or k ~= d - 1 and v[k - 1] < v[k + 1]) and k + 1 or k - 1
    local x0 = d > 1 and v[from] or 0
    local y0 = x0 - from
    while x > math.max(x0, 0) and y > math.max(y0, 0) do
      x, y = x - 1, y - 1
    end
    if d > 1 and x == x0 then
      new[first + y - 1] = true
    elseif d > 1 then
      gone[first + x - 1] = true
    end
    x, y = x0, y0
  end
end

-- Which lines of a and b are only in one of them: Myers' O(ND) search.
local function compare(a, b)
  local first, last_a, last_b = 1, #a, #b
  while first <= last_a and first <= last_b and a[first] == b[first] do
    first = first + 1
  end
  while last_a >= first and last_b >= first and a[last_a] == b[last_b] do
    last_a, last_b = last_a - 1, last_b - 1
  end
  local n, m = last_a - first + 1, last_b - first + 1
  local gone, new = {}, {}
  local v, trace = { [1] = 0 }, {}
  for d = 0, math.min(n + m, MOST) do
    trace[d + 1] = table.move(v, -d - 1, d + 1, -d - 1, {})
    for k = -d, d, 2 do
      local x = (k == -d or k ~= d and v[k - 1] < v[k + 1]) and v[k + 1] or v[k - 1] + 1
      while x < n and x - k < m and a[first + x] == b[first + x - k] do
        x = x + 1
      end
      v[k] = x
      if x >= n and x - k >= m then
        backtrack(trace, n, m, gone, new, first)
        return gone, new
      end
    end
  end
  for i = first, last_a do
    gone[i] = true
  end
  for i = first, last_b do
    new[i] = true
  end
  return gone, new
end

-- The lines of both texts in order: { sign, text, a, b }, a and b their numbers.
local function merged(a, b)
  local gone, new = compare(a, b)
  local out, i, j = {}, 1, 1
  while i <= #a or j <= #b do
    if gone[i] then
      out[#out + 1] = { "-", a[i], i, j }
      i = i + 1
    elseif new[j] then
      out[#out + 1] = { "+", b[j], i, j }
      j = j + 1
    else
      out[#out + 1] = { " ", a[i], i, j }
      i, j = i + 1, j + 1
    end
  end
  return out
end

local function put_hunk(out, rows, from, to)
  local old, new, body = 0, 0, {}
  for i = from, to do
    local row = rows[i]
    old = old + (row[1] ~= "+" and 1 or 0)
    new = new + (row[1] ~= "-" and 1 or 0)
    body[#body + 1] = row[1] .. row[2]
    if row[2]:sub(-1) ~= "\n" then
      body[#body + 1] = "\n\\ No newline at end of file\n"
    end
  end
  local first = rows[from]
  out[#out + 1] = ("@@ -%d,%d +%d,%d @@\n"):format(old > 0 and first[3] or first[3] - 1, old,
    new > 0 and first[4] or first[4] - 1, new)
  out[#out + 1] = table.concat(body)
end

--- The first line in which two texts differ, or nil.
---@param a string
---@param b string
---@return integer?
function M.first(a, b)
  local x, y = lines_of(a), lines_of(b)
  for i = 1, math.max(#x, #y) do
    if x[i] ~= y[i] then
      return i
    end
  end
end

--- The diff; empty when the texts are equal.
---@param old string
---@param new string
---@param name string
---@return string
function M.unified(old, new, name)
  if old == new then
    return ""
  end
  local rows, context = merged(lines_of(old), lines_of(new)), settings.ui.diff_context
  local out, at = { ("--- %s\n+++ %s\n"):format(name, name) }, 1
  while at <= #rows do
    if rows[at][1] == " " then
      at = at + 1
    else
      local last, look = at, at
      while look <= #rows and look - last <= 2 * context do
        if rows[look][1] ~= " " then
          last = look
        end
        look = look + 1
      end
      put_hunk(out, rows, math.max(at - context, 1), math.min(last + context, #rows))
      at = last + 1
    end
  end
  return table.concat(out)
end

return M
