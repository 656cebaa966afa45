--- The servers of a workspace for people: found by any of their names, listed, reached, acted on.

local async = require("prov.async")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local settings = require("prov.settings")
local state_of = require("prov.state")
local suggest = require("prov.suggest")

local M = {}

--- What a person may call a server: its address, that without "server.", "web-1", its host name.
local function names_of(address, record)
  local short = address:gsub("^server%.", "")
  local state = record:state()
  return {
    address,
    short,
    (short:gsub('%["?([^%]"]*)"?%]', "-%1")),
    state.hostname or short,
    state.name or short,
    record.id or short,
  }
end

--- The servers' addresses as a person counts them: web[2] before web[10].
local function in_order(project)
  local addresses, sort_key = project:servers(), {}
  for _, address in ipairs(addresses) do
    sort_key[address] = address:gsub("%d+", function(digits)
      return ("%010d"):format(digits)
    end)
  end
  table.sort(addresses, function(a, b)
    return sort_key[a] < sort_key[b]
  end)
  return addresses
end

--- The record of the server called `name`.
---@param project prov.Project
---@param name string
---@return prov.Record?
---@return prov.Err?
function M.find(project, name)
  local found, all = {}, {}
  for _, address in ipairs(in_order(project)) do
    local record = project.state.records[address]
    all[#all + 1] = (address:gsub("^server%.", ""))
    for _, known in ipairs(names_of(address, record)) do
      if known == name then
        if known == address then -- nothing is more exact
          return record
        end
        found[#found + 1] = record
        break
      end
    end
  end
  if #found == 1 then
    return found[1]
  elseif #found > 1 then
    return err.fail("usage", "'%s' may be %s or %s", name, found[1].address, found[2].address)
  end
  local instances = {}
  for _, one in ipairs(all) do
    if one:match("^(.-)%[") == name then
      instances[#instances + 1] = one
    end
  end
  if instances[1] then
    return err.fail("usage", "'%s' is %d servers: %s", name, #instances, table.concat(instances, ", "))
  end
  return nil, suggest.unknown("server", name, all)
end

local function row_of(address, record, state)
  local ssh = state.ssh or {}
  return {
    name = state.hostname or state.name or (address:gsub("^server%.", "")),
    address = address,
    provider = record.provider,
    id = record.id,
    ip = state.ip,
    status = record.tainted and "half made" or state.status or "created",
    ssh = ssh.host and ("%s@%s:%d"):format(ssh.user or "root", ssh.host, ssh.port or 22) or nil,
  }
end

--- The state as the provider sees it now.
---@async
---@param project prov.Project
---@param record prov.Record
---@return table? state nil: it is gone
---@return prov.Err?
function M.live(project, record)
  return project.providers:call(record.provider, "server", "read", {
    address = record.address,
    key = record.key,
    recorded = record:state(),
  }, record.id)
end

--- All servers as rows; with `refresh` their states are asked for now, all at once.
---@async
---@param project prov.Project
---@param refresh? boolean
---@return table[]? rows
---@return prov.Err?
function M.list(project, refresh)
  local rows, addresses = {}, in_order(project)
  local ok, e = async.scope(function(scope)
    for i, address in ipairs(addresses) do
      local record = project.state.records[address]
      rows[i] = row_of(address, record, record:state())
      if refresh then
        scope:spawn(function()
          local state, failure = M.live(project, record)
          if failure then
            return nil, failure:wrap("read %s", address)
          end
          rows[i] = state and row_of(address, record, state) or rows[i]
          rows[i].status = state and rows[i].status or "gone"
          return true
        end)
      end
    end
    return true
  end)
  if not ok then
    return nil, e
  end
  return data.list(rows)
end

--- Everything known of one server.
---@param record prov.Record
---@return table
function M.show(record)
  local value = row_of(record.address, record, record:state())
  value.state, value.args = record:shown(), record:args()
  value.needs = data.list(record.needs)
  return value
end

--- Records a changed state of a server under the lock.
---@async
local function save(project, record, state, lock, what)
  local new = state_of.record({
    address = record.address,
    kind = record.kind,
    provider = record.provider,
    id = record.id,
    key = record.key,
    needs = record.needs,
    args_bytes = record.args_bytes,
    state = state,
    tainted = record.tainted,
  })
  if new.state_bytes == record.state_bytes then
    return true
  end
  local batch = state_of.writes(new, record)
  batch.message, batch.epoch = what .. " " .. record.address, lock.token
  return async.await(function(resume)
    return project.store:commit(batch, resume)
  end)
end

--- Runs "start", "stop" or "restart" on a server, and records the state after it.
---@async
---@param ctx prov.Ctx
---@param name string
---@param action "start"|"stop"|"restart"
---@return table? row
---@return prov.Err?
function M.act(ctx, name, action)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "try" }))
  local lock <close> = assert(project:begin("server " .. action))
  local record, e = M.find(project, name)
  if not record then
    return nil, e
  end
  local progress = ctx.ui.progress({ total = 1, what = action })
  progress:start(record.address, action)
  local ok
  ok, e = project.providers:call(record.provider, "server", "action_" .. action, {
    address = record.address,
    key = record.key,
    recorded = record:state(),
  }, record.id)
  if ok == nil and e then
    progress:fail(record.address, action, err.plain(e))
    progress:close()
    return nil, e:wrap("%s %s", action, record.address)
  end
  progress:done(record.address, action, {})
  progress:close()
  local state = assert(M.live(project, record))
  assert(save(project, record, state, lock, action))
  return row_of(record.address, record, state)
end

--- Runs a command on a server over SSH.
---@async
---@param ctx prov.Ctx
---@param name string
---@param command string for the shell there
---@param opts? { timeout: integer?, stdin: string? }
---@return { server: string, code: integer?, signal: string?, stdout: string, stderr: string }?
---@return prov.Err?
function M.exec(ctx, name, command, opts)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "no" }))
  local record, e = M.find(project, name)
  if not record then
    return nil, e
  end
  local session
  session, e = project.hosts:session(record.address)
  if not session then
    return nil, e
  end
  local stream = ctx.ui.stream
  local result
  result, e = session:exec(command, {
    timeout = opts and opts.timeout,
    stdin = opts and opts.stdin,
    on_stdout = stream and stream.out,
    on_stderr = stream and stream.err,
  })
  if not result then
    return nil, e:wrap("on %s", record.address)
  end
  return {
    server = record.address,
    code = result.code,
    signal = result.signal,
    stdout = result.stdout,
    stderr = result.stderr,
  }
