--- Firewalls. A rule of prov may have several ports and `any` protocol; one of Hetzner has one port, or a range.

local api = require("api")
local common = require("common")

local ALL = { "tcp", "udp", "icmp", "esp", "gre" }
local EVERYWHERE = { "0.0.0.0/0", "::/0" }
local HAS_PORTS = { tcp = true, udp = true }

local function sorted(ctx, list)
  local out = ctx.json.list({})
  table.move(list or {}, 1, #(list or {}), 1, out)
  table.sort(out)
  return out
end

--- One rule in the API's words.
local function flat_rule(ctx, rule, protocol, port)
  local is_in = rule.direction ~= "out"
  return {
    direction = is_in and "in" or "out",
    protocol = protocol,
    port = port and tostring(port) or nil,
    source_ips = sorted(ctx, is_in and (rule.sources or EVERYWHERE) or nil),
    destination_ips = sorted(ctx, not is_in and (rule.destinations or EVERYWHERE) or nil),
    description = rule.comment,
  }
end

local function text_of(rule)
  return table.concat({
    rule.direction, rule.protocol, rule.port or "", table.concat(rule.source_ips, ","),
    table.concat(rule.destination_ips, ","), rule.description or "",
  }, " ")
end

--- All rules in the API's words, in one order.
local function to_api(ctx, rules)
  local out = ctx.json.list({})
  for _, rule in ipairs(rules or {}) do
    for _, protocol in ipairs(rule.protocol == "any" and ALL or { rule.protocol or "tcp" }) do
      local ports = HAS_PORTS[protocol] and rule.ports or {}
      if HAS_PORTS[protocol] and #ports == 0 then
        ports = { "1-65535" } -- the API wants one; "any" port is all of them
      end
      for _, port in ipairs(ports) do
        out[#out + 1] = flat_rule(ctx, rule, protocol, port)
      end
      if not HAS_PORTS[protocol] then
        out[#out + 1] = flat_rule(ctx, rule, protocol)
      end
    end
  end
  table.sort(out, function(a, b)
    return text_of(a) < text_of(b)
  end)
  return out
end

--- The API's rules in the form and order of to_api.
local function seen_rules(ctx, rules)
  local out = ctx.json.list({})
  for i, rule in ipairs(rules or {}) do
    out[i] = {
      direction = rule.direction, protocol = rule.protocol,
      port = rule.port == "any" and "1-65535" or rule.port,
      source_ips = sorted(ctx, rule.source_ips), destination_ips = sorted(ctx, rule.destination_ips),
      description = rule.description ~= "" and rule.description or nil,
    }
  end
  table.sort(out, function(a, b)
    return text_of(a) < text_of(b)
  end)
  return out
end

--- Rules that are not those that were asked for, in prov's words.
local function told(ctx, rules)
  local out = ctx.json.list({})
  for i, rule in ipairs(rules) do
    local is_in = rule.direction == "in"
    out[i] = {
      direction = rule.direction, protocol = rule.protocol,
      ports = rule.port and ctx.json.list({ math.tointeger(tonumber(rule.port)) or rule.port }) or nil,
      sources = is_in and rule.source_ips or nil, destinations = not is_in and rule.destination_ips or nil,
      comment = rule.description,
    }
  end
  return out
end

local function applied_to(ctx, firewall)
  local servers, selectors = {}, {}
  for _, one in ipairs(firewall.applied_to or {}) do
    if one.type == "server" and one.server then
      servers[#servers + 1] = tostring(one.server.id)
    elseif one.type == "label_selector" and one.label_selector then
      selectors[#selectors + 1] = one.label_selector.selector
    end
  end
  return servers, sorted(ctx, selectors)
end

local function state(ctx, firewall, recorded)
  local servers, selectors = applied_to(ctx, firewall)
  return {
    id = tostring(firewall.id),
    name = firewall.name,
    servers = common.asked(recorded, "servers") and common.in_order(ctx, recorded.servers, servers) or nil,
    selectors = common.asked(recorded, "selectors") and common.in_order(ctx, recorded.selectors, selectors) or nil,
    rules = common.echo(ctx, recorded.rules, function(rules)
      return to_api(ctx, rules)
    end, seen_rules(ctx, firewall.rules), function(rules)
      return told(ctx, rules)
    end),
    labels = api.own_labels(firewall.labels),
  }
end

--- What it is applied to, in the API's words.
local function resources(ctx, servers, selectors)
  local out = ctx.json.list({})
  for _, id in ipairs(servers or {}) do
    out[#out + 1] = { type = "server", server = { id = api.number(ctx, id, "server") } }
  end
  for _, selector in ipairs(selectors or {}) do
    out[#out + 1] = { type = "label_selector", label_selector = { selector = selector } }
  end
  return out
end

local function remove_from(ctx, id, list)
  local path = ("/firewalls/%d/actions/remove_from_resources"):format(id)
  return api.unless(#list == 0, api.act, ctx, path, { remove_from = list })
end

local body = common.body({
  path = "/firewalls", list = "firewalls", field = "firewall", what = "firewall", state = state,
  before_delete = function(ctx, id) -- one that is applied cannot be deleted
    local number = api.number(ctx, id, "firewall")
    local firewall, e = api.get(ctx, ("/firewalls/%d"):format(number), "firewall")
    if not firewall then
      return not e, e
    end
    return remove_from(ctx, number, resources(ctx, applied_to(ctx, firewall)))
  end,
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

function M.create(ctx, want)
  local apply_to = resources(ctx, want.servers, want.selectors)
  local id, e = body.make(ctx, want, {
    rules = to_api(ctx, want.rules), apply_to = #apply_to > 0 and apply_to or nil,
  })
  if not id then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

function M.update(ctx, id, want)
  local firewall, e = body.present(ctx, id)
  if not firewall then
    return nil, e
  end
  local servers, selectors = applied_to(ctx, firewall)
  local applied = ctx.applied or {}
  local away, add = common.difference(ctx,
    resources(ctx, (want.servers or applied.servers) and servers, (want.selectors or applied.selectors) and selectors),
    resources(ctx, want.servers, want.selectors))
  local wanted = to_api(ctx, want.rules)
  local ok
  ok, e = api.steps(function()
    return body.rename(ctx, id, want, firewall)
  end, function()
    local same = common.equal(ctx, wanted, seen_rules(ctx, firewall.rules))
    return api.unless(same, body.act, ctx, id, "set_rules", { rules = wanted })
  end, function()
    return api.unless(#add == 0, body.act, ctx, id, "apply_to_resources", { apply_to = ctx.json.list(add) })
  end, function()
    return remove_from(ctx, api.number(ctx, id, "firewall"), ctx.json.list(away))
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
