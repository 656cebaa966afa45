--- Network ACLs: the one that each VPC has, which lets everything through and has all subnets.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

M.kinds = { acl = { refs = { vpc = "vpc" } } }

local function entry(egress, number, action)
  return { CidrBlock = "0.0.0.0/0", Egress = egress, Protocol = "-1", RuleAction = action, RuleNumber = number }
end

local function view(call, acl)
  local associations = data.list({})
  for i, subnet in ipairs(call.w:holders({ cloud = "aws", kind = "vpc", id = acl.vpc }, "subnet")) do
    associations[i] = {
      NetworkAclAssociationId = "aclassoc-" .. subnet.id:sub(8), NetworkAclId = acl.id, SubnetId = subnet.id,
    }
  end
  return {
    NetworkAclId = acl.id, VpcId = acl.vpc, IsDefault = true, OwnerId = kit.ACCOUNT, Associations = associations,
    Tags = kit.tags(acl.labels), Entries = data.list({
      entry(true, 100, "allow"), entry(true, 32767, "deny"), entry(false, 100, "allow"), entry(false, 32767, "deny"),
    }),
  }
end

M.operations.DescribeNetworkAcls = describe.operation({
  kind = "acl", shape = "NetworkAcl", ids = "NetworkAclIds", out = "NetworkAcls", view = view,
  filters = {
    default = "IsDefault", ["association.association-id"] = "Associations.NetworkAclAssociationId",
    ["entry.rule-action"] = "Entries.RuleAction", ["entry.protocol"] = "Entries.Protocol",
    ["entry.cidr"] = "Entries.CidrBlock", ["entry.egress"] = "Entries.Egress",
    ["entry.rule-number"] = "Entries.RuleNumber",
  },
})

--- Makes the ACL of a new VPC.
function M.make(call, vpc)
  return kit.add(call, "acl", { vpc = vpc.id, default = true })
end

return M
