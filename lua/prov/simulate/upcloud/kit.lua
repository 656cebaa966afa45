--- What all resources of the simulated UpCloud have in common: errors, labels, times, waiting states.

local data = require("core.data")
local err = require("prov.err")
local ipam = require("prov.machine.ipam")

local M = {}

M.list = data.list

--- How long things take, in milliseconds of the world.
M.TIMES = {
  create = 12000, start = 5000, stop = 4000, hard_stop = 1000, restart = 8000, attach = 1000, clone = 6000,
  backup = 4000, resize = 3000, balancer = 20000, balancer_gone = 5000, import = 3000, objects = 15000,
  bucket_gone = 5000,
}

--- Refuses a request with an error code of the API.
---@param status integer
---@param code string
---@param fmt string
---@return nil, prov.Err
function M.refuse(status, code, fmt, ...)
  return nil, err.new("failed", fmt:format(...), { wire = { status = status, code = code } })
end

--- Refuses because there is no such thing.
---@param kind string "server", "storage", ...
---@param id any
---@return nil, prov.Err
function M.absent(kind, id)
  return M.refuse(404, kind:upper() .. "_NOT_FOUND", "The %s %s does not exist.", kind:gsub("_", " "), tostring(id))
end

--- Refuses a field of a body.
function M.invalid(kind, field, fmt, ...)
  return M.refuse(400, (kind .. "_" .. field):upper() .. "_INVALID", fmt, ...)
end

--- Refuses a field of a body as the newer services do.
---@param name string path of the field
---@param reason string
---@return nil, prov.Err
function M.invalid_param(name, reason)
  local _, e = M.refuse(400, "INVALID_REQUEST", "Validation error.")
  e.wire.params = { { name = name, reason = reason } }
  return nil, e
end

--- The object with the id of the path; a malformed UUID is another error than one that is unknown.
---@param call prov.simulate.Call
---@param kind string
---@param id? string
---@return prov.simulate.Object?, prov.Err?
function M.get(call, kind, id)
  id = id or call.params.id
  if not tostring(id):find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$") then
    return M.refuse(400, kind:upper() .. "_INVALID", "The %s UUID is invalid.", kind:gsub("_", " "))
  end
  local object = call.w:get(kind, id)
  if not object then
    return M.absent(kind, id)
  end
  return object
end

--- The body inside of its envelope: { server = { ... } }; an empty one when there is no body.
---@param call prov.simulate.Call
---@param name? string
---@return table?, prov.Err?
function M.body(call, name)
  local body = call.body
  if body ~= nil and name then
    body = type(body) == "table" and body[name] or nil
    if body == nil then
      return M.refuse(400, "BAD_REQUEST", "The request body has no %s.", name)
    end
  end
  if body ~= nil and data.kind(body) ~= "map" then
    return M.refuse(400, "BAD_REQUEST", "The request body is not an object.")
  end
  return body or {}
end

--- A text that must be there.
function M.text(kind, body, field, max)
  local v = body[field]
  if type(v) ~= "string" or v == "" then
    return M.refuse(400, (kind .. "_" .. field):upper() .. "_MISSING", "The %s attribute is missing.", field)
  elseif #v > (max or 255) then
    return M.invalid(kind, field, "The %s is too long.", field)
  end
  return v
end

--- A whole number, which the API takes as a text too.
function M.number(v)
  local number = math.tointeger(tonumber(v))
  return (type(v) == "string" or type(v) == "number") and number or nil
end

--- "yes" or "no" of a body.
function M.yes(v, default)
  if v == "yes" or v == true then
    return true
  elseif v == "no" or v == false then
    return false
  end
  return default
end

function M.yesno(v)
  return v and "yes" or "no"
end

--- What is in an envelope of many: a list, or one thing alone, which the API takes for a list of it.
---@param v any
---@param name string
---@return table? list nil when there is no such thing
function M.items(v, name)
  local list = type(v) == "table" and v[name]
  if type(list) ~= "table" then
    return nil
  end
  return data.kind(list) == "map" and next(list) ~= nil and { list } or list
end

