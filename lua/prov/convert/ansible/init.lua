--- An Ansible inventory as an infra: a server for each host, groups as labels, variables as inputs.

local data = require("core.data")
local err = require("prov.err")
local inventory_of = require("prov.convert.ansible.inventory")
local notes_of = require("prov.convert.notes")
local tree = require("prov.convert.tree")
local value = require("prov.value")

local M = {}

local function plain_name(taken, name)
  local own = name:gsub("[^%w_-]", "-")
  own = own:match("^[%a_]") and own or "host-" .. own
  local try, n = own, 1
  while taken[try] do
    n = n + 1
    try = ("%s-%d"):format(own, n)
  end
  taken[try] = true
  return try
end

--- A plain value as one of prov.convert.tree; ${ stays what it is.
local function tree_of(v)
  if type(v) == "string" then
    return (v:gsub("%${", "$${"))
  elseif type(v) ~= "table" or v == value.null then
    return v
  elseif data.kind(v) == "list" then
    local list = tree.list()
    for i, item in ipairs(v) do
      list[i] = tree_of(item)
    end
    return list
  end
  local map = tree.map()
  for _, key in ipairs(data.keys(v)) do
    map:set(key, tree_of(v[key]))
  end
  return map
end

local function has_jinja(v)
  if type(v) == "table" and v ~= value.null then
    for _, inner in pairs(v) do
      if has_jinja(inner) then
        return true
      end
    end
    return false
  end
  return type(v) == "string" and (v:find("{{", 1, true) or v:find("{%", 1, true)) ~= nil
end

-- Variables that say how Ansible reaches a host: comments here.
local function is_connection(key)
  return key:match("^ansible_") ~= nil
end

local function add_vars(out, notes, name, vars, at, doc)
  local default = tree.map()
  for _, key in ipairs(data.keys(vars)) do
    local v = vars[key]
    if is_connection(key) then
      default:comment(nil, ("%s: %s"):format(key, type(v) == "table" and "..." or tostring(v)))
    elseif type(v) == "string" and v:match("^%$ANSIBLE_VAULT") then
      out:at("inputs"):at(key):set("type", "secret")
      out:at("inputs"):at(key):set("required", true)
      notes:add(at, ("the variable '%s' is sealed by ansible-vault"):format(key),
        ("give it with PROV_VAR_%s"):format(key))
    else
      default:set(key, tree_of(v))
      if has_jinja(v) then
        notes:add(at, ("the variable '%s' has {{ }} in it, kept as text"):format(key), "write it with ${...}")
      end
    end
  end
  if default:is_empty() and #default.tail == 0 then
    return
  end
  local input = out:at("inputs"):at(name)
  input:set("type", "any")
  input:set("doc", doc)
  input:set("default", default)
end

local function input_name(out, name)
  name = name:gsub("[^%w_-]", "_")
  name = name:match("^[%a_]") and name or "group_" .. name
  return out:at("inputs"):get(name) and name .. "_group" or name
end

-- A server for a host. True when something says how to reach it.
local function add_host(inventory, servers, host_vars, out, notes, name, own)
  local host = inventory.hosts[name]
  local entry, labels = servers:at(own), tree.map()
  local groups = inventory:groups_of(name)
  if #groups > 0 then
    labels:set("groups", table.concat(groups, ","))
  end
  if own ~= name then
    labels:set("host", name)
  end
  if not labels:is_empty() then
    entry:set("labels", labels)
  end
  local rest, connected = {}, false
  for _, key in ipairs(data.keys(host.vars)) do
    if is_connection(key) then
      servers:comment(own, ("%s: %s"):format(key, tostring(host.vars[key])))
      connected = true
    else
      rest[key] = host.vars[key]
    end
  end
  local holder = tree.map()
  add_vars(holder, notes, own, rest, host.at)
  for _, key in ipairs(holder:at("inputs").keys) do
    local input = holder:at("inputs"):get(key)
    if key == own then
      host_vars:set(own, input:get("default"))
    else -- a secret
      out:at("inputs"):set(key, input)
    end
  end
  return connected
end

--- Converts an inventory.
---@param path string
---@param opts { provider: string? }
---@return { name: string, tree: prov.convert.Map }[]? files
---@return prov.convert.Notes|prov.Err notes
function M.convert(path, opts)
  local notes = notes_of.new()
  local inventory, e = inventory_of.read(path, notes)
  if not inventory then
    return nil, e
  elseif #inventory.host_names == 0 then
    return nil, err.new("unsupported", path .. " has no hosts", { hint = "an inventory names hosts and groups" })
  end
  local out, taken = tree.map(), {}
  out:at("inputs")
  if opts.provider then
    out:at("providers"):at(opts.provider)
    out:at("defaults"):set("provider", opts.provider)
  else
    notes:add({ file = path }, "an inventory does not say who made its hosts",
      "set provider in defaults, and import: [{ to: server.NAME, id: ... }] for hosts that are there")
  end
  local servers, host_vars = out:at("servers"), tree.map()
  local connections
  for _, name in ipairs(inventory.host_names) do
    local host = inventory.hosts[name]
    connections = add_host(inventory, servers, host_vars, out, notes, name, plain_name(taken, name)) and not connections
      and host.at or connections
  end
  if connections then
    notes:add({ file = connections.file, line = connections.line, column = 1 },
      "how Ansible reaches the hosts (ansible_host, ansible_user, ...) is in comments",
      "prov has addresses and users from the provider")
  end
  for _, name in ipairs(inventory.group_names) do
    add_vars(out, notes, input_name(out, name), inventory.groups[name].vars, { file = path },
      ("Variables of the group %s"):format(name))
  end
  if not host_vars:is_empty() then
    local input = out:at("inputs"):at("hosts")
    input:set("type", "any")
    input:set("doc", "Variables of single hosts")
    input:set("default", host_vars)
  end
  if out:get("inputs"):is_empty() then
    out:set("inputs", nil)
  end
  return { { name = "infra", tree = out } }, notes
end

return M
