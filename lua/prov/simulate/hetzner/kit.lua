--- What all resources of the simulated Hetzner Cloud have in common: errors, bodies, labels, times.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")

local M = {}

M.null = data.null
M.list = data.list

--- Refuses a request in the words of the API.
---@param status integer
---@param code string of the API
---@param fmt string
---@return nil, prov.Err
function M.refuse(status, code, fmt, ...)
  return nil, err.new("failed", fmt:format(...), { wire = { status = status, code = code } })
end

--- Refuses a field of a body or query.
---@param field string
---@param message string
---@return nil, prov.Err
function M.invalid(field, message)
  return nil, err.new("invalid", ("invalid input in field '%s'"):format(field), {
    wire = {
      status = 422,
      code = "invalid_input",
      details = { fields = data.list({ { name = field, messages = data.list({ message }) } }) },
    },
  })
end

--- Refuses because there is no such thing.
---@param kind string
---@param id any
---@return nil, prov.Err
function M.absent(kind, id)
  return M.refuse(404, "not_found", "%s with ID '%s' not found", kind, tostring(id))
end

--- The fields of a JSON body that a schema knows, checked; others are left out, as there.
---@param call prov.simulate.Call
---@param schema table<string, prov.Field>
---@return table?, prov.Err?
function M.body(call, schema)
  local given = call.body
  if given == nil then
    given = {}
  elseif data.kind(given) ~= "map" then
    return M.refuse(400, "json_error", "the body is not a JSON object")
  end
  local known = {}
  for name in pairs(schema) do
    known[name] = given[name]
  end
  local body, errs = contract.compile(schema):complete(known)
  if body then
    return body
  end
  local fields = data.list({})
  for i, e in ipairs(errs) do
    fields[i] = { name = e.path or "", messages = data.list({ e.msg }) }
  end
  return nil, err.new("invalid", ("invalid input in field '%s'"):format(fields[1].name), {
    wire = { status = 422, code = "invalid_input", details = { fields = fields } },
  })
end

local function is_label_word(text)
  return #text <= 63 and (text:find("^%w[%w._-]*%w$") or text:find("^%w$")) ~= nil
end

local function is_label_key(key)
  local prefix, name = key:match("^(.*)/([^/]*)$")
  if prefix and not (#prefix <= 253 and prefix:find("^[%w.-]+$")) then
    return false
  end
  return is_label_word(name or key)
end

--- A check for contracts: what labels may be.
function M.check_labels(labels)
  for key, value in pairs(labels) do
    if not is_label_key(key) then
      return false, ("label key '%s' is not valid"):format(key)
    elseif value ~= "" and not is_label_word(value) then
      return false, ("value of label '%s' is not valid"):format(key)
    end
  end
  return true
end

--- Fields of bodies that many have.
M.LABELS = { type = "map", of = { type = "string" }, check = M.check_labels }
M.NAME = { type = "string", min = 1, max = 64, required = true }

--- A schema for PUT: nothing is required.
---@param more? table<string, prov.Field>
---@return table<string, prov.Field>
function M.update_schema(more)
  local out = { name = { type = "string", min = 1, max = 64 }, labels = M.LABELS }
  for name, field in pairs(more or {}) do
    out[name] = field
  end
  return out
end

--- World milliseconds as the API writes times.
---@param ms? integer
---@return any
function M.time(ms)
  return ms and os.date("!%Y-%m-%dT%H:%M:%S+00:00", ms // 1000) or data.null
end

--- nil as null.
function M.maybe(value)
  if value == nil then
    return data.null
  end
  return value
end

--- A copy of a list, or of what `fn` makes of its items, which stays a list when it is empty.
---@param items? table
---@param fn? fun(item: any): any
---@return table
function M.map(items, fn)
  local out = data.list({})
  for _, item in ipairs(items or {}) do
    out[#out + 1] = fn and fn(item) or not fn and item or nil
  end
  return out
end

--- Finds a thing by its number or its name, as bodies name locations, types and images.
---@param w prov.simulate.Cloud
---@param kind string
---@param id_or_name any
---@return prov.simulate.Object?
function M.named(w, kind, id_or_name)
  local id = math.tointeger(tonumber(id_or_name))
  local object = id and w:get(kind, id)
  if object then
    return object
  end
  for _, one in ipairs(w:list(kind)) do
    if one.name == tostring(id_or_name) then
      return one
    end
  end
end

--- Where a new thing is to be: with the server that a body names, else in its location.
---@param w prov.simulate.Cloud
---@param body table
---@param server_field string
---@param location_field string
---@return string? zone
---@return table|prov.Err|nil server the one it is to be at, if any
function M.place(w, body, server_field, location_field)
  local id, named = body[server_field], body[location_field]
  local server = id and w:get("server", id)
  local location = named and M.named(w, "location", named)
  if id and not server then
    return M.absent("server", id)
  elseif named and not location then
    return M.invalid(location_field, "is not a location")
  elseif not server and not location then
    return M.invalid(location_field, ("is required when no %s is given"):format(server_field))
  end
  return location and location.name or server.zone, server
end

--- Milliseconds that things take, in the time of the world.
M.TAKES = {
  create_server = 6000,
  start_server = 2500,
  stop_server = 1500,
  shutdown_server = 1000, -- and as long again until it is off
  reboot_server = 3000,
  delete_server = 1500,
  rebuild_server = 10000,
  change_server_type = 12000,
  create_image = 20000,
  create_volume = 2000,
  attach_volume = 1500,
  resize_volume = 1000,
  create_load_balancer = 3000,
  issue_certificate = 8000,
  other = 500,
}

return M
