describe("provider local", function()
  if require("luv").getuid() ~= 0 then
    pending("needs root: servers are made of namespaces")
    return
  end
  local root = os.getenv("PROV_ROOT") or "."
  assert(loadfile(root .. "/tests/support/local_cases.lua", "t", _ENV))("namespaces") -- with what busted gives to specs
end)
