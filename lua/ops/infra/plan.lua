return {
  kind = "operation",
  name = "plan",
  shortcuts = { "p" },
  summary = "Show what apply would create, change and delete",
  description = [[
Loads and checks the infra, reads the world, and prints the steps that would make it so. Changes
nothing. A plan saved with --out is applied with 'prov apply --plan FILE', exactly as shown, or
refused when the state has moved on.]],
  params = {
    out = { type = "path", file = "out", doc = "Save the plan to this file (mode 0600)" },
    refresh = { type = "bool", default = true, doc = "Read the world first; without, trust the state" },
    replace = { type = "list", of = { type = "string" }, doc = "Rebuild the resource at this address" },
    target = { type = "list", of = { type = "string" }, doc = "Only this and what it needs; * allowed" },
    destroy = { type = "bool", default = false, doc = "Plan the destruction of everything" },
    detailed_exitcode = { type = "bool", default = false, doc = "Exit with 3 when there are changes" },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/plans" },
  result = {
    columns = { "action", "address", "reason" },
    rows = "steps",
    name = "id",
    schema = "plan",
  },
  view = "plan",
  run = function(ctx, p)
    local project <close> = assert(require("prov.project").open(ctx))
    local plan = assert(project:plan(p))
    local file = require("prov.plan.file")
    local shown = file.project(plan)
    if p.out then
      assert(require("prov.validate").gate(ctx))
      shown.hash = assert(file.save(project.workspace, plan, p.out))
      shown.out = p.out
    end
    shown.changed = not require("prov.plan").is_empty(plan)
    shown.detailed = p.detailed_exitcode
    return shown
  end,
  exit_code = function(value)
    return value.detailed and value.changed and 3 or 0
  end,
}
