--- The functions of an infra that read files of its own folder: `file` and `template`.

local fs = require("prov.fs")
local interpolate = require("prov.infra.interpolate")

local M = {}

local MAX = 1024 * 1024

interpolate.PLACED.file = { takes = "text", params = { "text" }, least = 1, doc = "The text of a file of the infra" }

--- Reads a file below a folder; nil and why not.
local function read(dir, shown, path)
  if type(path) ~= "string" or path:sub(1, 1) == "/" or ("/" .. path .. "/"):find("/../", 1, true) then
    return nil, ("file: '%s' is no path below %s"):format(tostring(path), shown == "" and "the workspace" or shown)
  end
  local text, e = fs.read(dir .. "/" .. path, { max = MAX })
  if not text then
    return nil, "file: " .. (e.code == "notfound" and ("there is no %s%s"):format(shown, path) or tostring(e))
  end
  return text
end

--- The functions for one folder.
---@param place { dir: string, shown: string }
---@return table<string, fun(...): any, string?>
function M.functions(place)
  return {
    file = function(path)
      return read(place.dir, place.shown, path)
    end,
  }
end

return M
