--- SSH: connections, commands, files, keys. Everything suspends the running task, nothing
-- blocks, and a cancelled task takes its command or connection with it.

local async = require("prov.async")
local err = require("prov.err")
local files = require("prov.ssh_files")
local fs = require("prov.fs")
local net = require("core.net")
local settings = require("prov.settings")
local uv = require("luv")

local M = {}

---@class prov.ssh.Session
local Session = {}
Session.__index = Session

--- exec takes `converse`.
Session.converses = true

--- Calls start(cb), which returns a handle, and suspends until cb; stop(handle) on cancel.
local function wait(start, stop)
  return async.await(function(resume, on_cancel)
    local stopped = false
    local handle, refused = start(function(...)
      if not stopped then
        resume(...)
      end
    end)
    if not handle then
      return nil, refused
    end
    on_cancel(function()
      stopped = true
      stop(handle)
    end)
    return handle
  end)
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---@class prov.ssh.Options
---@field host string
---@field port? integer 22
---@field user? string root
---@field netns? string path of the network namespace to connect from
---@field host_key? string "ssh-ed25519 AAAA...": the only key accepted
---@field known_hosts? string file to check the host key against; ~/.ssh/known_hosts
---@field strict? boolean true; false: a host missing there is accepted and added
---@field keys? string[] private keys: PEM text or path
---@field cert? string certificate of one of the keys: text or path
---@field agent? boolean|string use the agent at SSH_AUTH_SOCK, or at this path
---@field jump? prov.ssh.Session connect through this session
---@field timeout? integer ms until logged in; 30 s
---@field keepalive? integer seconds of silence after which the server is probed; 15, 0: never
---@field compress? boolean ask for compression

--- Connects and logs in.
---@async
---@param options prov.ssh.Options
---@return prov.ssh.Session?, prov.Err?
function M.connect(options)
  local o = {}
  for key, value in pairs(options) do
    o[key] = value
  end
  if not o.host_key and not o.known_hosts and os.getenv("HOME") then
    local dir = os.getenv("HOME") .. "/.ssh"
    if o.strict == false then -- it is written then
      local ok, e = fs.mkdirp(dir, 448)
      if not ok then
        return nil, e
      end
    end
    o.known_hosts = dir .. "/known_hosts"
  end
  if o.agent then
    o.agent_socket = o.agent == true and os.getenv("SSH_AUTH_SOCK") or o.agent
    if o.agent_socket == true then
      return err.fail("invalid", "ssh: no agent: SSH_AUTH_SOCK is not set")
    end
  end
  if options.jump and options.jump:closed() then
    return err.fail("closed", "ssh %s: the jump session is closed", tostring(o.host))
  end
  o.jump = options.jump and options.jump.handle
  o.keepalive = o.keepalive or 15
  local handle
  local ok, e = wait(function(cb)
    local refused
    handle, refused = net.ssh_connect(o, cb)
    return handle, refused
  end, function()
    handle:close()
  end)
  if not ok then
    if handle then
      handle:close()
    end
    return nil, e
  end
  return setmetatable({ handle = handle }, Session)
end

---@class prov.ssh.ExecOptions
---@field stdin? string
---@field stdin_fd? integer an open regular file to send (after stdin); stays open
---@field timeout? integer ms
---@field max_output? integer bytes of both streams; else ssh.longest_output, no limit with on_stdout or on_stderr
---@field on_stdout? fun(bytes: string) takes the output instead of the result
---@field on_stderr? fun(bytes: string)
---@field converse? fun(bytes: string): string|false|nil, string? takes the first output; what it gives as soon as
--- it can is sent as the end of the input (false: nothing is), its second value is output not meant for it
---@field converse_timeout? integer ms until converse must have given something
---@field plain? boolean hand the command to the login shell untouched (for forced commands)

---@class prov.ssh.Result
---@field code? integer nil when a signal ended the command
---@field signal? string
---@field stdout string
---@field stderr string

-- OpenSSH does not pass signals on to commands of root, and goes on running what nobody
-- reads any more. So every command carries a mark in its environment by which a second one
-- can find and end it with all its children.
local REAP = [[for p in /proc/[0-9]*; do
grep -qsF %s "$p/environ" && kill -%s "${p#/proc/}"
done 2>/dev/null
:]]

local function new_mark()
  return "PROV_EXEC=" .. net.random_hex(16)
end


--- Ends everything that carries the mark, without waiting for it; Session:settle waits.
local function reap(self, mark)
  if self:closed() then
    return
  end
  local timeout = settings.ms(settings.ssh.reap_timeout)
  local running = self.handle:exec({ command = REAP:format(mark, "TERM"), timeout = timeout }, function()
    self.reaps = self.reaps - 1
    if self.reaps == 0 and self.on_settled then
      self.on_settled()
    end
  end)
  self.reaps = (self.reaps or 0) + (running and 1 or 0)
