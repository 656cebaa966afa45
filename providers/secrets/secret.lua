-- A secret: its rule is what an infra wants, its value is made once for a rule and lives in the store.

local M = {}

local PARTS = { "value", "public_key", "certificate", "chain", "expires" }

local function state_of(kept)
  if type(kept.parts.value) ~= "string" then -- somebody else's, in the same engine
    return nil, ("the secret '%s' has no part 'value', as those of prov have"):format(kept.name)
  end
  local state = { id = kept.name, version = kept.version, created = kept.created }
  for _, part in ipairs(PARTS) do -- a part of somebody's own may be secret, too, and no schema says so
    state[part] = kept.parts[part]
  end
  return state
end

function M.read(ctx, id)
  local kept, e = ctx.secrets:get(id)
  if not kept then
    return nil, e
  end
  return state_of(kept)
end

function M.find(ctx)
  return M.read(ctx, ctx.secrets.name_of(ctx.address))
end

function M.create(ctx, want)
  local name = ctx.secrets.name_of(ctx.address)
  local kept, e = ctx.secrets:get(name)
  if not kept and not e then
    kept, e = ctx.secrets:make(name, want)
  end
  return kept and state_of(kept), e
end

-- Another rule, or a rotation: a new version.
function M.update(ctx, id, want)
  local kept, e = ctx.secrets:make(id, want)
  return kept and state_of(kept), e
end

-- Its versions stay: `prov secret restore` brings it back.
function M.delete(ctx, id)
  return ctx.secrets:remove(id)
end

function M.list(ctx)
  local names, e = ctx.secrets:list()
  local out = {}
  for i, row in ipairs(names or {}) do
    out[i], e = M.read(ctx, row.name)
    if not out[i] then
      return nil, e
    end
  end
  return names and out, e
end

return M
