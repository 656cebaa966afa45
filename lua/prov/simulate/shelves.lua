--- Where the objects of a world are: by key, by kind in the order they were made, by name, by what they point at.

local data = require("core.data")

local M = {}

--- The key of an object in the world and its store.
---@return string
function M.key_of(cloud, kind, id)
  return cloud .. "/" .. kind .. "/" .. tostring(id)
end

local parsed = {} -- path of a reference -> its steps

--- "nets[].network" as steps: { field, list? }.
local function steps_of(path)
  local steps = parsed[path]
  if not steps then
    steps = {}
    for field, list in path:gmatch("([^%.%[]+)(%[?%]?)") do
      steps[#steps + 1] = { field = field, list = list ~= "" }
    end
    parsed[path] = steps
  end
  return steps
end

--- Adds what a path leads to: ids of objects of a kind, whose keys begin with `prefix`.
local function add_ids(out, value, steps, at, prefix)
  local step = steps[at]
  if not step then
    out[#out + 1] = prefix .. tostring(value)
    return
  end
  value = type(value) == "table" and value[step.field] or nil
  if value == nil or value == data.null then
    return
  elseif not step.list then
    return add_ids(out, value, steps, at + 1, prefix)
  end
  for _, item in ipairs(value) do
    add_ids(out, item, steps, at + 1, prefix)
  end
end

--- What stands for a value of a unique field in `names`.
---@return string
function M.name_entry(cloud, kind, field, value)
  return cloud .. "/" .. kind .. "." .. field .. "=" .. tostring(value)
end

--- The names an object has, and what it points at.
local function entries_of(self, object)
  local out = {}
  local kind = self.clouds[object.cloud].kinds[object.kind]
  for _, field in ipairs(kind.unique or {}) do
    if object[field] ~= nil then
      out[#out + 1] = M.name_entry(object.cloud, object.kind, field, object[field])
    end
  end
  for path, target in pairs(kind.refs or {}) do
    add_ids(out, object, steps_of(path), 1, "@" .. M.key_of(object.cloud, target, ""))
  end
  return out
end

--- Brings the indexes of a world up to date with an object, or with its absence.
---@param self prov.simulate.World
---@param key string
function M.reindex(self, key)
  for _, entry in ipairs(self.entries[key] or {}) do
    if entry:sub(1, 1) == "@" then
      local holders = self.holders[entry]
      if holders then
        holders[key] = nil
        self.holders[entry] = next(holders) and holders or nil
      end
    elseif self.names[entry] == key then
      self.names[entry] = nil
    end
  end
  local object = self.objects[key]
  local entries = object and entries_of(self, object)
  self.entries[key] = entries
  for _, entry in ipairs(entries or {}) do
    if entry:sub(1, 1) == "@" then
      self.holders[entry] = self.holders[entry] or {}
      self.holders[entry][key] = true
    else
      self.names[entry] = key
    end
  end
  self.pending[key] = object and object.next and object or nil
  if object and object.next and (not self.due or object.next[1].at < self.due) then
    self.due = object.next[1].at
  end
end

--- Puts an object where it belongs, or takes it away.
---@param self prov.simulate.World
function M.place(self, cloud, kind, key, object)
  local shelf = self.shelves[cloud .. "/" .. kind]
  if not shelf then
    shelf = { count = 0, list = {} }
    self.shelves[cloud .. "/" .. kind] = shelf
  end
  local there = self.objects[key]
  if there == nil and object then
    shelf.count = shelf.count + 1
    shelf.list[#shelf.list + 1] = object
    local before = shelf.list[#shelf.list - 1]
    shelf.unsorted = shelf.unsorted or before and before.seq > object.seq
  elseif there and not object then
    shelf.count = shelf.count - 1
    shelf.holes = true
  end
  self.objects[key] = object
  M.reindex(self, key)
end

--- All objects of a kind, the oldest first.
---@param self prov.simulate.World
---@return prov.simulate.Object[]
function M.list(self, cloud, kind)
  local shelf = self.shelves[cloud .. "/" .. kind]
  if not shelf then
    return {}
  end
  if shelf.holes then
    local list = {}
    for _, object in ipairs(shelf.list) do
      if self.objects[M.key_of(cloud, kind, object.id)] == object then
        list[#list + 1] = object
      end
    end
    shelf.list, shelf.holes = list, nil
  end
  if shelf.unsorted then
    table.sort(shelf.list, function(a, b)
      return a.seq < b.seq
    end)
    shelf.unsorted = nil
  end
  return shelf.list
end

return M
