--- Tables that extensions may read and not change: what one does must not reach another.

local M = {}

local real = setmetatable({}, { __mode = "k" }) -- view -> { table, name }

--- Makes a view of a table and of all tables in it.
---@param t table
---@param name string for the error of who tries to change it
---@return table
function M.of(t, name)
  local function inner(value)
    return type(value) == "table" and M.of(value, name) or value
  end
  local view = setmetatable({}, {
    __index = function(_, key)
      return inner(t[key])
    end,
    __newindex = function()
      error(name .. " cannot be changed", 2)
    end,
    __len = function()
      return #t
    end,
    __pairs = function(self)
      return M.next, self, nil
    end,
    __metatable = false,
  })
  real[view] = { t, name }
  return view
end

--- `next` that knows views.
function M.next(t, key)
  local viewed = real[t]
  if not viewed then
    return next(t, key)
  end
  local value
  key, value = next(viewed[1], key)
  if type(value) == "table" then
    value = M.of(value, viewed[2])
  end
  return key, value
end

return M
