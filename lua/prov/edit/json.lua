--- Changes a JSON text in place: order, spaces and the way numbers are written stay. JSON is nearly
--- YAML, so the editor of that does it; a text where it is not is written anew.

local json = require("prov.json")
local path_of = require("prov.path")
local yaml = require("prov.edit.yaml")

local M = {}

local FORM = { decode = json.decode_placed, json = true }

local function or_anew(text, e, old, path, v)
  if text or e.code ~= "unsupported" and e.msg:find("^not valid YAML") == nil then
    return text, e
  end
  local before, why = json.decode_placed(old)
  if before == nil then
    return nil, why
  end
  path, e = path_of.fit(before, path)
  if not path then
    return nil, e
  end
  text, e = json.encode(path_of.with(before, path, v), { pretty = true })
  return text and text .. "\n", e
end

--- Sets the value at a path; what is missing on the way is made.
---@param text string
---@param path (string|integer)[]
---@param v any
---@return string? text
---@return prov.Err?
function M.set(text, path, v)
  local new, e = yaml.set(text, path, v, FORM)
  return or_anew(new, e, text, path, v)
end

--- Deletes the value at a path.
---@param text string
---@param path (string|integer)[]
---@return string? text
---@return prov.Err? err "notfound"
function M.delete(text, path)
  local new, e = yaml.delete(text, path, FORM)
  return or_anew(new, e, text, path, nil)
end

return M
