--- Descriptions of servers, networks and volumes: files of `key=value` lines that the helper
-- processes read too. Keys may repeat; a list value is written as one line each.

local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

--- Keys whose values are lists, whether there are none, one or several.
local LISTS = { volume = true, port = true, address = true }

--- Reads a description.
---@param path string
---@return table<string, any>? nil when there is none
---@return prov.Err?
function M.read(path)
  local text, e = fs.read(path, { max = 262144 })
  if not text then
    if e.code == "notfound" then
      return nil
    end
    return nil, e
  end
  local conf = { volume = {}, port = {}, address = {} }
  for line in text:gmatch("[^\n]+") do
    local key, value = line:match("^([^=]+)=(.*)$")
    if not key then
      return err.fail("corrupt", "%s: a line without '='", path)
    end
    if LISTS[key] then
      table.insert(conf[key], value)
    else
      conf[key] = value
    end
  end
  if text == "" then
    return err.fail("corrupt", "%s is empty", path)
  end
  return conf
end

--- The text of a description, keys sorted.
---@param conf table<string, any>
---@return string?
---@return prov.Err?
function M.format(conf)
  local keys, lines = {}, {}
  for key in pairs(conf) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local values = type(conf[key]) == "table" and conf[key] or { conf[key] }
    for _, value in ipairs(values) do
      value = value == true and "1" or value == false and "0" or tostring(value)
      if value:find("[\n\0]") then
        return err.fail("invalid", "'%s' cannot hold a line end", key)
      end
      lines[#lines + 1] = ("%s=%s\n"):format(key, value)
    end
  end
  return table.concat(lines)
end

--- Writes a description so that a reader, or a crash, sees all of it or the one before.
---@async
---@param path string
---@param conf table<string, any>
---@param sync? boolean default true; false leaves what a crash keeps to the caller
---@return true?
---@return prov.Err?
function M.write(path, conf, sync)
  local text, e = M.format(conf)
  if not text then
    return nil, e
  end
  return fs.write_atomic(path, text, { mode = 384, sync = sync })
end

return M
