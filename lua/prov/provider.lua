--- Calls provider bodies: builds the ctx they see, bounds how many run at once.

local async = require("prov.async")
local clock = require("prov.clock")
local completion = require("prov.provider.config")
local err = require("prov.err")
local field_of = require("prov.contract.field")
local settings = require("prov.settings")
local value = require("prov.value")

local M = {}

---@class prov.Providers
---@field seen table<string, table|false> what this process read of secrets, by address
local Providers = {}
Providers.__index = Providers

--- Verbs whose answer may be nil alone: there is none.
local MAY_BE_ABSENT = { read = true, find = true, list = true }

--- What ctx offers on demand; a body that never touches http never loads libcurl.
local LAZY = {
  http = function()
    return require("prov.http")
  end,
  fs = function()
    return require("prov.fs")
  end,
  log = function()
    return require("prov.log")
  end,
  json = function()
    local json = require("prov.json")
    return { encode = json.encode, decode = json.decode, null = json.null, list = require("core.data").list }
  end,
  xml = function()
    return require("prov.xml")
  end,
  base64 = function()
    local base64 = require("core.base")
    return { encode = base64.base64, decode = base64.unbase64 }
  end,
  name_of = function()
    return require("prov.address").short_name
  end,
  env = function()
    return function(name)
      local text = os.getenv(name)
      return text ~= "" and text or nil
    end
  end,
  cached = function()
    return require("prov.provider.shared").cache()
  end,
  watch = function()
    return require("prov.provider.shared").watcher()
  end,
  each = function(base)
    return function(list, fn)
      return async.each(list, base.owner:concurrency(base.provider), fn)
    end
  end,
  api = function(base)
    return function(options)
      return require("prov.provider.api").open(options, base.provider, base.owner:gate(base.provider))
    end
  end,
  aws = function(base)
    return function(options)
      return require("prov.aws.client").open(options, base.provider, base.owner:gate(base.provider))
    end
  end,
  sigv4 = function()
    return require("prov.sigv4")
  end,
  machine = function(base)
    return base.provider == "local" and require("prov.machine") or nil
  end,
  user_key = function(base)
    return assert(base.owner.workspace:user_key()).public
  end,
  keygen = function()
    return function()
      return require("prov.ssh").keygen("ed25519")
    end
  end,
  secrets = function(base) -- of the workspace; other providers get what the infra gives them
    return base.owner:declaration(base.provider).name == "secrets"
      and assert(require("prov.secrets").open(base.owner.workspace)) or nil
  end,
}

local base_mt = {
  __index = function(base, name)
    local make = LAZY[name]
    if make then
      local made = make(base)
      rawset(base, name, made)
      return made
    end
  end,
}

