--- Which operation a method and a path mean; from the declarations of operations.

local ops = require("prov.ops")

local M = {}

---@class prov.Routes
local Routes = {}
Routes.__index = Routes

local function segments(path)
  local out = {}
  for part in path:gmatch("[^/]+") do
    out[#out + 1] = part
  end
  return out
end

local function add(root, op)
  local node = root
  local names = {}
  for _, part in ipairs(segments(op.http.path)) do
    local name = part:match("^{(.+)}$")
    if name then
      names[#names + 1] = name
      node.any = node.any or { literal = {} }
      node = node.any
    else
      node.literal[part] = node.literal[part] or { literal = {} }
      node = node.literal[part]
    end
  end
  node.methods = node.methods or {}
  local taken = node.methods[op.http.method]
  if taken then
    error(("'%s' and '%s' have one route"):format(op.name, taken.op.name))
  end
  node.methods[op.http.method] = { op = op, names = names }
end

--- Makes the table of all operations that have a route.
---@return prov.Routes
function M.new()
  local self = setmetatable({ root = { literal = {} }, ops = {} }, Routes)
  local names = {}
  for name in pairs(ops.index().commands) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local op = ops.load(name)
    if op.http then
      add(self.root, op)
      self.ops[#self.ops + 1] = op
    end
  end
  return self
end

local function decode(part)
  local bad
  local text = part:gsub("%%(%x?%x?)", function(hex)
    if #hex < 2 then
      bad = true
      return ""
    end
    return string.char(tonumber(hex, 16))
  end)
  if bad or text:find("%z") or not utf8.len(text) then
    return nil
  end
  return text
end

M.decode = decode

local function walk(node, parts, at, values)
  if at > #parts then
    return node.methods and node or nil
  end
  local literal = node.literal[parts[at]]
  local found = literal and walk(literal, parts, at + 1, values)
  if found then
    return found
  end
  if node.any then
    values[#values + 1] = parts[at]
    found = walk(node.any, parts, at + 1, values)
    if not found then
      values[#values] = nil
    end
    return found
  end
end

--- Finds what a request means.
---@param method string
---@param path string raw
---@return table? op
---@return table<string, string>|string[]|nil values of the path; or, without an op, the methods the path has
function Routes:match(method, path)
  if path:sub(1, 1) ~= "/" or #path > 1 and path:sub(-1) == "/" or path:find("//", 1, true) then
    return nil
  end
  local raw = {}
  local node = walk(self.root, segments(path), 1, raw)
  if not node then
    return nil
  end
  local route = node.methods[method == "HEAD" and "GET" or method]
  if not route then
    local allowed = {}
    for name in pairs(node.methods) do
      allowed[#allowed + 1] = name
    end
    if node.methods.GET then
      allowed[#allowed + 1] = "HEAD"
    end
    table.sort(allowed)
    return nil, allowed
  end
  local values = {}
  for i, name in ipairs(route.names) do
    local text = decode(raw[i])
    if not text then
      return nil
    end
    values[name] = text
  end
  return route.op, values
end

return M
