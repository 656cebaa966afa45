--- queue_dump.lua FOLDER: what the queue in an orchestrator's folder holds, a line for each row, with a hash of its
-- value.

local dir = ...
local status = 1

require("prov.async").run(function()
  local store <close>, e = require("prov.custody").open_store(dir .. "/queue.mdb", dir .. "/key", "queue")
  if not store then
    print("does not open: " .. tostring(e))
    return true
  end
  for _, space in ipairs({ "job", "ready", "delayed", "running", "request", "event" }) do
    for _, row in ipairs(assert(store:scan(space))) do
      print(space, (row[1]:gsub("%z", "|")), require("core.crypto").sha256(row[2]))
    end
  end
  status = 0
  return true
end)
os.exit(status)
