std = "lua54"
max_line_length = 120
self = false -- methods of one interface need not all use self
exclude_files = { "build*/**" }
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["tests/support/*_cases.lua"] = { std = "+busted" }
files["tests/support/run_busted.lua"] = { globals = { "arg", "os" } }
files["lua/meta/**"] = { unused_args = false, ignore = { "241" } } -- stubs only
files["lua/prov/script.lua"] = { globals = { "arg" } }
files["workspaces/**/infra*"] = {
  read_globals = {
    "server", "network", "volume", "ssh_key", "placement_group", "taskserv", "module", "data", "fn", "var", "inputs",
    "import", "template", "file",
  },
}
