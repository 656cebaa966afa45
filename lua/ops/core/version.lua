return {
  kind = "operation",
  name = "version",
  shortcuts = { "v" },
  summary = "Show the version of prov and of what it is built with",
  http = { method = "GET", path = "/v1/version" },
  result = { columns = { "prov", "lua", "libuv", "system", "machine", "program", "extensions" } },
  run = function()
    return require("prov.about").info()
  end,
}
