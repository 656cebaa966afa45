--- What the names in Terraform's expressions refer to.

local M = {}

local function number_key(e, steps, i)
  return e:key(steps[i].key)
end

-- Steps behind a thing that may have several instances: its address, the position behind, and whether it is a list.
local function instance(e, base, many, steps, i)
  local step = steps[i]
  if not step then
    return base, i, many ~= nil
  elseif step.node == "splat" then
    return base, i + 1, true
  elseif step.node == "index" then
    if not many and step.key.node == "lit" and step.key.value == 0 then
      return base, i + 1, false -- x[0] of what has no count
    end
    return base .. "[" .. number_key(e, steps, i) .. "]", i + 1, false
  end
  return base, i, many ~= nil
end

local function output_of(e, node, resource, name)
  local spec = resource.spec
  local to = spec.outputs and spec.outputs[name]
  if not to and spec.fields then
    local field = spec.fields[name]
    to = type(field) == "string" and field or type(field) == "table" and field.to
  end
  if not to and name ~= "id" then
    e.scope:refuse(node, ("%s has no '%s' in prov"):format(resource.address, name),
      ("prov provider show %s lists the values of its resources"):format(resource.provider))
  end
  to = to or "id"
  local schema = resource.schema
  if schema and to ~= "id" and not schema.schema[to] and not (schema.outputs and schema.outputs[to]) then
    e.scope:refuse(node, ("a %s of the provider %s has no '%s'"):format(resource.kind, resource.provider, to),
      ("prov provider show %s lists what it has"):format(resource.provider))
  end
  return to
end

