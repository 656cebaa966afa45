--- A world as the face of one cloud sees it: adding, changing, finding, holding.

local data = require("core.data")
local err = require("prov.err")
local shelves = require("prov.simulate.shelves")

local M = {}

--- The world as the face of one cloud sees it.
---@class prov.simulate.Cloud
---@field world prov.simulate.World
---@field name string
---@field kinds table<string, prov.simulate.Kind>
local Cloud = {}
Cloud.__index = Cloud

--- In the fields of a change: the field goes.
M.NONE = data.null

--- A copy, with all tables in it.
function M.copy(v)
  if type(v) ~= "table" then
    return v
  end
  local out = setmetatable({}, getmetatable(v))
  for key, item in pairs(v) do
    out[key] = M.copy(item)
  end
  return out
end

--- Sets fields of an object.
---@param object table
---@param fields table NONE takes one away
function M.set_fields(object, fields)
  for name, value in pairs(fields) do
    if value == M.NONE then
      object[name] = nil
    else
      object[name] = value
    end
  end
end

--- Makes the view of a cloud.
---@param world prov.simulate.World
---@param name string
---@param kinds table<string, prov.simulate.Kind>
---@return prov.simulate.Cloud
function M.new(world, name, kinds)
  return setmetatable({ world = world, name = name, kinds = kinds }, Cloud)
end

local function in_transaction(self)
  return self.world.txn or error("the world is changed inside of transact only", 3)
end

--- True when no object of the kind has that name.
---@param kind string
---@param field string one of the kind's unique fields
---@param value any
---@return true?, prov.Err? code "exists" with data { kind, field, value, id }
function Cloud:free(kind, field, value)
  local key = self.world.names[shelves.name_entry(self.name, kind, field, value)]
  if not key then
    return true
  end
  return nil, err.new("exists", ("a %s with the %s '%s' is there already"):format(kind, field, tostring(value)), {
    data = { kind = kind, field = field, value = value, id = self.world.objects[key].id },
  })
end

--- Adds an object. Without an id it gets the next number.
---@param kind string
---@param fields table becomes the object
---@return prov.simulate.Object?, prov.Err? code "exists" (a name is taken) or "limit" (quota); data.kind
function Cloud:add(kind, fields)
  local txn, world = in_transaction(self), self.world
  local declared = self.kinds[kind] or error("no kind '" .. kind .. "'", 2)
  for _, field in ipairs(declared.unique or {}) do
    if fields[field] ~= nil then
      local ok, e = self:free(kind, field, fields[field])
      if not ok then
        return nil, e
      end
    end
  end
  local quota = world.quotas[self.name .. "." .. kind] or declared.quota
  if quota and self:count(kind) >= quota then
    return nil, err.new("limit", ("%s limit of %d is reached"):format(kind, quota), {
      data = { kind = kind, limit = quota },
    })
  end
  fields.cloud, fields.kind = self.name, kind
  fields.id = fields.id or world:number("id")
  fields.quiet = txn.quiet or declared.quiet
  fields.seq, fields.created = world:number("seq"), world:now()
  local key = shelves.key_of(self.name, kind, fields.id)
  if world.objects[key] then
    error(("%s is there already"):format(key), 2)
  end
  if txn.before[key] == nil then
    txn.before[key] = false
  end
  txn.objects[key] = fields
  shelves.place(world, self.name, kind, key, fields)
  return fields
end

--- Remembers what an object was, for undoing; gives its key.
local function remember(self, object)
  local txn = in_transaction(self)
  local key = shelves.key_of(object.cloud, object.kind, object.id)
  if txn.before[key] == nil then
    txn.before[key] = M.copy(object)
    txn.objects[key] = object
  end
  return key, txn
end

--- Says that an object is going to be changed, nested values too, and returns it.
---@param object prov.simulate.Object
---@return prov.simulate.Object
function Cloud:touch(object)
  local key, txn = remember(self, object)
  txn.touched[key] = true
  return object
end

