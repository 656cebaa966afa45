--- What the workspace operations do beyond one call of prov.workspace.

local data = require("core.data")
local err = require("prov.err")
local state = require("prov.state")
local workspace_of = require("prov.workspace")

local M = {}

local function addresses(workspace)
  local store, e = workspace:store()
  if not store then
    return nil, e
  end
  local loaded
  loaded, e = state.load(store)
  if not loaded then
    return nil, e
  end
  return loaded:addresses(), store:head()
end

--- The workspaces of this user as rows.
---@return table[]
function M.list()
  return data.list(workspace_of.list())
end

--- Where a workspace is and how much it has.
---@param workspace prov.Workspace
---@return table? value
---@return prov.Err?
function M.summary(workspace)
  local list, head = addresses(workspace)
  if not list then
    return nil, head
  end
  return {
    name = workspace.name,
    description = workspace.description,
    dir = workspace.dir,
    revision = head,
    resources = #list,
  }
end

--- Deletes a workspace after the checks and the question.
---@async
---@param ctx prov.Ctx
---@param p { name: string, files: boolean, force: boolean }
---@return table? value
---@return prov.Err?
function M.delete(ctx, p)
  local workspace, e = workspace_of.open(p.name)
  if not workspace then
    return nil, e
  end
  local list
  list, e = addresses(workspace)
  if not list and not p.force then
    return nil, e:wrap("cannot see what workspace '%s' still has", workspace.name)
  elseif list and #list > 0 and not p.force then
    return nil, err.new("conflict", ("workspace '%s' still has %d resources"):format(workspace.name, #list), {
      hint = ("prov destroy -w %s deletes them; --force leaves them behind"):format(workspace.dir),
    })
  end
  local what = p.files and ("%s with everything in it"):format(workspace.dir) or "the state of " .. workspace.dir
  local ok
  ok, e = ctx.ui.confirm("Delete " .. what .. "?")
  if not ok then
    return nil, e
  end
  ok, e = workspace_of.delete(workspace, { files = p.files })
  return ok and { name = workspace.name, dir = workspace.dir, deleted = p.files and "folder" or "state" }, e
end

return M
