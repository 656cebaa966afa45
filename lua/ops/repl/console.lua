return {
  kind = "operation",
  name = "console",
  summary = "Print the value of expressions of the infra language",
  description = [[
What can stand in ${...} of an infra file, without the braces: `prov console server.web.ip`,
`prov console 'length(var.zones) + 1'`. References give what is recorded (what is declared, while a resource was
not made), `data` asks its provider, `output.url` is an output. Secrets are shown as (secret), what is not known
yet as (known after apply). Without an expression lines are read, with history and TAB on a terminal; files are
read anew for each. `?` lists the functions, `?name` tells what one does. Changes nothing.]],
  params = {
    expr = {
      type = "list",
      of = { type = "string" },
      positional = 1,
      metavar = "expression",
      doc = "The expression; several words are one",
    },
  },
  examples = { "prov console server.web.ip", "prov -e prod console var.size", "echo 'output.url' | prov console" },
  terminal = true,
  result = {},
  view = "silent",
  run = function(ctx, p)
    local text = p.expr and p.expr[1] and table.concat(p.expr, " ") or nil
    return ctx:face("repl.console", text)
  end,
  exit_code = function(code)
    return code
  end,
}
