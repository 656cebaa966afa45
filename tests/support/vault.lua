--- A mount of a secrets engine without a vault around it: storage in memory, a clock that tests move.

local engines = require("prov.vault.engine")

local M = {}

local Storage = {}
Storage.__index = Storage

local codec = require("core.data")

function Storage:get(path)
  local bytes = self.values[path]
  return bytes and assert(codec.decode(bytes))
end

function Storage:put(path, value)
  return self:commit({ { "put", path, value } })
end

function Storage:delete(path)
  return self:commit({ { "del", path } })
end

function Storage:commit(changes)
  for _, change in ipairs(changes) do
    if change[1] == "at" then
      self.due[#self.due + 1] = { at = change[2], name = change[3] }
    else
      assert(not change[2]:find("^/") and not change[2]:find("//"), "bad path")
      self.values[change[2]] = change[1] == "put" and assert(codec.encode(change[3])) or nil
    end
  end
  return true
end

function Storage:list(prefix)
  assert(prefix == "" or prefix:sub(-1) == "/", "a prefix ends in /")
  local seen, out = {}, {}
  for path in pairs(self.values) do
    if path:sub(1, #prefix) == prefix then
      local name = path:sub(#prefix + 1):match("^[^/]+/?")
      if name and not seen[name] then
        seen[name] = true
        out[#out + 1] = name
      end
    end
  end
  table.sort(out)
  return out
end

local Mount = {}
Mount.__index = Mount

--- Mounts an engine.
---@param engine prov.vault.Engine
---@param opts? { options?: table, default_ttl?: integer, max_ttl?: integer, now?: integer }
function M.mount(engine, opts)
  opts = opts or {}
  local self = setmetatable({ compiled = engines.compile(engine), time = opts.now or 1700000000 }, Mount)
  local locks = {}
  self.ctx = {
    path = engine.name,
    id = "mount-1",
    options = opts.options or {},
    default_ttl = opts.default_ttl or 3600,
    max_ttl = opts.max_ttl or 86400,
    storage = setmetatable({ values = {}, due = {} }, Storage),
    cache = {},
    now = function()
      return self.time
    end,
    new_password = require("prov.vault.passwords").default,
    lock = function(name)
      locks[name] = locks[name] or require("prov.async").semaphore(1)
      return locks[name]:acquire()
    end,
  }
  if engine.setup then
    assert(engine.setup(self.ctx))
  end
  return self
end

for _, op in ipairs(engines.OPERATIONS) do
  --- mount:read(path, given) -> response | nil, err
  Mount[op] = function(self, path, given)
    local response, e = self.compiled:handle(self.ctx, {
      op = op,
      path = path,
      given = given,
      token = { accessor = "a1", display_name = "tester", policies = { "root" }, meta = {} },
    })
    if response and response.make then
      response.data, e = response.make()
    end
    return (not e or response and response.data) and response or nil, e
  end
end

return M
