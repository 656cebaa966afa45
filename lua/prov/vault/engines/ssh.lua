--- Certificates of SSH for users and hosts, instead of lists of keys on every server.
-- Paths, fields and answers are those of Vault's ssh engine; one-time passwords are not there.

local crypto = require("core.crypto")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local net = require("core.net")
local ssh_cert = require("prov.ssh_cert")

local field = engine.field

-- Names of keys in requests -> those of prov.
local KEY_TYPES = { ["ssh-rsa"] = "rsa", rsa = "rsa", ["ssh-ed25519"] = "ed25519", ed25519 = "ed25519", ec = "ecdsa" }

local ROLE = {
  key_type = { type = "string", default = "ca", doc = "ca: certificates", one_of = { "ca" } },
  default_user = field("string", "Who a certificate is for when nobody says", ""),
  default_user_template = field("bool", "Whether {{...}} in it stand for the token's values", false),
  allowed_users = field("texts", "Who it may be for; * for anybody", {}),
  allowed_users_template = field("bool", "Whether {{...}} in them stand for the token's values", false),
  allowed_domains = field("texts", "Domains of hosts; * for any", {}),
  allow_bare_domains = field("bool", "Whether a host may be named as a domain", false),
  allow_subdomains = field("bool", "Whether it may be below one", false),
  allow_user_certificates = field("bool", "Whether users get certificates", false),
  allow_host_certificates = field("bool", "Whether hosts get them", false),
  allow_user_key_ids = field("bool", "Whether requests choose the key's id", false),
  allow_empty_principals = field("bool", "Whether a certificate may be for everybody", false),
  key_id_format = field("string", "The key's id; with {{token_display_name}}, {{role_name}}, {{public_key_hash}}",
    "vault-{{token_display_name}}-{{public_key_hash}}"),
  allowed_critical_options = field("texts", "Critical options that requests may set; any when empty", {}),
  allowed_extensions = field("texts", "Extensions that requests may set; * for any", {}),
  default_critical_options = field("map", "Critical options when a request sets none", {}),
  default_extensions = field("map", "Extensions when a request sets none", {}),
  ttl = field("seconds", "How long a certificate lasts when nobody says; of the mount when 0", 0),
  max_ttl = field("seconds", "How long it may last; of the mount when 0", 0),
  not_before_duration = field("seconds", "How long before now it begins", 30),
}

local WANTED = {
  ttl = field("seconds", "How long it lasts", 0),
  valid_principals = field("texts", "Users, or names of the host", {}),
  cert_type = { type = "string", doc = "Whose it is", default = "user", one_of = { "user", "host" } },
  key_id = field("string", "What servers write into their logs", ""),
  critical_options = field("map", "force-command, source-address", {}),
  extensions = field("map", "permit-pty and others", {}),
}

-- ---- The authority ----

local function authority(ctx)
  if not ctx.cache.authority then
    local record, e = engine.need(ctx.storage, "config/ca", "usage",
      "keys haven't been configured yet: write config/ca of '%s' first", ctx.path)
    if not record then
      return nil, e
    end
    local key
    key, e = crypto.pkey_ssh(record.private_key)
    if not key then
      return nil, e:wrap("read the key of '%s'", ctx.path)
    end
    ctx.cache.authority = { key = key, public_key = record.public_key }
  end
  return ctx.cache.authority
end

local function make_pair(key_type)
  local kind = KEY_TYPES[key_type]
  if not kind then
    return err.fail("usage", "'key_type' must be one of ssh-rsa, ssh-ed25519, not '%s'", key_type)
  end
  return net.ssh_keygen(kind)
end

-- The pair of a request to take or make one.
local function given_pair(data)
  if data.private_key == "" then
    if data.public_key ~= "" then
      return err.fail("usage", "'public_key' is given without its 'private_key'")
    end
    return make_pair(data.key_type)
  end
  local key <close>, e = crypto.pkey_ssh(data.private_key)
  if not key then
    return nil, e:wrap("read 'private_key'")
  end
  local line
  line, e = key:public("ssh")
  if not line then
    return nil, e
  elseif not select(2, key:type()) then
    return err.fail("usage", "'private_key' is a public key")
  elseif data.public_key ~= "" and data.public_key:match("^%s*(%S+%s+%S+)") ~= line then
    return err.fail("usage", "'public_key' is not that of 'private_key'")
  end
  return { private = data.private_key, public = line }
end

local function write_authority(ctx, req)
  local _ <close> = ctx.lock("ca")
  local there, e = ctx.storage:get("config/ca")
  if e then
    return nil, e
  elseif there then
    return err.fail("exists", "keys are already configured; delete config/ca of '%s' before making others", ctx.path)
  elseif req.data.private_key == "" and not req.data.generate_signing_key then
    return err.fail("usage", "'private_key' is missing, and 'generate_signing_key' is false")
  end
  local pair
  pair, e = given_pair(req.data)
  if not pair then
    return nil, e
  end
  local line = pair.public:match("^%S+%s+%S+")
  local ok
  ok, e = ctx.storage:put("config/ca", { private_key = pair.private, public_key = line })
  if not ok then
    return nil, e
  end
  return engine.respond({ public_key = line .. "\n" })
