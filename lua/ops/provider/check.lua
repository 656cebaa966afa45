return {
  kind = "operation",
  name = "provider check",
  summary = "Try the credentials and the reachability of providers",
  description = [[
Asks each provider who the account is. Without a name: all that the infra of the workspace uses. Exit code 1 when one
of them cannot be used.]],
  params = {
    name = { type = "list", of = { type = "string" }, positional = 1, complete = "provider", doc = "The providers" },
  },
  examples = { "prov provider check", "prov provider check hetzner" },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/providers/check" },
  result = {
    columns = { "provider", "ok", "ms", "account", "detail" },
    list = true,
    empty = "the infra uses no provider",
    schema = {
      provider = { type = "string", required = true, doc = "The provider, or its instance" },
      ok = { type = "bool", required = true, doc = "It can be used" },
      account = { type = "string", doc = "Who it knows us as" },
      detail = { type = "string", doc = "What else it says; why it cannot be used" },
      ms = { type = "int", doc = "Milliseconds until its answer" },
    },
  },
  run = function(ctx, p)
    return require("prov.provider.check").run(ctx, p)
  end,
  exit_code = function(rows)
    for _, row in ipairs(rows) do
      if not row.ok then
        return 1
      end
    end
    return 0
  end,
}