end

local function private_file(dir, name, text)
  local path = dir .. "/" .. name
  local ok, e = fs.write_atomic(path, text, { mode = 384, sync = false }) -- 0600
  return ok and path, e
end

--- The command line of the system's ssh that reaches a server with its pinned host key.
---@param target table options of ssh.connect, from prov.hosts
---@param address string
---@param dir string private folder for the key and the known host
---@param command? string
---@return string[]? argv
---@return prov.Err?
function M.ssh_command(target, address, dir, command)
  local key, e = private_file(dir, "key", target.keys[1])
  if not key then
    return nil, e
  end
  if target.cert then
    local cert
    cert, e = private_file(dir, "key-cert.pub", target.cert) -- ssh finds it beside the key
    if not cert then
      return nil, e
    end
  end
  local known
  known, e = private_file(dir, "known_hosts", ("prov %s\n"):format(target.host_key))
  if not known then
    return nil, e
  end
  local argv = target.netns and { "nsenter", "--net=" .. target.netns, "--" } or {}
  for _, word in ipairs({
    settings.ssh.program, "-F", "none", "-i", key, "-p", tostring(target.port), "-l", target.user,
    "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" .. known, "-o", "StrictHostKeyChecking=yes",
    "-o", "HostKeyAlias=prov", "-o", "LogLevel=ERROR",
  }) do
    argv[#argv + 1] = word
  end
  if settings.ssh.jump ~= "" then
    table.move({ "-J", settings.ssh.jump }, 1, 2, #argv + 1, argv)
  end
  if target.compress then
    argv[#argv + 1] = "-C"
  end
  table.move(settings.ssh.options, 1, #settings.ssh.options, #argv + 1, argv)
  if command then
    argv[#argv + 1] = "-T"
  end
  argv[#argv + 1] = target.host
  if command then
    argv[#argv + 1] = command
  end
  if not target.host_key then
    return err.fail("unsupported", "%s has no recorded host key to check against", address)
  end
  return argv
end

--- An interactive session: the system's ssh on this terminal. Returns its exit code.
---@async
---@param ctx prov.Ctx
---@param name string
---@param command? string
---@return integer? code
---@return prov.Err?
function M.ssh(ctx, name, command)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "no" }))
  local record, e = M.find(project, name)
  if not record then
    return nil, e
  end
  local target
  target, e = project.hosts:target(record.address)
  if target and not target.host_key then -- the first connection keeps the key that answers
    local session
    session, e = project.hosts:session(record.address)
    target = session and project.hosts:target(record.address)
  end
  if not target then
    return nil, e
  end
  local dir = assert(fs.tempdir("prov-ssh"))
  local _ <close> = setmetatable({}, {
    __close = function()
      for _, file in ipairs({ "key", "key-cert.pub", "known_hosts" }) do
        os.remove(dir .. "/" .. file)
      end
      os.remove(dir)
    end,
  })
  local argv
  argv, e = M.ssh_command(target, record.address, dir, command)
  if not argv then
    return nil, e
  end
  local code
  code, e = require("prov.proc").foreground(argv)
  if not code and e.code == "notfound" then
    e.hint = "install openssh-client, or use prov server exec"
  end
  return code, e
end

return M
