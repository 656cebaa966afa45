--- Key pairs, placement groups, tags, and what there is to know of the region and the account.

local base = require("core.base")
local catalog = require("prov.simulate.aws.catalog")
local crypto = require("core.crypto")
local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  key = { quota = 5000 },
  placement_group = { quota = 500 },
  token = { quiet = true },
}

-- Key pairs --------------------------------------------------------------------------------------

local function key_view(_, key, p)
  return {
    KeyPairId = key.id, KeyName = key.name, KeyFingerprint = key.fingerprint, KeyType = key.type,
    CreateTime = kit.time(key.created), Tags = kit.tags(key.labels),
    PublicKey = p and p.IncludePublicKey and key.public_key or nil,
  }
end

operations.DescribeKeyPairs = describe.operation({
  kind = "key", shape = "KeyPairInfo", ids = "KeyPairIds", names = "KeyNames", out = "KeyPairs", view = key_view,
  few = true, filters = { fingerprint = "KeyFingerprint" },
})

--- The key pair of a name in the region, or nil.
---@param actual? boolean also one that reads do not see yet
function M.key(call, name, actual)
  for _, key in ipairs(describe.all(call, "key", actual)) do
    if key.name == name then
      return key
    end
  end
end

--- The type and fingerprint of a line of OpenSSH: AWS shows the MD5 of RSA keys and the SHA-256 of ed25519 ones.
local function read_key(line)
  local kind, text = line:match("^%s*(ssh%-%w+)%s+(%S+)")
  local blob = text and base.unbase64(text)
  if kind == "ssh-ed25519" and blob and #blob == 51 then
    return "ed25519", base.base64(crypto.hash("sha256", blob))
  elseif kind == "ssh-rsa" and blob then
    return "rsa", (crypto.hex(crypto.hash("md5", blob)):gsub("%x%x", "%0:"):sub(1, -2))
  end
end

