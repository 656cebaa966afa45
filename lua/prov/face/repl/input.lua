--- Where lines come from: the terminal with editing, or the standard input as it is.

local err = require("prov.err")
local fs = require("prov.fs")
local settings = require("prov.settings")

local M = {}

local plain = {}
plain.__index = plain
plain.__close = function() end

function plain:read()
  local line = io.read("l")
  if line then
    return line
  end
  return err.fail("closed", "end of input")
end

function plain:remember() end

--- Opens it.
---@param ctx prov.Ctx
---@param opts { history: string, complete: fun(line: string, cursor: integer): any } history: name of a file
---@return { read: function, remember: function }?, prov.Err?
function M.open(ctx, opts)
  if not ctx.interactive then
    return setmetatable({}, plain)
  end
  local home = ctx.workspace and ctx.workspace.state_dir or require("prov.dirs").state()
  fs.mkdirp(home, 448) -- 0700
  return require("core.edit").open({
    history = home .. "/" .. opts.history,
    size = settings.repl.history,
    complete = opts.complete,
  })
end

return M
