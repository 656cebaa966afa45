--- Secrets engines of the vault: what one is, what it is made of, and how a request finds its way into it.
--
-- An engine is a table of paths, each with the fields it takes and a function for each thing that can be done with it.
-- It knows neither tokens, policies nor HTTP: it is called when all of that was settled, and answers with data.

local data = require("core.data")
local err = require("prov.err")
local http_routes = require("prov.http_routes")

local M = {}

local SLASH = ("/"):byte()

--- What can be done with a path. `update` stands for writing; a path that says whether something
--- `exists` tells policies its creation from its update.
M.OPERATIONS = { "read", "list", "update", "delete", "patch" }

---@class prov.vault.Field
--- bytes are in base64; texts are a list; strings too, but commas do not separate them
---@field type "string"|"int"|"bool"|"seconds"|"bytes"|"list"|"texts"|"strings"|"map"|"any"
---@field doc string
---@field default? any
---@field required? boolean
---@field one_of? string[]

---@alias prov.vault.Handler fun(ctx: prov.vault.Mount, req: prov.vault.Request): prov.vault.Response?, prov.Err?

---@class prov.vault.Path
---@field path string below the mount: "keys/{name}/rotate", "data/{path...}"
---@field doc string
---@field fields? table<string, prov.vault.Field>
---@field open? boolean asked without a token, as a list of revoked certificates is
---@field sudo? boolean policies must give "sudo" too
---@field sealed? boolean of the vault itself: works while it is sealed
---@field any_case? boolean names in it are the same in large and small letters; policies must allow the small ones too
---@field exists? fun(ctx, req): boolean?, prov.Err?
---@field read? prov.vault.Handler
---@field list? prov.vault.Handler
---@field update? prov.vault.Handler
---@field delete? prov.vault.Handler
---@field patch? prov.vault.Handler

---@class prov.vault.Engine
---@field name string the type of a mount: "kv"
---@field summary string
---@field paths prov.vault.Path[]
---@field setup? fun(ctx): true?, prov.Err? once, when it is mounted
---@field renew? fun(ctx, lease: prov.vault.Lease, seconds: integer): integer?, prov.Err? what it lasts from now
---@field revoke? fun(ctx, lease: prov.vault.Lease): true?, prov.Err? may be called again after a failure
---@field resume? fun(ctx): true?, prov.Err? after each unseal
---@field due? fun(ctx, name: string): true?, prov.Err? the time of an { "at", ... } is here

--- What the vault gives an engine.
---@class prov.vault.Mount
---@field path string where it is mounted, without slashes at the ends
---@field id string of this mount; another one when it is mounted anew
---@field options table<string, any> of the mount
---@field default_ttl integer seconds
---@field max_ttl integer seconds
---@field storage prov.vault.Storage of this mount alone
---@field now fun(): integer seconds since 1970
---@field cache table lives until the vault is sealed, never stored
---@field new_password fun(policy: string): string?, prov.Err? by a policy below sys/policies/password; "": the default
---@field lock fun(name: string): table closable: one task of the process has it at a time, others wait

--- Values by path, sealed on disk. Values are Lua tables, strings, integers and booleans.
---@class prov.vault.Storage
---@field get fun(self, path: string): any, prov.Err? nil when there is none
---@field put fun(self, path: string, value: any): true?, prov.Err? durable when it returns
---@field delete fun(self, path: string): true?, prov.Err?
---@field list fun(self, prefix: string): string[]?, prov.Err? names right below "a/", sorted; folders end in "/"
---@field commit fun(self, changes: table[]): true?, prov.Err? all or none: { "put", path, value },
--- { "del", path }, { "at", seconds since 1970, name } calls the engine's `due` then

---@class prov.vault.Request
---@field op string one of M.OPERATIONS
---@field path string below the mount
---@field params table<string, string> values of the path
---@field data table<string, any> fields: given ones in their types, defaults for the others
---@field given table<string, any> fields as they came, also unknown ones
---@field token? { accessor: string, display_name: string, policies: string[], meta: table<string, string> }

---@class prov.vault.Lease
---@field ttl integer seconds
---@field max_ttl? integer
---@field renewable? boolean
---@field internal table what renew and revoke need; stored, never shown

--- nil stands for an answer without a body.
---@class prov.vault.Response
---@field data? table<string, any>
---@field lease? prov.vault.Lease
---@field make? fun(): table?, prov.Err? makes what the lease is for once that is on disk, and gives the data: a crash
--- leaves nothing behind that nobody takes back. err "unknown": it may have been made
---@field warnings? string[]
---@field body? string instead of data: raw bytes,
---@field content_type? string of this type
---@field auth? table of an auth method: policies, ttl, max_ttl, period, uses, display_name, meta, renewable
---@field json? table of the vault itself: the whole answer
---@field status? integer of HTTP

