--- The functions of an infra that need to know where they stand: `file` and `template` read files of its own folder,
--- `secret` names a secret.

local address = require("prov.address")
local fs = require("prov.fs")
local links = require("prov.infra.links")
local placed = require("prov.expr.placed")
local settings = require("prov.settings")
local value = require("prov.value")

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

--- A secret of the workspace: the same in all modules.
---@param name string
---@param part? string "value" by default
---@return table? ref
---@return string? wrong
---@return string? hint
function M.secret(name, part)
  if not address.is_name(name, "secret") then
    return nil, "secret: wants the name of a secret, such as db/password", "sensitive(...) hides a value that stands "
      .. "in the infra"
  end
  return value.ref(links.OUTSIDE .. "secret." .. name, { part or "value" })
end

--- The functions for one folder.
---@param place { dir: string, shown: string }
---@return table<string, fun(...): any, string?, string?>
function M.functions(place)
  local out = placed.functions(function(name, path)
    return read(name, place.dir, place.shown, path)
  end, place.shown)
  out.secret = M.secret
  return out
end

return M
