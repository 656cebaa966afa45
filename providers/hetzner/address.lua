--- Public addresses that outlive servers: floating ones, which may move while servers run, and primary ones, which are
--- a server's own and move only while it is off. Ids say which: "floating-17", "primary-17".

local api = require("api")
local common = require("common")
local power = require("power")

local FORMS = {
  floating = { path = "/floating_ips", list = "floating_ips", field = "floating_ip" },
  primary = {
    path = "/primary_ips", list = "primary_ips", field = "primary_ip",
    not_ours = function(object) -- one that a server or load balancer was made with
      return object.assignee_id ~= nil and (object.auto_delete or object.assignee_type == "load_balancer")
    end,
  },
}

local M = {}

--- The number of the server it is assigned to, or nil.
local function server_of(kind, object)
  if kind == "floating" then
    return object.server
  end
  return object.assignee_type ~= "load_balancer" and object.assignee_id or nil
end

--- The address; of an IPv6 network the first one.
local function first_ip(object)
  return object.type == "ipv6" and object.ip:gsub("/%d+$", ""):gsub("::$", "::1") or object.ip
end

local function state(_, kind, object, recorded)
  local reverse = object.dns_ptr and object.dns_ptr[1]
  local server = common.asked(recorded, "server") and server_of(kind, object) or nil
  return {
    id = ("%s-%s"):format(kind, tostring(object.id)),
    name = object.name,
    type = kind,
    family = object.type,
    zone = common.zone(object),
    server = server and tostring(server) or nil,
    auto_delete = object.auto_delete,
    comment = object.description ~= "" and object.description or nil,
    ptr = common.given_name(reverse and reverse.dns_ptr),
    labels = api.own_labels(object.labels),
    protected = object.protection and object.protection.delete or false,
    ip = first_ip(object),
  }
end

local bodies = {}
for kind, form in pairs(FORMS) do
  bodies[kind] = common.body({
    path = form.path, list = form.list, field = form.field, what = kind .. " address", not_ours = form.not_ours,
    state = function(ctx, object, recorded)
      return state(ctx, kind, object, recorded)
    end,
  })
end

--- The body of a form, its name, and the number of an id.
local function of(ctx, id)
  local kind, number = id:match("^(%a+)%-(%d+)$")
  local body = bodies[kind]
  if not body then
    error(ctx.error("invalid", ("'%s' is no id of an address: it is such as floating-17 or primary-17"):format(id)))
  end
  return body, kind, number
end

function M.read(ctx, id)
  local body, _, number = of(ctx, id)
  return body.read(ctx, number)
end

function M.find(ctx, key)
  for _, kind in ipairs({ "floating", "primary" }) do
    local found, e = bodies[kind].find(ctx, key)
    if found or e then
      return found, e
    end
  end
end

--- Which forms are asked for: every server has primary addresses of its own, of which an infra knows nothing.
local function asked_for(ctx)
  local asked = {}
  for _, id in ipairs(ctx.recorded_ids or { "floating-0", "primary-0" }) do
    local _, kind = of(ctx, id)
    asked[kind] = true
  end
  return asked
end

