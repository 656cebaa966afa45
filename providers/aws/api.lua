--- What all kinds of AWS share: the client, tags, looking things up, waiting, and what to say when something holds on.

local M = {}

-- Tags that are prov's own; they are not shown.
M.KEY, M.WORKSPACE, M.PART = "prov-key", "prov-workspace", "prov-part"
local OWN = { [M.KEY] = true, [M.WORKSPACE] = true, [M.PART] = true, Name = true }

M.BATCH = 100 -- ids in one question
M.PAGE = { MaxResults = 1000 } -- things in one answer, of which there may be many

function M.client(ctx)
  return ctx.cached("client", function()
    return ctx.aws(ctx.config)
  end)
end

--- Calls an operation of EC2.
function M.ec2(ctx, operation, params)
  local client, e = M.client(ctx)
  if not client then
    return nil, e
  end
  return client:call("ec2", operation, params)
end

--- Calls an operation of Elastic Load Balancing.
function M.elb(ctx, operation, params)
  local client, e = M.client(ctx)
  if not client then
    return nil, e
  end
  return client:call("elbv2", operation, params)
end

-- What says that something is not there any more, or not where it was.
local AWAY = { ["InvalidPlacementGroup.Unknown"] = true, ["InvalidAMIID.Unavailable"] = true }

--- Calls an operation that takes something away; what is away already is no error.
---@param service? string ec2
function M.away(ctx, operation, params, service)
  local client, e = M.client(ctx)
  if not client then
    return nil, e
  end
  local ok
  ok, e = client:call(service or "ec2", operation, params)
  if ok or e.code == "notfound" or AWAY[M.code(e)] then
    return true
  end
  return nil, e
end

--- AWS's code of an error.
function M.code(e)
  return type(e.data) == "table" and e.data.cloud_code or ""
end

