--- The vault: keeps secrets sealed, lets those at them whom its policies let, and writes down who was.
--
-- Everything that is done with it is a request (Vault:request): HTTP, the command line and prov itself ask the same
-- way. It is opened by one server for as long as that runs, or by any number of processes that take turns.

local async = require("prov.async")
local audit = require("prov.vault.audit")
local barrier = require("prov.vault.barrier")
local clock = require("prov.clock")
local err = require("prov.err")
local fs = require("prov.fs")
local leases = require("prov.vault.leases")
local seal = require("prov.vault.seal")

local M = {}

local TURN_MS = 30000 -- how long a process waits for its turn
local KMS_FIRST_MS, KMS_LAST_MS = 1000, 30000 -- between two questions to a KMS that does not answer

---@class prov.Vault
---@field dir string
---@field barrier prov.vault.Barrier
---@field custody? prov.vault.Custody
---@field own_key? prov.vault.Custody the key of the workspace whose vault this is
---@field cache table what was read of the barrier; empty again when it may be stale
---@field now fun(): integer seconds since 1970
---@field ending table<string, true> tokens and leases that are being revoked, by their ids
---@field default_ttl integer
---@field max_ttl integer
---@field server? boolean it is ours alone as long as it is open
---@field shared? integer the vault of a workspace: how many in this process use it
local Vault = {}
Vault.__index = Vault

for _, part in ipairs({ "request", "custody" }) do
  for name, method in pairs(require("prov.vault." .. part)) do
    Vault[name] = method
  end
end

---@class prov.VaultOptions
---@field dir string its folder, made when it is not there
---@field custody? prov.vault.Custody opens it without anybody's help
---@field server? boolean take it for as long as it is open
---@field now? fun(): integer

local function seconds_now()
  return clock.wall() // 1000
end

--- Opens a vault's folder; belongs to the running task when it serves.
---@async
---@param opts prov.VaultOptions
---@return prov.Vault?, prov.Err?
function M.open(opts)
  local ok, e = fs.mkdirp(opts.dir, 448)
  if not ok then
    return nil, e
  end
  local self = setmetatable({
    dir = opts.dir, custody = opts.custody, server = opts.server, now = opts.now or seconds_now,
    default_ttl = 32 * 86400, max_ttl = 32 * 86400, locks = {}, users = 0, ceremonies = {}, ending = {},
  }, Vault)
  self.own_key = opts.custody and opts.custody.type == "key" and opts.custody or nil
  self:forget()
  if opts.server then
    self.lock, e = self:take(0)
    if not self.lock then
      return nil, e
    end
  end
  self.barrier, e = barrier.open(opts.dir .. "/vault.mdb")
  if not self.barrier then
    self:close()
    return nil, e
  end
  if opts.server then
    self:serve_time()
    ok, e = self:open_by_custody()
    if not ok and e.code ~= "notfound" then
      require("prov.log").warn("the vault stays sealed", { error = tostring(e) })
      if e.code == "unavailable" or e.code == "timeout" then
        async.spawn(self.wait_for_custody, self)
      end
    end
  end
  return self
end

-- The vaults of workspaces that are open in this process, by folder.
local embedded = {}
local opening = async.semaphore(1)

--- The vault of a workspace, without a server: made at first use, opened by the workspace's key. Those of one folder
--- share it; each closes its own.
---@async
---@param workspace prov.Workspace
---@return prov.Vault?, prov.Err?
function M.embedded(workspace)
  local _ <close> = opening:acquire()
  local dir = M.dir_of(workspace)
  local known = embedded[dir]
  if known then
    known.shared = known.shared + 1
    return known
  end
  local key, e = workspace:key()
  if not key then
    return nil, e
  end
  local vault
  vault, e = M.open({ dir = dir, custody = seal.key(key) })
  if vault then
    vault.shared = 1
    embedded[dir] = vault
    function vault.on_close()
      embedded[dir] = nil
    end
  end
  return vault, e
end

--- Lets another key of a workspace open its vault, if it has one: before that key is the workspace's beside the one
--- until now, afterwards alone. A kill between leaves a vault that both open.
---@async
---@param workspace prov.Workspace
---@param key string
---@param alone? boolean
---@return true?, prov.Err?
function M.follow_key(workspace, key, alone)
  if not fs.exists(M.dir_of(workspace) .. "/vault.mdb") then
    return true
  end
  local vault <close>, e = M.embedded(workspace)
  if not vault then
    return nil, e
  end
  local turn <close>, why = vault:enter()
  if not turn then
    return nil, why
  end
  local config = vault:config()
  if not config or config.type ~= "key" then -- never made, or somebody else opens it
    return true
  end
  local ok
  ok, e = vault:open_by_custody()
  if ok then
    ok, e = vault:set_custody(seal.key(key), not alone)
  end
  return ok, e
end

--- Where the vault of a workspace is.
---@param workspace prov.Workspace
---@return string
function M.dir_of(workspace)
  return workspace.state_dir .. "/vault"
end

--- Takes the vault from all other processes; a value to close.
---@async
---@param wait integer milliseconds
---@return { close: fun() }?, prov.Err?
function Vault:take(wait)
  local lock, e = fs.lock(self.dir .. "/lock", { wait = wait })
  if lock or e.code ~= "locked" then
    return lock, e
  end
  local address = fs.read(self.dir .. "/server")
  if address then
    return nil, err.new("locked", ("a server has the vault in %s: %s"):format(self.dir, address:match("[^\n]*")), {
      hint = "ask it: --address, or the variable VAULT_ADDR",
    })
  end
  return nil, err.new("locked", ("another process has the vault in %s"):format(self.dir))
