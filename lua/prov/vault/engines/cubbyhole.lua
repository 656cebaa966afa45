--- cubbyhole: what a token keeps for itself. It ends with the token, and nobody else sees it, root neither.

local engine = require("prov.vault.engine")

local function path_of(req)
  return req.token.id .. "/" .. (req.params.path or "")
end

local function lister(ending)
  return function(ctx, req)
    return engine.listed("secrets", ctx.storage:list(path_of(req) .. ending))
  end
end

return {
  name = "cubbyhole",
  summary = "What a token keeps for itself",
  paths = {
    { path = "", doc = "What there is", list = lister("") },
    {
      path = "{path...}", doc = "A secret", list = lister("/"), delete = engine.delete(path_of),
      read = function(ctx, req)
        local value, e = engine.need(ctx.storage, path_of(req), "notfound", "there is nothing at '%s'", req.params.path)
        return value and { data = value }, e
      end,
      update = function(ctx, req)
        return engine.done(ctx.storage:put(path_of(req), req.given))
      end,
    },
  },
}
