--- What the lists of an account tell of its servers, so that a look at many is a few requests: GET /server has no
-- addresses, but GET /ip_address has all of them, GET /network who is in a private network, and GET /storage the disks.

local api = require("api")

local M = {}

---@class upcloud.Seen what lists tell of a server
---@field public table<string, string[]> fixed public addresses by family
---@field private string[] addresses in private networks; a list may leave them out
---@field networks string[] private networks
---@field utility boolean
---@field ptr? string reverse name of the public IPv4 address

local function seen_of(all, server)
  all[server] = all[server] or { public = { IPv4 = {}, IPv6 = {} }, private = {}, networks = {}, utility = false }
  return all[server]
end

local function add_address(all, address)
  if not address.server or address.floating == "yes" then
    return
  end
  local seen = seen_of(all, address.server)
  if address.access == "utility" then
    seen.utility = true
  elseif address.access == "public" then
    table.insert(seen.public[address.family], address.address)
    seen.ptr = address.family == "IPv4" and address.ptr_record or seen.ptr
  else
    table.insert(seen.private, address.address)
  end
end

--- What lists tell of all servers, by their UUIDs.
---@async
---@return table<string, upcloud.Seen>?, prov.Err?
function M.servers(ctx)
  local addresses, e = api.call(ctx, "get", "/ip_address", nil, "ip_addresses", "ip_address")
  local networks
  if addresses then
    networks, e = api.call(ctx, "get", "/network", nil, "networks", "network")
  end
  if not networks then
    return nil, e
  end
  local all = {}
  for _, one in ipairs(addresses) do
    add_address(all, one)
  end
  for _, network in ipairs(networks) do
    for _, server in ipairs(network.type == "private" and api.items(network.servers, "server") or {}) do
      table.insert(seen_of(all, server.uuid).networks, network.uuid)
    end
  end
  return all
end

--- Storages by their UUIDs.
---@async
---@return table<string, table>?, prov.Err?
function M.disks(ctx)
  local list, e = api.storages(ctx)
  return list and api.by_uuid(list), e
end

local function same(a, b)
  table.sort(a)
  table.sort(b)
  return table.concat(a, " ") == table.concat(b, " ")
end

--- True when a server is where it was recorded. Lists tell neither the order of its interfaces nor which address is in
-- which network, so that only a read says what another one is.
---@param seen? upcloud.Seen
---@param recorded table
---@return boolean
function M.is_as_recorded(seen, recorded)
  if not seen then
    return false
  end
  local networks, private = { recorded.network }, { recorded.private_ip }
  for _, one in ipairs(recorded.networks or {}) do
    networks[#networks + 1], private[#private + 1] = one.network, one.private_ip
  end
  return same(seen.public.IPv4, { recorded.public and recorded.ip or nil })
    and same(seen.public.IPv6, { recorded.ip6 })
    and seen.utility == (recorded.utility or false)
    and same(seen.networks, networks)
    and (#seen.private == 0 or same(seen.private, private))
end

return M
