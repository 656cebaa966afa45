--- Temporary folders of a spec; the runner removes them when the spec file is done.

local uv = require("luv")

local M = {}

--- Makes an empty folder of mode 0700 in the run's private TMPDIR.
---@return string path
function M.dir()
  return assert(uv.fs_mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/spec-XXXXXX"))
end

--- Writes a file, making the folders above it.
---@param path string
---@param text string
---@return string path
function M.write(path, text)
  local at = path:sub(1, 1) == "/" and "/" or ""
  for part in path:match("^(.*)/[^/]*$"):gmatch("[^/]+") do
    at = at .. part .. "/"
    uv.fs_mkdir(at, 448)
  end
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  return path
end

--- The bytes of a file.
---@param path string
---@return string
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

--- Removes a folder and all in it; links are removed, not followed.
---@param path string
function M.remove(path)
  local listing = uv.fs_scandir(path)
  while listing do
    local name, kind = uv.fs_scandir_next(listing)
    if not name then
      break
    end
    local entry = path .. "/" .. name
    if kind == "directory" then
      M.remove(entry)
    else
      uv.fs_unlink(entry)
    end
  end
  uv.fs_rmdir(path)
end

return M
