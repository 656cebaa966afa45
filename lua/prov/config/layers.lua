--- The layers of the configuration: what each says about a key, and the files behind them.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local params_of = require("prov.params")

local M = {}

--- Strongest first.
M.NAMES = { "flag", "environment", "workspace", "env-defaults", "user", "default" }

local EXTENSIONS = { "yaml", "toml" }

--- Where the files of a layer may be, whether they are there or not: { layer, path, below }. `below` is where
--- in the file its settings stand.
---@param config prov.Config
---@return { layer: string, path: string, below: string[] }[]
function M.places(config)
  local out = {}
  local function add(layer, path, below)
    out[#out + 1] = { layer = layer, path = path, below = below or {} }
  end
  if config._workspace then
    add("workspace", config._workspace .. "/prov.yaml", { "config" })
    for _, extension in ipairs(EXTENSIONS) do
      add("workspace", config._workspace .. "/config/prov." .. extension)
    end
    for _, extension in ipairs(config._environment and EXTENSIONS or {}) do
      add("env-defaults", ("%s/config/%s-defaults.%s"):format(config._workspace, config._environment, extension))
    end
  end
  for _, extension in ipairs(EXTENSIONS) do
    add("user", require("prov.dirs").config() .. "/config." .. extension)
  end
  return out
end

--- Reads a text as the file of a place.
---@param place { layer: string, path: string, below: string[] }
---@param text? string
---@param e? prov.Err why there is no text
function M.read_text(place, text, e)
  local slot = { layer = place.layer, path = place.path, below = place.below, tree = {} }
  if not text then
    slot.err = e
    return slot
  end
  local tree, at = require("prov.formats").of_file(place.path):decode(text, { file = place.path, plain = true })
  if err.is(at) then
    slot.err = at
    return slot
  end
  slot.place = at
  for i = 0, #place.below do
    if i > 0 then
      tree = tree[place.below[i]]
    end
    if tree == nil or tree == data.null then
      return slot
    elseif data.kind(tree) ~= "map" then
      slot.err = contract.errors({ { path = {}, msg = ("expected settings, found a %s"):format(data.kind(tree)) } },
        { path = table.move(place.below, 1, i, 1, {}), file = place.path, place = at })[1]
      return slot
    end
  end
  slot.tree = tree
  return slot
end

--- The files that are there, read once, strongest layer first.
---@param config prov.Config
---@return table[] slots { layer, path, below, tree, place, err }
function M.slots(config)
  local slots = config._files
  if not slots.read then
    slots.read = true
    for _, place in ipairs(M.places(config)) do
      if fs.exists(place.path) then
        slots[#slots + 1] = M.read_text(place, fs.read(place.path))
      end
    end
  end
  return slots
end

--- The slot of a file that is there.
---@param config prov.Config
---@param path string
function M.slot(config, path)
  for _, slot in ipairs(M.slots(config)) do
    if slot.path == path then
      return slot
    end
  end
end

--- What a tree says about a key; null says nothing.
---@param tree table
---@param key string
---@return any
function M.at_key(tree, key)
  local at = tree
  for part in key:gmatch("[^.]+") do
    if type(at) ~= "table" then
      return nil
    end
    at = at[part]
  end
  if at ~= data.null then
    return at
  end
end

--- The path of the group of a key, in a file where settings stand below `below`.
---@param key string
---@param below? string[]
---@return string[]
function M.group_path(key, below)
  local path = table.move(below or {}, 1, #(below or {}), 1, {})
  for part in key:gmatch("([^.]+)%.") do
    path[#path + 1] = part
  end
  return path
end

-- Where a file has a key: FILE:LINE.
local function place_of(slot, at, key)
  local path = table.move(at.path, 1, #at.path, 1, {})
  path[#path + 1] = key:match("[^.]+$")
  local line = slot.place(path)
  return line and slot.path .. ":" .. line or slot.path
end

local function from_files(config, layer, key)
  local found, info
  for _, slot in ipairs(M.slots(config)) do
    if slot.layer == layer then
      if slot.err then
        return nil, nil, slot.err
      end
      local v = M.at_key(slot.tree, key)
      if v ~= nil then
        local at = { file = slot.path, place = slot.place, path = M.group_path(key, slot.below) }
        local source = place_of(slot, at, key)
        if info then
          return nil, nil, err.new("conflict", ("%s is set in %s and in %s"):format(key, info.source, source), {
            hint = "one layer has one value: take one of them out",
          })
        end
        found, info = v, { source = source, at = at }
      end
    end
  end
  return found, info
end

--- The environment variable of a key: PROV_SSH_CONNECT_TIMEOUT.
---@param key string
---@return string
function M.variable(key)
  return "PROV_" .. key:upper():gsub("[.-]", "_")
end

--- The text of a flag or variable as a value of the key's type; what is none stays text, for the contract to refuse.
---@param spec table
---@param text string
---@return any
function M.from_text(spec, text)
  if text:find("${", 1, true) then
    return text
  elseif spec.type == "list" or spec.type == "map" or spec.type == "record" or spec.type == "any" then
    local v, place = require("prov.yaml").decode(text)
    return err.is(place) and text or v
  end
  local v = params_of.from_text(spec, spec.type == "bool" and text:lower() or text)
  if v == nil then
    return text
  end
  return v
end

local readers = {}

function readers.flag(config, key, spec)
  local v = config._flags[key]
  if v == nil then
    return nil
  end
  return type(v) == "string" and M.from_text(spec, v) or v, { source = "--" .. params_of.flag_name(key) }
end

function readers.environment(config, key, spec)
  local name = M.variable(key)
  local text = config._env(name)
  if text == nil or text == "" then
    return nil
  end
  return M.from_text(spec, text), { source = name }
end

for _, layer in ipairs({ "workspace", "env-defaults", "user" }) do
  readers[layer] = function(config, key)
    return from_files(config, layer, key)
  end
end

function readers.default(_, _, spec)
  return spec.default, { source = "built in" }
end

--- What a layer says about a key: its raw value, where from, and what is wrong with the layer.
---@param config prov.Config
---@param layer string
---@param key string
---@param spec table
---@return any value
---@return { source: string, at: prov.At? }?
---@return prov.Err?
function M.read(config, layer, key, spec)
  return readers[layer](config, key, spec)
end

--- True when a file or variable says something below a prefix.
---@param config prov.Config
---@param prefix string
---@return boolean
function M.mentions(config, prefix)
  for _, slot in ipairs(M.slots(config)) do
    if slot.err or M.at_key(slot.tree, prefix) ~= nil then
      return true
    end
  end
  local begin = M.variable(prefix) .. "_"
  for name in pairs(config._env == os.getenv and require("luv").os_environ() or {}) do
    if name:sub(1, #begin) == begin then
      return true
    end
  end
  return false
end

return M
