--- Public keys for SSH.

local api = require("api")
local common = require("common")
local keys = require("keys")

--- The key of a workspace comes and goes with its servers.
local function not_ours(key)
  return (key.labels or {})[api.KEY] == keys.LABEL
end

local function state(_, key, recorded)
  local same = recorded.public_key and keys.bare(recorded.public_key) == keys.bare(key.public_key)
  return {
    id = tostring(key.id),
    name = key.name,
    public_key = same and recorded.public_key or key.public_key,
    labels = api.own_labels(key.labels),
    fingerprint = key.fingerprint,
  }
end

local body = common.body({
  path = "/ssh_keys", list = "ssh_keys", field = "ssh_key", what = "key", state = state, at_once = true,
  not_ours = not_ours,
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

function M.create(ctx, want)
  local id, key = body.make(ctx, want, { public_key = want.public_key })
  if not id then
    return nil, key
  end
  return state(ctx, key, want)
end

function M.update(ctx, id, want)
  local key, e = body.present(ctx, id)
  if not key then
    return nil, e
  end
  local ok
  ok, e = body.rename(ctx, id, want, key)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