local function poll(opts, fn)
  local every, timeout = opts.every or settings.calls.poll_every, opts.timeout or settings.calls.poll_timeout
  local waited = 0
  while true do
    local found, e = fn()
    if found ~= nil or e then
      return found, e
    end
    if waited >= timeout then
      return err.fail("timeout", "not there after %g s", timeout)
    end
    async.sleep(math.tointeger(every * 1000 // 1) or 1000)
    waited = waited + every
  end
end

local function sleep(seconds)
  async.sleep(math.floor(seconds * 1000))
end

--- Opens the providers an infra uses.
---@param workspace prov.Workspace
---@param registry prov.Registry
---@param configs table<string, table> completed configuration by provider name
---@param instances? table<string, { provider: string, config: table }> those that are of another provider by name
---@return prov.Providers
function M.open(workspace, registry, configs, instances)
  return setmetatable({
    workspace = workspace,
    registry = registry,
    configs = configs or {},
    instances = instances or {},
    revealed = {},
    bodies = {},
    declared = {},
    ctx_mts = {},
    gates = {},
    seen = {},
    -- Clouds allow no @ in a label.
    about = { name = (workspace.name:gsub("@", "-")), dir = workspace.dir, state_dir = workspace.state_dir },
  }, Providers)
end

--- The declaration of a provider, or of the one that an instance is of.
---@return table? declaration, prov.Err?
function Providers:declaration(name)
  local declaration, e = self.declared[name], nil
  if not declaration then
    local instance = self.instances[name]
    declaration, e = self.registry:get("provider", instance and instance.provider or name)
    self.declared[name] = declaration
  end
  return declaration, e
end

--- The declaration of a provider and of one of its resource kinds.
---@return table? declaration, table? resource, prov.Err?
function Providers:resource(name, kind)
  local declaration, e = self:declaration(name)
  if not declaration then
    return nil, nil, e
  end
  local resource = declaration.resources[kind]
  if not resource then
    return nil, nil, err.new("invalid", ("provider '%s' has no resource kind '%s'"):format(name, kind))
  end
  return declaration, resource
end

--- The body module of a resource kind, loaded at first use.
---@return table?, prov.Err?
function Providers:body(name, kind)
  local slot = name .. "/" .. kind
  local body = self.bodies[slot]
  if body then
    return body
  end
  local declaration, resource, e = self:resource(name, kind)
  if not declaration then
    return nil, e
  end
  if type(resource.body) == "string" then
    body, e = self.registry:body(declaration, resource.body)
    if not body then
      return nil, e
    end
  else
    body = resource
  end
  self.bodies[slot] = body
  return body
end

--- How many effects may run at once on a provider.
---@return integer
function Providers:concurrency(name)
  local declaration = self:declaration(name)
  return declaration and declaration.limits and declaration.limits.concurrency or 10
end

--- The configuration of a provider: as the infra gives it, completed with what it need not say. Also of resources
--- whose provider the infra no longer names.
---@return table?, prov.Err?
function Providers:config(name)
  if self.revealed[name] then
    return self.revealed[name]
  end
  local declaration, e = self:declaration(name)
  if not declaration then
    return nil, e
  end
  local given = self.configs[name] or self.instances[name] and self.instances[name].config or {}
  local is_live = value.has_unknown(given)
  if is_live then
    given, e = self:live_config(name, given)
    if not given then
      return nil, e
    end
  end
  local config
  config, e = completion.complete(name, declaration.name, declaration.config, given)
  if not config then
    return nil, e
  end
  config = value.reveal(config)
  for field_name, field in next, declaration.config or {} do
    local text = config[field_name]
    if type(text) == "string" and field_of.is_secret(field_of.full(field)) then
      require("prov.log").secret(text)
    end
  end
  if not is_live then
    self.revealed[name] = config
  end
  return config
end

--- A configuration that refers to resources, as they are now.
function Providers:live_config(name, config)
  local missing
  local done, e = value.resolve(config, function(address, path)
    local found = self.lookup and self.lookup(address, path)
    if found == nil or value.is_unknown(found) then
      missing = missing or address
      return value.unknown("any", { address })
    end
    return found
  end)
  if missing then
    return err.fail("unavailable", "provider '%s' is configured by %s, which does not exist yet", name, missing)
  elseif not done then
    return nil, e:wrap("provider '%s': %s", name, tostring(e))
  end
  return done
end

--- False for a provider whose configuration refers to what does not exist yet.
---@return boolean
function Providers:is_ready(name)
  local _, e = self:config(name)
  return not (e and e.code == "unavailable")
end

--- The metatable that gives every ctx of a provider what they have in common.
---@return table?, prov.Err?
function Providers:ctx_mt(name)
  local mt = self.ctx_mts[name]
  if mt and self.revealed[name] then
    return mt
  end
  local config, e = self:config(name)
  if not config then
    return nil, e
  elseif mt and require("core.data").encode(mt.__index.config) == require("core.data").encode(config) then
    return mt
  end
  local base = {
    owner = self,
    provider = name,
    workspace = self.about,
    config = config,
    poll = poll,
    sleep = sleep,
    fail = err.fail,
    error = err.new,
    adopt = function() end,
  }
  self.ctx_mts[name] = { __index = setmetatable(base, base_mt) }
  return self.ctx_mts[name]
end

--- A ctx without a call, for what a provider tells of itself.
---@return table?, prov.Err?
function Providers:ctx(name)
  local mt, e = self:ctx_mt(name)
  return mt and setmetatable({}, mt), e
end

--- Seconds a verb of a kind may take as its declaration says, or nil.
function Providers:timeout(name, kind, verb)
  local _, resource = self:resource(name, kind)
  return resource and resource.timeout and resource.timeout[verb:gsub("^action_", "")]
end

--- The gate of a provider's account.
---@return prov.Gate
function Providers:gate(name)
  local gate = self.gates[name]
  if not gate then
    local declaration = self:declaration(name)
    gate = require("prov.gate").new(name, declaration and declaration.limits, {
      now = clock.monotonic,
      sleep = async.sleep,
      random = math.random,
      tell = function(text)
        require("prov.log").warn(text)
      end,
    })
    self.gates[name] = gate
  end
  return gate
end

-- Names of the outputs of a kind that are secret; nil when there are none.
local function secret_outputs(self, name, kind)
  local _, resource = self:resource(name, kind)
  local out
  for output, field in next, resource and resource.outputs or {} do
    if field_of.is_secret(field_of.full(field)) then
      out = out or {}
      out[output] = true
    end
  end
  return out
end

-- A state with its secret outputs in their box; bodies see and give them without.
local function boxed(state, secrets)
  for name in next, type(state) == "table" and secrets or {} do
    if state[name] ~= nil then
      state[name] = value.secret(state[name])
    end
  end
  return state
end

--- One try of a body function.
local function try(self, name, kind, verb, fn, ctx, args)
  local seconds = self:timeout(name, kind, verb)
  local packed, e
  if seconds then
    packed, e = async.deadline(seconds * 1000, function()
      return table.pack(pcall(fn, ctx, table.unpack(args, 1, args.n)))
    end)
    if not packed then
      return nil, e:wrap("provider '%s': %s %s", name, verb, kind)
    end
  else
    packed = table.pack(pcall(fn, ctx, table.unpack(args, 1, args.n)))
  end
  if packed[1] and packed[2] == nil and packed[3] == nil and not MAY_BE_ABSENT[verb] then
    return nil, err.new("bug", ("provider '%s': %s %s gave neither a value nor an error"):format(name, verb, kind))
  elseif packed[1] then
    return table.unpack(packed, 2, packed.n)
  end
  local raised = packed[2]
  if err.is(raised) then
    return nil, raised
  end
  return nil, err.new("bug", ("provider '%s': %s %s: %s"):format(name, verb, kind, tostring(raised)))
end

--- Calls a body function: providers:call("local", "server", "read", { address = ... }, id).
--- The fields become the body's ctx: address, key, adopt, recorded; `waiting(ms, reason)` among them is
--- told before every new try, and when the gate holds the call back. What takes longer than its timeout
--- is cancelled and comes back as nil, err "timeout". What failed for a while is tried again as the gate
--- of the account says; a creation only after `find` has said that the last try made nothing, which
--- `anew()` is told. What it finds is brought by `update` to what was wanted.
--- A raise in the body is a bug of the provider and comes back as nil, err that names it.
---@async
function Providers:call(name, kind, verb, fields, ...)
  local body, e = self:body(name, kind)
  if not body then
    return nil, e
  end
  local fn = body[verb]
  if not fn then
    return err.fail("unsupported", "provider '%s' cannot %s a %s", name, verb:gsub("^action_", ""), kind)
  end
  fields.kind = kind
  local mt
  mt, e = self:ctx_mt(name)
  if not mt then
    return nil, e
  end
  local args, secrets = table.pack(...), secret_outputs(self, name, kind)
  if secrets and fields.recorded then
    fields.recorded = value.reveal(fields.recorded)
  end
  for i = 1, args.n do
    if type(args[i]) == "table" and value.has_secret(args[i]) then
      args[i] = value.reveal(args[i]) -- a body sends it to its world; only records keep the box
    end
  end
  local ctx, gate = setmetatable(fields, mt), self:gate(name)
  for attempt = 1, math.huge do
    gate:enter(fields.waiting)
    local result, failure = try(self, name, kind, verb, fn, ctx, args)
    if not err.is(failure) then
      gate:answered()
      if secrets and verb == "list" then
        for _, state in ipairs(result or {}) do
          boxed(state, secrets)
        end
      end
      return boxed(result, secrets), failure
    end
    local ms = gate:again(attempt, failure)
    if not ms or verb == "create" and not body.find then
      return nil, failure
    end
    if fields.waiting then
      fields.waiting(ms, failure.msg)
    end
    async.sleep(ms)
    if verb == "create" then
      local asking = { address = fields.address, key = fields.key, want = args[1], waiting = fields.waiting }
      local found, unknown = self:call(name, kind, "find", asking, fields.key)
      if unknown or found and found.incomplete then
        return nil, unknown and unknown.code == "conflict" and unknown or failure
      elseif found and body.update then -- made, but what create does after that may be missing
        return self:call(name, kind, "update", {
          address = fields.address, key = fields.key, recorded = found, applied = args[1], waiting = fields.waiting,
        }, found.id, args[1], found)
      elseif found then
        return found
      elseif fields.anew then
        fields.anew()
      end
    end
  end
end

--- True when the kind's body has `verb`.
function Providers:has(name, kind, verb)
  local body = self:body(name, kind)
  return body ~= nil and body[verb] ~= nil
end

return M
