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

local function wrap(spec, v)
  for i = #spec.one, 1, -1 do
    v = { [spec.one[i]] = v }
  end
  return v
end

--- Everything of a collection that comes in pages.
---@async
---@param ctx table
---@param path string
---@param ... string keys of the list in an answer
---@return table[]?, prov.Err?
function M.paged(ctx, path, ...)
  local out = {}
  while true do
    local page, e = api.call(ctx, "get", path, { limit = PAGE, offset = #out }, ...)
    if not page then
      return nil, e
    end
    table.move(page, 1, #page, #out + 1, out)
    if #page < PAGE then
      return out
    end
  end
end

local function all(spec, ctx)
  if spec.paged then
    return M.paged(ctx, spec.path, table.unpack(spec.many))
  end
  return api.call(ctx, "get", spec.path, nil, table.unpack(spec.many))
end

local function get(spec, ctx, id)
  return api.call(ctx, "get", spec.path .. "/" .. id, nil, table.unpack(spec.one))
end

local function send(spec, ctx, method, path, body)
  return api.call(ctx, method, path, wrap(spec, body), table.unpack(spec.one))
end

--- The state of a thing once it is ready.
local function settled(spec, ctx, thing, e)
  if thing and spec.ready then
    thing, e = spec.ready(ctx, thing)
  end
  if not thing then
    return nil, e
  end
  return spec.state(ctx, thing)
end

--- Makes the functions of a body.
---@param spec upcloud.Labelled
function M.of(spec)
  local body = {}

  function body.read(ctx, id)
    local thing, e = get(spec, ctx, id)
    if not thing then
      return api.absent(nil, e)
    end
    return spec.state(ctx, thing)
  end

  function body.create(ctx, want)
    local sent, e = spec.body(ctx, want, ctx.key)
    local made
    if sent then
      made, e = send(spec, ctx, "post", spec.path, sent)
    end
    if not made then
      return nil, e
    end
    ctx.adopt(made.uuid)
    return settled(spec, ctx, made)
  end

  function body.update(ctx, id, want)
    local now, e = get(spec, ctx, id)
    local sent, changed
    if now then
      local _, key = api.from_labels(now.labels or now.label)
      sent, e = (spec.changed or spec.body)(ctx, want, key)
    end
    if sent then
      changed, e = send(spec, ctx, spec.change, spec.path .. "/" .. id, sent)
    end
    return settled(spec, ctx, changed, e)
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
    return settled(spec, ctx, found)
  end

  return body
end

return M
