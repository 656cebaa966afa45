--- `ignore_changes` of a lifecycle: what of a resource stays as it is in the world, whatever the infra says.

local parse = require("prov.expr.parse")
local value = require("prov.value")

local M = {}

--- The steps of a path such as `labels.keep` or `labels["a.b"]`; nil when it is none.
---@param text string
---@return (string|integer)[]?
function M.path(text)
  local path, stop = parse.steps("." .. text, 1)
  return path[1] ~= nil and stop == #text + 2 and path or nil
end

local function is_plain(v)
  return type(v) == "table" and not value.is_marked(v)
end

--- `want` with what `have` has at a path, from a step on; `want` itself when that changes nothing.
local function keep(want, have, path, from)
  if path[from] == nil then
    return have
  elseif want ~= nil and not is_plain(want) then
    return want -- a reference: what would be in it is not known
  end
  local key = path[from]
  local before = want and want[key]
  local after = keep(before, is_plain(have) and have[key] or nil, path, from + 1)
  if rawequal(before, after) or math.type(key) and (before == nil or after == nil) then -- no holes in lists
    return want
  end
  local out = setmetatable({}, want and getmetatable(want))
  for k, v in next, want or {} do
    out[k] = v
  end
  out[key] = after
  return out
end

--- The arguments that a resource gets: those of the infra, but for what is ignored, which stays.
---@param args table of the infra
---@param names string[] of ignore_changes; "all" is every field
---@param schema table of the resource
---@param recorded table arguments of the last apply
---@param observed? table what was just read
---@return table
function M.args(args, names, schema, recorded, observed)
  local paths = {}
  for _, name in ipairs(names) do
    if name == "all" then
      for field in next, schema do
        paths[#paths + 1] = { field }
      end
    else
      paths[#paths + 1] = M.path(name)
    end
  end
  for _, path in ipairs(paths) do
    local top = path[1]
    local have = observed and observed[top]
    if have == nil then
      have = recorded[top]
    end
    args = keep(args, { [top] = have }, path, 1)
  end
  return args
end

return M
