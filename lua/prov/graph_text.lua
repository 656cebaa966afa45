--- The dependency graph as text: Graphviz dot, Mermaid, JSON or SVG.

local address = require("prov.address")
local data = require("core.data")

local M = {}

local function quote(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local function edges_of(nodes)
  local known, instances = {}, {}
  for _, node in ipairs(nodes) do
    known[node.address] = true
    local base = address.base(node.address)
    instances[base] = instances[base] or {}
    table.insert(instances[base], node.address)
  end
  local edges = {}
  for _, node in ipairs(nodes) do
    for _, need in ipairs(node.needs) do
      for _, target in ipairs(known[need] and { need } or instances[need] or {}) do
        edges[#edges + 1] = { node.address, target }
      end
    end
  end
  return edges
end

local RENDER = {}

function RENDER.dot(nodes, edges)
  local out = { "digraph prov {", "  rankdir = RL;", "  node [shape = box];" }
  for _, node in ipairs(nodes) do
    out[#out + 1] = "  " .. quote(node.address) .. ";"
  end
  for _, edge in ipairs(edges) do
    out[#out + 1] = ("  %s -> %s;"):format(quote(edge[1]), quote(edge[2]))
  end
  out[#out + 1] = "}"
  return table.concat(out, "\n") .. "\n"
end

function RENDER.mermaid(nodes, edges)
  local out, id = { "graph RL" }, {}
  for i, node in ipairs(nodes) do
    id[node.address] = "n" .. i
    out[#out + 1] = ('  n%d["%s"]'):format(i, (node.address:gsub('"', "#quot;")))
  end
  for _, edge in ipairs(edges) do
    out[#out + 1] = ("  %s --> %s"):format(id[edge[1]], id[edge[2]])
  end
  return table.concat(out, "\n") .. "\n"
end

local function data_of(nodes, edges)
  local list, arrows = {}, {}
  for i, node in ipairs(nodes) do
    list[i] = node.address
  end
  for i, edge in ipairs(edges) do
    arrows[i] = { from = edge[1], to = edge[2] }
  end
  return { nodes = data.list(list), edges = data.list(arrows) }
end

function RENDER.json(nodes, edges)
  return require("prov.json").encode(data_of(nodes, edges), { pretty = true, sorted = true }) .. "\n"
end

function RENDER.svg(nodes, edges)
  return require("prov.graph_svg").render(nodes, edges)
end

--- The graph as a value: { nodes = { address }, edges = { { from, to } } }.
---@param nodes table[]
---@return table
function M.data(nodes)
  return data_of(nodes, edges_of(nodes))
end

--- Renders nodes { address, needs }; an edge points from what needs to what is needed.
---@param nodes table[]
---@param format "dot"|"mermaid"|"json"|"svg"
---@return string
function M.render(nodes, format)
  return RENDER[format](nodes, edges_of(nodes))
end

return M
