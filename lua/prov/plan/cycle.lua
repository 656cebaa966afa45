--- The error for resources that wait for each other: the whole circle, each with its place.

local err = require("prov.err")

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

--- What of a node refers to another address: the field, or "needs".
local function through(node, address)
  local value = require("prov.value")
  local base = require("prov.address").base(address)
  for _, name in ipairs(require("core.data").keys(node.args or {})) do
    for found in pairs(value.references(node.args[name])) do
      if found == address or found == base then
        return "." .. name
      end
    end
  end
  return ""
end

--- Makes the error.
---@param path integer[] numbers of nodes, the first again at the end; each is needed by the next
---@param nodes table[] with address, args and origin
---@return prov.Err
function M.error(path, nodes)
  local hops, addresses, file = {}, {}, nil
  for i = #path, 1, -1 do -- read as "a needs b"
    local node = nodes[path[i]]
    local origin = node.origin
    local next_node = i > 1 and nodes[path[i - 1]] or nil
    hops[#hops + 1] = node.address .. (next_node and through(node, next_node.address) or "")
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

return M
