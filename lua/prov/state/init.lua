--- What prov knows of a workspace: one record per resource and taskserv in the store's graph.
--
-- A record is stored as data.encode{ v, provider, id, key, needs, args = bytes, state = bytes,
-- tainted }: args and state stay encoded inside, so that loading 100,000 records decodes only
-- their small outer map, and "nothing changed" is a comparison of bytes.

local data = require("core.data")
local err = require("prov.err")
local value = require("prov.value")

local M = {}

local find, sub = string.find, string.sub

local VERSION = 1
local NONE = data.list({}) -- shared, never changed

---@class prov.Record
---@field address string
---@field kind string "server", "taskserv", ...
---@field provider string? name of the provider; nil for a taskserv
---@field id string? the provider's identity
---@field key string? idempotency key it was created with
---@field needs string[] addresses it depends on
---@field args_bytes string canonical encoding of the arguments it was last applied with
---@field state_bytes string canonical encoding of what the provider reported
---@field tainted boolean? half made: the next plan replaces it
local Record = {}
Record.__index = Record

--- The arguments it was applied with.
---@return table
function Record:args()
  return assert(data.decode(self.args_bytes))
end

--- The state the provider reported, outputs included. Decoded once.
---@return table
function Record:state()
  local state = rawget(self, "_state")
  if not state then
    state = assert(data.decode(self.state_bytes))
    rawset(self, "_state", state)
  end
  return state
end

local SECRET = data.encode(value.secret("")):sub(-3, -3) -- what begins a secret in the encoding

local function mark(state, args)
  if value.is_secret(args) then
    return value.secret(state)
  elseif type(state) ~= "table" or type(args) ~= "table" or value.is_marked(state) then
    return state
  end
  local out
  for key, item in next, args do
    local marked = state[key] ~= nil and type(item) == "table" and mark(state[key], item) or nil
    if marked ~= nil and not rawequal(marked, state[key]) then
      if not out then
        out = setmetatable({}, getmetatable(state))
        for name, v in next, state do
          out[name] = v
        end
      end
      out[key] = marked
    end
  end
  return out or state
end

--- The state as others may see it: what was given as a secret is one here too, though the provider reports it as
--- plain text.
---@param seen? table a state that was just read, in place of the recorded one
---@return table
function Record:shown(seen)
  if seen then
    return find(self.args_bytes, SECRET, 1, true) and mark(seen, self:args()) or seen
  end
  local shown = rawget(self, "_shown")
  if not shown then
    shown = self:shown(self:state())
    rawset(self, "_shown", shown)
  end
  return shown
end

--- Makes a record from its parts; args and state are encoded here.
---@return prov.Record
function M.record(parts)
  local record = setmetatable({
    address = parts.address,
    kind = parts.kind,
    provider = parts.provider,
    id = parts.id,
    key = parts.key,
    needs = parts.needs or NONE,
    args_bytes = parts.args_bytes or assert(data.encode(parts.args or {})),
    state_bytes = parts.state_bytes or assert(data.encode(parts.state or {})),
  }, Record)
  record.tainted = parts.tainted -- eight fields take half the memory of nine
  return record
end

--- The same record with other parts, named as for M.record.
---@param record prov.Record
---@param parts table
---@return prov.Record
function M.copy(record, parts)
  local all = {
    address = record.address,
    kind = record.kind,
    provider = record.provider,
    id = record.id,
    key = record.key,
    needs = record.needs,
    args_bytes = record.args_bytes,
    state_bytes = record.state_bytes,
    tainted = record.tainted,
  }
  all.args_bytes = not parts.args and all.args_bytes or nil
  all.state_bytes = not parts.state and all.state_bytes or nil
  for key, v in pairs(parts) do
    all[key] = v
  end
  return M.record(all)
end

--- What an edge from one address to another says: a service runs on a server, a server or
-- service is connected to a network, a server has a volume mounted, anything else depends on it.
---@param from string
---@param to string
---@return "running_on"|"connected"|"mounted"|"depends_on"
function M.edge_type(from, to)
  if find(from, "@" .. to, 1, true) and sub(from, 1, 9) == "taskserv." then
    return "running_on"
  elseif sub(to, 1, 8) == "network." then
    return "connected"
  elseif sub(to, 1, 7) == "volume." and sub(from, 1, 7) == "server." then
    return "mounted"
  end
  return "depends_on"
