--- The body that most kinds have: reading, finding by key, listing. Things are asked for by filters, so that what is
--- not there is an empty list and no error.

local api = require("api")

local M = {}

--- Adds what looks for objects.
local function looking(body, spec)
  local function filters(more)
    for name, v in pairs(spec.where or {}) do
      more[name] = v
    end
    return more
  end

  local function present(objects)
    local out = {}
    for _, object in ipairs(objects) do
      if object[spec.id] and not (spec.is_gone and spec.is_gone(object)) then -- EC2-Classic had some without ids
        out[#out + 1] = object
      end
    end
    return out
  end

  --- Those of some ids, where AWS has no filter for them.
  local function of_ids(objects, ids)
    local wanted, out = {}, {}
    for _, id in ipairs(type(ids) == "table" and ids or { ids }) do
      wanted[id] = true
    end
    for _, object in ipairs(objects) do
      out[#out + 1] = wanted[object[spec.id]] and object or nil
    end
    return out
  end

  local function everything(ctx, more)
    local ids = spec.unfiltered and more[spec.filter]
    if ids then
      more[spec.filter] = nil
    end
    local objects, e = api.describe(ctx, spec.operation, spec.field, filters(more), spec.params)
    if not objects then
      return nil, e
    elseif ids then
      return of_ids(objects, ids)
    end
    return spec.flatten and spec.flatten(objects) or objects
  end

  --- All objects that fit.
  function body.objects(ctx, more)
    local objects, e = everything(ctx, more or {})
    if not objects then
      return nil, e
    end
    return present(objects)
  end

  --- The object; nil alone when it is certainly gone. What is not seen is looked for twice: reads may lag behind.
  function body.object(ctx, id)
    for look = 1, 2 do
      local objects, e = body.objects(ctx, { [spec.filter] = id })
      if not objects then
        return nil, e
      elseif objects[1] then
        return objects[1]
      elseif look == 1 then
        ctx.sleep(ctx.config.poll / 2)
      end
    end
  end

  --- The object, for an update.
  function body.must(ctx, id)
    local object, e = body.object(ctx, id)
    if not object then
      return nil, e or ctx.error("notfound", ("there is no %s %s"):format(spec.what, id))
    end
    return object
  end

  --- All objects that fit, also those that are going.
  body.everything = everything
end

--- Adds the verbs that look.
local function reading(body, spec)
  function body.read(ctx, id)
    local object, e = body.object(ctx, id)
    if not object then
      return nil, e
    end
    return spec.state(ctx, object, ctx.recorded or {})
  end

  --- The object that carries a key.
  function body.by_key(ctx, key)
    local objects, e = body.objects(ctx, { ["tag:" .. api.KEY] = key })
    if not objects then
      return nil, e
    elseif #objects > 1 then
      return ctx.fail("conflict", "the key %s is on %s and %s", key, objects[1][spec.id], objects[2][spec.id])
    end
    return objects[1]
  end

  function body.find(ctx, key)
    local object, e = body.by_key(ctx, key)
    if not object then
      return nil, e
    end
    return spec.state(ctx, object, ctx.want or {})
  end

  function body.list(ctx)
    local objects, e = body.objects(ctx, {})
    if not objects then
      return nil, e
    end
    local out = ctx.json.list({})
    for i, object in ipairs(objects) do
      local known = ctx.recorded_of and ctx.recorded_of(object[spec.id]) or {}
      out[i], e = spec.state(ctx, object, known)
      if not out[i] then
        return nil, e
      elseif spec.not_ours and next(known) == nil and spec.not_ours(object) then
        out[i].not_ours = true
      end
    end
    return out
  end
end

--- Adds what makes and waits.
local function making(body, spec)
  --- Creates with name and labels in its tags, and writes the identity down.
  ---@param operation string
  ---@param params table without its tags
  ---@param result? string the field of the answer that holds the object
  function body.make(ctx, want, operation, params, result)
    if spec.type then
      params.TagSpecifications = api.specifications(ctx, { spec.type }, api.name_of(ctx, want), want.labels)
    end
    local object, e = api.made(ctx, function()
      local answer, failure = api.ec2(ctx, operation, params)
      if not answer then
        return nil, failure
      end
      return result and answer[result] or answer
    end, function()
      return body.by_key(ctx, ctx.key)
    end)
    if not object then
      return nil, e
    end
    ctx.adopt(object[spec.id])
    return object
  end

  --- Waits for something to come to a state; nil in `done` is "not seen", and what is going is seen too.
  function body.wait(ctx, id, done, opts)
    opts = opts or {}
    return ctx.watch(opts.name or spec.what, id, {
      read = function(ids)
        local objects, e = body.everything(ctx, { [spec.filter] = ids })
        if not objects then
          return nil, e
        end
        local by_id = {}
        for _, object in ipairs(objects) do
          by_id[object[spec.id]] = object
        end
        return by_id
      end,
      done = done, batch = api.BATCH, every = ctx.config.poll, max = 15, timeout = opts.timeout or 600,
    })
  end

  --- Waits until what was made is seen, for later calls would not know it.
  function body.seen(ctx, id)
    return body.wait(ctx, id, function(object)
      return object
    end, { timeout = 120 })
  end
end

--- Makes the functions of a kind.
---@param spec table what (for people), operation, field, id, filter (its name in filters), type (for tags),
--- state(ctx, object, known) -> state; optionally where (more filters), params, flatten(objects), is_gone(object),
--- unfiltered: AWS has no filter for ids, not_ours(object): AWS or another kind has made it
function M.body(spec)
  local body = {}
  looking(body, spec)
  reading(body, spec)
  making(body, spec)

  --- Gives it the name and labels that are wanted.
  ---@return table? object as it was before
  function body.retag(ctx, id, want)
    local object, e = body.must(ctx, id)
    if not object then
      return nil, e
    end
    local ok
    ok, e = api.retag(ctx, id, want, object.Tags)
    return ok and object or nil, e
  end

  --- Updates what can only get another name and other labels.
  function body.update(ctx, id, want)
    local object, e = body.retag(ctx, id, want)
    if not object then
      return nil, e
    end
    return body.read(ctx, id)
  end

  return body
end

--- Makes update and delete of a body tell apart what is gone: something that is not found on the way is not the thing
--- itself. Only a look at that says that it is gone.
---@param body table with object(ctx, id)
function M.guarded(body)
  for _, verb in ipairs({ "update", "delete" }) do
    local inner = body[verb]
    body[verb] = function(ctx, id, ...)
      local result, e = inner(ctx, id, ...)
      if result or not e or e.code ~= "notfound" then
        return result, e
      end
      local object, unknown = body.object(ctx, id)
      if object or unknown then
        e.code = "failed"
      end
      return nil, e
    end
  end
  return body
end

return M
