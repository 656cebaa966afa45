--- Where engines and auth methods are mounted, and what each gets of the vault.

local clock = require("prov.clock")
local data = require("core.data")
local due = require("prov.vault.due")
local engines = require("prov.vault.engines")
local err = require("prov.err")
local passwords = require("prov.vault.passwords")

local M = {}

local TABLE = "core/mounts"
-- Mounted in every vault, never taken away.
local FIXED = {
  { path = "sys/", type = "system", id = "sys", description = "What is done with the vault itself" },
  { path = "cubbyhole/", type = "cubbyhole", id = "cubbyhole", description = "What each token keeps for itself" },
  { path = "auth/token/", type = "token", id = "token", description = "Tokens" },
}
local RESERVED = { "sys/", "auth/", "cubbyhole/", "identity/" }

---@class prov.vault.MountRow
---@field path string "secret/", "auth/userpass/"
---@field type string
---@field id string
---@field accessor string
---@field description string
---@field options table
---@field default_ttl integer seconds, 0: the vault's
---@field max_ttl integer

-- ---- Storage of a mount ----

local Storage = {}
Storage.__index = Storage

function Storage:get(path)
  return self.barrier:get(self.prefix .. path)
end

function Storage:put(path, value)
  return self.barrier:put(self.prefix .. path, value)
end

function Storage:delete(path)
  return self.barrier:delete(self.prefix .. path)
end

function Storage:list(prefix)
  return self.barrier:list(self.prefix .. prefix)
end

function Storage:commit(changes)
  local out, timed = {}, false
  for i, change in ipairs(changes) do
    if change[1] == "at" then
      out[i], timed = due.add("mount", self.id .. "/" .. change[3], change[2]), true
    else
      out[i] = { change[1], self.prefix .. change[2], change[3] }
    end
  end
  local ok, e = self.barrier:commit(out)
  if timed then
    self.kick()
  end
  return ok, e
end

--- Where the values of a mount are.
---@param id string
---@return string
function M.prefix(id)
  return "mount/" .. id .. "/"
end

-- ---- The table ----

local function row_of(given)
  return {
    path = given.path,
    type = given.type,
    id = given.id or clock.random_hex(12),
    accessor = given.accessor or ("%s_%s"):format(given.type, given.id or clock.random_hex(4)),
    description = given.description or "",
    options = given.options or {},
    default_ttl = given.default_ttl or 0,
    max_ttl = given.max_ttl or 0,
  }
end

--- A new mount.
---@param path string with or without slashes at the ends
---@param given table type, description, options, default_ttl, max_ttl
---@return prov.vault.MountRow
function M.new(path, given)
  given.path = path:gsub("^/+", ""):gsub("/+$", "") .. "/"
  return row_of(given)
end

--- The rows of the table, those of the vault itself included.
---@param vault prov.Vault
---@return prov.vault.MountRow[]?, prov.Err?
function M.rows(vault)
  if not vault.cache.mounts then
    local rows, e = vault.barrier:get(TABLE)
    if e then
      return nil, e
    end
    local all = {}
    for _, fixed in ipairs(FIXED) do
      local copy = row_of(fixed)
      copy.fixed = true
      all[#all + 1] = copy
    end
    for _, row in ipairs(rows or {}) do
      all[#all + 1] = row
    end
    table.sort(all, function(a, b)
      return a.path < b.path
    end)
    vault.cache.mounts = all
  end
  return vault.cache.mounts
end

--- The change of storage that makes these rows the table.
---@param rows prov.vault.MountRow[]
---@return table
function M.change(rows)
  local own = data.list({})
  for _, row in ipairs(rows) do
    if not row.fixed then
      own[#own + 1] = row
    end
  end
  return { "put", TABLE, own }
end

--- The mount a path is below, and what of it is below the mount.
---@param vault prov.Vault
---@param path string
---@return prov.vault.MountRow?
---@return string|prov.Err|nil rest
function M.find(vault, path)
  local rows, e = M.rows(vault)
  if not rows then
    return nil, e
  end
  local best
  local whole = path .. "/"
  for _, row in ipairs(rows) do
    if whole:find(row.path, 1, true) == 1 and (not best or #row.path > #best.path) then
      best = row
    end
  end
  if best then
    return best, path:sub(#best.path + 1)
  end
end

--- The row of a path, exactly.
---@param vault prov.Vault
---@param path string
---@return prov.vault.MountRow?, prov.Err?
function M.row(vault, path)
  local rows, e = M.rows(vault)
  if not rows then
    return nil, e
  end
  path = path:gsub("/+$", "") .. "/"
  for _, row in ipairs(rows) do
    if row.path == path then
      return row
    end
  end
  return err.fail("usage", "nothing is mounted at '%s'", path)
end

--- Whether a mount may be at a path.
---@param vault prov.Vault
---@param row prov.vault.MountRow
---@return true?, prov.Err?
function M.check_place(vault, row)
  if row.path == "/" or row.path:find("//", 1, true) or row.path:find("[%c*+]") then
    return err.fail("usage", "'%s' is no path for a mount", row.path)
  end
  local auth = row.path:match("^auth/[^/].*/$") ~= nil
  for _, reserved in ipairs(RESERVED) do
    if row.path:sub(1, #reserved) == reserved and not (auth and reserved == "auth/") then
      return err.fail("usage", "'%s' belongs to the vault itself", reserved)
    end
  end
  for _, other in ipairs(assert(M.rows(vault))) do
    if other.id ~= row.id and (other.path:sub(1, #row.path) == row.path or row.path:sub(1, #other.path) == other.path)
      then
      return err.fail("usage", "path is already in use at %s", other.path)
    end
  end
  return true
end

--- The engine of a mount.
---@param row prov.vault.MountRow
---@return prov.vault.CompiledEngine?, prov.Err?
function M.engine(row)
  if row.id == "sys" then
    return require("prov.vault.sys")
  end
  return engines.load(row.path:match("^auth/") and engines.AUTH or engines.SECRETS, row.type, row.options)
end

--- What the engine of a mount gets: kept until the vault is sealed.
---@param vault prov.Vault
---@param row prov.vault.MountRow
---@return prov.vault.Mount
function M.context(vault, row)
  local known = vault.cache.contexts[row.id]
  if known then
    return known
  end
  local ctx = {
    path = row.path:sub(1, -2),
    id = row.id,
    options = row.options,
    default_ttl = row.default_ttl > 0 and row.default_ttl or vault.default_ttl,
    max_ttl = row.max_ttl > 0 and row.max_ttl or vault.max_ttl,
    storage = setmetatable({
      barrier = vault.barrier, prefix = M.prefix(row.id), id = row.id,
      kick = function()
        vault:kick()
      end,
    }, Storage),
    cache = {},
    now = vault.now,
    lock = function(name)
      return vault:lock_of(row.id .. " " .. name)
    end,
    new_password = function(policy)
      return passwords.of_policy(vault, policy)
    end,
  }
  if row.fixed or row.path:match("^auth/") then
    ctx.vault = vault -- these are part of the vault
  end
  vault.cache.contexts[row.id] = ctx
  return ctx
end

return M
