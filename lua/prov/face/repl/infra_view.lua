--- `infra` in the REPL: the declared infra as a table that can be read and changed. A change stands in
-- no file; `plan()` shows what it would do.

local source = require("prov.infra.source")
local value = require("prov.value")
local what_if = require("prov.infra.what_if")

local M = {}

local paths = setmetatable({}, { __mode = "k" }) -- node -> path
local node_mt = {}

--- The path of a node; nil for other values.
---@return (string|integer)[]?
function M.path(node)
  return paths[node]
end

local function sources_of(workspace)
  local sources, errs = source.read(workspace)
  if not sources then
    error(errs[1], 0)
  end
  return sources
end

local function read(workspace, path)
  local at = what_if.tree(sources_of(workspace))
  for _, key in ipairs(path) do
    if type(at) ~= "table" or value.is_marked(at) then
      return nil
    end
    at = at[key]
  end
  return at
end

local function is_inner(v)
  return type(v) == "table" and not value.is_marked(v) and v ~= value.null
end

local function node(workspace, path)
  local self = setmetatable({}, node_mt)
  paths[self] = { workspace = workspace, table.unpack(path) }
  return self
end

local function below(self, key)
  local path = table.move(paths[self], 1, #paths[self], 1, {})
  path[#path + 1] = key
  return path
end

function node_mt.__index(self, key)
  local workspace, path = paths[self].workspace, below(self, key)
  local v = read(workspace, path)
  return is_inner(v) and node(workspace, path) or v
end

--- What is assigned, without nodes in it.
local function unwrapped(v)
  if paths[v] then
    return what_if.plain(read(paths[v].workspace, paths[v]))
  elseif not is_inner(v) then
    return v
  end
  local out = {}
  for key, item in pairs(v) do
    out[key] = unwrapped(item)
  end
  return setmetatable(out, getmetatable(v))
end

function node_mt.__newindex(self, key, v)
  local workspace = paths[self].workspace
  workspace.what_if = workspace.what_if or what_if.new()
  local ok, e = workspace.what_if:set(below(self, key), unwrapped(v))
  if not ok then
    error(e, 0)
  end
end

function node_mt.__pairs(self)
  local workspace, path = paths[self].workspace, paths[self]
  local v = read(workspace, path) or {}
  return function(_, key)
    local following, item = next(v, key)
    if following ~= nil then
      return following, is_inner(item) and node(workspace, below(self, following)) or item
    end
  end, self, nil
end

function node_mt.__len(self)
  return #(read(paths[self].workspace, paths[self]) or {})
end

--- The value behind a node, as plain data.
function M.value(self)
  return what_if.plain(read(paths[self].workspace, paths[self]))
end

function node_mt.__tostring(self)
  return require("prov.face.repl.pretty").text(M.value(self))
end

--- Makes the view of a workspace's infra.
---@param workspace prov.Workspace
function M.new(workspace)
  return node(workspace, {})
end

--- The changes as lines: "servers.web.memory = ...".
---@param workspace prov.Workspace
---@return string[]
function M.changes(workspace)
  local out = {}
  for i, edit in ipairs(workspace.what_if and workspace.what_if.edits or {}) do
    out[i] = ("infra.%s = %s"):format(what_if.path_text(edit.path), require("prov.face.repl.pretty").text(edit.value))
  end
  return out
end

return M
