--- A lab: the folder that describes networks, servers and volumes, and what is done to them.
--
-- Every thing is a folder that appears by a rename with its description (and idempotency key)
-- complete, before anything else of it exists, and disappears by a rename after everything else of
-- it is gone. So whatever is killed when, the folder tells what may be there. The layout is in
-- core/linux/lab.h. Changes to the set of folders happen under the lab's lock. A description that
-- is damaged all the same is read as incomplete: what it is of can be replaced and removed.

local backends = require("prov.machine.backend")
local conf = require("prov.machine.conf")
local err = require("prov.err")
local fs = require("prov.fs")
local helper = require("prov.machine.helper")
local image = require("prov.machine.image")
local ipam = require("prov.machine.ipam")
local settings = require("prov.settings")
local sources = require("prov.machine.sources")
local uv = require("luv")

local M = {}

---@class prov.machine.Lab
---@field name string
---@field dir string
---@field netns string
---@field workspace? string folder of the workspace it belongs to
---@field backend string name of the backend of new servers
local Lab = {}
Lab.__index = Lab


---@return prov.machine.Lab?
---@return prov.Err?
function M.open(opts)
  return setmetatable(opts, Lab)
end

--- Takes the lock of the lab, making its folder when absent.
---@async
function Lab:lock()
  for _ = 1, 50 do
    local ok, e = fs.mkdirp(self.dir)
    if not ok then
      return nil, e
    end
    local lock
    lock, e = fs.lock(self.dir .. "/lock", { wait = settings.ms(settings.machine.lock_timeout) })
    if lock or e.code ~= "notfound" then -- not found: another process has just removed the lab
      return lock, e
    end
  end
  return err.fail("locked", "lab '%s' comes and goes", self.name)
end

--- Names in a folder of the lab; one that is not there has none. Any other failure raises: to
-- take it for "nothing there" would give addresses out twice, or remove a lab that is in use.
function Lab:names(kind)
  local rows, e = fs.list(("%s/%s"):format(self.dir, kind))
  if not rows and e.code ~= "notfound" then
    error(e, 0)
  end
  return rows or {}
end

