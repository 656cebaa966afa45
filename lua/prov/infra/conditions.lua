--- Reads conditions: `preconditions` and `postconditions` in a lifecycle, `checks` of an infra or module.

local contract = require("prov.contract")
local data = require("core.data")
local interpolate = require("prov.infra.interpolate")
local links = require("prov.infra.links")
local merge = require("prov.infra.merge")

local M = {}

local FIELDS = {
  that = { type = "any", required = true, doc = "An expression; everything but false and null holds" },
  message = { type = "string", required = true, doc = "What is said when it does not hold" },
}
local CHECK = {
  that = FIELDS.that,
  message = FIELDS.message,
  severity = { type = "enum", one_of = { "warning", "error" }, default = "warning", doc = "An error stops a plan" },
}

--- What a lifecycle may hold.
M.LIFECYCLE = {
  preconditions = {
    type = "list",
    of = { type = "record", fields = FIELDS },
    doc = "Must hold before it is made or changed",
  },
  postconditions = { type = "list", of = { type = "record", fields = FIELDS }, doc = "Must hold afterwards" },
}

local function origin_of(block, below)
  local line, column, file = block.source.place(merge.path_of(block, below))
  return { file = file or block.source.file, line = line, column = column }
end

--- One condition with its references in their final form.
local function linked(loader, block, below, one, needs)
  local problems = {}
  local that = links.value(loader, block, one.that, needs or {}, problems)
  local message = links.value(loader, block, one.message, {}, problems)
  if #problems > 0 then
    loader:problems(block, problems, below)
  end
  return { name = one.name, that = that, message = message, severity = one.severity, origin = origin_of(block, below) }
end

--- Conditions of a resource; what its preconditions need is added to the set.
---@param needs table<string, true>
---@return table? conditions { pre, post }
function M.of(loader, block, lifecycle, needs)
  local out
  for which, name in pairs({ pre = "preconditions", post = "postconditions" }) do
    for i, one in ipairs(lifecycle[name] or {}) do
      out = out or { pre = data.list({}), post = data.list({}) }
      out[which][i] = linked(loader, block, { "lifecycle", name, i }, one, which == "pre" and needs or nil)
    end
  end
  return out
end

--- The checks of all homes, sorted by name.
---@return table[]
function M.run(loader)
  local out = {}
  for _, home in ipairs(loader.homes) do
    for _, name in ipairs(data.keys(home.checks.values)) do
      local block = { source = merge.source_of(home.checks, name), path = { "checks", name }, home = home }
      local problems = {}
      local filled = interpolate.value(home.checks.values[name], home.scope, problems)
      local done, wrong
      if #problems == 0 then
        done, wrong = contract.compile({ it = { type = "record", fields = CHECK } }).run({ it = filled })
        for _, p in ipairs(wrong or {}) do
          table.remove(p.path, 1)
        end
      end
      local raw = home.checks.values[name].that
      if done and type(raw) == "string" and not raw:find("${", 1, true) then
        wrong = { { path = { "that" }, msg = "is a text, which always holds", hint = ("write ${%s}"):format(raw) } }
      end
      if wrong or #problems > 0 then
        loader:problems(block, wrong or problems)
      else
        done.it.name = home.prefix .. name
        out[#out + 1] = linked(loader, block, { "that" }, done.it)
      end
    end
  end
  return out
end

return M
