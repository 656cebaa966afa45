return {
  kind = "operation",
  name = "version",
  shortcuts = { "v" },
  summary = "Show the version of prov and of what it is built with",
  http = { method = "GET", path = "/v1/version" },
  result = {
    columns = { "prov", "lua", "libuv", "system", "machine", "program", "extensions" },
    schema = {
      prov = { type = "string", required = true, doc = "Version of prov" },
      lua = { type = "string", required = true, doc = "Version of Lua" },
      libuv = { type = "string", required = true, doc = "Version of libuv" },
      system = { type = "string", required = true, doc = "Operating system" },
      machine = { type = "string", required = true, doc = "Processor" },
      program = { type = "string", required = true, doc = "The program's file" },
      extensions = { type = "string", doc = "Folder of the extensions that came with it" },
    },
  },
  run = function()
    return require("prov.about").info()
  end,
}
