--- A process of its own that creates a network and a server, to be killed in the middle:
-- `prov internal lua local_creator.lua SCRATCH-FOLDER PORT BACKEND`.

package.path = os.getenv("PROV_ROOT") .. "/tests/?.lua;" .. package.path
local async = require("prov.async")
local driver = require("support.local_driver")

local scratch, port, backend = ...
local ok, e = async.run(function()
  local d = driver.open({ dir = scratch, name = "kill", config = { backend = backend } })
  local net = assert(d.create("network", "lan", {}, "key-net"))
  local ports = { { host = port, guest = 22 } }
  assert(d.create("server", "a", { network = net.id, image = "debian-12", ports = ports }, "key-a"))
  assert(d.create("server", "b", { network = net.id, image = "debian-12" }, "key-b"))
  return true
end)
if not ok then
  io.stderr:write(tostring(e), "\n")
  return 1
end
