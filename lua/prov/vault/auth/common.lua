--- What auth methods share: how the tokens they grant are, and the records of users and roles.

local data = require("core.data")
local err = require("prov.err")
local policy = require("prov.vault.policy")

local M = {}

--- Fields of the tokens a user or role gets.
M.FIELDS = {
  token_policies = { type = "texts", doc = "Policies of its tokens" },
  policies = { type = "texts", doc = "The same, as older clients say it" },
  token_ttl = { type = "seconds", default = 0, doc = "How long they last" },
  token_max_ttl = { type = "seconds", default = 0, doc = "How long at most, however often they are renewed" },
  token_period = { type = "seconds", default = 0, doc = "Renewed within this time they never end" },
  token_num_uses = { type = "int", default = 0, doc = "How often they work; 0 is any number" },
  token_no_default_policy = { type = "bool", default = false, doc = "Without the policy 'default'" },
  token_type = { type = "string", doc = "Always service" },
}

--- Refuses limits that are not kept here: who sets one relies on it.
---@param given table<string, any>
---@param ... string names of fields
---@return true?, prov.Err? err "usage"
function M.refuse(given, ...)
  for _, name in ipairs({ ... }) do
    local value = given[name]
    if value ~= nil and value ~= data.null and value ~= "" and not (type(value) == "table" and next(value) == nil) then
      return err.fail("usage", "'%s' is not supported: leave it out", name)
    end
  end
  return true
end

--- The fields of tokens that a record keeps; those that were not given stay as they are.
---@param record table
---@param req prov.vault.Request
---@return true?, prov.Err?
function M.keep_token_fields(record, req)
  local ok, e = M.refuse(req.given, "token_bound_cidrs", "bound_cidrs")
  if not ok then
    return nil, e
  end
  for name, field in pairs(M.FIELDS) do
    if req.given[name] ~= nil or record[name] == nil then
      record[name] = req.data[name]
      if record[name] == nil then
        record[name] = field.default
      end
    end
  end
  local names
  names, e = policy.names(req.data.token_policies or req.data.policies or record.token_policies or {})
  if not names then
    return nil, e
  end
  record.token_policies = names
  record.policies, record.token_type = nil, nil
  for _, name in ipairs(record.token_policies) do
    if name == "root" then
      return err.fail("usage", "auth methods give no root tokens")
    end
  end
  return true
end

--- What a login answers with.
---@param record table
---@param path string of the login
---@param more table display_name, meta
---@return prov.vault.Response
function M.grant(record, path, more)
  local policies, seen = {}, {}
  for _, name in ipairs(record.token_policies) do
    if not seen[name] then
      seen[name] = true
      policies[#policies + 1] = name
    end
  end
  if not record.token_no_default_policy and not seen.default then
    policies[#policies + 1] = "default"
  end
  table.sort(policies)
  return { auth = {
    policies = policies, ttl = record.token_ttl, max_ttl = record.token_max_ttl, period = record.token_period,
    uses = record.token_num_uses, display_name = more.display_name, meta = more.meta or {}, path = path, orphan = true,
  } }
end

return M
