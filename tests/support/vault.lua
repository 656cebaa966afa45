--- A mount of a secrets engine without a vault around it: storage in memory, a clock that tests move. And whole vaults.

local async = require("support.async")
local codec = require("core.data")
local engines = require("prov.vault.engine")
local seal = require("prov.vault.seal")

local M = {}

local Storage = {}
Storage.__index = Storage

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

--- Makes tests of an engine: of fn(mount) the function that calls it as a task.
---@param engine prov.vault.Engine
function M.tests(engine)
  return function(fn)
    return function()
      async.run(function()
        fn(M.mount(engine))
      end)
    end
  end
end

--- For what answers nothing.
function M.done(_, e)
  assert(not e, e)
end

--- What an update is refused with.
---@return string
function M.refused(mount, path, given)
  local out, e = mount:update(path, given)
  assert(not out, path)
  return e.msg
end

--- Runs a judge: whether it says yes, and what it says.
---@return boolean, string
function M.judge(fmt, ...)
  local pipe = assert(io.popen(fmt:format(...) .. " 2>&1"))
  local text = pipe:read("a")
  return pipe:close() and true or false, text
end

--- A whole vault on disk, open.
---@param dir string
---@param now fun(): integer
---@param key? string that opens it
function M.open(dir, now, key)
  local vault = assert(require("prov.vault").open({ dir = dir, custody = seal.key(key or ("k"):rep(32)), now = now }))
  vault.shared = 1
  return vault
end

--- Asks a whole vault, with a token or as who may do everything.
function M.ask(vault, op, path, given, token)
  return vault:request({ op = op, path = path, data = given, token = token, trusted = not token and "test" or nil })
end

return M
