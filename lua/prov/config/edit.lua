--- Changing settings in the files of the layers, without losing what people wrote there.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local formats = require("prov.formats")
local fs = require("prov.fs")
local interpolate = require("prov.config.interpolate")
local layers = require("prov.config.layers")

local M = {}

--- The file of a layer that is changed: one that has the key, one that has settings, or the one made for them.
---@param config prov.Config
---@param layer "workspace"|"env-defaults"|"user"
---@param key? string
---@return prov.ConfigPlace?, prov.Err?
function M.file(config, layer, key)
  local own, there
  for _, place in ipairs(layers.places(config)) do
    if place.layer == layer then
      local slot = layers.slot(config, place)
      if slot and slot.err then
        return nil, slot.err
      elseif slot and key and layers.at_key(slot.tree, key) ~= nil then
        return slot
      end
      local is_own = #place.below == 0 -- not a part of prov.yaml
      own = own or is_own and place
      there = there or slot and not slot.only and (is_own or next(slot.tree) ~= nil) and slot
    end
  end
  if not own then
    return err.fail("notfound", layer == "env-defaults" and "there is no environment: name one with --env"
      or "there is no workspace here; --user changes the settings of the user")
  end
  return there or own
end

local function path_of(place, key)
  local path = table.move(place.below, 1, #place.below, 1, {})
  for part in key:gmatch("[^.]+") do
    path[#path + 1] = part
  end
  return path
end

--- Where a key stands, or will, in a slot or place, also that of a rule of which only the severity is written.
local function written(slot, key)
  local path = path_of(slot, key)
  if key:find("^rules%.") and slot.short and slot.short[path[#path - 1]] then
    path[#path] = nil
  end
  return path
end

local function editor(place)
  return formats.of_file(place.path).edit
end

-- What an editor gave; an error of it says where.
local function in_file(place, key, text, e)
  if not text then
    e.file = place.file
    if place.place then
      e.line, e.column = place.place(written(place, key))
    end
  end
  return text, e
end

-- Changes the file of a place; only the folder of the user's is private.
local function update(place, change)
  local ok, e = fs.mkdirp(place.path:match("^(.*)/"), place.layer == "user" and 448 or nil)
  if not ok then
    return nil, e
  end
  ok, e = fs.update(place.path, change)
  return ok and place.path, e
end

--- The text of a command line as the value of a key, checked.
---@param config prov.Config
---@param key string
---@param text string
---@return any value, prov.Err?
function M.parse(config, key, text)
  local spec, e = config:spec(key)
  if not spec then
    return nil, e
  end
  local v = layers.from_text(spec, text)
  if interpolate.is_text(v) then
    return v
  end
  local name = key:match("[^.]+$")
  local done, errs = contract.compile({ [name] = spec }):complete({ [name] = v }, { path = layers.group_path(key) })
  if not done then
    return nil, err.new("invalid", errs[1].msg, { hint = errs[1].hint })
  end
  return v
end

--- Sets a key in the file of a layer.
---@param config prov.Config
---@param layer string
---@param key string
---@param v any
---@return string? path of the file, prov.Err?
function M.set(config, layer, key, v)
  local place, e = M.file(config, layer, key)
  if not place then
    return nil, e
  end
  return update(place, function(text)
    return in_file(place, key, editor(place).set(text or "", written(place, key), v))
  end)
end

--- Takes a key out of the file of a layer; the path is nil when no file has it.
---@param config prov.Config
---@param layer string
---@param key string
---@return string? path, prov.Err?
function M.unset(config, layer, key)
  local spec, e = config:spec(key)
  if not spec then
    return nil, e
  end
  local changed
  for _, slot in ipairs(layers.slots(config)) do
    if slot.layer == layer then
      if slot.err then
        return nil, slot.err
      elseif layers.at_key(slot.tree, key) ~= nil then
        changed, e = update(slot, function(text)
          return in_file(slot, key, editor(slot).delete(text or "", written(slot, key)))
        end)
        if not changed then
          return nil, e
        end
      end
    end
  end
  return changed
end

--- What a new file begins with.
local HEAD = "# Settings of prov; `prov config show --all` lists all there are.\n"

-- Puts the text of a person in place, unless the file has another one by now than what that person began with.
local function put_edited(place, before, text)
  local taken
  local path, e = update(place, function(now)
    taken = (now or HEAD) ~= before
    if taken then
      return err.fail("conflict", "%s was changed meanwhile", place.path)
    end
    return text
  end)
  if taken and fs.write_atomic(place.path .. ".edited", text, { mode = 384 }) then
    e.hint = ("your text is in %s.edited"):format(place.path)
  end
  return path, e
end

--- Lets a person edit the file of a layer, and puts it in place only when it is right.
---@async
---@param config prov.Config
---@param layer string
---@param run fun(path: string): true?, prov.Err? opens the editor
---@param again fun(errs: prov.Err[]): boolean asks whether to go on
---@return string? path of the file, nil when nothing was changed
---@return prov.Err|prov.Err[]|nil
function M.edit(config, layer, run, again)
  local place, e = M.file(config, layer)
  if not place then
    return nil, e
  end
  local before = fs.exists(place.path) and fs.read(place.path) or HEAD
  local folder
  folder, e = fs.tempdir("prov-config")
  if not folder then
    return nil, e
  end
  local _ <close> = setmetatable({}, { __close = function()
    fs.remove(folder, { recursive = true })
  end })
  local copy = folder .. "/" .. place.path:match("[^/]+$")
  local ok
  ok, e = fs.write_atomic(copy, before, { mode = 384, sync = false })
  while ok do
    ok, e = run(copy)
    local text = ok and fs.read(copy)
    if not text then
      return nil, e
    elseif text == before then
      return nil
    end
    local errs = config:check_text(place, text)
    if #errs == 0 then
      return put_edited(place, before, text)
    elseif not again(errs) then
      return nil, errs
    end
  end
  return nil, e
end

--- The settings that layers above the default give, as a tree.
---@param config prov.Config
---@param all? boolean defaults too
---@return table? tree, prov.Err?
function M.tree(config, all)
  local out = {}
  for _, key in ipairs(config:names()) do
    local v, e
    if all then
      v, e = config:get(key)
    else
      v, e = config:given(key)
    end
    if e then
      return nil, e
    elseif v ~= nil then
      local at = out
      for part in key:gmatch("([^.]+)%.") do
        at[part] = at[part] or {}
        at = at[part]
      end
      at[key:match("[^.]+$")] = v
    end
  end
  return out
end

local function same(a, b)
  return a == b or type(a) == "table" and type(b) == "table" and data.encode(a) == data.encode(b)
end

--- The keys that differ between two configurations: { key, from, to }.
---@param a prov.Config
---@param b prov.Config
---@return table[]? rows, prov.Err?
function M.diff(a, b)
  local out = data.list({})
  for _, key in ipairs(b:names()) do
    local from, e = a:get(key)
    local to
    if not e then
      to, e = b:get(key)
    end
    if e then
      return nil, e
    elseif not same(from, to) then
      out[#out + 1] = { key = key, from = from, to = to }
    end
  end
  return out
end

return M
