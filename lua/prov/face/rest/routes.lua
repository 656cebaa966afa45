--- Which operation a method and a path mean; from the declarations of operations.

local http_routes = require("prov.http_routes")
local ops = require("prov.ops")

local M = {}

---@class prov.Routes
---@field ops table[] all that have a route
local Routes = {}
Routes.__index = Routes

--- Makes the table of all operations that have a route.
---@return prov.Routes
function M.new()
  local self = setmetatable({ ops = {} }, Routes)
  local names, list = {}, {}
  for name in pairs(ops.index().commands) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local op = ops.load(name)
    if op.http then
      self.ops[#self.ops + 1] = op
      list[#list + 1] = { method = op.http.method, path = op.http.path, op = op }
    end
  end
  self.routes = http_routes.new(list)
  return self
end

--- Finds what a request means.
---@param method string
---@param path string raw
---@return table? op
---@return table<string, string>|string[]|nil values of the path; or, without an op, the methods the path has
function Routes:match(method, path)
  local route, values = self.routes:match(method, path)
  return route and route.op, values
end

return M
