--- The configuration of a provider. A field with `env` need not stand in the infra: what is absent there comes from
-- the environment, then from ~/.config/prov/credentials/<provider>.yaml, and only when a provider is called: plans
-- and validation need no credentials, and no plan file has any.

local contract = require("prov.contract")
local data = require("core.data")
local dirs = require("prov.dirs")
local err = require("prov.err")
local field_of = require("prov.contract.field")
local fs = require("prov.fs")

local M = {}

local LARGEST = 65536 -- bytes of credentials

local function variables(field)
  return type(field.env) == "table" and field.env or { field.env }
end

--- The schema that an infra is checked with: fields with `env` may be absent, and have no default yet unless the
-- settings gave it.
---@param schema table<string, prov.Field> the declared one, or with defaults of the settings in it
---@param declared table<string, prov.Field>
---@return table<string, prov.Field>
function M.in_infra(schema, declared)
  local out
  for name, field in next, schema do
    local own = field == declared[name]
    if type(field) == "table" and field.env and (field.required or own and field.default ~= nil) then
      out = out or field_of.with(schema, {})
      out[name] = field_of.with(field, {})
      out[name].required = nil
      if own then
        out[name].default = nil
      end
    end
  end
  return out or schema
end

--- The file that `prov provider login` writes.
---@param provider string
---@return string
function M.file(provider)
  return ("%s/credentials/%s.yaml"):format(dirs.config(), provider)
end

--- What a file of credentials says; nothing when there is none. One that others may read is refused.
---@param provider string
---@return table? fields, prov.Err?
function M.credentials(provider)
  local path = M.file(provider)
  local stat, e = fs.stat(path)
  if e then
    return nil, e
  elseif not stat then
    return {}
  elseif stat.mode & 63 ~= 0 then
    return nil, err.new("denied", ("%s holds credentials, and others may read it"):format(path), {
      hint = ("chmod 600 %s"):format(path),
    })
  end
  local text
  text, e = fs.read(path)
  if not text then
    return nil, e
  end
  local fields
  fields, e = require("prov.yaml").decode(text, { file = path })
  if fields == nil then
    return nil, e
  elseif type(fields) ~= "table" or data.kind(fields) ~= "map" then
    return err.fail("invalid", "%s must be a map of fields of the provider's configuration", path)
  end
  return fields
end

--- The fields that a provider may take from a file of credentials, and the only secret one of them or nil.
local function kept_fields(schema)
  local kept, secret, secrets = {}, nil, 0
  for name, field in next, schema do
    if type(field) == "table" and field.env then
      kept[name] = field
      if field_of.is_secret(field) then
        secret, secrets = name, secrets + 1
      end
    end
  end
  return kept, secrets == 1 and secret or nil
end

--- The fields in a text: YAML, or one line that is the secret.
local function fields_of(provider, schema, text)
  local kept, secret = kept_fields(schema)
  local line = text:match("^%s*([^%s:]+)%s*$")
  local fields, e
  if line and secret then
    fields = { [secret] = line }
  else
    fields, e = require("prov.yaml").decode(text, { file = "standard input" })
    if fields == nil then
      return nil, e
    elseif type(fields) ~= "table" or data.kind(fields) ~= "map" or next(fields) == nil then
      return nil, err.new("invalid", "expected fields of the configuration as YAML", {
        hint = secret and ("or one line, the %s"):format(secret) or "they are: " .. table.concat(data.keys(kept), ", "),
      })
    end
  end
  for name in next, fields do
    if not kept[name] then
      return nil, err.new("invalid", ("provider '%s' takes no '%s' from a file of credentials"):format(provider,
        tostring(name)), { hint = "it takes: " .. table.concat(data.keys(kept), ", ") })
    end
  end
  return fields
end

--- What somebody types, or what comes from a file or a program.
local function read_login(ctx, provider, schema)
  local stdin = require("prov.stdin")
  local _, secret = kept_fields(schema)
  if not stdin.is_terminal() then
    return stdin.read(LARGEST)
  elseif secret then
    return require("prov.ask").secret(("%s of %s (it is not shown)"):format(secret, provider))
  end
  ctx.ui.info("Fields of the configuration as YAML, then Ctrl-D:")
  return stdin.read(LARGEST)
