return {
  kind = "operation",
  name = "rule new",
  summary = "Write a rule of your own that works as it is",
  description = [[
Makes rules/ID.lua in the workspace: change it step by step, and run `prov rule test` after each.]],
  params = {
    id = {
      type = "string",
      required = true,
      positional = 1,
      pattern = "^[a-z][a-z0-9-]*$",
      max = 63,
      doc = "Its id: small letters, digits and -",
    },
  },
  examples = { "prov rule new plan-small" },
  permission = { action = "update", resource = "Workspace" },
  result = { columns = { "id", "file" } },
  run = function(ctx, p)
    local workspace, e = ctx:need_workspace()
    if not workspace then
      return nil, e
    end
    return require("prov.rules_show").new(workspace, p.id)
  end,
}