--- Sets fields of an object; NONE takes one away.
---@param object prov.simulate.Object
---@param fields table
---@return prov.simulate.Object?, prov.Err? code "exists": a name is taken
function Cloud:change(object, fields)
  for _, field in ipairs(self.kinds[object.kind].unique or {}) do
    if fields[field] ~= nil and fields[field] ~= object[field] then
      local ok, e = self:free(object.kind, field, fields[field])
      if not ok then
        return nil, e
      end
    end
  end
  local key = remember(self, object)
  M.set_fields(object, fields)
  shelves.reindex(self.world, key)
  return object
end

--- Takes an object away.
---@param object prov.simulate.Object
function Cloud:remove(object)
  local key = remember(self, object)
  shelves.place(self.world, object.cloud, object.kind, key, nil)
end

--- Plans a change: in `ms` the fields are set (NONE takes one away), or with "gone" the object is removed.
---@param object prov.simulate.Object
---@param ms integer world milliseconds from now
---@param set table|"gone"
---@return integer at when, in world milliseconds
function Cloud:later(object, ms, set)
  local key, txn = remember(self, object)
  local item = { at = self.world:now() + ms + txn.slower }
  if set == "gone" then
    item.gone = true
  else
    item.set = set
  end
  local list = object.next or {}
  local at = #list + 1
  while at > 1 and list[at - 1].at > item.at do
    at = at - 1
  end
  table.insert(list, at, item)
  object.next = list
  shelves.reindex(self.world, key)
  return item.at
end

--- What reads see of an object. A request sees what it has made itself.
local function visible(self, key, object)
  local txn = self.world.txn
  if not txn or not txn.seen then
    return object
  elseif txn.writes then
    return object and (object.created <= txn.seen or txn.before[key] == false) and object or nil
  end
  local former = self.world.former[key]
  if former and former.at > txn.seen then
    object = former.object or nil
  end
  return object and object.created <= txn.seen and object or nil
end

--- The object with an id, nil when there is none.
---@param kind string
---@param id any
---@return prov.simulate.Object?
function Cloud:get(kind, id)
  local key = shelves.key_of(self.name, kind, id)
  return visible(self, key, self.world.objects[key])
end

--- The object with an id, whether reads see it by now or not.
---@param kind string
---@param id any
---@return prov.simulate.Object?
function Cloud:actual(kind, id)
  return self.world.objects[shelves.key_of(self.name, kind, id)]
end

--- The object with a name (or another unique field), nil when there is none.
---@param kind string
---@param value any
---@param field? string "name"
---@return prov.simulate.Object?
function Cloud:find(kind, value, field)
  local key = self.world.names[shelves.name_entry(self.name, kind, field or "name", value)]
  return key and visible(self, key, self.world.objects[key]) or nil
end

--- All objects of a kind, the oldest first. The list must not be changed.
---@param kind string
---@param actual? boolean those, too, that reads do not see yet
---@return prov.simulate.Object[]
function Cloud:list(kind, actual)
  local world = self.world
  local list = shelves.list(world, self.name, kind)
  if actual or not (world.txn and world.txn.seen) then
    return list
  end
  local out = {}
  for _, object in ipairs(list) do
    out[#out + 1] = visible(self, shelves.key_of(self.name, kind, object.id), object)
  end
  for key, former in pairs(world.former) do
    local object = former.object
    if object and object.cloud == self.name and object.kind == kind and not world.objects[key] then
      out[#out + 1] = visible(self, key, nil)
    end
  end
  table.sort(out, function(a, b)
    return a.seq < b.seq
  end)
  return out
end

--- How many objects of a kind there are.
---@param kind string
---@return integer
function Cloud:count(kind)
  local shelf = self.world.shelves[self.name .. "/" .. kind]
  return shelf and shelf.count or 0
end

--- The objects that point at one, by the refs of their kinds; the oldest first.
---@param object prov.simulate.Object
---@param kind? string only those of this kind
---@return prov.simulate.Object[]
function Cloud:holders(object, kind)
  local world = self.world
  if world.txn then
    for key in pairs(world.txn.touched) do -- nobody says when they are changed
      shelves.reindex(world, key)
    end
  end
  local out = {}
  for key in pairs(world.holders["@" .. shelves.key_of(object.cloud, object.kind, object.id)] or {}) do
    local holder = world.objects[key]
    if holder and (not kind or holder.kind == kind) then
      out[#out + 1] = holder
    end
  end
  table.sort(out, function(a, b)
    return a.seq < b.seq
  end)
  return out
end

return M