end

--- The store operations that write the record and its edges.
---@param record prov.Record
---@param old? prov.Record what it replaces; its edges are removed where they no longer hold
---@param batch? table[] to add them to
---@return table[] part of a commit batch
function M.writes(record, old, batch)
  batch = batch or {}
  batch[#batch + 1] = {
    "node",
    record.address,
    record.kind,
    data.encode({
      v = VERSION,
      provider = record.provider,
      id = record.id,
      key = record.key,
      needs = data.list(record.needs),
      args = record.args_bytes,
      state = record.state_bytes,
      tainted = record.tainted,
    }),
  }
  local wanted = old and #old.needs > 0 and {}
  for _, address in ipairs(record.needs) do
    if wanted then
      wanted[address] = true
    end
    batch[#batch + 1] = { "edge", record.address, M.edge_type(record.address, address), address }
  end
  for _, address in ipairs(wanted and old.needs or {}) do
    if not wanted[address] then
      batch[#batch + 1] = { "del_edge", record.address, M.edge_type(record.address, address), address }
    end
  end
  return batch
end

--- The store operations that remove the record and its edges.
---@param record prov.Record
---@return table[]
function M.removes(record)
  local batch = { { "del_node", record.address } }
  for _, address in ipairs(record.needs) do
    batch[#batch + 1] = { "del_edge", record.address, M.edge_type(record.address, address), address }
  end
  return batch
end

local function decode(address, kind, bytes)
  local fields, e = data.decode(bytes)
  if not fields then
    return nil, e:wrap("state of %s", address)
  end
  if fields.v > VERSION then
    return err.fail("unsupported", "state of %s is from a newer prov (format %d, this one knows %d)",
      address, fields.v, VERSION)
  end
  local record = setmetatable({
    address = address,
    kind = kind,
    provider = fields.provider,
    id = fields.id,
    key = fields.key,
    needs = fields.needs[1] and fields.needs or NONE,
    args_bytes = fields.args,
    state_bytes = fields.state,
  }, Record)
  record.tainted = fields.tainted
  return record
end

---@class prov.State
---@field revision integer
---@field records table<string, prov.Record>
local State = {}
State.__index = State

--- A state of given records.
---@param records table<string, prov.Record> by address
---@param revision integer
---@return prov.State
function M.of(records, revision)
  return setmetatable({ revision = revision, records = records }, State)
end

--- Reads all records of the workspace, at a past revision when one is given.
---@param store userdata
---@param revision? integer
---@return prov.State?, prov.Err?
function M.load(store, revision)
  local e
  if not revision then -- first: what is committed from here on is not in the rows
    revision, e = store:head()
    if not revision then
      return nil, e
    end
  elseif revision > (store:head() or 0) then
    return err.fail("notfound", "there is no revision %d yet; the last one is %d", revision, store:head() or 0)
  else
    local oldest = store:oldest() or 0
    if revision < oldest and oldest > 1 then
      return err.fail("notfound", "revision %d is not kept any more; the oldest one is %d", revision, oldest)
    end
  end
  local rows
  rows, e = store:nodes(nil, revision)
  if not rows then
    return nil, e
  end
  local records = {}
  for i = 1, #rows do
    local row = rows[i]
    local record, decode_err = decode(row[1], row[2], row[3])
    if not record then
      return nil, decode_err
    end
    records[row[1]] = record
  end
  return M.of(records, revision)
end

--- One record, or nil.
---@return prov.Record?, prov.Err?
function M.get(store, address)
  local kind, bytes = store:node(address)
  if not kind then
    return nil, bytes
  end
  return decode(address, kind, bytes)
end

--- Addresses in order.
---@return string[]
function State:addresses()
  local list = {}
  for address in pairs(self.records) do
    list[#list + 1] = address
  end
  table.sort(list)
  return list
end

--- The value at `path` of a state: state.ssh.port for { "ssh", "port" }; a missing path is nil.
--- An empty path means the id.
function M.at(state, path)
  if #path == 0 then
    return state.id
  end
  local at = state
  for _, key in ipairs(path) do
    if value.is_secret(at) then
      local inner = M.at(at[1], { key })
      at = inner ~= nil and value.secret(inner) or nil
    elseif type(at) ~= "table" then
      return nil
    else
      at = at[key]
    end
  end
  return at
end

return M