end

--- `prov provider login`: writes the file of credentials, or deletes it.
---@async
---@param ctx prov.Ctx
---@param p { name: string, delete: boolean }
---@return { provider: string, file: string, fields: string[] }?, prov.Err?
function M.login(ctx, p)
  local declaration, e = ctx.registry:get("provider", p.name)
  if not declaration then
    return nil, e
  end
  local path = M.file(p.name)
  local ok
  if p.delete then
    ok, e = fs.remove(path)
    if not ok and e.code ~= "notfound" then
      return nil, e
    end
    ctx.ui.info(ok and "the credentials of '%s' are deleted" or "there are no credentials of '%s'", p.name)
    return { provider = p.name, file = path, fields = data.list({}) }
  end
  local text, fields
  text, e = read_login(ctx, p.name, declaration.config or {})
  if not text then
    return nil, e
  end
  fields, e = fields_of(p.name, declaration.config or {}, text)
  if not fields then
    return nil, e
  end
  ok, e = fs.mkdirp(path:match("^(.*)/"), 448)
  if ok then
    ok, e = fs.write_atomic(path, assert(require("prov.yaml").encode(fields)), { mode = 384 })
  end
  if not ok then
    return nil, e
  end
  return { provider = p.name, file = path, fields = data.list(data.keys(fields)) }
end

local function value_of(field, text)
  if field.type == "int" or field.type == "number" then
    return tonumber(text) or text
  elseif field.type == "bool" then
    return text == "true" or text == "1" or text ~= "false" and text ~= "0" and text
  end
  return text
end

local function of_environment(field)
  for _, variable in ipairs(variables(field)) do
    local text = os.getenv(variable)
    if text and text ~= "" then
      return value_of(field, text), variable
    end
  end
end

--- The first problem, saying where a field that is absent may come from.
local function explained(provider, kind, schema, problems)
  local missing = problems[1].missing and schema[problems[1].missing]
  if missing and missing.env then
    local name = problems[1].missing
    return err.new("invalid", ("provider '%s' needs its %s"):format(provider, name), {
      hint = ("set %s, run 'prov provider login %s', or write it into the infra: providers.%s.%s"):format(
        variables(missing)[1], kind, provider, name),
    })
  end
  return contract.errors(problems)[1]:wrap("provider '%s' needs its configuration in the infra", provider)
end

--- Adds what the file of credentials says. Secrets of two places do not go together: when the infra or the environment
-- has one, those of the file are of somebody else.
local function add_credentials(kind, schema, whole)
  local missing, has_secret = {}, false
  for name, field in next, schema do
    if type(field) == "table" and field.env then
      missing[#missing + 1] = whole[name] == nil and name or nil
      has_secret = has_secret or whole[name] ~= nil and field_of.is_secret(field)
    end
  end
  local saved, e = {}, nil
  if missing[1] then
    saved, e = M.credentials(kind)
  end
  for _, name in ipairs(saved and missing or {}) do
    whole[name] = not (has_secret and field_of.is_secret(schema[name])) and saved[name] or nil
  end
  return saved and true, e
end

--- Adds what the infra does not say.
---@param provider string its name in the infra, for people
---@param kind string what it is an instance of; the same for most
---@param schema? table<string, prov.Field> of the declaration
---@param given table what the infra says
---@return table? config, prov.Err?
function M.complete(provider, kind, schema, given)
  schema = schema or {}
  local whole, from = field_of.with(given, {}), {}
  for name, field in next, schema do
    if type(field) == "table" and field.env and whole[name] == nil then
      whole[name], from[name] = of_environment(field)
    end
  end
  local ok, e = add_credentials(kind, schema, whole)
  if not ok then
    return nil, e
  end
  local done, problems = contract.compile(schema).run(whole)
  if done then
    return done
  end
  local source = problems[1].path[1] and from[problems[1].path[1]]
  e = explained(provider, kind, schema, problems)
  return nil, source and e:wrap("the environment variable %s", source) or e
end

return M
