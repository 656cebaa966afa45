local M = {}

local function path(ctx, id)
  return ctx.config.dir .. "/" .. id
end

function M.read(ctx, id)
  if ctx.config.unreadable then
    return ctx.fail("unavailable", "the folder does not answer")
  end
  local text, e = ctx.fs.read(path(ctx, id))
  if not text then
    if e.code == "notfound" then
      return nil
    end
    return nil, e
  end
  return { id = id, label = text ~= "" and text or nil }
end

function M.create(ctx, want)
  local name = ctx.address:match("%.(.*)$")
  if ctx.config.fail == name then
    return ctx.fail("failed", "refused")
  end
  local ok, e = ctx.fs.write_atomic(path(ctx, ctx.key), want.label)
  if not ok then
    return nil, e
  end
  if ctx.config.lose == name then
    return ctx.fail("timeout", "the answer was lost")
  end
  ctx.sleep(ctx.config.slow)
  ctx.adopt(ctx.key)
  ctx.sleep(ctx.config.slow)
  return M.read(ctx, ctx.key)
end

function M.update(ctx, id, want)
  local ok, e = ctx.fs.write_atomic(path(ctx, id), want.label)
  if not ok then
    return nil, e
  end
  if ctx.config.mute == "raise" then
    error({})
  elseif ctx.config.mute then
    return nil
  end
  return { id = id, label = want.label }
end

function M.delete(ctx, id)
  local ok, e = ctx.fs.remove(path(ctx, id))
  if not ok and e.code ~= "notfound" then
    return nil, e
  end
  return true
end

function M.find(ctx, key)
  return M.read(ctx, key)
end

return M
