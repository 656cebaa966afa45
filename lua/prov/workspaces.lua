--- What the workspace operations do beyond one call of prov.workspace.

local data = require("core.data")
local engine = require("prov.engine")
local err = require("prov.err")
local locks = require("prov.engine.locks")
local state = require("prov.state")
local workspace_of = require("prov.workspace")

local M = {}

local function state_of(workspace)
  local store, e = workspace:store()
  if not store then
    return nil, e
  end
  return state.load(store)
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
  local loaded, e = state_of(workspace)
  if not loaded then
    return nil, e
  end
  return {
    name = workspace.name,
    description = workspace.description,
    dir = workspace.dir,
    environments = workspace_of.environments(workspace.dir),
    revision = loaded.revision,
    resources = #loaded:addresses(),
  }
end

--- Why a workspace must not be deleted, or nil.
local function in_use(workspace, loaded)
  local list = loaded:addresses()
  if #list > 0 then
    return err.new("conflict", ("workspace '%s' still has %d resources"):format(workspace.name, #list), {
      hint = ("prov destroy -w %s%s deletes them; --force leaves them behind"):format(
        workspace.dir, workspace.env and " -e " .. workspace.env or ""),
    })
  elseif #assert(engine.open_runs(workspace:store())) > 0 then
    return err.new("conflict", ("an interrupted run of '%s' may have left something behind"):format(workspace.name), {
      hint = ("prov destroy -w %s finds and deletes it; --force leaves it"):format(workspace.dir),
    })
  end
end

--- Holds a workspace that may be deleted, so that nobody makes anything in it meanwhile; a value to
-- close. With force one that cannot be read is not held.
local function hold(workspace, force)
  local lock
  local held = setmetatable({}, {
    __close = function()
      if lock then
        lock:close()
      end
      workspace:close()
    end,
  })
  local loaded, e = state_of(workspace)
  if loaded then
    lock, e = locks.lock(workspace:store(), "workspace delete")
    if lock and not force then
      loaded, e = state_of(workspace)
      e = e or in_use(workspace, loaded)
    end
  elseif force then
    e = nil
  else
    e = e:wrap("cannot see what workspace '%s' still has", workspace.name)
  end
  if e then
    getmetatable(held).__close()
    return nil, e
  end
  return held
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
  local _ <close> = assert(hold(workspace, p.force))
  for _, env in ipairs(not workspace.env and workspace_of.states(workspace.dir) or {}) do
    local other = assert(workspace_of.open_dir(workspace.dir .. "@" .. env))
    local held <close> = assert(hold(other, p.force)) -- luacheck: ignore held
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
