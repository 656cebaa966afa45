--- The order of what waits for each other, and the error when there is none: the whole circle, each with its place.

local address_of = require("prov.address")
local err = require("prov.err")
local graph = require("core.graph")
local value = require("prov.value")

local M = {}

--- The text of a place, shorter when the file is the same as before.
local function place(origin, file)
  if not origin or not origin.file then
    return ""
  elseif origin.file == file then
    return origin.line and (" (line %d)"):format(origin.line) or ""
  end
  return (" (%s%s)"):format(origin.file, origin.line and ":" .. origin.line or "")
end

--- What of a node refers to another address: the field, or the configuration of its provider.
local function through(node, address, providers)
  local base = address_of.base(address)
  local function refers(v)
    local found = value.references(v)
    return found[address] or found[base]
  end
  for _, name in ipairs(require("core.data").keys(node.args or {})) do
    if refers(node.args[name]) then
      return "." .. name
    end
  end
  return providers and refers(providers[node.provider]) and ".provider" or ""
end

--- Makes the error.
---@param path integer[] numbers of nodes, the first again at the end; each is needed by the next
---@param nodes table[] with address, args, provider and origin
---@param providers? table<string, table> their configurations
---@return prov.Err
function M.error(path, nodes, providers)
  local hops, addresses, file = {}, {}, nil
  for i = #path, 1, -1 do -- read as "a needs b"
    local node = nodes[path[i]]
    local origin = node.origin
    local next_node = i > 1 and nodes[path[i - 1]] or nil
    hops[#hops + 1] = node.address .. (next_node and through(node, next_node.address, providers) or "")
      .. (next_node and place(origin, file) or "")
    addresses[#addresses + 1] = node.address
    file = origin and origin.file
  end
  local origin = nodes[path[#path]].origin or {}
  return err.new("cycle", "these need each other: " .. table.concat(hops, " -> "), {
    file = origin.file,
    line = origin.line,
    column = origin.column,
    hint = "take one of the references or needs between them out",
    data = { path = addresses },
  })
end

--- The numbers of nodes in an order in which what is needed comes first; nil and the error of a circle.
---@param nodes table[]
---@param needs_of fun(node: table): string[] addresses; of other things than the nodes they do not count
---@param providers? table<string, table>
---@return integer[]? order, prov.Err?
function M.order(nodes, needs_of, providers)
  local number = {}
  for i = 1, #nodes do
    number[nodes[i].address] = i
  end
  local g <close> = graph.new(#nodes)
  for i = 1, #nodes do
    for _, address in ipairs(needs_of(nodes[i])) do
      if number[address] then
        g:edge(number[address], i)
      end
    end
  end
  local order, e = g:sort()
  if order then
    return order
  end
  return nil, M.error(e.data.path, nodes, providers)
end

return M
