--- What ends when: an index on disk by time, so that nothing of it need be in memory, however many there are.

local M = {}

local PREFIX = "due/"

local function path(kind, id, at)
  return ("%s%012x/%s/%s"):format(PREFIX, at, kind, id)
end

--- The change that notes an end.
---@param kind "token"|"lease"|"mount"
---@param id string
---@param at integer seconds since 1970
---@return table
function M.add(kind, id, at)
  return { "put", path(kind, id, at), true }
end

--- The change that takes it back.
---@return table
function M.remove(kind, id, at)
  return { "del", path(kind, id, at) }
end

--- The first ends there are.
---@param barrier prov.vault.Barrier
---@param limit integer
---@return { at: integer, kind: string, id: string }[]?, prov.Err?
function M.first(barrier, limit)
  local paths, e = barrier:paths(PREFIX, { limit = limit })
  if not paths then
    return nil, e
  end
  local out = {}
  for i, each in ipairs(paths) do
    local at, kind, id = each:match("^due/(%x+)/(%a+)/(.*)$")
    out[i] = { at = tonumber(at, 16), kind = kind, id = id }
  end
  return out
end

return M
