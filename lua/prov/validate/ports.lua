--- The ports a taskserv listens on: the fields its declaration names under `ports`, also in maps of
-- records below (sites of nginx, frontends of haproxy).

local value = require("prov.value")

local M = {}

-- The fields on top are those of one more record, which is not there when the map has others.
local UNUSED_TOP = {
  haproxy = function(ctx, args)
    local others = ctx:map(args.frontends)
    return next(others) ~= nil and (others.main ~= nil or ctx:list(args.backends)[1] == nil)
  end,
  nginx = function(ctx, args)
    return ctx:map(args.sites).default ~= nil
  end,
}

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

---@class prov.Listening
---@field port integer
---@field path (string|integer)[] of the field
---@field address? string it is bound to; nil for the service's usual ones
---@field record table the arguments, or the record below them, that it stands in

--- The fields with ports of a taskserv, and its fields that are maps: from its declaration, found once.
local function shape_of(ctx, taskserv)
  return ctx:once("ports of " .. taskserv.name, function()
    local names, maps, schema = ctx:declaration(taskserv).ports, {}, ctx:schema(taskserv)
    for _, field in ipairs(sorted_keys(schema)) do
      local spec = schema[field]
      maps[#maps + 1] = type(spec) == "table" and spec.type == "map" and field or nil
    end
    return { names = type(names) == "table" and names or {}, maps = maps }
  end)
end

local function add(out, record, name, path)
  if math.type(record[name]) == "integer" then
    local address = record.address
    out[#out + 1] = {
      port = record[name],
      path = path,
      record = record,
      address = type(address) == "string" and address ~= "" and address ~= "*" and address or nil,
    }
  end
end

--- The ports of a taskserv.
---@param ctx prov.Scene
---@param taskserv table
---@return prov.Listening[]
function M.of(ctx, taskserv)
  local known = ctx:once("ports", function()
    return {}
  end)
  local out = known[taskserv.args]
  if out then
    return out
  end
  out = {}
  local shape, args, unused = shape_of(ctx, taskserv), taskserv.args, UNUSED_TOP[taskserv.name]
  local top = not (unused and unused(ctx, args))
  for _, name in ipairs(shape.names) do
    if top then
      add(out, args, name, { name })
    end
    for _, field in ipairs(shape.maps) do
      local map = ctx:map(args[field])
      if next(map) ~= nil then
        for _, key in ipairs(sorted_keys(map)) do
          add(out, ctx:map(map[key]), name, { field, key, name })
        end
      end
    end
  end
  known[taskserv.args] = out
  return out
end

--- True when something on the server listens on a port; nil when nothing is known of what runs there.
---@return boolean?
function M.serves(ctx, server, port)
  local services = ctx:services(server)
  for _, taskserv in ipairs(services) do
    for _, one in ipairs(M.of(ctx, taskserv)) do
      if one.port == port then
        return true
      end
    end
  end
  return services[1] == nil and nil or false
end

--- The ports of all services of a server, as text: "80, 5432".
function M.listing(ctx, server)
  local seen, out = {}, {}
  for _, taskserv in ipairs(ctx:services(server)) do
    for _, one in ipairs(M.of(ctx, taskserv)) do
      if not seen[one.port] then
        seen[one.port] = true
        out[#out + 1] = one.port
      end
    end
  end
  table.sort(out)
  return table.concat(out, ", ")
end

--- Services that call others: the fields with their addresses, and with the port of those that name none.
M.PEERS = {
  haproxy = { { "backends", "backend_port" } },
  nginx = { { "upstreams", "upstream_port" } },
  prometheus = { { "targets", "target_port" } },
}

-- References of one entry of a list of addresses, with the port they are called at.
local function peers_of(ctx, record, spec, below, fn)
  local list = record[spec[1]]
  local entries = not value.is_marked(list)
  for i, entry in ipairs(ctx:list(list)) do
    local last = value.is_text(entry) and entry[rawlen(entry)]
    local port = type(last) == "string" and last:match("^:(%d+)$")
    for _, server in ipairs(ctx:targets(entry)) do
      if server.kind == "server" then
        local path = table.move(below, 1, #below, 1, {})
        path[#path + 1] = spec[1]
        path[#path + 1] = entries and i or nil
        fn(server, math.tointeger(tonumber(port or record[spec[2]])), path, record)
      end
    end
  end
end

--- Calls fn(server, port, path, record) for every server a load balancer, proxy or collector calls.
---@param ctx prov.Scene
---@param taskserv table
---@param fn fun(server: table, port: integer, path: (string|integer)[], record: table)
function M.peers(ctx, taskserv, fn)
  for _, spec in ipairs(M.PEERS[taskserv.name] or {}) do
    peers_of(ctx, taskserv.args, spec, {}, fn)
    for _, field in ipairs({ "frontends", "sites" }) do
      local map = ctx:map(taskserv.args[field])
      for _, key in ipairs(next(map) ~= nil and sorted_keys(map) or {}) do
        peers_of(ctx, ctx:map(map[key]), spec, { field, key }, fn)
      end
    end
  end
end

return M
