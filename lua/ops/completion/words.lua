return {
  kind = "operation",
  name = "complete",
  hidden = true,
  summary = "Print what may follow a part of a command line, one word and its description per line",
  description = "For the scripts of `prov completion`. A line ':files' asks the shell for file names.",
  params = {
    words = { type = "list", of = { type = "string" }, positional = 1, raw = true, doc = "The words behind prov" },
  },
  result = {},
  view = "text",
  run = function(ctx, p)
    return require("prov.complete").text(ctx, p.words or {})
  end,
}
