--- Server groups: whether their servers stand on different hosts.

local api = require("api")

local POLICY = { spread = "yes", ["spread-strict"] = "strict", none = "no" }
local STRATEGY = { yes = "spread", strict = "spread-strict", no = "none" }

return require("labelled").of({
  path = "/server-group",
  one = { "server_group" },
  many = { "server_groups", "server_group" },
  change = "patch",
  body = function(ctx, want, key)
    return {
      title = api.name(ctx, want),
      anti_affinity = POLICY[want.strategy],
      labels = { label = api.labels(ctx, want.labels, key) },
    }
  end,
  state = function(_, group)
    return {
      id = group.uuid,
      name = group.title,
      strategy = STRATEGY[group.anti_affinity] or group.anti_affinity,
      labels = (api.from_labels(group.labels)),
    }
  end,
})
