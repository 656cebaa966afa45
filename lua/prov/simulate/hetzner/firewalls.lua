--- Firewalls: rules, and the servers they are applied to, by name or by label.

local actions = require("prov.simulate.hetzner.actions")
local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")
local lists = require("prov.simulate.hetzner.lists")

local RULE = {
  type = "record",
  open = true,
  fields = {
    direction = { type = "enum", one_of = { "in", "out" }, required = true },
    protocol = { type = "enum", one_of = { "tcp", "udp", "icmp", "esp", "gre" }, required = true },
    port = { type = "string" },
    source_ips = { type = "list", of = { type = "cidr" } },
    destination_ips = { type = "list", of = { type = "cidr" } },
    description = { type = "string", max = 255 },
  },
}

local RULES = { type = "list", of = RULE, max = 50 }

local TARGETS = {
  type = "list",
  of = {
    type = "record",
    open = true,
    fields = {
      type = { type = "enum", one_of = { "server", "label_selector" }, required = true },
      server = { type = "record", fields = { id = { type = "int", required = true } }, open = true },
      label_selector = { type = "record", fields = { selector = { type = "string", required = true } }, open = true },
    },
  },
}

local MOST_FIREWALLS = 5 -- of a server

local firewall = { kind = "firewall", plural = "firewalls", update = kit.update_schema(), actions = {} }

