--- The names of a folder, known before any of its expressions is read.

local changes = require("prov.convert.terraform.changes")
local inputs = require("prov.convert.terraform.inputs")
local types = require("prov.convert.terraform.types")

local M = {}

-- A block's count or for_each.
local function many_of(body)
  return changes.attribute(body, "count") and "count" or changes.attribute(body, "for_each") and "for_each" or nil
end
M.many_of = many_of

local function is_constant(node)
  if node.node == "lit" then
    return true
  elseif node.node ~= "tuple" and node.node ~= "object" then
    return false
  end
  for _, item in ipairs(node.items) do
    local is_object = node.node == "object"
    if not is_constant(is_object and item.value or item) or is_object and item.key.node ~= "lit" then
      return false
    end
  end
  return true
end

local function add_locals(scope, block, file)
  for _, item in ipairs(block.body) do
    if item.node == "attribute" then
      scope.locals[item.name] = { value = item.value, item = item, file = file, constant = is_constant(item.value) }
    end
  end
end

-- A name that is free among those of a kind.
local function free_name(taken, name, type_name)
  if not taken[name] then
    return name
  end
  local try, n = name .. "_" .. type_name:match("[^_]+$"), 1
  while taken[try] do
    n = n + 1
    try = ("%s_%s_%d"):format(name, type_name:match("[^_]+$"), n)
  end
  return try
end

local function add_resource(scope, block, target, taken)
  local type_name, name = block.labels[1], block.labels[2]
  local spec = types.RESOURCES[type_name]
  local address = ("%s.%s"):format(tostring(type_name), tostring(name))
  if not spec or not name then
    scope.left_out[address] = "type"
    return
  elseif spec.into then
    scope.parts[address] = { spec = spec, address = address, many = many_of(block.body) }
    return
  end
  local provider = target.override or spec.provider
  local schema = target.schema(provider)
  if schema and not schema[spec.kind] then
    scope.left_out[address] = "kind"
    return
  end
  taken[spec.kind] = taken[spec.kind] or {}
  local own = free_name(taken[spec.kind], name, type_name)
  taken[spec.kind][own] = true
  scope.resources[address] = { kind = spec.kind, name = own, many = many_of(block.body), spec = spec, address = address,
    provider = provider, schema = schema and schema[spec.kind], block = block }
end

--- Fills a scope with the names of a folder.
---@param scope prov.convert.Scope
---@param folder prov.convert.Folder
---@param target { override: string?, schema: fun(provider: string): table? }
function M.names(scope, folder, target)
  scope.left_out, scope.parts = {}, {}
  local taken = {}
  for _, one in ipairs(folder.blocks) do
    local block = one.block
    local first, second = block.labels[1], block.labels[2]
    if block.type == "variable" and first then
      scope.variables[first] = { name = first, kind = inputs.kind(block.body) }
    elseif block.type == "locals" then
      add_locals(scope, block, one.file)
    elseif block.type == "resource" then
      scope.file = one.file
      add_resource(scope, block, target, taken)
    elseif block.type == "module" and first then
      scope.modules[first] = nil -- known when its folder is
    elseif block.type == "data" and types.LOOKUPS[first] and second then
      scope.lookups[("data.%s.%s"):format(first, second)] = { name = second, spec = types.LOOKUPS[first] }
    end
  end
  for name, at in pairs(scope.locals) do
    if at.constant and not scope.variables[name] then
      local v = at.value
      at.input, at.kind = name, v.node == "tuple" and "list" or v.node == "object" and "map"
        or (type(v.value):gsub("boolean", "bool"):gsub("table", "any"))
    end
  end
end

return M
