describe("provider local with podman, killed in mid-creation", function()
  local obstacle = require("prov.machine.podman").obstacle()
  if obstacle then
    pending(("needs podman as root: %s"):format(obstacle))
    return
  end
  require("support.local_kill_cases")("podman")
end)