local function selected(w, selector)
  local test = lists.selector(selector)
  local out = data.list({})
  for _, server in ipairs(test and w:list("server") or {}) do
    if test(server.labels) then
      out[#out + 1] = { type = "server", server = { id = server.id } }
    end
  end
  return out
end

function firewall.view(w, object)
  return {
    id = object.id,
    name = object.name,
    labels = object.labels,
    created = kit.time(object.created),
    rules = kit.map(object.rules, function(rule)
      return {
        direction = rule.direction,
        protocol = rule.protocol,
        port = kit.maybe(rule.port),
        source_ips = kit.map(rule.source_ips),
        destination_ips = kit.map(rule.destination_ips),
        description = kit.maybe(rule.description),
      }
    end),
    applied_to = kit.map(object.applied, function(one)
      if one.server then
        return { type = "server", server = { id = one.server } }
      end
      return {
        type = "label_selector",
        label_selector = { selector = one.selector },
        applied_to_resources = selected(w, one.selector),
      }
    end),
  }
end

--- The firewalls of a server, as its view shows them.
---@param w prov.simulate.Cloud
---@param server table
---@return table
function firewall.of_server(w, server)
  local out = data.list({})
  for _, object in ipairs(w:holders(server, "firewall")) do
    for _, one in ipairs(object.applied) do
      if one.server == server.id then
        out[#out + 1] = { id = object.id, status = one.pending and "pending" or "applied" }
      end
    end
  end
  for _, object in ipairs(w:list("firewall")) do
    for _, one in ipairs(object.applied) do
      local test = one.selector and lists.selector(one.selector)
      if test and test(server.labels) then
        out[#out + 1] = { id = object.id, status = "applied" }
      end
    end
  end
  return out
end

local function check_rules(rules)
  for i, rule in ipairs(rules or {}) do
    local ports = rule.protocol == "tcp" or rule.protocol == "udp"
    local ips = rule.direction == "in" and "source_ips" or "destination_ips"
    local first, last = (rule.port or ""):match("^(%d+)%-?(%d*)$")
    local from, to = tonumber(first), tonumber(last ~= "" and last or first)
    if ports and not (from and from >= 1 and to <= 65535 and from <= to) then
      return kit.invalid(("rules[%d].port"):format(i - 1), "must be a port or a range of ports")
    elseif not ports and rule.port then
      return kit.invalid(("rules[%d].port"):format(i - 1), "is for tcp and udp only")
    elseif not (rule[ips] and rule[ips][1]) then
      return kit.invalid(("rules[%d].%s"):format(i - 1, ips), "is required")
    end
  end
  return true
end

local function position(object, target)
  for i, one in ipairs(object.applied) do
    if one.server and one.server == (target.server and target.server.id)
      or one.selector and one.selector == (target.label_selector and target.label_selector.selector) then
      return i
    end
  end
end

--- Checks one target; gives what is kept of it.
local function new_target(w, object, target)
  if target.type == "label_selector" then
    if not target.label_selector or not lists.selector(target.label_selector.selector) then
      return kit.invalid("apply_to.label_selector", "is not a valid label selector")
    end
    return { selector = target.label_selector.selector }
  end
  local server = target.server and w:get("server", target.server.id)
  if not server then
    return kit.refuse(404, "firewall_resource_not_found", "server not found")
  elseif position(object, target) then
    return kit.refuse(422, "firewall_already_applied", "firewall is already applied to server '%s'", server.name)
  elseif #w:holders(server, "firewall") >= MOST_FIREWALLS then
    return kit.refuse(422, "resource_limit_exceeded", "a server can have %d firewalls", MOST_FIREWALLS)
  end
  return { server = server.id }, server
end

--- Applies the firewall; an action for each target.
local function apply(call, object, targets)
  local out = {}
  for _, target in ipairs(targets) do
    local row, server = new_target(call.w, object, target)
    if not row then
      return nil, server
    end
    call.w:touch(object)
    table.insert(object.applied, row)
    out[#out + 1] = actions.begin(call, "apply_firewall", { on = { object, server } })
  end
  return out
end

function firewall.create(call)
  local body, e = kit.body(call, { name = kit.NAME, labels = kit.LABELS, rules = RULES, apply_to = TARGETS })
  local ok, object, begun
  if body then
    ok, e = check_rules(body.rules)
  end
  if ok then
    object, e = call.w:add("firewall", {
      name = body.name,
      labels = body.labels or {},
      rules = body.rules or data.list({}),
      applied = data.list({}),
    })
  end
  if object then
    begun, e = apply(call, object, body.apply_to or {})
  end
  if not begun then
    return nil, e
  end
  local all = { actions.begin(call, "set_firewall_rules", { on = { object } }) }
  table.move(begun, 1, #begun, 2, all)
  return 201, { firewall = firewall.view(call.w, object), actions = actions.views(call.w, all) }
end

function firewall.can_delete(_, object)
  if object.applied[1] then
    return kit.refuse(422, "resource_in_use", "firewall with ID '%d' is still in use", object.id)
  end
  return true
end

function firewall.actions.set_rules(call, object)
  local body, e = kit.body(call, { rules = RULES })
  if not body then
    return nil, e
  end
  local ok
  ok, e = check_rules(body.rules)
  if not ok then
    return nil, e
  end
  call.w:change(object, { rules = body.rules or data.list({}) })
  local all = { actions.begin(call, "set_firewall_rules", { on = { object } }) }
  for _, one in ipairs(object.applied) do
    local server = one.server and call.w:get("server", one.server)
    if server then
      all[#all + 1] = actions.begin(call, "apply_firewall", { on = { object, server } })
    end
  end
  return { actions = actions.views(call.w, all) }
end

function firewall.actions.apply_to_resources(call, object)
  local body, e = kit.body(call, { apply_to = TARGETS })
  if not body then
    return nil, e
  end
  local begun
  begun, e = apply(call, object, body.apply_to or {})
  if not begun then
    return nil, e
  end
  return { actions = actions.views(call.w, begun) }
end

function firewall.actions.remove_from_resources(call, object)
  local body, e = kit.body(call, { remove_from = TARGETS })
  if not body then
    return nil, e
  end
  local begun = {}
  for _, target in ipairs(body.remove_from or {}) do
    local at = position(object, target)
    if not at then
      return kit.refuse(404, "firewall_resource_not_found", "firewall is not applied to this resource")
    end
    call.w:touch(object)
    local row = table.remove(object.applied, at)
    local server = row.server and call.w:get("server", row.server)
    begun[#begun + 1] = actions.begin(call, "remove_firewall", { on = { object, server } })
  end
  return { actions = actions.views(call.w, begun) }
end

return { firewall, firewall = firewall }
