--- How arguments and nested blocks of Terraform's resources become fields: nodes in, nodes out.

local M = {}

local MAX_DEPTH = 8 -- of locals in locals

local function lit(v, at)
  return { node = "lit", value = v, at = at }
end

local function tuple(items, at)
  return { node = "tuple", items = items, at = at }
end

local function put(object, key, node)
  if node then
    object.items[#object.items + 1] = { key = lit(key, node.at), value = node }
  end
end

local function measure(unit)
  return function(_, node)
    if node.node == "lit" and type(node.value) == "number" then
      return lit(("%s%s"):format(node.value, unit), node.at)
    elseif node.node == "lit" and type(node.value) == "string" then
      return lit(node.value .. unit, node.at)
    end
    return { node = "template", parts = { node, unit }, at = node.at }
  end
end

local texts

--- Values of labels are texts here; there numbers become texts by themselves.
function texts(e, node, depth)
  depth = (depth or 0) + 1
  node = depth < MAX_DEPTH and e:reduce(node) or node
  if node.node == "call" and node.name == "merge" and depth < MAX_DEPTH then
    local args = {}
    for i, arg in ipairs(node.args) do
      args[i] = texts(e, arg, depth)
    end
    return { node = "call", name = "merge", args = args, expand = node.expand, at = node.at }
  elseif node.node ~= "object" then
    return node
  end
  local out = { node = "object", items = {}, at = node.at }
  for i, item in ipairs(node.items) do
    local v = item.value
    if v.node == "lit" and type(v.value) ~= "string" then
      v = lit(tostring(v.value), v.at)
    elseif v.node ~= "lit" and e:type(v) ~= "string" then
      v = { node = "call", name = "tostring", args = { v }, at = v.at }
    end
    out.items[i] = { key = item.key, value = v }
  end
  return out
end

--- Changes of one value: `as` of a field.
M.AS = {
  gib = measure(" GiB"),
  mib = measure(" MiB"),
  seconds = measure("s"),
  texts = texts,
  tags = texts,
  list = function(_, node)
    return tuple({ node }, node.at)
  end,
  opposite = function(_, node)
    if node.node == "lit" and type(node.value) == "boolean" then
      return lit(not node.value, node.at)
    end
    return { node = "unary", sign = "!", arg = node, at = node.at }
  end,
}

--- The tag Name of AWS, taken out of the tags: it is the name there.
---@return table? name
---@return table tags
function M.take_name(node)
  if node.node ~= "object" then
    return nil, node
  end
  local rest, name = { node = "object", items = {}, at = node.at }, nil
  for _, item in ipairs(node.items) do
    if item.key.node == "lit" and item.key.value == "Name" then
      name = item.value
    else
      rest.items[#rest.items + 1] = item
    end
  end
  return name, rest
end

--- The attribute of a body.
function M.attribute(body, name)
  for _, item in ipairs(body) do
    if item.node == "attribute" and item.name == name then
      return item.value
    end
  end
end

local function body_of(object)
  local body = { at = object.at }
  for i, item in ipairs(object.items) do
    if item.key.node ~= "lit" then
      return nil
    end
    body[i] = { node = "attribute", at = item.key.at or item.value.at, name = tostring(item.key.value),
      value = item.value }
  end
  return body
end

--- The nested blocks of a name, also where they are written as values, or made in a loop.
---@return { body: table, at: integer, each: table? }[]? nil when a value is no block
function M.blocks(body, name)
  local out = {}
  for _, item in ipairs(body) do
    if item.node == "block" and item.type == name then
      out[#out + 1] = { body = item.body, at = item.at, item = item }
    elseif item.node == "block" and item.type == "dynamic" and item.labels[1] == name then
      local content
      for _, inner in ipairs(item.body) do
        content = inner.node == "block" and inner.type == "content" and inner.body or content
      end
      local iterator = M.attribute(item.body, "iterator")
      out[#out + 1] = { body = content or { at = item.at }, at = item.at, item = item,
        each = { over = M.attribute(item.body, "for_each"), name = iterator and iterator.name or name } }
    elseif item.node == "attribute" and item.name == name then
      local values = item.value.node == "tuple" and item.value.items or { item.value }
      for _, v in ipairs(values) do
        local inner = v.node == "object" and body_of(v)
        if not inner then
          return nil
        end
        out[#out + 1] = { body = inner, at = v.at, item = item }
      end
    end
  end
  return out
end

--- Nodes of the fields of a block by what they are called in a spec; `left` gets the names that have no equal.
function M.fields(e, body, spec, left)
  local out = {}
  for _, item in ipairs(body) do
    if item.node == "attribute" and not (spec.blocks and spec.blocks[item.name]) then
      local field = spec.fields[item.name]
      local meaningless = spec.ignored and spec.ignored[item.name]
      if field then
        local to = type(field) == "string" and field or field.to
        local v = type(field) == "table" and field.as and M.AS[field.as](e, item.value) or item.value
        out[#out + 1] = { to = to, value = v }
        out[to] = v
      elseif not (meaningless ~= nil and (meaningless == "" or item.value.node == "lit"
        and item.value.value == meaningless)) then
        left[#left + 1] = item
      end
    elseif item.node == "block" and not (spec.blocks and spec.blocks[item.type == "dynamic" and item.labels[1]
      or item.type]) then
      left[#left + 1] = item
    end
  end
  return out
end

local function is_lit(node, ...)
  for _, v in ipairs({ ... }) do
    if node and node.node == "lit" and node.value == v then
      return true
    end
  end
end

local function port(v)
  return math.tointeger(tonumber(v)) or v
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, v in pairs(a) do
    if key ~= "at" and not same(v, b[key]) then
      return false
    end
  end
  return true
end

local function ports_of(f)
  if f.port then
    if f.port.node ~= "lit" then
      return tuple({ f.port }, f.port.at)
    end
    return tuple({ lit(f.port.value == "any" and "1-65535" or port(f.port.value), f.port.at) }, f.port.at)
  end
  local from, to = f.from_port, f.to_port
  if not from or is_lit(from, -1, "-1") then
    return nil
  elseif not to or same(from, to) then
    return tuple({ from.node == "lit" and lit(port(from.value), from.at) or from }, from.at)
  elseif from.node == "lit" and to.node == "lit" then
    local first = port(from.value) == 0 and 1 or from.value
    return tuple({ lit(("%s-%s"):format(first, to.value), from.at) }, from.at)
  end
  return tuple({ { node = "template", parts = { from, "-", to }, at = from.at } }, from.at)
end

local function joined(lists)
  local items, plain = {}, true
  for _, list in ipairs(lists) do
    plain = plain and list.node == "tuple"
    table.move(list.items or {}, 1, #(list.items or {}), #items + 1, items)
  end
  if #lists == 0 then
    return nil
  elseif plain then
    return #items > 0 and tuple(items, lists[1].at) or nil
  end
  return #lists == 1 and lists[1] or { node = "call", name = "concat", args = lists, at = lists[1].at }
end

local function sources_of(f)
  local lists = { f.sources }
  lists[#lists + 1] = f.sources6
  lists[#lists + 1] = f.groups or f.group and tuple({ f.group }, f.group.at) or nil
  if f.source then
    lists[#lists + 1] = tuple({ f.source }, f.source.at)
  end
  local first, last = f.source_first, f.source_last
  if first and not (is_lit(first, "0.0.0.0", "::") and last and last.node == "lit") then
    local range = (not last or same(first, last)) and first
      or { node = "template", parts = { first, "-", last }, at = first.at }
    if range.node == "template" and first.node == "lit" and last.node == "lit" then
      range = lit(first.value .. "-" .. last.value, first.at)
    end
    lists[#lists + 1] = tuple({ range }, first.at)
  end
  local out = {}
  for _, list in pairs(lists) do
    out[#out + 1] = list
  end
  return joined(out)
end

--- One firewall rule, of any of the clouds.
---@param f table<string, table> nodes: direction protocol port from_port to_port sources ...
---@return table object
function M.rule(f, at, direction)
  local rule = { node = "object", items = {}, at = at }
  direction = direction and lit(direction, at) or f.direction
  if is_lit(direction, "egress", "out") then
    put(rule, "direction", lit("out", at))
  elseif direction and direction.node ~= "lit" then
    put(rule, "direction", direction)
  end
  if is_lit(f.action, "drop", "reject") or f.action and f.action.node ~= "lit" then
    put(rule, "action", f.action)
  end
  local any = is_lit(f.protocol, "-1", -1, "all") or f.action and not f.protocol
  if any then
    put(rule, "protocol", lit("any", at))
  elseif f.protocol and f.protocol.node == "lit" then
    local name = tostring(f.protocol.value):lower()
    put(rule, "protocol", name ~= "tcp" and lit(name, f.protocol.at) or nil)
  else
    put(rule, "protocol", f.protocol)
  end
  put(rule, "ports", not any and ports_of(f) or nil)
  local out = is_lit(direction, "egress", "out") and not f.destinations
  put(rule, out and "destinations" or "sources", sources_of(f))
  put(rule, "destinations", f.destinations)
  if f.self and not is_lit(f.self, false) then
    put(rule, "self", f.self)
  end
  put(rule, "comment", f.comment)
  return rule
end

--- Networks of a server: fields `network` and `private_ip`, `public`, or a list `networks` when there are several.
---@return { to: string, value: table }[]
function M.interfaces(e, blocks, spec)
  local out, networks, ips = {}, {}, {}
  for _, block in ipairs(blocks) do
    if block.each then
      e.scope:refuse(block, "network blocks that are made in a loop", "name the networks")
    end
    local kind = spec.type and M.attribute(block.body, spec.type)
    if is_lit(kind, "public") then
      out[#out + 1] = { to = "public", value = lit(true, block.at) }
    elseif is_lit(kind, "utility") then
      out[#out + 1] = { to = "utility", value = lit(true, block.at) }
    else
      local network
      for _, name in ipairs(spec.network) do
        network = network or M.attribute(block.body, name)
      end
      networks[#networks + 1] = network
      ips[#ips + 1] = M.attribute(block.body, spec.ip)
    end
  end
  if #networks == 1 then
    out[#out + 1] = { to = "network", value = networks[1] }
    if ips[1] then
      out[#out + 1] = { to = "private_ip", value = ips[1] }
    end
  elseif #networks > 1 then
    out[#out + 1] = { to = "networks", value = tuple(networks, networks[1].at) }
    if ips[1] then
      e.scope:note(ips[1], "addresses in several networks are left out", "give them to the server by hand")
    end
  end
  return out
end

local read_object

--- The blocks of a name as one list.
local function list_of(e, blocks, spec, left)
  local lists, items = {}, {}
  for _, block in ipairs(blocks) do
    local function one()
      if spec.flat_list then
        local one_of = M.fields(e, block.body, { fields = { [spec.flat_list] = "one" } }, {})
        left[#left + 1] = not one_of[1] and block.item or nil
        return one_of.one
      elseif spec.read == "rules" then
        return M.rule(M.fields(e, block.body, spec, left), block.at, spec.direction)
      end
      return read_object(e, block.body, spec, left, block.at)
    end
    if block.each then
      lists[#lists + 1] = { node = "dynamic", at = block.at, over = block.each.over, name = block.each.name,
        item = one() }
    else
      items[#items + 1] = one()
    end
  end
  if #lists == 0 then
    return tuple(items, blocks[1].at)
  elseif #items > 0 then
    table.insert(lists, 1, tuple(items, blocks[1].at))
  end
  return #lists == 1 and lists[1] or { node = "call", name = "concat", args = lists, at = blocks[1].at }
end

--- What a name of nested blocks becomes.
---@return { to: string, value: table }[]
function M.block_fields(e, name, blocks, spec, left)
  if spec.read == "interfaces" then
    return M.interfaces(e, blocks, spec)
  elseif spec.read == "rules" or spec.list or spec.flat_list then
    return { { to = spec.read == "rules" and "rules" or spec.to, value = list_of(e, blocks, spec, left) } }
  elseif blocks[1].each or #blocks > 1 then
    e.scope:refuse(blocks[1], ("'%s' in a loop"):format(name), "write it out")
  elseif spec.flat then
    return M.fields(e, blocks[1].body, spec, left)
  end
  return { { to = spec.to, value = read_object(e, blocks[1].body, spec, left, blocks[1].at) } }
end

--- A body as an object with its nested blocks.
function read_object(e, body, spec, left, at)
  local object = { node = "object", items = {}, at = at }
  for _, field in ipairs(M.fields(e, body, spec, left)) do
    put(object, field.to, field.value)
  end
  for name, inner in pairs(spec.blocks or {}) do
    local blocks = M.blocks(body, name)
    if blocks and blocks[1] then
      for _, field in ipairs(M.block_fields(e, name, blocks, inner, left)) do
        put(object, field.to, field.value)
      end
    end
  end
  table.sort(object.items, function(a, b)
    return tostring(a.key.value) < tostring(b.key.value)
  end)
  return object
end
M.object = read_object

return M
