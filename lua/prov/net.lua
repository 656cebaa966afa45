--- Is a TCP port there? For waiting until a machine or a service has come up.

local async = require("prov.async")
local err = require("prov.err")
local net = require("core.net")
local uv = require("luv")

local M = {}

---@class prov.net.Probe
---@field host string
---@field port integer
---@field netns? string path of the network namespace to connect from
---@field timeout? integer ms; 5 s
---@field banner? boolean also read the first line the server sends

--- Connects once. Returns the banner ("" when none was asked for).
---@async
---@param options prov.net.Probe
---@return string?, prov.Err?
function M.probe(options)
  return async.await(function(resume, on_cancel)
    local stopped = false
    local handle, refused = net.probe(options, function(...)
      if not stopped then
        resume(...)
      end
    end)
    if handle then
      on_cancel(function()
        stopped = true
        handle:cancel()
      end)
    end
    return handle, refused
  end)
end

--- Probes again and again until the port answers or `timeout` (ms) is over.
---@async
---@param options prov.net.Probe|{ every?: integer } every: ms between two tries, 50
---@return string?, prov.Err?
function M.wait(options)
  local deadline = uv.hrtime() // 1000000 + (options.timeout or 30000)
  while true do
    local left = deadline - uv.hrtime() // 1000000
    local banner, e = M.probe({
      host = options.host,
      port = options.port,
      netns = options.netns,
      banner = options.banner,
      timeout = math.max(1, math.min(left, 2000)),
    })
    if banner then
      return banner
    end
    if e.code ~= "unavailable" and e.code ~= "timeout" then
      return nil, e
    end
    left = deadline - uv.hrtime() // 1000000
    if left <= 0 then
      return err.fail("timeout", "%s port %d did not answer in %.1f s: %s", options.host, options.port,
        (options.timeout or 30000) / 1000, e:text())
    end
    async.sleep(math.max(1, math.min(options.every or 50, left)))
  end
end

return M
