--- Which route a method and a path mean, and what the parts of a target say.

local err = require("prov.err")

local M = {}

--- What a path stands for; whoever makes the table keeps more in it.
---@class prov.http.Route
---@field method string
---@field path string segments, {name} for one of any value, and {name...} at the end for one or more

---@class prov.http.Routes
local Routes = {}
Routes.__index = Routes

local function segments(path)
  local out = {}
  for part in path:gmatch("[^/]+") do
    out[#out + 1] = part
  end
  return out
end

local function add(root, route)
  local node = root
  local names = {}
  for _, part in ipairs(segments(route.path)) do
    local name, rest = part:match("^{([^.]+)(%.*)}$")
    if name then
      local key = rest == "..." and "rest" or "any"
      names[#names + 1] = name
      node[key] = node[key] or { literal = {} }
      node = node[key]
    else
      node.literal[part] = node.literal[part] or { literal = {} }
      node = node.literal[part]
    end
  end
  node.methods = node.methods or {}
  if node.methods[route.method] then
    error(("%s %s is there twice"):format(route.method, route.path))
  end
  node.methods[route.method] = { route = route, names = names }
end

--- Makes the table of all routes.
---@param list prov.http.Route[]
---@return prov.http.Routes
function M.new(list)
  local self = setmetatable({ root = { literal = {} } }, Routes)
  for _, route in ipairs(list) do
    add(self.root, route)
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

--- A part of a path or query without its escapes; nil when they are wrong, or not UTF-8.
---@type fun(part: string): string?
M.decode = decode

--- The query, or a form, as a list of { name, value }.
---@param query string
---@return { [1]: string, [2]: string }[]?, prov.Err?
function M.query(query)
  local out = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = decode((name:gsub("+", " "))), decode((value:gsub("+", " ")))
    if not name or not value then
      return err.fail("usage", "the query is not well encoded: '%s'", pair)
    end
    out[#out + 1] = { name, value }
  end
  return out
end

-- Goes on at a byte of the path, where a segment begins.
local function walk(node, path, at, values)
  if at > #path then
    return node.methods and node or nil
  end
  local slash = path:find("/", at, true) or #path + 1
  local part = path:sub(at, slash - 1)
  local literal = node.literal[part]
  local found = literal and walk(literal, path, slash + 1, values)
  if found then
    return found
  end
  if node.any then
    values[#values + 1] = part
    found = walk(node.any, path, slash + 1, values)
    if found then
      return found
    end
    values[#values] = nil
  end
  if node.rest then
    values[#values + 1] = path:sub(at)
    return node.rest
  end
end

--- Finds what a request means.
---@param method string
---@param path string raw
---@return prov.http.Route? route
---@return table<string, string>|string[]|nil values of the path; or, without a route, the methods the path has
function Routes:match(method, path)
  if path:sub(1, 1) ~= "/" or #path > 1 and path:sub(-1) == "/" or path:find("//", 1, true) then
    return nil
  end
  local raw = {}
  local node = walk(self.root, path, 2, raw)
  if not node then
    return nil
  end
  local found = node.methods[method == "HEAD" and "GET" or method]
  if not found then
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
  for i, name in ipairs(found.names) do
    local text = decode(raw[i])
    if not text then
      return nil
    end
    values[name] = text
  end
  return found.route, values
end

return M
