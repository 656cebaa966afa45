--- A file that holds plain text for a while: of mode 0600 in a folder of its own, in memory where there is such a file
-- system. A helper waits for the end of this process and removes the folder then, whatever ended it.

local err = require("prov.err")
local fs = require("prov.fs")
local uv = require("luv")

local M = {}

local TMPFS = 0x01021994

local function is_memory(dir)
  local stat = dir ~= "" and uv.fs_statfs(dir)
  return stat and stat.type == TMPFS and uv.fs_access(dir, "W")
end

local function folder()
  for _, dir in ipairs({ os.getenv("XDG_RUNTIME_DIR") or "", "/dev/shm" }) do
    if is_memory(dir) then
      local path, e = uv.fs_mkdtemp(dir .. "/prov-secret-XXXXXX")
      if not path then
        return nil, err.uv(e, "cannot make a folder in %s", dir)
      end
      return path, nil, true
    end
  end
  return fs.tempdir("prov-secret")
end

--- Runs fn(path) with a file of that name and content; the folder is gone afterwards.
---@async
---@param name string
---@param text string
---@param fn fun(path: string, in_memory: boolean): any, prov.Err?
---@return any
---@return prov.Err?
function M.with(name, text, fn)
  local dir, e, in_memory = folder()
  if not dir then
    return nil, e
  end
  local pipe = uv.new_pipe()
  local guard, pid = uv.spawn("sh", { args = { "-c", 'cat >/dev/null; rm -rf -- "$1"', "sh", dir },
    stdio = { pipe, nil, nil }, detached = true }, function() end)
  local _ <close> = setmetatable({}, {
    __close = function()
      fs.remove(dir, { recursive = true })
      pipe:close()
      if guard then
        guard:close()
      end
    end,
  })
  if not guard then
    return nil, err.uv(pid, "cannot run sh, which would remove the plain text")
  end
  local path = dir .. "/" .. name
  local fd
  fd, e = uv.fs_open(path, "wx", tonumber("600", 8))
  if not fd then
    return nil, err.uv(e, "cannot write %s", path)
  end
  local count
  count, e = uv.fs_write(fd, text, -1)
  uv.fs_close(fd)
  if count ~= #text then
    return nil, err.uv(e or "ENOSPC", "cannot write %s", path)
  end
  return fn(path, in_memory or false)
end

return M
