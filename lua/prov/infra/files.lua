--- The functions of an infra that read files of its own folder: `file` and `template`.

local fs = require("prov.fs")
local functions = require("prov.expr.functions")
local interpolate = require("prov.infra.interpolate")
local settings = require("prov.settings")

local M = {}

interpolate.PLACED.file = { takes = "text", params = { "text" }, least = 1, doc = "The text of a file of the infra" }
interpolate.PLACED.template = {
  takes = "text, map?, text?",
  params = { "text", "map", "text" },
  least = 1,
  doc = "A file of the infra as a template, filled with a map; what values are escaped for is said by its name "
    .. "(run.sh, x.yaml.tmpl) or the third value",
}

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
  return {
    file = function(path)
      return read("file", place.dir, place.shown, path)
    end,
    template = function(path, vars, target)
      local text, why = read("template", place.dir, place.shown, path)
      if not text then
        return nil, why
      end
      target = target or require("prov.template").target_of(path)
      return functions.call("render", { text, vars or {}, target, place.shown .. path }, 4)
    end,
  }
end

return M
