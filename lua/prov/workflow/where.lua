--- In which workspace a step works: the one it names, else the one its workflow names, else that of the
-- step that runs the workflow; in the end the one the workflow belongs to.

local err = require("prov.err")
local expr = require("prov.workflow.expr")
local fs = require("prov.fs")
local value = require("prov.value")
local workspace_of = require("prov.workspace")

local M = {}

--- The folder of a workspace that a workflow names: a folder beside the owner's prov.yaml, or a name.
---@param owner string folder of the workspace that owns the workflow
---@param name string
---@return string? dir
---@return prov.Err?
function M.dir(owner, name)
  for _, path in ipairs(name:sub(1, 1) == "/" and { name } or { owner .. "/" .. name }) do
    if fs.exists(path .. "/prov.yaml") then
      return fs.realpath(path)
    end
  end
  if name:find("/", 1, true) then
    return err.fail("notfound", "%s is not a workspace: it has no prov.yaml", name)
  end
  return workspace_of.find(name)
end

--- What names the workspace of a node: a text with `${...}`, and where its names are looked up.
---@param node prov.flow.Node
---@param own? string text that comes first, such as that of `compensate`
---@return string? text nil for the owner
---@return prov.flow.Scope? scope
---@return table? matrix
function M.text(node, own)
  local text, scope, matrix = own or node.step.workspace, node.scope, node.matrix
  while true do
    if text then
      return text, scope, matrix
    elseif scope.tree.workspace then
      return scope.tree.workspace, scope
    elseif not scope.above then
      return nil
    end
    text, matrix, scope = scope.step.workspace, scope.begin and scope.begin.matrix, scope.above
  end
end

--- The folder of the workspace of a node.
---@param owner string
---@param node prov.flow.Node
---@param own? string
---@param lookup fun(scope: prov.flow.Scope, matrix: table?): fun(ref: table): any
---@return string? dir nil alone when it is not known yet
---@return prov.Err?
function M.of(owner, node, own, lookup)
  local text, scope, matrix = M.text(node, own)
  if not text then
    return owner
  end
  local name, bad = expr.fill(text, lookup(scope, matrix))
  if bad then
    return err.fail("invalid", "workspace '%s': %s", text, bad.msg)
  elseif value.has_unknown(name) then
    return nil
  elseif type(name) ~= "string" or name == "" then
    return err.fail("invalid", "workspace '%s' is no name", text)
  end
  return M.dir(owner, name)
end

return M
