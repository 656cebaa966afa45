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

--- The workspace when there is one; that a named one does not open is an error all the same.
function lazy.workspace(self)
  local workspace, e = require("prov.workspace").open(self.flags.workspace)
  if not workspace and (self.flags.workspace or e.code ~= "notfound") then
    error(e, 0)
  end
  return workspace
end

function lazy.registry(self)
  local workspace = self.workspace
  return require("prov.registry").open(workspace and workspace.dir)
end

function lazy.config(self)
  local output, color = self.flags.output, self.flags.color
  return require("prov.config").open({
    workspace = (require("prov.workspace").find(self.flags.workspace)),
    flags = { output = output, color = color ~= nil and (color and "always" or "never") or nil },
  })
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

--- Runs another face in this process; for operations that are one.
---@async
---@param name string "repl"
function Ctx:face(name, ...)
  return require("prov.face." .. name).run(self, ...)
end

--- Makes the context of one command.
---@param flags table values of the flags of every command
---@return prov.Ctx
function M.new(flags)
  local ctx = setmetatable({ flags = flags, cancel = {}, yes = flags.yes }, ctx_mt)
  ctx.output = flags.output or ctx.config:get("output") or "table"
  local color = flags.color
  if color == nil then
    color = ({ always = true, never = false })[ctx.config:get("color")]
  end
  ctx.term_out = term.open(1, color)
  ctx.term_err = term.open(2, color)
  ctx.interactive = require("luv").guess_handle(0) == "tty" and ctx.term_err.tty
  ctx.ui = require("prov.face.cli.ui").new(ctx)
  for _, bad in ipairs(ctx.config:check_environment()) do
    ctx.ui.warn("%s", tostring(bad))
  end
  return ctx
end

return M
