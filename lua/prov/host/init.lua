--- The host engine: recipes (lists of ops, as data) become one POSIX sh script that checks,
-- applies and reports each op, sent in one exec. The host needs sh and coreutils or busybox.
--
-- The script goes in by standard input, so nothing of it is on a command line of the host, and it
-- is read to its end before it starts, so nothing it runs can eat it.

local clock = require("prov.clock")
local compile = require("prov.host.compile")
local err = require("prov.err")
local quote = require("prov.host.quote")
local report = require("prov.host.report")
local settings = require("prov.settings")

local M = {}

--- The builder of ops that recipes get.
M.op = require("prov.host.op").op

-- Runs what comes on standard input, after `before`. A session runs a command with sh, so that
-- only another shell or another user costs further processes.
local function command_of(opts, before)
  local text = (before or "") .. 'eval "$(cat)"'
  if not opts.shell and not opts.sudo then
    return "LC_ALL=C; export LC_ALL\n" .. text
  end
  return ("exec %senv LC_ALL=C %s -c %s"):format(opts.sudo and "sudo -n " or "", opts.shell or "/bin/sh",
    quote.word(text))
end

--- The script of a recipe. Two compiles of the same ops differ in token and nonce only.
---@param ops table[]
---@param opts? table mode, name, diff, state as in M.run; token and nonce for a script that is always the same
---@return string? script
---@return prov.Err?
function M.compile(ops, opts)
  opts = opts or {}
  return compile.compile(ops, {
    mode = opts.mode, name = opts.name, diff = opts.diff, state = opts.state,
    token = opts.token or clock.random_hex(16),
    nonce = opts.nonce or clock.random_hex(16),
  })
end

---@class prov.HostRunOptions
---@field mode? "apply"|"check" check looks only; "apply" by default
---@field name? string whose pending restarts these are: the taskserv
---@field on_event? fun(event: table) { kind = "start"|"op", op = row } as it happens
---@field timeout? integer ms, host.recipe_timeout of the settings by default
---@field diff? boolean false leaves out the diffs
---@field sudo? boolean run as root by sudo
---@field shell? string /bin/sh by default
---@field state? string folder on the host for what is pending, /var/lib/prov by default

local function report_of(reader, result)
  if not reader.ended then
    return nil, reader:broken(result)
  end
  return reader:report()
end

local function compiled(ops, opts, token)
  return M.compile(ops, { mode = opts.mode, name = opts.name, diff = opts.diff, state = opts.state, token = token })
end

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
  local token = clock.random_hex(16)
  local reader = report.reader(ops, token, opts.on_event, opts.diff)
  if #ops == 0 then
    reader.ended = true
    return reader:report()
  end
  local script, e = compiled(ops, opts, token)
  if not script then
    return nil, e
  end
  local streamed = false
  local result
  result, e = session:exec(command_of(opts), {
    stdin = script,
    timeout = opts.timeout or settings.ms(settings.host.recipe_timeout),
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
  return report_of(reader, result)
end


-- What the script of a recipe is, once the facts are there: fills `run`, returns what to send.
local function answer(run, make, opts, out)
  local facts, ops, script
  facts, run.err = require("prov.host.facts").parse(out)
  if facts then
    run.facts = facts
    ops, run.err = make(facts)
  end
  if not ops then
    return false
  end
  local token = clock.random_hex(16)
  run.reader = report.reader(ops, token, opts.on_event, opts.diff)
  if #ops == 0 then
    run.reader.ended = true
    return false
  end
  script, run.err = compiled(ops, opts, token)
  return script or false
end

--- Gathers the facts, makes the ops from them and runs those, all in one exec where the session
-- can converse.
---@async
---@param session { exec: function }
---@param make fun(facts: table): table[]?, prov.Err? must not wait
---@param opts? prov.HostRunOptions
---@return prov.HostReport?
---@return prov.Err?
---@return table? facts
function M.meet(session, make, opts)
  opts = opts or {}
  if not session.converses then
    local facts, e = M.facts(session, { shell = opts.shell })
    if not facts then
      return nil, e
    end
    local ops
    ops, e = make(facts)
    if not ops then
      return nil, e, facts
    end
    local done
    done, e = M.run(session, ops, opts)
    return done, e, facts
  end
  local facts = require("prov.host.facts")
  local run, out = {}, ""
  local result, e = session:exec(command_of(opts, facts.BODY), {
    timeout = opts.timeout or settings.ms(settings.host.recipe_timeout),
    converse_timeout = settings.ms(settings.host.facts_timeout),
    converse = function(bytes)
      out = out .. bytes
      local _, last = out:find(facts.LAST, 1, true)
      if not last then
        return nil
      end
      local ok, script = xpcall(answer, debug.traceback, run, make, opts, out:sub(1, last))
      run.bug = not ok and script or nil
      return ok and script, out:sub(last + 1)
    end,
    on_stdout = function(bytes)
      if run.reader then
        run.reader:feed(bytes)
      end
    end,
  })
  if run.bug then
    error(run.bug, 0)
  elseif run.err or not result then
    return nil, run.err or e, run.facts
  elseif not run.reader then
    return err.fail("protocol", "the host gave no facts: %s", ((result.stderr or "") .. out):sub(1, 500))
  end
  local done
  done, e = report_of(run.reader, result)
  return done, e, run.facts
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
  local timeout = opts.timeout or settings.ms(settings.host.facts_timeout)
  local result, e = session:exec(command_of(opts), { stdin = facts.SCRIPT, timeout = timeout })
  if not result then
    return nil, e
  elseif result.code ~= 0 then
    return err.fail("failed", "facts: exit code %s: %s", tostring(result.code), (result.stderr or ""):sub(1, 500))
  end
  return facts.parse(result.stdout)
end

return M
