--- Rules that prov did not come with, in the sandbox: they see copies of the infra, in which secrets are
--- empty, and can only report.

local sandbox = require("prov.sandbox")
local settings = require("prov.settings")
local value = require("prov.value")

local M = {}

local MAX_DEPTH = 100

local function copy(v, depth)
  local kind = type(v)
  if kind == "function" or depth > MAX_DEPTH then
    return nil
  elseif kind ~= "table" then
    return v
  end
  local marked = value.marked(v)
  if marked == "secret" then
    return value.secret("(secret)")
  elseif marked == "ref" then
    local address, path = value.parts(v)
    return value.ref(address, table.move(path, 1, #path, 1, {}))
  end
  local out = {}
  for key, item in next, v do
    out[key] = copy(item, depth + 1)
  end
  local mt = debug.getmetatable(v)
  return setmetatable(out, not sandbox.is_own(mt) and mt or nil)
end

local function text_of(v)
  local most = settings.validation.message
  return #v > most and v:sub(1, most) .. "..." or v
end

local FIELDS = { "address", "kind", "name", "key", "provider", "server", "lifecycle", "tags", "needs" }

--- A node for the rules of one file; those that share arguments share the copy of them.
local function node_for(scene, node, file)
  local shared = scene:once("guest args " .. file, function()
    return {}
  end)
  local args = shared[node.args]
  if not args then
    args = copy(node.args, 0)
    shared[node.args] = args
  end
  local out = { args = args }
  for _, name in ipairs(FIELDS) do
    out[name] = copy(node[name], 0)
  end
  return out
end

--- The ctx of a guest: the methods of a scene on copies, and nothing behind them. Files share no copies: what
-- one changes, another does not see.
local function ctx_for(scene, findings, file)
  local nodes = scene:once("guest nodes " .. file, function()
    return {}
  end)
  local lists = {}
  local function guest_of(node)
    if node == nil then
      return nil
    end
    local known = nodes[node.address]
    if not known then
      known = node_for(scene, node, file)
      nodes[node.address] = known
    end
    return known
  end
  local function real(node)
    local address = type(node) == "table" and node.address
    return address and scene:node(address) or error("expected a resource or taskserv of this infra", 3)
  end
  local function list(name, key, found)
    local slot = name .. " " .. tostring(key)
    if not lists[slot] then
      local out = {}
      for i, node in ipairs(found) do
        out[i] = guest_of(node)
      end
      lists[slot] = out
    end
    return lists[slot]
  end
  local ctx = { list = scene.list, map = scene.map }
  function ctx.resources(_, kind)
    return list("resources", kind, scene:resources(kind))
  end
  function ctx.taskservs(_, name)
    return list("taskservs", name, scene:taskservs(name))
  end
  function ctx.instances(_, node)
    node = real(node)
    return list("instances", node.address, scene:instances(node))
  end
  function ctx.services(_, server)
    server = real(server)
    return list("services", server.address, scene:services(server))
  end
  function ctx.node(_, address)
    return guest_of(scene:node(address))
  end
  function ctx.server(_, taskserv)
    return guest_of(scene:server(real(taskserv)))
  end
  function ctx.networks(_, server)
    server = real(server)
    return list("networks", server.address, scene:networks(server))
  end
  function ctx.targets(_, v)
    local out = {}
    for i, node in ipairs(scene:targets(v)) do
      out[i] = guest_of(node)
    end
    return out
  end
  function ctx.known(_, v)
    return value.is_secret(v) and v or copy(scene:known(v), 0)
  end
  function ctx.catalog(_, node)
    return copy(scene:catalog(real(node)), 0)
  end
  function ctx.option(_, name)
    return copy(scene:option(name), 0)
  end
  function ctx.report(_, node, finding)
    local message = type(finding) == "table" and finding.message
    if type(message) ~= "string" then
      error('report(node, { message = "..." }): the message is missing', 2)
    end
    local hint, related = finding.hint, {}
    for i, one in ipairs(finding.related or {}) do
      related[i] = real(one)
    end
    findings[#findings + 1] = {
      node = real(node),
      message = text_of(message),
      path = copy(finding.path, 0),
      hint = hint and text_of(tostring(hint)),
      fix = copy(finding.fix, 0),
      related = related,
    }
  end
  return ctx, guest_of
end

--- Runs a rule in the sandbox; what it found goes to the scene when it came to its end.
---@param scene prov.Scene
---@param rule prov.Rule
---@param apply fun(scene: prov.Scene, rule: table, ctx: table)
---@return prov.Err?
function M.run(scene, rule, apply)
  local findings = {}
  local ctx, guest_of = ctx_for(scene, findings, rule.file)
  local inner = setmetatable({
    check = function(_, node)
      rule.check(ctx, guest_of(node))
    end,
  }, { __index = rule })
  local limits = {
    instructions = settings.validation.instructions,
    memory = settings.validation.memory,
    methods = rule.guest.string,
  }
  local _, e = sandbox.call(rule.file, limits, apply, scene, inner, ctx)
  if e then
    return e
  end
  for _, finding in ipairs(findings) do
    local node = finding.node
    finding.node = nil
    scene:report(node, finding)
  end
end

return M
