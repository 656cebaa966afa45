--- `data`: things that an infra only reads, found by a provider when a plan is made.

local address = require("prov.address")
local contract = require("prov.contract")
local data = require("core.data")
local expand = require("prov.infra.expand")
local interpolate = require("prov.infra.interpolate")
local links = require("prov.infra.links")
local merge = require("prov.infra.merge")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local SCHEMA = {
  provider = { type = "string", doc = "Who is asked; usually from 'defaults'" },
  kind = { type = "string", required = true, doc = "What is looked for: image, plan, zone, or a kind of resource" },
  where = { type = "map", default = {}, doc = "Fields and their values; * and ? stand for any text" },
  sort = { type = "string", doc = "Field by which several are ordered" },
  pick = {
    type = "enum",
    one_of = { "one", "first", "last", "all" },
    default = "one",
    doc = "Which of several; 'one': there must be exactly one; 'all' gives a list",
  },
}

--- Kinds that a provider can look up.
local function kinds_of(declaration)
  local names = {}
  for name in next, type(declaration.catalog) == "table" and declaration.catalog or {} do
    names[#names + 1] = merge.singular(name) or name
  end
  for name in next, declaration.resources do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function contains(list, wanted)
  for _, one in ipairs(list) do
    if one == wanted then
      return true
    end
  end
  return false
end

--- Checks the `data` of a home; what is good can be referred to.
---@param loader prov.InfraLoader
---@param joined table<string, prov.Part>
---@param home prov.Home
function M.add(loader, joined, home)
  for _, name in ipairs(data.keys(joined.data.values)) do
    local block = {
      source = merge.source_of(joined.data, name),
      path = { "data", name },
      home = home,
      entry = joined.data.values[name],
    }
    local problems = {}
    local filled = interpolate.value(block.entry, home.scope, problems)
    local done, wrong
    if #problems == 0 then
      done, wrong = contract.compile({ it = { type = "record", fields = SCHEMA } }).run({ it = filled })
      for _, p in ipairs(wrong or {}) do
        table.remove(p.path, 1)
      end
    end
    if not address.is_name(name) then
      loader:fail_at(block, nil, ("'%s' cannot be a name: use letters, digits, - and _"):format(tostring(name)))
    elseif wrong or #problems > 0 then
      loader:problems(block, wrong or problems)
    else
      local one = done.it
      one.address = home.prefix .. "data." .. name
      one.provider = one.provider or home.default_provider
      one.block = block
      if not one.provider then
        loader:fail_at(block, nil, "no provider", "name one in the field 'provider', or for all in 'defaults'")
      else
        local known = expand.provider(loader, block, one.provider, {})
        if known and type(known.declaration.catalog) ~= "function" then
          local kinds = kinds_of(known.declaration)
          if not contains(kinds, one.kind) then
            loader:fail_at(block, { "kind" }, ("the provider '%s' can look up no '%s'"):format(one.provider, one.kind),
              suggest.hint(one.kind, kinds) or "it knows: " .. table.concat(kinds, ", "))
          end
        end
        loader.lookups[one.address] = one
      end
    end
  end
end

--- Gives the references in them their final form; a list in the order of addresses.
---@return table[] { address, provider, kind, where, sort, pick, needs, origin }
function M.run(loader)
  local out = {}
  for _, at in ipairs(data.keys(loader.lookups)) do
    local one = loader.lookups[at]
    local block, problems, needs = one.block, {}, {}
    one.where = links.value(loader, block, one.where, needs, problems)
    if #problems > 0 then
      loader:problems(block, problems, { "where" })
    end
    local line, column, file = block.source.place(merge.path_of(block))
    one.origin, one.block = { file = file or block.source.file, line = line, column = column }, nil
    one.needs = data.list(data.keys(needs))
    out[#out + 1] = one
  end
  local _, e = require("prov.plan.cycle").order(out, function(one)
    return data.keys(value.references(one.where))
  end)
  if e then
    loader:fail(e)
  end
  return out
end

return M
