--- Files over SSH: written beside and renamed, checked by SHA-256 both ways. The methods upload and
-- download of a session of prov.ssh.

local async = require("prov.async")
local err = require("prov.err")
local net = require("core.net")
local uv = require("luv")

local M = {}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

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
function M.upload(self, what, remote, options)
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
function M.download(self, remote, options)
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

return M