end

--- Asks a KMS that does not answer again, until it has opened the vault or refuses.
---@async
function Vault:wait_for_custody()
  local pause = KMS_FIRST_MS
  while not self.closed and self:is_sealed() do
    async.sleep(pause)
    pause = math.min(pause * 2, KMS_LAST_MS)
    if self.closed then
      return
    end
    local ok, e = self:open_by_custody()
    if ok then
      require("prov.log").info("the KMS answers, and the vault is open")
    elseif e.code ~= "unavailable" and e.code ~= "timeout" then
      require("prov.log").warn("the vault stays sealed", { error = tostring(e) })
      return
    end
  end
end

--- Forgets what was read.
function Vault:forget()
  for _, device in ipairs(self.cache and self.cache.devices or {}) do
    device:close()
  end
  self.cache = { contexts = {}, policies = {} }
end

local function leave(self)
  self.users = self.users - 1
  if self.users == 0 and self.turn then
    self.serial = not self.closed and self.barrier:serial() or nil
    self.turn:close()
    self.turn = nil
  end
end

local Turn = {}

function Turn:__close()
  if self.vault then
    leave(self.vault)
    self.vault = nil
  end
end

local NO_TURN = setmetatable({}, { __close = function() end })

--- Waits for this process's turn. What others have changed meanwhile is seen; a value to close.
---@async
---@return table?, prov.Err?
function Vault:enter()
  if self.closed then
    return err.fail("closed", "the vault is closed")
  end
  if self.server then
    return NO_TURN -- all of them are its own
  end
  self.users = self.users + 1
  local held = setmetatable({ vault = self }, Turn)
  local _ <close> = self:lock_of("turn")
  if not self.turn then
    local e
    self.turn, e = self:take(TURN_MS)
    if not self.turn then
      Turn.__close(held)
      return nil, e
    end
    local serial = self.barrier:serial()
    if serial ~= self.serial then
      self:forget()
      self.serial = serial
      if self.barrier.keyring and not self.barrier:refresh() then
        self.barrier:lock() -- another one has sealed it anew
      end
    end
  end
  return held
end

--- One task of the process has this lock at a time; a value to close.
---@async
---@param name string
---@return table
function Vault:lock_of(name)
  local entry = self.locks[name]
  if not entry then
    entry = { semaphore = async.semaphore(1), users = 0 }
    self.locks[name] = entry
  end
  entry.users = entry.users + 1
  local held = entry.semaphore:acquire()
  return setmetatable({}, {
    __close = function()
      getmetatable(held).__close(held)
      entry.users = entry.users - 1
      if entry.users == 0 then
        self.locks[name] = nil
      end
    end,
  })
end

--- Whether it is sealed.
---@return boolean
function Vault:is_sealed()
  return self.barrier.keyring == nil
end

--- Lets the timer look again what is due.
function Vault:kick()
  if self.wake then
    self.wake:put(true)
  end
end

--- Ends what is due when it is, for as long as the vault is open.
function Vault:serve_time()
  self.wake, self.spare = async.queue(), async.queue()
  async.spawn(function()
    while true do
      async.spawn(self.spare:take())
    end
  end)
  async.spawn(function()
    local alarm
    local _ <close> = setmetatable({}, { __close = function()
      if alarm then
        alarm.close()
      end
    end })
    while not self.closed do
      self.wake:take()
      while self.wake.first <= self.wake.last do -- several at once are one
        self.wake:take()
      end
      if not self:is_sealed() then
        local at, e = leases.run_due(self)
        if e then
          require("prov.log").warn("what is due cannot be ended", { error = tostring(e) })
          at = self.now() + 5
        end
        if alarm then
          alarm.close()
        end
        alarm = at and clock.after(math.min(math.max(at - self.now(), 0) * 1000 + 50, 86400000), function()
          self:kick()
        end)
      end
    end
  end)
end

--- Runs something beside the request at hand, in a server: nobody waits for it.
---@async
---@param fn fun()
function Vault:aside(fn)
  if self.spare then
    self.spare:put(fn)
  else
    fn()
  end
end

--- The audit devices that are enabled.
---@return prov.vault.AuditDevice[]?, prov.Err?
function Vault:devices()
  if not self.cache.devices then
    local rows, e = self.barrier:get("core/audit")
    if e then
      return nil, e
    end
    local out = {}
    for _, row in ipairs(rows or {}) do
      local device = audit.open(row)
      if device then
        out[#out + 1] = device
      else
        out.missing = row
      end
    end
    out.count = #(rows or {})
    self.cache.devices = out
  end
  return self.cache.devices
end

--- Opens the files of the audit anew, as after they were moved away.
function Vault:reopen_audit()
  for _, device in ipairs(self.cache.devices or {}) do
    device:reopen()
  end
end

--- Seals and closes it; a shared one when nobody uses it any more.
function Vault:close()
  if self.shared and self.shared > 1 then
    self.shared = self.shared - 1
    return
  elseif self.closed then
    return
  end
  self.closed = true
  self:forget()
  if self.on_close then
    self.on_close()
  end
  if self.barrier then
    self.barrier:close()
  end
  if self.server then
    os.remove(self.dir .. "/server")
  end
  local lock = self.lock or self.turn
  if lock then
    lock:close()
  end
end

Vault.__close = Vault.close

return M
