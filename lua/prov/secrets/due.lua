--- What should be done about secrets: rotate those that expire soon or are older than their rule wants, set those that
-- nobody has set.

local timestamp = require("prov.timestamp")

local M = {}

local DAY = 86400
local SOON = 14 * DAY -- an end that is near enough to speak of

local function days(seconds)
  return math.floor(seconds / DAY)
end

--- What should be done about a secret, or nil.
---@param created? string RFC 3339
---@param expires? string RFC 3339
---@param max_age? number seconds
---@param now integer seconds since 1970
---@return string? note "expires in 3 days"
function M.note(created, expires, max_age, now)
  local made, ends = created and timestamp.parse(created), expires and timestamp.parse(expires)
  if ends and ends < now then
    return "has expired"
  elseif ends and ends - now < SOON then
    return ("expires in %d days"):format(days(ends - now))
  elseif made and max_age and now - made > max_age then
    return ("is older than %d days"):format(days(max_age))
  end
end

--- The same of all secrets of a state: { address, name, note }, by address.
---@param state prov.State
---@param seen table<string, table> what was read anew
---@param now integer
---@return table[]
function M.of(state, seen, now)
  local out = {}
  for address, record in pairs(state.records) do
    if record.kind == "secret" and record.provider == "secrets" then
      local at = seen[address] or record:state()
      local note = M.note(at.created, at.expires, record:args().max_age, now)
      out[#out + 1] = note and { address = address, name = at.id, note = note } or nil
    end
  end
  table.sort(out, function(a, b)
    return a.address < b.address
  end)
  return out
end

--- Names of the secrets that a plan would make and that somebody has to set first.
---@param plan prov.Plan
---@return string[]
function M.unset(plan)
  local out = {}
  for _, step in ipairs(plan.steps) do
    if step.action == "create" and step.kind == "secret" and step.node.args.type == "given" then
      out[#out + 1] = require("prov.secrets").name_of(step.address)
    end
  end
  return out
end

return M
