--- Rules as values for people and faces: lists, descriptions, their examples run, new ones.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local example = require("prov.validate.example")
local fs = require("prov.fs")
local rules = require("prov.rules")

local M = {}

--- All rules and what the settings say about them.
local function all_of(ctx)
  local workspace = ctx:need_workspace()
  local all, errs = rules.all(workspace, ctx.registry)
  if not all then
    return nil, errs
  end
  local settings
  settings, errs = require("prov.validate.check").settings(all, ctx.config)
  if not settings then
    return nil, errs
  end
  return all, settings
end

local function severity(rule, settings)
  return require("prov.validate.check").severity(rule, settings[rule.id])
end

--- Rows of all rules.
---@param ctx prov.Ctx
---@param category? string
---@return table[]?, prov.Err|prov.Err[]?
function M.list(ctx, category)
  local all, settings = all_of(ctx)
  if not all then
    return nil, settings
  end
  local rows = data.list()
  for _, rule in ipairs(all) do
    if not category or rule.category == category then
      rows[#rows + 1] = {
        id = rule.id,
        severity = severity(rule, settings),
        category = rule.category,
        summary = rule.summary,
        from = rule.file or "prov",
      }
    end
  end
  if category and not rows[1] then
    return err.fail("notfound", "no rule of the category '%s'", category)
  end
  return rows
end

--- Everything a rule says.
---@param ctx prov.Ctx
---@param id string
---@return table?, prov.Err|prov.Err[]?
function M.show(ctx, id)
  local all, settings = all_of(ctx)
  if not all then
    return nil, settings
  end
  local rule, e = rules.find(all, id)
  if not rule then
    return nil, e
  end
  local own = settings[id]
  local options = data.list(contract.describe(rule.options or {}))
  for _, row in ipairs(options) do
    row.here = own and own[row.name] -- nil where nothing is set
  end
  return {
    id = id,
    severity = rule.severity,
    here = severity(rule, settings),
    category = rule.category,
    summary = rule.summary,
    doc = rule.doc,
    applies = data.list(table.move(rule.applies, 1, #rule.applies, 1, {})),
    options = options,
    bad = rule.bad and (example.parts(rule.bad)),
    good = rule.good and (example.parts(rule.good)),
    from = rule.file or "prov",
  }
end

--- Runs the examples of a rule, or of all that prov did not come with.
---@param ctx prov.Ctx
---@param id? string
---@return table[]? rows { id, status, problem }
---@return prov.Err|prov.Err[]?
function M.test(ctx, id)
  local all, settings = all_of(ctx)
  if not all then
    return nil, settings
  end
  local chosen = {}
  if id then
    local rule, e = rules.find(all, id)
    if not rule then
      return nil, e
    end
    chosen[1] = rule
  else
    for _, rule in ipairs(all) do
      chosen[#chosen + 1] = rule.guest and rule or nil
    end
  end
  local rows = data.list()
  for i, rule in ipairs(chosen) do
    local problems = example.problems(rule, ctx.registry)
    rows[i] = {
      id = rule.id,
      status = problems[1] and "failed" or "ok",
      problem = problems[1] and table.concat(problems, "; ") or nil,
      from = rule.file or "prov",
    }
  end
  return rows
end

local TEMPLATE = [==[
-- A rule of this workspace: `prov validate` runs it, `prov rule test` runs its examples.
return {
  kind = "rule", api = 1, id = "@ID@", severity = "warning",
  summary = "A server has no plan of its own",
  doc = "The default plan is the smallest: say which one is meant.",
  -- What check is called for: "server" and other kinds, "taskserv.nginx", "taskserv", "resource";
  -- "infra" for once. See docs/guides/validation.md for what ctx offers.
  applies = { "server" },
  bad = [[
servers:
  web: { plan: 1xCPU-1GB }
]],
  good = [[
servers:
  web: { plan: 2xCPU-4GB }
]],
  check = function(ctx, server)
    if ctx:known(server.args.plan) == "1xCPU-1GB" then
      ctx:report(server, {
        path = { "plan" },
        message = "the smallest plan",
        hint = "2xCPU-4GB is enough for most",
      })
    end
  end,
}
]==]

--- Writes a rule that works as it is into the workspace's rules/.
---@async
---@param workspace prov.Workspace
---@param id string
---@return table? value { id, file }
---@return prov.Err?
function M.new(workspace, id)
  for _, rule in ipairs(rules.built_in()) do
    if rule.id == id then
      return err.fail("exists", "prov itself has a rule '%s'", id)
    end
  end
  local path = ("%s/rules/%s.lua"):format(workspace.dir, id)
  if fs.exists(path) then
    return err.fail("exists", "%s is there already", path)
  end
  local ok, e = fs.mkdirp(workspace.dir .. "/rules")
  if ok then
    ok, e = fs.write_atomic(path, (TEMPLATE:gsub("@ID@", id)))
  end
  return ok and { id = id, file = "rules/" .. id .. ".lua" } or nil, e
end

return M
