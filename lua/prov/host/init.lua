--- The host engine: recipes (lists of ops, as data) become one POSIX sh script that checks,
-- applies and reports each op, sent in one exec. The host needs sh and coreutils or busybox.
--
-- The script goes in by standard input, so nothing of it is on a command line of the host, and it
-- is read to its end before it starts, so nothing it runs can eat it.

local compile = require("prov.host.compile")
local err = require("prov.err")
local report = require("prov.host.report")
local uv = require("luv")

local M = {}

--- The builder of ops that recipes get.
M.op = require("prov.host.op").op

local function random_hex()
  return (assert(uv.random(16)):gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

-- The login shell of the user may be anything; this line means the same in all of them.
local function command_of(opts)
  local shell = opts.shell or "/bin/sh"
  return ("exec %senv LC_ALL=C %s -c 'eval \"$(cat)\"'"):format(opts.sudo and "sudo -n " or "", shell)
end

--- The script of a recipe. Two compiles of the same ops differ in token and nonce only.
---@param ops table[]
---@param opts? table mode, name, diff, state as in M.run; token and nonce for a script that is always the same
---@return string? script
---@return prov.Err?
function M.compile(ops, opts)
  opts = opts or {}
  return compile.compile(ops, {
    mode = opts.mode, name = opts.name, diff = opts.diff, state = opts.state, token = opts.token or random_hex(),
    nonce = opts.nonce or random_hex(),
  })
end

---@class prov.HostRunOptions
---@field mode? "apply"|"check" check looks only; "apply" by default
---@field name? string whose pending restarts these are: the taskserv
---@field on_event? fun(event: table) { kind = "start"|"op", op = row } as it happens
---@field timeout? integer ms, half an hour by default
---@field diff? boolean false leaves out the diffs
---@field sudo? boolean run as root by sudo
---@field shell? string /bin/sh by default
---@field state? string folder on the host for what is pending, /var/lib/prov by default

--- Runs a recipe on a host in one exec. A failed op is in the report (failed > 0), the ops after
-- it are "skipped". nil, err means that the report is not whole: no connection, timeout.
---@async
---@param session { exec: function } an SSH session, or prov.host.process
---@param ops table[]
---@param opts? prov.HostRunOptions
---@return prov.HostReport?
---@return prov.Err?
function M.run(session, ops, opts)
  opts = opts or {}
  local token = random_hex()
  local reader = report.reader(ops, token, opts.on_event, opts.diff)
  if #ops == 0 then
    reader.ended = true
    return reader:report()
  end
  local script, e = M.compile(ops, {
    mode = opts.mode, name = opts.name, diff = opts.diff, state = opts.state, token = token,
  })
  if not script then
    return nil, e
  end
  local streamed = false
  local result
  result, e = session:exec(command_of(opts), {
    stdin = script,
    timeout = opts.timeout or 1800000,
    on_stdout = function(bytes)
      streamed = true
      reader:feed(bytes)
    end,
  })
  if not result then
    return nil, e
  end
  if not streamed and result.stdout then
    reader:feed(result.stdout)
  end
  if not reader.ended then
    return nil, reader:broken(result)
  end
  return reader:report()
end

--- What a host is: gathered in one exec.
---@async
---@param session { exec: function }
---@param opts? { timeout: integer?, shell: string? }
---@return table? facts
---@return prov.Err?
function M.facts(session, opts)
  local facts = require("prov.host.facts")
  opts = opts or {}
  local result, e = session:exec(command_of(opts), { stdin = facts.SCRIPT, timeout = opts.timeout or 30000 })
  if not result then
    return nil, e
  elseif result.code ~= 0 then
    return err.fail("failed", "facts: exit code %s: %s", tostring(result.code), (result.stderr or ""):sub(1, 500))
  end
  return facts.parse(result.stdout)
end

return M
