--- The world behind the simulated clouds: objects by cloud and kind, what time makes of them, names that are taken,
-- what points at what, quotas. No wire form is known here.
--
-- Objects are plain maps, kept in memory and written to a store of the world's own with each change, so a world that
-- is killed goes on where it was. All changes happen inside of `transact`, which undoes them when its function fails.
-- Time is the wall's, times `speed`, plus what `advance` added; changes that are due happen when somebody looks.

local async = require("prov.async")
local clock = require("prov.clock")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local ipam = require("prov.machine.ipam")
local store_of = require("core.store")

local M = {}

--- What a kind of objects is, declared by the face of its cloud.
---@class prov.simulate.Kind
---@field unique? string[] fields whose values no two objects of the kind share
---@field refs? table<string, string> path of a field -> kind its ids are of: server = "server",
--- ["firewalls[]"] = "firewall", ["nets[].network"] = "network"
---@field quota? integer how many there may be
---@field quiet? boolean people see them only when they ask for this kind

---@class prov.simulate.Object
---@field cloud string
---@field kind string
---@field id string|integer
---@field seq integer the order of creation in the world
---@field quiet? boolean it is a thing of the cloud's own, or of a quiet kind
---@field created integer world milliseconds since 1970
---@field next? { at: integer, set: table?, gone: boolean? }[] changes to come; made by Cloud:later

---@class prov.simulate.World
---@field store prov.Store
---@field clouds table<string, prov.simulate.Cloud>
---@field quotas table<string, integer> "hetzner.server" -> how many there may be
local World = {}
World.__index = World

--- The world as the face of one cloud sees it.
---@class prov.simulate.Cloud
---@field world prov.simulate.World
---@field name string
---@field kinds table<string, prov.simulate.Kind>
local Cloud = {}
Cloud.__index = Cloud

--- In `change` and `later`: the field goes.
M.NONE = data.null

local FORMER_MS = 120000 -- how long it is remembered what a changed object was, for stale reads
local FORMER_MAX = 5000

local function copy(v)
  if type(v) ~= "table" then
    return v
  end
  local out = setmetatable({}, getmetatable(v))
  for key, item in pairs(v) do
    out[key] = copy(item)
  end
  return out
end

local function key_of(cloud, kind, id)
  return cloud .. "/" .. kind .. "/" .. tostring(id)
end

-- ---- Indexes ----

