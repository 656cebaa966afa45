return {
  kind = "operation",
  name = "taskserv check",
  shortcuts = { "tc" },
  summary = "Compare installed task services with their servers and check their health",
  description = "Changes nothing. Exits with 1 when one has drifted or is not healthy.",
  params = {
    name = {
      type = "string",
      positional = 1,
      complete = "taskserv",
      doc = "Only this task service",
    },
    server = { type = "string", positional = 2, complete = "server", doc = "Only on this server" },
  },
  permission = { action = "read", resource = "Server" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/taskservs/check" },
  result = {
    columns = { "address", "status", "detail" },
    empty = "no task services are installed",
    schema = {
      address = { type = "string", required = true, doc = "taskserv.NAME@server" },
      status = { type = "enum", required = true, one_of = { "ok", "drifted", "failed" }, doc = "How it is" },
      detail = { type = "string", doc = "What differs, or what is wrong" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.taskservs").check(ctx, p)
  end,
  exit_code = function(rows)
    for _, row in ipairs(rows) do
      if row.status ~= "ok" then
        return 1
      end
    end
    return 0
  end,
}
