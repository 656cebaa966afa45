--- Where the values of a text were written: what readers in Lua fill, and give as `positions`.

local M = {}

---@class prov.Places
---@field line integer
---@field column integer
---@field below? table<string|integer, prov.Places>
local Places = {}
Places.__index = Places

--- Makes the place of a root.
---@param line? integer
---@param column? integer
---@return prov.Places
function M.new(line, column)
  return setmetatable({ line = line or 1, column = column or 1 }, Places)
end

--- Adds the place of a child; returns it.
---@param key string|integer
---@param line integer
---@param column integer
---@return prov.Places
function Places:add(key, line, column)
  local place = M.new(line, column)
  self.below = self.below or {}
  self.below[key] = place
  return place
end

--- The function that answers for a path of keys: line and column of the value, or of the nearest
--- one above it that is there.
---@return fun(path: (string|integer)[]): integer, integer
function Places:lookup()
  return function(path)
    local at = self
    for _, key in ipairs(path) do
      local below = at.below and at.below[key]
      if not below then
        break
      end
      at = below
    end
    return at.line, at.column
  end
end

return M
