--- What is said of a reference that names nothing.

local suggest = require("prov.suggest")

local M = {}

local function names_of_kind(loader, kind, prefix)
  local out = {}
  for _, block in ipairs(loader.blocks) do
    if block.kind == kind and block.home.prefix == prefix then
      out[#out + 1] = block.name
    end
  end
  return out
end

-- What words of Terraform are here.
local ELSEWHERE = {
  ["local"] = "write var.%s and declare it in 'inputs', or use Lua, which has local",
  output = "an output is for the outside: write again what it holds",
  count = "write index, which counts from 1",
  path = "files are named from the folder of the infra",
  vars = "write var.%s",
  variable = "write var.%s",
}

local function of_other_tool(parsed, kinds)
  if parsed.kind == "each" and (parsed.name == "key" or parsed.name == "value") then
    return "write " .. parsed.name
  elseif ELSEWHERE[parsed.kind] then
    return ELSEWHERE[parsed.kind]:format(parsed.name)
  end
  for _, kind in ipairs(kinds) do
    if parsed.kind:sub(-#kind - 1) == "_" .. kind then -- hcloud_server
      return ("write %s.%s"):format(kind, parsed.name)
    end
  end
end

--- Why a reference to a resource leads nowhere.
---@param loader prov.InfraLoader
---@param from? prov.Block where the reference stands
---@param shown string the reference
---@param parsed table its address
---@param prefix string of the module it names
---@return table problem
function M.target(loader, from, shown, parsed, prefix)
  local names = names_of_kind(loader, parsed.kind, prefix)
  if #names == 0 then
    local kinds, seen = {}, {}
    for _, block in ipairs(loader.blocks) do
      if not seen[block.kind] and block.home.prefix == prefix then
        seen[block.kind] = true
        kinds[#kinds + 1] = block.kind
      end
    end
    return {
      path = {},
      msg = ("%s refers to something that is not declared"):format(shown),
      hint = of_other_tool(parsed, kinds) or suggest.hint(parsed.kind, kinds)
        or not (from and from.source.file:find("%.lua$")) and "write $${ for a plain ${"
        or nil,
    }
  end
  return {
    path = {},
    msg = ("%s refers to the %s '%s', which is not declared"):format(shown, parsed.kind, parsed.name),
    hint = suggest.hint(parsed.name, names),
  }
end

--- The same for a module; nil when it names none.
function M.module(loader, from, text)
  local prefix, name = text:match("^(.-)module%.([%w_-]+)$")
  if not name or from and from.home.prefix ~= prefix then
    return nil
  end
  local names = {}
  for base in next, loader.modules do
    if base:sub(1, #prefix) == prefix then
      names[#names + 1] = base:sub(#prefix + 1):match("^module%.([%w_-]+)$")
    end
  end
  return { path = {}, msg = ("there is no module '%s'"):format(name), hint = suggest.hint(name, names) }
end

return M
