--- Cluster templates: an entry of `clusters` becomes a small infra tree of its own.
--
-- `expand(want)` returns `{ servers = {...}, networks = {...}, outputs = {...} }`. Its names get the
-- cluster's name in front (web in the cluster site is server.site-web), and references inside
-- of it mean its own resources first.

local contract = require("prov.contract")
local expand = require("prov.infra.expand")
local from_settings = require("prov.infra.from_settings")
local interpolate = require("prov.infra.interpolate")
local links = require("prov.infra.links")
local merge = require("prov.infra.merge")
local sandbox = require("prov.sandbox")
local settings = require("prov.settings")
local value = require("prov.value")

local M = {}


--- References given to a template mean what is outside of it, whatever it calls its own.
local from_outside
from_outside = function(v)
  return value.map(v, function(marked, kind)
    if kind == "ref" then
      local text, path = value.parts(marked)
      return value.ref(links.OUTSIDE .. text, path)
    elseif kind == "text" then
      local parts = {}
      for i, part in ipairs(marked) do
        parts[i] = from_outside(part)
      end
      return value.text(parts)
    elseif kind == "call" then
      local name, args = value.call_parts(marked)
      for i, arg in ipairs(args) do
        args[i] = from_outside(arg)
      end
      return value.call(name, args)
    elseif kind == "secret" then
      return value.secret(from_outside(marked[1]))
    end
    return marked
  end)
end

local function arguments(loader, block, declaration, entry)
  local given, problems = {}, {}
  for name, v in next, entry do
    if name ~= "template" and (name ~= "validate" or (declaration.schema or {}).validate) then
      given[name] = v
    end
  end
  given = from_outside(interpolate.value(given, block.home.scope, problems))
  local skip = not (declaration.schema or {}).provider and { provider = true } or nil
  local args, found = nil, nil
  if #problems == 0 then
    local group = "cluster." .. declaration.name
    local schema = from_settings.schema(loader, group, group .. ".", declaration.schema or {})
    args, found = contract.compile(schema).run(given, skip)
  end
  if found or #problems > 0 then
    loader:problems(block, found or problems)
    return nil
  end
  return args, given.provider
end

--- What `validate` of a cluster says, which counts for all that is in it; nil when it says nothing.
local function validation(loader, block, declaration, entry)
  if entry.validate == nil or entry.validate == value.null or (declaration.schema or {}).validate then
    return nil
  end
  local done, problems = contract.compile(expand.VALIDATE).run({ validate = entry.validate })
  if problems then
    loader:problems(block, problems)
    return nil
  end
  return done.validate
end

local function add_tree(loader, name, block, tree, provider)
  local rename, home = {}, block.home
  local blocks, prefix = {}, home.prefix
  for top, members in next, tree do
    if top ~= "outputs" then
      local kind = merge.singular(top) or top
      if type(members) ~= "table" then
        loader:fail_at(block, { top }, "the template gave no map of names")
        return
      end
      for short, entry in next, members do
        local long = ("%s-%s"):format(name, short)
        rename[prefix .. kind .. "." .. short] = prefix .. kind .. "." .. long
        blocks[#blocks + 1] = {
          kind = kind,
          top = top,
          name = long,
          base = prefix .. kind .. "." .. long,
          home = home,
          entry = entry,
          source = block.source,
          path = block.path,
          rename = rename,
          default_provider = provider,
          validate = block.validate,
        }
      end
    end
  end
  table.sort(blocks, function(a, b)
    return a.base < b.base
  end)
  for _, one in ipairs(blocks) do
    loader:add(one)
  end
  local problems = {}
  local outputs = interpolate.value(tree.outputs or {}, home.scope, problems)
  if #problems > 0 then
    loader:problems(block, problems)
  end
  loader.cluster_outputs[prefix .. "cluster." .. name] =
    { values = outputs, block = { source = block.source, path = block.path, rename = rename, home = home } }
end

--- Expands one cluster into blocks of the loader.
---@param loader prov.InfraLoader
---@param name string
---@param entry any
---@param block { source: prov.Source, path: (string|integer)[] }
function M.expand(loader, name, entry, block)
  if type(entry) ~= "table" or value.is_marked(entry) or type(entry.template) ~= "string" then
    loader:fail_at(block, nil, "a cluster needs a 'template'", "template: web")
    return
  end
  local declaration, e = loader.registry:get("cluster", entry.template)
  if not declaration then
    loader:fail_at(block, { "template" }, tostring(e), e.hint)
    return
  end
  local want, provider = arguments(loader, block, declaration, entry)
  if not want then
    return
  end
  want.name = want.name or name
  local tree
  tree, e = sandbox.call(loader.registry:which("cluster", entry.template), {
    instructions = settings.infra.cluster_instructions,
  }, declaration.expand, want)
  if type(tree) ~= "table" then
    local why = e and tostring(e) or "it returned no table"
    loader:fail_at(block, nil, ("the template '%s' failed: %s"):format(entry.template, why))
    return
  end
  block.validate = validation(loader, block, declaration, entry)
  add_tree(loader, name, block, tree, provider or want.provider)
end

return M
