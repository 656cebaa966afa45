--- Writes generated pages, and tells which are not what would be generated.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

local function sorted(files)
  local names = {}
  for name in pairs(files) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Writes the pages into a folder; pages of `suffix` there that are not generated any more go.
---@param dir string
---@param files table<string, string>
---@param suffix string
---@return table? value { dir, written, removed }
---@return prov.Err?
function M.write(dir, files, suffix)
  local ok, e = fs.mkdirp(dir)
  if not ok then
    return nil, e
  end
  for _, name in ipairs(sorted(files)) do
    ok, e = fs.write_atomic(dir .. "/" .. name, files[name], { sync = false })
    if not ok then
      return nil, e
    end
  end
  local removed = 0
  for _, entry in ipairs(fs.list(dir) or {}) do
    local old = entry.name
    if old:sub(-#suffix) == suffix and old:match(suffix == ".1" and "^prov" or ".") and not files[old] then
      ok, e = fs.remove(dir .. "/" .. old)
      if not ok then
        return nil, e
      end
      removed = removed + 1
    end
  end
  return { dir = dir, written = #sorted(files), removed = removed }
end

--- Compares a folder with what would be generated.
---@param dir string
---@param files table<string, string>
---@return table? value { dir, pages }
---@return prov.Err? err names every stale page
function M.check(dir, files)
  local stale = {}
  for _, name in ipairs(sorted(files)) do
    if fs.read(dir .. "/" .. name) ~= files[name] then
      stale[#stale + 1] = name
    end
  end
  for _, entry in ipairs(fs.list(dir) or {}) do
    if entry.name:match("%.md$") and not files[entry.name] then
      stale[#stale + 1] = entry.name
    end
  end
  if stale[1] then
    return nil, err.new("failed", ("stale in %s: %s"):format(dir, table.concat(stale, ", ")), {
      hint = "run `prov docs reference`",
      data = { stale = data.list(stale) },
    })
  end
  return { dir = dir, pages = #sorted(files) }
end

return M
