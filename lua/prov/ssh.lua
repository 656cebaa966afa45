--- SSH: connections, commands, files, keys. Everything suspends the running task, nothing
-- blocks, and a cancelled task takes its command or connection with it.

local async = require("prov.async")
local err = require("prov.err")
local net = require("core.net")
local uv = require("luv")

local M = {}

---@class prov.ssh.Session
local Session = {}
Session.__index = Session

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
    o.known_hosts = os.getenv("HOME") .. "/.ssh/known_hosts"
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
---@field max_output? integer bytes of both streams; 64 MiB, no limit with on_stdout or on_stderr
---@field on_stdout? fun(bytes: string) takes the output instead of the result
---@field on_stderr? fun(bytes: string)
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

--- Ends everything that carries the mark, without waiting for it.
local function reap(self, mark)
  if self:closed() then
    return
  end
  local function ignore() end
  self.handle:exec({ command = REAP:format(mark, "TERM"), timeout = 10000 }, ignore)
end

local function splitter(o)
  local kept = { {}, {} }
  return kept, function(bytes, is_stderr)
    local fn = is_stderr and o.on_stderr or not is_stderr and o.on_stdout
    if fn then
      fn(bytes)
    else
      local list = kept[is_stderr and 2 or 1]
      list[#list + 1] = bytes
    end
  end
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
  local on_data, kept, mark
  if o.on_stdout or o.on_stderr then
    kept, on_data = splitter(o)
  end
  if not o.plain then
    mark = new_mark()
    command = mark .. " exec sh -c " .. quote(command)
  end
  local request = {
    command = command,
    stdin = o.stdin,
    stdin_fd = o.stdin_fd,
    timeout = o.timeout,
    max_output = o.max_output,
  }
  local result, e = wait(function(cb)
    return self.handle:exec(request, cb, on_data)
  end, function(handle)
    handle:cancel()
    if mark then
      reap(self, mark)
    end
  end)
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
      max = o.max_output or 64 << 20,
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

local UPLOAD = [[umask 077
t=%s.prov-$$
trap 'rm -f -- "$t"' EXIT
trap 'exit 129' HUP INT TERM
trap '' PIPE
cat > "$t" || exit 74
h=$(sha256sum < "$t") || exit 74
[ "${h%%%% *}" = %s ] || { echo "checksum differs after the transfer" >&2; exit 75; }
chmod %s -- "$t" && mv -f -- "$t" %s]]

--- Opens a local file and takes its digest. The caller closes the descriptor.
local function open_local(path)
  local fd, text = uv.fs_open(path, "r", 0)
  if not fd then
    return nil, err.uv(text, "upload of %s", path)
  end
  local digest, e = async.await(function(resume)
    return net.sha256_file(fd, resume)
  end)
  if not digest then
    uv.fs_close(fd)
    return nil, e:wrap("upload of %s", path)
  end
  return fd, digest
end

local function failed(what, remote, result)
  local text = result.stderr:gsub("%s+$", "")
  local code = text:find("No space left", 1, true) and "limit"
    or text:find("Permission denied", 1, true) and "denied"
    or (text:find("No such file", 1, true) or text:find("nonexistent", 1, true)) and "notfound"
    or "io"
  if text == "" then
    text = "it ended with " .. tostring(result.code or result.signal)
  end
  return err.fail(code, "%s %s: %s", what, remote, text)
end

--- Writes a file on the far side: into a temporary file beside it, checked by SHA-256, then
-- renamed over it, so that nobody ever sees half of it.
---@async
---@param what string|{ path: string } the bytes, or a local file
---@param remote string path
---@param options? { mode?: string|integer, timeout?: integer } mode: "0644" (default) or 420
---@return true?, prov.Err?
function Session:upload(what, remote, options)
  local o = options or {}
  local mode = o.mode or "0644"
  if type(mode) == "number" then
    mode = ("%04o"):format(mode)
  end
  if not mode:match("^[0-7]+$") then
    error("upload: mode must be octal digits", 2)
  end
  local request = { timeout = o.timeout }
  local digest, e
  local _ <close> = setmetatable({}, {
    __close = function()
      if request.stdin_fd then
        uv.fs_close(request.stdin_fd)
      end
    end,
  })
  if type(what) == "table" then
    request.stdin_fd, digest = open_local(what.path)
    if not request.stdin_fd then
      return nil, digest
    end
  else
    request.stdin, digest = what, net.sha256(what)
  end
  local result
  result, e = self:exec(UPLOAD:format(quote(remote), digest, mode, quote(remote)), request)
  if not result then
    return nil, e
  end
  if result.code ~= 0 then
    return failed("upload to", remote, result)
  end
  return true
end

local DOWNLOAD = [[exec 3< %s || exit 74
cat <&3 || exit 74
sha256sum < %s >&2]]

--- Receives into a temporary file beside `path`; returns what to call with the outcome.
local function receive(path)
  local temporary = ("%s.prov-%s"):format(path, net.random_hex(8))
  local fd, text = uv.fs_open(temporary, "wx+", tonumber("600", 8))
  if not fd then
    return nil, err.uv(text, "download to %s", path)
  end
  local sink = { size = 0 }
  function sink.write(bytes)
    local ok, why = uv.fs_write(fd, bytes, -1)
    if not ok or ok < #bytes then
      sink.failure = sink.failure or err.uv(why or "ENOSPC: no space left", "download to %s", path)
    end
  end
  function sink.digest()
    return async.await(function(resume)
      return net.sha256_file(fd, resume)
    end)
  end
  function sink.keep()
    uv.fs_fsync(fd)
    uv.fs_close(fd)
    fd = nil
    local ok, why = uv.fs_rename(temporary, path)
    return ok, not ok and err.uv(why, "download to %s", path) or nil
  end
  return setmetatable(sink, {
    __close = function()
      if fd then
        uv.fs_close(fd)
        uv.fs_unlink(temporary)
      end
    end,
  })
end

--- Reads a file of the far side, checked by SHA-256: returns its bytes, or writes it to the
-- local file `path` (0600, renamed into place when complete) and returns true.
---@async
---@param remote string path
---@param options? { path?: string, max?: integer, timeout?: integer } max: bytes; 64 MiB without path
---@return string|true|nil, prov.Err?
function Session:download(remote, options)
  local o = options or {}
  local sink, digest, e
  if o.path then
    sink, e = receive(o.path)
    if not sink then
      return nil, e
    end
  end
  local _ <close> = sink
  local result
  result, e = self:exec(DOWNLOAD:format(quote(remote), quote(remote)), {
    timeout = o.timeout,
    max_output = o.max and o.max + 256,
    on_stdout = sink and sink.write,
  })
  if not result then
    return nil, e
  end
  if result.code ~= 0 then
    return failed("download of", remote, result)
  end
  if sink and sink.failure then
    return nil, sink.failure
  end
  if sink then
    digest, e = sink.digest()
  else
    digest = net.sha256(result.stdout)
  end
  if not digest then
    return nil, e
  end
  if result.stderr:match("^(%x+)") ~= digest then
    return err.fail("conflict", "download of %s: the file changed while it was read", remote)
  end
  if sink then
    return sink.keep()
  end
  return result.stdout
end

--- Makes a key pair: type "ed25519" (default), "ecdsa" or "rsa".
---@param kind? string
---@param comment? string
---@return { private: string, public: string, fingerprint: string }?, prov.Err?
function M.keygen(kind, comment)
  return net.ssh_keygen(kind or "ed25519", comment)
end

--- The fingerprint of a public key line: "SHA256:...".
---@param line string
---@return string?, prov.Err?
function M.fingerprint(line)
  return net.ssh_fingerprint(line)
end

return M
