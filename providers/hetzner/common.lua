--- What the kinds of Hetzner have in common: reading, finding, listing, deleting, names and labels, protection; and
--- how what is seen is told in the words of what was asked for.

local api = require("api")

local M = {}

--- The same value in canonical form, to compare.
local function text_of(ctx, v)
  return assert(ctx.json.encode(v))
end

function M.equal(ctx, a, b)
  return a == b or a ~= nil and b ~= nil and text_of(ctx, a) == text_of(ctx, b)
end

--- A list as it was recorded, when both hold the same in another order; else in the recorded order as far as possible.
function M.in_order(ctx, recorded, seen)
  local out, left = ctx.json.list({}), {}
  for _, item in ipairs(seen) do
    left[#left + 1] = item
  end
  for _, wanted in ipairs(type(recorded) == "table" and recorded or {}) do
    for i, item in ipairs(left) do
      if M.equal(ctx, item, wanted) then
        out[#out + 1] = item
        table.remove(left, i)
        break
      end
    end
  end
  return table.move(left, 1, #left, #out + 1, out)
end

--- What was recorded, when it means what is seen; else what is seen, told as well as it can be.
function M.echo(ctx, recorded, to_api, seen, tell)
  if recorded ~= nil then
    local ok, asked = pcall(to_api, recorded)
    if ok and M.equal(ctx, asked, seen) then
      return recorded
    end
  end
  return tell(seen)
end

--- The name of the location of an object; older answers have it in `datacenter`.
function M.zone(object)
  local location = object.location or object.home_location or object.datacenter and object.datacenter.location
  return location and location.name
end

--- The body of a kind: what is the same for all.
---@param kind table path (of the API), list and field (names in its answers), what (for people),
--- state(ctx, object, recorded) -> state, and optionally before_delete(ctx, id), timeout (of deletion)
function M.body(kind)
  local body = { kind = kind }

  function body.path(ctx, id)
    return ("%s/%d"):format(kind.path, api.number(ctx, id, kind.what))
  end

  function body.object(ctx, id)
    return api.get(ctx, body.path(ctx, id), kind.field)
  end

  function body.read(ctx, id)
    local object, e = body.object(ctx, id)
    if not object then
      return nil, e
    end
    return kind.state(ctx, object, ctx.recorded or {})
  end

  function body.find(ctx, key)
    local object, e = api.find(ctx, kind.path, kind.list, key)
    if not object then
      return nil, e
    end
    return kind.state(ctx, object, ctx.want or {})
  end

  function body.list(ctx)
    local objects, e = api.all(ctx, kind.path, kind.list, kind.query)
    if not objects then
      return nil, e
    end
    for i, object in ipairs(objects) do
      objects[i] = kind.state(ctx, object, ctx.recorded_of and ctx.recorded_of(tostring(object.id)) or {})
    end
    return objects
  end

  function body.delete(ctx, id)
    if kind.before_delete then
      local ok, e = kind.before_delete(ctx, id)
      if not ok then
        return nil, e
      end
    end
    local answer, e = api.client(ctx):delete(body.path(ctx, id))
    if answer then
      return api.wait(ctx, answer, kind.timeout)
    elseif e.code == "notfound" then
      return true
    end
    return nil, e
  end

  --- Creates with name and labels beside `fields`, writes the identity down, and waits.
  function body.make(ctx, want, fields)
    fields.name = want.name or ctx.name_of(ctx.address)
    fields.labels = api.labels(ctx, want.labels)
    local object, answer = api.create(ctx, kind.path, kind.list, kind.field, fields)
    if not object then
      return nil, answer
    end
    local id = tostring(object.id)
    ctx.adopt(id)
    local ok, e
    if answer.lost then
      ok, e = api.settle(ctx, body.path(ctx, id))
    else
      ok, e = api.wait(ctx, answer)
    end
    if not ok then
      return nil, e
    end
    return id, object
  end

  --- Brings name and labels up to date.
  function body.rename(ctx, id, want, object)
    local fields = { labels = api.labels(ctx, want.labels, object.labels) }
    local name = want.name or object.name
    if name == object.name and M.equal(ctx, fields.labels, object.labels or {}) then
      return true
    end
    fields.name = name
    return api.client(ctx):put(body.path(ctx, id), fields)
  end

  --- Begins an action and waits for it.
  function body.act(ctx, id, action, fields, timeout)
    return api.act(ctx, ("%s/actions/%s"):format(body.path(ctx, id), action), fields, timeout)
  end

  --- Sets or takes away the protection.
  function body.protect(ctx, id, want, object)
    local is = object.protection and object.protection.delete or false
    local wanted = want.protected or false
    if is == wanted then
      return true
    end
    return body.act(ctx, id, "change_protection", { delete = wanted, rebuild = kind.rebuild and wanted or nil })
  end

  --- The object, for an update: an error when it is gone.
  function body.present(ctx, id)
    local object, e = body.object(ctx, id)
    if not object then
      return nil, e or ctx.error("notfound", ("there is no %s %s"):format(kind.what, id))
    end
    return object
  end

  return body
end

--- The network zone of a location, or the zone itself when it is none.
function M.network_zone(ctx, zone)
  local locations, e = ctx.cached("locations", function()
    return api.all(ctx, "/locations", "locations")
  end)
  if not locations then
    return nil, e
  end
  for _, location in ipairs(locations) do
    if location.name == zone then
      return location.network_zone
    end
  end
  return zone
end

--- What differs between two lists: items to take away and to add.
function M.difference(ctx, is, wanted)
  local away, add = {}, {}
  for from, to in pairs({ [is] = { wanted, away }, [wanted] = { is, add } }) do
    for _, item in ipairs(from) do
      local there = false
      for _, other in ipairs(to[1]) do
        there = there or M.equal(ctx, item, other)
      end
      if not there then
        to[2][#to[2] + 1] = item
      end
    end
  end
  return away, add
end

--- Calls fn(item) for each item until one fails.
function M.each(items, fn)
  for _, item in ipairs(items) do
    local ok, e = fn(item)
    if not ok then
      return nil, e
    end
  end
  return true
end

return M
