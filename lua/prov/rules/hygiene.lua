-- What is said to rules themselves.

local suggest = require("prov.suggest")

--- What nodes and their clusters ignore, once for those that share it: list of { node, said }.
local function ignores(ctx)
  return ctx:once("ignores", function()
    local out, seen = {}, {}
    local function look(node, said)
      if said and not seen[said] then
        seen[said] = true
        out[#out + 1] = { node = node, said = said }
      end
    end
    for _, list in ipairs({ ctx:resources(), ctx:taskservs() }) do
      for _, node in ipairs(list) do
        look(node, node.validate)
        look(node, ctx.infra.block_of[node].validate)
      end
    end
    return out
  end)
end

--- Calls fn(node, id, said) for every rule that is ignored.
local function each_ignore(ctx, fn)
  for _, one in ipairs(ignores(ctx)) do
    for id in pairs(one.said.ignore or {}) do
      fn(one.node, id, one.said)
    end
  end
end

return {
  {
    id = "ignore-unknown",
    severity = "warning",
    applies = { "infra" },
    last = true,
    summary = "A resource ignores a rule that does not exist",
    doc = "A typing mistake there ignores nothing.",
    bad = "networks:\n  lan: { validate: { ignore: { network-unusd: for later } } }\n",
    good = "networks:\n  lan: { validate: { ignore: { network-unused: for later } } }\n",
    check = function(ctx)
      local ids = {}
      for id in pairs(ctx.rules) do
        ids[#ids + 1] = id
      end
      table.sort(ids)
      each_ignore(ctx, function(node, id)
        if not ctx.rules[id] then
          ctx:report(node, {
            path = { "validate", "ignore", id },
            message = ("there is no rule '%s'"):format(id),
            hint = suggest.hint(id, ids) or "'prov rule list' shows them",
          })
        end
      end)
    end,
  },
  {
    id = "ignore-unused",
    severity = "note",
    applies = { "infra" },
    last = true,
    summary = "A resource ignores a rule that finds nothing there",
    doc = "The reason has gone: what it says is no longer so, and would hide the next mistake.",
    bad = [[
networks:
  lan: { validate: { ignore: { network-unused: for later } } }
servers:
  web: { network: "${network.lan}" }
]],
    good = "networks:\n  lan: { validate: { ignore: { network-unused: for later } } }\n",
    check = function(ctx)
      each_ignore(ctx, function(node, id, said)
        local used = ctx.used[said]
        if ctx.rules[id] and not ctx.off[id] and not (used and used[id]) then
          ctx:report(node, {
            path = { "validate", "ignore", id },
            message = ("the rule %s finds nothing here"):format(id),
            hint = "take it out of 'ignore'",
          })
        end
      end)
    end,
  },
}
