--- Routes of a resource, from a declaration: list, show, create, change, delete, its actions and its protection.

local actions = require("prov.simulate.hetzner.actions")
local kit = require("prov.simulate.hetzner.kit")
local lists = require("prov.simulate.hetzner.lists")

local M = {}

--- What a resource is.
---@class prov.simulate.hetzner.Resource
---@field kind string of its objects, and its name in bodies
---@field plural string in paths and lists
---@field view fun(w: prov.simulate.Cloud, object: table): table
---@field filters? table<string, fun(object: table): any>
---@field create? fun(call: prov.simulate.Call): integer?, any
---@field update? table<string, prov.Field> the body of PUT
---@field delete? fun(call: prov.simulate.Call, object: table): integer?, any after checks of lock and protection
---@field can_delete? fun(call: prov.simulate.Call, object: table): true?, prov.Err? before the resource goes with 204
---@field protection? string[] what change_protection may protect from
---@field actions? table<string, fun(call: prov.simulate.Call, object: table): any, any> each gives an action, or
--- a whole answer

--- Refuses when the object is protected from something.
---@param object table
---@param what string
---@return true?, prov.Err?
function M.unprotected(object, what)
  if object.protected and object.protected[what] then
    return kit.refuse(422, "protected", "%s with ID '%d' is protected", object.kind, object.id)
  end
  return true
end

--- The object that the path names.
---@param call prov.simulate.Call
---@param kind string
---@return table?, prov.Err?
function M.of_path(call, kind)
  local id = math.tointeger(tonumber(call.params.id))
  local object = id and call.w:get(kind, id)
  if not object then
    return kit.absent(kind, call.params.id)
  end
  return object
end

local function with_object(kind, fn)
  return function(call)
    local object, e = M.of_path(call, kind)
    if not object then
      return nil, e
    end
    return fn(call, object)
  end
end

--- The answer to an action: 201 with the action, or what the function made itself.
local function acted(call, value, e)
  if value == nil then
    return nil, e
  elseif value.kind == "action" then
    return 201, { action = actions.view(call.w, value) }
  end
  return 201, value
end

local function change_protection(kinds)
  local schema = {}
  for _, name in ipairs(kinds) do
    schema[name] = { type = "bool" }
  end
  return function(call, object)
    local body, e = kit.body(call, schema)
    if not body then
      return nil, e
    end
    local protected = {}
    for _, name in ipairs(kinds) do
      protected[name] = object.protected and object.protected[name] or false
      if body[name] ~= nil then
        protected[name] = body[name]
      end
    end
    call.w:change(object, { protected = protected })
    return actions.begin(call, "change_protection", { on = { object }, ms = 0 })
  end
end

--- What `protection` of an object shows.
---@param object table
---@param kinds string[]
---@return table
function M.protection(object, kinds)
  local out = {}
  for _, name in ipairs(kinds) do
    out[name] = object.protected ~= nil and object.protected[name] == true
  end
  return out
end

local function update(spec)
  return with_object(spec.kind, function(call, object)
    local body, e = kit.body(call, spec.update)
    if not body then
      return nil, e
    end
    local ok
    ok, e = call.w:change(object, body)
    if not ok then
      return nil, e
    end
    return 200, { [spec.kind] = spec.view(call.w, object) }
  end)
end

local function delete(spec)
  return with_object(spec.kind, function(call, object)
    local ok, e = M.unprotected(object, "delete")
    if ok then
      ok, e = actions.unlocked(call.w, object)
    end
    if not ok then
      return nil, e
    elseif spec.delete then
      return spec.delete(call, object)
    elseif spec.can_delete then
      ok, e = spec.can_delete(call, object)
      if not ok then
        return nil, e
      end
    end
    call.w:remove(object)
    return 204
  end)
end

local function works_on(action, kind, id)
  for _, resource in ipairs(action.resources) do
    if resource.type == kind and (id == nil or resource.id == id) then
      return true
    end
  end
  return false
end

local ACTION_FILTERS = {
  id = function(action)
    return action.id
  end,
  status = function(action)
    return action.state
  end,
}

local ACTION_SORTS = {
  id = ACTION_FILTERS.id,
  command = function(action)
    return action.command
  end,
  status = ACTION_FILTERS.status,
  progress = ACTION_FILTERS.status,
  started = function(action)
    return action.created
  end,
  finished = function(action)
    return action.ends
  end,
}

--- Answers with actions.
---@param call prov.simulate.Call
---@param kind? string only of resources of this kind
---@param id? integer only of this one
---@return integer?, any
function M.list_actions(call, kind, id)
  local found = {}
  local wanted = call.query.id
  if wanted then -- the usual question, without a look at all there ever were
    for _, text in ipairs(wanted) do
      local action = math.tointeger(tonumber(text)) and call.w:get("action", text)
      found[#found + 1] = action and (not kind or works_on(action, kind, id)) and action or nil
    end
  else
    for _, action in ipairs(call.w:list("action")) do
      if not kind or works_on(action, kind, id) then
        found[#found + 1] = action
      end
    end
  end
  return lists.answer(call, "actions", found, function(action)
    return actions.view(call.w, action)
  end, { filters = ACTION_FILTERS, sorts = ACTION_SORTS })
end

--- Answers with one action.
---@param call prov.simulate.Call
---@param kind? string
---@param id? integer
---@return integer?, any
function M.get_action(call, kind, id)
  local wanted = call.params.action_id or call.params.id
  local action = call.w:get("action", wanted)
  if not action or kind and not works_on(action, kind, id) then
    return kit.absent("action", wanted)
  end
  return 200, { action = actions.view(call.w, action) }
end

local function add_actions(add, spec, one)
  add("GET", "/" .. spec.plural .. "/actions", "actions", function(call)
    return M.list_actions(call, spec.kind)
  end)
  add("GET", "/" .. spec.plural .. "/actions/{id}", "action", function(call)
    return M.get_action(call, spec.kind)
  end)
  add("GET", one .. "/actions", "actions_of", with_object(spec.kind, function(call, object)
    return M.list_actions(call, spec.kind, object.id)
  end))
  add("GET", one .. "/actions/{action_id}", "action_of", with_object(spec.kind, function(call, object)
    return M.get_action(call, spec.kind, object.id)
  end))
  for name, fn in pairs(spec.actions) do
    add("POST", one .. "/actions/" .. name, name, with_object(spec.kind, function(call, object)
      return acted(call, fn(call, object))
    end))
  end
end

--- The routes of a resource.
---@param spec prov.simulate.hetzner.Resource
---@return { method: string, path: string, operation: string, run: function }[]
function M.routes(spec)
  local out = {}
  local base, one = "/" .. spec.plural, "/" .. spec.plural .. "/{id}"
  local function add(method, path, name, run)
    out[#out + 1] = { method = method, path = "/v1" .. path, operation = spec.kind .. "." .. name, run = run }
  end
  add("GET", base, "list", function(call)
    return lists.answer(call, spec.plural, call.w:list(spec.kind), function(object)
      return spec.view(call.w, object)
    end, { filters = spec.filters })
  end)
  add("GET", one, "get", with_object(spec.kind, function(call, object)
    return 200, { [spec.kind] = spec.view(call.w, object) }
  end))
  if spec.create then
    add("POST", base, "create", spec.create)
  end
  if spec.update then
    add("PUT", one, "update", update(spec))
    add("DELETE", one, "delete", delete(spec))
  end
  if spec.protection then
    spec.actions = spec.actions or {}
    spec.actions.change_protection = change_protection(spec.protection)
  end
  if spec.actions then
    add_actions(add, spec, one)
  end
  return out
end

return M
