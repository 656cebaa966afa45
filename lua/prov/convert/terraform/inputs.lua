--- Variables of Terraform as inputs: types as contracts, validations as what contracts say of themselves.

local changes = require("prov.convert.terraform.changes")
local tree = require("prov.convert.tree")
local value = require("prov.value")

local M = {}

local SIMPLE = { string = "string", number = "number", bool = "bool", any = "any" }
local KINDS = { string = "string", number = "number", bool = "bool" }

local contract_of

local function set_all(map, from)
  for _, key in ipairs(from.keys) do
    map:set(key, from.values[key])
  end
end

local function record(e, node)
  local fields = tree.map()
  for _, item in ipairs(node.items) do
    local of = item.value
    local field
    if of.node == "call" and of.name == "optional" and of.args[1] then
      field = contract_of(e, of.args[1])
      if of.args[2] and not (of.args[2].node == "lit" and of.args[2].value == value.null) then
        field:set("default", e:value(of.args[2]))
      end
    else
      field = contract_of(e, of)
      field:set("required", true)
    end
    fields:set(tostring(item.key.value), field)
  end
  local out = tree.map()
  out:set("type", "record")
  out:set("fields", fields)
  return out
end

--- The contract of a type expression.
function contract_of(e, node)
  local out = tree.map()
  if node.node == "lit" and SIMPLE[node.value] then -- "string", as it was written long ago
    out:set("type", SIMPLE[node.value])
  elseif node.node == "lit" and (node.value == "list" or node.value == "map") then
    out:set("type", node.value)
    out:at("of"):set("type", "any")
  elseif node.node == "var" and SIMPLE[node.name] then
    out:set("type", SIMPLE[node.name])
  elseif node.node == "var" and (node.name == "list" or node.name == "map") then
    out:set("type", node.name)
    out:at("of"):set("type", "any")
  elseif node.node == "call" and (node.name == "list" or node.name == "set" or node.name == "map") and node.args[1] then
    out:set("type", node.name == "map" and "map" or "list")
    out:set("of", contract_of(e, node.args[1]))
  elseif node.node == "call" and node.name == "object" and node.args[1] and node.args[1].node == "object" then
    return record(e, node.args[1])
  elseif node.node == "call" and node.name == "tuple" then
    out:set("type", "list")
    out:at("of"):set("type", "any")
  else
    out:set("type", "any")
  end
  return out
end

--- What is known of the type of a variable: number, string, bool, list, map or nil.
---@return string?
function M.kind(body)
  local node = changes.attribute(body, "type")
  if not node then
    local default = changes.attribute(body, "default")
    local kinds = { tuple = "list", object = "map", template = "string" }
    return default and (kinds[default.node]
      or default.node == "lit" and default.value ~= value.null and (type(default.value):gsub("boolean", "bool"))) or nil
  elseif node.node == "call" then
    return (node.name == "list" or node.name == "set" or node.name == "tuple") and "list" or "map"
  end
  return KINDS[node.name or node.value]
end

local function is_variable(node, name)
  return node.node == "attr" and node.name == name and node.of.node == "var" and node.of.name == "var"
end

--- Adds what a condition says to the contract; false when it says something else.
local function add_condition(e, input, node, name)
  if node.node == "binary" and node.sign == "&&" then
    local trial = tree.map()
    if not (add_condition(e, trial, node.left, name) and add_condition(e, trial, node.right, name)) then
      return false
    end
    set_all(input, trial)
    return true
  elseif node.node == "binary" and is_variable(node.left, name) and node.right.node == "lit"
    and type(node.right.value) == "number" then
    local n, sign = node.right.value, node.sign
    local whole = math.type(n) == "integer"
    if sign == ">=" or sign == ">" and whole then
      input:set("min", sign == ">" and n + 1 or n)
      return true
    elseif sign == "<=" or sign == "<" and whole then
      input:set("max", sign == "<" and n - 1 or n)
      return true
    end
  elseif node.node == "call" and node.name == "contains" and #node.args == 2 and is_variable(node.args[2], name)
    and node.args[1].node == "tuple" then
    local list = e:value(node.args[1])
    for _, v in ipairs(list) do
      if type(v) == "table" or type(v) == "string" and v:find("${", 1, true) then
        return false
      end
    end
    input:set("one_of", list)
    return true
  end
  return false
end

local function add_validation(e, tree_of, input, name, block)
  local condition = changes.attribute(block.body, "condition")
  local message = changes.attribute(block.body, "error_message")
  if not condition or add_condition(e, input, condition, name) then
    return
  end
  local text, why = e.scope:try(e.text, e, condition)
  if not text then
    e.scope:note(why.at and why or block, ("the validation of variable '%s': %s"):format(name, why.what), why.todo)
    return
  end
  local checks, n, key = tree_of:at("checks"), 1, "variable_" .. name
  while checks:get(key) do
    n = n + 1
    key = ("variable_%s_%d"):format(name, n)
  end
  local check = checks:at(key)
  check:set("that", "${" .. text .. "}")
  local said = message and e.scope:try(e.value, e, message)
  check:set("message", type(said) == "string" and said or ("the variable %s has no good value"):format(name))
end

--- Writes a variable into `inputs`.
---@param e prov.convert.Expr
---@param out prov.convert.Map the tree
---@param name string
---@param block table
---@param comment? string
function M.add(e, out, name, block, comment)
  local type_node = changes.attribute(block.body, "type")
  local default = changes.attribute(block.body, "default")
  local sensitive = changes.attribute(block.body, "sensitive")
  local input = type_node and contract_of(e, type_node) or tree.map()
  if sensitive and sensitive.value == true then
    if type_node and M.kind(block.body) ~= "string" then
      e.scope:note(sensitive, ("variable '%s' is a secret of several values"):format(name),
        "declare each secret of it as a variable of type secret")
    else
      input = tree.map()
      input:set("type", "secret")
    end
  elseif not type_node then
    input:set("type", M.kind(block.body) == "string" and "string" or M.kind(block.body) == "bool" and "bool" or "any")
  end
  if not default then
    input:set("required", true)
  elseif not (default.node == "lit" and default.value == value.null) then -- null: may be left out
    input:set("default", e:value(default))
  end
  local doc = changes.attribute(block.body, "description")
  if doc and doc.node == "lit" and type(doc.value) == "string" and doc.value ~= "" then
    input:set("doc", (doc.value:gsub("%s+$", "")))
  end
  for _, item in ipairs(block.body) do
    if item.node == "block" and item.type == "validation" then
      add_validation(e, out, input, name, item)
    end
  end
  local inputs = out:at("inputs")
  inputs:set(e.scope.variables[name].name, input)
  if comment then
    inputs:comment(e.scope.variables[name].name, comment)
  end
end

return M
