--- The public addresses of a server, changed while it is off. Each is a primary address of the project: one that was
--- made with the server (and goes with it), or a resource `address` that `address` names.

local api = require("api")

local M = {}

--- The id of an `address`, which must be of type primary.
---@return integer?
function M.address_number(ctx, address)
  if address == nil then
    return nil
  end
  return api.number(ctx, (tostring(address):gsub("^primary%-", "")), "primary address")
end

--- The number of an address that a server has.
local function number_of(ctx, net)
  if net.id then
    return net.id
  end
  local found, e = api.all(ctx, "/primary_ips", "primary_ips", { ip = net.ip }) -- older answers have no id
  if found and not found[1] then
    e = ctx.error("failed", ("the address %s is no primary address of the project"):format(net.ip))
  end
  return found and found[1] and found[1].id, e
end

--- Takes an address away; one that was the server's own is deleted.
local function take(ctx, id, is_resource)
  local path = ("/primary_ips/%d"):format(id)
  local ok, e = api.act(ctx, path .. "/actions/unassign")
  if not ok or is_resource then
    return ok, e
  end
  ok, e = api.client(ctx):delete(path)
  if ok or e.code == "notfound" then
    return true
  end
  return nil, e
end

--- Gives the server an address: that of a resource, or a new one of its own.
local function give(ctx, server, family, id)
  if id then
    return api.act(ctx, ("/primary_ips/%d/actions/assign"):format(id), {
      assignee_id = server.id, assignee_type = "server",
    })
  end
  local made, answer = api.create(ctx, "/primary_ips", "primary_ips", "primary_ip", {
    name = ("%s-%s-%d"):format(server.name, family, server.id), type = family, assignee_id = server.id,
    assignee_type = "server", auto_delete = true, labels = api.labels(ctx, {}),
  })
  if not made then
    return nil, answer
  elseif answer.lost then
    return api.settle(ctx, ("/primary_ips/%d"):format(made.id))
  end
  return api.wait(ctx, answer)
end

--- The changes that bring the addresses of a server to what is wanted: functions to be called while it is off.
---@return function[]? changes, prov.Err?
function M.changes(ctx, want, server)
  local applied, out = ctx.applied or {}, {}
  local wishes = {
    ipv4 = { wanted = want.public or want.address ~= nil, id = M.address_number(ctx, want.address) },
    ipv6 = { wanted = want.ipv6 or false },
  }
  for _, family in ipairs({ "ipv4", "ipv6" }) do
    local wish = wishes[family]
    local resource = family == "ipv4" and M.address_number(ctx, applied.address)
    local net = server.public_net and server.public_net[family]
    local is, e = net and net.ip, nil
    if is and (not wish.wanted or wish.id or resource) then -- which one it is matters
      is, e = number_of(ctx, net)
    end
    if e then
      return nil, e
    end
    local other = is and wish.wanted and (wish.id and wish.id ~= is or not wish.id and is == resource)
    if is and (not wish.wanted or other) then
      out[#out + 1] = function()
        return take(ctx, is, is == resource)
      end
    end
    if wish.wanted and (not is or other) then
      out[#out + 1] = function()
        return give(ctx, server, family, wish.id)
      end
    end
  end
  return out
end

return M
