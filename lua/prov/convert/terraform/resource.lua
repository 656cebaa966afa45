--- A resource of Terraform as one of prov's.

local changes = require("prov.convert.terraform.changes")
local expr = require("prov.convert.terraform.expr")
local tree = require("prov.convert.tree")
local value = require("prov.value")

local M = {}

local META = { count = true, for_each = true, depends_on = true, provider = true, lifecycle = true, provisioner = true,
  connection = true, timeouts = true }

--- What stood in the file, as lines of a comment.
local function original(item, file, name)
  local text = item and item.stop and file.text:sub(item.at, item.stop):gsub("%s+$", "")
  if not text or text == "" or file.file:match("%.json$") then
    return name
  end
  local _, column = file.place(item.at)
  return (text:gsub("\n" .. ("[ \t]?"):rep(math.min(column - 1, 40)), "\n"))
end
M.original = original

--- Leaves something out of a map: a comment with what stood there, and a note.
---@param e prov.convert.Expr
---@param into prov.convert.Map
---@param item table
---@param why { at: integer?, what: string, todo: string? }
function M.leave_out(e, into, item, why)
  into:comment(nil, original(item, e.scope.file, item.name or item.type))
  e.scope:note({ at = why.at or item.at }, why.what, why.todo)
end

local function describe(item)
  return item.node == "block" and ("the block '%s'"):format(item.type == "dynamic" and item.labels[1] or item.type)
    or ("'%s'"):format(item.name)
end

local function has_expression(v)
  if type(v) == "string" then
    return v:find("${", 1, true) ~= nil
  elseif tree.is_map(v) then
    for _, key in ipairs(v.keys) do
      if has_expression(v.values[key]) then
        return true
      end
    end
  elseif tree.is_list(v) then
    for _, item in ipairs(v) do
      if has_expression(item) then
        return true
      end
    end
  end
  return false
end

--- Why a value is none for the provider, or nil: its contract, and the names in its catalog.
local function not_accepted(resource, field, v, target)
  local schema = resource.schema
  if not schema then
    return nil
  elseif not schema.schema[field] then
    return ("the provider %s has no field '%s' of a %s"):format(resource.provider, field, resource.kind),
      ("prov provider show %s"):format(resource.provider)
  elseif has_expression(v) then
    return nil
  end
  local plain = tree.plain(v)
  local catalog = target.catalog(resource.provider)
  local names = ({ plan = catalog.plans, zone = catalog.zones, image = catalog.images })[field]
  if names and type(plain) == "string" then
    for _, one in ipairs(names) do
      if one.name == plain then
        return nil
      end
    end
    return ("the provider %s has no %s '%s'"):format(resource.provider, field, plain),
      "choose one of its catalog: prov provider show " .. resource.provider
  end
  local contract = require("prov.contract")
  local _, problems = contract.compile({ [field] = schema.schema[field] }).run({ [field] = plain })
  if problems and problems[1] then
    return ("'%s' of a %s: %s"):format(field, resource.kind, problems[1].msg), problems[1].hint
  end
end

--- Puts a value into a resource, or a comment when the provider has no such field.
local function put(e, resource, entry, to, node, item, target)
  local v, why = e.scope:try(e.value, e, node)
  if v == nil then
    M.leave_out(e, entry, item, { at = why.at, what = describe(item) .. ": " .. why.what, todo = why.todo })
    return
  elseif v == value.null or tree.is_map(v) and v:is_empty() then -- the same as nothing
    return
  elseif to == "name" and v == resource.name and resource.schema and not resource.schema.schema.name then
    return -- resources are named by their key
  end
  local wrong, todo = not_accepted(resource, to, v, target)
  if wrong then
    M.leave_out(e, entry, item, { at = item.at, what = wrong, todo = todo })
    return
  end
  entry:set(to, v)
end

local function put_field(e, resource, entry, field, item, target)
  local node = field.value
  if field.to == "labels" then
    local name
    name, node = changes.take_name(node)
    if name and not entry:get("name") then
      put(e, resource, entry, "name", name, item, target)
    end
  end
  put(e, resource, entry, field.to, node, item, target)