--- hcloud_server.web.ipv4_address and its like.
function M.resource(e, node, root, steps)
  local first = steps[1]
  if not first or first.node ~= "attr" then
    e.scope:refuse(node, ("'%s' is not known here"):format(root.name))
  end
  local full = root.name .. "." .. first.name
  local resource = e.scope.resources[full]
  if not resource then
    e.scope:refuse(node, e.scope.left_out and e.scope.left_out[full]
      and ("it refers to %s, which has no equal"):format(full) or ("there is no resource %s"):format(full))
  end
  local base = resource.kind .. "." .. resource.name
  local text, i, is_list = instance(e, base, resource.many, steps, 2)
  local attribute = steps[i]
  if not attribute then
    e.scope:refuse(node, ("the whole of %s as a value"):format(full), "refer to the values that are needed")
  elseif attribute.node ~= "attr" then
    e.scope:refuse(node, ("%s has no such part in prov"):format(full))
  end
  local to = output_of(e, node, resource, attribute.name)
  if to ~= "id" or is_list then
    text = text .. "." .. to
  end
  if is_list and not resource.many then -- x[*].id of one thing is a list of it
    text = "[" .. (to == "id" and base or text) .. "]"
  end
  local behind = steps[i + 1]
  if is_list and behind and behind.node ~= "close" then -- of every item
    steps, i = table.move(steps, i + 1, #steps, 2, { { node = "splat" } }), 0
  end
  return e:steps(text, steps, i + 1, node)
end

M.ROOTS = {}

M.ROOTS["var"] = function(e, node, _, steps)
  local name = steps[1] and steps[1].name
  if not name or not e.scope.variables[name] then
    e.scope:refuse(node, ("there is no variable '%s'"):format(tostring(name)))
  end
  return e:steps("var." .. e.scope.variables[name].name, steps, 2, node)
end

M.ROOTS["local"] = function(e, node, _, steps)
  local name = steps[1] and steps[1].name
  local at = name and e.scope.locals[name]
  if at and at.input then
    return e:steps("var." .. at.input, steps, 2, node)
  end
  local reduced = e:reduce(node)
  if reduced == node then
    e.scope:refuse(node, ("there is no local '%s'"):format(tostring(name)))
  end
  -- A local is read in its own place: names of loops around its use mean nothing in it.
  local before = e.scope.bound
  if steps[2] == nil then
    e.scope.bound = {}
  end
  local text, level = e.scope:inside_local(node, e.text, e, reduced)
  e.scope.bound = before
  return text, level
end

M.ROOTS["each"] = function(e, node, _, steps)
  local name = steps[1] and steps[1].name
  if e.scope.many ~= "for_each" or name ~= "key" and name ~= "value" then
    e.scope:refuse(node, "each is only known inside of for_each")
  end
  return e:steps(e.scope.each_as and e.scope.each_as[name] or name, steps, 2, node)
end

M.ROOTS["count"] = function(e, node)
  e:need_count(node)
  return e:index(-1)
end

M.ROOTS["module"] = function(e, node, _, steps)
  local name = steps[1] and steps[1].name
  local module = name and e.scope.modules[name]
  if not module then
    e.scope:refuse(node, ("the module '%s' was not converted"):format(tostring(name)))
  end
  local text, i, is_list = instance(e, "module." .. module.name, module.many, steps, 2)
  if is_list and module.many then
    e.scope:refuse(node, ("the list of an output of all of module '%s'"):format(name), "name the instances")
  elseif not steps[i] or steps[i].node ~= "attr" then
    e.scope:refuse(node, ("the whole of module '%s' as a value"):format(name), "refer to its outputs")
  end
  return e:steps(text, steps, i, node)
end

M.ROOTS["data"] = function(e, node, _, steps)
  local full = steps[2] and ("data.%s.%s"):format(tostring(steps[1].name), tostring(steps[2].name))
  local lookup = full and e.scope.lookups[full]
  if not lookup then
    e.scope:refuse(node, ("the look-up %s has no equal"):format(full or "data"),
      "pass what it finds as a variable, or look it up with data")
  end
  local i = 3
  if steps[i] and (steps[i].node == "index" or steps[i].node == "splat") and not lookup.spec.all then
    i = i + 1 -- of a look-up with count
  end
  local step = steps[i]
  if not step or step.node ~= "attr" then
    e.scope:refuse(node, ("the whole of %s as a value"):format(full), "refer to the values that are needed")
  end
  local to = lookup.spec.outputs[step.name]
  if not to then
    e.scope:refuse(node, ("%s has no '%s' in prov"):format(full, step.name))
  elseif lookup.spec.all then
    local list = ("[for found in data.%s => found.%s]"):format(lookup.name, to)
    return e:steps(list, steps, i + 1, node)
  end
  return e:steps(("data.%s.%s"):format(lookup.name, to), steps, i + 1, node)
end

M.ROOTS["path"] = function(e, node, _, steps)
  e.scope:refuse(node, ("path.%s outside of file() and templatefile()"):format(tostring(steps[1] and steps[1].name)),
    "paths are those of the workspace or module: leave it away")
end

M.ROOTS["terraform"] = function(e, node)
  e.scope:refuse(node, "terraform.workspace", "an environment (prov -e prod) with a variable of its own says the same")
end

M.ROOTS["self"] = function(e, node)
  e.scope:refuse(node, "self", "name the value of the resource")
end

-- The one attribute that a loop's body takes of its value; nil when it takes several, or the whole.
local function only_attribute(node, name, found)
  if type(node) ~= "table" then
    return true
  elseif node.node == "attr" and node.of and node.of.node == "var" and node.of.name == name then
    if found.name and found.name ~= node.name then
      return false
    end
    found.name = node.name
    return true
  elseif node.node == "var" and node.name == name then
    return false
  end
  for key, child in pairs(node) do
    if key ~= "at" and type(child) == "table" and not only_attribute(child, name, found) then
      return false
    end
  end
  return true
end

local function uses(node, name)
  if type(node) ~= "table" then
    return false
  elseif node.node == "var" and node.name == name then
    return true
  end
  for _, child in pairs(node) do
    if type(child) == "table" and uses(child, name) then
      return true
    end
  end
  return false
end

--- What a loop goes over. All instances of a resource cannot be gone over, but the list of one of their values can:
--- then the loop's value is that value.
---@return string text
---@return table<string, table>? bound when the names of the loop mean something else
function M.over(e, node)
  local over = node.over
  if over.node == "call" and over.name == "values" and #over.args == 1 then
    over = over.args[1]
  end
  local of = over.node == "splat" and #over.steps == 0 and over.of or over
  if of.node ~= "attr" or of.of.node ~= "var" then
    return e:at(node.over, 1)
  end
  local resource = e.scope.resources[of.of.name .. "." .. of.name]
  if not resource then
    return e:at(node.over, 1)
  end
  local found = {}
  local body = { node.item, node.test or false, node.name or false, node.body or false }
  if not only_attribute(body, node.value, found) or not found.name or not resource.many
    or node.key and uses(body, node.key) then
    e.scope:refuse(node, ("a loop over all of %s"):format(resource.address),
      ("go over a list of one value: [for x in %s.%s.ip => x]"):format(resource.kind, resource.name))
  end
  local own = node.value:gsub("[^%w_]", "_") .. "_" .. found.name
  local bound = { own = own, kind = "string", write = function(inner, steps, at)
    return inner:steps(own, steps, 2, at)
  end }
  local to = output_of(e, node, resource, found.name)
  return ("%s.%s.%s"):format(resource.kind, resource.name, to), {
    [node.value] = bound,
    [node.key or false] = node.key and { own = "of_" .. own, write = function() return "of_" .. own end } or nil,
  }
end

return M
