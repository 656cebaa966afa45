--- The world behind the simulated clouds: objects by cloud and kind, what time makes of them, names that are taken,
-- what points at what, quotas. No wire form is known here.
--
-- Objects are plain maps, kept in memory and written to a store of the world's own with each change, so a world that
-- is killed goes on where it was. All changes happen inside of `transact`, which undoes them when its function fails.
-- Time is the wall's, times `speed`, plus what `advance` added; changes that are due happen when somebody looks.

local async = require("prov.async")
local clock = require("prov.clock")
local cloud_of = require("prov.simulate.cloud")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local ipam = require("prov.machine.ipam")
local shelves = require("prov.simulate.shelves")
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
---@field machines? prov.simulate.Machines what makes its servers real; told of all changes
local World = {}
World.__index = World

--- In the fields of a change: the field goes.
M.NONE = cloud_of.NONE

local FORMER_MS = 120000 -- how long it is remembered what a changed object was, for stale reads
local FORMER_MAX = 5000

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

--- Opens the world in a folder, or makes it. Only one process at a time may.
---@param dir string the folder, which exists
---@param opts? { speed: number?, quotas: table<string, integer>?, now: (fun(): integer)? } now: wall clock, for tests
---@return prov.simulate.World?, prov.Err?
function M.open(dir, opts)
  opts = opts or {}
  local store, e = store_of.open(dir .. "/world.db")
  if not store then
    return nil, e
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
  local cloud = cloud_of.new(self, name, kinds)
  self.clouds[name] = cloud
  local others = {}
  for _, object in ipairs(self.stored) do
    if object.cloud ~= name then
      others[#others + 1] = object
    elseif kinds[object.kind] then
      shelves.place(self, name, object.kind, shelves.key_of(name, object.kind, object.id), object)
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
    cloud_of.set_fields(object, cloud_of.copy(item.set or {}))
    shelves.reindex(self, key)
  end
end

--- Lets happen what is due. Only inside of transact.
local function settle(self)
  local now = self:now()
  if not self.due or self.due > now or self.machines and self.machines:busy() then
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
      shelves.place(self, object.cloud, object.kind, key, nil)
    else
      for name in pairs(object) do
        object[name] = nil
      end
      for name, value in pairs(before) do
        object[name] = value
      end
      if not self.objects[key] then
        local shelf = self.shelves[object.cloud .. "/" .. object.kind]
        shelves.list(self, object.cloud, object.kind) -- the hole, before it is filled again
        shelves.place(self, object.cloud, object.kind, key, object)
        shelf.unsorted = true
      end
      shelves.reindex(self, key)
    end
  end
end

--- Adds what changed to a batch for the store.
local function add_changes(self, txn, batch)
  local now = self:now()
  for key, before in pairs(txn.before) do
    local object = self.objects[key]
    if object then
      if txn.touched[key] then
        shelves.reindex(self, key)
      end
      batch[#batch + 1] = { "put", "objects", key, data.encode(object) }
    elseif before then
      batch[#batch + 1] = { "del", "objects", key }
    end
    if self.machines then
      self.machines:changed(key, before, object)
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
  local txn, batch = { before = {}, objects = {}, touched = {}, slower = opts.slower or 0 }, {}
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
  self.meta.ready = {}
  local batch = { { "del_range", "objects" }, { "put", "meta", "world", data.encode(self.meta) } }
  local ok, e = commit(self, batch)
  if not ok then
    return nil, e
  end
  self.objects, self.shelves, self.entries, self.names, self.holders = {}, {}, {}, {}, {}
  self.pending, self.former, self.due, self.stored = {}, {}, nil, {}
  self.former_order = { first = 1, last = 0 }
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

--- A public IPv4 address that nobody has; of 198.18.0.0/15, which no network outside uses (RFC 2544), or of the
-- loopback when the servers are real.
---@return string
function World:ipv4()
  local base = ipam.parse(self:note("public_range") or "198.18.0.0")
  local number = self:number("ipv4")
  while number & 255 == 0 or number & 255 == 255 do
    number = self:number("ipv4")
  end
  return ipam.format(base + number % (self:note("public_range") and 1 << 16 or 1 << 17))
end

--- A public IPv6 range that nobody has; of 2001:db8::/32 (RFC 3849).
---@return string network "2001:db8:0:1::/64"
function World:ipv6()
  local number = self:number("ipv6")
  return ("2001:db8:%x:%x::/64"):format(number >> 16, number & 0xffff)
end

return M
