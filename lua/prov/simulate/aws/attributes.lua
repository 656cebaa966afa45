--- Attributes of instances: what DescribeInstanceAttribute shows and ModifyInstanceAttribute changes.

local base = require("core.base")
local catalog = require("prov.simulate.aws.catalog")
local data = require("core.data")
local groups = require("prov.simulate.aws.groups")
local instances = require("prov.simulate.aws.instances")
local interfaces = require("prov.simulate.aws.interfaces")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

local function value(v)
  return { Value = v }
end

local ATTRIBUTES = {
  instanceType = function(instance)
    return "InstanceType", value(instance.plan)
  end,
  userData = function(instance)
    return "UserData", instance.user_data and value(instance.user_data) or {}
  end,
  disableApiTermination = function(instance)
    return "DisableApiTermination", value(instance.protected)
  end,
  disableApiStop = function(instance)
    return "DisableApiStop", value(instance.keep_up)
  end,
  instanceInitiatedShutdownBehavior = function(instance)
    return "InstanceInitiatedShutdownBehavior", value(instance.behaviour)
  end,
  rootDeviceName = function(instance)
    return "RootDeviceName", value(instance.root)
  end,
  ebsOptimized = function(instance)
    return "EbsOptimized", value(instance.ebs or false)
  end,
  enaSupport = function()
    return "EnaSupport", value(true)
  end,
  kernel = function()
    return "KernelId", {}
  end,
  ramdisk = function()
    return "RamdiskId", {}
  end,
  sriovNetSupport = function()
    return "SriovNetSupport", {}
  end,
  productCodes = function()
    return "ProductCodes", data.list({})
  end,
  blockDeviceMapping = function(instance, call)
    return "BlockDeviceMappings", instances.devices_view(call, instance)
  end,
  groupSet = function(instance, call)
    local first = interfaces.of_instance(call, instance)[1]
    return "Groups", groups.identifiers(call, first and first.groups or {})
  end,
  sourceDestCheck = function(instance, call)
    local first = interfaces.of_instance(call, instance)[1]
    return "SourceDestCheck", value(first and first.check or false)
  end,
}

function operations.DescribeInstanceAttribute(call, p)
  local instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  elseif not ATTRIBUTES[p.Attribute or ""] then
    return kit.invalid("attribute", p.Attribute, "Unknown attribute.")
  end
  local field, shown = ATTRIBUTES[p.Attribute](instance, call)
  return { InstanceId = instance.id, [field] = shown }
end

--- The older form: an attribute by name, and its value.
local function named_attribute(p)
  if not p.Attribute then
    return
  end
  local field = p.Attribute:gsub("^%l", string.upper)
  if field == "DisableApiTermination" or field == "DisableApiStop" or field == "SourceDestCheck"
    or field == "EbsOptimized"
  then
    p[field] = value(p.Value == "true")
  elseif field == "InstanceType" or field == "InstanceInitiatedShutdownBehavior" then
    p[field] = value(p.Value)
  elseif field == "UserData" then
    p.UserData = value(base.unbase64(p.Value or "") or "")
  end
end

--- Changes that only a stopped instance takes.
local function change_stopped(call, instance, p)
  local plan = p.InstanceType and p.InstanceType.Value
  if instance.state ~= "stopped" then
    return kit.refuse("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", instance.id)
  elseif plan and (not catalog.type(plan) or catalog.architecture(plan) ~= instance.arch) then
    return kit.refuse("InvalidParameterValue", "Invalid value '%s' for InstanceType.", plan)
  end
  call.w:change(instance, {
    plan = plan, user_data = p.UserData and base.base64(p.UserData.Value or ""),
    ebs = p.EbsOptimized and p.EbsOptimized.Value,
  })
  return true
end

local function change_disks(call, instance, mappings)
  for _, mapping in ipairs(mappings) do
    local found
    for _, volume in ipairs(call.w:holders(instance, "volume")) do
      if volume.attachment.device == mapping.DeviceName then
        found = call.w:touch(volume)
        if mapping.Ebs and mapping.Ebs.DeleteOnTermination ~= nil then
          found.attachment.delete = mapping.Ebs.DeleteOnTermination
        end
      end
    end
    if not found then
      return kit.refuse("InvalidInstanceAttributeValue", "No device is currently mapped at %s",
        tostring(mapping.DeviceName))
    end
  end
  return true
end

local function change_network(call, instance, p)
  local first = interfaces.of_instance(call, instance)[1]
  if p.SourceDestCheck and first then
    call.w:change(first, { check = p.SourceDestCheck.Value or false })
  end
  if #(p.Groups or {}) > 0 then
    local ids, e = groups.check(call, instance.vpc, p.Groups)
    if not ids then
      return nil, e
    elseif first then
      call.w:change(first, { groups = ids })
    end
  end
  return true
end

function operations.ModifyInstanceAttribute(call, p)
  local instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  elseif instances.is_dead(instance) then
    return instances.incorrect(instance, "modified")
  end
  named_attribute(p)
  local ok = true
  if p.InstanceType or p.UserData or p.EbsOptimized then
    ok, e = change_stopped(call, instance, p)
  end
  if ok then
    ok, e = change_disks(call, instance, p.BlockDeviceMappings or {})
  end
  if ok then
    ok, e = change_network(call, instance, p)
  end
  if not ok then
    return nil, e
  end
  local fields = {}
  if p.DisableApiTermination then
    fields.protected = p.DisableApiTermination.Value or false
  end
  if p.DisableApiStop then
    fields.keep_up = p.DisableApiStop.Value or false
  end
  if p.InstanceInitiatedShutdownBehavior then
    fields.behaviour = p.InstanceInitiatedShutdownBehavior.Value
  end
  call.w:change(instance, fields)
end

return M
