--- What the operations of Elastic Load Balancing share: ARNs, looking things up, pages, attributes.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local kit = require("prov.simulate.aws.kit")

local M = {}

local ABSENT = {
  balancer = { "LoadBalancerNotFound", "Load balancers '%s' not found" },
  target_group = { "TargetGroupNotFound", "Target groups '%s' not found" },
  listener = { "ListenerNotFound", "Listeners '%s' not found" },
}

local function absent(kind, arn)
  return kit.refuse(ABSENT[kind][1], ABSENT[kind][2], tostring(arn))
end

--- The object of an ARN.
---@return prov.simulate.Object?, prov.Err?
function M.get(call, kind, arn)
  if not arn then
    return kit.refuse("ValidationError", "The ARN is missing")
  end
  local object = call.w:get(kind, arn)
  if not kit.is_here(call, object) then
    return absent(kind, arn)
  end
  return object
end

--- The object of a name, or nil.
---@param actual? boolean also one that reads do not see yet
function M.named(call, kind, name, actual)
  for _, object in ipairs(describe.all(call, kind, actual)) do
    if object.name == name then
      return object
    end
  end
end

--- An ARN of this service: "loadbalancer/app/lb/1234".
function M.arn_of(call, text)
  return ("arn:aws:elasticloadbalancing:%s:%s:%s"):format(call.region, kit.ACCOUNT, text)
end

--- Adds an object in the region of the request.
function M.add(call, kind, fields)
  fields.region = call.region
  return call.w:add(kind, fields)
end

--- The objects a request names by ARN or name; all when it names none.
function M.asked_for(call, kind, arns, names)
  local out = {}
  for _, arn in ipairs(arns or {}) do
    local object, e = M.get(call, kind, arn)
    if not object then
      return nil, e
    end
    out[#out + 1] = object
  end
  for _, name in ipairs(names or {}) do
    local object = M.named(call, kind, name)
    if not object then
      return absent(kind, name)
    end
    out[#out + 1] = object
  end
  if #(arns or {}) == 0 and #(names or {}) == 0 then
    return describe.all(call, kind)
  end
  return out
end

--- A page of views, in the form of this service: Marker, PageSize, NextMarker.
function M.page(call, p, field, objects, view)
  local rows = {}
  for i, object in ipairs(objects) do
    rows[i] = { view(call, object), object }
  end
  if p.PageSize and (p.PageSize < 1 or p.PageSize > 400) then
    return kit.refuse("ValidationError", "PageSize must be between 1 and 400")
  end
  local first = 1
  while p.Marker and rows[first] and rows[first][2].seq <= (math.tointeger(tonumber(p.Marker)) or 0) do
    first = first + 1
  end
  local last = math.min(#rows, first + (p.PageSize or 400) - 1)
  local out = data.list({})
  for i = first, last do
    out[#out + 1] = rows[i][1]
  end
  return { [field] = out, NextMarker = last < #rows and tostring(rows[last][2].seq) or nil }
end

--- Checks the name of a load balancer or target group.
---@return true?, prov.Err?
function M.check_name(name)
  if not name or #name < 1 or #name > 32 or name:find("[^%w-]") or name:find("^%-") or name:find("%-$") then
    return kit.refuse("ValidationError",
      "The load balancer or target group name '%s' cannot be longer than '32' characters, "
      .. "can only contain characters that are alphanumeric characters and hyphens(-), and cannot begin or end with a "
      .. "hyphen", tostring(name))
  end
  return true
end

local ATTRIBUTES = {
  application = {
    ["deletion_protection.enabled"] = "false", ["access_logs.s3.enabled"] = "false", ["access_logs.s3.bucket"] = "",
    ["access_logs.s3.prefix"] = "", ["idle_timeout.timeout_seconds"] = "60", ["routing.http2.enabled"] = "true",
    ["routing.http.drop_invalid_header_fields.enabled"] = "false", ["load_balancing.cross_zone.enabled"] = "true",
    ["routing.http.xff_client_port.enabled"] = "false", ["routing.http.preserve_host_header.enabled"] = "false",
    ["routing.http.xff_header_processing.mode"] = "append", ["client_keep_alive.seconds"] = "3600",
    ["routing.http.desync_mitigation_mode"] = "defensive", ["waf.fail_open.enabled"] = "false",
    ["routing.http.x_amzn_tls_version_and_cipher_suite.enabled"] = "false",
  },
  network = {
    ["deletion_protection.enabled"] = "false", ["access_logs.s3.enabled"] = "false", ["access_logs.s3.bucket"] = "",
    ["access_logs.s3.prefix"] = "", ["load_balancing.cross_zone.enabled"] = "false",
    ["dns_record.client_routing_policy"] = "any_availability_zone",
  },
  target_group = {
    ["deregistration_delay.timeout_seconds"] = "300", ["stickiness.enabled"] = "false",
    ["stickiness.type"] = "lb_cookie",
    ["stickiness.lb_cookie.duration_seconds"] = "86400", ["slow_start.duration_seconds"] = "0",
    ["load_balancing.algorithm.type"] = "round_robin",
    ["load_balancing.cross_zone.enabled"] = "use_load_balancer_configuration",
    ["preserve_client_ip.enabled"] = "true", ["proxy_protocol_v2.enabled"] = "false",
    ["stickiness.app_cookie.cookie_name"] = "", ["stickiness.app_cookie.duration_seconds"] = "86400",
    ["deregistration_delay.connection_termination.enabled"] = "false",
  },
}

--- The operations that show and change the attributes of a kind.
---@param kind string
---@param arn string parameter that names the object
---@return function describe
---@return function modify
function M.attribute_operations(kind, arn)
  local function describe_attributes(call, p)
    local object, e = M.get(call, kind, p[arn])
    if not object then
      return nil, e
    end
    local usual, out = ATTRIBUTES[object.type or kind], data.list({})
    for i, key in ipairs(data.keys(usual)) do
      out[i] = { Key = key, Value = object.attributes[key] or usual[key] }
    end
    return { Attributes = out }
  end
  return describe_attributes, function(call, p)
    local object, e = M.get(call, kind, p[arn])
    if not object then
      return nil, e
    end
    call.w:touch(object)
    for _, one in ipairs(p.Attributes or {}) do
      if not ATTRIBUTES[object.type or kind][one.Key] then
        return kit.refuse("InvalidConfigurationRequest", "Attribute '%s' is not recognized", tostring(one.Key))
      end
      object.attributes[one.Key] = one.Value or ""
    end
    return describe_attributes(call, p)
  end
end

return M
