return {
  kind = "operation",
  name = "secret list",
  summary = "The secrets of the workspace, without their values",
  description = [[
What has expired, or will within 14 days, and what is older than its rule wants is noted.]],
  params = {},
  examples = { "prov secret list" },
  permission = { action = "read", resource = "Secret" },
  result = {
    columns = { "name", "type", "version", "created", "expires", "note" },
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      type = { type = "string", required = true, doc = "What it is; given: somebody set it" },
      version = { type = "int", required = true, doc = "The newest version" },
      created = { type = "string", required = true, doc = "When that was made" },
      expires = { type = "string", doc = "When it is no longer good" },
      note = { type = "string", doc = "What should be done about it" },
    },
    list = true,
  },
  run = function(ctx)
    return require("prov.secrets.command").list(ctx)
  end,
}
