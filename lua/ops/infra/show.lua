return {
  kind = "operation",
  name = "show",
  summary = "Show a saved plan",
  params = {
    plan = { type = "path", file = "in", required = true, positional = 1, doc = "File written by 'prov plan --out'" },
  },
  permission = { action = "read", resource = "Workspace" },
  result = {
    columns = { "action", "address", "reason" },
    rows = "steps",
    name = "id",
    schema = "plan",
  },
  view = "plan",
  run = function(_, p)
    local saved = assert(require("prov.plan.file").read(p.plan))
    saved.body = nil
    return saved
  end,
}
