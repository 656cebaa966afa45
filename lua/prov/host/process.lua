--- This machine, or another root or namespace of it, as a host: a session like prov.ssh's whose
-- commands run as local processes.

local proc = require("prov.proc")

local M = {}

local Session = {}
Session.__index = Session

--- Makes a session. The prefix is put before `sh -c COMMAND`, such as { "chroot", "/srv/root" }.
---@param prefix? string[]
---@return table session
function M.session(prefix)
  return setmetatable({ prefix = prefix or {} }, Session)
end

--- Runs a command as ssh's session does.
---@async
function Session:exec(command, opts)
  opts = opts or {}
  local run = { table.unpack(self.prefix) }
  table.move({ "/bin/sh", "-c", command }, 1, 3, #run + 1, run)
  run.stdin, run.timeout, run.max_output = opts.stdin or "", opts.timeout, opts.max_output
  run.on_stdout, run.on_stderr = opts.on_stdout, opts.on_stderr
  return proc.run(run)
end

function Session.close() end

function Session.closed()
  return false
end

return M
