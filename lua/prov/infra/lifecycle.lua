--- What the lifecycle of a resource refers to.

local data = require("core.data")
local ignore = require("prov.plan.ignore")
local interpolate = require("prov.infra.interpolate")
local links = require("prov.infra.links")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

--- Checks that what a lifecycle ignores are fields.
local function check_ignored(loader, block, names)
  for i, name in ipairs(names) do
    local path = ignore.path(name)
    local schema = block.contract.schema
    if not path or name ~= "all" and schema[path[1]] == nil then
      local fields = data.keys(schema)
      loader:fail_at(block, { "lifecycle", "ignore_changes", i }, ("there is no field '%s'"):format(name),
        path and suggest.hint(path[1], fields) or "the fields are: all, " .. table.concat(fields, ", "))
    end
  end
end

--- What a lifecycle refers to: sets `triggers` and `conditions` of the node; the set of what it needs, or nil.
function M.link(loader, block, node, lifecycle)
  local needs, triggers = {}, nil
  check_ignored(loader, block, lifecycle.ignore_changes or {})
  for i, one in ipairs(lifecycle.replace_triggered_by or {}) do
    local ref = type(one) == "string" and interpolate.reference(one, block.home.scope) or one
    local done, found
    if value.is_ref(ref) then
      done, found = links.resolve(loader, block, ref)
    end
    if not done then
      loader:fail_at(block, { "lifecycle", "replace_triggered_by", i },
        found and found.msg or "expected an address such as item.x, or a field of one", found and found.hint)
    else
      local _, given = value.parts(ref)
      local address_of, path = nil, {}
      if value.is_ref(done) then
        address_of, path = value.parts(done)
      end
      triggers = triggers or {}
      for _, address_one in ipairs(found) do
        needs[address_one] = true
        triggers[#triggers + 1] = { address = address_one, field = #given > 0 and address_of and path[1] or nil }
      end
    end
  end
  if lifecycle.preconditions or lifecycle.postconditions then
    node.conditions = require("prov.infra.conditions").of(loader, block, lifecycle, needs)
  end
  node.triggers = triggers
  return next(needs) and needs or nil
end

return M