--- All objects of a Describe operation that fit the filters: { ["vpc-id"] = "vpc-1" or { ... } }.
function M.describe(ctx, operation, field, filters, params)
  local client, e = M.client(ctx)
  if not client then
    return nil, e
  end
  local asked, list = {}, {}
  for name, v in pairs(params or {}) do
    asked[name] = v
  end
  for name, v in pairs(filters or {}) do
    list[#list + 1] = { Name = name, Values = type(v) == "table" and v or { v } }
  end
  table.sort(list, function(a, b)
    return a.Name < b.Name
  end)
  asked[operation == "DescribeNatGateways" and "Filter" or "Filters"] = list -- AWS's only exception
  return client:all("ec2", operation, asked, field)
end

-- Tags -------------------------------------------------------------------------------------------

--- The tags of something: labels, its name, and prov's own.
function M.tags(ctx, name, labels, key, part)
  local out = { { Key = "Name", Value = name }, { Key = M.WORKSPACE, Value = ctx.workspace.name } }
  if key then
    out[#out + 1] = { Key = M.KEY, Value = key }
  end
  if part then
    out[#out + 1] = { Key = M.PART, Value = part }
  end
  for label, v in pairs(labels or {}) do
    out[#out + 1] = { Key = label, Value = v }
  end
  table.sort(out, function(a, b)
    return a.Key < b.Key
  end)
  return out
end

--- The TagSpecifications of a creation.
function M.specifications(ctx, types, name, labels, part)
  local out = {}
  for i, type_name in ipairs(types) do
    out[i] = { ResourceType = type_name, Tags = M.tags(ctx, name, labels, ctx.key, part) }
  end
  return out
end

function M.name_of(ctx, want)
  return want.name or ctx.name_of(ctx.address)
end

--- The value of a tag.
function M.tag(tags, key)
  for _, tag in ipairs(tags or {}) do
    if tag.Key == key then
      return tag.Value
    end
  end
end

--- The labels in tags: those that are not prov's own, nor AWS's.
function M.labels(tags)
  local out = {}
  for _, tag in ipairs(tags or {}) do
    if not OWN[tag.Key] and not tag.Key:find("^aws:") then
      out[tag.Key] = tag.Value
    end
  end
  return out
end

--- What to set and to take away so that the tags of something are its name and labels.
function M.tag_changes(ctx, want, tags)
  local set, away, wanted = {}, {}, {}
  local had = (ctx.applied or {}).name and not want.name -- a name of its own no longer
  local name = want.name or had and ctx.name_of(ctx.address) or M.tag(tags, "Name") or ""
  for _, tag in ipairs(M.tags(ctx, name, want.labels)) do
    wanted[tag.Key] = true
    if M.tag(tags, tag.Key) ~= tag.Value then
      set[#set + 1] = tag
    end
  end
  for label in pairs(M.labels(tags)) do
    if not wanted[label] then
      away[#away + 1] = { Key = label }
    end
  end
  return set, away
end

--- Brings name and labels up to date.
function M.retag(ctx, id, want, tags)
  local set, away = M.tag_changes(ctx, want, tags)
  local ok, e = true, nil
  if #set > 0 then
    ok, e = M.ec2(ctx, "CreateTags", { Resources = { id }, Tags = set })
  end
  if ok and #away > 0 then
    ok, e = M.ec2(ctx, "DeleteTags", { Resources = { id }, Tags = away })
  end
  return ok and true, e
end

-- Time -------------------------------------------------------------------------------------------

local LOOKS = 4

--- Makes something. When nobody answered, it is looked for by its key before anybody tries anew: it may be there, and
--- not be seen yet.
function M.made(ctx, create, find)
  local made, e = create()
  if not made and e.code == "exists" then -- the name is taken: by a try nobody answered, or by somebody else
    local found, unknown = find()
    return found, unknown or e
  elseif made or e.code ~= "unavailable" or type(e.data) == "table" and e.data.exhausted then
    return made, e
  end
  for look = 1, LOOKS do
    ctx.sleep(0.25 * 2 ^ look)
    local found, unknown = find()
    if found or unknown then
      return found, unknown
    end
  end
  return nil, e
end

--- Calls fn, which makes what is missing, until it has: what a lost answer was about is seen the next time.
function M.steady(ctx, fn)
  for attempt = 1, LOOKS do
    local result, e = fn()
    if result or e.code ~= "unavailable" or attempt == LOOKS or type(e.data) == "table" and e.data.exhausted then
      return result, e
    end
    ctx.sleep(0.25 * 2 ^ attempt)
  end
end

--- Calls fn until it fails with none of `codes`, for some minutes: AWS needs time to see what it has done.
function M.patient(ctx, codes, seconds, fn)
  local waited, pause = 0, 1
  while true do
    local result, e = fn()
    if result ~= nil or not codes[M.code(e)] or waited >= seconds then
      return result, e
    end
    ctx.sleep(pause)
    waited = waited + pause
    pause = math.min(pause * 1.5, 10)
  end
end

-- What holds on ----------------------------------------------------------------------------------

local function text_of(interface)
  local whose = interface.Attachment and interface.Attachment.InstanceId
  local what = interface.Description ~= "" and interface.Description
  return interface.NetworkInterfaceId .. (whose and " of " .. whose or what and (" (%s)"):format(what) or "")
end

--- The network interfaces that stand in the way, as text: "eni-1 of i-1, eni-2 (ELB app/web)".
function M.holders(ctx, filters)
  local interfaces = M.describe(ctx, "DescribeNetworkInterfaces", "NetworkInterfaces", filters) or {}
  for i, interface in ipairs(interfaces) do
    interfaces[i] = text_of(interface)
  end
  return #interfaces > 0 and table.concat(interfaces, ", ") or nil
end

local HELD = { DependencyViolation = true, ["InvalidGroup.InUse"] = true }

--- Deletes what others may hold on for a while: waits, and then says who does.
---@param fn fun(): any, prov.Err?
---@param filters table of the network interfaces that may hold it
---@param others? fun(): string? what else may
function M.delete_held(ctx, fn, filters, others)
  local ok, e = M.patient(ctx, HELD, ctx.config.patience, fn)
  if ok then
    return true
  elseif HELD[M.code(e)] then
    local who = { M.holders(ctx, filters) }
    who[#who + 1] = others and others()
    if who[1] then
      e.msg = ("%s; it is held by %s"):format(e.msg, table.concat(who, ", "))
      e.hint = "delete that first, or wait until AWS has"
    end
  end
  return nil, e
end

-- Values -----------------------------------------------------------------------------------------

M.GIB = 1024 * 1024 * 1024

--- Whole GiB of a size, which AWS counts in.
function M.gib(bytes)
  return bytes and (bytes + M.GIB - 1) // M.GIB
end

--- The size as it was asked for, when AWS has that many GiB; else what AWS has.
function M.size(asked, gib)
  if asked and M.gib(asked) == gib then
    return asked
  end
  return gib and gib * M.GIB
end

--- True when both hold the same.
function M.equal(ctx, a, b)
  return a == b or a ~= nil and b ~= nil and ctx.json.encode(a) == ctx.json.encode(b)
end

--- What is there, in the order of what was recorded as far as possible: an order says nothing.
function M.in_order(ctx, recorded, present)
  local out, there, told = ctx.json.list({}), {}, {}
  for _, id in ipairs(present) do
    there[id] = true
  end
  for _, list in ipairs({ recorded or {}, present }) do
    for _, id in ipairs(list) do
      if there[id] and not told[id] then
        out[#out + 1], told[id] = id, true
      end
    end
  end
  return out
end

--- What is in one list and not in the other.
function M.minus(list, other)
  local there, out = {}, {}
  for _, v in ipairs(other) do
    there[v] = true
  end
  for _, v in ipairs(list) do
    if not there[v] then
      out[#out + 1] = v
    end
  end
  return out
end

return M
