return {
  kind = "operation",
  name = "eval",
  summary = "Print the value of a Lua expression, with every operation at hand",
  description = [[
What can be typed in `prov repl`, from a script: `prov eval 'server.list{}' -o json`,
`prov eval '#state.list{}'`. Several words are one line. What an operation gives is printed as that
operation prints it.]],
  params = {
    expr = {
      type = "list",
      of = { type = "string" },
      required = true,
      positional = 1,
      metavar = "expression",
      doc = "Lua",
    },
  },
  terminal = true,
  result = {},
  view = "silent",
  run = function(ctx, p)
    return ctx:face("repl.script", "eval", table.concat(p.expr, " "))
  end,
}