--- Folders of a kind ("servers"): id -> description; what is unreadable is in the second table.
function Lab:all(kind)
  local found, broken = {}, {}
  for _, row in ipairs(self:names(kind)) do
    if row.type == "directory" and not row.name:find("^%.") then
      local folder = ("%s/%s/%s"):format(self.dir, kind, row.name)
      local described, e = conf.read(("%s/%s.conf"):format(folder, kind:gsub("s$", "")))
      if described then
        found[row.name] = described
      elseif not e or e.code == "corrupt" then
        broken[#broken + 1] = folder
      else
        error(e, 0)
      end
    end
  end
  return found, broken
end

--- The description of one thing; nil when there is none.
function Lab:get(kind, id)
  if type(id) ~= "string" or not id:match("^[a-z0-9][a-z0-9-]*$") then
    return nil
  end
  return conf.read(("%s/%s.conf"):format(self:folder(kind, id), kind:gsub("s$", "")))
end

--- The state of a thing whose description is damaged, nil and the error for any other. Plans
-- replace what is incomplete, and remove it when it is no longer wanted.
---@param e prov.Err?
---@return table?
---@return prov.Err?
function Lab:damaged(kind, id, e)
  if not e or e.code ~= "corrupt" then
    return nil, e
  end
  local log = require("prov.log")
  log.warn(("%s: it can only be replaced or removed; its files are in %s"):format(e.msg, self:folder(kind, id)))
  return { id = id, name = id:gsub("%-%x+$", ""), status = "damaged", incomplete = "its description is damaged" }
end

--- Writes what all of the lab's processes need to know.
---@async
function Lab:settle()
  return conf.write(self.dir .. "/lab.conf", {
    netns = self.netns,
    workspace = self.workspace,
    cache = image.dir():gsub("/[^/]*$", "") .. "/packages",
    allow = sources.hosts(),
  })
end

--- The same when the file is damaged, so that what is in the lab can be removed.
---@async
function Lab:mend()
  local _, e = conf.read(self.dir .. "/lab.conf")
  if e and e.code == "corrupt" then
    return self:settle()
  end
  return true
end

---@return string
function Lab:folder(kind, id)
  return ("%s/%s/%s"):format(self.dir, kind, id)
end

--- How a server runs, which is fixed when it is made: a changed setting is about new ones.
---@param id string
---@return prov.machine.Backend?
---@return prov.Err?
function Lab:backend_of(id)
  local described, e = self:get("servers", id)
  local name = described and described.backend or self.backend
  if e and e.code ~= "corrupt" then
    return nil, e
  end
  local backend = backends.get(name)
  if not backend then
    return err.fail("unsupported", "server '%s' runs by the backend '%s', which this version does not have", id, name)
  end
  return backend
end

--- Lets a server's backend do something: "start", "stop", "destroy" or "limit".
---@async
---@param id string
---@param verb string
function Lab:run(id, verb)
  local backend, e = self:backend_of(id)
  if not backend then
    return nil, e
  end
  return backend[verb](self:folder("servers", id))
end

--- The id of the thing that was created with an idempotency key.
function Lab:by_key(kind, key)
  for id, described in pairs(self:all(kind)) do
    if described.key == key then
      return id, described
    end
  end
end

--- An id that nothing has: readable, and a random part that links and groups are named by.
local function new_id(name)
  local random = uv.random(4)
  local tail = ("%02x"):rep(4):format(random:byte(1, 4))
  return ("%s-%s"):format(name, tail), tail
end

local function safe_name(text)
  local name = text:lower():gsub("[^a-z0-9]+", "-"):gsub("^%-+", ""):sub(1, 40):gsub("%-+$", "")
  return name ~= "" and name or "x"
end

--- Makes a folder; `owner` { uid, gid } is root when nothing is said.
local function make_folder(path, mode, owner)
  local ok, e = fs.mkdirp(path, mode)
  if ok and owner then
    ok, e = uv.fs_chown(path, owner.uid, owner.gid)
    e = not ok and err.uv(e, "cannot give away the folder %s", path) or nil
  end
  return ok, e
end

--- Makes the folder of a new thing appear, complete. `fill(id, tail)` returns the description and
-- the further folders { path, mode, owner? } and files { path, bytes, mode, owner? } in it.
function Lab:appear(kind, name, fill)
  local id, tail = new_id(safe_name(name))
  local described, extra, e = fill(id, tail)
  if not described then
    return nil, e
  end
  local temp = ("%s/%s/.new-%s"):format(self.dir, kind, id)
  local ok
  ok, e = fs.mkdirp(temp)
  for _, folder in ipairs(extra and extra.folders or {}) do
    if ok then
      ok, e = make_folder(temp .. "/" .. folder[1], folder[2], folder[3])
    end
  end
  for _, file in ipairs(extra and extra.files or {}) do
    if ok then
      ok, e = fs.write_atomic(temp .. "/" .. file[1], file[2], { mode = file[3], owner = file[4], sync = false })
    end
  end
  if ok then
    ok, e = conf.write(("%s/%s.conf"):format(temp, kind:gsub("s$", "")), described, false) -- see keep()
  end
  if ok then
    ok, e = fs.rename(temp, self:folder(kind, id))
  end
  if not ok then
    fs.remove(temp, { recursive = true })
    return nil, e
  end
  return id, described
end

--- Makes what appeared survive a power failure; before its id is recorded anywhere, and not under
-- the lock, where many that are made at once would wait for the disk one after the other.
---@async
function Lab:keep(kind, id)
  local folder = self:folder(kind, id)
  local ok, e = fs.sync(("%s/%s.conf"):format(folder, kind:gsub("s$", "")))
  if ok then
    ok, e = fs.sync(folder)
  end
  if ok then
    ok, e = fs.sync(("%s/%s"):format(self.dir, kind))
  end
  return ok, e
end

--- Starts the lab's process again when it is gone; looks at most once a second.
---@async
function Lab:ensure_served()
  local now = uv.hrtime()
  if self.looked and now - self.looked < 1e9 then
    return
  end
  self.looked = now
  local path = self.dir .. "/serve.lock"
  local lock = fs.exists(path) and fs.lock(path)
  if lock then -- nobody holds it
    lock:close()
    helper.serve(self.dir)
  end
end

--- Removes what a killed process left half made. Under the lock.
function Lab:sweep()
  for _, kind in ipairs({ "networks", "servers", "volumes" }) do
    local dir = ("%s/%s"):format(self.dir, kind)
    for _, row in ipairs(self:names(kind)) do
      if row.name:find("^%.new%-") then
        fs.remove(("%s/%s"):format(dir, row.name), { recursive = true })
      end
    end
  end
end

--- Finishes the removal of servers and volumes that a killed process began.
---@async
function Lab:bury()
  for _, kind in ipairs({ "servers", "volumes" }) do
    local dir = ("%s/%s"):format(self.dir, kind)
    for _, row in ipairs(self:names(kind)) do
      local id = row.name:match("^%.gone%-(.+)$")
      if id then
        local ok, e = helper.remove(("%s/%s"):format(dir, id))
        if not ok then
          return nil, e
        end
      end
    end
  end
  if next((self:all("networks"))) then
    return true
  end
  for _, kind in ipairs({ "servers", "networks" }) do -- made just before a power failure; nobody knows of them
    local _, broken = self:all(kind)
    for _, folder in ipairs(broken) do
      local ok, e = helper.remove(folder)
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

--- Removes the lab itself when nothing is in it any more.
---@async
function Lab:close_empty()
  if not fs.exists(self.dir) then
    return true
  end
  local mended, why = self:mend()
  if not mended then
    return nil, why
  end
  mended, why = self:bury()
  if not mended then
    return nil, why
  end
  local lock <close>, e = self:lock()
  if not lock then
    return nil, e
  end
  self:sweep()
  for _, kind in ipairs({ "networks", "servers", "volumes" }) do
    if #self:names(kind) > 0 then
      return true
    end
  end
  local ok
  ok, e = helper.lab_down(self.dir)
  if not ok then
    return nil, e
  end
  return fs.remove(self.dir, { recursive = true })
end

--- Writes a changed description.
---@async
function Lab:put(kind, id, described)
  return conf.write(("%s/%s.conf"):format(self:folder(kind, id), kind:gsub("s$", "")), described)
end

-- Networks ---------------------------------------------------------------------------------------

local function network_state(lab, id, described)
  return {
    id = id,
    name = described.name,
    cidr = described.cidr,
    gateway = described.gateway,
    nat = described.nat == "1",
    netns = lab.netns,
  }
end

local function describe_network(lab, want, name, tail)
  local others = {}
  for _, other in pairs(lab:all("networks")) do
    others[#others + 1] = assert(ipam.network(other.cidr))
  end
  local cidr, e = want.cidr, nil
  if not cidr then
    cidr, e = ipam.propose(others)
  end
  local network
  if cidr then
    network, e = ipam.network(cidr)
  end
  if not network then
    return nil, nil, e
  end
  for _, other in ipairs(others) do
    if ipam.overlap(network, other) then
      local text = "network '%s': %s overlaps network %s of this workspace"
      return nil, nil, err.new("conflict", text:format(name, cidr, other.text), {
        hint = "'prov lab list' shows what this machine has, 'prov doctor' what no state knows of",
      })
    end
  end
  return {
    name = name,
    key = want.key,
    cidr = cidr,
    gateway = ipam.format(network.gateway),
    prefix = network.prefix,
    bridge = "br" .. tail,
    nat = want.nat and true or false,
  }
end

--- Makes a network, or finishes the one with the same key.
---@async
---@param want { key: string, name: string, cidr: string?, nat: boolean? }
---@param adopt? fun(id: string)
function Lab:network_create(want, adopt)
  local obstacle = backends.get(self.backend).obstacle()
  if obstacle then
    return nil, obstacle
  end
  local id, described
  do
    local lock <close>, e = self:lock()
    if not lock then
      return nil, e
    end
    self:sweep()
    id, described = self:by_key("networks", want.key)
    if not id then
      local ok
      ok, e = self:settle()
      if not ok then
        return nil, e
      end
      id, described = self:appear("networks", want.name, function(_, tail)
        return describe_network(self, want, want.name, tail)
      end)
    end
    if not id then
      return nil, described
    end
  end
  local ok, e = self:keep("networks", id)
  if not ok then
    return nil, e
  end
  if adopt then
    adopt(id)
  end
  ok, e = helper.network_up(self:folder("networks", id))
  if not ok then
    return nil, e:wrap("cannot make the network '%s'", want.name)
  end
  return self:network_read(id) -- as it was written: a description just made has other types
end

---@async
function Lab:network_read(id)
  local described, e = self:get("networks", id)
  if not described then
    return self:damaged("networks", id, e)
  end
  return network_state(self, id, described)
end

---@async
function Lab:network_list()
  local states = {}
  for id, described in pairs(self:all("networks")) do
    states[#states + 1] = network_state(self, id, described)
  end
  table.sort(states, function(a, b)
    return a.id < b.id
  end)
  return states
end

--- The network that was created with an idempotency key, finished when its creation was cut short.
---@async
function Lab:network_find(key)
  local id = self:by_key("networks", key)
  if not id then
    return nil
  end
  local ok, e = helper.network_up(self:folder("networks", id))
  if not ok then
    return nil, e
  end
  return self:network_read(id)
end

--- Removes a network, and the lab with its last one.
---@async
function Lab:network_delete(id)
  local described, damage = self:get("networks", id)
  if damage and damage.code ~= "corrupt" then
    return nil, damage
  end
  if described or damage then
    local lock <close>, e = self:lock()
    if not lock then
      return nil, e
    end
    for server, other in pairs(self:all("servers")) do
      if other.network == id then
        local name = described and described.name or id
        return err.fail("conflict", "network '%s' still has the server '%s'", name, server)
      end
    end
    local ok
    ok, e = helper.network_down(self:folder("networks", id))
    if ok then
      ok, e = fs.remove(self:folder("networks", id), { recursive = true })
    end
    if not ok then
      return nil, e
    end
  end
  return self:close_empty()
end

Lab.new_id = new_id
M.Lab = Lab

require("prov.machine.server")(Lab)
require("prov.machine.volume")(Lab)

return M
