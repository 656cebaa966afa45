--- A request, from its token to its answer: token, policy, audit, engine, lease, wrapping, audit.

local audit = require("prov.vault.audit")
local data = require("core.data")
local engines = require("prov.vault.engine")
local err = require("prov.err")
local json = require("prov.json")
local leases = require("prov.vault.leases")
local log = require("prov.log")
local mounts = require("prov.vault.mounts")
local policy = require("prov.vault.policy")
local tokens = require("prov.vault.tokens")
local wrapping = require("prov.vault.wrapping")

local M = {}

---@class prov.vault.Asked
---@field op "read"|"list"|"update"|"delete"|"patch"
---@field path string in clear: "secret/data/db"
---@field data? table<string, any>
---@field token? string
---@field wrap_ttl? integer seconds: the answer stands behind a wrapping token
---@field trusted? string who asks without a token: the owner of a workspace whose vault this is
---@field remote? string address it comes from

---@class prov.vault.Answer
---@field request_id string
---@field mount_type? string
---@field data? table
---@field lease_id? string
---@field lease_duration? integer
---@field renewable? boolean
---@field auth? table
---@field wrap_info? table
---@field warnings? string[]
---@field body? string
---@field content_type? string
---@field json? table
---@field status? integer

-- Who asks in the process that may open the vault anyway.
local function trusted(name)
  return {
    id = "trusted", accessor = "", display_name = name, policies = { "root" }, meta = {}, expires = 0, uses = 0,
    trusted = true,
  }
end

local ROOT = policy.acl({}, true)

