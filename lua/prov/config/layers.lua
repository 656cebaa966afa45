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

---@class prov.ConfigPlace where settings of a layer may stand
---@field layer string
---@field path string of the file, whether it is there or not
---@field file string the same for people: below the workspace when it is there
---@field below string[] where in the file
---@field only? string the one group that may stand there

--- Where the settings of the layers may stand, strongest first.
---@param config prov.Config
---@return prov.ConfigPlace[]
function M.places(config)
  local out, base = {}, config._workspace and config._workspace .. "/"
  local function add(layer, path, below, only)
    local file = base and path:sub(1, #base) == base and path:sub(#base + 1) or path
    out[#out + 1] = { layer = layer, path = path, file = file, below = below or {}, only = only }
  end
  if config._workspace then
    add("workspace", config._workspace .. "/prov.yaml", { "config" })
    add("workspace", config._workspace .. "/prov.yaml", { "validate" }, "rules")
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

--- Rules of which only the severity is written, `rules: { ssh-open: off }`, as maps; their names.
local function expand_rules(rules)
  local short = {}
  for id, setting in pairs(type(rules) == "table" and rules or {}) do
    if type(setting) == "string" then
      rules[id], short[id] = { severity = setting }, true
    end
  end
  return short
end

---@class prov.ConfigSlot: prov.ConfigPlace what stands at a place
---@field tree table
---@field place? prov.Place of the values in the file
---@field err? prov.Err why it cannot be read
---@field short table<string, true> rules of which only the severity is written

--- Reads a text as the file of a place.
---@param place prov.ConfigPlace
---@param text? string
---@param e? prov.Err why there is no text
---@return prov.ConfigSlot
function M.read_text(place, text, e)
  local slot = { layer = place.layer, path = place.path, file = place.file, below = place.below, only = place.only,
    tree = {}, short = {} }
  if not text then
    slot.err = e
    return slot
  end
  local tree, at = require("prov.formats").of_file(place.path):decode(text, { file = place.file, plain = true })
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
        { path = table.move(place.below, 1, i, 1, {}), file = place.file, place = at })[1]
      return slot
    end
  end
  slot.tree = place.only and { [place.only] = tree[place.only] } or tree
  slot.short = expand_rules(tree.rules)
  return slot
end

--- The files that are there, read once, strongest layer first.
---@param config prov.Config
---@return prov.ConfigSlot[]
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

--- What stands at a place whose file is there.
---@param config prov.Config
---@param place prov.ConfigPlace
---@return prov.ConfigSlot?
function M.slot(config, place)
  for _, slot in ipairs(M.slots(config)) do
    if slot.path == place.path and slot.only == place.only then
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

-- Where a file has a key, for people: FILE:LINE.
local function place_of(slot, at, key)
  local path = table.move(at.path, 1, #at.path, 1, {})
  path[#path + 1] = key:match("[^.]+$")
  local line = slot.place(path)
  return line and slot.file .. ":" .. line or slot.file
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
        local at = { file = slot.file, place = slot.place, path = M.group_path(key, slot.below) }
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
  return type(v) == "string" and M.from_text(spec, v) or v, {
    source = params_of.GLOBAL[key] and "--" .. params_of.flag_name(key) or "--config " .. key,
  }
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

--- True when a flag, file or variable says something below a prefix.
---@param config prov.Config
---@param prefix string
---@return boolean
function M.mentions(config, prefix)
  for key in pairs(config._flags) do
    if key:sub(1, #prefix + 1) == prefix .. "." then
      return true
    end
  end
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
