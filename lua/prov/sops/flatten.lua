--- Metadata as the flat names that dotenv and INI have: age__list_0__map_recipient.

local data = require("core.data")

local M = {}

--- Names and texts, sorted by name.
---@param v table
---@param prefix string
---@return { [1]: string, [2]: string }[]
function M.flatten(v, prefix)
  local out = {}
  local function walk(one, name, is_root)
    if type(one) ~= "table" then
      out[#out + 1] = { name, tostring(one) }
    elseif data.kind(one) == "list" then
      for i, item in ipairs(one) do
        walk(item, ("%s__list_%d"):format(name, i - 1))
      end
    else
      for _, key in ipairs(data.keys(one)) do
        walk(one[key], name .. (is_root and "" or "__map_") .. key)
      end
    end
  end
  walk(v, prefix, true)
  return out
end

--- The reverse.
---@param list { [1]: string, [2]: string }[] without prefix
---@return table
function M.unflatten(list)
  local root = {}
  for _, pair in ipairs(list) do
    local map, key = root, nil
    for sign, name in ("\1" .. pair[1]:gsub("__map_", "\1"):gsub("__list_", "\2")):gmatch("([\1\2])([^\1\2]*)") do
      if key then
        map[key] = type(map[key]) == "table" and map[key] or sign == "\2" and data.list({}) or {}
        map = map[key]
      end
      key = sign == "\2" and (math.tointeger(tonumber(name)) or 0) + 1 or name
    end
    map[key] = pair[2]
  end
  return root
end

return M
