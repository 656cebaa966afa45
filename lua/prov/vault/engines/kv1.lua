--- kv version 1: secrets by path.

local common = require("prov.vault.auth.common")
local err = require("prov.err")

local function read(ctx, req)
  local value, e = ctx.storage:get("data/" .. req.params.path)
  if value == nil then
    return nil, e or err.new("notfound", ("there is no secret at '%s'"):format(req.params.path))
  end
  local ttl = value.ttl or value.lease
  local seconds = ttl and require("prov.vault.engine").read_fields({ ttl = { type = "seconds", doc = "" } },
    { ttl = ttl })
  return { data = value, lease_duration = seconds and seconds.ttl or ctx.default_ttl }
end

local function write(ctx, req)
  if next(req.given) == nil then
    return err.fail("usage", "missing data fields")
  end
  local ok, e = ctx.storage:put("data/" .. req.params.path, req.given)
  return ok and {} or nil, e
end

return {
  name = "kv",
  summary = "Secrets by path",
  paths = {
    { path = "", doc = "What there is", list = function(ctx)
      return common.listed(ctx.storage:list("data/"))
    end },
    {
      path = "{path...}", doc = "A secret", read = read, update = write,
      exists = function(ctx, req)
        local value, e = ctx.storage:get("data/" .. req.params.path)
        return value ~= nil, e
      end,
      list = function(ctx, req)
        return common.listed(ctx.storage:list("data/" .. req.params.path .. "/"))
      end,
      delete = function(ctx, req)
        local ok, e = ctx.storage:delete("data/" .. req.params.path)
        return ok and {} or nil, e
      end,
    },
  },
}
