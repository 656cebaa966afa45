--- Firewalls. UpCloud has a list of rules for each server and keeps no track of connections; a firewall of prov is
-- the rules with its mark in their comments, on all of its servers. Several firewalls may be on one server: each
-- changes its own rules only, and one rule behind all of them drops what none has let in.

local api = require("api")
local ranges = require("ranges")

local M = {}

local DEFAULT = "prov: nothing else"

local function mark(id)
  return "prov " .. id
end

local function bounds(ports)
  if #ports == 0 then
    return { {} }
  end
  local out = {}
  for i, port in ipairs(ports) do
    local first, last = tostring(port):match("^(%d+)%-(%d+)$")
    out[i] = { first = first or tostring(port), last = last or tostring(port) }
  end
  return out
end

local function add(out, rule)
  out[#out + 1] = rule
end

--- The rules of one of ours: one for each port and range of addresses.
local function expand(out, rule, comment)
  local inward = rule.direction == "in"
  local list = inward and rule.sources or rule.destinations
  local side = inward and "source_address" or "destination_address"
  for _, cidr in ipairs(#list > 0 and list or { "0.0.0.0/0", "::/0" }) do
    local family, first, last = ranges.of(cidr)
    for _, port in ipairs(bounds(rule.ports)) do
      add(out, {
        direction = rule.direction,
        action = "accept",
        family = family,
        protocol = rule.protocol ~= "any" and rule.protocol or nil,
        destination_port_start = port.first,
        destination_port_end = port.last,
        [side .. "_start"] = first,
        [side .. "_end"] = last,
        comment = comment,
      })
    end
  end
end

--- What answers the server's own connections: TCP to the ports it makes them from, and names and time by UDP.
local function replies(out, comment)
  for _, family in ipairs({ "IPv4", "IPv6" }) do
    add(out, {
      direction = "in", action = "accept", family = family, protocol = "tcp",
      destination_port_start = "32768", destination_port_end = "65535", comment = comment,
    })
    for _, port in ipairs({ "53", "123" }) do
      add(out, {
        direction = "in", action = "accept", family = family, protocol = "udp",
        source_port_start = port, source_port_end = port, comment = comment,
      })
    end
  end
end

--- All rules of a firewall as the API has them.
local function wire(ctx, id, want)
  local out = {}
  for _, rule in ipairs(want.rules) do
    expand(out, rule, ("%s: %s"):format(mark(id), rule.comment or api.name(ctx, want)))
  end
  if want.replies then
    replies(out, mark(id) .. ": replies")
  end
  local closes_out = false
  for _, rule in ipairs(want.rules) do
    closes_out = closes_out or rule.direction == "out"
  end
  if closes_out then
    add(out, { direction = "out", action = "drop", comment = mark(id) .. ": nothing else" })
  end
  return out
end

local function is_of(rule, id)
  return rule.comment == mark(id) or (rule.comment or ""):sub(1, #mark(id) + 1) == mark(id) .. ":"
end

local FIELDS = {
  "direction", "action", "family", "protocol", "destination_port_start", "destination_port_end", "source_port_start",
  "source_port_end", "source_address_start", "source_address_end", "destination_address_start",
  "destination_address_end",
}

--- A rule as one text, whatever the API adds to it.
local function text_of(rule)
  local out = {}
  for i, field in ipairs(FIELDS) do
    local v = tostring(rule[field] or "")
    out[i] = field:find("address") and ranges.plain(v) or v
  end
  return table.concat(out, " ")
end

local function rules_of(ctx, server)
  return api.call(ctx, "get", ("/server/%s/firewall_rule"):format(server), nil, "firewall_rules", "firewall_rule")
end

--- Puts own rules in the place of those a firewall has on a server; none takes it off.
local function put(ctx, server, id, own)
  return api.alone(ctx, server, function()
    local now, e = rules_of(ctx, server)
    if not now then
      return nil, e
    end
    local rules, of_prov, drops = {}, #own > 0, {}
    for _, rule in ipairs(now) do
      if rule.comment ~= DEFAULT and not is_of(rule, id) then
        rule.position = nil
        of_prov = of_prov or (rule.comment or ""):find("^prov fw%-") ~= nil
        add(rule.action == "drop" and drops or rules, rule)
      end
    end
    for _, rule in ipairs(own) do
      add(rule.action == "drop" and drops or rules, rule)
    end
    table.move(drops, 1, #drops, #rules + 1, rules)
    if of_prov then
      add(rules, { direction = "in", action = "drop", comment = DEFAULT })
    end
    local ok
    ok, e = api.call(ctx, "put", ("/server/%s/firewall_rule"):format(server), {
      firewall_rules = { firewall_rule = ctx.json.list(rules) },
    })
    if ok then
      ok, e = api.call(ctx, "put", "/server/" .. server, { server = { firewall = of_prov and "on" or "off" } })
    end
    return ok, e
  end)
end

local function state_of(ctx, id, want)
  return {
    id = id,
    name = api.name(ctx, want),
    servers = want.servers,
    rules = want.rules,
    replies = want.replies,
  }
end

local function protect(ctx, id, want)
  local ok, e = ctx.each(want.servers, function(server)
    return put(ctx, server, id, wire(ctx, id, want))
  end)
  return ok and state_of(ctx, id, want), e
end

function M.create(ctx, want)
  local id = "fw-" .. ctx.key
  ctx.adopt(id) -- its rules are found by it
  return protect(ctx, id, want)
end

local function free(ctx, server, id)
  local ok, e = put(ctx, server, id, {})
  if not ok and e.code ~= "notfound" then -- with a server its rules go
    return nil, e
  end
  return true
end

local function free_all(ctx, id, servers, but)
  local ok, e = ctx.each(servers, function(server)
    return but[server] or free(ctx, server, id)
  end)
  return ok and true, e
end

function M.update(ctx, id, want, old)
  local stay = {}
  for _, server in ipairs(want.servers) do
    stay[server] = true
  end
  local ok, e = free_all(ctx, id, old.servers or {}, stay)
  if not ok then
    return nil, e
  end
  return protect(ctx, id, want)
end

--- One that was cut off may be on any server.
function M.delete(ctx, id)
  local servers = (ctx.recorded or {}).servers
  if not servers then
    local all, e = api.call(ctx, "get", "/server", nil, "servers", "server")
    if not all then
      return nil, e
    end
    servers = {}
    for i, one in ipairs(all) do
      servers[i] = one.uuid
    end
  end
  return free_all(ctx, id, servers, {})
end

local function sorted_texts(rules, id)
  local out = {}
  for _, rule in ipairs(rules) do
    out[#out + 1] = (not id or is_of(rule, id)) and text_of(rule) or nil
  end
  table.sort(out)
  return table.concat(out, "\n")
end

--- A rule of the API as one of ours.
local function parsed(rule)
  local inward = rule.direction == "in"
  local first = rule[inward and "source_address_start" or "destination_address_start"]
  local last = rule[inward and "source_address_end" or "destination_address_end"]
  local port = rule.destination_port_start
  return {
    direction = rule.direction,
    protocol = rule.protocol or "any",
    ports = port and { port == rule.destination_port_end and math.tointeger(tonumber(port))
      or port .. "-" .. rule.destination_port_end } or {},
    sources = inward and { first and first .. "-" .. last or rule.family } or nil,
    destinations = not inward and { first and first .. "-" .. last or rule.family } or nil,
    comment = rule.comment,
  }
end

--- How a firewall is at a server: "off", also when there is no such server, "as wanted", or its rules as they are.
local function seen_at(ctx, uuid, id, wanted)
  local server, e = api.call(ctx, "get", "/server/" .. uuid, nil, "server")
  local rules
  if server and server.firewall == "on" then
    rules, e = rules_of(ctx, uuid)
  end
  if not rules then
    return (not e or e.code == "notfound") and "off" or nil, e
  elseif sorted_texts(rules, id) == wanted then
    return "as wanted"
  end
  local found = {}
  for _, rule in ipairs(rules) do
    found[#found + 1] = is_of(rule, id) and parsed(rule) or nil
  end
  return ctx.json.list(found)
end

--- The servers it still protects, and its rules: as recorded, unless a server has others.
function M.read(ctx, id)
  local recorded = api.recorded(ctx, id)
  if not recorded.rules then
    return { id = id, incomplete = "its creation was cut off" }
  end
  local wanted, servers = sorted_texts(wire(ctx, id, recorded)), {}
  local seen, e = ctx.each(recorded.servers, function(uuid)
    return seen_at(ctx, uuid, id, wanted)
  end)
  if not seen then
    return nil, e
  end
  local state = state_of(ctx, id, recorded)
  for i, uuid in ipairs(recorded.servers) do
    servers[#servers + 1] = seen[i] ~= "off" and uuid or nil
    state.rules = type(seen[i]) == "table" and seen[i] or state.rules
  end
  state.servers = ctx.json.list(servers)
  return state
end

--- Its identity is known before anything is done, so there is nothing to find.
function M.find()
  return nil
end

return M