local function add_ids(out, value, path, kind, cloud)
  local field, list, rest = path:match("^([^%.%[]+)(%[?%]?)%.?(.*)$")
  value = type(value) == "table" and value[field] or nil
  if value == nil or value == data.null then
    return
  elseif list == "" and rest == "" then
    out[#out + 1] = "@" .. key_of(cloud, kind, value)
  elseif list == "" then
    add_ids(out, value, rest, kind, cloud)
  else
    for _, item in ipairs(value) do
      if rest == "" then
        out[#out + 1] = "@" .. key_of(cloud, kind, item)
      else
        add_ids(out, item, rest, kind, cloud)
      end
    end
  end
end

local function name_entry(cloud, kind, field, value)
  return cloud .. "/" .. kind .. "." .. field .. "=" .. tostring(value)
end

--- The names an object has, and what it points at.
local function entries_of(self, object)
  local out = {}
  local kind = self.clouds[object.cloud].kinds[object.kind]
  for _, field in ipairs(kind.unique or {}) do
    if object[field] ~= nil then
      out[#out + 1] = name_entry(object.cloud, object.kind, field, object[field])
    end
  end
  for path, target in pairs(kind.refs or {}) do
    add_ids(out, object, path, target, object.cloud)
  end
  return out
end

local function reindex(self, key)
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
local function place(self, cloud, kind, key, object)
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
  reindex(self, key)
end

local function shelf_list(self, cloud, kind)
  local shelf = self.shelves[cloud .. "/" .. kind]
  if not shelf then
    return {}
  end
  if shelf.holes then
    local list = {}
    for _, object in ipairs(shelf.list) do
      if self.objects[key_of(cloud, kind, object.id)] == object then
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

-- ---- Opening ----

local function load(self)
  local meta, e = self.store:get("meta", "world")
  if e then
    return nil, e
  end
  self.meta = meta and data.decode(meta) or nil
  if not self.meta then
    local wall = clock.wall()
    self.meta = {
      seed = clock.random_hex(8), counters = {}, ready = {}, notes = {}, wall = wall, world = wall, speed = 1,
    }
    self.meta_changed = true
  end
  local rows
  rows, e = self.store:scan("objects")
  if not rows then
    return nil, e
  end
  for _, row in ipairs(rows) do
    local object
    object, e = data.decode(row[2])
    if not object then
      return nil, e
    end
    self.stored[#self.stored + 1] = object
  end
  return true
end

--- Opens the world in a folder, or makes it.
---@param dir string the folder, which exists
---@param opts? { speed: number?, quotas: table<string, integer>?, now: (fun(): integer)? } now: wall clock, for tests
---@return prov.simulate.World?, prov.Err?
function M.open(dir, opts)
  opts = opts or {}
  local store, e = store_of.open(dir .. "/world.db")
  if not store then
    return nil, e.code == "locked" and e:wrap("another simulator has the world in %s", dir) or e
  end
  local self = setmetatable({
    store = store,
    clouds = {},
    quotas = opts.quotas or {},
    wall = opts.now or clock.wall,
    objects = {}, -- key -> object
    stored = {}, -- objects of clouds that have not been added yet
    shelves = {},
    entries = {}, -- key -> its entries in names and holders
    names = {}, -- entry -> key
    holders = {}, -- entry -> set of keys
    pending = {}, -- key -> object that has changes to come
    former = {}, -- key -> { at, object | false }
    former_order = { first = 1, last = 0 },
  }, World)
  local ok
  ok, e = load(self)
  if not ok then
    store:close()
    return nil, e
  end
  if opts.speed then
    self:set_speed(opts.speed)
  end
  return self
end

--- Closes the store. What was committed is there next time.
function World:close()
  self.store:close()
end

World.__close = World.close

--- Adds a cloud, whose objects are there from then on. `setup` fills what a cloud has of its own (plans, zones,
-- images), once for each world.
---@async
---@param name string
---@param kinds table<string, prov.simulate.Kind>
---@param setup? fun(cloud: prov.simulate.Cloud)
---@return prov.simulate.Cloud?, prov.Err?
function World:add_cloud(name, kinds, setup)
  local cloud = setmetatable({ world = self, name = name, kinds = kinds }, Cloud)
  self.clouds[name] = cloud
  local others = {}
  for _, object in ipairs(self.stored) do
    if object.cloud ~= name then
      others[#others + 1] = object
    elseif kinds[object.kind] then
      place(self, name, object.kind, key_of(name, object.kind, object.id), object)
    end
  end
  self.stored = others
  for kind in pairs(kinds) do
    local shelf = self.shelves[name .. "/" .. kind]
    if shelf then
      shelf.unsorted = true
    end
  end
  cloud.setup = setup
  if setup and not self.meta.ready[name] then
    local ok, e = self:transact(function()
      self.txn.quiet = true
      setup(cloud)
      self.meta.ready[name] = true
      self.meta_changed = true
      return true
    end)
    if not ok then
      return nil, e
    end
  end
  return cloud
end

-- ---- Time ----

--- The time of the world, in milliseconds since 1970.
---@return integer
function World:now()
  local meta = self.meta
  return meta.world + math.floor((self.wall() - meta.wall) * meta.speed)
end

local function anchor(self, world)
  self.meta.world, self.meta.wall = world, self.wall()
  self.meta_changed = true
end

--- Lets time pass at once.
---@param ms integer
function World:advance(ms)
  anchor(self, self:now() + ms)
end

--- Lets time pass faster than outside, or slower.
---@param speed number 1: as outside
function World:set_speed(speed)
  if speed ~= self.meta.speed then
    anchor(self, self:now())
    self.meta.speed = speed
  end
end

local function set_fields(object, fields)
  for name, value in pairs(fields) do
    if value == M.NONE then
      object[name] = nil
    else
      object[name] = value
    end
  end
end

local function apply(self, item, key)
  local object = self.objects[key]
  if not object or not object.next or object.next[1] ~= item then
    return -- gone meanwhile
  end
  local cloud = self.clouds[object.cloud]
  cloud:touch(object)
  table.remove(object.next, 1)
  if not object.next[1] then
    object.next = nil
  end
  if item.gone then
    cloud:remove(object)
  else
    set_fields(object, copy(item.set or {}))
    reindex(self, key)
  end
end

--- Lets happen what is due. Only inside of transact.
local function settle(self)
  local now = self:now()
  if not self.due or self.due > now then
    return
  end
  local list = {}
  for key, object in pairs(self.pending) do
    for i, item in ipairs(object.next) do
      if item.at <= now then
        list[#list + 1] = { key = key, item = item, seq = object.seq, i = i }
      end
    end
  end
  table.sort(list, function(a, b)
    if a.item.at ~= b.item.at then
      return a.item.at < b.item.at
    elseif a.seq ~= b.seq then
      return a.seq < b.seq
    end
    return a.i < b.i
  end)
  for _, row in ipairs(list) do
    apply(self, row.item, row.key)
  end
  self.due = nil
  for _, object in pairs(self.pending) do
    self.due = math.min(self.due or math.maxinteger, object.next[1].at)
  end
end

-- ---- Transactions ----

local function remember(self, key, before, now)
  local order = self.former_order
  self.former[key] = { at = now, object = before }
  order.last = order.last + 1
  order[order.last] = { key = key, at = now }
  while order.first <= order.last do
    local old = order[order.first]
    if old.at >= now - FORMER_MS and order.last - order.first < FORMER_MAX then
      break
    end
    order[order.first] = nil
    order.first = order.first + 1
    local former = self.former[old.key]
    if former and former.at == old.at then
      self.former[old.key] = nil
    end
  end
end

local function undo(self, txn)
  for key, before in pairs(txn.before) do
    local object = self.objects[key] or txn.objects[key]
    if before == false then
      place(self, object.cloud, object.kind, key, nil)
    else
      for name in pairs(object) do
        object[name] = nil
      end
      for name, value in pairs(before) do
        object[name] = value
      end
      if not self.objects[key] then
        local shelf = self.shelves[object.cloud .. "/" .. object.kind]
        shelf_list(self, object.cloud, object.kind) -- the hole, before it is filled again
        place(self, object.cloud, object.kind, key, object)
        shelf.unsorted = true
      end
      reindex(self, key)
    end
  end
end

--- Adds what changed to a batch for the store.
local function add_changes(self, txn, batch)
  local now = self:now()
  for key, before in pairs(txn.before) do
    local object = self.objects[key]
    if object then
      reindex(self, key)
      batch[#batch + 1] = { "put", "objects", key, data.encode(object) }
    elseif before then
      batch[#batch + 1] = { "del", "objects", key }
    end
    remember(self, key, before, now)
  end
  if self.meta_changed then
    self.meta_changed = nil
    batch[#batch + 1] = { "put", "meta", "world", data.encode(self.meta) }
  end
end

local function commit(self, batch)
  if not async.running() then
    return self.store:commit_sync(batch)
  end
  return async.await(function(resume)
    return self.store:commit(batch, resume)
  end)
end

--- Runs fn, which must not suspend, on the world as it is now. When it returns nil, err or raises, nothing has
-- happened; else what it returned comes back once all is on disk.
--
-- `age`: reads see the world as it was so many milliseconds ago; with `writes` only what is new is hidden.
-- `slower`: what `later` plans comes so many milliseconds later.
---@async
---@param fn fun(): any, any
---@param opts? { age: integer?, writes: boolean?, slower: integer?, batch: table[]? } batch: more for the store
function World:transact(fn, opts)
  if self.txn then
    error("a transaction inside of another one", 2)
  end
  opts = opts or {}
  local txn, batch = { before = {}, objects = {}, slower = opts.slower or 0 }, {}
  self.txn = txn
  settle(self)
  add_changes(self, txn, batch)
  txn.before, txn.objects = {}, {}
  if opts.age and opts.age > 0 then
    txn.seen, txn.writes = self:now() - opts.age, opts.writes
  end
  local results = table.pack(xpcall(fn, function(raised)
    return err.is(raised) and raised or err.from(raised, debug.traceback(tostring(raised), 2))
  end))
  local ok = results[1] and not (results[2] == nil and results[3] ~= nil)
  if not ok then
    undo(self, txn)
    txn.before = {}
  end
  self.txn = nil
  add_changes(self, txn, batch)
  table.move(opts.batch or {}, 1, #(opts.batch or {}), #batch + 1, batch)
  if batch[1] then
    local done, e = commit(self, batch)
    if not done then
      return nil, e
    end
  end
  if not results[1] then
    return nil, results[2]
  end
  return table.unpack(results, 2, results.n)
end

--- Writes something beside the objects, such as a call; nobody waits for it.
---@param batch table[]
function World:write(batch)
  self.store:commit(batch, function() end)
end

--- Waits until all that was written is on disk.
function World:flush()
  return self.store:commit_sync({})
end

--- All objects, of clouds that were not added too; by cloud and kind, the oldest first.
---@return prov.simulate.Object[]
function World:all()
  self:transact(function()
    return true
  end)
  local out = table.move(self.stored, 1, #self.stored, 1, {})
  for _, object in pairs(self.objects) do
    out[#out + 1] = object
  end
  table.sort(out, function(a, b)
    if a.cloud ~= b.cloud then
      return a.cloud < b.cloud
    elseif a.kind ~= b.kind then
      return a.kind < b.kind
    end
    return a.seq < b.seq
  end)
  return out
end

--- A value kept with the world under a name.
---@param name string
---@return any
function World:note(name)
  return self.meta.notes[name]
end

--- Keeps a value with the world; it is written with the next transaction.
---@param name string
---@param value any
function World:set_note(name, value)
  self.meta.notes[name] = value
  self.meta_changed = true
end

--- Empties the world; what clouds have of their own is made anew. Time and numbers go on.
---@async
---@return true?, prov.Err?
function World:reset()
  local batch = { { "del_range", "objects" } }
  local ok, e = commit(self, batch)
  if not ok then
    return nil, e
  end
  self.objects, self.shelves, self.entries, self.names, self.holders = {}, {}, {}, {}, {}
  self.pending, self.former, self.due, self.stored = {}, {}, nil, {}
  self.former_order = { first = 1, last = 0 }
  self.meta.ready = {}
  for name, cloud in pairs(self.clouds) do
    ok, e = self:add_cloud(name, cloud.kinds, cloud.setup)
    if not ok then
      return nil, e
    end
  end
  return true
end

-- ---- Numbers and names ----

--- The next number of a counter, from 1 on.
---@param counter string
---@return integer
function World:number(counter)
  local n = (self.meta.counters[counter] or 0) + 1
  self.meta.counters[counter] = n
  self.meta_changed = true
  return n
end

--- Hexadecimal digits that never came before in this world (8 to 64 of them).
---@param digits integer
---@return string
function World:hex(digits)
  return crypto.sha256(self.meta.seed .. "/" .. self:number("hex")):sub(1, digits)
end

--- A UUID (version 4 by its form).
---@return string
function World:uuid()
  local hex = self:hex(32)
  return ("%s-%s-4%s-%x%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16),
    8 | tonumber(hex:sub(17, 17), 16) & 3, hex:sub(18, 20), hex:sub(21, 32))
end

--- A public IPv4 address that nobody has; of 198.18.0.0/15, which no network outside uses (RFC 2544).
---@return string
function World:ipv4()
  local base = ipam.parse("198.18.0.0")
  local number = self:number("ipv4")
  while number & 255 == 0 or number & 255 == 255 do
    number = self:number("ipv4")
  end
  return ipam.format(base + number % (1 << 17))
end

--- A public IPv6 range that nobody has; of 2001:db8::/32 (RFC 3849).
---@return string network "2001:db8:0:1::/64"
function World:ipv6()
  local number = self:number("ipv6")
  return ("2001:db8:%x:%x::/64"):format(number >> 16, number & 0xffff)
end

-- ---- Objects ----

local function in_transaction(self)
  return self.world.txn or error("the world is changed inside of transact only", 3)
end

--- True when no object of the kind has that name.
---@param kind string
---@param field string one of the kind's unique fields
---@param value any
---@return true?, prov.Err? code "exists" with data { kind, field, value, id }
function Cloud:free(kind, field, value)
  local key = self.world.names[name_entry(self.name, kind, field, value)]
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
  local key = key_of(self.name, kind, fields.id)
  if world.objects[key] then
    error(("%s is there already"):format(key), 2)
  end
  if txn.before[key] == nil then
    txn.before[key] = false
  end
  txn.objects[key] = fields
  place(world, self.name, kind, key, fields)
  return fields
end

--- Says that an object is going to be changed, nested values too, and returns it.
---@param object prov.simulate.Object
---@return prov.simulate.Object
function Cloud:touch(object)
  local txn = in_transaction(self)
  local key = key_of(object.cloud, object.kind, object.id)
  if txn.before[key] == nil then
    txn.before[key] = copy(object)
    txn.objects[key] = object
  end
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
  self:touch(object)
  set_fields(object, fields)
  reindex(self.world, key_of(object.cloud, object.kind, object.id))
  return object
end

--- Takes an object away.
---@param object prov.simulate.Object
function Cloud:remove(object)
  self:touch(object)
  place(self.world, object.cloud, object.kind, key_of(object.cloud, object.kind, object.id), nil)
end

--- Plans a change: in `ms` the fields are set (NONE takes one away), or with "gone" the object is removed.
---@param object prov.simulate.Object
---@param ms integer world milliseconds from now
---@param set table|"gone"
---@return integer at when, in world milliseconds
function Cloud:later(object, ms, set)
  local txn = in_transaction(self)
  self:touch(object)
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
  reindex(self.world, key_of(object.cloud, object.kind, object.id))
  return item.at
end

--- What reads see of an object.
local function visible(self, key, object)
  local txn = self.world.txn
  if not txn or not txn.seen then
    return object
  elseif txn.writes then
    return object and object.created <= txn.seen and object or nil
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
  local key = key_of(self.name, kind, id)
  return visible(self, key, self.world.objects[key])
end

--- The object with a name (or another unique field), nil when there is none.
---@param kind string
---@param value any
---@param field? string "name"
---@return prov.simulate.Object?
function Cloud:find(kind, value, field)
  local key = self.world.names[name_entry(self.name, kind, field or "name", value)]
  return key and visible(self, key, self.world.objects[key]) or nil
end

--- All objects of a kind, the oldest first. The list must not be changed.
---@param kind string
---@return prov.simulate.Object[]
function Cloud:list(kind)
  local world = self.world
  local list = shelf_list(world, self.name, kind)
  if not (world.txn and world.txn.seen) then
    return list
  end
  local out = {}
  for _, object in ipairs(list) do
    out[#out + 1] = visible(self, key_of(self.name, kind, object.id), object)
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
    for key in pairs(world.txn.before) do
      reindex(world, key)
    end
  end
  local out = {}
  for key in pairs(world.holders["@" .. key_of(object.cloud, object.kind, object.id)] or {}) do
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
