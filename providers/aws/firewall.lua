--- Firewalls: security groups of a VPC. What no rule lets in stays out. A new group lets everything out, and does so
--- until a rule says what may go out.

local api = require("api")
local kind = require("kind")
local places = require("places")
local rules = require("rules")
local servers = require("server")

--- The rules that AWS gives to every new group; the one of IPv6 where the network has that.
local function is_default_out(atom)
  return atom.direction == "out" and atom.protocol == "-1" and (atom.other == "0.0.0.0/0" or atom.other == "::/0")
end

local function has_out(atoms)
  for _, atom in pairs(atoms) do
    if atom.direction == "out" then
      return true
    end
  end
  return false
end

--- The rules that are there, beside those everybody has.
local function seen_of(group, wanted)
  local atoms = rules.of_permissions(group.IpPermissions, "in", {})
  rules.of_permissions(group.IpPermissionsEgress, "out", atoms)
  if not has_out(wanted) then
    for key, atom in pairs(atoms) do
      if is_default_out(atom) then
        atoms[key] = nil
      end
    end
  end
  return atoms
end

--- The servers that a group is on, by its network interfaces.
local function servers_of(ctx, id)
  local interfaces, e = api.describe(ctx, "DescribeNetworkInterfaces", "NetworkInterfaces", { ["group-id"] = id })
  if not interfaces then
    return nil, e
  end
  local out = {}
  for _, interface in ipairs(interfaces) do
    out[#out + 1] = interface.Attachment and interface.Attachment.InstanceId
  end
  return out
end

local function state(ctx, group, known)
  local seen = seen_of(group, rules.atoms(known.rules))
  local on
  if known.servers then -- else others say so
    local there, e = servers_of(ctx, group.GroupId)
    if not there then
      return nil, e
    end
    on = api.in_order(ctx, known.servers, there)
  end
  return {
    id = group.GroupId,
    name = group.GroupName,
    network = known.network or group.VpcId,
    comment = known.comment and group.Description,
    rules = rules.tell(ctx, known.rules, seen),
    servers = on,
    labels = api.labels(group.Tags),
  }
end

local M = kind.body({
  what = "firewall", operation = "DescribeSecurityGroups", field = "SecurityGroups", id = "GroupId",
  filter = "group-id", type = "security-group", state = state, params = api.PAGE,
  not_ours = function(group)
    return group.GroupName == "default"
  end,
})

-- Rules ------------------------------------------------------------------------------------------

local OPERATIONS = {
  add = { ["in"] = "AuthorizeSecurityGroupIngress", out = "AuthorizeSecurityGroupEgress" },
  remove = { ["in"] = "RevokeSecurityGroupIngress", out = "RevokeSecurityGroupEgress" },
  comment = { ["in"] = "UpdateSecurityGroupRuleDescriptionsIngress",
    out = "UpdateSecurityGroupRuleDescriptionsEgress" },
}

-- Of an operation that is done already.
local DONE = { ["InvalidPermission.Duplicate"] = true, ["InvalidPermission.NotFound"] = true }

local function change(ctx, id, what, atoms)
  for _, direction in ipairs({ "in", "out" }) do
    local permissions = {}
    for _, atom in ipairs(atoms) do
      if atom.direction == direction then
        permissions[#permissions + 1] = rules.permission(atom)
      end
    end
    if #permissions > 0 then
      local operation = OPERATIONS[what][direction]
      local ok, e = api.ec2(ctx, operation, { GroupId = id, IpPermissions = permissions })
      if not ok and DONE[api.code(e)] and #permissions > 1 then -- some are done, which says nothing of the others
        for _, permission in ipairs(permissions) do
          ok, e = api.ec2(ctx, operation, { GroupId = id, IpPermissions = { permission } })
          if not ok and not DONE[api.code(e)] then
            return nil, e
          end
        end
      elseif not ok and not DONE[api.code(e)] then
        return nil, e
      end
    end
  end
  return true
end

--- Makes the rules what they should be: first what is let in anew, then what is not any more.
local function arrange(ctx, group, want)
  local wanted = rules.atoms(want.rules)
  local seen = rules.of_permissions(group.IpPermissions, "in", {})
  rules.of_permissions(group.IpPermissionsEgress, "out", seen)
  local add, remove, comment, all_out = {}, {}, {}, nil
  for key, atom in pairs(wanted) do
    local list = not seen[key] and add or seen[key].comment ~= atom.comment and comment
    if list then
      list[#list + 1] = atom
    end
  end
  for key, atom in pairs(seen) do
    all_out = all_out or is_default_out(atom)
    if not wanted[key] and not (is_default_out(atom) and not has_out(wanted)) then
      remove[#remove + 1] = atom
    end
  end
  if not has_out(wanted) and not all_out then -- as AWS makes it
    add[#add + 1] = { direction = "out", protocol = "-1", other = "0.0.0.0/0", kind = "v4" }
  end
  for _, step in ipairs({ { "add", add }, { "comment", comment }, { "remove", remove } }) do
    local ok, e = change(ctx, group.GroupId, step[1], step[2])
    if not ok then
      return nil, e
    end
  end
  return true
end

-- Servers ----------------------------------------------------------------------------------------

--- Puts the group on a server, or takes it away. From a server that is gone nothing needs to be taken.
local function set_on(ctx, id, server, on)
  local instance, e = servers.object(ctx, server)
  if not instance then
    return not e and not on or nil, e or on and ctx.error("notfound", ("there is no server %s"):format(server))
  end
  local have = servers.groups(instance)
  local groups = api.minus(have, { id })
  if on == (#groups < #have) then
    return true
  elseif on then
    groups[#groups + 1] = id
  end
  return servers.set_groups(ctx, instance, groups)
end

--- Puts the group on the wanted servers, and on no other. When it says none, servers say which firewalls they have.
local function set_servers(ctx, id, wanted)
  local applied = (ctx.applied or {}).servers
  if not (wanted or applied) then
    return true
  end
  local on = applied
  if wanted then
    local e
    on, e = servers_of(ctx, id)
    if not on then
      return nil, e
    end
  end
  for _, list in ipairs({ { api.minus(wanted or {}, on), true }, { api.minus(on, wanted or {}), false } }) do
    for _, server in ipairs(list[1]) do
      local ok, e = set_on(ctx, id, server, list[2])
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

--- The VPC: of the network, else of the first server.
local function vpc_of(ctx, want)
  if not want.network and want.servers and want.servers[1] then
    local instance, e = servers.must(ctx, want.servers[1])
    return instance and instance.VpcId, e
  end
  return places.vpc(ctx, want.network)
end

local function arranged(ctx, id, want)
  local ok, e = api.steady(ctx, function()
    local group, failure = M.must(ctx, id)
    local done
    if group then
      done, failure = arrange(ctx, group, want)
    end
    if not done then
      return nil, failure
    end
    return set_servers(ctx, id, want.servers)
  end)
  if not ok then
    return nil, e
  end
  local group
  group, e = M.must(ctx, id)
  return group and state(ctx, group, want), e
end

function M.create(ctx, want)
  local vpc, e = vpc_of(ctx, want)
  if not vpc then
    return nil, e
  end
  local name = api.name_of(ctx, want)
  local group
  group, e = M.make(ctx, want, "CreateSecurityGroup", { GroupName = name, Description = want.comment or name,
    VpcId = vpc })
  if not group then
    return nil, e
  end
  local seen
  seen, e = M.seen(ctx, group.GroupId)
  if not seen then
    return nil, e
  end
  return arranged(ctx, group.GroupId, want)
end

function M.update(ctx, id, want)
  local group, e = M.retag(ctx, id, want)
  if not group then
    return nil, e
  end
  return arranged(ctx, id, want)
end

function M.delete(ctx, id)
  local on, e = servers_of(ctx, id)
  if not on then
    return nil, e
  end
  for _, server in ipairs(on) do
    local ok
    ok, e = set_on(ctx, id, server, false)
    if not ok and e then
      return nil, e
    end
  end
  return api.delete_held(ctx, function()
    return api.away(ctx, "DeleteSecurityGroup", { GroupId = id })
  end, { ["group-id"] = id })
end

return kind.guarded(M)
