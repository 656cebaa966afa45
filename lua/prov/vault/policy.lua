--- Path policies as Vault has them: what may be done below which paths.
--
-- Of all paths of a token's policies that fit, the most specific one decides, by itself: its capabilities are those of
-- all policies that name this very path, and deny takes them all away.

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local suggest = require("prov.suggest")

local M = {}

M.CAPABILITIES = { "create", "read", "update", "patch", "delete", "list", "sudo", "deny" }
-- What Vault's documents may say besides; nothing here needs it.
local IGNORED = { subscribe = true, recover = true }
local CAPABILITIES = {}
for _, name in ipairs(M.CAPABILITIES) do
  CAPABILITIES[name] = true
end
-- Older words for several capabilities.
local WORDS = {
  read = { "read", "list" },
  write = { "create", "read", "update", "delete", "list" },
  sudo = { "create", "read", "update", "delete", "list", "sudo" },
  deny = { "deny" },
}
local FIELDS = {
  "capabilities", "policy", "allowed_parameters", "denied_parameters", "required_parameters", "min_wrapping_ttl",
  "max_wrapping_ttl", "comment",
}

M.DEFAULT = [[
# What every token may do with itself.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/internal/ui/mounts" { capabilities = ["read"] }
path "sys/internal/ui/mounts/*" { capabilities = ["read"] }
path "sys/renew" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/lookup" { capabilities = ["update"] }
path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
path "sys/tools/hash" { capabilities = ["update"] }
path "sys/tools/hash/*" { capabilities = ["update"] }
]]

---@class prov.vault.Rule
---@field path string as it is written
---@field capabilities table<string, true>
---@field allowed? table<string, any[]>
---@field denied? table<string, any[]>
---@field required? string[]
---@field min_wrapping_ttl? integer
---@field max_wrapping_ttl? integer

-- ---- Reading ----

--- A constant of HCL as a value; raises an error of prov.err.
---@param node table
local function constant(node)
  if node.node == "lit" then
    return node.value
  elseif node.node == "template" then
    for _, part in ipairs(node.parts) do
      if type(part) ~= "string" then
        error(err.new("usage", "a policy is constant: '${' has no meaning in it"), 0)
      end
    end
    return table.concat(node.parts)
  elseif node.node == "var" then
    return node.name
  elseif node.node == "tuple" then
    local out = data.list({})
    for i, item in ipairs(node.items) do
      out[i] = constant(item)
    end
    return out
  elseif node.node == "object" then
    local out = {}
    for _, item in ipairs(node.items) do
      out[constant(item.key)] = constant(item.value)
    end
    return out
  end
  error(err.new("usage", "a policy holds texts, numbers, lists and maps only"), 0)
end

