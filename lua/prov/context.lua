--- What an operation gets beside its parameters: ctx. Each face makes one per call and adds what it
-- alone has (the command line its terminal).

local M = {}

---@class prov.Ctx
---@field ui prov.Ui
---@field interactive boolean a person can answer
---@field output string "table" | "wide" | "json" | "yaml" | "name"
---@field cancel table { requested, killed, stop?, kill? }: how an interruption reaches the operation
---@field yes boolean? every question is answered yes
---@field job string? its id, when it is a job of an orchestrator
---@field flags table the flags of every command, as given
---@field workspace prov.Workspace? the workspace, when there is one
---@field registry prov.Registry
---@field config prov.Config
local Ctx = {}

local lazy = {}

local function open_workspace(self)
  local workspace, e = require("prov.workspace").open(self.flags.workspace, self.flags.env)
  if workspace then
    workspace.vars = self.flags.var
  end
  return workspace, e
end

--- The workspace when there is one; that a named one does not open is an error all the same.
function lazy.workspace(self)
  local workspace, e = open_workspace(self)
  if not workspace and (self.flags.workspace or self.flags.env or e.code ~= "notfound") then
    error(e, 0)
  end
  return workspace
end

function lazy.registry(self)
  local workspace = self.workspace
  return require("prov.registry").open(workspace and workspace.dir)
end

function lazy.config(self)
  return require("prov.config").of(self.flags)
end

local ctx_mt = {
  __index = function(self, key)
    local fixed = Ctx[key]
    if fixed ~= nil then
      return fixed
    end
    local make = lazy[key]
    if make then
      local value = make(self)
      rawset(self, key, value)
      return value
    end
  end,
}

--- The workspace, or the error that says why there is none.
---@return prov.Workspace?
---@return prov.Err?
function Ctx:need_workspace()
  local have = rawget(self, "workspace")
  if have then
    return have
  end
  local workspace, e = open_workspace(self)
  if not workspace then
    return nil, e
  end
  rawset(self, "workspace", workspace)
  return workspace
end

--- Closes what was opened for the operation.
function Ctx:close()
  local workspace = rawget(self, "workspace")
  if workspace then
    workspace:close()
    rawset(self, "workspace", nil)
  end
end

ctx_mt.__close = Ctx.close

--- Makes the settings of this call those of the running task.
function Ctx:settle()
  require("prov.settings").inherit(self.config)
end

--- Makes a context. `fields` are what the face gives: ui, interactive, output, cancel, ...
---@param flags table values of the flags of every command
---@param fields? table
---@return prov.Ctx
function M.new(flags, fields)
  local ctx = fields or {}
  ctx.flags, ctx.cancel, ctx.yes = flags, ctx.cancel or {}, flags.yes
  return setmetatable(ctx, ctx_mt)
end

return M
