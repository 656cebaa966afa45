--- IP addresses of the simulated UpCloud: those of servers, and floating ones, which are objects of their own.

local data = require("core.data")
local catalog = require("prov.simulate.upcloud.catalog")
local kit = require("prov.simulate.upcloud.kit")

local M = {}

local NONE = require("prov.simulate.world").NONE

--- Every address: of servers, and floating ones.
local function all(w)
  local out = {}
  for _, server in ipairs(w:list("server")) do
    for _, one in ipairs(server.interfaces) do
      for _, ip in ipairs(one.ips) do
        if not ip.floating then
          out[#out + 1] = { server = server, interface = one, ip = ip, address = ip.address }
        end
      end
    end
  end
  for _, object in ipairs(w:list("address")) do
    out[#out + 1] = { floating = object, address = object.address }
  end
  return out
end

local function view(one)
  local object = one.floating
  if object then
    return {
      access = "public", address = object.address, family = object.family, floating = "yes", mac = object.mac,
      ptr_record = object.ptr or kit.ptr(object.address, object.zone), server = object.server, zone = object.zone,
    }
  end
  local public = one.interface.type == "public"
  return {
    access = one.interface.type, address = one.address, family = one.ip.family, mac = one.interface.mac,
    part_of_plan = one.server.plan ~= "custom" and public and one.ip.family == "IPv4" and "yes" or nil,
    ptr_record = public and (one.ip.ptr or kit.ptr(one.address, one.server.zone)) or nil,
    server = one.server.id, zone = one.server.zone,
  }
end

local function list(call)
  local out = data.list({})
  for i, one in ipairs(all(call.w)) do
    out[i] = view(one)
  end
  return 200, { ip_addresses = { ip_address = out } }
end

local function the_address(call)
  for _, one in ipairs(all(call.w)) do
    if one.address == call.params.address then
      return one
    end
  end
  return kit.refuse(404, "IP_ADDRESS_NOT_FOUND", "The IP address %s does not exist.", call.params.address)
end

local function get(call)
  local one, e = the_address(call)
  if not one then
    return nil, e
  end
  return 200, { ip_address = view(one) }
end

--- The server and interface with a hardware address.
local function by_mac(w, mac)
  for _, server in ipairs(w:list("server")) do
    for _, one in ipairs(server.interfaces) do
      if one.mac == mac and one.type == "public" then
        return server, one
      end
    end
  end
  return kit.refuse(404, "MAC_NOT_FOUND", "No public interface has the MAC address %s.", tostring(mac))
end

local function leave(w, object)
  local server = object.server and w:get("server", object.server)
  if not server then
    return
  end
  w:touch(server)
  for _, one in ipairs(server.interfaces) do
    for i = #one.ips, 1, -1 do
      if one.ips[i].address == object.address then
        table.remove(one.ips, i)
      end
    end
  end
end

local function join(w, object, server, interface)
  w:touch(server)
  table.insert(interface.ips, { address = object.address, family = object.family, floating = true })
  w:change(object, { server = server.id, mac = interface.mac })
end

local function create(call)
  local w = call.w
  local body, e = kit.body(call, "ip_address")
  if not body then
    return nil, e
  elseif not kit.yes(body.floating, false) then
    return kit.refuse(400, "FLOATING_INVALID", "Only floating addresses are made here.")
  end
  local family = body.family or "IPv4"
  local server, interface
  if body.mac ~= nil and body.mac ~= data.null then
    server, interface = by_mac(w, body.mac)
    if not server then
      return nil, interface
    end
  elseif not catalog.zone(body.zone) then
    return kit.refuse(body.zone and 404 or 400, body.zone and "ZONE_NOT_FOUND" or "ZONE_MISSING",
      "The zone %s does not exist.", tostring(body.zone))
  end
  local address = family == "IPv6" and w.world:ipv6():gsub("::/64$", "::1") or w.world:ipv4()
  local object
  object, e = w:add("address", {
    id = address, address = address, family = family, zone = server and server.zone or body.zone,
  })
  if not object then
    return nil, e
  end
  if server then
    join(w, object, server, interface)
  end
  return 201, { ip_address = view({ floating = object }) }
end

local function modify(call)
  local w = call.w
  local one, e = the_address(call)
  local body
  if one then
    body, e = kit.body(call, "ip_address")
  end
  if not body then
    return nil, e
  end
  local object = one.floating
  if body.mac ~= nil and not object then
    return kit.refuse(409, "IP_ADDRESS_NOT_FLOATING", "The IP address %s is not floating.", one.address)
  elseif body.mac == data.null or body.mac == "" then
    leave(w, object)
    w:change(object, { server = NONE, mac = NONE })
  elseif body.mac ~= nil then
    local server, interface = by_mac(w, body.mac)
    if not server then
      return nil, interface
    end
    leave(w, object)
    join(w, object, server, interface)
  end
  if type(body.ptr_record) == "string" then
    if object then
      w:change(object, { ptr = body.ptr_record })
    else
      w:touch(one.server)
      one.ip.ptr = body.ptr_record
    end
  end
  return 202, { ip_address = view(one) }
end

local function delete(call)
  local one, e = the_address(call)
  if not one then
    return nil, e
  elseif not one.floating then
    return kit.refuse(409, "IP_ADDRESS_NOT_FLOATING", "The IP address %s is not floating.", one.address)
  elseif one.floating.server then
    return kit.refuse(409, "IP_ADDRESS_ATTACHED", "The IP address %s is attached to a server.", one.address)
  end
  call.w:remove(one.floating)
  return 204
end

M.routes = {
  { "GET", "/ip_address", "ip_address.list", list },
  { "POST", "/ip_address", "ip_address.create", create },
  { "GET", "/ip_address/{address}", "ip_address.get", get },
  { "PATCH", "/ip_address/{address}", "ip_address.modify", modify },
  { "PUT", "/ip_address/{address}", "ip_address.modify", modify },
  { "DELETE", "/ip_address/{address}", "ip_address.delete", delete },
}

return M
