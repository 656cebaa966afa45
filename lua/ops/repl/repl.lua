return {
  kind = "operation",
  name = "repl",
  summary = "Type Lua with every operation at hand",
  description = [[
`prov.plan()`, `prov.server.show("web-1")`, `prov.state.list{}`: each operation is a function that
takes its parameters as a table, or its positional ones in order, and returns its value. A line that
begins with `:` is a command line (`:server list`). The workspace is `ws`, the last value `_`.
`help()` lists what there is. Ctrl-D leaves.]],
  terminal = true,
  result = {},
  view = "silent",
  run = function(ctx)
    return ctx:face("repl")
  end,
  exit_code = function(code)
    return code
  end,
}