function operations.ImportKeyPair(call, p)
  if not p.KeyName or p.KeyName == "" then
    return kit.missing("KeyName")
  elseif not p.PublicKeyMaterial then
    return kit.missing("PublicKeyMaterial")
  end
  local kind, fingerprint = read_key(p.PublicKeyMaterial)
  if not kind then
    return kit.refuse("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
  elseif M.key(call, p.KeyName, true) then
    return kit.refuse("InvalidKeyPair.Duplicate", "The keypair already exists")
  end
  local labels, e = kit.specified(p, "key")
  if not labels then
    return nil, e
  end
  local key
  key, e = kit.add(call, "key", {
    name = p.KeyName, type = kind, fingerprint = fingerprint, labels = labels,
    public_key = p.PublicKeyMaterial:match("^%s*(.-)%s*$"),
  })
  if not key then
    return nil, e
  end
  return { KeyName = key.name, KeyPairId = key.id, KeyFingerprint = key.fingerprint, Tags = kit.tags(key.labels) }
end

--- What is not there is deleted, too.
function operations.DeleteKeyPair(call, p)
  if not p.KeyName and not p.KeyPairId then
    return kit.missing("KeyName")
  end
  local key = p.KeyPairId and call.w:get("key", p.KeyPairId) or p.KeyName and M.key(call, p.KeyName)
  if p.KeyPairId and not kit.is_here(call, key) then
    return kit.absent("key", p.KeyPairId)
  elseif key then
    call.w:remove(key)
  end
  return { Return = true, KeyPairId = key and key.id or nil }
end

-- Placement groups -------------------------------------------------------------------------------

local function group_view(call, group)
  return {
    GroupId = group.id, GroupName = group.group_name, Strategy = group.strategy, State = group.state,
    PartitionCount = group.partitions, SpreadLevel = group.level, Tags = kit.tags(group.labels),
    GroupArn = ("arn:aws:ec2:%s:%s:placement-group/%s"):format(call.region, kit.ACCOUNT, group.group_name),
  }
end

operations.DescribePlacementGroups = describe.operation({
  kind = "placement_group", shape = "PlacementGroup", ids = "GroupIds", names = "GroupNames", out = "PlacementGroups",
  view = group_view, few = true,
})

--- The placement group that a placement names, by id or name.
---@param actual? boolean also one that reads do not see yet
---@return prov.simulate.Object?, prov.Err?
function M.placement_group(call, placement, actual)
  if placement.GroupId then
    return kit.get(call, "placement_group", placement.GroupId)
  end
  for _, group in ipairs(describe.all(call, "placement_group", actual)) do
    if group.group_name == placement.GroupName then
      return group
    end
  end
  return kit.absent("placement_group", placement.GroupName)
end

local STRATEGIES = { cluster = true, spread = true, partition = true }

function operations.CreatePlacementGroup(call, p)
  if not p.GroupName then
    return kit.missing("groupName")
  elseif not STRATEGIES[p.Strategy or "cluster"] then
    return kit.refuse("InvalidParameterValue", "The strategy '%s' is not valid.", p.Strategy)
  elseif M.placement_group(call, { GroupName = p.GroupName }, true) then
    return kit.refuse("InvalidPlacementGroup.Duplicate", "The Placement Group '%s' already exists.", p.GroupName)
  end
  local labels, e = kit.specified(p, "placement_group")
  if not labels then
    return nil, e
  end
  local strategy, group = p.Strategy or "cluster"
  group, e = kit.add(call, "placement_group", {
    group_name = p.GroupName, name = p.GroupName, strategy = strategy, state = "available", labels = labels,
    partitions = strategy == "partition" and (p.PartitionCount or 2) or nil,
    level = strategy == "spread" and (p.SpreadLevel or "rack") or nil,
  })
  if not group then
    return nil, e
  end
  return { PlacementGroup = group_view(call, group) }
end

function operations.DeletePlacementGroup(call, p)
  local group, e = M.placement_group(call, { GroupName = p.GroupName or "" })
  if not group then
    return nil, e
  elseif #call.w:holders(group, "instance") > 0 then
    return kit.refuse("InvalidPlacementGroup.InUse", "The placement group %s is in use and may not be deleted.",
      group.group_name)
  end
  call.w:remove(group)
end

-- Tags -------------------------------------------------------------------------------------------

--- The kind of an id, by how it begins.
local function kind_of(id)
  local prefix = tostring(id):match("^(%l+%-)")
  for kind, known in pairs(kit.KINDS) do
    if known[1] == prefix then
      return kind
    end
  end
end

local function tagged(call, p)
  local out = {}
  if #(p.Resources or {}) == 0 then
    return kit.missing("resourceIdSet")
  end
  for i, id in ipairs(p.Resources) do
    local kind = kind_of(id)
    if not kind then
      return kit.refuse("InvalidID", "The ID '%s' is not valid", tostring(id))
    end
    local e
    out[i], e = kit.get(call, kind, id)
    if not out[i] then
      return nil, e
    end
  end
  return out
end

--- Sets the tags of an object; some have a name of their own, which no tag is.
local function set_labels(call, object, labels)
  local fields = { labels = labels }
  if object.kind ~= "key" and object.kind ~= "image" and not object.group_name then
    fields.name = labels.Name or kit.NONE
  end
  call.w:change(object, fields)
end

function operations.CreateTags(call, p)
  local objects, e = tagged(call, p)
  if not objects then
    return nil, e
  elseif #(p.Tags or {}) == 0 then
    return kit.missing("tagSet")
  end
  for _, object in ipairs(objects) do
    local labels
    labels, e = kit.labels(p.Tags, object.labels)
    if not labels then
      return nil, e
    end
    set_labels(call, object, labels)
  end
end

function operations.DeleteTags(call, p)
  local objects, e = tagged(call, p)
  if not objects then
    return nil, e
  end
  for _, object in ipairs(objects) do
    local labels = kit.labels({}, object.labels)
    for _, tag in ipairs(p.Tags or {}) do
      if tag.Value == nil or labels[tag.Key] == tag.Value then
        labels[tag.Key] = nil
      end
    end
    set_labels(call, object, #(p.Tags or {}) > 0 and labels or {})
  end
end

operations.DescribeTags = describe.operation({
  kind = "tag", shape = "TagDescription", out = "Tags",
  list = function(call)
    local out = {}
    for _, kind in ipairs(data.keys(kit.KINDS)) do
      for _, object in ipairs(describe.all(call, kind)) do
        for _, key in ipairs(data.keys(object.labels or {})) do
          out[#out + 1] = { object = object, key = key, seq = #out + 1, labels = {} }
        end
      end
    end
    return out
  end,
  view = function(_, row)
    return {
      ResourceId = row.object.id, ResourceType = kit.KINDS[row.object.kind][2], Key = row.key,
      Value = row.object.labels[row.key],
    }
  end,
})

-- The region and the account ---------------------------------------------------------------------

local ATTRIBUTES = {
  ["supported-platforms"] = "VPC", ["vpc-max-security-groups-per-interface"] = "5", ["max-elastic-ips"] = "5",
  ["max-instances"] = "20", ["vpc-max-elastic-ips"] = "5",
}

function operations.DescribeAccountAttributes(call, p)
  local out, wanted = data.list({}), p.AttributeNames or {}
  local values = setmetatable({}, { __index = ATTRIBUTES })
  for kind, name in pairs({ instance = "max-instances", address = "vpc-max-elastic-ips" }) do
    local quota = call.w.world.quotas["aws." .. kind] or call.w.kinds[kind].quota
    values[name] = tostring(quota)
  end
  for _, vpc in ipairs(describe.all(call, "vpc")) do
    values["default-vpc"] = vpc.default and vpc.id or values["default-vpc"]
  end
  local names = data.keys(ATTRIBUTES)
  table.insert(names, 1, "default-vpc")
  for _, name in ipairs(#wanted > 0 and wanted or names) do
    out[#out + 1] = {
      AttributeName = name, AttributeValues = data.list({ { AttributeValue = values[name] or "none" } }),
    }
  end
  return { AccountAttributes = out }
end

--- Describes what is in no world: rows of the catalog.
local function fixed(out, names, absent, shape, rows, view, filters)
  return function(call, p)
    local list, wanted = {}, {}
    for _, name in ipairs(p[names] or {}) do
      wanted[name] = false
    end
    for i, row in ipairs(rows(call)) do
      if next(wanted) == nil or wanted[row.name] ~= nil then
        row.seq, wanted[row.name] = i, wanted[row.name] ~= nil and true or nil
        list[#list + 1] = row
      end
    end
    for name, found in pairs(wanted) do
      if not found then
        return kit.refuse("InvalidParameterValue", absent, name)
      end
    end
    return describe.operation({
      shape = shape, out = out, view = view, few = true, filters = filters,
      list = function()
        return list
      end,
    })(call, p)
  end
end

operations.DescribeRegions = fixed("Regions", "RegionNames", "Invalid region names provided: %s", "Region", function()
  local out = {}
  for _, name in ipairs(data.keys(catalog.REGIONS)) do
    out[#out + 1] = { name = name }
  end
  return out
end, function(_, row)
  return catalog.region_view(catalog.REGIONS[row.name])
end)

operations.DescribeAvailabilityZones = fixed("AvailabilityZones", "ZoneNames", "Invalid availability zone: [%s]",
  "AvailabilityZone", function(call)
    return catalog.zones(call.region)
  end, catalog.zone_view)

return M
