-- One operation on a host whose connection is open: prov internal lua op.lua STATE.json KEY [TIMES]
-- STATE.json is what `prov state show server... -o json` prints, KEY the private key of the workspace.
-- Prints milliseconds: minimum, median, maximum of a bare command and of one op that changes nothing,
-- each in a channel of its own and in a shell that is kept.

local async = require("prov.async")
local fs = require("prov.fs")
local host = require("prov.host")
local json = require("prov.json")
local ssh = require("prov.ssh")
local uv = require("luv")

local state = assert(json.decode(assert(fs.read(arg[1])))).state
local times = tonumber(arg[3] or 200)

local function measure(name, fn)
  local took = {}
  for i = 1, times do
    local from = uv.hrtime()
    fn()
    took[i] = (uv.hrtime() - from) / 1e6
  end
  table.sort(took)
  print(("%-40s %6.2f %6.2f %6.2f ms"):format(name, took[1], took[(times + 1) // 2], took[times]))
end

async.run(function()
  local session <close> = assert(ssh.connect({
    host = state.ssh.host, port = state.ssh.port, user = state.ssh.user, netns = state.ssh.netns,
    host_key = state.ssh.host_key, keys = { arg[2] },
  }))
  local shell <close> = session:shell()
  local kept = {
    exec = function(_, _, opts)
      return shell:run(opts.stdin, { timeout = opts.timeout })
    end,
  }
  local file = { host.op.file { "/etc/hostname", text = assert(session:exec("cat /etc/hostname")).stdout } }
  local done = { host.op.exec { "true", creates = "/etc/hostname" } }
  local function run(over, ops)
    return function()
      local report = assert(host.run(over, ops))
      assert(report.ok == 1, "the op changed something")
    end
  end
  measure("command, own channel", function()
    assert(session:exec(":"))
  end)
  measure("command, kept shell", function()
    assert(shell:run(":"))
  end)
  measure("op.exec with creates, own channel", run(session, done))
  measure("op.exec with creates, kept shell", run(kept, done))
  measure("op.file, own channel", run(session, file))
  measure("op.file, kept shell", run(kept, file))
end)
