--- The secrets of a workspace by name: kept in its own vault, in a SOPS file or in another vault.
--
-- The store of each is a table with get, put, list, history, remove and restore; this module puts the names and the
-- rules in front of it.

local address = require("prov.address")
local err = require("prov.err")
local settings = require("prov.settings")
local suggest = require("prov.suggest")

local M = {}

---@class prov.secrets.Kept
---@field name string
---@field version integer
---@field created string RFC 3339
---@field parts prov.secrets.Parts
---@field rule? prov.secrets.Rule

---@class prov.secrets.Row
---@field name string
---@field version integer
---@field created string
---@field rule? prov.secrets.Rule
---@field expires? string

--- What keeps them. All may suspend.
---@class prov.secrets.Store
---@field place string where they are, in words
---@field get fun(self, name: string, version?: integer): prov.secrets.Kept?, prov.Err? nil alone: there is none
---@field put fun(self, name: string, parts, rule?: prov.secrets.Rule): prov.secrets.Kept?, prov.Err?
---@field list fun(self): prov.secrets.Row[]?, prov.Err?
---@field history fun(self, name: string): { version: integer, created: string, deleted: boolean }[]?, prov.Err?
---@field remove fun(self, name: string): true?, prov.Err?
---@field restore fun(self, name: string, version?: integer): true?, prov.Err?

---@class prov.Secrets
---@field store prov.secrets.Store
local Secrets = {}
Secrets.__index = Secrets

--- The name of a secret by its address: `secret.db/password` is db/password, `secret.node["a"]` is node/a.
---@param text string
---@return string
function M.name_of(text)
  local at = assert(address.parse(text))
  return at.key ~= nil and ("%s/%s"):format(at.name, at.key) or at.name
end

Secrets.name_of = M.name_of

--- Whether this can be the name of a secret.
---@param name string
---@return true?, prov.Err?
function M.check_name(name)
  if address.is_name(name, "secret") then
    return true
  end
  return err.fail("usage", "'%s' cannot be the name of a secret: letters, digits, - and _, with / between parts", name)
end

--- Opens the secrets of a workspace: where the settings say they are.
---@param workspace prov.Workspace
---@return prov.Secrets?, prov.Err?
function M.open(workspace)
  local file, address_of_vault = settings.secrets.file, settings.secrets.address
  address_of_vault = address_of_vault ~= "" and address_of_vault or nil
  local store, e
  if file and address_of_vault then
    return err.fail("invalid", "secrets.file and secrets.address are two places: which one holds the secrets?")
  elseif file then
    store, e = require("prov.secrets.file").open(workspace, file)
  else
    store, e = require("prov.secrets.vault").open(workspace, address_of_vault, settings.secrets.mount)
  end
  return store and setmetatable({ store = store }, Secrets), e
end

--- One secret.
---@async
---@param name string
---@param version? integer the newest when absent
---@return prov.secrets.Kept? kept nil alone: there is none
---@return prov.Err?
function Secrets:get(name, version)
  local kept, e = self.store:get(name, version)
  if kept and type(kept.parts.value) == "string" then -- another program's has parts of its own
    require("prov.log").secret(kept.parts.value)
  end
  return kept, e
end

--- One secret; its absence is an error.
---@async
---@return prov.secrets.Kept?, prov.Err?
function Secrets:need(name, version)
  local kept, e = self:get(name, version)
  if kept or e then
    return kept, e
  end
  local names = {}
  for i, row in ipairs(self:list() or {}) do
    names[i] = row.name
    if row.name == name then
      return nil, err.new("notfound", ("the secret '%s' has no version %d"):format(name, version), {
        hint = ("prov secret history %s"):format(name),
      })
    end
  end
  return nil, err.new("notfound", ("there is no secret '%s' in %s"):format(name, self.store.place), {
    hint = suggest.hint(name, names) or "prov secret list shows what there is",
  })
end

--- Keeps a value that somebody gives.
---@async
---@param name string
---@param parts prov.secrets.Parts
---@param rule? prov.secrets.Rule
---@return prov.secrets.Kept?, prov.Err?
function Secrets:put(name, parts, rule)
  local ok, e = M.check_name(name)
  if not ok then
    return nil, e
  end
  require("prov.log").secret(parts.value)
  return self.store:put(name, parts, rule)
end

--- Makes a new version by a rule.
---@async
---@param name string
---@param rule prov.secrets.Rule
---@return prov.secrets.Kept?, prov.Err?
function Secrets:make(name, rule)
  local parts, e = require("prov.secrets.make").parts(rule, function(other)
    local kept, why = self:need(other)
    return kept and kept.parts, why
  end)
  if not parts and e.code == "notfound" and rule.type == "given" then
    return nil, err.new("notfound", ("nobody has set the secret '%s' yet"):format(name), {
      hint = ("prov secret set %s"):format(name),
    })
  elseif not parts then
    return nil, e:wrap("make the secret '%s'", name)
  end
  return self:put(name, parts, rule)
end

--- What there is, by name.
---@async
---@return prov.secrets.Row[]?, prov.Err?
function Secrets:list()
  return self.store:list()
end

--- The versions of one, newest first.
---@async
function Secrets:history(name)
  return self.store:history(name)
end

--- Takes the newest version away; it can be restored.
---@async
function Secrets:remove(name)
  return self.store:remove(name)
end

--- Brings a removed version back: the newest, or the one that is named.
---@async
function Secrets:restore(name, version)
  return self.store:restore(name, version)
end

return M
