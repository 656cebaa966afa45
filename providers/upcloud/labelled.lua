--- What UpCloud makes at once and marks with labels: networks, routers, server groups, load balancers.

local api = require("api")

local M = {}

local PAGE = 100

---@class upcloud.Labelled
---@field path string of the collection
---@field one string[] keys of the thing in an answer
---@field many string[] keys of the list in an answer
---@field change string method of an update
---@field state fun(ctx, thing): table
---@field body fun(ctx, want, key: string?): table? wire form; nil, err when it cannot be made
---@field changed? fun(ctx, want, key: string?): table? the same for an update, when it differs
---@field ready? fun(ctx, thing): table?, prov.Err? waits for a new one
---@field paged? boolean the list comes in pages
---@field is_ours? fun(thing): boolean others are the cloud's own

--- What is sent, in the names that stand around it.
local function wrap(spec, v)
  for i = #spec.one, 1, -1 do
    v = { [spec.one[i]] = v }
  end
  return v
end

local function all(spec, ctx)
  local out = {}
  while true do
    local query = spec.paged and { limit = PAGE, offset = #out } or nil
    local page, e = api.call(ctx, "get", spec.path, query, table.unpack(spec.many))
    if not page then
      return nil, e
    end
    table.move(page, 1, #page, #out + 1, out)
    if not spec.paged or #page < PAGE then
      return out
    end
  end
end

--- Makes the functions of a body.
---@param spec upcloud.Labelled
function M.of(spec)
  local body = {}

  local function get(ctx, id)
    return api.call(ctx, "get", spec.path .. "/" .. id, nil, table.unpack(spec.one))
  end

  local function settled(ctx, thing, e)
    if thing and spec.ready then
      thing, e = spec.ready(ctx, thing)
    end
    if not thing then
      return nil, e
    end
    return spec.state(ctx, thing)
  end

  function body.read(ctx, id)
    local thing, e = get(ctx, id)
    if not thing then
      return api.absent(nil, e)
    end
    return spec.state(ctx, thing)
  end

  function body.create(ctx, want)
    local sent, e = spec.body(ctx, want, ctx.key)
    local made
    if sent then
      made, e = api.call(ctx, "post", spec.path, wrap(spec, sent), table.unpack(spec.one))
    end
    if not made then
      return nil, e
    end
    ctx.adopt(made.uuid)
    return settled(ctx, made)
  end

  function body.update(ctx, id, want)
    local now, e = get(ctx, id)
    local sent, changed
    if now then
      local _, key = api.from_labels(now.labels or now.label)
      sent, e = (spec.changed or spec.body)(ctx, want, key)
    end
    if sent then
      changed, e = api.call(ctx, spec.change, spec.path .. "/" .. id, wrap(spec, sent), table.unpack(spec.one))
    end
    return settled(ctx, changed, e)
  end

  function body.delete(ctx, id)
    return api.remove(ctx, spec.path .. "/" .. id)
  end

  function body.list(ctx)
    local things, e = all(spec, ctx)
    if not things then
      return nil, e
    end
    local out = {}
    for _, one in ipairs(things) do
      out[#out + 1] = (not spec.is_ours or spec.is_ours(one)) and spec.state(ctx, one) or nil
    end
    return out
  end

  function body.find(ctx, key)
    local things, e = all(spec, ctx)
    local found
    if things then
      found, e = api.with_key(ctx, things, key)
    end
    if not found then
      return nil, e
    end
    return settled(ctx, found)
  end

  return body
end

return M
