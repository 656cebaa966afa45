--- What an operation gets from the command line: ctx.

local term = require("prov.face.cli.term")

local M = {}

---@class prov.Ctx
---@field ui prov.Ui
---@field interactive boolean a person can answer
---@field output string "table" | "wide" | "json" | "yaml" | "name"
---@field cancel table { requested, killed, stop?, kill? }: how Ctrl-C reaches the operation
---@field yes boolean? every question is answered yes
---@field flags table the flags of every command, as given
---@field workspace prov.Workspace? the workspace, when there is one
---@field registry prov.Registry
---@field config prov.Config
local Ctx = {}

local lazy = {}

function lazy.workspace(self)
  return require("prov.workspace").open(self.flags.workspace)
end

function lazy.registry(self)
  local workspace = self.workspace
  return require("prov.registry").open(workspace and workspace.dir)
end

function lazy.config(self)
  local workspace = self.workspace
  return require("prov.config").open({ workspace = workspace and workspace.dir, flags = self.flags })
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
  local workspace, e = require("prov.workspace").open(self.flags.workspace)
  if not workspace then
    return nil, e
  end
  rawset(self, "workspace", workspace)
  return workspace
end

--- Makes the context of one command.
---@param flags table values of the flags of every command
---@return prov.Ctx
function M.new(flags)
  local ctx = {
    flags = flags,
    output = flags.output or "table",
    cancel = {},
    yes = flags.yes,
    term_out = term.open(1, flags.color),
    term_err = term.open(2, flags.color),
  }
  local stdin_tty = require("luv").guess_handle(0) == "tty"
  ctx.interactive = stdin_tty and ctx.term_err.tty
  ctx.ui = require("prov.face.cli.ui").new(ctx)
  return setmetatable(ctx, ctx_mt)
end

return M
