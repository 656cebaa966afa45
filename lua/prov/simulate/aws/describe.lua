--- The Describe operations of EC2: what is asked for by ids, filters and pages. Names of filters are those of the
-- fields of answers: "private-ip-address" is PrivateIpAddress, "attachment.instance-id" is Attachment.InstanceId; what
-- is called otherwise is in the spec of its kind.

local base = require("core.base")
local data = require("core.data")
local kit = require("prov.simulate.aws.kit")
local query = require("prov.aws.query")

local M = {}

---@class prov.simulate.aws.Describe
---@field kind string
---@field shape string of one object in answers
---@field ids? string parameter with ids
---@field names? string parameter with names
---@field out string field of the answer
---@field view fun(call: prov.simulate.Call, object: table): table
---@field list? fun(call: prov.simulate.Call, p: table): table[]? objects; else all of the kind, in the region
---@field filters? table<string, string|fun(view: table, object: table): any> path in the view, or a function
---@field few? boolean it knows no pages

local function camel(text)
  return (("-" .. text):gsub("%-(%l)", string.upper))
end

--- The path of a filter in a shape: { "Attachments", "InstanceId" }; nil when there is no such field.
local function path_of(shape, name)
  local ec2, path = query.open("ec2"), {}
  for part in name:gmatch("[^.]+") do
    local members = shape and ec2:members(shape).by_name
    local field = camel(part)
    local member = members and (members[field] or members[field .. "s"])
    if not member then
      return nil
    end
    local type = member.type
    while type.kind == "list" do
      type = type.of
    end
    path[#path + 1], shape = member.name, type.kind == "struct" and type.name or nil
  end
  return path
end

--- Appends what is at a path; lists on the way are gone through.
local function collect(out, value, path, at)
  if value == nil then
    return
  elseif type(value) == "table" and data.kind(value) == "list" then
    for _, item in ipairs(value) do
      collect(out, item, path, at)
    end
  elseif at > #path then
    out[#out + 1] = tostring(value)
  elseif type(value) == "table" then
    collect(out, value[path[at]], path, at + 1)
  end
end

--- A pattern of Lua for a value of a filter: * is anything, ? one character, \ takes the meaning away.
local function pattern_of(text)
  local out = text:gsub("\\?.", function(c)
    if c == "*" then
      return ".*"
    elseif c == "?" then
      return "."
    end
    return (c:sub(-1):gsub("%W", "%%%0"))
  end)
  return "^" .. out .. "$"
end

local function any(values, wanted)
  for _, text in ipairs(wanted) do
    local pattern = text:find("[*?\\]") and pattern_of(text)
    for _, value in ipairs(values) do
      if value == text or pattern and value:find(pattern) then
        return true
      end
    end
  end
  return false
end

--- What a filter looks at: a function that gives texts.
local function reader_of(spec, name)
  local key = name:match("^tag:(.+)$")
  if key then
    return function(_, object)
      return { object.labels and object.labels[key] }
    end
  elseif name == "tag-key" then
    return function(_, object)
      return data.keys(object.labels or {})
    end
  elseif name == "tag-value" then
    return function(_, object)
      local out = {}
      for _, value in pairs(object.labels or {}) do
        out[#out + 1] = value
      end
      return out
    end
  end
  local known = spec.filters and spec.filters[name]
  if type(known) == "function" then
    return function(view, object)
      local out = {}
      collect(out, known(view, object), {}, 1)
      return out
    end
  end
  local path
  if known then
    path = {}
    for part in known:gmatch("[^.]+") do
      path[#path + 1] = part
    end
  else
    path = path_of(spec.shape, name)
  end
  return path and function(view)
    local out = {}
    collect(out, view, path, 1)
    return out
  end
end

--- What filters mean, as { reader, values } rows.
local function filters_of(spec, p)
  local out = {}
  for i, filter in ipairs(p.Filters or p.Filter or {}) do
    local name = filter.Name or ""
    local reader = reader_of(spec, name)
    if not reader then
      return kit.refuse("InvalidParameterValue", "The filter '%s' is invalid", name)
    elseif #(filter.Values or {}) > 200 then
      return kit.refuse("FilterLimitExceeded", "The maximum number of filter values is 200")
    elseif not filter.Values or #filter.Values == 0 then
      return kit.refuse("InvalidParameterValue", "The filter '%s' has no values", name)
    end
    out[i] = { reader, filter.Values }
  end
  return out
end

local function passes(filters, view, object)
  for _, filter in ipairs(filters) do
    if not any(filter[1](view, object), filter[2]) then
      return false
    end
  end
  return true
end

--- All objects of a kind in the region of a request.
---@param actual? boolean those, too, that reads do not see yet
---@return prov.simulate.Object[]
function M.all(call, kind, actual)
  local out = {}
  for _, object in ipairs(call.w:list(kind, actual)) do
    if kit.is_here(call, object) then
      out[#out + 1] = object
    end
  end
  return out
end

--- The objects that a filter names by their ids, so that thousands of others need no look; nil when none does.
local function named_by_filter(call, spec, p)
  local name = spec.ids and spec.ids:sub(1, -2):gsub("(%l)(%u)", "%1-%2"):lower()
  for _, filter in ipairs(p.Filters or {}) do
    if filter.Name == name and filter.Values and not table.concat(filter.Values):find("[*?\\]") then
      local out, seen = {}, {}
      for _, id in ipairs(filter.Values) do
        local object = kit.get(call, spec.kind, id)
        out[#out + 1], seen[id] = not seen[id] and object or nil, true
      end
      table.sort(out, function(a, b)
        return a.seq < b.seq
      end)
      return out
    end
  end
end

--- The objects a request names, or all.
local function asked_for(call, spec, p)
  local ids, names = spec.ids and p[spec.ids] or {}, spec.names and p[spec.names] or {}
  if #ids == 0 and #names == 0 then
    return spec.list and spec.list(call, p) or named_by_filter(call, spec, p) or M.all(call, spec.kind)
  elseif p.MaxResults and #ids > 0 and not spec.few then
    return kit.refuse("InvalidParameterCombination",
      "The parameter %s cannot be used with the parameter maxResults", spec.ids)
  end
  local out, seen = {}, {}
  for _, id in ipairs(ids) do
    local object, e = kit.get(call, spec.kind, id)
    if not object then
      return nil, e
    end
    out[#out + 1], seen[id] = not seen[id] and object or nil, true
  end
  for _, name in ipairs(names) do
    local found
    for _, object in ipairs(spec.list and spec.list(call, p) or M.all(call, spec.kind)) do
      if object.name == name or object.group_name == name then
        found = true
        out[#out + 1], seen[object.id] = not seen[object.id] and object or nil, true
      end
    end
    if not found then
      return kit.absent(spec.kind, name)
    end
  end
  return out
end

--- The objects that fit, with their views: { view, object } rows.
---@param call prov.simulate.Call
---@param spec prov.simulate.aws.Describe
---@param p table
---@return table[]?, prov.Err?
function M.matching(call, spec, p)
  local objects, e = asked_for(call, spec, p)
  if not objects then
    return nil, e
  end
  local filters
  filters, e = filters_of(spec, p)
  if not filters then
    return nil, e
  end
  local out = {}
  for _, object in ipairs(objects) do
    local view = spec.view(call, object, p)
    if passes(filters, view, object) then
      out[#out + 1] = { view, object }
    end
  end
  return out
end

--- A page of rows and the token of the next one. A token tells after which object it begins.
---@return table[]? rows
---@return string|prov.Err|nil next
function M.page(p, rows)
  local limit = p.MaxResults
  if limit and (limit < 5 or limit > 1000) then
    return kit.refuse("InvalidParameterValue",
      "Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", limit)
  end
  local first = 1
  if p.NextToken then
    local after = math.tointeger(tonumber((base.unbase64(p.NextToken) or ""):match("^after (%d+)$")))
    if not after then
      return kit.refuse("InvalidParameterValue", "Unable to parse pagination token")
    end
    while rows[first] and rows[first][2].seq <= after do
      first = first + 1
    end
  end
  local last = math.min(#rows, limit and first + limit - 1 or #rows)
  local out = table.move(rows, first, last, 1, {})
  return out, last < #rows and base.base64("after " .. rows[last][2].seq) or nil
end

--- The handler of a Describe operation.
---@param spec prov.simulate.aws.Describe
function M.operation(spec)
  return function(call, p)
    local rows, next_token = M.matching(call, spec, p)
    if not rows then
      return nil, next_token
    end
    if not spec.few then
      rows, next_token = M.page(p, rows)
      if not rows then
        return nil, next_token
      end
    end
    local out = data.list({})
    for i, row in ipairs(rows) do
      out[i] = row[1]
    end
    return { [spec.out] = out, NextToken = not spec.few and next_token or nil }
  end
end

return M
