--- Makes lua/prov/aws/services/*.lua, the compact tables that prov.aws.query and prov.aws.rest read, from AWS's own
-- service descriptions (service-2.json of botocore, unpacked):
--
--   prov internal lua tests/support/aws_model.lua FOLDER [SERVICE...]   with FOLDER/SERVICE.json; all without names
--
-- Only the operations named here, and the structures they reach, go into the tables.

local M = {}

M.OPERATIONS = {
  ec2 = [[
    AllocateAddress AssociateAddress AssociateRouteTable AttachInternetGateway AttachNetworkInterface
    AttachVolume AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateImage CreateInternetGateway
    CreateNatGateway CreateNetworkInterface CreatePlacementGroup CreateRoute CreateRouteTable
    CreateSecurityGroup CreateSnapshot CreateSubnet CreateTags CreateVolume CreateVpc DeleteInternetGateway
    DeleteKeyPair DeleteNatGateway DeleteNetworkInterface DeletePlacementGroup DeleteRoute DeleteRouteTable
    DeleteSecurityGroup DeleteSnapshot DeleteSubnet DeleteTags DeleteVolume DeleteVpc DeregisterImage
    DescribeAccountAttributes DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones
    DescribeImages DescribeInstanceAttribute DescribeInstanceStatus DescribeInstanceTypeOfferings
    DescribeInstanceTypes DescribeInstances DescribeInternetGateways DescribeKeyPairs DescribeNatGateways
    DescribeNetworkAcls DescribeNetworkInterfaces DescribePlacementGroups DescribeRegions DescribeRouteTables
    DescribeSecurityGroupRules DescribeSecurityGroups DescribeSnapshots DescribeSubnets DescribeTags
    DescribeVolumes DescribeVolumesModifications DescribeVpcAttribute DescribeVpcs DetachInternetGateway
    DetachNetworkInterface DetachVolume DisassociateAddress DisassociateRouteTable GetConsoleOutput
    ImportKeyPair ModifyAddressAttribute ModifyInstanceAttribute ModifyNetworkInterfaceAttribute
    ModifySubnetAttribute ModifyVolume ModifyVpcAttribute RebootInstances ReleaseAddress ReplaceRoute
    ResetAddressAttribute RevokeSecurityGroupEgress RevokeSecurityGroupIngress RunInstances StartInstances
    StopInstances TerminateInstances UpdateSecurityGroupRuleDescriptionsEgress
    UpdateSecurityGroupRuleDescriptionsIngress
  ]],
  elbv2 = [[
    AddTags CreateListener CreateLoadBalancer CreateTargetGroup DeleteListener DeleteLoadBalancer
    DeleteTargetGroup DeregisterTargets DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers
    DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth ModifyListener
    ModifyLoadBalancerAttributes ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets RemoveTags
    SetSecurityGroups SetSubnets
  ]],
  kms = "Decrypt DescribeKey Encrypt GenerateDataKey ListKeyRotations ReEncrypt RotateKeyOnDemand",
  pricing = "DescribeServices GetAttributeValues GetProducts",
  sts = "AssumeRole AssumeRoleWithWebIdentity GetCallerIdentity GetSessionToken",
  route53 = [[
    ChangeResourceRecordSets ChangeTagsForResource CreateHostedZone DeleteHostedZone GetChange GetDNSSEC GetHostedZone
    GetHostedZoneCount ListHostedZones ListHostedZonesByName ListResourceRecordSets ListTagsForResource
    ListTagsForResources UpdateHostedZoneComment
  ]],
  s3 = [[
    CreateBucket DeleteBucket DeleteBucketTagging DeletePublicAccessBlock GetBucketLocation GetBucketTagging
    GetBucketVersioning GetPublicAccessBlock HeadBucket ListBuckets ListObjectVersions ListObjects ListObjectsV2
    PutBucketTagging PutObject PutPublicAccessBlock
  ]],
}

local SCALARS = {
  string = "s", integer = "i", long = "i", short = "i", byte = "i", character = "s", boolean = "b", float = "f",
  double = "f", blob = "x",
}

local TIMES = { iso8601 = "t", unixTimestamp = "te", rfc822 = "th" }

local function at(...)
  local out = {}
  for i, name in ipairs({ ... }) do
    out[i] = "@" .. name
  end
  return table.concat(out)
end

--- The text of a type; structures it reaches go to `wanted`. Times have another form in headers.
local function type_text(d, ref, wanted, in_header)
  local shape = d.shapes[ref.shape]
  if shape.type == "structure" then
    wanted[#wanted + 1] = ref.shape
    return ref.shape
  elseif shape.type == "timestamp" then
    local usual = d.metadata.protocol == "json" and "unixTimestamp" or in_header and "rfc822" or "iso8601"
    return TIMES[ref.timestampFormat or shape.timestampFormat or usual]
  elseif shape.type == "list" then
    local item, usual = shape.member.locationName or "member", d.metadata.protocol == "ec2" and "item" or "member"
    local flat = shape.flattened or ref.flattened
    return (flat and "*" or "") .. "[" .. type_text(d, shape.member, wanted, in_header)
      .. (not flat and item ~= usual and at(item) or "") .. "]"
  elseif shape.type == "map" then
    local key, v = shape.key.locationName or "key", shape.value.locationName or "value"
    return ((shape.flattened or ref.flattened) and "*" or "") .. "(" .. type_text(d, shape.value, wanted)
      .. ((key ~= "key" or v ~= "value") and at(key, v) or "") .. ")"
  end
  return SCALARS[shape.type]
end

--- The name of a member in XML: that of its list's items when those always stand in its place.
local function xml_name(d, name, ref)
  local shape = d.shapes[ref.shape]
  return shape.type == "list" and shape.flattened and shape.member.locationName or ref.locationName or name
end

--- Where a member of REST stands when it is not in the XML of the body.
local PLACES = { uri = "/", querystring = "?", header = ":", headers = ":", statusCode = "#" }

--- The word of a member of REST.
local function rest_text(d, shape, field, ref, wanted)
  local sign = shape.payload == field and "!" or PLACES[ref.location]
  local of, name = d.shapes[ref.shape], ref.locationName
  if sign == "!" and of.type == "structure" and (name == nil or name == field) then
    name = of.locationName or ref.shape
  end
  local marked = (sign or "") .. (name or field)
  return field .. (marked ~= field and at(marked) or "") .. "=" .. type_text(d, ref, wanted, sign == ":")
end

--- The structures that answers reach; of the others nobody asks how they stand in XML.
local function answered(d, names, errors)
  local found, wanted = {}, table.move(errors, 1, #errors, 1, {})
  for _, operation in ipairs(names) do
    local output = d.operations[operation].output
    wanted[#wanted + 1] = output and output.shape
  end
  while #wanted > 0 do
    local name = table.remove(wanted)
    if not found[name] then
      found[name] = true
      for _, ref in pairs(d.shapes[name].members or {}) do
        type_text(d, ref, wanted)
      end
    end
  end
  return found
end

--- A structure as text.
local function struct_text(d, name, wanted, in_answers)
  local shape, words = d.shapes[name], {}
  local ec2 = d.metadata.protocol == "ec2"
  for _, field in ipairs(require("core.data").keys(shape.members or {})) do
    local ref = shape.members[field]
    if d.metadata.protocol == "rest-xml" then
      words[#words + 1] = rest_text(d, shape, field, ref, wanted)
      goto continue
    end
    local in_xml = xml_name(d, field, ref)
    local in_form = ref.queryName or ec2 and in_xml:gsub("^%l", string.upper) or in_xml
    local usual = ec2 and field:gsub("^%u", string.lower) or field
    if ec2 and not in_answers and in_xml:gsub("^%u", string.lower) == usual then
      in_xml = usual
    end
    local usual_form = ec2 and in_xml:gsub("^%l", string.upper) or in_xml
    local named = (in_xml ~= usual or in_form ~= usual_form) and at(in_xml) or ""
    words[#words + 1] = field .. named .. (in_form ~= usual_form and at(in_form) or "") .. "="
      .. type_text(d, ref, wanted)
    ::continue::
  end
  return table.concat(words, " ")
end

--- What is said of an operation of REST behind its structures.
local function rest_operation(d, o)
  local shape = o.input and d.shapes[o.input.shape] or {}
  local http, sum = o.http, (o.httpChecksum or {}).requestChecksumRequired or o.httpChecksumRequired
  return (" %s %s %s %s%s"):format(http.method, http.requestUri, http.responseCode or "-",
    shape.locationName or o.input and o.input.locationName or "-", sum and " checksum" or "")
end

--- The namespace of what is sent; some descriptions have it at the operations only, or at their members.
local function namespace_of(d, names)
  for _, operation in ipairs(names) do
    local input = d.operations[operation].input or {}
    local shape = d.shapes[input.shape or ""] or {}
    local ref = (shape.members or {})[shape.payload or ""] or {}
    local found = input.xmlNamespace or ref.xmlNamespace or (d.shapes[ref.shape or ""] or {}).xmlNamespace
    if found then
      return type(found) == "table" and found.uri or found
    end
  end
end

--- The compact table of a service description.
---@param d table service-2.json
---@param name string
---@param only? string operations; all when absent
---@param errors? string[] structures of errors to have too
---@return table
function M.compact(d, name, only, errors)
  local out = { name = name, version = d.metadata.apiVersion, protocol = d.metadata.protocol,
    namespace = d.metadata.xmlNamespace, prefix = d.metadata.endpointPrefix or name,
    signing = d.metadata.signingName ~= d.metadata.endpointPrefix and d.metadata.signingName or nil,
    target = d.metadata.targetPrefix, json_version = d.metadata.jsonVersion,
    operations = {}, shapes = { ["-"] = "" } }
  local names, wanted = {}, {}
  for operation in (only or ""):gmatch("%S+") do
    names[#names + 1] = operation
  end
  names = only and names or require("core.data").keys(d.operations)
  out.namespace = out.namespace or namespace_of(d, names)
  local in_answers = answered(d, names, errors or {})
  table.move(errors or {}, 1, #(errors or {}), 1, wanted)
  for _, operation in ipairs(names) do
    local o = assert(d.operations[operation], operation)
    local result = d.metadata.protocol == "query" and o.output and (o.output.resultWrapper or operation .. "Result")
    out.operations[operation] = ("%s %s%s"):format(o.input and o.input.shape or "-",
      o.output and o.output.shape or "-", result and " " .. result
        or d.metadata.protocol == "rest-xml" and rest_operation(d, o) or "")
    wanted[#wanted + 1] = o.input and o.input.shape
    wanted[#wanted + 1] = o.output and o.output.shape
  end
  while #wanted > 0 do
    local shape = table.remove(wanted)
    if not out.shapes[shape] then
      out.shapes[shape] = struct_text(d, shape, wanted, in_answers[shape])
    end
  end
  return out
end

--- The table as a Lua file.
---@param service table
---@return string
function M.write(service)
  local keys = require("core.data").keys
  local out = {
    "-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in",
    "-- lua/prov/aws/query.lua.",
    "-- luacheck: ignore 631",
    "",
    "return {",
  }
  for _, key in ipairs({ "name", "version", "protocol", "namespace", "prefix", "signing", "target", "json_version" }) do
    out[#out + 1] = service[key] and ("  %s = %q,"):format(key, service[key])
  end
  for _, part in ipairs({ "operations", "shapes" }) do
    out[#out + 1] = ("  %s = {"):format(part)
    for _, name in ipairs(keys(service[part])) do
      local text = service[part][name]
      local index = name:find("^[%a_][%w_]*$") and name or ("[%q]"):format(name)
      local line = ("    %s = %q,"):format(index, text)
      if #line <= 120 then
        out[#out + 1] = line
      else
        out[#out + 1] = ("    %s = [["):format(index)
        local row = "     "
        for word in text:gmatch("%S+") do
          if #row > 5 and #row + #word + 1 > 200 then
            out[#out + 1] = row
            row = "     "
          end
          row = row .. " " .. word
        end
        out[#out + 1] = row
        out[#out + 1] = "    ]],"
      end
    end
    out[#out + 1] = "  },"
  end
  out[#out + 1] = "}"
  return table.concat(out, "\n") .. "\n"
end

local folder = ...
if folder and folder ~= "support.aws_model" then -- called, not required
  local fs, json = require("prov.fs"), require("prov.json")
  for _, name in ipairs(select("#", ...) > 1 and { select(2, ...) } or require("core.data").keys(M.OPERATIONS)) do
    local text = assert(fs.read(("%s/%s.json"):format(folder, name)))
    local service = M.compact(assert(json.decode(text)), name, M.OPERATIONS[name])
    local path = ("%s/lua/prov/aws/services/%s.lua"):format(os.getenv("PROV_ROOT") or ".", name)
    assert(fs.write_atomic(path, M.write(service), { mode = 420 }))
  end
  return 0
end

return M
