--- kv version 1: secrets by path.

local engine = require("prov.vault.engine")
local err = require("prov.err")

local function path_of(req)
  return "data/" .. req.params.path
end

local function read(ctx, req)
  local value, e = engine.need(ctx.storage, path_of(req), "notfound", "there is no secret at '%s'", req.params.path)
  if value == nil then
    return nil, e
  end
  local ttl = value.ttl or value.lease
  local seconds = ttl and engine.read_fields({ ttl = { type = "seconds", doc = "" } }, { ttl = ttl })
  return { data = value, lease_duration = seconds and seconds.ttl or ctx.default_ttl }
end

local function write(ctx, req)
  if next(req.given) == nil then
    return err.fail("usage", "missing data fields")
  end
  return engine.done(ctx.storage:put(path_of(req), req.given))
end

return {
  name = "kv",
  summary = "Secrets by path",
  paths = {
    { path = "", doc = "What there is", list = function(ctx)
      return engine.listed("secrets", ctx.storage:list("data/"))
    end },
    {
      path = "{path...}", doc = "A secret", read = read, update = write,
      exists = engine.exists(path_of), delete = engine.delete(path_of),
      list = function(ctx, req)
        return engine.listed("secrets below " .. req.params.path, ctx.storage:list(path_of(req) .. "/"))
      end,
    },
  },
}
