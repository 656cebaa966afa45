--- An infra that says what a past state had: a plan for it goes back there.

local value = require("prov.value")

local M = {}

local FIELDS = { "id", "ip" } -- what others are given of a thing, and what another one in its place changes

--- The values that came from what a record needs: text -> reference.
local function references(record, past)
  local refs = {}
  for _, need in ipairs(record.needs) do
    local other = past.records[need]
    local state = other and other.provider and other:state() or {}
    for _, field in ipairs(FIELDS) do
      if type(state[field]) == "string" then
        refs[state[field]] = value.ref(need, { field })
      end
    end
  end
  return refs
end

--- A copy of v with references in place of what came from elsewhere.
local function linked(v, refs)
  if type(v) == "string" then
    return refs[v] or v
  elseif type(v) ~= "table" or value.is_marked(v) then
    return v
  end
  local out = setmetatable({}, getmetatable(v))
  for key, item in next, v do
    out[key] = linked(item, refs)
  end
  return out
end

--- The infra of a past state.
---@param past prov.State
---@return table
function M.infra(past)
  local infra = { resources = {}, taskservs = {}, outputs = {}, providers = {} }
  for _, address in ipairs(past:addresses()) do
    local record = past.records[address]
    if address:find("~", 1, true) then -- it was about to go
      goto continue
    end
    local name, server = address:match("^taskserv%.(.-)@(.+)$")
    local node = {
      address = address,
      kind = record.kind,
      provider = record.provider,
      name = name,
      server = server,
      args = linked(record:args(), references(record, past)),
      needs = record.needs,
    }
    table.insert(name and infra.taskservs or infra.resources, node)
    ::continue::
  end
  return infra
end

return M
