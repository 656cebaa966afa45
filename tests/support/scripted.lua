--- A provider for specs whose world is a table: its calls fail as a script says, and what it made is counted.

local M = {}

--- Makes a world: `things` by id, `calls` made by verb, and `script(verb, n, ctx)`, asked before the n-th
-- call of a verb, which may return an error to answer with, and true when the effect happens all the same. A world
-- that is `blind` keeps no key to find a thing by and tells its identity only in the answer; it lists its things.
---@return table world with world.declaration
function M.world(fields)
  local w = setmetatable({ things = {}, calls = {}, made = 0 }, { __index = fields })

  local function answer(verb, ctx, effect)
    w.calls[verb] = (w.calls[verb] or 0) + 1
    if w.script then
      local e, after = w.script(verb, w.calls[verb], ctx)
      if after then
        effect()
      end
      if e then
        return nil, e
      end
    end
    return effect()
  end

  local body = {}

  function body.read(ctx, id)
    return answer("read", ctx, function()
      return w.things[id]
    end)
  end

  function body.find(ctx, key)
    return answer("find", ctx, function()
      local found
      for _, thing in pairs(w.things) do
        if thing.key == key then
          if found then
            return ctx.fail("conflict", "key %s is on two things", key)
          end
          found = thing
        end
      end
      return found
    end)
  end

  function body.create(ctx, want)
    return answer("create", ctx, function()
      if want.after and not w.things[want.after] then
        return ctx.fail("notfound", "there is no %s", want.after)
      end
      w.made = w.made + 1
      local thing = { id = "t" .. w.made, key = ctx.key, label = want.label, after = want.after }
      w.things[thing.id] = thing
      if not w.blind then
        ctx.adopt(thing.id)
      end
      if w.linger then
        ctx.sleep(w.linger(ctx))
      end
      return thing
    end)
  end

  function body.update(ctx, id, want)
    return answer("update", ctx, function()
      local thing = w.things[id]
      if not thing then
        return ctx.fail("notfound", "no thing %s", id)
      end
      thing.label = want.label
      return thing
    end)
  end

  function body.delete(ctx, id)
    return answer("delete", ctx, function()
      if not w.things[id] then
        return ctx.fail("notfound", "no thing %s", id)
      end
      w.things[id] = nil
      return true
    end)
  end

  if w.blind then
    body.find = nil
    function body.list(ctx)
      local out = require("core.data").list({})
      for _, thing in pairs(w.things) do
        out[#out + 1] = thing
      end
      return answer("list", ctx, function()
        return out
      end)
    end
  end

  w.declaration = {
    kind = "provider", api = 1, name = "scripted", summary = "x", config = {},
    limits = w.limits or { retry = { base = 0.001, max = 0.002 } },
    resources = {
      thing = setmetatable({
        schema = {
          label = { type = "string", default = "x" },
          after = { type = "string" },
        },
        outputs = { id = { type = "string" } },
        timeout = w.timeout,
      }, { __index = body }),
    },
  }
  return w
end

--- How many things there are.
function M.count(world)
  local n = 0
  for _ in pairs(world.things) do
    n = n + 1
  end
  return n
end

--- A workspace (support.project) with this provider and these things: YAML of `things:`.
function M.workspace(world, things)
  local project = require("support.project")
  local c = project.ctx({ ["infra.yaml"] = "placeholder: true" })
  function c.write(text)
    project.edit(c, "infra.yaml", "defaults: { provider: scripted }\nthings:\n" .. text)
  end
  c.write(things)
  local real = c.registry
  c.registry = setmetatable({
    get = function(_, kind, name)
      if kind == "provider" and name == "scripted" then
        return world.declaration
      end
      return real:get(kind, name)
    end,
  }, {
    __index = function(_, name)
      local fn = real[name]
      return type(fn) == "function" and function(_, ...)
        return fn(real, ...)
      end or fn
    end,
  })
  return c
end

return M
