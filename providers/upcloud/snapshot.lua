--- Backups of storages. They have no labels while they are made, so the key of the creation is in their title.

local api = require("api")

local M = {}

local function title_of(ctx, want, key)
  return ("%s [%s]"):format(api.name(ctx, want), key)
end

local function state_of(ctx, storage)
  local name = storage.title:match("^(.*) %[[^%]]*%]$") or storage.title
  return {
    id = storage.uuid,
    name = name,
    volume = storage.origin or api.recorded(ctx, storage.uuid).volume, -- a list may not tell
    size = api.size(storage.size),
    labels = (api.from_labels(storage.labels)),
  }
end

local function get(ctx, id)
  return api.call(ctx, "get", "/storage/" .. id, nil, "storage")
end

function M.read(ctx, id)
  local storage, e = get(ctx, id)
  if not storage then
    return api.absent(nil, e)
  end
  return state_of(ctx, storage)
end

local function settle(ctx, id, want)
  local ok, e = api.wait_storage(ctx, id)
  if ok and next(want.labels) then
    ok, e = api.call(ctx, "put", "/storage/" .. id, { storage = { labels = api.labels(ctx, want.labels) } })
  end
  if not ok then
    return nil, e
  end
  return M.read(ctx, id)
end

function M.create(ctx, want)
  local made, e = api.call(ctx, "post", ("/storage/%s/backup"):format(want.volume), {
    storage = { title = title_of(ctx, want, ctx.key) },
  }, "storage")
  if not made then
    return nil, e
  end
  ctx.adopt(made.uuid)
  return settle(ctx, made.uuid, want)
end

function M.update(ctx, id, want)
  local storage, e = get(ctx, id)
  if not storage then
    return nil, e
  end
  local key = storage.title:match(" %[([^%]]*)%]$")
  local ok
  ok, e = api.call(ctx, "put", "/storage/" .. id, { storage = {
    title = key and title_of(ctx, want, key) or api.name(ctx, want),
    labels = api.labels(ctx, want.labels),
  } })
  if not ok then
    return nil, e
  end
  return M.read(ctx, id)
end

function M.delete(ctx, id)
  return api.remove(ctx, "/storage/" .. id)
end

local function all(ctx)
  return api.call(ctx, "get", "/storage/backup", nil, "storages", "storage")
end

function M.list(ctx)
  local storages, e = all(ctx)
  if not storages then
    return nil, e
  end
  local out = {}
  for i, one in ipairs(storages) do
    out[i] = state_of(ctx, one)
  end
  return out
end

function M.find(ctx, key)
  local storages, e = all(ctx)
  if not storages then
    return nil, e
  end
  for _, one in ipairs(storages) do
    if one.title:sub(-#key - 2) == "[" .. key .. "]" then
      local ok
      ok, e = api.wait_storage(ctx, one.uuid)
      if not ok then
        return nil, e
      end
      return M.read(ctx, one.uuid)
    end
  end
end

return M