end

local function read_authority(ctx)
  local found, e = authority(ctx)
  if not found then
    return nil, e
  end
  return engine.respond({ public_key = found.public_key .. "\n" })
end

local function delete_authority(ctx)
  ctx.cache.authority = nil
  return engine.done(ctx.storage:delete("config/ca"))
end

local function public_key(ctx)
  local found, e = authority(ctx)
  if not found then
    return nil, e
  end
  return { body = found.public_key .. "\n", content_type = "text/plain" }
end

-- ---- What a role allows ----

-- {{token.meta.x}} and others; nil when the token has no such value, and which. What somebody says of himself is none.
local function fill(text, token, more)
  local missing
  local out = text:gsub("{{%s*(.-)%s*}}", function(name)
    local meta = name:match("^token%.meta%.(.+)$") or name:match("^identity%.entity%.metadata%.(.+)$")
    local value = more[name] or meta and not token.own_meta and token.meta and token.meta[meta]
      or (name == "token.display_name" or name == "identity.entity.name") and token.display_name
    missing = missing or not value and name
    return value or nil
  end)
  if missing then
    return nil, missing
  end
  return out
end

-- Names of a role, filled in; those that the token has no value for are no names.
local function filled(names, is_template, token)
  if not is_template then
    return names
  end
  local out = {}
  for _, name in ipairs(names) do
    out[#out + 1] = fill(name, token or {}, {})
  end
  return out
end

local function contains(list, value)
  for _, one in ipairs(list) do
    if one == value then
      return true
    end
  end
  return false
end

-- * stands for anybody in the role itself only, not in what a template became.
local function user_allowed(role, name, token, default)
  return name ~= "" and (name == default or contains(role.allowed_users, "*")
    or contains(filled(role.allowed_users, role.allowed_users_template, token), name))
end

local function host_allowed(role, name)
  if contains(role.allowed_domains, "*") then
    return true
  end
  for _, domain in ipairs(role.allowed_domains) do
    if role.allow_bare_domains and name == domain
      or role.allow_subdomains and #name > #domain + 1 and name:sub(-#domain - 1) == "." .. domain then
      return true
    end
  end
  return false
end

local function principals(role, req)
  local data, name = req.data, req.params.role
  local host = data.cert_type == "host"
  local default = not host and filled({ role.default_user }, role.default_user_template, req.token)[1] or ""
  local out = data.valid_principals
  if #out == 0 and default ~= "" then
    out = { default }
  end
  if #out == 0 and not role.allow_empty_principals then
    return err.fail("usage", "empty valid principals not allowed by role '%s': set 'valid_principals'", name)
  end
  for _, one in ipairs(out) do
    local ok, rule
    if host then
      ok, rule = host_allowed(role, one), "allowed_domains"
    else
      ok, rule = user_allowed(role, one, req.token, default), "allowed_users"
    end
    if not ok then
      return err.fail("usage", "%s is not a valid value for valid_principals of role '%s': %s = %s", one, name, rule,
        #role[rule] > 0 and table.concat(role[rule], ", ") or "(none)")
    end
  end
  return out
end

-- Options or extensions of a request, else the default ones.
local function options(role, req, what, allowed, anything)
  local asked = req.data[what]
  if next(asked) == nil then
    return role["default_" .. what]
  end
  for name, value in pairs(asked) do
    if type(name) ~= "string" or type(value) ~= "string" then
      return err.fail("usage", "'%s' must be a map of texts", what)
    elseif not (anything or contains(allowed, "*") or contains(allowed, name)) then
      return err.fail("usage", "%s [%s] are not on allowed list of role '%s': %s", what, name, req.params.role,
        #allowed > 0 and table.concat(allowed, ", ") or "(none)")
    end
  end
  return asked
end

local function key_id(role, req, line)
  if req.data.key_id ~= "" then
    if not role.allow_user_key_ids then
      return err.fail("usage", "setting key_id is not allowed by role '%s': allow_user_key_ids = false",
        req.params.role)
    end
    return req.data.key_id
  end
  local key, e = ssh_cert.key(line)
  if not key then
    return nil, e
  end
  local id, missing = fill(role.key_id_format, req.token or {}, {
    token_display_name = req.token and req.token.display_name or "",
    role_name = req.params.role,
    public_key_hash = crypto.sha256(key.wire),
  })
  if not id then
    return err.fail("usage", "key_id_format of role '%s': there is no {{%s}}", req.params.role, missing)
  end
  return id
end

local function lasting(ctx, role, data)
  local most = engine.longest(ctx, role.max_ttl)
  return engine.lasting(data.ttl > 0 and data.ttl or role.ttl > 0 and role.ttl or math.min(ctx.default_ttl, most), most)
end

local function get_role(ctx, name)
  return engine.need(ctx.storage, "roles/" .. name, "usage", "unknown role: %s", name)
end

local function facts_of(ctx, role, req, line)
  local data = req.data
  if not role[("allow_%s_certificates"):format(data.cert_type)] then
    return err.fail("usage", "cert_type '%s' is not allowed by role '%s': allow_%s_certificates = false",
      data.cert_type, req.params.role, data.cert_type)
  end
  local facts = { kind = data.cert_type }
  local e
  facts.principals, e = principals(role, req)
  if not facts.principals then
    return nil, e
  end
  facts.options, e = options(role, req, "critical_options", role.allowed_critical_options,
    #role.allowed_critical_options == 0)
  if not facts.options then
    return nil, e
  end
  facts.extensions, e = options(role, req, "extensions", role.allowed_extensions, false)
  if not facts.extensions then
    return nil, e
  end
  facts.id, e = key_id(role, req, line)
  if not facts.id then
    return nil, e
  end
  local seconds, warning = lasting(ctx, role, data)
  facts.serial = ("I8"):unpack(crypto.random(8))
  facts.valid_after = ctx.now() - role.not_before_duration
  facts.valid_before = ctx.now() + seconds
  return facts, nil, warning
end

local function certify(ctx, req, line, role)
  local signer, e = authority(ctx)
  if not signer then
    return nil, e
  end
  local facts, fe, warning = facts_of(ctx, role, req, line)
  if not facts then
    return nil, fe
  end
  local signed
  signed, e = ssh_cert.sign(facts, line, signer.key)
  if not signed then
    return nil, e
  end
  return engine.respond({ serial_number = ("%016x"):format(facts.serial), signed_key = signed .. "\n" }, warning)
end

local function sign(ctx, req)
  local role, e = get_role(ctx, req.params.role)
  if not role then
    return nil, e
  end
  return certify(ctx, req, req.data.public_key, role)
end

local function issue(ctx, req)
  local role, e = get_role(ctx, req.params.role)
  if not role then
    return nil, e
  end
  local pair
  pair, e = make_pair(req.data.key_type)
  if not pair then
    return nil, e
  end
  local out
  out, e = certify(ctx, req, pair.public, role)
  if not out then
    return nil, e
  end
  out.data.private_key, out.data.private_key_type = pair.private, req.data.key_type
  return out
end

-- ---- Roles ----

local function role_path(req)
  return "roles/" .. req.params.role
end

local function read_role(ctx, req)
  local role, e = engine.need(ctx.storage, role_path(req), "notfound", "there is no role '%s'", req.params.role)
  if not role then
    return nil, e
  end
  local out = {}
  for name, value in pairs(role) do -- lists are texts there, as Vault has them
    out[name] = ROLE[name] and ROLE[name].type == "texts" and table.concat(value, ",") or value
  end
  return engine.respond(out)
end

local function write_role(ctx, req)
  local role = req.data
  for _, what in ipairs({ "default_critical_options", "default_extensions" }) do
    for name, value in pairs(role[what]) do
      if type(name) ~= "string" or type(value) ~= "string" then
        return err.fail("usage", "'%s' must be a map of texts", what)
      end
    end
  end
  if role.max_ttl > 0 and role.ttl > role.max_ttl then
    return err.fail("usage", "'ttl' must be less than or equal to 'max_ttl'")
  elseif not (role.allow_user_certificates or role.allow_host_certificates) then
    return err.fail("usage", "either 'allow_user_certificates' or 'allow_host_certificates' must be true")
  end
  return engine.done(ctx.storage:put(role_path(req), role))
end

local function list_roles(ctx)
  return engine.listed("roles", ctx.storage:list("roles/"))
end

---@type prov.vault.Engine
return {
  name = "ssh",
  summary = "Certificates for users and hosts of SSH",
  paths = {
    {
      path = "config/ca", doc = "The key that signs",
      fields = {
        generate_signing_key = field("bool", "Whether to make one", true),
        private_key = field("string", "Or this one", ""),
        public_key = field("string", "Its public half", ""),
        key_type = field("string", "Type of a key that is made: ssh-ed25519 or ssh-rsa", "ssh-ed25519"),
      },
      read = read_authority, update = write_authority, delete = delete_authority,
    },
    { path = "public_key", doc = "Its public half, for servers and clients to trust", open = true, read = public_key },
    {
      path = "roles/{role}", doc = "What may be signed", fields = ROLE,
      exists = engine.exists(role_path),
      read = read_role, update = write_role, delete = engine.delete(role_path),
    },
    { path = "roles", doc = "Names of roles", list = list_roles },
    {
      path = "sign/{role}", doc = "Signs a public key", update = sign,
      fields = engine.fields(WANTED, {
        public_key = { type = "string", required = true, doc = "ssh-ed25519 AAAA..." },
      }),
    },
    {
      path = "issue/{role}", doc = "Makes a key, and signs it", update = issue,
      fields = engine.fields(WANTED, {
        key_type = { type = "string", doc = "Type of the key", default = "ed25519",
          one_of = { "rsa", "ec", "ed25519" } },
      }),
    },
  },
}
