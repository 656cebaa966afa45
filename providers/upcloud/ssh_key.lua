--- Public keys. UpCloud has no such resource: a key is a value of prov's own, and its identity is the key itself, so
-- that servers get it wherever they refer to it.

local M = {}

local function state_of(key)
  return { id = key, public_key = key }
end

function M.create(ctx, want)
  ctx.adopt(want.public_key)
  return state_of(want.public_key)
end

function M.read(_, id)
  return state_of(id)
end

function M.update(_, id)
  return state_of(id)
end

function M.delete()
  return true
end

--- Nothing is left behind by a creation that was cut off.
function M.find()
  return nil
end

return M
