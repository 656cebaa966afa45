describe("provider local with podman, killed in mid-creation", function()
  local obstacle = require("prov.machine.podman").obstacle()
  if obstacle then
    pending(("needs podman as root: %s"):format(obstacle))
    return
  end
  local root = os.getenv("PROV_ROOT") or "."
  -- _ENV holds what busted gives to specs.
  assert(loadfile(root .. "/tests/support/local_kill_cases.lua", "t", _ENV))("podman")
end)
