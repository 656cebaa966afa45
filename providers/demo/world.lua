-- The world of the demo provider is what prov's own state says it is: reading a resource gives
-- back the state it was created with, so nothing has to be kept anywhere else.

local M = {}

local function pause(ctx)
  if ctx.config.delay > 0 then
    ctx.sleep(ctx.config.delay)
  end
end

local function state_of(want, id)
  local state = { id = id }
  for name, value in pairs(want) do
    state[name] = value
  end
  return state
end

--- An address that depends only on the id, so that a repeated run shows the same.
local function ip_of(id)
  local hash = 0
  for i = 1, #id do
    hash = (hash * 31 + id:byte(i)) % 16777213
  end
  return ("10.%d.%d.%d"):format(hash // 65536 % 256, hash // 256 % 256, hash % 254 + 1)
end

--- True when nothing but the id was recorded: of a creation that was cut off.
local function is_half_made(ctx)
  local seen = ctx.recorded
  return ctx.kind ~= "item" and seen.id ~= nil and next(seen, next(seen)) == nil
end

function M.read(ctx)
  if is_half_made(ctx) then
    return { id = ctx.recorded.id, incomplete = "its creation was cut off" }
  end
  return ctx.recorded
end

function M.create(ctx, want)
  if ctx.config.fail and ctx.address:find("." .. ctx.config.fail, 1, true) then
    return ctx.fail("failed", "the demo was told to fail here")
  end
  local id = ctx.kind .. "-" .. ctx.key
  ctx.adopt(id)
  pause(ctx)
  local state = state_of(want, id)
  if ctx.kind == "server" then
    state.ip = ip_of(id)
  end
  return state
end

function M.update(ctx, id, want, old)
  pause(ctx)
  local state = state_of(want, id)
  state.ip = old.ip
  return state
end

function M.delete(ctx)
  pause(ctx)
  return true
end

function M.find()
  return nil
end

return M
