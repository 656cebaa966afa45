--- Tags, server groups and API tokens of the simulated UpCloud.

local data = require("core.data")
local kit = require("prov.simulate.upcloud.kit")
local servers = require("prov.simulate.upcloud.servers")

local M = {}

local NONE = require("prov.simulate.world").NONE

-- ---- Tags ----

local function tagged(w, name)
  local out = data.list({})
  for _, server in ipairs(w:list("server")) do
    for _, tag in ipairs(server.tags) do
      out[#out + 1] = tag == name and server.id or nil
    end
  end
  return out
end

local function tag_view(w, tag)
  return { description = tag.description, name = tag.name, servers = { server = tagged(w, tag.name) } }
end

local function the_tag(call)
  local tag = call.w:find("tag", call.params.name)
  if not tag then
    return kit.refuse(404, "TAG_NOT_FOUND", "The tag %s does not exist.", call.params.name)
  end
  return tag
end

local function set_tagged(w, name, uuids)
  local wanted = {}
  for _, uuid in ipairs(uuids) do
    local server = w:get("server", uuid)
    if not server then
      return kit.absent("server", uuid)
    end
    wanted[uuid] = true
  end
  for _, server in ipairs(w:list("server")) do
    local kept = data.list({})
    for _, tag in ipairs(server.tags) do
      kept[#kept + 1] = tag ~= name and tag or nil
    end
    kept[#kept + 1] = wanted[server.id] and name or nil
    if #kept ~= #server.tags or wanted[server.id] then
      w:change(server, { tags = kept })
    end
  end
  return true
end

local function given_servers(body)
  return kit.items(body.servers, "server")
end

local function create_tag(call)
  local body, e = kit.body(call, "tag")
  local name, tag, ok
  if body then
    name, e = kit.text("tag", body, "name", 32)
  end
  if name and not name:find("^[%w_-]+$") then
    return kit.refuse(400, "TAG_NAME_INVALID", "The name of the tag is invalid.")
  elseif name and call.w:find("tag", name) then
    return kit.refuse(409, "TAG_EXISTS", "The tag %s exists already.", name)
  elseif name then
    tag, e = call.w:add("tag", { id = name, name = name, description = body.description or "" })
  end
  if tag then
    ok, e = set_tagged(call.w, name, given_servers(body) or {})
  end
  if not ok then
    return nil, e
  end
  return 200, { tag = tag_view(call.w, tag) }
end

local function list_tags(call)
  local out = data.list({})
  for i, tag in ipairs(call.w:list("tag")) do
    out[i] = tag_view(call.w, tag)
  end
  return 200, { tags = { tag = out } }
end

local function modify_tag(call)
  local tag, e = the_tag(call)
  local body
  if tag then
    body, e = kit.body(call, "tag")
  end
  if not body then
    return nil, e
  end
  local list = given_servers(body) or tagged(call.w, tag.name)
  local ok = set_tagged(call.w, tag.name, {})
  local name = body.name or tag.name
  call.w:remove(tag)
  tag, e = call.w:add("tag", { id = name, name = name, description = body.description or tag.description })
  if ok and tag then
    ok, e = set_tagged(call.w, name, list)
  end
  if not ok or not tag then
    return nil, e
  end
  return 200, { tag = tag_view(call.w, tag) }
end

local function delete_tag(call)
  local tag, e = the_tag(call)
  if not tag then
    return nil, e
  end
  set_tagged(call.w, tag.name, {})
  call.w:remove(tag)
  return 204
end

local function change_tags(call, add)
  local server, e = kit.get(call, "server")
  if not server then
    return nil, e
  end
  local wanted, kept = {}, data.list({})
  for name in call.params.names:gmatch("[^,]+") do
    if not call.w:find("tag", name) then
      return kit.refuse(404, "TAG_NOT_FOUND", "The tag %s does not exist.", name)
    end
    wanted[#wanted + 1], wanted[name] = name, true
  end
  for _, tag in ipairs(server.tags) do
    kept[#kept + 1] = not wanted[tag] and tag or nil
  end
  for _, name in ipairs(add and wanted or {}) do
    kept[#kept + 1] = name
  end
  call.w:change(server, { tags = kept })
  return 200, { server = servers.view(call.w, server) }
end

-- ---- Server groups ----

local POLICIES = { yes = true, no = true, strict = true }

local function group_view(w, group)
  local members, status = data.list({}), data.list({})
  for i, server in ipairs(w:holders(group, "server")) do
    members[i] = server.id
    status[i] = { uuid = server.id, status = "met" }
  end
  return {
    anti_affinity = group.anti_affinity,
    anti_affinity_status = status,
    labels = { label = kit.shown_labels(group.labels) },
    servers = { server = members },
    title = group.title,
    uuid = group.id,
  }
end

local function set_members(w, group, uuids)
  for _, server in ipairs(w:holders(group, "server")) do
    w:change(server, { group = NONE })
  end
  for _, uuid in ipairs(uuids) do
    local server = w:get("server", uuid)
    if not server then
      return kit.absent("server", uuid)
    end
    w:change(server, { group = group.id })
  end
  return true
end

local function members_of(body)
  local list = given_servers(body) or type(body.servers) == "table" and body.servers or nil
  return list and data.kind(list) == "list" and list or nil
end

local function read_group(call)
  local body, e = kit.body(call, "server_group")
  local labels
  if body and body.anti_affinity ~= nil and not POLICIES[body.anti_affinity] then
    return kit.refuse(400, "ANTI_AFFINITY_INVALID", "The anti-affinity policy is invalid.")
  elseif body and body.labels ~= nil then
    labels, e = kit.labels(body.labels)
    body = labels and body
  end
  if not body then
    return nil, e
  end
  return body, labels
end

local function create_group(call)
  local body, labels = read_group(call)
  if not body then
    return nil, labels
  end
  local title, e = kit.text("server_group", body, "title")
  local group, ok
  if title then
    group, e = call.w:add("group", {
      id = "0b" .. call.w.world:uuid():sub(3), title = title, labels = labels or data.list({}),
      anti_affinity = body.anti_affinity or "no",
    })
  end
  if group then
    ok, e = set_members(call.w, group, members_of(body) or {})
  end
  if not ok then
    return nil, e
  end
  return 201, { server_group = group_view(call.w, group) }
end

local function list_groups(call)
  local out = data.list({})
  for _, group in ipairs(call.w:list("group")) do
    out[#out + 1] = kit.has_labels(call, group.labels) and group_view(call.w, group) or nil
  end
  return 200, { server_groups = { server_group = out } }
end

local function the_group(call)
  local group = call.w:get("group", call.params.id)
  if not group then
    return kit.refuse(404, "SERVER_GROUP_NOT_FOUND", "The server group %s does not exist.", call.params.id)
  end
  return group
end

local function get_group(call)
  local group, e = the_group(call)
  if not group then
    return nil, e
  end
  return 200, { server_group = group_view(call.w, group) }
end

local function modify_group(call)
  local group, e = the_group(call)
  if not group then
    return nil, e
  end
  local body, labels = read_group(call)
  if not body then
    return nil, labels
  end
  call.w:change(group, { title = body.title, anti_affinity = body.anti_affinity, labels = labels })
  local members = members_of(body)
  if members then
    local ok
    ok, e = set_members(call.w, group, members)
    if not ok then
      return nil, e
    end
  end
  return 200, { server_group = group_view(call.w, group) }
end

local function delete_group(call)
  local group, e = the_group(call)
  if not group then
    return nil, e
  elseif call.w:holders(group, "server")[1] then
    return kit.refuse(409, "SERVER_GROUP_NOT_EMPTY", "The server group %s has members.", group.id)
  end
  call.w:remove(group)
  return 204
end

local function add_member(call)
  local group, e = the_group(call)
  local body
  if group then
    body, e = kit.body(call)
  end
  local server = body and call.w:get("server", body.server or body.uuid)
  if body and not server then
    return kit.absent("server", body.server or body.uuid)
  elseif not body then
    return nil, e
  end
  call.w:change(server, { group = group.id })
  return 204
end

local function remove_member(call)
  local server = call.w:get("server", call.params.server)
  if not server or server.group ~= call.params.id then
    return kit.absent("server", call.params.server)
  end
  call.w:change(server, { group = NONE })
  return 204
end

-- ---- Tokens ----

local function token_view(token)
  return {
    allowed_ip_ranges = data.list(table.move(token.ranges, 1, #token.ranges, 1, {})),
    can_create_tokens = token.can_create, created_at = kit.fine_time(token.created), expires_at = token.expires,
    gui = false, id = token.id, name = token.name, type = "workspace",
  }
end

local function create_token(call)
  local body, e = kit.body(call)
  local name
  if body then
    name, e = kit.text("token", body, "name")
  end
  if not name then
    return nil, e
  end
  local token
  token, e = call.w:add("token", {
    id = "0c" .. call.w.world:uuid():sub(3), name = name, expires = body.expires_at,
    can_create = kit.yes(body.can_create_tokens, false), ranges = body.allowed_ip_ranges or {},
  })
  if not token then
    return nil, e
  end
  local out = token_view(token)
  out.token = "ucat_" .. call.w.world:hex(26)
  return 201, out
end

local function list_tokens(call)
  local out = {}
  for i, token in ipairs(call.w:list("token")) do
    out[i] = token_view(token)
  end
  return 200, kit.page(call, out)
end

local function the_token(call)
  local token = call.w:get("token", call.params.id)
  if not token then
    return kit.refuse(404, "RESOURCE_NOT_FOUND", "Token not found.")
  end
  return token
end

M.routes = {
  { "GET", "/tag", "tag.list", list_tags },
  { "POST", "/tag", "tag.create", create_tag },
  { "GET", "/tag/{name}", "tag.get", function(call)
    local tag, e = the_tag(call)
    if not tag then
      return nil, e
    end
    return 200, { tag = tag_view(call.w, tag) }
  end },
  { "PUT", "/tag/{name}", "tag.modify", modify_tag },
  { "DELETE", "/tag/{name}", "tag.delete", delete_tag },
  { "POST", "/server/{id}/tag/{names}", "server.tag", function(call)
    return change_tags(call, true)
  end },
  { "POST", "/server/{id}/untag/{names}", "server.untag", function(call)
    return change_tags(call, false)
  end },
  { "GET", "/server-group", "server_group.list", list_groups },
  { "POST", "/server-group", "server_group.create", create_group },
  { "GET", "/server-group/{id}", "server_group.get", get_group },
  { "PATCH", "/server-group/{id}", "server_group.modify", modify_group },
  { "DELETE", "/server-group/{id}", "server_group.delete", delete_group },
  { "POST", "/server-group/{id}/servers", "server_group.add", add_member },
  { "DELETE", "/server-group/{id}/servers/{server}", "server_group.remove", remove_member },
  { "GET", "/account/tokens", "token.list", list_tokens },
  { "POST", "/account/tokens", "token.create", create_token },
  { "GET", "/account/tokens/{id}", "token.get", function(call)
    local token, e = the_token(call)
    if not token then
      return nil, e
    end
    return 200, token_view(token)
  end },
  { "DELETE", "/account/tokens/{id}", "token.delete", function(call)
    local token, e = the_token(call)
    if not token then
      return nil, e
    end
    call.w:remove(token)
    return 204
  end },
}

return M