--- A body of HCL as { path = { fields } } in a list, in the order of the text.
local function of_hcl(body)
  local out = {}
  for _, item in ipairs(body) do
    if item.node ~= "block" or item.type ~= "path" then
      if not (item.node == "attribute" and item.name == "name") then
        error(err.new("usage", ("a policy has blocks like path \"secret/*\" { ... }, not '%s'"):format(
          item.type or item.name)), 0)
      end
    else
      local fields = {}
      for _, field in ipairs(item.body) do
        if field.node ~= "attribute" then
          if not field.body then
            error(err.new("usage", "a path has fields only"), 0)
          end
          local inner = {}
          for _, each in ipairs(field.body) do
            inner[each.name] = constant(each.value)
          end
          fields[field.type] = inner
        else
          fields[field.name] = constant(field.value)
        end
      end
      if not item.labels[1] then
        error(err.new("usage", "a path is missing: path \"secret/*\" { ... }"), 0)
      end
      out[#out + 1] = { tostring(item.labels[1]), fields }
    end
  end
  return out
end

local function of_json(tree)
  local out, paths = {}, tree.path or {}
  for _, one in ipairs(data.kind(paths) == "list" and paths or { paths }) do -- a list has maps of one path each
    if data.kind(one) ~= "map" then
      error(err.new("usage", "'path' is a map of paths, or a list of such maps"), 0)
    end
    for _, path in ipairs(data.keys(one)) do
      local fields = one[path]
      fields = data.kind(fields) == "list" and fields[1] or fields
      if data.kind(fields) ~= "map" then
        error(err.new("usage", ("path \"%s\": a map of fields is missing"):format(path)), 0)
      end
      out[#out + 1] = { path, fields }
    end
  end
  return out
end

local function fail(path, fmt, ...)
  error(err.new("usage", ("path \"%s\": "):format(path) .. fmt:format(...)), 0)
end

local function texts(path, fields, name)
  local list = fields[name]
  if list == nil then
    return nil
  end
  for _, text in ipairs(data.kind(list) == "list" and list or { false }) do
    if type(text) ~= "string" then
      fail(path, "%s is a list of texts", name)
    end
  end
  return list
end

local function capabilities_of(path, fields)
  local out = {}
  for _, name in ipairs(fields.policy and WORDS[fields.policy] or {}) do
    out[name] = true
  end
  for _, name in ipairs(texts(path, fields, "capabilities") or {}) do
    if not CAPABILITIES[name] and not IGNORED[name] then
      fail(path, "%s", suggest.unknown("capability", tostring(name), M.CAPABILITIES).msg)
    end
    out[name] = true
  end
  return out.deny and { deny = true } or out
end

local function parameters(path, map, name)
  if map == nil then
    return nil
  elseif data.kind(map) ~= "map" then
    fail(path, "%s is a map of lists", name)
  end
  local out = {}
  for key, values in pairs(map) do
    out[tostring(key):lower()] = data.kind(values) == "list" and values or { values }
  end
  return out
end

local function rule_of(path, fields)
  for name in pairs(fields) do
    local known = false
    for _, field in ipairs(FIELDS) do
      known = known or field == name
    end
    if not known then
      fail(path, "%s", suggest.unknown("field", tostring(name), FIELDS).msg)
    end
  end
  path = path:gsub("^/", "")
  if path:find("{{", 1, true) then
    fail(path, "templates in paths are not supported")
  elseif path:find("%+%*") then
    fail(path, "'+' stands for a whole segment, and '*' for the rest: not both in one place")
  end
  local engine = require("prov.vault.engine")
  local ttl, e = engine.read_fields({ min = { type = "seconds", doc = "" }, max = { type = "seconds", doc = "" } },
    { min = fields.min_wrapping_ttl, max = fields.max_wrapping_ttl })
  if not ttl then
    fail(path, "%s", e.msg)
  end
  return {
    path = path,
    capabilities = capabilities_of(path, fields),
    allowed = parameters(path, fields.allowed_parameters, "allowed_parameters"),
    denied = parameters(path, fields.denied_parameters, "denied_parameters"),
    required = texts(path, fields, "required_parameters"),
    min_wrapping_ttl = ttl.min,
    max_wrapping_ttl = ttl.max,
  }
end

local function rules_of(text)
  local tree = text:match("^%s*{") and json.decode(text)
  local rows
  if type(tree) == "table" then
    rows = of_json(tree)
  else
    local file, e = require("prov.convert.hcl").parse(text, "policy")
    if not file then
      error(err.new("usage", tostring(e)), 0)
    end
    rows = of_hcl(file.body)
  end
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = rule_of(row[1], row[2])
  end
  return out
end

--- A function that reads policies: read(text) -> policy raises what is wrong with one, this one returns it.
---@param read fun(text: string): table
---@return fun(text: string): table?, prov.Err? err "usage"
function M.reader(read)
  return function(text)
    local ok, policy = pcall(read, text)
    if ok then
      return policy
    elseif err.is(policy) then
      return nil, policy
    end
    error(policy, 0)
  end
end

--- The rules of a policy's text, HCL or JSON.
---@type fun(text: string): prov.vault.Rule[]?, prov.Err?
M.parse = M.reader(rules_of)

--- The text of a policy that clients gave, some of them in base64.
---@param given string
---@param parse fun(text: string): table?, prov.Err?
---@return string? text
---@return prov.Err?
function M.text(given, parse)
  local policy, e = parse(given)
  if policy then
    return given
  end
  local plain = require("core.base").unbase64(given)
  if plain and parse(plain) then
    return plain
  end
  return nil, e
end

M.constant = constant

--- Names of policies as they are kept: in small letters, each once.
---@param list string[]
---@return string[]?, prov.Err? err "usage"
function M.names(list)
  local out, seen = data.list({}), {}
  for _, text in ipairs(list) do
    local name = text:lower():match("^%s*(.-)%s*$")
    if name:find("%c") then
      return err.fail("usage", "%q is no name of a policy", text)
    elseif name ~= "" and not seen[name] then
      seen[name] = true
      out[#out + 1] = name
    end
  end
  return out
end

-- ---- Matching ----

--- The pattern of a path: "+" is a segment, "*" at the end is anything.
local function pattern_of(path)
  local glob = path:sub(-1) == "*"
  local plain = glob and path:sub(1, -2) or path
  local escaped = plain:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0")
  escaped = ("/" .. escaped):gsub("/%%%+%f[/\0]", "/[^/]+"):sub(2)
  return "^" .. escaped .. (glob and "" or "$")
end

--- Where the first wildcard stands; behind the end without one.
local function first_wildcard(path)
  local plus = ("/" .. path .. "/"):find("/+/", 1, true)
  local glob = path:sub(-1) == "*" and #path or math.huge
  return math.min(plus or math.huge, glob)
end

local function segments(path)
  local _, count = ("/" .. path:gsub("/", "//") .. "/"):gsub("/%+/", "")
  return count
end

--- Whether a path comes before another one that fits as well (Vault's order).
local function before(a, b)
  local first_a, first_b = first_wildcard(a), first_wildcard(b)
  if first_a ~= first_b then
    return first_a > first_b
  end
  local glob_a, glob_b = a:sub(-1) == "*", b:sub(-1) == "*"
  if glob_a ~= glob_b then
    return glob_b
  end
  local plus_a, plus_b = segments(a), segments(b)
  if plus_a ~= plus_b then
    return plus_a < plus_b
  elseif #a ~= #b then
    return #a > #b
  end
  return a > b
end

---@class prov.vault.Acl
---@field root boolean
---@field rules table[] the most specific first
local Acl = {}
Acl.__index = Acl

-- The values of several policies are all meant; no values at all stand for any.
local function merge_parameters(into, more)
  for key, values in pairs(more) do
    local list = into[key]
    if not list then
      into[key] = table.move(values, 1, #values, 1, {})
    elseif #list == 0 or #values == 0 then
      into[key] = {}
    else
      table.move(values, 1, #values, #list + 1, list)
    end
  end
  return into
end

local function merge(into, rule, policy)
  into.policies[#into.policies + 1] = policy
  for name in pairs(rule.capabilities) do
    into.capabilities[name] = true
  end
  into.allowed = rule.allowed and merge_parameters(into.allowed or {}, rule.allowed) or into.allowed
  into.denied = rule.denied and merge_parameters(into.denied or {}, rule.denied) or into.denied
  for _, name in ipairs(rule.required or {}) do
    into.required = into.required or {}
    into.required[#into.required + 1] = name
  end
  into.min_wrapping_ttl = math.max(into.min_wrapping_ttl or 0, rule.min_wrapping_ttl or 0)
  into.max_wrapping_ttl = rule.max_wrapping_ttl and math.min(into.max_wrapping_ttl or math.huge, rule.max_wrapping_ttl)
    or into.max_wrapping_ttl
end

--- What several policies together allow.
---@param policies { name: string, rules: prov.vault.Rule[] }[]
---@param root? boolean everything
---@return prov.vault.Acl
function M.acl(policies, root)
  local by_path, rules = {}, {}
  for _, policy in ipairs(policies) do
    for _, rule in ipairs(policy.rules) do
      local into = by_path[rule.path]
      if not into then
        into = { path = rule.path, pattern = pattern_of(rule.path), capabilities = {}, policies = {} }
        by_path[rule.path] = into
        rules[#rules + 1] = into
      end
      merge(into, rule, policy.name)
    end
  end
  table.sort(rules, function(a, b)
    return before(a.path, b.path)
  end)
  return setmetatable({ rules = rules, root = root or false }, Acl)
end

--- The rule that decides about a path.
---@param path string
---@param is_list? boolean a folder may be named without its slash
---@return table?
function Acl:rule(path, is_list)
  for _, rule in ipairs(self.rules) do
    if path:find(rule.pattern) or is_list and path:sub(-1) ~= "/" and (path .. "/"):find(rule.pattern)
      or is_list and path:gsub("/$", ""):find(rule.pattern) then
      return rule
    end
  end
end

--- What may be done with a path: { "read", "list" }, { "root" } or { "deny" }.
---@param path string
---@return string[]
function Acl:capabilities(path)
  if self.root then
    return { "root" }
  end
  local rule, out = self:rule(path), {}
  for _, name in ipairs(M.CAPABILITIES) do
    if rule and rule.capabilities[name] and not rule.capabilities.deny then
      out[#out + 1] = name
    end
  end
  table.sort(out)
  return out[1] and out or { "deny" }
end

local function same(pattern, value)
  if type(pattern) == "string" and type(value) == "string" then
    local front, back = pattern:sub(1, 1) == "*", pattern:sub(-1) == "*"
    local middle = pattern:sub(front and 2 or 1, back and -2 or -1)
    if front and back then
      return value:find(middle, 1, true) ~= nil
    elseif front then
      return value:sub(-#middle) == middle or middle == ""
    elseif back then
      return value:sub(1, #middle) == middle
    end
  end
  if type(pattern) ~= "table" and type(value) ~= "table" then
    return tostring(pattern) == tostring(value)
  end
  return data.encode(pattern) == data.encode(value)
end

local function among(list, value)
  for _, pattern in ipairs(list) do
    if same(pattern, value) then
      return true
    end
  end
  return #list == 0
end

--- What of the parameters is not allowed; nil when all are.
local function parameter_problem(rule, given)
  for _, name in ipairs(rule.required or {}) do
    if given[name] == nil then
      return ("the parameter '%s' is required"):format(name)
    end
  end
  for name, value in pairs(given) do
    local key = tostring(name):lower()
    local denied = rule.denied and (rule.denied[key] or rule.denied["*"])
    if denied and among(denied, value) then
      return ("the parameter '%s' is denied"):format(name)
    end
    if rule.allowed then
      local allowed = rule.allowed[key] or rule.allowed["*"]
      if not allowed or not among(allowed, value) then
        return ("the parameter '%s' is not allowed"):format(name)
      end
    end
  end
end

--- Whether something may be done, and why.
---@param capability string
---@param path string
---@param opts? { given?: table, wrap_ttl?: integer, sudo?: boolean }
---@return boolean allowed
---@return string why
---@return table? rule the one that decided
function Acl:check(capability, path, opts)
  opts = opts or {}
  if self.root then
    return true, "the root policy allows everything"
  end
  local rule = self:rule(path, capability == "list")
  if not rule then
    return false, "no path of the policies fits"
  end
  local from = ("path \"%s\" of %s"):format(rule.path, table.concat(rule.policies, ", "))
  if rule.capabilities.deny then
    return false, from .. " denies it", rule
  elseif not rule.capabilities[capability] then
    return false, ("%s does not give '%s'"):format(from, capability), rule
  elseif opts.sudo and not rule.capabilities.sudo then
    return false, from .. " does not give 'sudo', which this path needs", rule
  end
  if capability == "create" or capability == "update" or capability == "patch" then
    local problem = parameter_problem(rule, opts.given or {})
    if problem then
      return false, ("%s: %s"):format(from, problem), rule
    end
  end
  local wrap = opts.wrap_ttl
  if rule.min_wrapping_ttl > 0 and (not wrap or wrap < rule.min_wrapping_ttl)
    or rule.max_wrapping_ttl and (not wrap or wrap > rule.max_wrapping_ttl) then
    return false, from .. " wants the answer wrapped, within its limits", rule
  end
  return true, ("%s gives '%s'"):format(from, capability), rule
end

return M
