return {
  kind = "operation",
  name = "docs reference",
  summary = "Write docs/reference from the declarations of the commands",
  params = {
    out = { type = "path", default = "docs/reference", doc = "The folder to write" },
    check = { type = "bool", default = false, doc = "Write nothing; fail when a page is stale" },
  },
  result = { columns = { "dir", "written", "removed" } },
  run = function(_, p)
    local docs = require("prov.docs")
    local pages = require("prov.docs.reference").pages()
    if p.check then
      return docs.check(p.out, pages)
    end
    return docs.write(p.out, pages, ".md")
  end,
}
