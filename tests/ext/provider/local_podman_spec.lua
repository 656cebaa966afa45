--- The same contract as local_spec.lua, with servers made by podman.

describe("provider local with podman", function()
  local obstacle = require("prov.machine.podman").obstacle()
  if obstacle then
    pending(("needs podman as root: %s"):format(obstacle))
    return
  end
  require("support.local_cases")("podman")
end)