local UNITS = { s = 1, m = 60, h = 3600, d = 86400, w = 604800 }
local BOOLS = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false, [""] = false }

local LONGEST = 1000 * 366 * 86400 -- seconds

-- "1h30m", "90", 90
local function seconds(v)
  local n = math.tointeger(v) or type(v) == "string" and math.tointeger(tonumber(v, 10))
  if n then
    return n >= 0 and n <= LONGEST and n or nil
  elseif type(v) ~= "string" then
    return nil
  end
  local sum, at = 0, 1
  for number, unit, after in v:gmatch("(%d+)(%a)()") do
    if not UNITS[unit] or #number > 9 then
      return nil
    end
    sum, at = sum + tonumber(number) * UNITS[unit], after
  end
  return at > 1 and at == #v + 1 and sum <= LONGEST and sum or nil
end

-- "x, y", or a list as it came.
local function list(v)
  if type(v) == "table" then
    return v
  elseif type(v) ~= "string" then
    return nil
  end
  local out = {}
  for part in v:gmatch("[^,]+") do
    out[#out + 1] = part:match("^%s*(.-)%s*$")
  end
  return out
end

-- Given value -> value; nil when it is none of the type. Clients send text for everything:
-- `vault write x exportable=true`.
local READ = {
  any = function(v)
    return v
  end,
  string = function(v)
    return (type(v) == "string" or type(v) == "number" or type(v) == "boolean") and tostring(v) or nil
  end,
  int = function(v)
    return math.tointeger(v) or type(v) == "string" and math.tointeger(tonumber(v, 10)) or nil
  end,
  bool = function(v)
    if type(v) == "boolean" then
      return v
    end
    return BOOLS[tostring(v):lower()]
  end,
  seconds = seconds,
  bytes = function(v)
    return type(v) == "string" and require("core.base").unbase64(v) or nil
  end,
  list = list,
  texts = function(v)
    local out = {}
    for i, text in pairs(list(v) or { false }) do
      if type(i) ~= "number" or type(text) ~= "string" then
        return nil
      end
      out[i] = text
    end
    return data.list(out)
  end,
  strings = function(v)
    local out = type(v) == "table" and v or type(v) == "string" and (v ~= "" and { v } or {}) or { false }
    for i, text in pairs(out) do
      if type(i) ~= "number" or type(text) ~= "string" then
        return nil
      end
    end
    return data.list(out)
  end,
  map = function(v)
    return type(v) == "table" and v or nil
  end,
}
local WANTED = {
  int = "a whole number",
  bool = "true or false",
  seconds = "seconds, or a duration such as 1h30m",
  bytes = "base64",
  list = "a list",
  texts = "a list of texts",
  strings = "a text, or a list of them",
  map = "a map",
  string = "a text",
}

local function one_of(field, value)
  if not field.one_of then
    return true
  end
  for _, choice in ipairs(field.one_of) do
    if choice == value then
      return true
    end
  end
  return false
end

-- Not given; clients send "" for a duration they have none of.
local function is_absent(field, v)
  return v == nil or v == data.null or v == "" and field.type == "seconds"
end

-- What fields are without anything given: { defaults, lists, required }, by the table of fields. Lists are made anew
-- for each request.
local known = setmetatable({}, { __mode = "k" })

local function without_any(fields)
  local out = { defaults = {}, lists = {}, required = {} }
  for name, field in pairs(fields) do
    if field.required then
      out.required[#out.required + 1] = name
    end
    if (field.type == "texts" or field.type == "strings") and field.default then
      out.lists[#out.lists + 1] = name
    end
    out.defaults[name] = field.default
  end
  known[fields] = out
  return out
end

--- What was given as the fields want it.
---@param fields table<string, prov.vault.Field>
---@param given table<string, any>
---@param op? string what is done: only who writes has to give anything
---@return table<string, any>?, prov.Err?
function M.read_fields(fields, given, op)
  local without = known[fields] or without_any(fields)
  if op == nil or op == "update" or op == "patch" then
    for _, name in ipairs(without.required) do
      if is_absent(fields[name], given[name]) then
        return err.fail("usage", "'%s' is missing: %s", name, fields[name].doc)
      end
    end
  end
  local out = data.copy(without.defaults, 2)
  for _, name in ipairs(without.lists) do
    out[name] = READ[fields[name].type](out[name])
  end
  for name, v in pairs(given) do
    local field = fields[name]
    if field and not is_absent(field, v) then
      local value = READ[field.type](v)
      if value == nil or not one_of(field, value) then
        return err.fail("usage", "'%s' must be %s", name, field.one_of and "one of " .. table.concat(field.one_of, ", ")
          or WANTED[field.type])
      end
      out[name] = value
    end
  end
  return out
end

-- ---- What engines are made of ----

--- One field.
---@return prov.vault.Field
function M.field(type, doc, default)
  return { type = type, doc = doc, default = default }
end

--- Several tables of fields as one; of two fields with one name the later counts.
---@param ... table<string, prov.vault.Field>
---@return table<string, prov.vault.Field>
function M.fields(...)
  local out = {}
  for _, part in ipairs({ ... }) do
    for name, field in pairs(part) do
      out[name] = field
    end
  end
  return out
end

--- An answer of data.
---@return prov.vault.Response
function M.respond(value, warning)
  return { data = value, warnings = warning and { warning } or nil }
end

--- How long something may last at a mount.
---@param ctx prov.vault.Mount
---@param max_ttl? integer seconds; 0 is as the mount says
---@return integer seconds
function M.longest(ctx, max_ttl)
  return max_ttl and max_ttl > 0 and math.min(max_ttl, ctx.max_ttl) or ctx.max_ttl
end

--- How long something lasts that somebody wants to last so long.
---@return integer seconds
---@return string? warning
function M.lasting(wanted, most)
  if wanted > most then
    return most, ("TTL of %d seconds is longer than the %d that are allowed; it is %d"):format(wanted, most, most)
  end
  return wanted
end

--- A value that must be there.
---@param storage prov.vault.Storage or the barrier
---@param path string
---@param code string of the error when it is not, and what that says
---@param fmt string
---@return any, prov.Err?
function M.need(storage, path, code, fmt, ...)
  local value, e = storage:get(path)
  if value == nil and not e then
    return err.fail(code, fmt, ...)
  end
  return value, e
end

--- The answer to what says nothing but that it was done.
---@return prov.vault.Response?, prov.Err?
function M.done(ok, e)
  return ok and {} or nil, e
end

--- The answer of a LIST; Vault says 404 when there is nothing.
---@param what string there are none of: "roles"
---@param names string[]?
---@param e prov.Err?
---@return prov.vault.Response?, prov.Err?
function M.listed(what, names, e)
  if not names then
    return nil, e
  elseif #names == 0 then
    return err.fail("notfound", "there are no %s", what)
  end
  return { data = { keys = data.list(names) } }
end

--- Makes the handler `exists` of values that are stored where `path_of` says.
---@param path_of fun(req: prov.vault.Request): string
function M.exists(path_of)
  return function(ctx, req)
    local value, e = ctx.storage:get(path_of(req))
    return value ~= nil, e
  end
end

--- Makes the handler that deletes them.
---@param path_of fun(req: prov.vault.Request): string
---@return prov.vault.Handler
function M.delete(path_of)
  return function(ctx, req)
    return M.done(ctx.storage:delete(path_of(req)))
  end
end

---@class prov.vault.CompiledEngine
---@field engine prov.vault.Engine
local Compiled = {}
Compiled.__index = Compiled

--- Makes an engine ready for requests.
---@param engine prov.vault.Engine
---@return prov.vault.CompiledEngine
function M.compile(engine)
  local routes = {}
  for _, path in ipairs(engine.paths) do
    for _, op in ipairs(M.OPERATIONS) do
      if path[op] then
        routes[#routes + 1] = { method = op, path = "/" .. path.path, spec = path }
      end
    end
  end
  return setmetatable({ engine = engine, routes = http_routes.new(routes) }, Compiled)
end

--- The path a request means, with its values.
---@param op string
---@param path string below the mount, each part escaped as in a URL
---@return prov.vault.Path? spec
---@return table<string, string>|prov.Err values
function Compiled:find(op, path)
  local route, values = self.routes:match(op, "/" .. (path:byte(-1) == SLASH and path:gsub("/+$", "") or path))
  if route then
    return route.spec, values
  elseif values then
    return err.fail("unsupported", "%s cannot be done with '%s', only %s", op, path, table.concat(values, ", "))
  end
  local there = {}
  for i, spec in ipairs(self.engine.paths) do
    there[i] = spec.path
  end
  return nil, err.new("notfound", ("the %s engine has no path '%s'"):format(self.engine.name, path), {
    hint = "it has: " .. table.concat(there, ", ", 1, math.min(#there, 12)),
  })
end

--- Finds the path of a request and reads its fields. Its op, path, given and token are set.
---@param req prov.vault.Request
---@return prov.vault.Path?, prov.Err?
function Compiled:prepare(req)
  local spec, values = self:find(req.op, req.path)
  if not spec then
    return nil, values
  end
  req.params, req.given = values, req.given or {}
  local e
  req.data, e = M.read_fields(spec.fields or {}, req.given, req.op)
  return spec, e
end

--- Does what a request asks for.
---@async
---@param ctx prov.vault.Mount
---@param req prov.vault.Request
---@return prov.vault.Response?, prov.Err?
function Compiled:handle(ctx, req)
  local spec, e = self:prepare(req)
  if e then
    return nil, e
  end
  return spec[req.op](ctx, req)
end

return M
