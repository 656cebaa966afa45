--- auth/token: tokens make tokens.

local data = require("core.data")
local common = require("prov.vault.auth.common")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local policy = require("prov.vault.policy")
local tokens = require("prov.vault.tokens")

local CREATE = {
  id = { type = "string", doc = "The token itself; only root may choose it" },
  policies = { type = "texts", doc = "Policies, by default those of the token that asks" },
  meta = { type = "map", doc = "Texts that go with it, also into the audit" },
  no_parent = { type = "bool", default = false, doc = "It is nobody's child" },
  no_default_policy = { type = "bool", default = false, doc = "Without the policy 'default'" },
  renewable = { type = "bool", default = true, doc = "Whether it can last longer" },
  ttl = { type = "seconds", doc = "How long it lasts" },
  lease = { type = "seconds", doc = "The same" },
  explicit_max_ttl = { type = "seconds", default = 0, doc = "How long at most, however often it is renewed" },
  display_name = { type = "string", default = "token", doc = "What it is called" },
  num_uses = { type = "int", default = 0, doc = "How often it works; 0 is any number" },
  period = { type = "seconds", default = 0, doc = "Renewed within this time it never ends" },
  type = { type = "string", default = "service", doc = "Always service" },
  entity_alias = { type = "string", doc = "Not supported" },
}
local ROLE = {
  allowed_policies = { type = "texts", doc = "Policies tokens may have" },
  disallowed_policies = { type = "texts", doc = "Policies tokens may not have" },
  orphan = { type = "bool", default = false, doc = "Tokens are nobody's children" },
  renewable = { type = "bool", default = true, doc = "Whether they can last longer" },
  token_period = { type = "seconds", default = 0, doc = "Renewed within this time they never end" },
  token_explicit_max_ttl = { type = "seconds", default = 0, doc = "How long they last at most" },
  token_num_uses = { type = "int", default = 0, doc = "How often they work" },
  token_no_default_policy = { type = "bool", default = false, doc = "Without the policy 'default'" },
}

local function has(list, name)
  for _, each in ipairs(list) do
    if each == name then
      return true
    end
  end
  return false
end

