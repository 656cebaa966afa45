--- Actions: what takes time at Hetzner, and locks what it works on meanwhile.

local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")

local M = {}

--- True while an action works on the object.
---@param w prov.simulate.Cloud
---@param object prov.simulate.Object
---@return boolean
function M.is_locked(w, object)
  return object.locked_until ~= nil and w.world:now() < object.locked_until
end

-- What is told to try again because it was changed meanwhile, where others are locked.
local CHANGED = { network = "network", load_balancer = "load balancer" }

--- Refuses when an action works on the object.
---@param w prov.simulate.Cloud
---@param object prov.simulate.Object
---@return true?, prov.Err?
function M.unlocked(w, object)
  if not M.is_locked(w, object) then
    return true
  elseif CHANGED[object.kind] then
    return kit.refuse(409, "conflict", "%s has changed during request", CHANGED[object.kind])
  end
  return kit.refuse(423, "locked", "%s with ID '%d' is locked", object.kind, object.id)
end

---@class prov.simulate.hetzner.Begin
---@field on prov.simulate.Object[] the resources it names
---@field lock? prov.simulate.Object[] what is locked until its end
---@field ms? integer how long it takes
---@field done? { [1]: prov.simulate.Object, [2]: table|"gone" }[] what is changed at its end
---@field failed? { [1]: prov.simulate.Object, [2]: table|"gone" }[] the same when it fails

--- Begins an action; nothing that it locks may be locked already (`unlocked`).
---@param call prov.simulate.Call
---@param command string
---@param how prov.simulate.hetzner.Begin
---@return prov.simulate.Object action
function M.begin(call, command, how)
  local w = call.w
  local ms = how.ms or kit.TAKES[command] or kit.TAKES.other
  local resources = data.list({})
  for i, object in ipairs(how.on) do
    resources[i] = { id = object.id, type = object.kind }
  end
  local action = assert(w:add("action", { command = command, state = "running", resources = resources }))
  local fails = call.fails
  for _, pair in ipairs(fails and how.failed or not fails and how.done or {}) do
    w:later(pair[1], ms, pair[2])
  end
  if fails then
    action.ends = w:later(action, ms, {
      state = "error",
      error = { code = fails.code or "action_failed", message = fails.message or "Action failed" },
    })
  else
    action.ends = w:later(action, ms, { state = "success" })
  end
  for _, object in ipairs(how.lock or {}) do
    w:change(object, { locked_until = math.max(object.locked_until or 0, action.ends) })
  end
  return action
end

--- An action as the API shows it.
---@param w prov.simulate.Cloud
---@param action prov.simulate.Object
---@return table
function M.view(w, action)
  local progress, finished = 100, action.ends
  if action.state == "running" then
    local now = w.world:now()
    progress = math.min(99, math.max(0, (now - action.created) * 100 // math.max(1, action.ends - action.created)))
    finished = nil
  end
  return {
    id = action.id,
    command = action.command,
    status = action.state,
    progress = progress,
    started = kit.time(action.created),
    finished = kit.time(finished),
    resources = kit.map(action.resources),
    error = kit.maybe(action.error),
  }
end

--- Views of several.
---@param w prov.simulate.Cloud
---@param list prov.simulate.Object[]
---@return table
function M.views(w, list)
  return kit.map(list, function(action)
    return M.view(w, action)
  end)
end

return M
