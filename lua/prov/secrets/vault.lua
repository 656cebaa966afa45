--- Secrets in a kv engine (version 2): of the workspace's own vault, or of one that is asked over HTTP.

local err = require("prov.err")
local json = require("prov.json")

local M = {}

---@class prov.secrets.VaultStore: prov.secrets.Store
---@field ask fun(op: string, path: string, given?: table): table?, prov.Err? data; nil alone: there is none
---@field mount string
local Store = {}
Store.__index = Store

local function embedded(workspace)
  return function(op, path, given)
    local vault, e = require("prov.vault").embedded(workspace)
    if not vault then
      return nil, e
    end
    local _ <close> = vault
    local answer, why = vault:request({ op = op, path = path, data = given, trusted = "prov" })
    if not answer and why and why.code == "notfound" then
      return nil
    end
    return answer and (answer.data or {}), why
  end
end

local function remote(address)
  return function(op, path, given)
    local answer, e = require("prov.vault.client").ask(address, { op = op, path = path, data = given })
    if not answer and e.code == "notfound" then
      return nil
    end
    return answer and (answer.data or {}), e
  end
end

--- Opens them.
---@param workspace prov.Workspace
---@param address? string of one that is asked over HTTP
---@param mount string
---@return prov.secrets.VaultStore
function M.open(workspace, address, mount)
  return setmetatable({
    ask = address and remote(address) or embedded(workspace),
    mount = mount,
    place = address or ("the vault of workspace '%s'"):format(workspace.name),
  }, Store)
end

-- Each part of a name is a part of the path.
local function path(self, what, name)
  return ("%s/%s/%s"):format(self.mount, what, name)
end

-- What prov keeps beside a secret; a map that is always there.
local function about(metadata)
  local custom = metadata.custom_metadata
  return type(custom) == "table" and custom or {}
end

local function rule_of(metadata)
  local text = about(metadata).rule
  return type(text) == "string" and json.decode(text) or nil
end

local function row_of(name, metadata)
  local at = metadata.versions and metadata.versions[tostring(metadata.current_version)]
  if not at or at.destroyed or (at.deletion_time or "") ~= "" then
    return nil
  end
  return {
    name = name,
    version = metadata.current_version,
    created = at.created_time,
    rule = rule_of(metadata),
    expires = about(metadata).expires,
  }
end

function Store:get(name, version)
  local found, e = self.ask("read", path(self, "data", name), version and { version = version } or nil)
  if not found or type(found.data) ~= "table" then -- a version that was removed has metadata only
    return nil, e
  end
  return {
    name = name,
    version = found.metadata.version,
    created = found.metadata.created_time,
    parts = found.data,
    rule = rule_of(found.metadata),
  }
end

local function no_engine(self)
  return err.new("notfound", ("there is no kv engine of version 2 at '%s' in %s"):format(self.mount, self.place), {
    hint = ("prov vault mount enable kv-v2 %s, or the setting secrets.mount"):format(self.mount),
  })
end

function Store:put(name, parts, rule)
  if rule then
    local ok, e = self.ask("update", path(self, "metadata", name), {
      custom_metadata = { rule = assert(json.encode(rule)), expires = parts.expires },
    })
    if not ok then
      return nil, e or no_engine(self)
    end
  end
  local done, e = self.ask("update", path(self, "data", name), { data = parts })
  if not done then
    return nil, e or no_engine(self)
  end
  return { name = name, version = done.version, created = done.created_time, parts = parts, rule = rule }
end

local function walk(self, folder, rows)
  local found, e = self.ask("list", path(self, "metadata", folder))
  if not found then
    return e == nil or nil, e
  end
  for _, name in ipairs(found.keys or {}) do
    local ok
    if name:sub(-1) == "/" then
      ok, e = walk(self, folder .. name, rows)
    else
      local metadata
      metadata, e = self.ask("read", path(self, "metadata", folder .. name))
      ok = metadata or not e
      rows[#rows + 1] = metadata and row_of(folder .. name, metadata)
    end
    if not ok then
      return nil, e
    end
  end
  return true
end

function Store:list()
  local rows = {}
  local ok, e = walk(self, "", rows)
  return ok and rows, e
end

function Store:history(name)
  local metadata, e = self.ask("read", path(self, "metadata", name))
  if not metadata then
    return not e and {} or nil, e
  end
  local out = {}
  for version, one in pairs(metadata.versions) do
    out[#out + 1] = {
      version = math.tointeger(tonumber(version)),
      created = one.created_time,
      deleted = one.destroyed or (one.deletion_time or "") ~= "",
    }
  end
  table.sort(out, function(a, b)
    return a.version > b.version
  end)
  return out
end

function Store:remove(name)
  local _, e = self.ask("delete", path(self, "data", name))
  return not e or nil, e
end

function Store:restore(name, version)
  if not version then
    local all, e = self:history(name)
    if not all then
      return nil, e
    end
    version = all[1] and all[1].version
  end
  if not version then
    return err.fail("notfound", "there was no secret '%s' in %s", name, self.place)
  end
  local _, e = self.ask("update", path(self, "undelete", name), { versions = { version } })
  return not e or nil, e
end

return M
