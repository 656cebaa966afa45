return {
  kind = "operation",
  name = "repl",
  summary = "Type Lua with every operation at hand",
  description = [[
`plan()`, `server.show("web-1")`, `state.list{}`: each operation is a function that takes its
parameters as a table, or its positional ones in order, and returns its value (`prov.plan()` is the
same, when a variable of yours has the name). `infra` is what is declared: `infra.servers.web.count = 3`
changes it in no file, and `plan()` shows what that would do. A line that begins with `:` is a command
line (`:server list`), `?name` is help. The workspace is `ws`, the last value `_`. `?` lists what there
is. Ctrl-C ends what runs, Ctrl-D leaves. `prov eval` and `prov run` are the same without a person.]],
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
