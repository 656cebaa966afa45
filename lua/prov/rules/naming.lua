-- Names: of resources, of hosts, of tags.

local MOST = 63 -- RFC 1123: characters of one label of a host name

--- The name a server has inside, as providers make it: hostname, else the name it is given, else name and key.
local function hostname_of(ctx, server)
  for _, field in ipairs({ "hostname", "name" }) do
    local own = ctx:known(server.args[field])
    if type(own) == "string" then
      return own, field
    end
  end
  return server.name .. (server.key ~= nil and "-" .. tostring(server.key) or "")
end

return {
  {
    id = "name-style",
    severity = "warning",
    applies = { "resource" },
    summary = "A name that is no host name",
    doc = "Names become host names, labels and DNS records, where only small letters, digits and - are "
      .. "good everywhere.",
    options = {
      pattern = { type = "string", default = "^[a-z][a-z0-9-]*$", doc = "Lua pattern that every name must match" },
    },
    bad = "servers:\n  Web_1: {}\n",
    good = "servers:\n  web-1: {}\n",
    about = function(ctx)
      return ctx:option("pattern")
    end,
    check = function(ctx, node, pattern)
      if node.kind ~= "secret" and not node.name:find(pattern) then -- names of secrets are paths
        local better = node.name:lower():gsub("[^a-z0-9-]", "-")
        ctx:report(node, {
          message = ("the name '%s' is not like %s"):format(node.name, pattern),
          hint = better:find(pattern) and ("'%s' would be; prov state mv renames what exists"):format(
            better
          ) or "prov state mv renames what exists",
        })
      end
    end,
  },
  {
    id = "hostname-long",
    severity = "error",
    applies = { "server" },
    instances = true,
    summary = "A host name is too long",
    doc = "A label of a host name has at most 63 characters (RFC 1123). With count or for_each the key is "
      .. "part of it.",
    bad = "servers:\n  " .. ("very-long-name-"):rep(4) .. "of-a-web-server: {}\n",
    good = "servers:\n  web-server: {}\n  " .. ("very-long-name-"):rep(4)
      .. "of-a-web-server: { provider: hetzner, plan: cpx22, image: debian-12, name: web }\n",
    check = function(ctx, server)
      local name, field = hostname_of(ctx, server)
      if #name <= MOST then
        return
      end
      for label in name:gmatch("[^.]+") do
        if #label > MOST then
          ctx:report(server, {
            path = field and { field },
            message = ("its host name has %d characters, %d are allowed"):format(#label, MOST),
            hint = "a shorter name, or another one for the host: 'hostname' or 'name', as its provider calls it",
          })
        end
      end
    end,
  },
  {
    id = "hostname-duplicate",
    severity = "warning",
    applies = { "infra" },
    summary = "Two servers have the same host name",
    doc = "Their logs and metrics cannot be told apart. Instances of a count share a fixed hostname.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { count: 2, network: "${network.lan}", hostname: web }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { count: 2, network: "${network.lan}", hostname: "web-${index}" }
]],
    check = function(ctx)
      local seen = {}
      for _, server in ipairs(ctx:having("server", "hostname")) do
        local name = ctx:known(server.args.hostname)
        if type(name) == "string" then
          if seen[name] then
            ctx:report(server, {
              path = { "hostname" },
              message = ("'%s' is also the host name of %s"):format(name, seen[name].address),
              hint = "with count, make it depend on ${index}",
              related = { seen[name] },
              related_path = { "hostname" },
            })
          end
          seen[name] = seen[name] or server
        end
      end
    end,
  },
  {
    id = "tags-required",
    severity = "error",
    applies = { "resource" },
    summary = "A tag that this workspace demands is missing",
    doc = "Without the option it does nothing. Looks at `tags` of every resource.",
    options = {
      tags = { type = "list", of = { type = "string" }, default = {}, doc = "tags that every resource must have" },
    },
    bad = { options = { tags = { "owner" } }, infra = "servers:\n  web: {}\n" },
    good = { options = { tags = { "owner" } }, infra = "servers:\n  web: { tags: { owner: shop } }\n" },
    about = function(ctx)
      local wanted = ctx:option("tags")
      return wanted[1] and wanted
    end,
    check = function(ctx, node, wanted)
      local tags = ctx:map(node.tags or node.args.tags)
      for _, name in ipairs(wanted) do
        if tags[name] == nil then
          ctx:report(
            node,
            { message = ("the tag '%s' is missing"):format(name), hint = ("tags: { %s: ... }"):format(name) }
          )
        end
      end
    end,
  },
}
