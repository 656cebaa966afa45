--- Settings in layers; the first one that has a key wins: flags, PROV_* environment, the workspace
-- (config/prov.yaml, or `config:` in prov.yaml), the environment (config/ENV-defaults.toml), the user
-- (~/.config/prov/config.yaml), the default.
--
-- A key is a path: "parallelism", "ssh.connect_timeout". Every key is declared (prov.config.keys, and
-- prov.config.declared for what operations and extensions bring). `config.ssh.connect_timeout` is the value, found
-- once and kept.

local contract = require("prov.contract")
local data = require("core.data")
local interpolate = require("prov.config.interpolate")
local layers = require("prov.config.layers")
local suggest = require("prov.suggest")

local M = {}

---@class prov.Config groups and settings are its fields; its own have an underscore
---@field _static table<string, table> key -> declaration
---@field _declared prov.ConfigDeclared|false what comes from operations and extensions
local Config = {}

--- Names of the layers, strongest first.
M.LAYERS = layers.NAMES

-- ---- Accessors ----

local group_mt = {}

--- A group of settings: config.ssh. Fields are found once, and are plain fields then.
local function group(self, prefix)
  return setmetatable({ [group_mt] = { config = self, prefix = prefix } }, group_mt)
end

local function field(config, holder, prefix, name)
  local key = prefix .. name
  local value
  if config:spec_of(key) then
    local e
    value, e = config:get(key)
    if e then
      error(e, 0)
    end
  elseif config:is_group(key) then
    value = group(config, key .. ".")
  else
    error(select(2, config:spec(key)), 0)
  end
  rawset(holder, name, value)
  return value
end

function group_mt.__index(self, name)
  local of = rawget(self, group_mt)
  return field(of.config, self, of.prefix, name)
end

function Config.__index(self, name)
  local method = Config[name]
  if method ~= nil then
    return method
  elseif type(name) == "string" then
    return field(self, self, "", name)
  end
end

-- ---- Keys ----

--- Opens the configuration. `flags` are those of the command line, `workspace` a folder, `environment` the name of
--- one, `registry` what extensions bring.
---@param opts? { workspace: string?, environment: string?, flags: table?, env: (fun(name: string): string?)?,
---  keys: table?, registry: prov.Registry? }
---@return prov.Config
function M.open(opts)
  opts = opts or {}
  return setmetatable({
    _static = opts.keys or require("prov.config.keys"),
    _own_keys = opts.keys == nil,
    _registry = opts.registry or false,
    _flags = opts.flags or {},
    _env = opts.env or os.getenv,
    _workspace = opts.workspace or false,
    _environment = opts.environment or false,
    _files = {},
    _values = {},
    _declared = false,
  }, Config)
end

local of_flags = setmetatable({}, { __mode = "k" })

--- The configuration of a command: of its flags, opened once.
---@param flags table
---@return prov.Config
function M.of(flags)
  local config = of_flags[flags]
  if not config then
    local assigned = {}
    for key, text in pairs(flags.config or {}) do
      assigned[key] = text
    end
    assigned.output = flags.output or assigned.output
    if flags.color ~= nil then
      assigned.color = flags.color and "always" or "never"
    end
    local workspaces = require("prov.workspace")
    local named = workspaces.find(flags.workspace)
    local dir, environment = nil, nil
    if named then
      dir, environment = workspaces.split(named)
    end
    config = M.open({
      workspace = dir,
      environment = flags.env or environment or os.getenv("PROV_ENV"),
      flags = assigned,
    })
    of_flags[flags] = config
  end
  return config
end

--- What operations and extensions bring.
function Config:brought()
  if not self._declared then
    self._declared = require("prov.config.declared").new(self._registry
      or require("prov.registry").open(self._workspace or nil), self._workspace or nil)
  end
  return self._declared
end

--- True for a setting of prov itself, not of an operation or extension.
---@param key string
---@return boolean
function Config:is_own(key)
  return self._static[key] ~= nil
end

--- The name of the environment, when there is one.
---@return string?
function Config:environment()
  return self._environment or nil
end

