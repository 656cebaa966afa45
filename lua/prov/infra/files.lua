--- The functions of an infra that read files of its own folder: `file` and `template`.

local fs = require("prov.fs")
local placed = require("prov.expr.placed")
local settings = require("prov.settings")

local M = {}

--- Reads a file below a folder; nil and why not.
local function read(name, dir, shown, path)
  if type(path) ~= "string" or path:sub(1, 1) == "/" or ("/" .. path .. "/"):find("/../", 1, true) then
    return nil, ("%s: '%s' is no path below %s"):format(name, tostring(path), shown == "" and "the workspace" or shown)
  end
  local text, e = fs.read(dir .. "/" .. path, { max = settings.infra.file_size })
  if not text then
    return nil, name .. ": " .. (e.code == "notfound" and ("there is no %s%s"):format(shown, path) or tostring(e))
  end
  return text
end

M.read = read

--- The functions for one folder.
---@param place { dir: string, shown: string }
---@return table<string, fun(...): any, string?, string?>
function M.functions(place)
  return placed.functions(function(name, path)
    return read(name, place.dir, place.shown, path)
  end, place.shown)
end

return M
