--- Values and what the contracts say of them, for a judge of the exported schemas:
--   prov internal lua tests/support/schema_cases.lua ROOT > cases.json
-- { schemas = { name -> JSON Schema }, cases = { { schema, name, value, good } } }: every infra, workflow and
-- prov.yaml of the repository (files, pages of docs, tests), examples of every extension, and random schemas;
-- each of the last two also with something changed.

local contract = require("prov.contract")
local data = require("core.data")
local example = require("prov.contract.example")
local field_of = require("prov.contract.field")
local fs = require("prov.fs")
local json_schema = require("prov.contract.json_schema")
local merge = require("prov.infra.merge")
local pattern = require("prov.contract.pattern")
local schemas_of = require("prov.schemas")
local value = require("prov.value")
local yaml = require("prov.yaml")

local root = assert((...), "the folder of the sources")
package.path = root .. "/tests/?.lua;" .. package.path
local random = require("support.random_schema")
local registry = require("prov.registry").open(nil)

local out = { schemas = {}, cases = data.list({}) }
local counts = {}

local function count(what)
  counts[what] = (counts[what] or 0) + 1
end

local function add(schema, name, v, good, what)
  out.cases[#out.cases + 1] = { schema = schema, name = name, value = v, good = good }
  count(("%s %s"):format(good and "good" or "bad", what))
end

-- True when a JSON Schema can say it: not a rule, nor a pattern that is no regular expression.
local function is_structural(p)
  local form = p.expected and p.expected:match("^the form (.*)$")
  return not p.rule and not (form and not pattern.to_regex(form))
end

-- Contracts take null for absent; a schema, which editors use while somebody writes, wants nothing there.
local function has_null(v)
  if type(v) ~= "table" then
    return v == data.null
  end
  for _, item in pairs(v) do
    if has_null(item) then
      return true
    end
  end
  return false
end

--- Adds a value with the verdict of a contract; one that only a rule refuses is left out.
local function judge(schema, name, fields, v, wrap, what)
  local done, problems = contract.compile(fields).run(v)
  local good = done ~= nil
  for _, p in ipairs(problems or {}) do
    good = good or nil
    if is_structural(p) then
      good = false
      break
    end
  end
  if good == nil then
    count("refused by a rule only")
  elseif good and has_null(v) then
    count("good with null")
  else
    add(schema, name, wrap and wrap(v) or v, good, what)
  end
end

-- ---- Random schemas ----

for seed = 1, 300 do
  local maker = random.new(seed)
  local fields = maker:schema(3)
  local name = "random " .. seed
  out.schemas[name] = contract.json_schema(fields)
  for _ = 1, 10 do
    local v = maker:record(fields)
    judge(name, name, fields, v, nil, "random values")
    judge(name, name, fields, maker:changed(v, fields), nil, "random values")
  end
end

-- ---- Extensions ----

local function full(fields)
  local all = {}
  for name, field in pairs(fields) do
    all[name] = field_of.full(field)
  end
  return all
end

local function try_all(schema, name, fields, wrap, what)
  local maker = random.new(#name)
  maker.forms = {}
  local plain = full(fields)
  for _, all in ipairs({ false, true }) do
    local args = example.arguments(fields, all)
    judge(schema, name, fields, args, wrap, what)
    for _ = 1, next(fields) and 40 or 0 do
      judge(schema, name, fields, maker:changed(args, plain), wrap, what)
    end
  end
end

out.schemas.infra = schemas_of.infra(registry)
for _, one in ipairs(registry:index("provider")) do
  out.schemas["infra of " .. one.name] = schemas_of.infra(registry, { default = one.name })
  local declaration = assert(registry:get("provider", one.name))
  for kind, resource in pairs(declaration.resources) do
    try_all("infra", ("%s.%s"):format(one.name, kind), resource.schema, function(args)
      local entry = { provider = one.name }
      for key, v in pairs(args) do
        entry[key] = v
      end
      return { [merge.plural(kind)] = { x = entry } }
    end, "resources")
  end
end
for _, one in ipairs(registry:index("taskserv")) do
  local declaration = assert(registry:get("taskserv", one.name))
  local name = "taskserv " .. one.name
  out.schemas[name] = schemas_of.arguments(declaration)
  try_all(name, name, declaration.schema or {}, nil, "taskservs")
  try_all("infra of demo", name, declaration.schema or {}, function(args)
    return { servers = { x = { image = "x", network = "lan", taskservs = { [one.name] = args } } } }
  end, "taskservs in servers")
end
for _, one in ipairs(registry:index("cluster")) do
  local declaration = assert(registry:get("cluster", one.name))
  local name = "cluster " .. one.name
  out.schemas[name] = schemas_of.arguments(declaration)
  try_all(name, name, declaration.schema or {}, nil, "clusters")
end

-- ---- What is in the repository ----

out.schemas.workflow, out.schemas.prov = schemas_of.workflow(), schemas_of.prov()

-- ---- Settings: what prov itself says of a file ----

local config = require("prov.config").open({ registry = registry, env = function() end })
config:without_files()
out.schemas.settings = schemas_of.settings(config)

local function setting_case(key, v)
  local tree = v
  for part in key:reverse():gmatch("[^.]+") do
    tree = { [part:reverse()] = tree }
  end
  local text = assert(yaml.encode(tree))
  local errs = config:check_text({ layer = "user", path = "x.yaml", file = "x.yaml", below = {} }, text)
  for _, e in ipairs(errs) do
    local form = tostring(e):match("the form (%S+)")
    if form and not pattern.to_regex(form) then
      return
    end
  end
  add("settings", key, tree, not errs[1], "settings")
end

for _, key in ipairs(config:names()) do
  local field = { required = true }
  for name, v in pairs(config:spec_of(key)) do
    field[name] = name ~= "default" and v or nil
  end
  setting_case(key, "${env:X}")
  setting_case(key, example.arguments({ it = field }, true).it)
  setting_case(key, { odd = 1 })
  setting_case(key, -1)
  setting_case(key .. "x", 1)
  setting_case(key:match("^(.*)%.") or key, "${env:X}")
end

local function infra_case(name, tree)
  local plain = data.json_decode(assert(data.json_encode(tree)))
  local sources = { { file = name, tree = tree, place = function() end, text = "" } }
  local infra, errs = require("prov.infra").build({ dir = root, name = "x" }, sources, { registry = registry })
  local given = type(tree.defaults) == "table" and tree.defaults.provider
  local schema = type(given) == "string" and "infra of " .. given or "infra"
  schema = out.schemas[schema] and schema or "infra"
  local bad = false
  for _, e in ipairs(errs or {}) do
    bad = bad or e.expected ~= nil and not e.msg:find("form", 1, true)
  end
  if infra or bad then
    add(schema, name, plain, infra ~= nil, "infras")
  else
    count("infras that only the loader refuses")
  end
end

local function text_case(name, text)
  local ok, tree = pcall(yaml.decode, text)
  if not ok or type(tree) ~= "table" or value.is_list(tree) then
    return
  end
  local tops = {}
  for _, kind in ipairs({ "servers", "networks", "volumes", "items", "clusters", "providers" }) do
    tops[kind] = true
  end
  if type(tree.steps) == "table" and type(tree.steps[1]) == "table" then
    local done = contract.compile(require("prov.workflow.load").SCHEMA).run(tree)
    local fine = done and require("prov.contract.fields").check(done.inputs)
    add("workflow", name, tree, fine or false, "workflows")
    return
  end
  for top in pairs(tree) do
    if tops[top] then
      return infra_case(name, tree)
    end
  end
end

local function each_file(folder, ending, fn)
  for _, entry in ipairs(fs.list(root .. "/" .. folder) or {}) do
    local path = folder .. "/" .. entry.name
    if entry.type == "directory" then
      each_file(path, ending, fn)
    elseif entry.name:find(ending) then
      fn(path, assert(fs.read(root .. "/" .. path)))
    end
  end
end

each_file("workspaces", "%.yaml$", function(path, text)
  if path:find("prov%.yaml$") then
    add("prov", path, assert(yaml.decode(text)), true, "prov.yaml")
  else
    text_case(path, text)
  end
end)
each_file("docs", "%.md$", function(path, text)
  local n = 0
  for block in ("\n" .. text):gmatch("\n```yaml[^\n]*\n(.-)\n```") do
    n = n + 1
    text_case(("%s, block %d"):format(path, n), block)
  end
end)
each_file("tests/e2e", "%.sh$", function(path, text)
  local n = 0
  for word, block in text:gmatch("%.yaml\"? *<<[-'\"]*(%u+)['\"]?[^\n]*\n(.-)\n%s*%f[%u]%u+\n") do
    n = n + 1
    text_case(("%s, %s %d"):format(path, word, n), block)
  end
end)
each_file("tests/lua", "%.lua$", function(path, text)
  local n = 0
  for block in text:gmatch("%[%[\n(.-)%]%]") do
    n = n + 1
    text_case(("%s, text %d"):format(path, n), block)
  end
end)

-- Every exported schema is one of its own dialect.
for name, schema in pairs(out.schemas) do
  assert(schema["$schema"] == json_schema.DIALECT, name)
end
io.stdout:write(assert(data.json_encode(out)), "\n")
for _, what in ipairs(data.keys(counts)) do
  io.stderr:write(("%6d %s\n"):format(counts[what], what))
end
