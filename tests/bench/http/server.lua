--- What run.sh measures of prov: a handler in Lua, in a task for every request.
--   prov internal lua server.lua PORT

local async = require("prov.async")
local http_server = require("prov.http_server")
local uv = require("luv")

async.run(function()
  local json = { ["Content-Type"] = "application/json" }
  assert(http_server.listen({ port = tonumber(arg[1]), limits = { per_address = 2000 } }, function(request)
    request:respond(200, json, '{"status":"ok"}')
  end))
  local term = uv.new_signal()
  async.await(function(resume)
    return term:start("sigterm", resume)
  end)
  term:close()
  local usage, rss = uv.getrusage(), uv.resident_set_memory()
  io.stderr:write(("%.3f %d\n"):format(usage.utime.sec + usage.stime.sec + (usage.utime.usec + usage.stime.usec) / 1e6,
    rss // 1024))
  return true
end)
