--- A real workspace in a temporary folder for specs: files in, projects out.

local tmp = require("support.tmp")

local M = {}

local QUIET = {
  info = function() end,
  warn = function() end,
  show = function() end,
  confirm = function()
    return true
  end,
}

--- Writes the workspace and returns an operation ctx for it. files: name -> text, below the
-- workspace's folder; prov.yaml is written when it is not among them.
---@param files table<string, string>
---@return table ctx with ctx.dir
function M.ctx(files)
  local dir = tmp.dir()
  if not files["prov.yaml"] then
    tmp.write(dir .. "/prov.yaml", "name: spec\n")
  end
  for name, text in pairs(files) do
    tmp.write(dir .. "/" .. name, text)
  end
  return M.reopen(dir)
end

--- A ctx as a fresh process would have it for the same folder.
function M.reopen(dir)
  local ctx = { dir = dir, ui = QUIET, yes = true, cancel = {}, output = "table" }
  local workspace
  ctx.registry = require("prov.registry").open(dir)
  ctx.config = require("prov.config").open({ workspace = dir, registry = ctx.registry })
  function ctx.need_workspace()
    if not workspace then
      workspace = assert(require("prov.workspace").open(dir))
    end
    return workspace
  end
  return ctx
end

--- Replaces a file of the workspace.
function M.edit(ctx, name, text)
  tmp.write(ctx.dir .. "/" .. name, text)
end

--- The plan of a fresh project: "create item.a", "delete item.b", ... in order, and the plan.
---@async
function M.plan(ctx, opts)
  local project <close> = assert(require("prov.project").open(ctx))
  local plan = assert(project:plan(opts))
  local ids = {}
  for i, step in ipairs(plan.steps) do
    ids[i] = step.id
  end
  return ids, plan
end

--- Applies and returns the result.
---@async
function M.apply(ctx, opts)
  return require("prov.apply").run(ctx, opts or {})
end

return M
