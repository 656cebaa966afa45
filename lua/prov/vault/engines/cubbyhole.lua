--- cubbyhole: what a token keeps for itself. It ends with the token, and nobody else sees it, root neither.

local common = require("prov.vault.auth.common")
local err = require("prov.err")

local function path_of(req)
  return req.token.id .. "/" .. (req.params.path or "")
end

return {
  name = "cubbyhole",
  summary = "What a token keeps for itself",
  paths = {
    { path = "", doc = "What there is", list = function(ctx, req)
      return common.listed(ctx.storage:list(req.token.id .. "/"))
    end },
    {
      path = "{path...}", doc = "A secret",
      read = function(ctx, req)
        local value, e = ctx.storage:get(path_of(req))
        if value == nil then
          return nil, e or err.new("notfound", ("there is nothing at '%s'"):format(req.params.path))
        end
        return { data = value }
      end,
      list = function(ctx, req)
        return common.listed(ctx.storage:list(path_of(req) .. "/"))
      end,
      update = function(ctx, req)
        local ok, e = ctx.storage:put(path_of(req), req.given)
        return ok and {} or nil, e
      end,
      delete = function(ctx, req)
        local ok, e = ctx.storage:delete(path_of(req))
        return ok and {} or nil, e
      end,
    },
  },
}