function M.list(ctx)
  local out, asked = ctx.json.list({}), asked_for(ctx)
  for _, kind in ipairs({ "floating", "primary" }) do
    local found, e = {}, nil
    if asked[kind] then
      found, e = bodies[kind].list(ctx)
    end
    if not found then
      return nil, e
    end
    table.move(found, 1, #found, #out + 1, out)
  end
  return out
end

--- The address that its reverse name stands for.
local function change_ptr(ctx, body, id, want, object)
  local is = object.dns_ptr and object.dns_ptr[1] and object.dns_ptr[1].dns_ptr
  if want.ptr == is or want.ptr == nil and (ctx.applied or {}).ptr == nil then
    return true
  end
  return body.act(ctx, id, "change_dns_ptr", { ip = first_ip(object), dns_ptr = want.ptr or ctx.json.null })
end

--- Refuses to give a server a second address of a family, before it is stopped for that.
local function has_room(ctx, number, want)
  local server, e = api.get(ctx, ("/servers/%d"):format(number), "server")
  if not server then
    return nil, e or ctx.error("notfound", ("there is no server %d"):format(number))
  elseif not (server.public_net and server.public_net[want.family]) then
    return true
  end
  local is_4 = want.family == "ipv4"
  return nil, ctx.error("conflict", ("server %d ('%s') has an %s address already"):format(number, server.name,
    is_4 and "IPv4" or "IPv6"), {
    hint = is_4 and "let the server name this one as its 'address', or set 'public: false' there"
      or "set 'ipv6: false' there",
  })
end

local function assign(ctx, kind, body, id, want)
  local number = api.number(ctx, want.server, "server")
  if kind == "floating" then
    return body.act(ctx, id, "assign", { server = number })
  end
  local free, e = has_room(ctx, number, want)
  if not free then
    return nil, e
  end
  return power.while_off(ctx, number, function()
    return body.act(ctx, id, "assign", { assignee_id = number, assignee_type = "server" })
  end)
end

local function unassign(ctx, kind, body, id, server)
  if kind == "floating" then
    return body.act(ctx, id, "unassign")
  end
  return power.while_off(ctx, server, function()
    return body.act(ctx, id, "unassign")
  end)
end

local function change_server(ctx, kind, body, id, want, object)
  local is = server_of(kind, object)
  if want.server == (is and tostring(is)) or want.server == nil and (ctx.applied or {}).server == nil then
    return true
  elseif is then
    local ok, e = unassign(ctx, kind, body, id, is)
    if not ok then
      return nil, e
    end
  end
  return api.unless(not want.server, assign, ctx, kind, body, id, want)
end

local function finish(ctx, kind, id, want, object)
  local body = bodies[kind]
  return api.steps(function()
    return change_server(ctx, kind, body, id, want, object)
  end, function()
    return change_ptr(ctx, body, id, want, object)
  end, function()
    return body.protect(ctx, id, want, object)
  end)
end

--- The same ctx, whose adopt says which form it is.
local function telling(ctx, kind)
  return setmetatable({
    adopt = function(number)
      ctx.adopt(("%s-%s"):format(kind, number))
    end,
  }, { __index = ctx })
end

function M.create(ctx, want)
  local kind = want.type
  local body = bodies[kind]
  local fields = { type = want.family }
  if kind == "primary" then
    fields.assignee_type, fields.auto_delete = "server", want.auto_delete or false
    fields.location = want.zone or ctx.config.zone
  else
    fields.description = want.comment
    fields.server = want.server and api.number(ctx, want.server, "server")
    fields.home_location = not want.server and (want.zone or ctx.config.zone) or nil
  end
  local id, object = body.make(telling(ctx, kind), want, fields)
  if not id then
    return nil, object
  end
  local ok, e = body.finish(ctx, id, function(seen)
    return finish(ctx, kind, id, want, seen)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

function M.update(ctx, id, want)
  local body, kind, number = of(ctx, id)
  local object, e = body.present(ctx, number)
  if not object then
    return nil, e
  end
  local ok
  ok, e = api.steps(function()
    return body.rename(ctx, number, want, object)
  end, function()
    local fields = {}
    if kind == "floating" and (want.comment or "") ~= (object.description or "") then
      fields.description = want.comment or ""
    elseif kind == "primary" and (want.auto_delete or false) ~= object.auto_delete then
      fields.auto_delete = want.auto_delete or false
    end
    return api.unless(next(fields) == nil, api.put, ctx, body.path(ctx, number), fields)
  end, function()
    return finish(ctx, kind, number, want, object)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, number, want)
end

function M.delete(ctx, id)
  local body, kind, number = of(ctx, id)
  local object, e = body.object(ctx, number)
  if not object then
    return e == nil or nil, e
  end
  local ok
  ok, e = common.unprotected(ctx, kind .. " address", object)
  if not ok then
    return nil, e
  end
  local server = server_of(kind, object)
  if server then -- one that is assigned cannot be deleted
    ok, e = unassign(ctx, kind, body, number, server)
    if not ok and e.code ~= "notfound" then
      return nil, e
    end
  end
  return body.delete(ctx, number)
end

return M
