--- Security groups. A group keeps its rules one by one, each with one peer, as AWS numbers them (sgr-...).

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = { group = { refs = { vpc = "vpc", ["rules[].group"] = "group" }, quota = 2500 } }

local PROTOCOLS = { ["6"] = "tcp", ["17"] = "udp", ["1"] = "icmp", ["58"] = "icmpv6", all = "-1" }
local PEERS = {
  { "IpRanges", "CidrIp", "cidr" }, { "Ipv6Ranges", "CidrIpv6", "cidr6" },
  { "PrefixListIds", "PrefixListId", "prefix" },
  { "UserIdGroupPairs", "GroupId", "group" },
}

-- Views ------------------------------------------------------------------------------------------

local function permission_of(permissions, by_key, rule)
  local key = ("%s %s %s"):format(rule.protocol, tostring(rule.from), tostring(rule.to))
  local permission = by_key[key]
  if not permission then
    permission = { IpProtocol = rule.protocol, FromPort = rule.from, ToPort = rule.to }
    for _, peer in ipairs(PEERS) do
      permission[peer[1]] = data.list({})
    end
    by_key[key] = permission
    permissions[#permissions + 1] = permission
  end
  return permission
end

local function permissions(group, egress)
  local out, by_key = data.list({}), {}
  for _, rule in ipairs(group.rules) do
    if rule.egress == egress then
      local permission = permission_of(out, by_key, rule)
      for _, peer in ipairs(PEERS) do
        if rule[peer[3]] then
          table.insert(permission[peer[1]], {
            [peer[2]] = rule[peer[3]], Description = rule.description,
            UserId = peer[3] == "group" and kit.ACCOUNT or nil,
          })
        end
      end
    end
  end
  return out
end

local function view(call, group)
  return {
    GroupId = group.id, GroupName = group.group_name, Description = group.description, VpcId = group.vpc,
    OwnerId = kit.ACCOUNT, Tags = kit.tags(group.labels), IpPermissions = permissions(group, false),
    IpPermissionsEgress = permissions(group, true),
    SecurityGroupArn = ("arn:aws:ec2:%s:%s:security-group/%s"):format(call.region, kit.ACCOUNT, group.id),
  }
end

local function rule_view(call, group, rule)
  return {
    SecurityGroupRuleId = rule.id, GroupId = group.id, GroupOwnerId = kit.ACCOUNT, IsEgress = rule.egress,
    IpProtocol = rule.protocol, FromPort = rule.from or -1, ToPort = rule.to or -1, CidrIpv4 = rule.cidr,
    CidrIpv6 = rule.cidr6, PrefixListId = rule.prefix, Description = rule.description,
    ReferencedGroupInfo = rule.group and { GroupId = rule.group, UserId = kit.ACCOUNT } or nil, Tags = data.list({}),
    SecurityGroupRuleArn = ("arn:aws:ec2:%s:%s:security-group-rule/%s"):format(call.region, kit.ACCOUNT, rule.id),
  }
end

local function filters()
  local out = { description = "Description" }
  local directions = { ["ip-permission."] = "IpPermissions.", ["egress.ip-permission."] = "IpPermissionsEgress." }
  for prefix, field in pairs(directions) do
    out[prefix .. "cidr"] = field .. "IpRanges.CidrIp"
    out[prefix .. "ipv6-cidr"] = field .. "Ipv6Ranges.CidrIpv6"
    out[prefix .. "from-port"] = field .. "FromPort"
    out[prefix .. "to-port"] = field .. "ToPort"
    out[prefix .. "protocol"] = field .. "IpProtocol"
    out[prefix .. "group-id"] = field .. "UserIdGroupPairs.GroupId"
    out[prefix .. "group-name"] = field .. "UserIdGroupPairs.GroupName"
  end
  return out
end

operations.DescribeSecurityGroups = describe.operation({
  kind = "group", shape = "SecurityGroup", ids = "GroupIds", names = "GroupNames", out = "SecurityGroups", view = view,
  filters = filters(),
})

operations.DescribeSecurityGroupRules = describe.operation({
  kind = "group", shape = "SecurityGroupRule", out = "SecurityGroupRules",
  list = function(call, p)
    local wanted, out = {}, {}
    for _, id in ipairs(p.SecurityGroupRuleIds or {}) do
      wanted[id] = true
    end
    for _, group in ipairs(describe.all(call, "group")) do
      for i, rule in ipairs(group.rules) do
        if next(wanted) == nil or wanted[rule.id] then
          out[#out + 1] = { group = group, rule = rule, seq = group.seq * 1000 + i }
        end
      end
    end
    return out
  end,
  view = function(call, row)
    return rule_view(call, row.group, row.rule)
  end,
})

--- Groups as others show them.
---@param ids string[]
function M.identifiers(call, ids)
  local out = data.list({})
  for i, id in ipairs(ids) do
    local group = call.w:get("group", id)
    out[i] = { GroupId = id, GroupName = group and group.group_name or "" }
  end
  return out
end

--- Checks that groups are there, in a VPC; gives their ids, or that of the VPC's own when none is named.
---@param ids? string[]
---@param names? string[]
---@return string[]?, prov.Err?
function M.check(call, vpc, ids, names)
  local out = data.list({})
  for _, id in ipairs(ids or {}) do
    local group, e = kit.get(call, "group", id)
    if not group then
      return nil, e
    elseif group.vpc ~= vpc then
      return kit.refuse("InvalidParameter", "Security group %s and the network interface belong to different networks.",
        id)
    end
    out[#out + 1] = id
  end
  for _, name in ipairs(names or {}) do
    local group, e = M.by_name(call, vpc, name)
    if not group then
      return nil, e
    end
    out[#out + 1] = group.id
  end
  if #out == 0 then
    local own = M.by_name(call, vpc, "default")
    out[1] = own and own.id
  elseif #out > 16 then
    return kit.refuse("SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups is 16")
  end
  return out
end

--- The group of a VPC with a name.
---@param actual? boolean also one that reads do not see yet
function M.by_name(call, vpc, name, actual)
  for _, group in ipairs(call.w:list("group", actual)) do
    if group.vpc == vpc and group.group_name == name then
      return group
    end
  end
  return kit.refuse("InvalidGroup.NotFound", "The security group '%s' does not exist", tostring(name))
end

--- The id of the region's default VPC.
---@return string?, prov.Err?
function M.default_vpc(call)
  for _, vpc in ipairs(describe.all(call, "vpc")) do
    if vpc.default then
      return vpc.id
    end
  end
  return kit.refuse("VPCIdNotSpecified", "No default VPC for this user")
end

-- Rules ------------------------------------------------------------------------------------------

local function check_ports(protocol, from, to)
  if protocol == "-1" then
    return true
  elseif protocol == "tcp" or protocol == "udp" then
    if not from or not to then
      return kit.refuse("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' "
        .. "for portRange.")
    elseif from < 0 or to > 65535 or from > to then
      return kit.refuse("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", from, to)
    end
  elseif protocol == "icmp" or protocol == "icmpv6" then
    return true
  elseif not protocol:find("^%d+$") or tonumber(protocol) > 255 then
    return kit.refuse("InvalidPermission.Malformed", "Invalid protocol number '%s'", protocol)
  end
  return true
end

--- The group a permission names.
local function group_of_pair(call, group, pair)
  if pair.GroupId then
    return kit.get(call, "group", pair.GroupId)
  end
  return M.by_name(call, group.vpc, pair.GroupName)
end

local function add_rules(call, group, out, permission, egress)
  local protocol = tostring(permission.IpProtocol or "-1"):lower()
  protocol = PROTOCOLS[protocol] or protocol
  local any = protocol == "-1"
  local ok, e = check_ports(protocol, permission.FromPort, permission.ToPort)
  if not ok then
    return nil, e
  end
  for _, peer in ipairs(PEERS) do
    for _, one in ipairs(permission[peer[1]] or {}) do
      local value = one[peer[2]]
      if peer[3] == "cidr" then
        local range = kit.range(value, "cidrIp")
        if not range then
          return kit.refuse("InvalidParameterValue", "CIDR block %s is malformed", tostring(value))
        end
        value = range.text
      elseif peer[3] == "group" then
        local other
        other, e = group_of_pair(call, group, one)
        if not other then
          return nil, e
        end
        value = other.id
      end
      out[#out + 1] = {
        egress = egress, protocol = protocol, from = not any and permission.FromPort or nil,
        to = not any and permission.ToPort or nil, [peer[3]] = value, description = one.Description,
      }
    end
  end
  return true
end

--- The rules that a request is about: in IpPermissions, or in parameters of its own.
local function rules_of(call, group, p, egress)
  local given, out = p.IpPermissions, {}
  if not given or #given == 0 then
    local named = p.SourceSecurityGroupName
    given = { {
      IpProtocol = p.IpProtocol, FromPort = p.FromPort, ToPort = p.ToPort,
      IpRanges = p.CidrIp and { { CidrIp = p.CidrIp } } or nil,
      UserIdGroupPairs = named and { { GroupName = named } } or nil,
    } }
  end
  for _, permission in ipairs(given) do
    local ok, e = add_rules(call, group, out, permission, egress)
    if not ok then
      return nil, e
    end
  end
  if #out == 0 then
    return kit.refuse("MissingParameter", "Either 'ipPermissions' or a source must be specified.")
  end
  return out
end

local SAME = { "egress", "protocol", "from", "to", "cidr", "cidr6", "prefix", "group" }

local function position(group, rule)
  for i, there in ipairs(group.rules) do
    local same = true
    for _, field in ipairs(SAME) do
      same = same and there[field] == rule[field]
    end
    if same then
      return i
    end
  end
end

local function text_of(rule)
  local peer = rule.cidr or rule.cidr6 or rule.group or rule.prefix
  if rule.protocol == "-1" then
    return ("peer: %s, ALL, ALLOW"):format(peer)
  end
  return ("peer: %s, %s, from port: %s, to port: %s, ALLOW"):format(peer, rule.protocol:upper(), tostring(rule.from),
    tostring(rule.to))
end

--- The group a request names, by its id or, in the default VPC, by its name.
local function named_group(call, p)
  if p.GroupId then
    return kit.get(call, "group", p.GroupId)
  elseif not p.GroupName then
    return kit.refuse("MissingParameter", "The request must contain the parameter groupName or groupId")
  end
  local vpc, e = M.default_vpc(call)
  if not vpc then
    return nil, e
  end
  return M.by_name(call, vpc, p.GroupName)
end

local function authorize(egress)
  return function(call, p)
    local group, e = named_group(call, p)
    if not group then
      return nil, e
    end
    local rules
    rules, e = rules_of(call, group, p, egress)
    if not rules then
      return nil, e
    end
    call.w:touch(group)
    local shown = data.list({})
    for i, rule in ipairs(rules) do
      if position(group, rule) then
        return kit.refuse("InvalidPermission.Duplicate", 'the specified rule "%s" already exists', text_of(rule))
      elseif #group.rules >= 120 then
        return kit.refuse("RulesPerSecurityGroupLimitExceeded",
          "The maximum number of rules per security group has been reached.")
      end
      rule.id = kit.id(call, "sgr-")
      table.insert(group.rules, rule)
      shown[i] = rule_view(call, group, rule)
    end
    return { Return = true, SecurityGroupRules = shown }
  end
end

operations.AuthorizeSecurityGroupIngress = authorize(false)
operations.AuthorizeSecurityGroupEgress = authorize(true)

local function by_id(group, ids)
  local out = {}
  for i, id in ipairs(ids) do
    for _, rule in ipairs(group.rules) do
      if rule.id == id then
        out[i] = rule
      end
    end
    if not out[i] then
      return kit.refuse("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
    end
  end
  return out
end

local function revoke(egress)
  return function(call, p)
    local group, e = named_group(call, p)
    if not group then
      return nil, e
    end
    local rules
    if #(p.SecurityGroupRuleIds or {}) > 0 then
      rules, e = by_id(group, p.SecurityGroupRuleIds)
    else
      rules, e = rules_of(call, group, p, egress)
    end
    if not rules then
      return nil, e
    end
    call.w:touch(group)
    for _, rule in ipairs(rules) do
      local at = position(group, rule)
      if not at then
        return kit.refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
      end
      table.remove(group.rules, at)
    end
    return { Return = true }
  end
end

operations.RevokeSecurityGroupIngress = revoke(false)
operations.RevokeSecurityGroupEgress = revoke(true)

local function redescribe(egress)
  return function(call, p)
    local group, e = named_group(call, p)
    if not group then
      return nil, e
    end
    call.w:touch(group)
    for _, one in ipairs(p.SecurityGroupRuleDescriptions or {}) do
      local found
      found, e = by_id(group, { one.SecurityGroupRuleId })
      if not found then
        return nil, e
      end
      found[1].description = one.Description
    end
    if #(p.IpPermissions or {}) > 0 then
      local rules
      rules, e = rules_of(call, group, p, egress)
      if not rules then
        return nil, e
      end
      for _, rule in ipairs(rules) do
        local at = position(group, rule)
        if not at then
          return kit.refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        end
        group.rules[at].description = rule.description
      end
    end
    return { Return = true }
  end
end

operations.UpdateSecurityGroupRuleDescriptionsIngress = redescribe(false)
operations.UpdateSecurityGroupRuleDescriptionsEgress = redescribe(true)

-- Groups -----------------------------------------------------------------------------------------

--- Makes a group: everything may go out of it. The VPC's own lets itself in.
---@return prov.simulate.Object?, prov.Err?
function M.make_group(call, fields)
  fields.id = kit.id(call, "sg-")
  fields.name = fields.group_name
  fields.rules = data.list({ { id = kit.id(call, "sgr-"), egress = true, protocol = "-1", cidr = "0.0.0.0/0" } })
  if fields.default then
    table.insert(fields.rules, 1, { id = kit.id(call, "sgr-"), egress = false, protocol = "-1", group = fields.id })
  end
  return kit.add(call, "group", fields)
end

function operations.CreateSecurityGroup(call, p)
  local name, vpc, e = p.GroupName or "", p.VpcId
  if name == "" then
    return kit.missing("groupName")
  elseif not p.Description or p.Description == "" then
    return kit.missing("GroupDescription")
  elseif #name > 255 or name:lower():find("^sg%-") or name:find("[^%w%s._%-:/()#,@%[%]+=&;{}!$*]") then
    return kit.refuse("InvalidParameterValue", "Value (%s) for parameter GroupName is invalid. Character sets beyond "
      .. "ASCII are not supported, and names may not begin with sg-.", name)
  end
  if vpc then
    local found
    found, e = kit.get(call, "vpc", vpc)
    vpc = found and found.id
  else
    vpc, e = M.default_vpc(call)
  end
  if not vpc then
    return nil, e
  elseif M.by_name(call, vpc, name, true) then
    return kit.refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc)
  end
  local labels
  labels, e = kit.specified(p, "group")
  if not labels then
    return nil, e
  end
  local group
  group, e = M.make_group(call, { vpc = vpc, group_name = name, description = p.Description, labels = labels })
  if not group then
    return nil, e
  end
  local shown = view(call, group)
  return { GroupId = group.id, Tags = shown.Tags, SecurityGroupArn = shown.SecurityGroupArn }
end

function operations.DeleteSecurityGroup(call, p)
  local group, e = named_group(call, p)
  if not group then
    return nil, e
  elseif group.default then
    return kit.refuse("CannotDelete", 'the specified group: "%s" name: "default" cannot be deleted by a user', group.id)
  end
  for _, holder in ipairs(call.w:holders(group)) do
    if holder.id ~= group.id then
      return kit.refuse("DependencyViolation", "resource %s has a dependent object", group.id)
    end
  end
  call.w:remove(group)
  return { Return = true, GroupId = group.id }
end

return M
