--- The dependency graph as a picture. What is needed stands left of what needs it: layers by the
-- longest path, an order within each that makes few crossings (barycentres), then heights that
-- keep edges straight (isotonic regression). The same graph always gives the same bytes.

local address_of = require("prov.address")
local settings = require("prov.settings")

local M = {}

local CHAR, LABEL = 7.8, 6.6 -- widths of a character, of names and of kinds
local HEIGHT, GAP, THIN = 40, 14, 6 -- of a box, between two, of an edge that passes a layer
local PAD, MARGIN, CHANNEL = 14, 32, 72 -- in a box, around the picture, between two layers
local SWEEPS, PASSED_MAX = 6, 20000

-- The kinds with a colour of their own; all others share the last ones.
local COLORS = { network = 1, server = 2, taskserv = 3, volume = 4, firewall = 5 }
local COLOR_COUNT = 8

-- Each colour stands there twice: for viewers that know no variables, which would draw nothing, and for the others.
local STYLE = [[
  svg { --page: #ffffff; --box: #f8fafc; --line: #cbd5e1; --text: #0f172a; --dim: #64748b; --edge: #94a3b8;
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  .c1 { fill: #0284c7; --c: #0284c7 } .c2 { fill: #16a34a; --c: #16a34a } .c3 { fill: #7c3aed; --c: #7c3aed }
  .c4 { fill: #d97706; --c: #d97706 } .c5 { fill: #dc2626; --c: #dc2626 } .c6 { fill: #0d9488; --c: #0d9488 }
  .c7 { fill: #db2777; --c: #db2777 } .c8 { fill: #64748b; --c: #64748b }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0b1120; --box: #1e293b; --line: #334155; --text: #f1f5f9; --dim: #94a3b8; --edge: #64748b; }
    .c1 { --c: #38bdf8 } .c2 { --c: #4ade80 } .c3 { --c: #a78bfa } .c4 { --c: #fbbf24 }
    .c5 { --c: #f87171 } .c6 { --c: #2dd4bf } .c7 { --c: #f472b6 } .c8 { --c: #94a3b8 }
  }
  .page { fill: #ffffff; fill: var(--page) }
  .box { fill: #f8fafc; fill: var(--box); stroke: #cbd5e1; stroke: var(--line) }
  .bar { fill: var(--c) }
  .name { fill: #0f172a; fill: var(--text); font-size: 13px }
  .kind { fill: var(--c); font-size: 10.5px; letter-spacing: .02em }
  .edge { fill: none; stroke: #94a3b8; stroke: var(--edge); stroke-width: 1.25 }
  .tip { fill: #94a3b8; fill: var(--edge) }
  .none { fill: #64748b; fill: var(--dim); font-size: 13px }
]]

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escape(text)
  return (text:gsub('[&<>"]', ENTITIES):gsub("%c", " "))
end

local function width_of(text)
  return utf8.len(text) or #text
end

local function shorten(text)
  if width_of(text) <= settings.ui.graph_name then
    return text
  end
  local cut = utf8.offset(text, settings.ui.graph_name) or settings.ui.graph_name
  return text:sub(1, cut - 1) .. "…"
end

-- "server", "web[1]" of server.web[1]; the modules a resource is in stay before its name.
local function parts_of(address)
  local modules, rest = "", address
  while rest:find("^module%.") do
    local stop = rest:match("^module%.[%w_-]+()")
    stop = stop and address_of.behind_key(rest, stop) or stop
    if not stop or rest:sub(stop, stop) ~= "." then
      break
    end
    modules, rest = modules .. rest:sub(8, stop), rest:sub(stop + 1)
  end
  local kind, name = rest:match("^([%w_-]+)%.(.+)$")
  return kind or "", modules .. (name or rest)
end

local function color_of(kind)
  if COLORS[kind] then
    return COLORS[kind]
  end
  local sum = 0
  for i = 1, #kind do
    sum = sum + kind:byte(i)
  end
  return 6 + sum % (COLOR_COUNT - 5)
end

--- One item a node: { address, kind, name, color, width, left = items it needs, right = those that need it }.
local function items_of(nodes, edges)
  local items, by_address = {}, {}
  for i, node in ipairs(nodes) do
    local kind, name = parts_of(node.address)
    name = shorten(name)
    local item = {
      address = node.address, kind = kind, name = name, color = color_of(kind), height = HEIGHT, left = {}, right = {},
      width = math.max(width_of(name) * CHAR, width_of(kind) * LABEL) + 2 * PAD + 4,
    }
    items[i], by_address[node.address] = item, item
  end
  for _, edge in ipairs(edges) do
    local from, to = by_address[edge[1]], by_address[edge[2]]
    if from ~= to then
      from.left[#from.left + 1], to.right[#to.right + 1] = to, from
    end
  end
  return items
end

-- Layers from 1, by the longest path to something that needs nothing; without recursion, for a chain
-- may be long. An edge that would close a cycle counts for nothing.
local function set_layers(items)
  for _, start in ipairs(items) do
    local stack = not start.layer and { start } or {}
    while #stack > 0 do
      local item = stack[#stack]
      item.at = (item.at or 0) + 1
      item.deep = item.deep or 0
      local need = item.left[item.at]
      if not need then
        item.layer = item.deep + 1
        stack[#stack] = nil
        local above = stack[#stack]
        if above then
          above.deep = math.max(above.deep, item.layer)
        end
      elseif need.layer then
        item.deep = math.max(item.deep, need.layer)
      elseif not need.at then
        stack[#stack + 1] = need
      end
    end
  end
  for _, item in ipairs(items) do -- what needs nothing moves beside the first that needs it
    if #item.left == 0 and #item.right > 0 then
      local first = math.huge
      for _, other in ipairs(item.right) do
        first = math.min(first, other.layer)
      end
      item.layer = math.max(first - 1, 1)
    end
  end
end

-- The layers as lists, where an edge over several layers passes through a thin item in each between;
-- and the edges, each a list of items from what needs to what is needed.
local function build_layers(items)
  local layers, edges, passed = {}, {}, 0
  local function add(item)
    layers[item.layer] = layers[item.layer] or {}
    table.insert(layers[item.layer], item)
  end
  for _, item in ipairs(items) do
    item.before, item.after = {}, {}
    add(item)
  end
  for _, item in ipairs(items) do
    for _, need in ipairs(item.left) do
      local path, last = { item }, item
      for layer = item.layer - 1, need.layer + 1, -1 do
        if passed < PASSED_MAX then
          passed = passed + 1
          local thin = { layer = layer, height = THIN, width = 0, thin = true, before = {}, after = { last } }
          table.insert(last.before, thin)
          add(thin)
          path[#path + 1], last = thin, thin
        end
      end
      table.insert(last.before, need)
      table.insert(need.after, last)
      path[#path + 1] = need
      edges[#edges + 1] = path
    end
  end
  return layers, edges
end

local function mean(list, field, otherwise)
  local sum = 0
  for _, other in ipairs(list) do
    sum = sum + other[field]
  end
  return #list > 0 and sum / #list or otherwise
end

local function sort_layer(layer, side)
  for _, item in ipairs(layer) do
    item.wish = mean(item[side], "rank", item.rank)
  end
  table.sort(layer, function(a, b)
    if a.wish ~= b.wish then
      return a.wish < b.wish
    end
    return a.rank < b.rank
  end)
  for i, item in ipairs(layer) do
    item.rank = i
  end
end

-- Calls fn(layer, side): from left to right looking left, then back looking right.
local function sweep(layers, fn)
  for i = 2, #layers do
    fn(layers[i], "before")
  end
  for i = #layers - 1, 1, -1 do
    fn(layers[i], "after")
  end
end

-- The heights nearest to what the items wish for that keep their order and distances: blocks of items
-- that touch each other stand at the mean of their wishes.
local function place_layer(layer, side)
  local blocks, offset, before = {}, 0, nil
  for _, item in ipairs(layer) do
    offset = offset + (before and (before.height + item.height) / 2 + GAP or 0)
    before, item.offset = item, offset
    local weight = item.thin and 4 or 1
    local block = { sum = (mean(item[side], "y", item.y) - offset) * weight, weight = weight, item }
    while #blocks > 0 and blocks[#blocks].sum / blocks[#blocks].weight >= block.sum / block.weight do
      local last = table.remove(blocks)
      last.sum, last.weight = last.sum + block.sum, last.weight + block.weight
      table.move(block, 1, #block, #last + 1, last)
      block = last
    end
    blocks[#blocks + 1] = block
  end
  for _, block in ipairs(blocks) do
    for _, item in ipairs(block) do
      item.y = block.sum / block.weight + item.offset
    end
  end
end

local function set_heights(layers)
  for _, layer in ipairs(layers) do
    for i, item in ipairs(layer) do
      item.rank = i
    end
  end
  for _ = 1, SWEEPS do
    sweep(layers, sort_layer)
  end
  for _, layer in ipairs(layers) do
    local y = 0
    for _, item in ipairs(layer) do
      item.y, y = y + item.height / 2, y + item.height + GAP
    end
  end
  for _ = 1, SWEEPS do
    sweep(layers, place_layer)
  end
  local top = math.huge
  for _, layer in ipairs(layers) do
    top = layer[1] and math.min(top, layer[1].y - layer[1].height / 2) or top
  end
  local bottom = MARGIN
  for _, layer in ipairs(layers) do
    for _, item in ipairs(layer) do
      item.y = item.y - top + MARGIN
      bottom = math.max(bottom, item.y + item.height / 2)
    end
  end
  return bottom
end

local function set_columns(layers)
  local x = MARGIN
  for _, layer in ipairs(layers) do
    local width = 0
    for _, item in ipairs(layer) do
      width = math.max(width, item.width)
    end
    for _, item in ipairs(layer) do
      item.x, item.column, item.width = x, width, item.thin and 0 or width
    end
    x = x + width + CHANNEL
  end
  return x - CHANNEL
end

-- What nothing needs and that needs nothing stands below, in rows.
local function set_rest(rest, top, right)
  local x, y, limit = MARGIN, top + (top > MARGIN and GAP * 3 or 0) + HEIGHT / 2, math.max(right, 900)
  for i, item in ipairs(rest) do
    if i > 1 and x + item.width > limit then
      x, y = MARGIN, y + HEIGHT + GAP
    end
    item.x, item.y, item.column = x, y, item.width
    x = x + item.width + GAP
    right = math.max(right, x - GAP)
  end
  return #rest > 0 and y + HEIGHT / 2 or top, right
end

local function number(value)
  return (("%.1f"):format(value):gsub("%.0$", ""))
end

local function draw_edge(out, path)
  local from, to = path[1], path[#path]
  local x, y = from.x, from.y
  local line = { ("M%s %s"):format(number(x), number(y)) }
  for i = 2, #path do
    local item = path[i]
    local last = i == #path
    local x2, y2 = item.x + (last and to.width + 7 or item.column), item.y
    local bend = (x - x2) / 2
    line[#line + 1] = ("C%s %s %s %s %s %s"):format(number(x - bend), number(y), number(x2 + bend), number(y2),
      number(x2), number(y2))
    if not last then
      line[#line + 1] = "H" .. number(item.x)
    end
    x, y = item.x, y2
  end
  out[#out + 1] = ('<path class="edge" marker-end="url(#tip)" d="%s"/>'):format(table.concat(line))
end

local function draw_box(out, item)
  local x, y = item.x, item.y - HEIGHT / 2
  out[#out + 1] = ('<g class="c%d"><title>%s</title><rect class="box" x="%s" y="%s" width="%s" height="%d" rx="6"/>'
    .. '<rect class="bar" x="%s" y="%s" width="4" height="%d" rx="2"/>'
    .. '<text class="kind" x="%s" y="%s">%s</text><text class="name" x="%s" y="%s">%s</text></g>'):format(
    item.color, escape(item.address), number(x), number(y), number(item.width), HEIGHT,
    number(x), number(y + 6), HEIGHT - 12,
    number(x + PAD), number(y + 15), escape(item.kind), number(x + PAD), number(y + 31), escape(item.name))
end

--- The graph as an SVG document for light and dark pages.
---@param nodes { address: string }[]
---@param edges { [1]: string, [2]: string }[] addresses: what needs, what is needed
---@return string
function M.render(nodes, edges)
  local items = items_of(nodes, edges)
  local linked, rest = {}, {}
  for _, item in ipairs(items) do
    local list = (#item.left > 0 or #item.right > 0) and linked or rest
    list[#list + 1] = item
  end
  set_layers(linked)
  local layers, paths = build_layers(linked)
  local bottom, right = set_heights(layers), set_columns(layers)
  bottom, right = set_rest(rest, bottom, math.max(right, MARGIN))
  local width, height = math.max(math.ceil(right + MARGIN), 240), math.ceil(bottom + MARGIN)
  local out = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" '
      .. 'aria-label="Dependency graph: %d nodes, %d edges">'):format(width, height, width, height, #items, #paths),
    "<style>\n" .. STYLE .. "</style>",
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="6.5" markerHeight="6.5" orient="auto">'
      .. '<path class="tip" d="M0 0.5L8 4L0 7.5z"/></marker></defs>',
    '<rect class="page" width="100%" height="100%"/>',
  }
  if #items == 0 then
    out[#out + 1] = ('<text class="none" x="%d" y="%d">nothing here yet</text>'):format(MARGIN, MARGIN + 5)
  end
  for _, path in ipairs(paths) do
    draw_edge(out, path)
  end
  for _, item in ipairs(items) do
    draw_box(out, item)
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return M
