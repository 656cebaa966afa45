--- Loops of Terraform: for, dynamic blocks, and parts of a resource that have a count of their own. Methods of the
-- writer of expressions.

local references = require("prov.convert.terraform.references")

local M = {}

local Loops = {}

local TAKEN = {}
for word in ("index key value var module data server if then else and or not true false null for in"):gmatch("%S+") do
  TAKEN[word] = true
end

local function bound_name(name)
  name = name:gsub("[^%w_]", "_")
  return TAKEN[name] and name .. "_" or name
end

--- Binds a name of a loop to what it is called here.
function M.bind(name, kind)
  local own = bound_name(name)
  return { own = own, kind = kind, write = function(e, steps, node)
    local text = e:steps(own, steps, 1, node)
    if kind == "place" and #steps == 0 then -- counted from 0 there
      return own .. " - 1", 5
    end
    return text
  end }
end

--- `[for ...]` or `{for ...}` around what `item` writes.
function Loops:loop(node, item)
  local over, bound = references.over(self, node)
  local over_kind = self:type(node.over)
  bound = bound or {
    [node.value] = M.bind(node.value),
    [node.key or false] = node.key and M.bind(node.key, over_kind == "list" and "place" or over_kind == "map"
      and "string"
      or nil) or nil,
  }
  if node.key and not over_kind and not bound[node.key].kind then
    self.scope:note(node, ("'%s' counts from 1 here when it goes over a list"):format(node.key),
      "take 1 away where it is calculated with")
  end
  return self.scope:with(bound, function()
    local names = node.key and bound[node.key].own .. ", " .. bound[node.value].own or bound[node.value].own
    local test = node.test and " if " .. self:at(node.test, 1) or ""
    local name = node.name and "[" .. self:at(node.name, 0) .. "] = " or ""
    local open, close = "[", "]"
    if node.kind == "object" then
      open, close = "{ ", " }"
    end
    return ("%sfor %s in %s%s => %s%s%s"):format(open, names, over, test, name, item(), close)
  end)
end

function Loops:on_for(node)
  if node.group then
    self.scope:refuse(node, "a for that groups with ...", "write the groups out")
  end
  return self:loop(node, function()
    return self:at(node.item, 0)
  end)
end

--- Blocks made in a loop: `rule.key` and `rule.value` are of what it goes over.
function Loops:on_dynamic(node)
  local own = bound_name(node.name)
  local over, kind = self:reduce(node.over), self:type(node.over)
  local is_set = over.node == "call" and over.name == "toset"
  local key_used = false
  local bound = { [node.name] = { own = own, write = function(e, steps, at)
    local which = steps[1] and steps[1].name
    if which == "key" and is_set then
      return e:steps(own, steps, 2, at)
    elseif which == "key" then
      key_used = true
      return own .. "_key" .. (kind == "list" and " - 1" or ""), kind == "list" and 5 or 8
    elseif which ~= "value" then
      e.scope:refuse(at, ("'%s' without .key or .value"):format(node.name))
    end
    return e:steps(own, steps, 2, at)
  end } }
  local list = self:at(node.over, 1)
  local item = self.scope:with(bound, function()
    return self:at(node.item, 0)
  end)
  return ("[for %s%s in %s => %s]"):format(key_used and own .. "_key, " or "", own, list, item)
end

--- Parts of one resource that are made by a count or for_each of their own: a list of them.
function Loops:on_many(node)
  local scope = self.scope
  local before, many = scope.each_as, scope.many
  local over = self:at(node.over, 1)
  scope.each_as = { key = "part_key", value = "part", index = "part" }
  scope.many = node.kind
  local item = self:at(node.item, 0)
  scope.each_as, scope.many = before, many
  if node.kind == "count" then
    return ("[for part in range(1, %s) => %s]"):format(over, item)
  end
  local is_set = node.over.node == "call" and node.over.name == "toset"
  if is_set then
    item = item:gsub("%f[%w_]part_key%f[^%w_]", "part")
  end
  return ("[for %spart in %s => %s]"):format(item:find("part_key", 1, true) and "part_key, " or "", over, item)
end

--- Gives a writer of expressions the methods that write loops.
---@param expr table its methods
function M.install(expr)
  for name, method in pairs(Loops) do
    expr[name] = method
  end
end

return M
