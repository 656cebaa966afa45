--- SSH: connections, commands, files, keys. Everything suspends the running task, nothing
-- blocks, and a cancelled task takes its command or connection with it.

local async = require("prov.async")
local err = require("prov.err")
local net = require("core.net")

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
---@field timeout? integer ms
---@field max_output? integer bytes of both streams; 64 MiB, no limit with on_stdout
---@field on_stdout? fun(bytes: string) takes the output instead of the result
---@field on_stderr? fun(bytes: string)

---@class prov.ssh.Result
---@field code? integer nil when a signal ended the command
---@field signal? string
---@field stdout string
---@field stderr string

--- Runs a command in a channel of its own.
---@async
---@param command string for the login shell of the far side
---@param options? prov.ssh.ExecOptions
---@return prov.ssh.Result?, prov.Err?
function Session:exec(command, options)
  if self:closed() then
    return err.fail("closed", "ssh: the session is closed")
  end
  local o = options or {}
  local on_data, kept
  if o.on_stdout or o.on_stderr then
    kept = { {}, {} }
    on_data = function(bytes, is_stderr)
      local fn = is_stderr and o.on_stderr or not is_stderr and o.on_stdout
      if fn then
        fn(bytes)
      else
        local list = kept[is_stderr and 2 or 1]
        list[#list + 1] = bytes
      end
    end
  end
  local request = {
    command = command,
    stdin = o.stdin,
    timeout = o.timeout,
    max_output = o.max_output,
  }
  local result, e = wait(function(cb)
    return self.handle:exec(request, cb, on_data)
  end, function(handle)
    handle:cancel()
  end)
  if result and kept then
    result.stdout, result.stderr = table.concat(kept[1]), table.concat(kept[2])
  end
  return result, e
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

local UPLOAD = [[umask 077
t=%s.prov-$$
trap 'rm -f -- "$t"' EXIT
cat > "$t" || exit 74
h=$(sha256sum < "$t") || exit 74
[ "${h%%%% *}" = %s ] || { echo "checksum differs after the transfer" >&2; exit 75; }
chmod %s -- "$t" && mv -f -- "$t" %s]]

--- Writes a file on the far side: into a temporary file beside it, checked by SHA-256, then
-- renamed over it, so that nobody ever sees half of it.
---@async
---@param bytes string
---@param remote string path
---@param options? { mode?: string|integer, timeout?: integer } mode: "0644" or 420
---@return true?, prov.Err?
function Session:upload(bytes, remote, options)
  local o = options or {}
  local mode = o.mode or "0644"
  if type(mode) == "number" then
    mode = ("%04o"):format(mode)
  end
  if not mode:match("^[0-7]+$") then
    error("upload: mode must be octal digits", 2)
  end
  local script = UPLOAD:format(quote(remote), net.sha256(bytes), mode, quote(remote))
  local result, e = self:exec(script, { stdin = bytes, timeout = o.timeout })
  if not result then
    return nil, e
  end
  if result.code ~= 0 then
    return err.fail("io", "upload to %s: %s", remote, (result.stderr:gsub("%s+$", "")))
  end
  return true
end

--- Reads a file of the far side.
---@async
---@param remote string path
---@param options? { max?: integer, timeout?: integer } max: bytes, 64 MiB
---@return string?, prov.Err?
function Session:download(remote, options)
  local o = options or {}
  local script = "cat -- " .. quote(remote) .. " && sha256sum < " .. quote(remote) .. " >&2"
  local result, e = self:exec(script, { timeout = o.timeout, max_output = o.max })
  if not result then
    return nil, e
  end
  if result.code ~= 0 then
    return err.fail("io", "download of %s: %s", remote, (result.stderr:gsub("%s+$", "")))
  end
  if result.stderr:match("^(%x+)") ~= net.sha256(result.stdout) then
    return err.fail("conflict", "download of %s: the file changed while it was read", remote)
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

return M