--- The same configuration read anew, perhaps of another environment.
---@param environment? string
---@return prov.Config
function Config:again(environment)
  return M.open({
    workspace = self._workspace or nil,
    environment = environment or self._environment or nil,
    flags = self._flags,
    env = self._env,
    keys = not self._own_keys and self._static or nil,
    registry = self._registry or nil,
  })
end

--- Leaves the files of all layers out: what there is without them.
function Config:without_files()
  self._files = { read = true }
end

--- The declaration of a key, or nil.
---@param key string
---@return table?
function Config:spec_of(key)
  return self._static[key] or self._own_keys and self:brought():spec(key) or nil
end

--- True when keys begin with the prefix and a dot.
---@param prefix string
---@return boolean
function Config:is_group(prefix)
  for key in next, self._static do
    if key:sub(1, #prefix + 1) == prefix .. "." then
      return true
    end
  end
  return self._own_keys and self:brought():is_group(prefix)
end

--- The declaration of a key, or the error that there is none.
---@param key string
---@return table?, prov.Err?
function Config:spec(key)
  local spec = self:spec_of(key)
  if spec then
    return spec
  end
  local e = suggest.unknown("setting", key, self:names())
  if self:is_group(key) then
    e.hint = ("it is a group; 'prov config show %s' lists its settings"):format(key)
  end
  return nil, e
end

--- Names of all settings, sorted.
---@param prefix? string only those of a group
---@return string[]
function Config:names(prefix)
  local out = {}
  local function add(key)
    if not prefix or key == prefix or key:sub(1, #prefix + 1) == prefix .. "." then
      out[#out + 1] = key
    end
  end
  for key in next, self._static do
    add(key)
  end
  for _, key in ipairs(self._own_keys and self:brought():names(prefix and prefix:match("^[^.]+")) or {}) do
    add(key)
  end
  table.sort(out)
  return out
end

-- ---- Values ----

local function check(spec, key, v, at)
  local name = key:match("[^.]+$")
  at = at or { path = layers.group_path(key) }
  local done, errs = contract.compile({ [name] = spec }):complete({ [name] = v }, at)
  if not done then
    return nil, errs[1]
  end
  return done[name]
end

--- The strongest layer that has a key: its raw value and where it comes from.
local function strongest(self, key, spec)
  for _, layer in ipairs(M.LAYERS) do
    local v, info, e = layers.read(self, layer, key, spec)
    if e then
      return nil, nil, e
    elseif v ~= nil then
      return v, info
    end
  end
end

-- The error with where the value comes from, when it does not say so itself.
local function blame(e, key, info)
  if e.file then
    return e
  elseif not info.at then
    return e:wrap("from %s", info.source)
  end
  local out = contract.errors({ { path = { key:match("[^.]+$") }, msg = e.msg, hint = e.hint } }, info.at)[1]
  out.code, out.data, out.cause = e.code, e.data, e.cause
  return out
end

--- The effective value of a key; `open` are the keys that are being found, to see circles.
local function find(self, key, spec, open)
  local v, info, e = strongest(self, key, spec)
  if v == nil then
    return nil, e
  elseif spec.of_infra and interpolate.is_text(v) then
    return v -- for the infra to fill in and to check
  end
  v, e = interpolate.value(v, {
    open = open,
    key = key,
    env = self._env,
    of_key = function(name, chain)
      local other = self:spec_of(name)
      if not other then
        return nil, (select(2, self:spec(name)))
      end
      return find(self, name, other, chain)
    end,
    workspace = self._workspace or nil,
  })
  if e then
    return nil, blame(e, key, info)
  end
  local done
  done, e = check(spec, key, v, info.at)
  if e then
    return nil, blame(e, key, info)
  end
  return done
end

--- The value of a setting; found once.
---@param key string
---@return any value
---@return prov.Err?
function Config:get(key)
  local slot = self._values[key]
  if not slot then
    local spec, e = self:spec(key)
    if not spec then
      return nil, e
    end
    slot = table.pack(find(self, key, spec, {}))
    self._values[key] = slot
  end
  return slot[1], slot[2]
end

--- The value of a setting that a layer above the default gives; nil when none does.
---@param key string
---@return any value, prov.Err?
function Config:given(key)
  local spec = self:spec_of(key)
  for _, layer in ipairs(spec and M.LAYERS or {}) do
    if layer ~= "default" then
      local v, _, e = layers.read(self, layer, key, spec)
      if e then
        return nil, e
      elseif v ~= nil then
        return self:get(key)
      end
    end
  end
end

--- True when a file or the environment says something about a group: a quick look before asking key by key.
---@param prefix string
---@return boolean
function Config:mentions(prefix)
  return layers.mentions(self, prefix)
end

--- Gives the flags of an operation that a command line leaves out what the settings say: flags.apply.target.
---@param op table declaration
---@param params table changed
---@return true?, prov.Err?
function Config:fill_flags(op, params)
  local prefix = "flags." .. op.name:gsub(" ", "."):gsub("-", "_") .. "."
  for name in pairs(op.params or {}) do
    if params[name] == nil and self:spec_of(prefix .. name) then
      local v, e = self:given(prefix .. name)
      if e then
        return nil, e
      end
      params[name] = v
    end
  end
  return true
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
  local out, won = data.list({}), false
  for _, layer in ipairs(M.LAYERS) do
    local v, info, why = layers.read(self, layer, key, spec)
    local row = { layer = layer, source = info and info.source, value = v, wins = false }
    if why then
      row.err = tostring(why)
    elseif v ~= nil then
      row.wins, won = not won, true
      local problem
      if row.wins then
        row.value, problem = self:get(key)
        row.value = problem and v or row.value
      elseif not interpolate.is_text(v) then
        _, problem = check(spec, key, v, info.at)
      end
      row.err = problem and tostring(problem) or nil
    end
    out[#out + 1] = row
  end
  return out
end

--- What explain() says of the layer that wins; nil when no layer has a value.
---@param key string
---@return { layer: string, source: string, value: any, err: string? }?
function Config:winner(key)
  for _, row in ipairs(self:explain(key) or {}) do
    if row.wins then
      return row
    end
  end
end

-- ---- Checks ----

--- What is wrong with the settings in the environment, of those this program declares itself.
---@return prov.Err[]
function Config:check_environment()
  local out = {}
  for key, spec in next, self._static do
    local v, info = layers.read(self, "environment", key, spec)
    if v ~= nil and not interpolate.is_text(v) then
      local _, e = check(spec, key, v)
      out[#out + 1] = e and e:wrap("from %s", info.source)
    end
  end
  table.sort(out, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return out
end

--- What is wrong with the settings that the command line gives (--config KEY=VALUE); nil when all is well.
---@return prov.Err?
function Config:check_flags()
  for key, v in pairs(self._flags) do
    local spec, e = self:spec(key)
    if not spec then
      return e:wrap("--config %s", key)
    elseif not interpolate.is_text(v) then
      e = select(2, self:get(key))
    end
    if e then
      return e
    end
  end
end

local function rule_ids(self)
  local out = {}
  for _, key in ipairs(self:names("rules")) do
    out[#out + 1] = key:match("^rules%.([^.]+)%.severity$")
  end
  return out
end

-- Why a field of a file is no setting.
local function unknown(self, slot, path, key, v)
  local at = { path = path, file = slot.file, place = slot.place }
  local rule, option = key:match("^rules%.([^.]+)%.?(.*)$")
  local msg, hint = "there is no such setting", nil -- luacheck: ignore 311
  if self:spec_of(key) then -- ssh.keepalive: 5s
    msg = "a name has no dots here"
    hint = ("write '%s' in the map '%s'"):format(key:match("[^.]+$"), key:match("^(.*)%."))
  elseif rule and option == "" and not self:is_group(key) then
    msg, hint = "there is no such rule", suggest.hint(rule, rule_ids(self)) or "'prov rule list' shows them"
  elseif self:is_group(key) then
    msg, hint = ("expected a map of settings, found a %s"):format(data.kind(v)),
      ("'prov config show %s' lists them"):format(key)
  else
    hint = suggest.hint(key, self:names())
  end
  return contract.errors({ { path = {}, msg = msg, hint = hint } }, at)[1]
end

local function check_tree(self, slot, tree, path, prefix, errs)
  for _, name in ipairs(data.keys(tree)) do
    local key, v = prefix .. tostring(name), tree[name]
    path[#path + 1] = name
    local spec = not tostring(name):find(".", 1, true) and self:spec_of(key)
    if v == data.null and (spec or self:is_group(key)) then -- luacheck: ignore
    elseif spec then
      if not interpolate.is_text(v) then
        local at = { path = table.move(path, 1, #path - 1, 1, {}), file = slot.file, place = slot.place }
        local _, e = check(spec, key, v, at)
        errs[#errs + 1] = e
      end
    elseif data.kind(v) == "map" and self:is_group(key) then
      check_tree(self, slot, v, path, key .. ".", errs)
    else
      errs[#errs + 1] = unknown(self, slot, table.move(path, 1, #path, 1, {}), key, v)
    end
    path[#path] = nil
  end
end

--- The part of a group that is declared.
local function known_of(self, prefix, tree)
  local out = {}
  for name, v in pairs(tree) do
    out[name] = self:is_group(("%s.%s"):format(prefix, name)) and v or nil
  end
  return out
end

--- Everything that is wrong in the files of all layers: unknown keys, wrong values, files that do not read.
---@return prov.Err[]
function Config:check_files()
  local errs = {}
  for _, slot in ipairs(layers.slots(self)) do
    if slot.err then
      errs[#errs + 1] = not slot.only and slot.err or nil -- what is read twice is told once
    else
      check_tree(self, slot, slot.tree, table.move(slot.below, 1, #slot.below, 1, {}), "", errs)
    end
  end
  return errs
end

--- What is wrong with one group of settings in the files: the unknown keys and wrong values below it. What the user
--- says of rules that are not here is for other workspaces.
---@param name string "rules"
---@return prov.Err[]
function Config:check_group(name)
  local errs = {}
  for _, slot in ipairs(layers.slots(self)) do
    if slot.err then
      errs[#errs + 1] = not slot.only and slot.err or nil
    elseif slot.tree[name] ~= nil then
      local tree = slot.tree[name]
      if slot.layer == "user" and type(tree) == "table" then
        tree = known_of(self, name, tree)
      end
      check_tree(self, slot, { [name] = tree }, table.move(slot.below, 1, #slot.below, 1, {}), "", errs)
    end
  end
  return errs
end

--- What would be wrong if a file of a layer had this text.
---@param place prov.ConfigPlace
---@param text string
---@return prov.Err[]
function Config:check_text(place, text)
  local slot, errs = layers.read_text(place, text), {}
  if slot.err then
    return { slot.err }
  end
  check_tree(self, slot, slot.tree, table.move(slot.below, 1, #slot.below, 1, {}), "", errs)
  return errs
end

--- Everything that is wrong: files, environment, and values that refer to each other in a circle.
---@return prov.Err[]
function Config:validate()
  local errs, seen = {}, {}
  local function add(e)
    local what = e and (e.data and e.data.circle or tostring(e)) -- each key of a circle tells it
    if e and not seen[what] then
      seen[what] = true
      errs[#errs + 1] = e
    end
  end
  for _, list in ipairs({ self:check_files(), self:check_environment() }) do
    for _, e in ipairs(list) do
      add(e)
    end
  end
  for _, key in ipairs(self:names()) do
    add(select(2, self:get(key)))
  end
  return errs
end

--- The settings as one contract: records within records, of which only the innermost fields are values (`parts`).
---@return table<string, prov.Field>
function Config:contract()
  local root = {}
  for _, key in ipairs(self:names()) do
    local at, parts = root, {}
    for part in key:gmatch("[^.]+") do
      parts[#parts + 1] = part
    end
    for i = 1, #parts - 1 do
      at[parts[i]] = at[parts[i]] or { type = "record", fields = {}, doc = "Settings of " .. parts[i], parts = true }
      at = at[parts[i]].fields
    end
    local spec = {}
    for name, v in pairs(self:spec_of(key)) do
      spec[name] = v
    end
    spec.required = nil
    at[parts[#parts]] = spec
  end
  for id, rule in pairs(root.rules and root.rules.fields or {}) do -- also written as its severity alone
    root.rules.fields[id] = { type = "union", of = { rule.fields.severity, rule }, doc = rule.fields.severity.doc }
  end
  return root
end

return M