end

--- The address in prov of `hcloud_server.web`, `module.x` and the like; nil when it has none.
function M.address(e, node)
  local root, steps = expr.chain(node)
  if root.node == "lit" and type(root.value) == "string" then -- as it was written long ago
    local type_name, name = root.value:match("^([%w_]+)%.([%w_-]+)$")
    root, steps = { node = "var", name = type_name }, { { node = "attr", name = name } }
  end
  local first = steps[1]
  if root.node ~= "var" or not root.name or not first or first.node ~= "attr" or not first.name then
    return nil
  end
  local base
  if root.name == "module" then
    base = e.scope.modules[first.name] and "module." .. first.name
  else
    local resource = e.scope.resources[root.name .. "." .. first.name]
    base = resource and resource.kind .. "." .. resource.name
  end
  local key = base and steps[2]
  if key and key.node == "index" and key.key.node == "lit" then
    local k = key.key.value
    return base .. (type(k) == "number" and ("[%d]"):format(k + 1) or ('["%s"]'):format(k)), steps, 3
  end
  return base, steps, 2
end

local function add_needs(e, entry, item)
  local needs = tree.list()
  for _, one in ipairs(item.value.node == "tuple" and item.value.items or { item.value }) do
    local address = M.address(e, one)
    local root, steps = expr.chain(one)
    local full = root.name and steps[1] and root.name .. "." .. tostring(steps[1].name)
    if address then
      needs[#needs + 1] = address
    elseif not (full and (root.name == "data" or e.scope.parts[full])) then -- a part comes with what it is a part of
      e.scope:note(one, ("depends_on: %s has no equal"):format(full or "this"))
    end
  end
  if #needs > 0 then
    entry:set("needs", needs)
  end
end
M.add_needs = add_needs

local function field_name(resource, name)
  local field = resource.spec.fields[name]
  return type(field) == "string" and field or type(field) == "table" and field.to or nil
end

local LIFECYCLE = {}

function LIFECYCLE.ignore_changes(e, resource, out, item)
  local names = tree.list()
  if item.value.node == "var" or item.value.node == "lit" then
    names[1] = "all"
  end
  for _, one in ipairs(item.value.items or {}) do
    local root, steps = expr.chain(one)
    local name = root.name or root.value
    local to = field_name(resource, name)
    local block = resource.spec.blocks and resource.spec.blocks[name]
    to = to or block and (block.read == "rules" and "rules" or block.to)
    local step = steps[1]
    local key = step and (step.node == "attr" and step.name or step.node == "index" and step.key.node == "lit"
      and step.key.value)
    if not to or #steps > 1 or step and (to ~= "labels" or type(key) ~= "string") then
      e.scope:note(one, ("ignore_changes of '%s' has no equal"):format(tostring(name)))
    elseif not (resource.schema and not resource.schema.schema[to]) then
      names[#names + 1] = key and ('%s["%s"]'):format(to, key) or to
    end
  end
  if #names > 0 then
    out:set("ignore_changes", names)
  end
end

function LIFECYCLE.replace_triggered_by(e, _, out, item)
  local list = tree.list()
  for _, one in ipairs(item.value.items or {}) do
    local address, steps, i = M.address(e, one)
    local resource = address and steps and e.scope.resources[expr.chain(one).name .. "." .. steps[1].name]
    local last = steps and steps[i]
    local to = last and resource and field_name(resource, last.name)
    if address and (not last or to or last.name == "id") then
      list[#list + 1] = to and address .. "." .. to or address
    else
      e.scope:note(one, "replace_triggered_by: this has no equal")
    end
  end
  if #list > 0 then
    out:set("replace_triggered_by", list)
  end
end

local function flag(e, resource, out, item)
  local v = item.value.node == "lit" and item.value.value
  if type(v) ~= "boolean" then
    e.scope:note(item, ("lifecycle.%s of %s is not true or false"):format(item.name, resource.address))
  elseif v then
    out:set(item.name, v)
  end
end
LIFECYCLE.prevent_destroy, LIFECYCLE.create_before_destroy = flag, flag

--- A precondition or postcondition, or an assert of a check.
function M.condition(e, block)
  local that = changes.attribute(block.body, "condition")
  local message = changes.attribute(block.body, "error_message")
  if not that then
    return nil
  end
  local text, why = e.scope:try(e.text, e, that)
  if not text then
    e.scope:note({ at = why.at or block.at }, ("%s: %s"):format(block.type, why.what), why.todo)
    return nil
  end
  local out = tree.map()
  out:set("that", "${" .. text .. "}")
  out:set("message", message and e.scope:try(e.value, e, message) or "a condition does not hold")
  return out
end

local function add_lifecycle(e, resource, entry, block)
  local out = tree.map()
  for _, item in ipairs(block.body) do
    local write = LIFECYCLE[item.name]
    if item.node == "attribute" and write then
      write(e, resource, out, item)
    elseif item.node == "block" and (item.type == "precondition" or item.type == "postcondition") then
      local condition = M.condition(e, item)
      if condition then
        local key = item.type .. "s"
        local list = out:get(key) or out:set(key, tree.list())
        list[#list + 1] = condition
      end
    else
      e.scope:note(item, ("lifecycle.%s has no equal"):format(item.name or item.type))
    end
  end
  if not out:is_empty() then
    entry:set("lifecycle", out)
  end
end

--- count or for_each of a block, first of its fields.
---@return string? many what it is
function M.add_many(e, entry, body)
  for _, name in ipairs({ "count", "for_each" }) do
    local node = changes.attribute(body, name)
    if node then
      if node.node == "cond" and node.yes.value == 1 and node.no.value == 0 then
        node = node.test -- true and false are one and none
      end
      entry:set(name, e:value(node))
      return name
    end
  end
end

local function add_meta(e, resource, entry, item, target)
  if item.name == "depends_on" then
    add_needs(e, entry, item)
  elseif item.name == "provider" and not target.override then
    local root, steps = expr.chain(item.value)
    local instance = steps[1] and e.scope.instances[root.name .. "." .. tostring(steps[1].name)]
    if instance then
      entry:set("provider", instance)
    elseif steps[1] then
      e.scope:note(item, ("there is no provider '%s.%s' here"):format(root.name, tostring(steps[1].name)),
        "a module has the provider of its use")
    end
  elseif item.type == "lifecycle" then
    add_lifecycle(e, resource, entry, item)
  elseif item.type == "provisioner" then
    M.leave_out(e, entry, item, { what = ("the provisioner '%s' of %s"):format(tostring(item.labels[1]),
      resource.address), todo = "write a taskserv: prov extension new" })
  elseif item.type == "timeouts" then
    e.scope:note(item, ("timeouts of %s"):format(resource.address), "prov knows how long each kind takes")
  end
end

--- Adds to a list that several blocks and resources fill; M.write_lists writes it when all have done so.
function M.add_to_list(resource, to, node, item, file)
  resource.lists = resource.lists or {}
  local list = resource.lists[to]
  if not list then
    list = { to = to, item = item, file = file }
    resource.lists[to], resource.lists[#resource.lists + 1] = list, list
  end
  list[#list + 1] = node
end

--- Writes the lists of a resource.
function M.write_lists(e, resource, target)
  for _, list in ipairs(resource.lists or {}) do
    local items, whole = {}, {}
    for _, node in ipairs(list) do
      if node.node == "tuple" then
        table.move(node.items, 1, #node.items, #items + 1, items)
      else
        whole[#whole + 1] = node
      end
    end
    local node = { node = "tuple", items = items, at = list[1].at }
    if whole[1] then
      if #items > 0 then
        table.insert(whole, 1, node)
      end
      node = #whole == 1 and whole[1] or { node = "call", name = "concat", args = whole, at = list[1].at }
    end
    put(e, resource, resource.entry, list.to, node, list.item, target)
  end
end

--- Adds a resource of Terraform that is a part of another of prov's: an attachment, a rule, a route.
---@return string? what says why it is none
---@return string? todo
function M.write_part(e, part, block, target)
  local into = part.spec.into
  local ref = changes.attribute(block.body, into.of)
  local root, steps = expr.chain(ref or block)
  local resource = root.node == "var" and steps[1] and e.scope.resources[root.name .. "." .. tostring(steps[1].name)]
  if not resource or not resource.entry then
    return ("%s: '%s' does not say which resource here it belongs to"):format(part.address, into.of),
      "write it into that resource by hand"
  end
  local one_of_many = resource.many and not (steps[2] and steps[2].node == "index" and part.many == resource.many)
  if one_of_many or part.many and not resource.many and not into.add then
    return ("%s belongs to some instances of %s only"):format(part.address, resource.address),
      "write it into the fields of that resource with if"
  end
  local left = {}
  e.scope.many = resource.many
  local spec = { fields = into.fields or into.set or {}, blocks = into.blocks, ignored = into.ignored }
  spec.fields = setmetatable({ [into.of] = "into_of" }, { __index = spec.fields })
  local body = { at = block.body.at }
  for _, item in ipairs(block.body) do
    local is_direction = item.name ~= nil and item.name == into.direction_field
    if item.name ~= into.of and not META[item.name or item.type] and not is_direction then
      body[#body + 1] = item
    end
  end
  if into.add then
    local node
    if into.one then
      node = changes.attribute(body, into.one)
    elseif into.read == "rules" then
      local fields = changes.fields(e, body, spec, left)
      fields.direction = into.direction_field and changes.attribute(block.body, into.direction_field)
      node = changes.rule(fields, block.at, into.direction)
    else
      node = changes.object(e, body, spec, left, block.at)
    end
    if part.many and not resource.many then
      node = { node = "many", kind = part.many, over = changes.attribute(block.body, part.many), item = node,
        at = block.at }
    else
      node = { node = "tuple", items = { node }, at = block.at }
    end
    M.add_to_list(resource, into.add, node, block)
  else
    for _, field in ipairs(changes.fields(e, body, spec, left)) do
      if resource.entry:get(field.to) ~= nil then
        e.scope:note(block, ("%s: %s has a '%s' already"):format(part.address, resource.address, field.to))
      else
        put(e, resource, resource.entry, field.to, field.value, block, target)
      end
    end
  end
  for _, item in ipairs(left) do
    M.leave_out(e, resource.entry, item, { what = ("%s of %s has no equal"):format(describe(item), part.address) })
  end
end

--- Writes a resource into the tree.
---@param e prov.convert.Expr
---@param resource table of the scope
---@param entry prov.convert.Map
---@param block table
---@param target table
function M.write(e, resource, entry, block, target)
  local spec, left = resource.spec, {}
  local seen = {}
  for name, v in pairs(spec.fixed or {}) do
    if not not_accepted(resource, name, v, target) then
      entry:set(name, v)
    end
  end
  for _, item in ipairs(block.body) do
    local name = item.name or item.type == "dynamic" and item.labels[1] or item.type
    if META[name] then
      add_meta(e, resource, entry, item, target)
    elseif spec.blocks and spec.blocks[name] then
      local blocks = not seen[name] and changes.blocks(block.body, name)
      local fields, why = nil, nil
      if blocks and blocks[1] then
        fields, why = e.scope:try(changes.block_fields, e, name, blocks, spec.blocks[name], left)
      end
      for _, field in ipairs(fields or {}) do
        if spec.blocks[name].read == "rules" then
          M.add_to_list(resource, field.to, field.value, item)
        else
          put_field(e, resource, entry, field, item, target)
        end
      end
      if why or blocks == nil then
        M.leave_out(e, entry, item, { at = why and why.at, what = describe(item) .. ": "
          .. (why and why.what or "it is not written as a block"), todo = why and why.todo })
      end
      seen[name] = true
    else
      local fields = changes.fields(e, { item }, spec, left)
      if fields[1] then
        put_field(e, resource, entry, fields[1], item, target)
      end
    end
  end
  for _, item in ipairs(left) do
    M.leave_out(e, entry, item, { what = ("%s of %s has no equal"):format(describe(item), resource.address) })
  end
end

return M
