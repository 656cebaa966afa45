--- Secrets of an infra: those that `secret("db/password")` names are declared by being named.

local value = require("prov.value")

local M = {}

local NONE = {}

--- Declares the secret that a reference names; one that needs a rule is declared in `secrets` instead.
---@param loader prov.InfraLoader
---@param from? prov.Block where it is named
---@param name string
---@return prov.Block?
function M.declare(loader, from, name)
  local place = from or loader.blocks[1]
  local block = {
    kind = "secret",
    top = "secrets",
    name = name,
    base = "secret." .. name,
    entry = {},
    source = place and place.source or { file = "infra", place = function() end },
    path = place and require("prov.infra.merge").path_of(place) or {},
    home = loader.root,
    default_provider = "secrets",
  }
  local resource = require("prov.infra.expand").implied(loader, block)
  if not resource then
    return nil
  end
  resource.needs, resource.implied = NONE, true
  return block
end

--- What signs a certificate comes before it.
---@param loader prov.InfraLoader
function M.chain(loader)
  for _, resource in ipairs(loader.resources) do
    local issuer = resource.kind == "secret" and resource.args.issuer
    if type(issuer) == "string" then
      local needs = resource.needs
      needs = type(needs) == "table" and not value.is_marked(needs) and needs or { needs }
      resource.needs = table.move(needs, 1, #needs, 2, { value.ref("^secret." .. issuer) })
    end
  end
end

--- Adds to what the infra imports: a secret that is kept already is taken as it is.
---@param loader prov.InfraLoader
---@param past? table<string, table[]> as prov.infra.refactor gives it
---@return table<string, table[]>?
function M.existing(loader, past)
  for _, resource in ipairs(loader.resources) do
    if resource.kind == "secret" and resource.provider == "secrets" then
      past = past or { moved = {}, import = {}, removed = {} }
      table.insert(past.import, {
        to = resource.address,
        id = resource.name,
        optional = true,
        resource = resource,
        origin = resource.origin,
      })
    end
  end
  return past
end

return M
