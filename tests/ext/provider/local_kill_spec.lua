describe("provider local, killed in mid-creation", function()
  if require("luv").getuid() ~= 0 then
    pending("needs root: servers are made of namespaces")
    return
  end
  local root = os.getenv("PROV_ROOT") or "."
  -- _ENV holds what busted gives to specs.
  assert(loadfile(root .. "/tests/support/local_kill_cases.lua", "t", _ENV))("namespaces")
end)