--- Labels of a body, in either of the shapes the API takes, checked.
---@return table[]? labels, prov.Err?
function M.labels(given)
  if given == nil or given == data.null then
    return data.list({})
  end
  local list = data.kind(given) == "map" and M.items(given, "label") or given
  if data.kind(list) ~= "list" then
    return M.refuse(400, "LABELS_INVALID", "The labels are invalid.")
  end
  local out, seen = data.list({}), {}
  for i, one in ipairs(list) do
    local key = type(one) == "table" and one.key
    if type(key) ~= "string" or #key < 2 or #key > 32 or key:find("^_") or key:find("[^\32-\126]") then
      return M.refuse(400, "LABEL_KEY_INVALID", "The label key is invalid.")
    elseif seen[key] then
      return M.refuse(409, "LABEL_EXISTS", "The label %s is there already.", key)
    end
    local v = one.value
    if v ~= nil and v ~= data.null and (type(v) ~= "string" or #v > 255) then
      return M.refuse(400, "LABEL_VALUE_INVALID", "The value of the label %s is invalid.", key)
    end
    seen[key] = true
    out[i] = { key = key, value = type(v) == "string" and v or "" }
  end
  return out
end

--- Refuses what cannot be done to a server in its state, or to what hangs on it.
---@return nil, prov.Err
function M.illegal_state(server)
  return M.refuse(409, "SERVER_STATE_ILLEGAL", "The operation is not allowed while the server %s is in state '%s'.",
    server.id, server.state)
end

--- A copy of labels for an answer.
function M.shown_labels(labels)
  local out = data.list({})
  for i, one in ipairs(labels or {}) do
    out[i] = { key = one.key, value = one.value }
  end
  return out
end

--- True when an object has all labels that a query asks for: ?label=key or ?label=key=value, repeated.
function M.has_labels(call, labels)
  for _, wanted in ipairs(call.query.label or {}) do
    local key, value = wanted:match("^([^=]*)=?(.*)$")
    local exact, found = wanted:find("=", 1, true) ~= nil, false
    for _, one in ipairs(labels or {}) do
      found = found or one.key == key and (not exact or one.value == value)
    end
    if not found then
      return false
    end
  end
  return true
end

--- World milliseconds as the old services write times, and as the new ones do.
function M.time(ms)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", ms // 1000)
end

function M.fine_time(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%06dZ"):format(ms % 1000 * 1000)
end

--- A hardware address of UpCloud's range that nobody has.
function M.mac(w)
  local n = w.world:number("mac")
  return ("da:45:c4:%02x:%02x:%02x"):format(n >> 16 & 255, n >> 8 & 255, n & 255)
end

--- The part of a list that ?limit= and ?offset= ask for.
function M.page(call, list)
  local limit = M.number((call.query.limit or {})[1]) or 100
  local offset = M.number((call.query.offset or {})[1]) or 0
  return data.list(table.move(list, offset + 1, math.min(#list, offset + limit), 1, {}))
end

--- The reverse name the cloud gives an address by itself.
function M.ptr(address, zone)
  if address:find(":", 1, true) then
    return ("%s.v6.%s.upcloud.host"):format(address:match("[%x:]*$"):gsub(":+", "-"), zone)
  end
  return ("%s.%s.upcloud.host"):format(address:gsub("%.", "-"), zone)
end

--- A free address of a private network, or the wanted one.
function M.private_address(w, network, wanted)
  local taken = {}
  for _, server in ipairs(w:holders(network, "server")) do
    for _, one in ipairs(server.interfaces) do
      for _, ip in ipairs(one.network == network.id and one.ips or {}) do
        taken[ip.address] = server.id
      end
    end
  end
  local range, e = ipam.network(network.range.address, 8, 30)
  local ip
  if range then
    ip, e = ipam.allocate(range, taken, wanted)
  end
  if not ip then
    local code = e.code == "conflict" and "IP_ADDRESS_CONFLICT" or "IP_ADDRESS_INVALID"
    return M.refuse(e.code == "conflict" and 409 or 400, code, "%s", e.msg)
  end
  return ip
end

return M
