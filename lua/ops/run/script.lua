return {
  kind = "operation",
  name = "run",
  summary = "Run a Lua script, with every operation at hand",
  description = [[
The script sees what `prov repl` sees: operations as functions (`plan()`, `server.list{}`), `infra`, `ws`, and all of
Lua. Its arguments are in `arg` and `...`. An error ends it with exit code 1 and says file and line; `os.exit(N)` ends
it with N.]],
  params = {
    script = { type = "path", required = true, positional = 1, doc = "The file" },
    args = { type = "list", of = { type = "string" }, positional = 2, metavar = "argument", doc = "For the script" },
  },
  terminal = true,
  result = {},
  view = "silent",
  run = function(ctx, p)
    return ctx:face("repl.script", "file", p.script, p.args or {})
  end,
}
