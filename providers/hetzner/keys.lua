--- The public key of the workspace as a key of the project: every server gets it, so that prov can reach it. It is
--- made with the first server, and taken away with the last one.

local api = require("api")

local M = {}

M.LABEL = "workspace" -- in the place of a key of a creation

--- A key without its comment.
function M.bare(public_key)
  return (public_key:match("^%s*(%S+%s+%S+)") or public_key):gsub("%s+", " ")
end

local function name_of(ctx)
  local tail = M.bare(ctx.user_key):gsub("[^%w]", ""):sub(-8)
  return ("prov-%s-%s"):format(api.label(ctx.workspace.name), tail)
end

local function look(ctx)
  local keys, e = api.all(ctx, "/ssh_keys", "ssh_keys")
  if not keys then
    return nil, e
  end
  local wanted = M.bare(ctx.user_key)
  for _, key in ipairs(keys) do
    if M.bare(key.public_key) == wanted then
      return key.id
    end
  end
end

local function make(ctx)
  local id, e = look(ctx)
  if id or e then
    return id, e
  end
  local body
  body, e = api.client(ctx):post("/ssh_keys", {
    name = name_of(ctx), public_key = M.bare(ctx.user_key),
    labels = { [api.WORKSPACE] = api.label(ctx.workspace.name), [api.KEY] = M.LABEL },
  })
  if body then
    return body.ssh_key.id
  elseif e.code == "exists" or e.code == "unavailable" then -- another process was faster, or the answer was lost
    local found, unknown = ctx.poll({ every = 0.5, timeout = 5 }, function()
      return look(ctx)
    end)
    return found, not found and (unknown.code == "timeout" and e or unknown) or nil
  end
  return nil, e
end

--- The id of the key, made when it is not there.
---@return integer? id, prov.Err?
function M.workspace_key(ctx)
  local slot = ctx.cached("workspace key", function()
    return {}
  end)
  return ctx.cached("workspace key id", function()
    slot.gone = nil
    return make(ctx)
  end, function(known)
    return known ~= slot.gone
  end)
end

--- Makes the next server look for the key again: it is not there any more.
function M.forget(ctx, id)
  ctx.cached("workspace key", function()
    return {}
  end).gone = id
end

--- True when a creation failed because the key has gone meanwhile, with what was the last server then.
function M.is_gone(ctx, id, e)
  if e.code ~= "notfound" and e.code ~= "invalid" then
    return false
  end
  local key, unknown = api.get(ctx, ("/ssh_keys/%d"):format(id), "ssh_key")
  if key or unknown then
    return false
  end
  M.forget(ctx, id)
  return true
end

local function selector(ctx)
  return ("%s==%s"):format(api.WORKSPACE, api.label(ctx.workspace.name))
end

--- The servers of the workspace that nobody here deletes, by id; nil when that cannot be known.
local function others(ctx, deleted)
  local servers, e = api.all(ctx, "/servers", "servers", { label_selector = selector(ctx) })
  if not servers then
    ctx.log.warn("it is not known whether the workspace's key is still needed", { error = tostring(e) })
    return nil
  end
  local out = {}
  for _, server in ipairs(servers) do
    local id = tostring(server.id)
    out[id] = not deleted[id] and true or nil
  end
  return out
end

--- To be called before a server is deleted: takes the key away when it is the last one of the workspace. Before, for
--- whoever is killed in between comes back for the server, and not for the key.
function M.before_delete(ctx, id)
  local seen = ctx.cached("deletions", function()
    return { deleted = {} }
  end)
  seen.deleted[id] = true
  seen.others = seen.others or ctx.cached("servers of the workspace", function() -- once for many at once
    return others(ctx, seen.deleted)
  end)
  if not seen.others then
    return
  end
  seen.others[id] = nil
  if next(seen.others) == nil then
    seen.others = others(ctx, seen.deleted) -- there may be new ones
  end
  if not seen.others or next(seen.others) ~= nil then
    return
  end
  local keys = api.all(ctx, "/ssh_keys", "ssh_keys", {
    label_selector = ("%s,%s==%s"):format(selector(ctx), api.KEY, M.LABEL),
  })
  for _, key in ipairs(keys or {}) do
    M.forget(ctx, key.id)
    local gone, why = api.client(ctx):delete(("/ssh_keys/%d"):format(key.id))
    if not gone and why.code ~= "notfound" then
      ctx.log.warn("the key of the workspace could not be deleted", { key = key.name, error = tostring(why) })
    end
  end
end

return M
