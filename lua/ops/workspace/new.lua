return {
  kind = "operation",
  name = "workspace new",
  shortcuts = { "wn" },
  summary = "Make a workspace",
  description = [[
Makes the folder with prov.yaml, an infra.yaml to begin with, and extensions/, and makes it the
workspace that is used when no other is named. A folder that holds an infra file already keeps it.]],
  params = {
    dir = { type = "path", required = true, positional = 1, doc = "The folder; its last part is the name" },
    name = { type = "string", pattern = "[a-z][a-z0-9-]*", doc = "Another name than that of the folder" },
    description = { type = "string", doc = "What it is for" },
  },
  examples = { "prov workspace new shop", "cd shop && prov validate && prov plan" },
  permission = { action = "create", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces" },
  result = {
    columns = { "name", "dir" },
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      dir = { type = "string", required = true, doc = "Its folder" },
    },
  },
  run = function(ctx, p)
    local workspace, e = require("prov.workspace").create(p.dir, { name = p.name, description = p.description })
    if not workspace then
      return nil, e
    end
    local there = require("prov.fs").realpath(".") == workspace.dir
    ctx.ui.info("next: %sprov validate; prov plan; prov apply",
      there and "" or ("cd %s; edit infra.yaml; "):format(p.dir))
    return { name = workspace.name, dir = workspace.dir }
  end,
}
