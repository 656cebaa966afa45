--- Routers between private networks, with static routes.

local api = require("api")

return require("labelled").of({
  path = "/router",
  one = { "router" },
  many = { "routers", "router" },
  change = "patch",
  is_ours = function(router)
    return router.type == "normal"
  end,
  body = function(ctx, want, key)
    local routes = {}
    for i, one in ipairs(want.routes) do
      routes[i] = { name = "route-" .. i, route = one.to, nexthop = one.via }
    end
    return {
      name = api.name(ctx, want),
      static_routes = ctx.json.list(routes),
      labels = api.labels(ctx, want.labels, key),
    }
  end,
  state = function(ctx, router)
    local routes = {}
    for i, one in ipairs(router.static_routes or {}) do
      routes[i] = { to = one.route, via = one.nexthop }
    end
    return {
      id = router.uuid,
      name = router.name,
      routes = ctx.json.list(routes),
      labels = (api.from_labels(router.labels)),
    }
  end,
})
