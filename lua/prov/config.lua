--- Settings in layers; the first one that has a key wins: flags, PROV_* environment, the
-- workspace's prov.yaml (`config:`), the user's config.yaml, the default.

local contract = require("prov.contract")
local err = require("prov.err")
local fs = require("prov.fs")
local suggest = require("prov.suggest")
local yaml = require("prov.yaml")

local M = {}

---@class prov.Config
local Config = {}
Config.__index = Config

--- Names of the layers, strongest first.
M.LAYERS = { "flag", "environment", "workspace", "user", "default" }

local function user_file()
  return require("prov.dirs").config() .. "/config.yaml"
end

local function read_yaml(path)
  if not fs.exists(path) then
    return {}
  end
  local text, e = fs.read(path)
  if not text then
    return nil, e
  end
  local tree, place = yaml.decode(text, { file = path })
  if err.is(place) then
    return nil, place
  end
  return type(tree) == "table" and tree or {}, place
end

--- Turns the text of a flag or environment variable into what the key's type wants.
local function from_text(spec, text)
  if spec.type == "int" or spec.type == "number" then
    return tonumber(text) or text
  elseif spec.type == "bool" then
    local words = { ["1"] = true, ["true"] = true, yes = true, ["0"] = false, ["false"] = false, no = false }
    local v = words[text:lower()]
    return v == nil and text or v
  end
  return text
end

--- Opens the configuration. `flags` are those of the command line, `workspace` a folder.
---@param opts? { workspace: string?, flags: table?, env: (fun(name: string): string?)?, keys: table? }
---@return prov.Config
function M.open(opts)
  opts = opts or {}
  return setmetatable({
    keys = opts.keys or require("prov.config_keys"),
    flags = opts.flags or {},
    env = opts.env or os.getenv,
    workspace = opts.workspace,
    files = {},
  }, Config)
end

--- The settings of a file layer: tree, where it is, an error.
function Config:file(layer)
  local slot = self.files[layer]
  if not slot then
    local path = layer == "user" and user_file() or self.workspace and self.workspace .. "/prov.yaml"
    slot = { tree = {}, path = path }
    if path then
      local tree, place = read_yaml(path)
      if not tree then
        slot.err = place
      else
        slot.place = type(place) == "function" and place or nil
        slot.tree = layer == "workspace" and (type(tree.config) == "table" and tree.config or {}) or tree
      end
    end
    self.files[layer] = slot
  end
  return slot
end

local function check(spec, key, v, at)
  local done, errs = contract.compile({ [key] = spec }):complete({ [key] = v }, at)
  if not done then
    return nil, errs[1]
  end
  return done[key]
end

local layers = {}

function layers.flag(self, key, spec)
  local v = self.flags[key]
  if v == nil then
    return nil
  end
  if type(v) == "string" then
    v = from_text(spec, v)
  end
  return v, { source = "--" .. key:gsub("_", "-") }
end

function layers.environment(self, key, spec)
  local name = "PROV_" .. key:upper()
  local text = self.env(name)
  if text == nil or text == "" then
    return nil
  end
  return from_text(spec, text), { source = name }
end

local function file_layer(layer)
  return function(self, key)
    local slot = self:file(layer)
    if slot.err then
      return nil, nil, slot.err
    end
    local v = slot.tree[key]
    if v == nil then
      return nil
    end
    return v,
      {
        source = slot.path,
        at = { file = slot.path, place = slot.place, path = layer == "workspace" and { "config" } or {} },
      }
  end
end

layers.workspace, layers.user = file_layer("workspace"), file_layer("user")

function layers.default(_, _, spec)
  return spec.default, { source = "built in" }
end

function Config:spec(key)
  local spec = self.keys[key]
  if spec then
    return spec
  end
  return nil, suggest.unknown("setting", key, self:names())
end

--- Names of all settings, sorted.
---@return string[]
function Config:names()
  local out = {}
  for name in pairs(self.keys) do
    out[#out + 1] = name
  end
  table.sort(out)
  return out
end

--- The value of a setting.
---@param key string
---@return any value
---@return prov.Err?
function Config:get(key)
  local spec, e = self:spec(key)
  if not spec then
    return nil, e
  end
  for _, layer in ipairs(M.LAYERS) do
    local v, info, why = layers[layer](self, key, spec)
    if why then
      return nil, why
    end
    if v ~= nil then
      local done
      done, e = check(spec, key, v, info.at)
      if e then
        return nil, e.file and e or e:wrap("from %s", info.source)
      end
      return done
    end
  end
end

--- What each layer says about a setting, strongest first: { layer, source, value, wins, err }.
---@param key string
---@return table[]?
---@return prov.Err?
function Config:explain(key)
  local spec, e = self:spec(key)
  if not spec then
    return nil, e
  end
  local out, won = require("core.data").list({}), false
  for _, layer in ipairs(M.LAYERS) do
    local v, info, why = layers[layer](self, key, spec)
    local row = { layer = layer, source = info and info.source, value = v, wins = false }
    if why then
      row.err = tostring(why)
    elseif v ~= nil then
      local _, problem = check(spec, key, v, info.at)
      row.err = problem and tostring(problem) or nil
      row.wins, won = not won, true
    end
    out[#out + 1] = row
  end
  return out
end

--- All settings: { key, value, layer, doc }.
---@return table[]
function Config:all()
  local out = require("core.data").list({})
  for _, key in ipairs(self:names()) do
    for _, row in ipairs(self:explain(key)) do
      if row.wins then
        out[#out + 1] = {
          key = key,
          value = row.value,
          layer = row.layer,
          source = row.source,
          doc = self.keys[key].doc,
          err = row.err,
        }
      end
    end
  end
  return out
end

--- What is wrong with the settings in the environment.
---@return prov.Err[]
function Config:check_environment()
  local out = {}
  for _, key in ipairs(self:names()) do
    local v, info = layers.environment(self, key, self.keys[key])
    if v ~= nil then
      local _, e = check(self.keys[key], key, v)
      out[#out + 1] = e and e:wrap("from %s", info.source)
    end
  end
  return out
end

--- The first setting in a file that does not exist, as an error; nil when all are known.
---@return prov.Err?
function Config:check_files()
  for _, layer in ipairs({ "workspace", "user" }) do
    local slot = self:file(layer)
    if slot.err then
      return slot.err
    end
    for name in pairs(slot.tree) do
      if not self.keys[name] then
        local path = layer == "workspace" and { "config", name } or { name }
        return contract.errors(
          {
            { path = {}, msg = "there is no such setting", hint = suggest.hint(tostring(name), self:names()) },
          },
          { path = path, file = slot.path, place = slot.place }
        )[1]
      end
    end
  end
end

return M
