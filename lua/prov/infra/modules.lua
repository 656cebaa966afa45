--- Modules: a folder with module.yaml (or .lua, .json, .toml) whose tree is used under an address of its own.
--
-- An instance of a module is a home: its references mean what is in it, its variables are its inputs, and nothing
-- else of the infra is seen from there. From outside only its outputs are.

local data = require("core.data")
local expand = require("prov.infra.expand")
local fs = require("prov.fs")
local interpolate = require("prov.infra.interpolate")
local merge = require("prov.infra.merge")
local address = require("prov.address")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local FIELDS = { "source", "inputs", "count", "for_each", "needs", "depends_on", "provider" }
local KNOWN = {}
for _, name in ipairs(FIELDS) do
  KNOWN[name] = true
end


--- A path with its `.` and `..` taken out.
local function plain_path(path)
  local out = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      if #out == 0 then
        return nil
      end
      out[#out] = nil
    elseif part ~= "." then
      out[#out + 1] = part
    end
  end
  return table.concat(out, "/")
end

--- The folder of a module: as messages show it (with / at its end), and its module files.
local function find(loader, block, entry)
  local home, from = block.home, entry.source
  if type(from) ~= "string" or from == "" then
    loader:fail_at(block, from ~= nil and { "source" } or nil, "a module needs a 'source'", "source: ./modules/site")
    return nil
  elseif from:find("${", 1, true) then
    from = expand.plain(loader, block, from, { "source" })
    if type(from) ~= "string" then
      return nil
    end
  end
  local shown = from:sub(1, 1) ~= "/" and plain_path(home.shown .. from)
  if not shown or shown == "" then
    loader:fail_at(block, { "source" }, ("'%s' is no folder of the workspace"):format(from), "source: ./modules/site")
    return nil
  end
  local dir, paths = loader.workspace.dir .. "/" .. shown, {}
  for _, extension in ipairs(require("prov.infra.source").FORMS) do
    local path = ("%s/module.%s"):format(dir, extension)
    if fs.exists(path) then
      paths[#paths + 1] = path
    end
  end
  if #paths == 0 then
    local parent, names = shown:match("^(.*)/[^/]*$"), {}
    for _, one in ipairs(fs.list(loader.workspace.dir .. "/" .. (parent or "")) or {}) do
      names[#names + 1] = one.name
    end
    loader:fail_at(block, { "source" }, ("there is no %s/module.yaml"):format(shown),
      suggest.hint(shown:match("[^/]*$"), names) or "a module is a folder with module.yaml or module.lua")
    return nil
  end
  return dir, shown .. "/", paths
end

--- The chain of modules a home is in: "modules/a/ -> modules/b/"; nil when it may go on.
local function too_deep(home, shown)
  local chain, depth = { shown }, 0
  local at = home
  while at do
    depth = depth + 1
    if at.shown ~= "" then
      table.insert(chain, 1, at.shown)
    end
    if at.shown == shown then
      return "the module is inside of itself: " .. table.concat(chain, " -> ")
    end
    at = at.parent
  end
  return depth > settings.infra.modules and "modules are nested too deep" or nil
end

local function join_of(loader, reading, paths)
  local source = require("prov.infra.source")
  local sources = source.read_files(reading, paths)
  sources = source.finish(reading, sources)
  local joined, errs
  if sources then
    joined, errs = merge.join(sources)
  end
  for _, list in ipairs({ reading.errs, errs or {} }) do
    for _, e in ipairs(list) do
      loader:fail(e)
    end
  end
  return #reading.errs == 0 and joined or nil
end

--- One instance: a home and its blocks.
local function instance(loader, block, entry, where, key)
  local home = block.home
  local base = key and block.base .. address.format_key(key[1]) or block.base
  local scope = expand.scope(home, key)
  local problems = {}
  local given = interpolate.value(entry.inputs == value.null and {} or entry.inputs or {}, scope, problems)
  if #problems > 0 then
    loader:problems(block, problems, { "inputs" })
    return nil
  end
  if type(given) ~= "table" or value.is_marked(given) or value.is_list(given) then
    loader:fail_at(block, { "inputs" }, "expected a map of inputs")
    return nil
  end
  local reading = {
    workspace = loader.workspace,
    dir = where.dir,
    shown = where.shown,
    prefix = base .. ".",
    vars = {},
    errs = {},
    declared = { values = {}, by_name = {} },
    missing = function(name, declared_at)
      return merge.error(block.source, merge.path_of(block, { "inputs" }),
        ("the module wants an input '%s'"):format(name), "it is declared at " .. declared_at)
    end,
    given = {
      {
        values = given,
        place = function(name)
          local path = merge.path_of(block, { "inputs", name })
          return block.source, path
        end,
      },
    },
  }
  reading.functions = require("prov.infra.files").functions(reading)
  local joined = join_of(loader, reading, where.paths)
  if not joined then
    return nil
  end
  for _, name in ipairs({ "providers", "vars" }) do
    local first = next(joined[name].values)
    if first then
      loader:fail(merge.error(merge.source_of(joined[name], first), { name }, ("a module has no %s"):format(name),
        name == "providers" and "providers are configured in the infra; pass a name with 'provider', or as an input"
          or "give its inputs where it is used, or as their defaults"))
      return nil
    end
  end
  local made = {
    prefix = base .. ".",
    dir = where.dir,
    shown = where.shown,
    scope = { var = reading.vars, prefix = base .. ".", functions = reading.functions },
    parent = home,
    key = key and key[1],
    block = block,
    needs = entry.needs or entry.depends_on,
    address = base,
    default_provider = where.provider or home.default_provider,
  }
  expand.defaults(loader, joined, made)
  loader:collect(joined, made)

  return made
end

--- Expands one module into blocks of the loader.
---@param loader prov.InfraLoader
---@param block prov.Block
function M.expand(loader, block)
  local entry = block.entry
  if not address.is_name(block.name) then
    loader:fail_at(block, nil, address.no_name(block.name))
    return
  elseif type(entry) ~= "table" or getmetatable(entry) ~= nil then
    loader:fail_at(block, nil, "expected a map such as { source: ./modules/site }")
    return
  end
  for _, name in ipairs(data.keys(entry)) do
    if not KNOWN[name] then
      loader:fail_at(block, { name }, "a module has no such field", suggest.hint(tostring(name), FIELDS)
        or "what it takes stands in its 'inputs'")
    end
  end
  local dir, shown, paths = find(loader, block, entry)
  if not dir then
    return
  end
  local why = too_deep(block.home, shown)
  if why then
    loader:fail_at(block, { "source" }, why)
    return
  end
  local provider = entry.provider ~= nil and expand.plain(loader, block, entry.provider, { "provider" }) or nil
  local where = { dir = dir, shown = shown, paths = paths, provider = provider }
  local keys = expand.keys_of(loader, block, entry)
  if keys == false then
    return
  end
  local module = { block = block, base = block.base, keyed = keys ~= nil, instances = {}, by_key = {} }
  loader.modules[block.base] = module
  if not keys then
    module.single = instance(loader, block, entry, where)
    return
  end
  for _, key in ipairs(keys) do
    local made = instance(loader, block, entry, where, key)
    if not made then
      return -- the others have the same mistake
    end
    module.instances[#module.instances + 1] = made
    module.by_key[key[1]] = made
  end
end

return M
