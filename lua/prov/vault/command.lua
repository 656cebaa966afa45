--- What `prov vault` does: asks the vault of the workspace, or a server at --address.

local ask = require("prov.ask")
local client = require("prov.vault.client")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")
local request_of = require("prov.vault.request")
local uv = require("luv")
local vault_of = require("prov.vault")

local M = {}

local MAX = 16 * 1024 * 1024 -- bytes of a value from a file

-- ---- Where the vault is ----

local function by_workspace(ctx, asked)
  local workspace, e = ctx:need_workspace()
  local vault
  if workspace then
    vault, e = vault_of.embedded(workspace)
  end
  if not vault then
    return nil, e
  end
  local _ <close> = vault
  asked.trusted = "workspace"
  local answer
  answer, e = vault:request(asked)
  if not answer then
    return nil, e
  end
  return answer.body and { data = answer.body } or request_of.shape(answer)
end

-- The address of a server; nil for the vault of the workspace.
local function address_of(p)
  local address = p.address or uv.os_getenv("VAULT_ADDR")
  return address ~= "" and address or nil
end

-- What only a server has to be told.
local function need_server(p)
  if address_of(p) then
    return true
  end
  return nil, err.new("unsupported", "the vault of a workspace opens with the workspace's key, command by command", {
    hint = "--address or VAULT_ADDR names a server: prov serve vault",
  })
end

--- Asks the vault that is meant.
---@async
---@param ctx prov.Ctx
---@param p table parameters, with the address
---@param asked prov.vault.Asked
---@return table?, prov.Err?
function M.ask(ctx, p, asked)
  local address = address_of(p)
  if address then
    return client.ask(address, asked)
  end
  return by_workspace(ctx, asked)
end

local function without_nulls(map)
  for key, value in pairs(map) do
    if value == data.null then
      map[key] = nil
    end
  end
  return map
end

-- What there is to show of an answer.
local function shown(answer, e)
  if not answer then
    return nil, e
  end
  for _, part in ipairs({ "wrap_info", "auth" }) do
    if answer[part] and answer[part] ~= data.null then
      return without_nulls(answer[part])
    end
  end
  if answer.lease_id and answer.lease_id ~= "" then
    local out = { lease_id = answer.lease_id, lease_duration = answer.lease_duration,
      lease_renewable = answer.renewable }
    for key, value in pairs(type(answer.data) == "table" and answer.data or {}) do
      out[key] = value
    end
    return out
  elseif answer.request_id or answer.data ~= nil then
    return type(answer.data) == "table" and without_nulls(answer.data) or answer.data ~= data.null and answer.data or {}
  end
  return answer
end

-- ---- What is given ----

local function value_of(text)
  if text:sub(1, 1) == "@" then
    return fs.read(text:sub(2), { max = MAX })
  elseif text == "-" then
    return require("prov.stdin").read(MAX)
  end
  return (text:gsub("^\\([@-])", "%1"))
end

