--- Did you mean: the known word nearest to a mistyped one.

local err = require("prov.err")

local M = {}

--- Edit distance with neighbouring letters swapped counted as one, or nil when past `limit`.
local function distance(a, b, limit)
  local la, lb = #a, #b
  if math.abs(la - lb) > limit then
    return nil
  end
  local before, last, row = {}, {}, {}
  for j = 0, lb do
    last[j] = j
  end
  for i = 1, la do
    row[0] = i
    local least = i
    for j = 1, lb do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local d = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        d = math.min(d, before[j - 2] + 1)
      end
      row[j] = d
      least = math.min(least, d)
    end
    if least > limit then
      return nil
    end
    before, last, row = last, row, before
  end
  return last[lb] <= limit and last[lb] or nil
end

--- The nearest candidate, or nil when none is near enough.
---@param word string
---@param candidates string[]
---@return string?
function M.nearest(word, candidates)
  local limit = #word <= 3 and 1 or #word <= 6 and 2 or 3
  local best, best_distance
  word = word:lower()
  for _, candidate in ipairs(candidates) do
    local d = type(candidate) == "string"
      and distance(word, candidate:lower(), best_distance and best_distance - 1 or limit)
    if d and d < #candidate then
      best, best_distance = candidate, d
      if d == 0 then
        break
      end
    end
  end
  return best
end

--- "did you mean 'x'?" or nil.
---@param word string
---@param candidates string[]
---@return string?
function M.hint(word, candidates)
  local best = M.nearest(word, candidates)
  return best and ("did you mean '%s'?"):format(best) or nil
end

--- "there are: a, b, c" for a short list of candidates, else nil.
local function listing(candidates)
  if #candidates == 0 or #candidates > 12 then
    return nil
  end
  local sorted = table.move(candidates, 1, #candidates, 1, {})
  table.sort(sorted)
  return "there are: " .. table.concat(sorted, ", ")
end

--- The error for a name that is not known: code notfound, with a hint.
---@param what string "address", "provider"
---@param word string
---@param candidates string[]
---@return prov.Err
function M.unknown(what, word, candidates)
  return err.new(
    "notfound",
    ("no %s '%s'"):format(what, word),
    { hint = M.hint(word, candidates) or listing(candidates) }
  )
end

return M