end

local function splitter(o)
  local kept = { {}, {} }
  return kept, function(bytes, is_stderr)
    if bytes == "" then
      return
    end
    local fn = is_stderr and o.on_stderr or not is_stderr and o.on_stdout
    if fn then
      fn(bytes)
    else
      local list = kept[is_stderr and 2 or 1]
      list[#list + 1] = bytes
    end
  end
end

--- Lets o.converse have the output until it gave the input. Returns the data callback, what wants
--- the handle, and what stops the timer.
local function conversation(o, on_data)
  local handle, timer
  local function stop()
    if timer then
      timer:close()
    end
    timer = nil
  end
  local talking = true
  local function data(bytes, is_stderr)
    if not talking or is_stderr then
      return on_data(bytes, is_stderr)
    end
    local answer, rest = o.converse(bytes)
    if answer ~= nil then
      talking = false
      stop()
      if answer then
        handle:write(answer)
      end
      handle:eof()
      on_data(rest or "", false)
    end
  end
  local function begin(made, expired)
    handle = made
    if o.converse_timeout then
      timer = uv.new_timer()
      timer:start(o.converse_timeout, 0, function()
        stop()
        handle:cancel()
        expired(err.fail("timeout", "ssh: no answer of the command after %.1f s", o.converse_timeout / 1000))
      end)
    end
  end
  return data, begin, stop
end

--- Runs a command in a channel of its own, with sh.
---@async
---@param command string
---@param options? prov.ssh.ExecOptions
---@return prov.ssh.Result?, prov.Err?
function Session:exec(command, options)
  if self:closed() then
    return err.fail("closed", "ssh: the session is closed")
  end
  local o = options or {}
  local on_data, kept, mark, begin, stop
  if o.on_stdout or o.on_stderr or o.converse then
    kept, on_data = splitter(o)
  end
  if o.converse then
    on_data, begin, stop = conversation(o, on_data)
  end
  if not o.plain then
    mark = new_mark()
    command = mark .. " exec sh -c " .. quote(command)
  end
  local request = {
    command = command,
    stdin = o.stdin,
    stdin_fd = o.stdin_fd,
    keep_stdin = o.converse ~= nil,
    timeout = o.timeout,
    max_output = o.max_output or not on_data and settings.ssh.longest_output or nil,
  }
  local result, e = wait(function(cb)
    local handle, refused = self.handle:exec(request, cb, on_data)
    if handle and begin then
      begin(handle, cb)
    end
    return handle, refused
  end, function(handle)
    handle:cancel()
    if stop then
      stop()
    end
    if mark then
      reap(self, mark)
    end
  end)
  if stop then
    stop()
  end
  if not result then
    if mark and (e.code == "timeout" or e.code == "limit") then
      reap(self, mark)
    end
    return nil, e
  end
  if kept then
    result.stdout, result.stderr = table.concat(kept[1]), table.concat(kept[2])
  end
  return result
end

--- True when no command can be run any more.
function Session:closed()
  return not self.handle:ready()
end

--- Waits until commands that were cancelled have been told to end.
---@async
function Session:settle()
  if (self.reaps or 0) > 0 then
    async.await(function(resume)
      self.on_settled = resume
      return true
    end)
    self.on_settled = nil
  end
end

--- Closes the connection; commands still running end with an error. May be called twice.
function Session:close()
  self.handle:close()
end

Session.__close = Session.close

---@class prov.ssh.Shell
local Shell = {}
Shell.__index = Shell

--- Keeps one `sh` running on the far side: a command through it costs a fork there, not a
-- channel and a login shell.
---@return prov.ssh.Shell
function Session:shell()
  return setmetatable({ session = self, turn = async.semaphore(1), count = 0 }, Shell)
end

local function shell_ended(self, why)
  local run = self.running
  self.handle, self.running = nil, nil
  if run then
    run.resume(nil, why)
  end
end

local function new_stream()
  return { parts = {}, size = 0, tail = "" }
end

--- Adds bytes; at the mark it cuts and returns the exit code.
local function stream_add(stream, bytes, mark)
  local seen = stream.tail .. bytes
  local from, _, code = seen:find(mark .. " (%d+)\n")
  stream.parts[#stream.parts + 1] = bytes
  stream.size = stream.size + #bytes
  stream.tail = seen:sub(-#mark - 12)
  if from then
    stream.text = table.concat(stream.parts):sub(1, stream.size - (#seen - from + 1))
    return tonumber(code)
  end
end

--- Takes output and ends the running command when its last lines have come on both streams.
local function shell_feed(self, bytes, is_stderr)
  local run = self.running
  if not run then
    return
  end
  local code = stream_add(is_stderr and run.stderr or run.stdout, bytes, run.mark)
  if code and not is_stderr then
    run.code = code
  end
  if run.stdout.text and run.stderr.text then
    self.running = nil
    run.resume({ code = run.code, stdout = run.stdout.text, stderr = run.stderr.text })
  elseif run.stdout.size + run.stderr.size > run.max then
    self:close()
    run.resume(err.fail("limit", "ssh: the command printed more than %d bytes", run.max))
  end
end

local function shell_open(self)
  if self.handle then
    return true
  end
  if self.session:closed() then
    return err.fail("closed", "ssh: the session is closed")
  end
  self.mark = new_mark()
  local handle, e
  handle, e = self.session.handle:exec({ command = self.mark .. " exec sh", keep_stdin = true }, function(result, why)
    if self.handle == handle then
      shell_ended(self, why or err.new("closed", "ssh: the shell ended with code " .. tostring(result.code)))
    end
  end, function(bytes, is_stderr)
    if self.handle == handle then
      shell_feed(self, bytes, is_stderr)
    end
  end)
  self.handle = handle
  return handle and true, e
end

--- Runs a command in the kept shell, in a subshell of its own and without standard input.
-- One runs at a time. After a timeout the shell is replaced.
---@async
---@param command string
---@param options? { timeout?: integer, max_output?: integer }
---@return prov.ssh.Result?, prov.Err?
function Shell:run(command, options)
  local o = options or {}
  local _ <close> = self.turn:acquire()
  local ok, e = shell_open(self)
  if not ok then
    return nil, e
  end
  self.count = self.count + 1
  local mark = ("prov-%d-%s"):format(self.count, self.mark:sub(11))
  local handle = self.handle
  local timer
  local result
  result, e = wait(function(cb)
    self.running = {
      mark = "\n" .. mark:gsub("%-", "%%-"),
      max = o.max_output or settings.ssh.longest_output,
      stdout = new_stream(),
      stderr = new_stream(),
      resume = cb,
    }
    if o.timeout then
      timer = uv.new_timer()
      timer:start(o.timeout, 0, function()
        self:close()
        cb(err.fail("timeout", "ssh: the command was not finished after %.1f s", o.timeout / 1000))
      end)
    end
    handle:write(
      ("(eval %s) </dev/null; printf '\\n%s %%d\\n' $?; printf '\\n%s 0\\n' >&2\n"):format(quote(command), mark, mark)
    )
    return handle
  end, function()
    self:close()
    if timer then
      timer:close()
    end
  end)
  if timer then
    timer:close()
  end
  return result, e
end

--- Ends the shell and what runs in it. The next run() starts a new one.
function Shell:close()
  local handle = self.handle
  self.handle, self.running = nil, nil
  if handle then
    handle:cancel()
    reap(self.session, self.mark)
  end
end

Shell.__close = Shell.close

Session.upload, Session.download = files.upload, files.download

--- Makes a key pair: type "ed25519" (default), "ecdsa" or "rsa".
---@param kind? string
---@param comment? string
---@return { private: string, public: string, fingerprint: string }?, prov.Err?
function M.keygen(kind, comment)
  return net.ssh_keygen(kind or "ed25519", comment)
end

--- The public key line of a private key as OpenSSH writes it (PROTOCOL.key), where it stands in clear.
---@param private string
---@param comment? string
---@return string?, prov.Err?
function M.public_of(private, comment)
  local body = private:match("%-%-%-%-%-BEGIN OPENSSH PRIVATE KEY%-%-%-%-%-(.-)%-%-%-%-%-END")
  local bytes = body and require("core.base").unbase64((body:gsub("%s", "")))
  local ok, _, _, _, n, blob = pcall(string.unpack, ">s4s4s4I4s4", bytes or "", #"openssh-key-v1\0" + 1)
  if not ok or n ~= 1 or bytes:sub(1, 15) ~= "openssh-key-v1\0" then
    return err.fail("corrupt", "this is no private key in the format of OpenSSH")
  end
  local kind = string.unpack(">s4", blob)
  return ("%s %s%s"):format(kind, require("core.base").base64(blob), comment and " " .. comment or "")
end

--- The fingerprint of a public key line: "SHA256:...".
---@param line string
---@return string?, prov.Err?
function M.fingerprint(line)
  return net.ssh_fingerprint(line)
end

return M