--- What the policies of a token allow.
---@param names string[]
---@return prov.vault.Acl?, prov.Err?
function M:acl(names)
  local list = {}
  for _, name in ipairs(names) do
    if name == "root" then
      return ROOT
    end
    local rules = self.cache.policies[name]
    if rules == nil then
      local text, e = self.barrier:get("core/policy/" .. name)
      if e then
        return nil, e
      end
      rules = text and assert(policy.parse(text)) or false
      self.cache.policies[name] = rules
    end
    if rules then
      list[#list + 1] = { name = name, rules = rules }
    end
  end
  local key = table.concat(names, "\n")
  self.cache.acls = self.cache.acls or {}
  local acl = self.cache.acls[key]
  if not acl then
    acl = policy.acl(list)
    self.cache.acls[key] = acl
  end
  return acl
end

--- Forgets what policies said.
function M:forget_policies()
  self.cache.policies, self.cache.acls = {}, nil
end

-- ---- Audit ----

local known_auth = setmetatable({}, { __mode = "k" }) -- by token, for tokens are kept

-- Who asks: the same at every request.
local function auth_part(asked, token)
  local part = known_auth[token]
  if not part then
    part = audit.part({
      client_token = asked.token, accessor = token.accessor, display_name = token.display_name,
      policies = data.list(token.policies), metadata = next(token.meta) and token.meta or nil,
    })
    known_auth[token] = setmetatable(part, { __mode = "k" }) -- it outlives devices
  end
  return part
end

local function request_part(asked, req)
  return audit.part({
    id = asked.id, operation = req.audit_op or asked.op, path = asked.path,
    data = next(asked.data) and asked.data or nil,
    client_token = asked.token, remote_address = asked.remote, mount_type = req.mount_type,
    wrap_ttl = asked.wrap_ttl,
  })
end

local function response_part(answer)
  local auth, wrap = answer.auth, answer.wrap_info
  return audit.part({
    data = answer.data or answer.json, body = answer.body, lease_id = answer.lease_id, warnings = answer.warnings,
    auth = auth and { client_token = auth.client_token, accessor = auth.accessor, policies = auth.policies } or nil,
    wrap_info = wrap and { token = wrap.token, accessor = wrap.accessor, ttl = wrap.ttl } or nil,
  })
end

local function record(self, entry)
  local devices, e = self:devices()
  if not devices then
    return nil, e
  elseif devices.count == 0 then
    return true -- somebody has disabled them all
  end
  local taken = false
  for _, device in ipairs(devices) do
    local ok, why = device:write(entry)
    taken = taken or ok ~= nil
    e = e or why
    if not ok then
      log.error("the audit cannot be written", { device = device.path, error = tostring(why) })
    end
  end
  if not taken then
    self.cache.devices = not e and self.cache.devices or nil -- opened anew at the next request
    for _, device in ipairs(devices) do
      device:close()
    end
    return nil, err.new("unavailable", "no audit device takes the request, so it is refused: " .. tostring(e or
      (devices.missing and "cannot open " .. tostring(devices.missing.options.file_path)) or "none is open"))
  end
  return true
end

-- ---- Token and policy ----

-- Who asks; nil alone when nobody has to.
local function identify(self, asked, spec)
  if asked.trusted then
    return trusted(asked.trusted)
  elseif spec and (spec.open or spec.sealed) then
    return nil
  elseif not asked.token or asked.token == "" then
    return err.fail("denied", "permission denied")
  end
  return tokens.use(self, asked.token)
end

-- What a wrapping token is good for.
local WRAPPING = { ["sys/wrapping/unwrap"] = true, ["sys/wrapping/lookup"] = true, ["sys/wrapping/rewrap"] = true }

local function allowed(self, asked, req, spec, token)
  if not token then
    return true
  elseif token.wrapping then
    if WRAPPING[asked.path] then
      return true
    end
    return err.fail("denied", "permission denied")
  end
  local capability = asked.op
  if capability == "update" and spec and spec.exists then
    local there, e = spec.exists(req.ctx, req)
    if e then
      return nil, e
    end
    capability = there and "update" or "create"
  end
  req.audit_op = capability
  local acl, e = self:acl(token.policies)
  if not acl then
    return nil, e
  end
  local how = { given = asked.data, wrap_ttl = asked.wrap_ttl, sudo = spec and spec.sudo }
  local yes, why = acl:check(capability, asked.path, how)
  if yes and spec and spec.any_case then
    yes, why = acl:check(capability, req.ctx.path .. asked.path:sub(#req.ctx.path + 1):lower(), how)
  end
  if yes then
    return true
  end
  return nil, err.new("denied", "permission denied", { hint = why })
end

-- ---- Answers ----

-- The token an auth method has granted.
local function grant(self, row, auth, token)
  local ctx = mounts.context(self, row)
  local ttl, max = auth.ttl or 0, auth.max_ttl or 0
  if (auth.period or 0) == 0 and not auth.root then
    ttl = math.min(ttl > 0 and ttl or ctx.default_ttl, engines.longest(ctx, max))
  end
  local secret, made = tokens.create(self, {
    policies = auth.policies, meta = auth.meta, display_name = auth.display_name, path = auth.path, ttl = ttl,
    max_ttl = max, period = auth.period, uses = auth.uses, renewable = auth.renewable, role = auth.role,
    parent = auth.orphan == false and token and not token.trusted and token.id or nil, secret = auth.secret,
    own_meta = auth.own_meta,
  })
  if not secret then
    return nil, made
  end
  return {
    client_token = secret, accessor = made.accessor, policies = made.policies, token_policies = made.policies,
    metadata = next(made.meta) and made.meta or data.null, lease_duration = tokens.left(made, self.now()) or 0,
    renewable = made.renewable, entity_id = "", token_type = "service", orphan = made.orphan,
    num_uses = made.uses, mfa_requirement = data.null,
  }
end

local function answer_of(self, asked, row, response, token)
  local answer = {
    request_id = asked.id, mount_type = row.type, data = response.data, warnings = response.warnings,
    body = response.body,
    content_type = response.content_type, json = response.json, status = response.status,
    wrap_info = response.wrap_info, lease_id = response.lease_id, lease_duration = response.lease_duration,
    renewable = response.renewable, auth = response.auth_shown,
  }
  if response.lease then
    local kept, e = leases.create(self, row, asked.path, response.lease,
      token and not token.trusted and token.id or leases.NOBODY, response.make)
    if not kept and response.make then
      return nil, e
    elseif not kept then
      local engine = mounts.engine(row).engine
      if engine.revoke then
        pcall(engine.revoke, mounts.context(self, row), response.lease)
      end
      return nil, e
    end
    answer.lease_id, answer.lease_duration, answer.renewable = kept.id, kept.ttl, kept.renewable
    answer.data = response.make and e or answer.data
  end
  if response.auth then
    local e
    answer.auth, e = grant(self, row, response.auth, token)
    if not answer.auth then
      return nil, e
    end
  end
  if asked.wrap_ttl and asked.wrap_ttl > 0 and not response.wrap_info and not response.json
    and (answer.data or answer.auth) then
    return wrapping.wrap(self, asked.path, answer, asked.wrap_ttl)
  end
  return answer
end

local function with_trace(raised)
  return err.from(raised, not err.is(raised) and debug.traceback(tostring(raised), 2) or nil)
end

local function call(spec, op, ctx, req)
  local ok, response, e = xpcall(spec[op], with_trace, ctx, req)
  if ok then
    return response, e
  end
  if response.code == "bug" then
    log.error("a request of the vault failed", {
      path = ctx.path, error = response.data and response.data.traceback or response.msg,
    })
    return err.fail("bug", "something went wrong in the vault; its log has the details")
  end
  return nil, response
end

local function perform(self, asked, row, spec, req, token)
  local response, e = call(spec, asked.op, req.ctx, req)
  if response == nil and e ~= nil then
    return nil, e
  end
  return answer_of(self, asked, row, response or {}, token)
end

-- The mount, the path of its engine, and what was given.
local function prepare(self, asked)
  local row, rest = mounts.find(self, asked.path)
  if not row then
    return nil, rest or err.new("notfound", ("no handler for route %q"):format(asked.path), {
      hint = "nothing is mounted there",
    })
  end
  local compiled, e = mounts.engine(row)
  if not compiled then
    return nil, e
  end
  local req = {
    op = asked.op, path = rest:find("%", 1, true) and rest:gsub("%%", "%%25") or rest,
    given = asked.data, mount_type = row.type, ctx = mounts.context(self, row), full_path = asked.path, asked = asked,
  }
  local spec
  spec, e = compiled:prepare(req)
  return row, spec, req, e
end

--- The path, without what would let it mean two things.
local function check_path(path)
  if path:find("^/") or path:find("//", 1, true) or path:find("%c") and path:find("[%z\n\r]")
    or path:find(".", 1, true) and ("/" .. path .. "/"):find("/%.%.?/") then
    return err.fail("usage", "'%s' is no path", path)
  end
  return true
end

local SEALED_PATHS = { sys = true }

-- While it is sealed, only what needs nothing of its storage answers.
local function while_sealed(self, asked)
  if not SEALED_PATHS[asked.path:match("^[^/]*")] then
    return err.fail("locked", "Vault is sealed")
  end
  local row = { path = "sys/", type = "system", id = "sys", options = {}, fixed = true, default_ttl = 0, max_ttl = 0 }
  local compiled = mounts.engine(row)
  local req = { op = asked.op, path = asked.path:sub(5), given = asked.data, asked = asked }
  local spec, e = compiled:prepare(req)
  if not spec then
    return nil, e
  elseif not spec.sealed then
    return err.fail("locked", "Vault is sealed")
  elseif e then
    return nil, e
  end
  local response
  response, e = call(spec, asked.op, { path = "sys", vault = self, now = self.now, cache = {} }, req)
  if response == nil and e then
    return nil, e
  end
  response = response or {}
  return { request_id = asked.id, data = response.data, json = response.json, status = response.status }
end

local function handle(self, asked)
  local ok, e = check_path(asked.path)
  if not ok then
    return nil, e
  end
  if self:is_sealed() and self.custody and not self.server and asked.path:match("^sys/(%a+)") ~= "init" then
    ok, e = self:open_by_custody()
    if not ok and e.code == "notfound" and self.shared then
      ok, e = self:initialise({ root_token = false })
    end
    if not ok then
      return nil, e
    end
  end
  if self:is_sealed() then
    return while_sealed(self, asked)
  elseif not self.server then
    leases.run_due(self)
  end
  local row, spec, req, problem = prepare(self, asked)
  if not row then
    problem, spec, req = spec, nil, {}
  end
  local token
  token, e = identify(self, asked, spec)
  if not e then
    ok, e = allowed(self, asked, req, spec, token)
    e = e or not ok and err.new("denied", "permission denied") or nil
  end
  e = e or problem
  local auth, request = token and auth_part(asked, token), request_part(asked, req)
  local noted, why = record(self, audit.entry("request", auth, request, e))
  if not noted then
    return nil, why
  end
  local answer
  if not e then
    req.token = token
    answer, e = perform(self, asked, row, spec, req, token)
  end
  if self:is_sealed() then
    return answer, e
  end
  noted, why = record(self, audit.entry("response", auth, request, e, answer and response_part(answer)))
  if token and token.uses == -1 then
    tokens.revoke(self, token.id)
  end
  if not self.server then
    leases.run_due(self)
  end
  if not noted then
    return nil, why
  end
  return answer, e
end

--- Does what is asked.
---@async
---@param asked prov.vault.Asked
---@return prov.vault.Answer?, prov.Err?
function M:request(asked)
  local turn <close>, e = self:enter()
  if not turn then
    return nil, e
  end
  asked.id, asked.data = tokens.uuid(), asked.data or {}
  return handle(self, asked)
end

--- Whether a token is valid; that is no use of it.
---@param secret? string
---@return boolean
function M:knows(secret)
  return secret ~= nil and not self:is_sealed() and tokens.get(self, tokens.id_of(self, secret)) ~= nil
end

--- The seconds a text says; nil alone for none.
---@param text? string "90", "5m"
---@return integer?, prov.Err?
function M.read_ttl(text)
  if not text or text == "" then
    return nil
  end
  local out, e = engines.read_fields({ ttl = { type = "seconds", doc = "" } }, { ttl = text })
  return out and out.ttl, e
end

--- The answer as JSON has it.
---@param answer prov.vault.Answer
---@return table
function M.shape(answer)
  return answer.json or {
    request_id = answer.request_id,
    lease_id = answer.lease_id or "",
    renewable = answer.renewable or false,
    lease_duration = answer.lease_duration or 0,
    data = answer.data or json.null,
    wrap_info = answer.wrap_info or json.null,
    warnings = answer.warnings and data.list(answer.warnings) or json.null,
    auth = answer.auth or json.null,
    mount_type = answer.mount_type,
  }
end

return M
