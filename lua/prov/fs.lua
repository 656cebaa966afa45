--- Files and folders of this machine.
--
-- Everything returns `value` or `nil, err`. Reading and looking is done at once (it takes
-- microseconds and works outside of a task too); what may take long (fsync, removing a tree,
-- waiting for a lock) suspends the running task, and blocks when there is none.

local async = require("prov.async")
local err = require("prov.err")
local linux = require("core.linux")
local uv = require("luv")

local M = {}

local MAX_READ = 64 * 1024 * 1024
local UPDATE_WAIT = 10000
local counter = 0

--- Calls uv.<name>(...): in the thread pool inside of a task, at once outside and where a cancelled task cleans
--- up, for that must not wait.
local function call(name, ...)
  local task = async.running()
  if not task or task.closing then
    return uv[name](...)
  end
  local args = table.pack(...)
  return async.await(function(resume)
    args[args.n + 1] = function(e, value)
      if e then
        resume(nil, e)
      else
        resume(value == nil and true or value)
      end
    end
    return uv[name](table.unpack(args, 1, args.n + 1))
  end)
end

--- Reads a whole file.
---@param path string
---@param opts? { max: integer? } largest size, 64 MiB by default
---@return string? bytes
---@return prov.Err?
function M.read(path, opts)
  local max = opts and opts.max or MAX_READ
  local fd, e = uv.fs_open(path, "r", 0)
  if not fd then
    return nil, err.uv(e, "cannot read %s", path)
  end
  local _ <close> = setmetatable({}, {
    __close = function()
      uv.fs_close(fd)
    end,
  })
  local parts, size = {}, 0
  while true do
    local data
    data, e = uv.fs_read(fd, 65536, -1)
    if not data then
      return nil, err.uv(e, "cannot read %s", path)
    end
    if data == "" then
      return table.concat(parts)
    end
    size = size + #data
    if size > max then
      return err.fail("limit", "%s is larger than %d bytes", path, max)
    end
    parts[#parts + 1] = data
  end
end

local function write_all(fd, bytes)
  local at = 1
  while at <= #bytes do
    local n, e = uv.fs_write(fd, at == 1 and bytes or bytes:sub(at), -1)
    if not n then
      return nil, e
    end
    at = at + n
  end
  return true
end

--- Makes a file, or the names in a folder, survive a power failure.
---@async
---@param path string
---@return true?
---@return prov.Err?
function M.sync(path)
  local fd, e = uv.fs_open(path, "r", 0)
  if not fd then
    return nil, err.uv(e, "cannot sync %s", path)
  end
  local _ <close> = setmetatable({}, {
    __close = function()
      uv.fs_close(fd)
    end,
  })
  local ok
  ok, e = call("fs_fsync", fd)
  if not ok and not tostring(e):find("^EINVAL") then -- some file systems cannot sync a folder
    return nil, err.uv(e, "cannot sync %s", path)
  end
  return true
end

--- True for what must not become a file: a device, a pipe, /dev/stdout.
---@param path string
---@return boolean
function M.is_stream(path)
  local stat = uv.fs_stat(path)
  return stat ~= nil and stat.type ~= "file" and stat.type ~= "directory"
    or path:find("^/dev/") ~= nil and (uv.fs_lstat(path) or {}).type == "link"
end

local function write_stream(path, bytes)
  local fd, e = uv.fs_open(path, "a", 0)
  local ok
  if fd then
    ok, e = write_all(fd, bytes)
    uv.fs_close(fd)
  end
  if not ok then
    return nil, err.uv(e, "cannot write %s", path)
  end
  return true
end

--- Writes a file so that a reader or a crash sees the old bytes or the new ones, nothing between. What is no file, such
--- as /dev/stdout, is written to.
---@async
---@param path string
---@param bytes string
---@param opts? { mode: integer?, sync: boolean?, owner: { uid: integer, gid: integer }? } mode 0644 by default (octal:
--- 420); sync=false leaves out fsync
---@return true?
---@return prov.Err?
function M.write_atomic(path, bytes, opts)
  if M.is_stream(path) then
    return write_stream(path, bytes)
  end
  counter = counter + 1
  local mode, sync = opts and opts.mode or 420, not (opts and opts.sync == false)
  local temp = ("%s.%d-%d.tmp"):format(path, uv.os_getpid(), counter)
  local fd, e = uv.fs_open(temp, "wx", mode)
  if not fd then
    return nil, err.uv(e, "cannot write %s", path)
  end
  local kept = false
  local _ <close> = setmetatable({}, {
    __close = function()
      if fd then
        uv.fs_close(fd)
      end
      if not kept then
        uv.fs_unlink(temp)
      end
    end,
  })
  local ok
  if opts and opts.owner then
    uv.fs_fchown(fd, opts.owner.uid, opts.owner.gid) -- only root may; for anybody else it is theirs then
  end
  ok, e = uv.fs_fchmod(fd, mode) -- whatever the umask says
  if ok then
    ok, e = write_all(fd, bytes)
  end
  if ok and sync then
    ok, e = call("fs_fsync", fd)
  end
  if ok then
    ok, e = uv.fs_rename(temp, path)
  end
  if not ok then
    return nil, err.uv(e, "cannot write %s", path)
  end
  kept = true
  if sync then
    M.sync(path:match("^(.*)/[^/]*$") or ".")
  end
  return true
end

--- Makes a folder and the folders above it; one that is there is fine.
---@param path string
---@param mode? integer 0755 by default (octal: 493)
---@return true?
---@return prov.Err?
function M.mkdirp(path, mode)
  local ok, e = uv.fs_mkdir(path, mode or 493)
  if ok then
    return true
  end
  if tostring(e):find("^ENOENT") then
    local above = path:match("^(.*[^/])/+[^/]+/*$")
    if above then
      local made, why = M.mkdirp(above, mode)
      if not made then
        return nil, why
      end
      ok, e = uv.fs_mkdir(path, mode or 493)
      if ok then
        return true
      end
    end
  end
  local stat = uv.fs_stat(path)
  if stat and stat.type == "directory" then
    return true
  end
  return nil, err.uv(e, "cannot make the folder %s", path)
end

--- Names in a folder, sorted, each `{ name, type }` (type "file", "directory", "link", ...).
---@param path string
---@return { name: string, type: string }[]?
---@return prov.Err?
function M.list(path)
  local dir, e = uv.fs_scandir(path)
  if not dir then
    return nil, err.uv(e, "cannot list %s", path)
  end
  local rows = {}
  while true do
    local name, kind = uv.fs_scandir_next(dir)
    if not name then
      break
    end
    if kind == nil or kind == "unknown" then -- some file systems do not tell
      local stat = uv.fs_lstat(path .. "/" .. name)
      kind = stat and stat.type or "unknown"
    end
    rows[#rows + 1] = { name = name, type = kind }
  end
  table.sort(rows, function(a, b)
    return a.name < b.name
  end)
  return rows
end

--- Type, size, mode (permission bits), mtime (seconds), uid and gid; nil when there is nothing.
---@param path string
---@param opts? { link: boolean? } link=true looks at a symbolic link itself
---@return { type: string, size: integer, mode: integer, mtime: number, uid: integer, gid: integer, ino: integer }?
---@return prov.Err?
function M.stat(path, opts)
  local stat, e = (opts and opts.link and uv.fs_lstat or uv.fs_stat)(path)
  if not stat then
    local name = tostring(e):match("^(E%u+)")
    if name == "ENOENT" or name == "ENOTDIR" then
      return nil
    end
    return nil, err.uv(e, "cannot look at %s", path)
  end
  return {
    type = stat.type,
    size = stat.size,
    mode = stat.mode & 4095,
    mtime = stat.mtime.sec + stat.mtime.nsec / 1e9,
    uid = stat.uid,
    gid = stat.gid,
    ino = stat.ino,
  }
end

--- True when something is at the path.
---@param path string
---@return boolean
function M.exists(path)
  return uv.fs_stat(path) ~= nil
end

local function remove_tree(path)
  local rows, e = M.list(path)
  if not rows then
    return nil, e
  end
  for _, row in ipairs(rows) do
    local ok, why = M.remove(path .. "/" .. row.name, { recursive = true })
    if not ok then
      return nil, why
    end
  end
  local ok, why = call("fs_rmdir", path)
  if not ok and not tostring(why):find("^ENOENT") then
    return nil, err.uv(why, "cannot remove %s", path)
  end
  return true
end

--- Removes a file, link or empty folder; with recursive a whole tree. One that is gone is fine.
---@async
---@param path string
---@param opts? { recursive: boolean? }
---@return true?
---@return prov.Err?
function M.remove(path, opts)
  local stat = uv.fs_lstat(path)
  if not stat then
    return true
  end
  if stat.type == "directory" and opts and opts.recursive then
    return remove_tree(path)
  end
  local ok, e = call(stat.type == "directory" and "fs_rmdir" or "fs_unlink", path)
  if not ok and not tostring(e):find("^ENOENT") then
    return nil, err.uv(e, "cannot remove %s", path)
  end
  return true
end

--- Renames; an existing file at the new path is replaced.
---@param from string
---@param to string
---@return true?
---@return prov.Err?
function M.rename(from, to)
  local ok, e = uv.fs_rename(from, to)
  if not ok then
    return nil, err.uv(e, "cannot rename %s to %s", from, to)
  end
  return true
end

--- Gives a file another name too.
---@param from string
---@param to string
---@return true?
---@return prov.Err?
function M.link(from, to)
  local ok, e = uv.fs_link(from, to)
  if not ok then
    return nil, err.uv(e, "cannot link %s to %s", from, to)
  end
  return true
end

--- Makes a symbolic link at `path` to `target`.
---@param target string
---@param path string
---@return true?
---@return prov.Err?
function M.symlink(target, path)
  local ok, e = uv.fs_symlink(target, path)
  if not ok then
    return nil, err.uv(e, "cannot link %s to %s", path, target)
  end
  return true
end

--- The absolute path with links followed.
---@param path string
---@return string?
---@return prov.Err?
function M.realpath(path)
  local real, e = uv.fs_realpath(path)
  if not real then
    return nil, err.uv(e, "cannot find %s", path)
  end
  return real
end

--- Makes a new private folder under TMPDIR; the caller removes it.
---@param prefix string
---@return string?
---@return prov.Err?
function M.tempdir(prefix)
  local base = os.getenv("TMPDIR") or "/tmp"
  local path, e = uv.fs_mkdtemp(("%s/%s-XXXXXX"):format(base, prefix))
  if not path then
    return nil, err.uv(e, "cannot make a folder in %s", base)
  end
  return path
end

--- Takes the lock of a file (flock: gone with the process, whatever kills it), waiting up to
-- `wait` milliseconds (0 by default). Use `local lock <close> = assert(fs.lock(...))`.
---@async
---@param path string made when absent
---@param opts? { wait: integer? }
---@return { close: fun() }?
---@return prov.Err? code "locked" when another one holds it
function M.lock(path, opts)
  local wait = opts and opts.wait or 0
  local started, pause = uv.hrtime(), 1
  while true do
    local lock, e = linux.lock(path)
    if lock or e then
      return lock, e
    end
    local waited = (uv.hrtime() - started) / 1e6
    if waited >= wait then
      return err.fail("locked", "%s is locked by another process", path)
    end
    if async.running() then
      async.sleep(pause)
    else
      uv.sleep(pause)
    end
    pause = math.min(pause * 2, 50)
  end
end

--- The lock of a folder; nil alone where there is none, or none to be had (NFS).
local function lock_folder(path)
  path = path ~= "" and path or "/"
  if not M.exists(path) then -- else the lock would make a file of it
    return nil
  end
  local lock, e = M.lock(path, { wait = UPDATE_WAIT })
  return lock, e and e.code == "locked" and e or nil
end

--- Changes a file that people write too: a link stays one, mode and owner stay, and of several that change it at
-- once none is lost. What it calls must not suspend.
---@async
---@param path string
---@param change fun(text: string?): string?, prov.Err? from the text (nil when there is no file) to the new one
---@param opts? { mode: integer?, max: integer? } mode of a new file; largest size of an old one
---@return true?
---@return prov.Err?
function M.update(path, change, opts)
  local real = uv.fs_realpath(path) or path
  local lock <close>, held = lock_folder(real:match("^(.*)/[^/]*$") or ".")
  if not lock and held then
    return nil, held
  end
  local text
  local stat, e = M.stat(real)
  if e then
    return nil, e
  elseif stat and stat.type ~= "file" then -- a device or pipe would be a file afterwards
    return err.fail("invalid", "cannot change %s: it is a %s, not a file", path, stat.type)
  elseif stat then
    text, e = M.read(real, opts)
    if not text then
      return nil, e
    end
  end
  local new
  new, e = change(text)
  if not new then
    return nil, e
  elseif new == text then
    return true
  end
  return M.write_atomic(real, new, { mode = stat and stat.mode or opts and opts.mode, owner = stat })
end

return M
