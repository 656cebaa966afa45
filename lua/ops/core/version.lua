return {
  kind = "operation",
  name = "version",
  summary = "Show the version of prov and of what it is built with",
  result = { columns = { "prov", "lua", "libuv" } },
  run = function()
    local uv = require("luv")
    return {
      prov = require("core.app").version,
      lua = _VERSION:match("%d.*"),
      libuv = uv.version_string(),
      system = uv.os_uname().sysname .. " " .. uv.os_uname().release,
      machine = uv.os_uname().machine,
    }
  end,
}
