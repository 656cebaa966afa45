return {
  kind = "operation",
  name = "rule test",
  summary = "Run the examples of your rules",
  description = [[
The bad example of a rule must make it find something, the good one must not. Without an id, those of
the rules in the workspace's rules/ folder and in its extensions.]],
  params = {
    id = { type = "string", positional = 1, complete = "rule", doc = "This rule only" },
  },
  permission = { action = "read", resource = "Workspace" },
  result = {
    columns = { "id", "status", "problem" },
    wide = { "from" },
    empty = "no rules of your own; see prov help rule new",
    list = true,
    schema = {
      id = { type = "string", required = true, doc = "The rule" },
      status = { type = "enum", one_of = { "ok", "failed" }, required = true, doc = "How it went" },
      problem = { type = "string", doc = "What is wrong" },
      from = { type = "string", required = true, doc = "The file it is in" },
    },
  },
  run = function(ctx, p)
    return require("prov.rules_show").test(ctx, p.id)
  end,
  exit_code = function(rows)
    for _, row in ipairs(rows) do
      if row.status == "failed" then
        return 1
      end
    end
    return 0
  end,
}
