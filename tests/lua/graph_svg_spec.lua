local data = require("prov.graph_text")

local function nodes_of(list)
  local nodes = {}
  for i, one in ipairs(list) do
    nodes[i] = { address = one[1], needs = table.move(one, 2, #one, 1, {}) }
  end
  return nodes
end

-- The boxes: address -> { x, y, w, h }.
local function boxes_of(svg)
  local boxes = {}
  for address, x, y, w, h in
    svg:gmatch('<title>(.-)</title><rect class="box" x="([%d.]+)" y="([%d.]+)" width="([%d.]+)" height="(%d+)"')
  do
    boxes[address] = { x = tonumber(x), y = tonumber(y), w = tonumber(w), h = tonumber(h) }
  end
  return boxes
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- No box on another, none outside of the page, and what needs something right of it.
local function check(svg, nodes)
  local boxes, list = boxes_of(svg), {}
  local width, height = svg:match('width="(%d+)" height="(%d+)"')
  for _, node in ipairs(nodes) do
    local box = assert(boxes[node.address], node.address)
    list[#list + 1] = box
    assert.is_true(box.x >= 0 and box.y >= 0 and box.x + box.w <= tonumber(width) and box.y + box.h <= tonumber(height))
    for _, need in ipairs(node.needs) do
      assert.is_true(boxes[need].x + boxes[need].w < box.x, node.address .. " -> " .. need)
    end
  end
  table.sort(list, function(a, b)
    return a.x < b.x or a.x == b.x and a.y < b.y
  end)
  for i = 2, #list do
    local a, b = list[i - 1], list[i]
    assert.is_true(a.x ~= b.x or a.y + a.h < b.y, ("two boxes at %g, %g"):format(b.x, b.y))
  end
end

describe("graph as SVG", function()
  it("puts what is needed left of what needs it, and lets no box lie on another", function()
    local nodes = nodes_of({
      { "network.lan" }, { "volume.data" }, { "server.db", "network.lan", "volume.data" },
      { "taskserv.postgres@server.db", "server.db" }, { "server.web", "network.lan" },
      { "taskserv.nginx@server.web", "server.web", "taskserv.postgres@server.db", "network.lan" }, { "key.alone" },
    })
    local svg = data.render(nodes, "svg")
    check(svg, nodes)
    assert.equal(7, count(svg, '<rect class="box"'))
    assert.equal(7, count(svg, '<path class="edge"'))
    assert.equal(svg, data.render(nodes, "svg"))
  end)

  it("escapes names, shortens long ones and shows an empty graph", function()
    local long = "server.web[\"" .. ("ä"):rep(80) .. "\"]"
    local svg = data.render(nodes_of({ { 'server.a["<&>"]' }, { long }, { 'module.eu["x.y"].network.lan' } }), "svg")
    assert.is_truthy(svg:find("<title>server.a[&quot;&lt;&amp;&gt;&quot;]</title>", 1, true))
    assert.is_truthy(svg:find("ä…</text>", 1, true))
    assert.is_truthy(svg:find(("ä"):rep(80), 1, true)) -- whole in the title
    assert.is_truthy(svg:find(">network</text>", 1, true))
    assert.is_truthy(svg:find('>eu[&quot;x.y&quot;].lan</text>', 1, true))
    assert.is_truthy(data.render({}, "svg"):find("nothing here yet", 1, true))
  end)

  it("ends on cycles, chains and thousands", function()
    local nodes = nodes_of({ { "a.a", "a.b" }, { "a.b", "a.c" }, { "a.c", "a.a" }, { "a.d", "a.d" } })
    assert.equal(4, count(data.render(nodes, "svg"), '<rect class="box"'))
    local chain, mesh = {}, {}
    for i = 1, 1000 do
      chain[i] = { "a.n" .. i, i > 1 and "a.n" .. i - 1 or nil }
      mesh[i] = { "a.n" .. i }
      for _, step in ipairs({ 7, 50, 331 }) do
        mesh[i][#mesh[i] + 1] = i > step and "a.n" .. i - step or nil
      end
    end
    chain[1000][3] = "a.n1"
    for _, list in ipairs({ chain, mesh }) do
      check(data.render(nodes_of(list), "svg"), nodes_of(list))
    end
  end)

  it("has its colours for viewers that know no variables too", function()
    local svg = data.render(nodes_of({ { "a.n" } }), "svg")
    for name in ("page box line text dim edge"):gmatch("%a+") do
      local color = svg:match("%-%-" .. name .. ": (#%x+);")
      for property in svg:gmatch("(%a+): var%(%-%-" .. name .. "%)") do
        assert.truthy(svg:find(("%s: %s; %s: var(--%s)"):format(property, color, property, name), 1, true), name)
      end
    end
    assert.truthy(svg:find(".c1 { fill: #0284c7; --c: #0284c7 }", 1, true))
  end)
end)
