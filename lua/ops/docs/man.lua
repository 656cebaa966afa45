return {
  kind = "operation",
  name = "docs man",
  summary = "Write the man pages",
  params = {
    out = { type = "path", required = true, doc = "The folder to write, such as share/man/man1" },
  },
  result = { columns = { "dir", "written", "removed" } },
  run = function(_, p)
    return require("prov.docs").write(p.out, require("prov.docs.man").pages(), ".1")
  end,
}
