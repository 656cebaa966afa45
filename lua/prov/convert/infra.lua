--- The infra of a workspace as one tree of plain values: what other programs read, and prov itself.

local data = require("core.data")
local err = require("prov.err")
local notes_of = require("prov.convert.notes")
local tree = require("prov.convert.tree")
local value = require("prov.value")

local M = {}

local MAX_DEPTH = 100

local function ref_text(v)
  local path = {}
  for i, key in ipairs(v["@path"]) do
    path[i] = math.type(key) == "integer" and ("[%d]"):format(key) or "." .. key
  end
  return v["@address"] .. table.concat(path)
end

-- Raised for what has no text: functions and calculations of Lua files.
local function refuse(what, path)
  error({ refused = true, what = what, path = path }, 0)
end

local write

local function text_of(v, path)
  local out = {}
  for i, part in ipairs(v) do
    if type(part) == "string" then
      out[i] = part:gsub("%${", "$${")
    elseif value.marked(part) == "ref" then
      out[i] = "${" .. ref_text(part) .. "}"
    elseif type(part) == "number" then
      out[i] = tostring(part)
    else
      refuse("a text with a calculation in it", path)
    end
  end
  return table.concat(out)
end

--- A value of a source; `escape` when it is of a Lua file, where texts are texts already.
function write(v, path, depth)
  local marked = value.marked(v)
  if marked == "ref" then
    return "${" .. ref_text(v) .. "}"
  elseif marked == "text" then
    return text_of(v, path)
  elseif marked == "secret" then
    refuse("a secret", path)
  elseif marked == "time" then
    return tostring(v)
  elseif marked or type(v) == "function" then
    refuse(marked and "a calculation" or "a function", path)
  elseif type(v) ~= "table" or v == value.null then
    return v
  elseif depth > MAX_DEPTH then
    refuse("a value that is nested too deep", path)
  elseif data.kind(v) == "list" then
    local list = tree.list()
    for i, item in ipairs(v) do
      list[i] = write(item, path .. "[" .. i .. "]", depth + 1)
    end
    return list
  end
  local map = tree.map()
  local keys = {}
  for key in next, v do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(keys) do
    map:set(tostring(key), write(v[key], path .. "." .. tostring(key), depth + 1))
  end
  return map
end

--- Converts the infra of a workspace; the merge of its files, with every ${...} as it stands.
---@param workspace prov.Workspace
---@return { name: string, tree: prov.convert.Map }[]? files
---@return prov.convert.Notes|prov.Err[] notes
function M.convert(workspace)
  local sources, errs = require("prov.infra.source").read(workspace)
  if not sources then
    return nil, errs
  end
  local out = tree.map()
  for _, source in ipairs(sources) do
    local ok, part = pcall(write, source.tree, "", 1)
    if not ok and type(part) == "table" and part.refused then
      local keys = {}
      for key in part.path:gmatch("[^.%[%]]+") do
        keys[#keys + 1] = math.tointeger(tonumber(key)) or key
      end
      local line, column = source.place(keys)
      return nil, err.new("unsupported", ("%s has %s, which only Lua can say"):format(part.path:gsub("^%.", ""),
        part.what),
        { file = source.file, line = line, column = column, hint = "write it with ${...} (docs/guides/infra.md)" })
    elseif not ok then
      error(part, 0)
    end
    for _, top in ipairs(part.keys) do
      local there, members = out:get(top), part:get(top)
      if there == nil then
        out:set(top, members)
      elseif tree.is_list(members) and tree.is_list(there) then
        table.move(members, 1, #members, #there + 1, there)
      elseif tree.is_map(members) and tree.is_map(there) then
        for _, name in ipairs(members.keys) do
          there:set(name, members:get(name))
        end
      end
    end
  end
  return { { name = "infra", tree = out } }, notes_of.new()
end

return M
