-- The world of the demo provider is what prov's own state says it is: reading a resource gives back the
-- state it was created with. With `world` it is a folder beside, which others can look at and change: what
-- has no file there is gone.

local M = {}

local function pause(ctx)
  if ctx.config.delay > 0 then
    ctx.sleep(ctx.config.delay)
  end
end

local function folder(ctx)
  local world = ctx.config.world
  return world and (world:sub(1, 1) == "/" and world or ctx.workspace.dir .. "/" .. world)
end

--- Writes a change down, so that changes can be counted.
local function note(ctx, verb, id)
  local world = folder(ctx)
  if world then
    assert(ctx.fs.mkdirp(world .. "/calls"))
    assert(ctx.fs.write_atomic(("%s/calls/%s %s %s"):format(world, verb, ctx.address, id), ""))
  end
end

local function exists(ctx, id)
  local world = folder(ctx)
  if not world then
    return true
  end
  local text, e = ctx.fs.read(world .. "/" .. id)
  if not text and e.code ~= "notfound" then
    return nil, e
  end
  return text ~= nil
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

--- True when nothing but the id was recorded: of a creation that was cut off. What is imported has no key.
local function is_half_made(ctx)
  local seen = ctx.recorded
  return ctx.key and ctx.kind ~= "item" and seen.id ~= nil and next(seen, next(seen)) == nil
end

function M.read(ctx, id)
  local there, e = exists(ctx, id)
  if not there then
    return nil, e
  end
  if not folder(ctx) and is_half_made(ctx) then
    return { id = id, incomplete = "its creation was cut off" }
  end
  local state = state_of(ctx.recorded, id)
  state.ip = state.ip or ctx.kind == "server" and ip_of(id) or nil -- a creation that was killed recorded none
  return state
end

function M.create(ctx, want)
  if ctx.config.fail and ctx.address:find("." .. ctx.config.fail, 1, true) then
    return ctx.fail("failed", "the demo was told to fail here")
  end
  local id = ctx.kind .. "-" .. ctx.key
  if folder(ctx) then
    assert(ctx.fs.mkdirp(folder(ctx)))
    assert(ctx.fs.write_atomic(folder(ctx) .. "/" .. id, ctx.address .. "\n"))
    note(ctx, "create", id)
  end
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

function M.delete(ctx, id)
  pause(ctx)
  if folder(ctx) then
    local ok, e = ctx.fs.remove(folder(ctx) .. "/" .. id)
    if not ok then
      return nil, e
    end
    note(ctx, "delete", id)
  end
  return true
end

function M.find(ctx, key)
  local id = ctx.kind .. "-" .. key
  if folder(ctx) and exists(ctx, id) then
    return { id = id, ip = ctx.kind == "server" and ip_of(id) or nil }
  end
end

return M