--- NAME=VALUE texts as fields: @FILE stands for what is in a file, - for the standard input. A single - is a map as
--- JSON on the standard input.
---@async
---@param list? string[]
---@return table<string, any>?, prov.Err?
function M.fields(list)
  local out = {}
  if list and #list == 1 and list[1] == "-" then
    local text, e = require("prov.stdin").read(MAX)
    if not text then
      return nil, e
    end
    out, e = json.decode(text)
    if data.kind(out) ~= "map" then
      return nil, e or err.new("usage", "the standard input must be a map as JSON")
    end
    return out
  end
  for _, pair in ipairs(list or {}) do
    local name, text = pair:match("^([^=]+)=(.*)$")
    if not name then
      return err.fail("usage", "'%s' is not NAME=VALUE", pair)
    end
    local value, e = value_of(text)
    if not value then
      return nil, e
    end
    if out[name] == nil then
      out[name] = value
    elseif type(out[name]) == "table" then
      out[name][#out[name] + 1] = value
    else
      out[name] = data.list({ out[name], value })
    end
  end
  return out
end

-- ---- Operations ----

local function simple(op)
  return function(ctx, p)
    local fields, e = M.fields(p.fields)
    if not fields then
      return nil, e
    end
    return shown(M.ask(ctx, p, { op = op, path = p.path, data = next(fields) and fields or nil,
      wrap_ttl = p.wrap and math.floor(p.wrap) or nil }))
  end
end

M.read, M.write, M.delete = simple("read"), simple("update"), simple("delete")

--- The names at a path.
function M.list(ctx, p)
  local answer, e = M.ask(ctx, p, { op = "list", path = p.path })
  if not answer then
    if e.code == "notfound" then
      return data.list({})
    end
    return nil, e
  end
  return answer.data.keys
end

--- How the vault is.
function M.status(ctx, p)
  return M.ask(ctx, p, { op = "read", path = "sys/seal-status" })
end

--- Makes a server's vault.
function M.init(ctx, p)
  local ok, why = need_server(p)
  if not ok then
    return nil, why
  elseif p.recovery_shares and not p.recovery_threshold then
    return err.fail("usage", "--recovery-threshold is missing: how many of the shares are needed")
  end
  return M.ask(ctx, p, { op = "update", path = "sys/init", data = {
    secret_shares = p.shares, secret_threshold = p.threshold,
    recovery_shares = p.recovery_shares, recovery_threshold = p.recovery_threshold,
  } })
end

--- Gives a share of the key.
function M.unseal(ctx, p)
  local share
  local ok, e = need_server(p)
  if not ok then
    return nil, e
  elseif not p.reset then
    share, e = ask.secret("Share of the key")
    if not share and e.code == "usage" then
      share, e = require("prov.stdin").read(4096)
    end
    if not share then
      return nil, e
    end
  end
  return M.ask(ctx, p, { op = "update", path = "sys/unseal", data = { key = share and share:match("^%s*(.-)%s*$"),
    reset = p.reset or nil } })
end

local function done(ctx, p, asked, fmt, ...)
  local answer, e = M.ask(ctx, p, asked)
  if not answer then
    return nil, e
  end
  return fmt:format(...)
end

--- Closes it.
function M.seal(ctx, p)
  local ok, e = need_server(p)
  if not ok then
    return nil, e
  end
  return done(ctx, p, { op = "update", path = "sys/seal" }, "the vault is sealed")
end

--- Begins a new key of the keyring.
function M.rotate(ctx, p)
  return done(ctx, p, { op = "update", path = "sys/rotate" }, "what is written from now on has a new key")
end

-- Where a path of kv is: place(part) -> the path of one of its "data" or "metadata"; and whether it has versions.
local function kv_place(ctx, p)
  local path = p.path:gsub("^/+", ""):gsub("/+$", "")
  local answer, e = M.ask(ctx, p, { op = "read", path = "sys/internal/ui/mounts/" .. path })
  if not answer then
    if e.code == "denied" and not p.address and e.msg:find("preflight", 1, true) then
      e.hint = e.hint or "paths begin with their mount: secret/" .. path
    end
    return nil, e
  end
  local row = answer.data
  if row.type ~= "kv" then
    return err.fail("usage", "'%s' is no mount of kv, but of %s", row.path, row.type)
  end
  local is_v2 = type(row.options) == "table" and row.options.version == "2"
  return function(part)
    return (row.path .. (is_v2 and part .. "/" or "") .. path:sub(#row.path + 1)):gsub("/+$", "")
  end, is_v2
end

--- A secret, or one of its values.
function M.kv_get(ctx, p)
  local place, is_v2 = kv_place(ctx, p)
  if not place then
    return nil, is_v2
  end
  local answer, e = M.ask(ctx, p, { op = "read", path = place("data"),
    data = p.version and { version = p.version } or nil })
  if not answer then
    if e.code == "notfound" then
      local which = p.version and ("version %d of a "):format(p.version) or ""
      e.msg = ("there is no %ssecret at '%s'"):format(which, p.path)
    end
    return nil, e
  end
  local value = answer.data
  if is_v2 then
    if value.data == data.null then
      return err.fail("notfound", "this version of '%s' was deleted", p.path)
    end
    value = value.data
  end
  if not p.field then
    return value
  elseif value[p.field] == nil then
    return nil, require("prov.suggest").unknown("field", p.field, data.keys(value))
  end
  return value[p.field]
end

--- Writes a secret.
function M.kv_put(ctx, p)
  local fields, e = M.fields(p.fields)
  if not fields then
    return nil, e
  elseif next(fields) == nil then
    return err.fail("usage", "what is the secret? prov vault kv put %s NAME=VALUE", p.path)
  end
  local place, is_v2 = kv_place(ctx, p)
  if not place then
    return nil, is_v2
  end
  local given = is_v2 and { data = fields, options = p.cas and { cas = p.cas } or nil } or fields
  return shown(M.ask(ctx, p, { op = is_v2 and p.patch and "patch" or "update",
    path = place("data"), data = given }))
end

--- Names of secrets.
function M.kv_list(ctx, p)
  local place, is_v2 = kv_place(ctx, p)
  if not place then
    return nil, is_v2
  end
  return M.list(ctx, { address = p.address, path = place("metadata") })
end

--- Deletes a secret, so that it can come back; or for good.
function M.kv_delete(ctx, p)
  local place, is_v2 = kv_place(ctx, p)
  if not place then
    return nil, is_v2
  end
  return done(ctx, p, { op = "delete", path = place(p.all and "metadata" or "data") },
    "'%s' is deleted", p.path)
end

--- Makes a token.
function M.token_create(ctx, p)
  return shown(M.ask(ctx, p, { op = "update", path = p.orphan and "auth/token/create-orphan" or "auth/token/create",
    data = {
      policies = p.policy and data.list(p.policy), ttl = p.ttl and math.floor(p.ttl),
      period = p.period and math.floor(p.period), num_uses = p.uses, display_name = p.name,
    } }))
end

--- What a token is.
function M.token_lookup(ctx, p)
  local secret, e = p.token and value_of(p.token) or nil, nil
  if p.token and not secret then
    return nil, e
  end
  return shown(M.ask(ctx, p, secret and { op = "update", path = "auth/token/lookup", data = { token = secret } }
    or { op = "read", path = "auth/token/lookup-self" }))
end

--- Ends a token.
function M.token_revoke(ctx, p)
  local asked = p.accessor and { op = "update", path = "auth/token/revoke-accessor", data = { accessor = p.accessor } }
  if not asked then
    local secret, e = value_of(p.token or "-")
    if not secret then
      return nil, e
    end
    asked = { op = "update", path = "auth/token/revoke", data = { token = secret:match("^%s*(.-)%s*$") } }
  end
  return done(ctx, p, asked, "the token and its children are revoked")
end

--- Writes a policy.
function M.policy_write(ctx, p)
  local text, e
  if p.file == "-" then
    text, e = require("prov.stdin").read(MAX)
  else
    text, e = fs.read(p.file, { max = MAX })
  end
  if not text then
    return nil, e
  end
  return done(ctx, p, { op = "update", path = "sys/policies/acl/" .. p.name, data = { policy = text } },
    "the policy '%s' is written", p.name)
end

--- A policy's text.
function M.policy_read(ctx, p)
  local answer, e = M.ask(ctx, p, { op = "read", path = "sys/policies/acl/" .. p.name })
  if not answer then
    return nil, e
  end
  return answer.data.policy
end

--- Names of policies.
function M.policy_list(ctx, p)
  return M.list(ctx, { address = p.address, path = "sys/policies/acl" })
end

--- Removes a policy.
function M.policy_delete(ctx, p)
  return done(ctx, p, { op = "delete", path = "sys/policies/acl/" .. p.name }, "the policy '%s' is deleted", p.name)
end

--- Why policies allow something, or do not.
function M.policy_explain(ctx, p)
  local fields, e = M.fields(p.fields)
  if not fields then
    return nil, e
  end
  return shown(M.ask(ctx, p, { op = "update", path = "sys/policies/explain", data = {
    policies = data.list(p.policy), path = p.path, capability = p.capability, data = fields,
  } }))
end

local function rows(answer, e, more)
  if not answer then
    return nil, e
  end
  local out = data.list({})
  for _, path in ipairs(data.keys(answer.data)) do
    local row = answer.data[path]
    out[#out + 1] = { path = path, type = row.type, description = row.description, more = more(row) }
  end
  return out
end

--- The audit devices.
function M.audit_list(ctx, p)
  local answer, e = M.ask(ctx, p, { op = "read", path = "sys/audit" })
  return rows(answer, e, function(row)
    return row.options.file_path
  end)
end

--- Lets the audit be written to another file too.
function M.audit_enable(ctx, p)
  local file = p.file:match("^/") and p.file or fs.realpath(".") .. "/" .. p.file
  return done(ctx, p, { op = "update", path = "sys/audit/" .. p.path, data = { type = "file",
    options = { file_path = file } } }, "what is done is written to %s", file)
end

--- Ends an audit device.
function M.audit_disable(ctx, p)
  return done(ctx, p, { op = "delete", path = "sys/audit/" .. p.path }, "'%s' is written no more", p.path)
end

--- What stands in the audit for a text.
function M.audit_hash(ctx, p)
  local text, e = value_of(p.text or "-")
  if not text then
    return nil, e
  end
  local answer
  answer, e = M.ask(ctx, p, { op = "update", path = "sys/audit-hash/" .. p.path, data = { input = text } })
  if not answer then
    return nil, e
  end
  return answer.data.hash
end

--- The engines and auth methods that are mounted.
function M.mount_list(ctx, p)
  local answer, e = M.ask(ctx, p, { op = "read", path = p.auth and "sys/auth" or "sys/mounts" })
  return rows(answer, e, function(row)
    return type(row.options) == "table" and row.options.version and "version " .. row.options.version or nil
  end)
end

local function mount_path(p)
  return (p.auth and "sys/auth/" or "sys/mounts/") .. p.path
end

--- Mounts an engine or auth method.
function M.mount_enable(ctx, p)
  local options, e = M.fields(p.fields)
  if not options then
    return nil, e
  end
  return done(ctx, p, { op = "update", path = mount_path(p), data = { type = p.type, description = p.description,
    options = next(options) and options or nil } }, "%s is mounted at '%s'", p.type, p.path)
end

--- Takes a mount away, and all that is in it.
function M.mount_disable(ctx, p)
  return done(ctx, p, { op = "delete", path = mount_path(p) }, "nothing is mounted at '%s' any more", p.path)
end

--- Changes who opens the vault, or wraps its key anew.
function M.custody(ctx, p)
  if p.shares then
    return shown(M.ask(ctx, p, { op = "update", path = "sys/custody", data = { secret_shares = p.shares,
      secret_threshold = p.threshold or p.shares } }))
  end
  return done(ctx, p, { op = "update", path = "sys/custody", data = { kms = p.kms, rotate = p.rotate or nil } },
    p.kms == "local" and "the key of the workspace opens the vault" or p.kms and "%s opens the vault"
      or "the key of the vault is wrapped anew", p.kms)
end

return M