local function with_default(list, without)
  local out = {}
  for i, name in ipairs(list) do
    out[i] = name
  end
  if not without and not has(out, "default") and not has(out, "root") then
    out[#out + 1] = "default"
  end
  table.sort(out)
  return out
end

-- Who may do what a plain child may not: whoever has root, or sudo on the path.
local function is_powerful(ctx, req)
  if has(req.token.policies, "root") then
    return true
  end
  local acl = ctx.vault:acl(req.token.policies)
  return acl ~= nil and (acl:check("update", req.asked.path, { sudo = true }))
end

-- Whether a token may be given a policy: what the role says, else what the one that asks has itself.
local function may_give(ctx, req, role, name)
  local allowed, disallowed = role.allowed_policies or {}, role.disallowed_policies or {}
  if has(disallowed, name) then
    return false
  elseif name == "default" and not role.token_no_default_policy then
    return true
  elseif #allowed > 0 then
    return has(allowed, name)
  end
  return #disallowed > 0 or has(req.token.policies, name) or is_powerful(ctx, req)
end

local function policies_for(ctx, req, role)
  local own = req.token.policies
  local wanted, e = policy.names(req.data.policies or {})
  if not wanted then
    return nil, e
  end
  if #wanted == 0 then
    wanted = #(role.allowed_policies or {}) > 0 and role.allowed_policies or own
  end
  if has(wanted, "root") and not has(own, "root") then
    return err.fail("usage", "root tokens may not be created without parent token being root")
  end
  for _, name in ipairs(wanted) do
    if not may_give(ctx, req, role, name) then
      return err.fail("usage", "child policies must be subset of parent: '%s' is not", name)
    end
  end
  return with_default(wanted, wanted == own or req.data.no_default_policy or role.token_no_default_policy
    or has(role.disallowed_policies or {}, "default"))
end

local function create(ctx, req, orphan, role, role_name)
  local given = req.data
  if given.type ~= "service" and given.type ~= "default-service" then
    return err.fail("usage", "tokens are of the type service; batch tokens are not supported")
  end
  local powerful = is_powerful(ctx, req)
  if req.token.uses ~= 0 then
    return err.fail("usage", "restricted use token cannot generate child tokens")
  elseif given.no_parent and not powerful then
    return err.fail("usage", "root or sudo privileges required to create orphan token")
  elseif given.id and not has(req.token.policies, "root") then
    return err.fail("usage", "root privileges required to specify token id")
  elseif given.id and (#given.id < 8 or #given.id > tokens.LONGEST or given.id:find("[%s.]")) then
    return err.fail("usage", "the id of a token has 8 to %d characters, without dots and spaces", tokens.LONGEST)
  elseif given.num_uses < 0 then
    return err.fail("usage", "'num_uses' cannot be negative")
  elseif given.period > 0 and not powerful and not role then
    return err.fail("usage", "root or sudo privileges required to create periodic token")
  end
  local policies, e = policies_for(ctx, req, role or {})
  if not policies then
    return nil, e
  end
  local root = has(policies, "root")
  local ttl = given.ttl or given.lease
  if root and (ttl or 0) == 0 and given.period == 0 and given.explicit_max_ttl == 0 then
    ttl = nil -- one that does not end; those of others do
  end
  local meta = {}
  for key, value in pairs(given.meta or {}) do
    if type(key) ~= "string" or type(value) == "table" then
      return err.fail("usage", "'meta' must be a map of texts")
    end
    meta[key] = tostring(value)
  end
  role = role or {}
  return { auth = {
    policies = policies, meta = meta, ttl = ttl, root = root and not ttl, secret = given.id, path = req.asked.path,
    max_ttl = role.token_explicit_max_ttl and role.token_explicit_max_ttl > 0 and role.token_explicit_max_ttl
      or given.explicit_max_ttl,
    period = role.token_period and role.token_period > 0 and role.token_period or given.period,
    uses = role.token_num_uses and role.token_num_uses > 0 and role.token_num_uses or given.num_uses,
    renewable = given.renewable and role.renewable ~= false,
    display_name = (given.display_name == "token" or given.display_name == "") and "token"
      or "token-" .. given.display_name,
    orphan = orphan or given.no_parent or role.orphan or false, role = role_name,
    own_meta = next(meta) ~= nil and not powerful,
  } }
end

local function role_path(req)
  return "role/" .. req.params.role
end

local function create_with_role(ctx, req)
  local role, e = engine.need(ctx.storage, role_path(req), "usage", "unknown role %s", req.params.role)
  if not role then
    return nil, e
  end
  return create(ctx, req, false, role, req.params.role)
end

local function write_role(ctx, req)
  local role = req.data
  local ok, e = common.refuse(req.given, "token_bound_cidrs", "bound_cidrs", "allowed_policies_glob",
    "disallowed_policies_glob")
  for _, name in ipairs({ "allowed_policies", "disallowed_policies" }) do
    if ok then
      role[name], e = policy.names(role[name] or {})
      ok = role[name]
    end
  end
  if ok then
    ok, e = ctx.storage:put(role_path(req), role)
  end
  return ok and {} or nil, e
end

local function given_token(ctx, req)
  local secret = req.params.token or req.data.token
  if not secret or secret == "" then
    return err.fail("usage", "'token' is missing")
  end
  local token = tokens.get(ctx.vault, tokens.id_of(ctx.vault, secret))
  if not token then
    return nil, err.new("denied", "bad token")
  end
  return token, secret
end

local function lookup(ctx, req)
  local token, secret = given_token(ctx, req)
  if not token then
    return nil, secret
  end
  return { data = tokens.shown(ctx.vault, token, secret) }
end

local function own(req)
  return not req.token.trusted and req.token or nil
end

local function lookup_self(ctx, req)
  if not own(req) then
    return { data = { id = "", accessor = "", policies = data.list({ "root" }), display_name = req.token.display_name,
      ttl = 0, orphan = true, renewable = false, type = "service" } }
  end
  return { data = tokens.shown(ctx.vault, req.token, req.asked.token) }
end

local function renewed(ctx, id, increment, secret)
  local token, e, warning = tokens.renew(ctx.vault, id, increment)
  if not token then
    return nil, e
  end
  return {
    auth_shown = {
      client_token = secret or "", accessor = token.accessor, policies = token.policies,
      token_policies = token.policies, metadata = next(token.meta) and token.meta or data.null,
      lease_duration = tokens.left(token, ctx.now()) or 0, renewable = token.renewable, entity_id = "",
      token_type = "service", orphan = token.orphan, num_uses = token.uses, mfa_requirement = data.null,
    },
    warnings = warning and { warning } or nil,
  }
end

local function by_accessor(fn)
  return function(ctx, req)
    local token, e = tokens.by_accessor(ctx.vault, req.data.accessor or "")
    if not token then
      return nil, e
    end
    return fn(ctx, req, token)
  end
end

local function revoke(ctx, token, orphan)
  return engine.done(tokens.revoke(ctx.vault, token.id, orphan))
end

local TOKEN = { token = { type = "string", doc = "The token" } }
local RENEW = { token = TOKEN.token, increment = { type = "seconds", doc = "How long it is to last" } }
local ACCESSOR = {
  accessor = { type = "string", required = true, doc = "Stands for the token" },
  increment = { type = "seconds", doc = "How long it is to last" },
}

local paths = {
  { path = "create", doc = "Make a token", fields = CREATE, update = function(ctx, req)
    return create(ctx, req, false)
  end },
  { path = "create-orphan", doc = "Make one that is nobody's child", sudo = true, fields = CREATE,
    update = function(ctx, req)
      return create(ctx, req, true)
    end },
  { path = "create/{role}", doc = "Make one as a role says", fields = CREATE, update = create_with_role },
  { path = "lookup", doc = "What a token is", fields = TOKEN, update = lookup },
  { path = "lookup-self", doc = "What the token that asks is", read = lookup_self, update = lookup_self },
  { path = "lookup-accessor", doc = "The same, by accessor", fields = ACCESSOR,
    update = by_accessor(function(ctx, _, token)
      return { data = tokens.shown(ctx.vault, token) }
    end) },
  { path = "accessors", doc = "All accessors", sudo = true, list = function(ctx)
    local keys, e = ctx.vault.barrier:list("token/accessor/")
    return keys and { data = { keys = data.list(keys) } }, e
  end },
  { path = "renew", doc = "Let a token last longer", fields = RENEW, update = function(ctx, req)
    local token, secret = given_token(ctx, req)
    if not token then
      return nil, secret
    end
    return renewed(ctx, token.id, req.data.increment, secret)
  end },
  { path = "renew-self", doc = "Let the token that asks last longer", fields = RENEW, update = function(ctx, req)
    if not own(req) then
      return err.fail("usage", "this needs no token, so there is nothing to renew")
    end
    return renewed(ctx, req.token.id, req.data.increment, req.asked.token)
  end },
  { path = "renew-accessor", doc = "The same, by accessor", fields = ACCESSOR,
    update = by_accessor(function(ctx, req, token)
      return renewed(ctx, token.id, req.data.increment)
    end) },
  { path = "revoke", doc = "End a token and its children", fields = TOKEN, update = function(ctx, req)
    local token, e = given_token(ctx, req)
    if not token then
      return e.code == "denied" and {} or nil, e
    end
    return revoke(ctx, token)
  end },
  { path = "revoke-self", doc = "End the token that asks", update = function(ctx, req)
    return own(req) and revoke(ctx, req.token) or {}
  end },
  { path = "revoke-orphan", doc = "End a token; its children live on", sudo = true, fields = TOKEN,
    update = function(ctx, req)
      local token, e = given_token(ctx, req)
      if not token then
        return nil, e
      end
      return revoke(ctx, token, true)
    end },
  { path = "revoke-accessor", doc = "The same as revoke, by accessor", fields = ACCESSOR,
    update = by_accessor(function(ctx, _, token)
      return revoke(ctx, token)
    end) },
  { path = "tidy", doc = "Nothing needs tidying", update = function()
    return {}
  end },
  { path = "roles", doc = "Roles", list = function(ctx)
    return engine.listed("roles", ctx.storage:list("role/"))
  end },
  {
    path = "roles/{role}", doc = "How tokens of a role are", fields = ROLE,
    exists = engine.exists(role_path),
    read = function(ctx, req)
      local role, e = engine.need(ctx.storage, role_path(req), "notfound", "there is no role '%s'", req.params.role)
      if not role then
        return nil, e
      end
      role.name = req.params.role
      return { data = role }
    end,
    update = write_role,
    delete = engine.delete(role_path),
  },
}

return { name = "token", summary = "Tokens", paths = paths }
