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

--- The words in which something is told: what was wanted, else what was recorded.
function M.words(ctx)
  return ctx.want or ctx.recorded or {}
end

--- True when a field that can be said on either side of a relation was said on this one; or when nothing is known of
--- what was said, as for somebody who only looks.
function M.asked(recorded, name)
  return recorded[name] ~= nil or next(recorded) == nil
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

--- A reverse name that somebody gave; nil for the one that every address has from Hetzner.
function M.given_name(dns_ptr)
  return dns_ptr and not dns_ptr:find("^static%.[%x.-]+%.clients%.") and dns_ptr or nil
end

--- Refuses what is about to be deleted and is protected: asked before anything is taken away from it.
---@return true?, prov.Err?
function M.unprotected(ctx, what, object)
  if object.protection and object.protection.delete then
    return nil, ctx.error("denied", ("%s %s ('%s') is protected"):format(what, tostring(object.id), object.name), {
      hint = api.UNPROTECT,
    })
  end
  return true
end

--- What all kinds do in the same way; `self.kind` says of what.
local Body = {}

function Body.path(self, ctx, id)
  return ("%s/%d"):format(self.kind.path, api.number(ctx, id, self.kind.what))
end

function Body.object(self, ctx, id)
  return api.get(ctx, self.path(ctx, id), self.kind.field)
end

function Body.read(self, ctx, id)
  local object, e = self.object(ctx, id)
  if not object then
    return nil, e
  end
  return self.kind.state(ctx, object, M.words(ctx))
end

function Body.find(self, ctx, key)
  local object, e = api.find(ctx, self.kind.path, self.kind.list, key)
  if not object then
    return nil, e
  end
  return self.kind.state(ctx, object, M.words(ctx))
end

function Body.list(self, ctx)
  local objects, e = api.all(ctx, self.kind.path, self.kind.list, self.kind.query)
  if not objects then
    return nil, e
  end
  local not_ours = self.kind.not_ours
  for i, object in ipairs(objects) do
    local recorded = ctx.recorded_of and ctx.recorded_of(tostring(object.id))
    objects[i] = self.kind.state(ctx, object, recorded or {})
    objects[i].not_ours = not_ours and not recorded and not_ours(object) or nil
  end
  return objects
end

function Body.delete(self, ctx, id)
  local kind = self.kind
  if kind.before_delete then
    local ok, e = kind.before_delete(ctx, id)
    if not ok then
      return nil, e
    end
  end
  local answer, e = api.client(ctx):delete(self.path(ctx, id))
  if answer then
    return api.wait(ctx, answer, kind.timeout)
  elseif e.code == "notfound" then
    return true
  end
  return nil, e
end

--- Creates with name and labels beside `fields`, writes the identity down, and waits: its id and the object.
function Body.make(self, ctx, want, fields)
  local kind = self.kind
  fields.name = want.name or ctx.name_of(ctx.address)
  fields.labels = api.labels(ctx, want.labels)
  local object, answer = api.create(ctx, kind.path, kind.list, kind.field, fields)
  if not object then
    return nil, answer
  end
  local id = tostring(object.id)
  ctx.adopt(id)
  local ok, e = true, nil
  if not answer.lost then
    ok, e = api.wait(ctx, answer)
  elseif not kind.at_once then
    ok, e = api.settle(ctx, self.path(ctx, id))
  end
  if not ok then
    return nil, e
  end
  return id, object
end

--- Does what is left of a creation: fn(object) is called with what is there, again when nobody answers.
function Body.finish(self, ctx, id, fn)
  return api.persist(ctx, function()
    local object, e = self.present(ctx, id)
    if not object then
      return nil, e
    end
    return fn(object)
  end)
end

--- Protects what was just made, when that is wanted.
function Body.guard(self, ctx, id, want)
  return api.unless(not want.protected, self.finish, ctx, id, function(object)
    return self.protect(ctx, id, want, object)
  end)
end

--- Brings name and labels up to date.
function Body.rename(self, ctx, id, want, object)
  local fields = { labels = api.labels(ctx, want.labels, object.labels) }
  local name = want.name or object.name
  if name == object.name and M.equal(ctx, fields.labels, object.labels or {}) then
    return true
  end
  fields.name = name
  return api.client(ctx):put(self.path(ctx, id), fields)
end

--- Begins an action and waits for it.
function Body.act(self, ctx, id, action, fields, timeout)
  return api.act(ctx, ("%s/actions/%s"):format(self.path(ctx, id), action), fields, timeout)
end

--- Sets or takes away the protection.
function Body.protect(self, ctx, id, want, object)
  local is = object.protection and object.protection.delete or false
  local wanted = want.protected or false
  if is == wanted then
    return true
  end
  local fields = { delete = wanted }
  if self.kind.rebuild then
    fields.rebuild = wanted
  end
  return self.act(ctx, id, "change_protection", fields)
end

--- The object, for a change: an error when it is gone. What was just made may not be seen at once.
function Body.present(self, ctx, id)
  local object, e = self.object(ctx, id)
  if not object and not e and not ctx.recorded then
    object, e = ctx.poll({ every = 0.5, timeout = 15 }, function()
      return self.object(ctx, id)
    end)
  end
  if not object then
    return nil, e or ctx.error("notfound", ("there is no %s %s"):format(self.kind.what, id))
  end
  return object
end

--- The state after a change, told in the words of what was wanted.
function Body.seen(self, ctx, id, want)
  local object, e = self.present(ctx, id)
  if not object then
    return nil, e
  end
  return self.kind.state(ctx, object, want)
end

--- The functions of a kind, to be called without it: body.read(ctx, id).
---@param kind table path (of the API), list and field (names in its answers), what (for people),
--- state(ctx, object, recorded) -> state; and optionally before_delete(ctx, id), timeout (seconds a deletion may take),
--- query (of a list), rebuild (its protection has this too), at_once (it has no actions), not_ours(object) -> true for
--- what belongs to something else and goes with it: nobody is to take it over
function M.body(kind)
  local body = { kind = kind }
  for name, fn in pairs(Body) do
    body[name] = function(...)
      return fn(body, ...)
    end
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
