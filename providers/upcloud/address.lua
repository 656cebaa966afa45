--- Floating addresses. They have no labels and no names, so one whose creation's answer was lost cannot be found again:
-- there is no `find`, and prov says that it may be left over.

local api = require("api")

local M = {}

local FAMILY = { ipv4 = "IPv4", ipv6 = "IPv6" }

local function state_of(address)
  return {
    id = address.address,
    ip = address.address,
    zone = address.zone,
    server = address.server,
    family = address.family:lower(),
    ptr = address.ptr_record,
  }
end

local function get(ctx, id)
  return api.call(ctx, "get", "/ip_address/" .. id, nil, "ip_address")
end

--- What a person did not ask for is not theirs to see as a change: the cloud gives every address a reverse name.
local function shown(ctx, state)
  if api.recorded(ctx, state.id).ptr == nil then
    state.ptr = nil
  end
  return state
end

function M.read(ctx, id)
  local address, e = get(ctx, id)
  if not address then
    return api.absent(nil, e)
  end
  return shown(ctx, state_of(address))
end

--- The hardware address of the interface of a server that has the public address of a family.
local function mac_of(ctx, server_id, family)
  local server, e = api.call(ctx, "get", "/server/" .. server_id, nil, "server")
  if not server then
    return nil, e
  end
  for _, one in ipairs(server.networking.interfaces.interface) do
    for _, address in ipairs(one.ip_addresses.ip_address) do
      if one.type == "public" and address.family == FAMILY[family] then
        return one.mac
      end
    end
  end
  return ctx.fail("invalid", "server %s has no public interface for %s that the address could lead to", server_id,
    FAMILY[family])
end

function M.create(ctx, want)
  local mac, e
  if want.server then
    mac, e = mac_of(ctx, want.server, want.family)
    if not mac then
      return nil, e
    end
  end
  local made
  made, e = api.call(ctx, "post", "/ip_address", { ip_address = {
    family = FAMILY[want.family],
    floating = "yes",
    access = "public",
    zone = not mac and (want.zone or ctx.config.zone) or nil,
    mac = mac,
  } }, "ip_address")
  if not made then
    return nil, e
  end
  ctx.adopt(made.address)
  local state = state_of(made)
  state.ptr = nil
  if want.ptr then
    return M.update(ctx, made.address, want, state)
  end
  return state
end

function M.update(ctx, id, want, old)
  local now, e = get(ctx, id)
  if not now then
    return nil, e
  end
  local changes = {}
  if want.server ~= now.server then
    changes.mac = ctx.json.null
    if want.server then
      changes.mac, e = mac_of(ctx, want.server, want.family)
      if not changes.mac then
        return nil, e
      end
    end
  end
  if want.ptr and want.ptr ~= now.ptr_record then
    changes.ptr_record = want.ptr
  end
  if next(changes) then
    now, e = api.call(ctx, "patch", "/ip_address/" .. id, { ip_address = changes }, "ip_address")
    if not now then
      return nil, e
    end
  end
  local state = state_of(now)
  state.ptr = (want.ptr or old.ptr) and state.ptr
  return state
end

function M.delete(ctx, id)
  local now, e = get(ctx, id)
  if not now and e.code == "notfound" then
    return true
  elseif now and now.server then -- an address that leads somewhere is not given back
    now, e = api.call(ctx, "patch", "/ip_address/" .. id, { ip_address = { mac = ctx.json.null } })
  end
  if not now then
    return nil, e
  end
  return api.remove(ctx, "/ip_address/" .. id)
end

function M.list(ctx)
  local addresses, e = api.call(ctx, "get", "/ip_address", nil, "ip_addresses", "ip_address")
  if not addresses then
    return nil, e
  end
  local out = {}
  for _, one in ipairs(addresses) do
    out[#out + 1] = one.floating == "yes" and shown(ctx, state_of(one)) or nil
  end
  return out
end

return M
