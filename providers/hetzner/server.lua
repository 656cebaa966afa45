--- Servers.

local api = require("api")
local common = require("common")
local keys = require("keys")
local power = require("power")
local public_net = require("public_net")

local STATUS = { off = "stopped" }

--- The image in the words it was asked for: its name, or its id when it has none or the id was asked for.
local function image_of(image, recorded)
  if not image then
    return recorded -- it was deleted meanwhile; what the server was made of stays
  end
  local id = tostring(image.id)
  return recorded == id and id or image.name or id
end

--- The networks but the main one: in the order and with the fields that were asked for.
local function networks_of(ctx, server, recorded, main)
  local wanted = {}
  for _, one in ipairs(recorded.networks or {}) do
    wanted[tostring(one.network)] = one
  end
  local out, place = {}, {}
  for i, one in ipairs(recorded.networks or {}) do
    place[tostring(one.network)] = i
  end
  for _, net in ipairs(server.private_net or {}) do
    local id = tostring(net.network)
    local asked = wanted[id]
    if asked or net ~= main then -- that one is told by `network`
      out[#out + 1] = { network = id, private_ip = (not asked or asked.private_ip) and net.ip or nil }
    end
  end
  table.sort(out, function(a, b)
    local x, y = place[a.network] or math.huge, place[b.network] or math.huge
    return x < y or x == y and tonumber(a.network) < tonumber(b.network)
  end)
  return ctx.json.list(out)
end

--- The private network that `network` means: the recorded one if it is there, else the first.
local function main_network(server, recorded)
  local nets = server.private_net or {}
  for _, net in ipairs(nets) do
    if tostring(net.network) == recorded.network then
      return net
    end
  end
  return nets[1]
end

local function ids(list)
  local out = {}
  for i, one in ipairs(list or {}) do
    out[i] = tostring(math.tointeger(type(one) == "table" and one.id or one))
  end
  return out
end

--- How each firewall of the project came to its servers: firewall id -> server id -> true when it was given to it
--- itself. Asked for once, and again when there is a new firewall.
local function given_firewalls(ctx, id)
  local given, e = ctx.cached("firewalls", function()
    local all, e = api.all(ctx, "/firewalls", "firewalls")
    if not all then
      return nil, e
    end
    local out = {}
    for _, firewall in ipairs(all) do
      local servers = {}
      for _, one in ipairs(firewall.applied_to or {}) do
        servers[one.type == "server" and one.server and tostring(one.server.id) or ""] = true
      end
      out[tostring(firewall.id)] = servers
    end
    return out
  end, function(known)
    return known[id] ~= nil
  end)
  return given or error(e, 0)
end

--- The firewalls of a server without those that have it by its labels, which are said there. Those in `expected` are
--- not looked at.
local function firewalls_of(ctx, server, expected)
  local known, listed, out = {}, {}, ctx.json.list({})
  for _, id in ipairs(expected or {}) do
    known[tostring(id)] = true
  end
  for _, id in ipairs(ids(server.public_net and server.public_net.firewalls)) do
    local servers = not known[id] and given_firewalls(ctx, id)[id]
    if not listed[id] and (not servers or servers[tostring(server.id)]) then
      listed[id] = true -- one may come both ways
      out[#out + 1] = id
    end
  end
  return out
end

--- An address of ours in an IPv6 network: its first one.
local function first_ip6(network)
  return network and network:gsub("/%d+$", ""):gsub("::$", "::1")
end

local function state(ctx, server, recorded)
  local public = server.public_net or {}
  local net = main_network(server, recorded)
  local ip, ip6 = public.ipv4 and public.ipv4.ip, first_ip6(public.ipv6 and public.ipv6.ip)
  local private_ip = net and net.ip
  local host = ip or ip6 or private_ip
  local address = recorded.address and public.ipv4 and public.ipv4.id and "primary-" .. tostring(public.ipv4.id) or nil
  return {
    id = tostring(server.id),
    name = server.name,
    plan = server.server_type and server.server_type.name,
    zone = common.zone(server),
    image = image_of(server.image, recorded.image),
    network = net and tostring(net.network),
    private_ip = private_ip,
    networks = common.asked(recorded, "networks") and networks_of(ctx, server, recorded, net) or nil,
    labels = api.own_labels(server.labels),
    public = ip ~= nil and not (address and recorded.public == false), -- an `address` is one all the same
    ipv6 = ip6 ~= nil,
    address = address,
    firewalls = recorded.firewalls -- to who only looks, the firewalls tell their servers
      and common.in_order(ctx, recorded.firewalls, firewalls_of(ctx, server, recorded.firewalls)) or nil,
    placement_group = server.placement_group and tostring(server.placement_group.id),
    backups = server.backup_window ~= nil,
    protected = server.protection and server.protection.delete or false,
    ptr = common.given_name(public.ipv4 and public.ipv4.dns_ptr),
    ip = ip,
    ip6 = ip6,
    status = STATUS[server.status] or server.status,
    ssh = host and { host = host, port = 22, user = "root" } or nil,
  }
end

local body = common.body({
  path = "/servers", list = "servers", field = "server", what = "server", state = state, timeout = 600, rebuild = true,
})

local M = { find = body.find }

local LEAVING = 120 -- seconds that a deletion may take

--- Reads a server. One whose deletion is under way, as a killed process leaves it, is waited for until it is gone: it
--- looks as if somebody had taken everything from it.
function M.read(ctx, id)
  local server, e = body.object(ctx, id)
  if server and server.status == "deleting" then
    local left
    left, e = ctx.poll({ every = 1, timeout = LEAVING }, function()
      local seen, unknown = body.object(ctx, id)
      server = seen
      return not unknown and (not seen or seen.status ~= "deleting") or nil, unknown
    end)
    e = not left and e or nil
  end
  if not server or e then
    return nil, e
  end
  return state(ctx, server, common.words(ctx))
end

--- Lists servers without those that are leaving.
function M.list(ctx)
  local states, e = body.list(ctx)
  if not states then
    return nil, e
  end
  local out = {}
  for _, one in ipairs(states) do
    out[#out + 1] = one.status ~= "deleting" and one or nil
  end
  return out
end

--- The networks that are wanted, by id of the network: its address, or false.
local function wanted_networks(want)
  local out, order = {}, {}
  local function add(network, ip)
    network = tostring(network)
    if out[network] == nil then
      order[#order + 1] = network
    end
    out[network] = ip or out[network] or false
  end
  if want.network then
    add(want.network, want.private_ip)
  end
  for _, one in ipairs(want.networks or {}) do
    add(one.network, one.private_ip)
  end
  return out, order
end

local function attach(ctx, id, network, ip)
  return body.act(ctx, id, "attach_to_network", { network = api.number(ctx, network, "network"), ip = ip or nil })
end

--- What a creation asks for; `later` are the networks in which the server gets an address that is given.
local function fields_of(ctx, want, key)
  local networks, order = wanted_networks(want)
  local now, later = ctx.json.list({}), {}
  for _, network in ipairs(order) do
    if networks[network] then
      later[#later + 1] = network
    else
      now[#now + 1] = api.number(ctx, network, "network")
    end
  end
  local ssh_keys = ctx.json.list({ key })
  for _, one in ipairs(want.keys or {}) do
    ssh_keys[#ssh_keys + 1] = math.tointeger(tonumber(one)) or one -- ids are numbers, names texts
  end
  local firewalls
  for _, one in ipairs(want.firewalls or {}) do
    firewalls = firewalls or ctx.json.list({})
    firewalls[#firewalls + 1] = { firewall = api.number(ctx, one, "firewall") }
  end
  local address = public_net.address_number(ctx, want.address)
  return {
    server_type = want.plan,
    image = want.image,
    location = want.zone or ctx.config.zone,
    ssh_keys = ssh_keys,
    user_data = want.user_data,
    networks = #now > 0 and now or nil,
    firewalls = firewalls,
    placement_group = want.placement_group and api.number(ctx, want.placement_group, "placement group"),
    public_net = {
      enable_ipv4 = want.public or address ~= nil, enable_ipv6 = want.ipv6 or false, ipv4 = address,
    },
    -- An address in a network must be there before the first start: nothing in the server would take it later.
    start_after_create = #later == 0,
  }, networks, later
end

--- What is not part of the creation itself.
local function finish(ctx, id, want, networks, later, server)
  local present = {}
  for _, net in ipairs(server.private_net or {}) do
    present[tostring(net.network)] = true
  end
  local ok, e = common.each(later, function(network)
    return api.unless(present[network], attach, ctx, id, network, networks[network])
  end)
  if ok and #later > 0 then
    ok, e = power.on(ctx, api.number(ctx, id, "server"))
  end
  if ok and want.backups and not server.backup_window then
    ok, e = body.act(ctx, id, "enable_backup")
  end
  if ok and want.ptr and server.public_net and server.public_net.ipv4 then
    ok, e = body.act(ctx, id, "change_dns_ptr", { ip = server.public_net.ipv4.ip, dns_ptr = want.ptr })
  end
  if ok then
    ok, e = body.protect(ctx, id, want, server)
  end
  return ok, e
end

function M.create(ctx, want)
  local key, e = keys.workspace_key(ctx)
  if not key then
    return nil, e
  end
  local fields, networks, later = fields_of(ctx, want, key)
  local id
  id, e = body.make(ctx, want, fields)
  if not id and keys.is_gone(ctx, key, e) then
    local again, refused = keys.workspace_key(ctx)
    if not again then
      return nil, refused
    end
    id, e = body.make(ctx, want, (fields_of(ctx, want, again)))
  end
  if not id then
    return nil, e
  end
  local ok
  if #later > 0 or want.backups or want.ptr or want.protected then -- most have nothing of it: requests are counted
    ok, e = body.finish(ctx, id, function(seen)
      return finish(ctx, id, want, networks, later, seen)
    end)
  else
    ok = true
  end
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

local function change_networks(ctx, id, want, server)
  local applied = ctx.applied or {}
  if not (want.network or want.networks or applied.network or applied.networks) then
    return true -- what others attached is theirs
  end
  local networks, order = wanted_networks(want)
  local ours, present = wanted_networks(applied), {}
  local all = want.networks or applied.networks -- the whole list is known: plans tell what is taken away
  for _, net in ipairs(server.private_net or {}) do
    local network = tostring(net.network)
    local wanted = networks[network]
    present[network] = wanted == false or wanted == net.ip
    if not present[network] and (wanted or all or ours[network] ~= nil) then -- with another address, or not wanted
      local ok, e = body.act(ctx, id, "detach_from_network", { network = net.network })
      if not ok then
        return nil, e
      end
    end
  end
  return common.each(order, function(network)
    return api.unless(present[network], attach, ctx, id, network, networks[network])
  end)
end

local function change_firewalls(ctx, id, want, server)
  if not (want.firewalls or (ctx.applied or {}).firewalls) then
    return true -- firewalls say themselves which servers they protect
  end
  local expected = ctx.json.list({})
  for _, list in ipairs({ want.firewalls or {}, (ctx.applied or {}).firewalls or {} }) do
    table.move(list, 1, #list, #expected + 1, expected)
  end
  local away, add = common.difference(ctx, firewalls_of(ctx, server, expected), want.firewalls or {})
  local resource = ctx.json.list({ { type = "server", server = { id = api.number(ctx, id, "server") } } })
  local function act(firewall, action, field)
    return api.act(ctx, ("/firewalls/%d/actions/%s"):format(api.number(ctx, firewall, "firewall"), action),
      { [field] = resource })
  end
  local ok, e = common.each(add, function(firewall)
    return act(firewall, "apply_to_resources", "apply_to")
  end)
  if not ok then
    return nil, e
  end
  return common.each(away, function(firewall)
    return act(firewall, "remove_from_resources", "remove_from")
  end)
end

local function change_backups(ctx, id, want, server)
  local wanted = want.backups or false
  if wanted == (server.backup_window ~= nil) then
    return true
  end
  return body.act(ctx, id, wanted and "enable_backup" or "disable_backup")
end

local function change_ptr(ctx, id, want, server)
  if want.ptr == nil and (ctx.applied or {}).ptr == nil then
    return true
  end
  local e
  if not server then
    server, e = body.present(ctx, id)
    if not server then
      return nil, e
    end
  end
  local ipv4 = server.public_net and server.public_net.ipv4
  if not ipv4 or want.ptr == ipv4.dns_ptr then
    return true
  end
  return body.act(ctx, id, "change_dns_ptr", { ip = ipv4.ip, dns_ptr = want.ptr or ctx.json.null })
end

--- The changes that need the server to be off: a list of functions.
---@return function[]?, prov.Err?
local function changes_when_off(ctx, id, want, server)
  local out, e = public_net.changes(ctx, want, server)
  if not out then
    return nil, e
  end
  local is_group = server.placement_group and tostring(server.placement_group.id)
  if want.placement_group ~= is_group and (want.placement_group or (ctx.applied or {}).placement_group) then
    if is_group then
      table.insert(out, 1, function()
        return body.act(ctx, id, "remove_from_placement_group")
      end)
    end
    if want.placement_group then
      out[#out + 1] = function()
        return body.act(ctx, id, "add_to_placement_group", {
          placement_group = api.number(ctx, want.placement_group, "placement group"),
        })
      end
    end
  end
  if want.plan ~= (server.server_type or {}).name then -- last: it starts the server again
    out[#out + 1] = function()
      local fields = { server_type = want.plan, upgrade_disk = want.upgrade_disk or false }
      return body.act(ctx, id, "change_type", fields, 1800)
    end
  end
  return out
end

--- The server, ready to be changed: a creation that was cut off may still be under way.
local function settled(ctx, id)
  local server, e = body.present(ctx, id)
  if server and server.status == "initializing" then
    local ok
    ok, e = api.settle(ctx, body.path(ctx, id))
    if not ok then
      return nil, e
    end
    server, e = body.present(ctx, id)
  end
  return server, e
end

function M.update(ctx, id, want)
  local server, e = settled(ctx, id)
  if not server then
    return nil, e
  end
  local off
  off, e = changes_when_off(ctx, id, want, server)
  if not off then
    return nil, e
  end
  local ok
  ok, e = api.steps(function()
    return body.rename(ctx, id, want, server)
  end, function()
    return api.unless(want.protected, body.protect, ctx, id, want, server) -- taken away first
  end, function()
    return change_networks(ctx, id, want, server) -- first: one without any network could not start again
  end, function()
    return api.unless(#off == 0, power.while_off, ctx, server.id, function()
      return api.steps(table.unpack(off))
    end)
  end, function()
    return change_firewalls(ctx, id, want, server)
  end, function()
    return api.unless(server.status ~= "off", power.on, ctx, server.id) -- one that was cut off before its first start
  end, function()
    return change_backups(ctx, id, want, server)
  end, function()
    return change_ptr(ctx, id, want, #off == 0 and server or nil) -- else it may have another address now
  end, function()
    return api.unless(not want.protected, body.protect, ctx, id, want, server)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

function M.delete(ctx, id)
  keys.before_delete(ctx, id)
  return body.delete(ctx, id)
end

function M.action_start(ctx, id)
  local ok, e = power.on(ctx, api.number(ctx, id, "server"))
  if not ok then
    return nil, e
  end
  return body.read(ctx, id)
end

function M.action_stop(ctx, id)
  local ok, e = power.off(ctx, api.number(ctx, id, "server"))
  if not ok then
    return nil, e
  end
  return body.read(ctx, id)
end

function M.action_restart(ctx, id)
  local number = api.number(ctx, id, "server")
  local ok, e = power.off(ctx, number)
  if ok then
    ok, e = power.on(ctx, number)
  end
  if not ok then
    return nil, e
  end
  return body.read(ctx, id)
end

function M.action_reboot(ctx, id)
  local ok, e = body.act(ctx, id, "reboot")
  if not ok then
    return nil, e
  end
  return body.read(ctx, id)
end

return M
