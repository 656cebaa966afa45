-- What providers offer: plans, zones, images.

local merge = require("prov.infra.merge")
local suggest = require("prov.suggest")

--- The names of entries, each once: an image may be there for several processors.
local function names_of(entries)
  local out, seen = {}, {}
  for _, entry in ipairs(entries) do
    out[#out + 1] = not seen[entry.name] and entry.name or nil
    seen[entry.name] = true
  end
  return out
end

--- Entries by all that means them: name, id and `also`.
local function index_of(entries)
  local out = {}
  for _, entry in ipairs(entries) do
    for _, text in ipairs(entry.also or {}) do
      out[text] = out[text] or entry
    end
    out[entry.id or entry.name] = entry
    out[entry.name] = entry
  end
  return out
end

-- Lists that are about one kind only: the plans of load balancers are others.
local OF_KIND = { plans = "server" }

--- The fields of a kind that a list of the provider's catalog is about (`plans` for plan, `images` for image): list of
--- { field, entries, names, unlisted }, or nil.
local function choices_of(ctx, node)
  local schema, out, catalog = ctx:schema(node), nil, ctx:catalog(node)
  for list, entries in pairs(catalog) do
    local field = type(entries) == "table" and entries[1] and merge.singular(list)
    if field and schema[field] and (OF_KIND[list] or node.kind) == node.kind then
      out = out or {}
      out[#out + 1] = {
        field = field, entries = entries, names = index_of(entries), unlisted = (catalog.unlisted or {})[list],
      }
    end
  end
  return out
end

--- Calls fn(ctx, node, choice, text, entry) for every such field that is worth a look: what it names is not in the list
--- (entry is nil), or deprecated.
local function each_odd(ctx, node, choices, fn)
  local args = node.args
  for i = 1, #choices do
    local choice = choices[i]
    local names, text = choice.names, args[choice.field]
    local entry = names[text]
    if text ~= nil and (not entry or entry.deprecated) then -- few are
      text = ctx:known(text)
      if type(text) == "string" then
        fn(ctx, node, choice, text, names[text])
      end
    end
  end
end

local function check_unknown(ctx, node, choice, text, entry)
  if not entry and not (choice.unlisted and text:find(choice.unlisted)) then
    local names = names_of(choice.entries)
    ctx:report(node, {
      path = { choice.field },
      message = ("provider '%s' has no %s '%s'"):format(node.provider, choice.field, text),
      hint = suggest.hint(text, names) or "there are: " .. table.concat(names, ", ", 1, math.min(#names, 12)),
    })
  end
end

local function check_deprecated(ctx, node, choice, text, entry)
  if entry and entry.deprecated then
    local new = entry.replaced_by
    ctx:report(node, {
      path = { choice.field },
      message = ("the %s %s is %s"):format(
        choice.field,
        text,
        type(entry.deprecated) == "string" and entry.deprecated or "deprecated"
      ),
      hint = new and ("%s takes its place"):format(new),
      fix = new and { { path = { choice.field }, value = new } },
    })
  end
end

local FLOATING = { latest = true, stable = true, edge = true, main = true, master = true, nightly = true }

--- Why the name of a container image is not one certain image, or nil.
local function floating_image(text)
  if text:find("@sha256:", 1, true) then
    return nil
  end
  local tag = text:match("[^/]*$"):match(":([^:]+)$")
  return not tag and "it has no tag" or FLOATING[tag] and "the tag " .. tag .. " moves" or nil
end

return {
  {
    id = "catalog-unknown",
    severity = "error",
    applies = { "resource" },
    summary = "A plan, zone or image that the provider does not offer",
    doc = "Compared with the provider's catalog, which `prov catalog` asks for and keeps in the workspace.",
    bad = "servers:\n  web: { plan: 2xCPU-4G }\n",
    good = "servers:\n  web: { plan: 2xCPU-4GB }\n",
    about = choices_of,
    check = function(ctx, node, choices)
      each_odd(ctx, node, choices, check_unknown)
    end,
  },
  {
    id = "catalog-deprecated",
    severity = "warning",
    applies = { "resource" },
    summary = "A plan, zone or image that the provider is about to drop",
    doc = "The catalog says so, and often what takes its place.",
    bad = "servers:\n  web: { image: debian-11 }\n",
    good = "servers:\n  web: { image: debian-12 }\n",
    about = choices_of,
    check = function(ctx, node, choices)
      each_odd(ctx, node, choices, check_deprecated)
    end,
  },
  {
    id = "image-floating",
    severity = "warning",
    applies = { "taskserv.containerd" },
    summary = "A container image without a fixed version",
    doc = "`latest`, or no tag, is another image tomorrow: two servers of one infra run different things.",
    bad = [[
servers:
  node: { taskservs: { containerd: { sandbox_image: registry.k8s.io/pause } } }
]],
    good = [[
servers:
  node: { taskservs: { containerd: { sandbox_image: "registry.k8s.io/pause:3.9" } } }
]],
    check = function(ctx, taskserv)
      local image = ctx:known(taskserv.args.sandbox_image)
      local why = image and floating_image(image)
      if why then
        ctx:report(taskserv, {
          path = { "sandbox_image" },
          message = ("%s: %s"):format(image, why),
          hint = "name a version, or a digest",
        })
      end
    end,
  },
}
