--- Tries what an extension's functions do with example arguments, without a host or a cloud.
--
-- A taskserv's functions run with defaults and examples of its schema (made-up values where there is
-- neither) and the facts of a typical host of each of its platforms, and their ops are compiled. What
-- these arguments cannot show is told as a note, not as a mistake.

local contract = require("prov.contract")
local err = require("prov.err")
local example = require("prov.contract.example")
local host = require("prov.host")
local merge = require("prov.infra.merge")
local platform = require("prov.host.platform")
local recipe = require("prov.host.recipe")
local sandbox = require("prov.sandbox")
local suggest = require("prov.suggest")

local M = {}

local LIMITS = { instructions = 50 * 1000 * 1000, memory = 512 * 1024 * 1024 }
local FUNCTIONS = { "recipe", "health", "remove" }

-- Messages of Lua itself: a mistake, not a check of the extension's own.
local RUNTIME = {
  "^attempt to ", "^bad argument #", "^stack overflow", "^number has no integer", "^invalid value %(at index",
  "^invalid option ", "^invalid conversion ", "^invalid pattern ", "^malformed ", "^error in error",
  "^string%.", "^wrong number of arguments",
}
-- Those that no other argument would have avoided.
local CERTAIN = { "^attempt to call a nil value %(%a+ '", "%(global '", "^invalid option ", "^invalid conversion " }

local function matches(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then
      return true
    end
  end
  return false
end

--- The facts of a typical host of a platform, as prov.hosts completes them.
---@param name string
---@param version string
---@return table
local function facts_of(name, version)
  local packages = ({ alpine = "apk", fedora = "dnf", rhel = "dnf", centos = "dnf", rocky = "dnf", almalinux = "dnf",
    ol = "dnf", amzn = "dnf" })[name] or "apt"
  return {
    os = { id = name, version = version, codename = "", like = name == "ubuntu" and { "debian" } or {} },
    arch = "x86_64", kernel = "6.1.0", hostname = "example", init = name == "alpine" and "openrc" or "systemd",
    packages = packages, memory = 2 << 30, cpus = 2,
    disks = { { mount = "/", size = 20 << 30, free = 10 << 30 } },
    addresses = { { interface = "eth0", address = "192.0.2.1" } },
    server = { address = "server.example", name = "example", ip = "192.0.2.1", private_ip = "192.0.2.1", peers = {
      ["server.other"] = { name = "other", ip = "192.0.2.2" },
    } },
  }
end

-- One host for each platform; Debian 12 when none is named.
local function hosts_of(declaration)
  local out = {}
  for _, text in ipairs(declaration.platforms or {}) do
    local one = platform.parse(text)
    if one then
      out[#out + 1] = { text = text, facts = facts_of(one.name, one.version or one.name == "debian" and "12" or "") }
    end
  end
  return out[1] and out or { { text = "debian 12", facts = facts_of("debian", "12") } }
end

-- The sets of arguments to try: what is required, everything, and each choice of fields with few.
local function cases_of(schema)
  local base, base_made, lacking = example.arguments(schema, false)
  local all, all_made = example.arguments(schema, true)
  local cases = { { args = base, made = base_made, text = "what is required" },
    { args = all, made = all_made, text = "all fields" } }
  for name, field in pairs(schema) do
    for _, v in ipairs(example.choices(field)) do
      for i = 1, 2 do
        local args = {}
        for k, x in pairs(cases[i].args) do
          args[k] = x
        end
        args[name] = v
        local text = ("%s = %s"):format(name, tostring(v))
        cases[#cases + 1] = { args = args, made = cases[i].made, choice = true, text = text }
      end
    end
  end
  return cases, lacking
end

local Trial = {}
Trial.__index = Trial

local function add(list, text, e)
  if not list[text] then
    list[text] = true
    list[#list + 1] = e or text
  end
end

local function refuse(name, names)
  local info = debug.getinfo(3, "Sl") or {}
  error(err.new("invalid", ("there is no field '%s' in the schema"):format(name), {
    file = info.source and info.source:match("^@(.*)"), line = info.currentline, hint = suggest.hint(name, names),
    data = { certain = true },
  }), 0)
end

-- Sorts what a function raised: "mistake", or "note" when other arguments might do.
local function weigh(case, e)
  local from = e.data or {}
  local raised = from.raised or e.msg
  if from.certain or matches(raised, CERTAIN) then
    return "mistake"
  elseif from.op then
    return case.made and raised:find("example", 1, true) and "note" or "mistake"
  elseif matches(raised, RUNTIME) then
    return case.made and "note" or "mistake"
  end
  return e.code == "limit" and "mistake" or "note"
end

-- Calls fn(want); true, or false when it raised. What it was is kept in the trial.
function Trial:attempt(case, schema, fn)
  local want, problems = contract.compile(schema):complete(case.args)
  local result, e
  if want then
    want.name = self.kind == "cluster" and want.name == nil and "example" or want.name
    result, e = sandbox.call(self.file, LIMITS, fn, example.strict(self.schema, want, refuse))
  end
  if result then
    return result
  elseif not want then
    return nil, problems[1], "note"
  end
  if not e then
    return nil, err.new("invalid", "it returned nothing", { file = self.file }), "mistake"
  end
  return nil, e, weigh(case, e)
end

-- Keeps a mistake, with what brought it about.
function Trial:mistake(case, e)
  local text = tostring(e)
  if self.mistakes[text] then
    return
  end
  if e.msg:find("'execute'", 1, true) or e.msg:find("'popen'", 1, true) or e.msg:find("global 'io'", 1, true) then
    e.hint = "an extension cannot reach the machine: what is to happen on the host is an op, such as op.exec"
  end
  if case.choice then
    e.msg = ("%s (with %s)"):format(e.msg, case.text)
  end
  add(self.mistakes, text, e)
end

-- Tries one function with every case on every host.
function Trial:taskserv_function(declaration, which, cases, hosts)
  local passed, refused = false, {}
  for i, case in ipairs(cases) do
    for n, one in ipairs(hosts) do
      if i <= 2 or n == 1 then
        local ops, e, weight = self:attempt(case, declaration.schema or {}, function(want)
          local list, problem = recipe.ops(declaration, which, want, one.facts)
          if not list then
            error(problem, 0)
          end
          local script
          script, problem = host.compile(list, { name = declaration.name, mode = "check" })
          return script or error(problem, 0)
        end)
        if weight == "mistake" then
          self:mistake(case, e)
        end
        passed = passed or ops ~= nil
        refused[case.text] = ops and true or refused[case.text] or e
      end
    end
  end
  return passed, refused
end

function Trial:note_refused(what, passed, refused)
  if #self.mistakes > 0 then
    return
  end
  local texts = {}
  for text, e in pairs(refused) do
    if e ~= true and (text ~= "what is required" and text ~= "all fields" or not passed) then
      texts[#texts + 1] = ("%s with %s: %s"):format(what, text, e.msg)
    end
  end
  table.sort(texts)
  for _, text in ipairs(texts) do
    add(self.notes, text)
  end
end

local function trial(registry, declaration)
  return setmetatable({
    registry = registry, kind = declaration.kind, schema = declaration.schema or {}, mistakes = {}, notes = {},
    file = (registry:which(declaration.kind, declaration.name)),
  }, Trial)
end

-- Names of other taskservs must be known.
function Trial:known_taskservs(where, names)
  for _, name in ipairs(names or {}) do
    local path, e = self.registry:which("taskserv", name)
    if not path then
      add(self.mistakes, where .. name, err.new("invalid", ("%s: there is no taskserv '%s'"):format(where, name), {
        file = self.file, hint = e.hint,
      }))
    end
  end
end

local function lacking_note(self, lacking)
  for _, name in ipairs(lacking) do
    add(self.notes, ("no value is known that the field '%s' allows: give it an example"):format(name))
  end
  return #lacking > 0
end

--- Tries a taskserv.
---@param registry prov.Registry
---@param declaration table
---@return prov.Err[] mistakes
---@return string[] notes what could not be checked
function M.taskserv(registry, declaration)
  local self = trial(registry, declaration)
  self:known_taskservs("needs", declaration.needs)
  local cases, lacking = cases_of(self.schema)
  if not lacking_note(self, lacking) then
    for _, which in ipairs(FUNCTIONS) do
      if declaration[which] then
        self:note_refused(which, self:taskserv_function(declaration, which, cases, hosts_of(declaration)))
      end
    end
  end
  return self.mistakes, self.notes
end

-- Every kind of resource that a provider here has.
local function kinds(registry)
  local out = {}
  for _, one in ipairs(registry:index("provider")) do
    local declaration = registry:get("provider", one.name)
    for kind in pairs(declaration and declaration.resources or {}) do
      out[#out + 1] = merge.plural(kind)
    end
  end
  return out
end

local function has(list, wanted)
  for _, one in ipairs(list) do
    if one == wanted or merge.singular(one) == wanted then
      return true
    end
  end
  return false
end

-- What is wrong with the tree a template gave, or nil.
local function tree_problem(self, tree, known)
  if type(tree) ~= "table" then
    return ("expand must return a table, not a %s"):format(type(tree))
  end
  for top, members in pairs(tree) do
    if top ~= "outputs" and not has(known, top) then
      return ("expand: no provider has '%s'"):format(tostring(top)), suggest.hint(tostring(top), known)
    elseif type(members) ~= "table" then
      return ("expand: '%s' must be a map of names, not a %s"):format(tostring(top), type(members))
    end
    for name, entry in pairs(top ~= "outputs" and members or {}) do
      if type(entry) ~= "table" then
        return ("expand: %s.%s must be a table of fields, not a %s"):format(top, tostring(name), type(entry))
      end
      local names = {}
      for taskserv, args in pairs(type(entry.taskservs) == "table" and entry.taskservs or {}) do
        names[#names + 1] = type(taskserv) == "string" and taskserv or type(args) == "string" and args or nil
      end
      self:known_taskservs(("expand: %s.%s"):format(top, tostring(name)), names)
    end
  end
end

--- Tries a cluster template.
---@param registry prov.Registry
---@param declaration table
---@return prov.Err[] mistakes
---@return string[] notes
function M.cluster(registry, declaration)
  local self = trial(registry, declaration)
  local cases, lacking = cases_of(self.schema)
  local known, passed, refused = kinds(registry), false, {}
  if lacking_note(self, lacking) then
    return self.mistakes, self.notes
  end
  self.schema = { name = { type = "string" } } -- of the cluster: infra gives it to every template
  for name, field in pairs(declaration.schema or {}) do
    self.schema[name] = field
  end
  for _, case in ipairs(cases) do
    local tree, e, weight = self:attempt(case, declaration.schema or {}, declaration.expand)
    if tree then
      local problem, hint = tree_problem(self, tree, known)
      if problem then
        e, weight = err.new("invalid", problem, { file = self.file, hint = hint }), "mistake"
      end
    end
    if weight == "mistake" then
      self:mistake(case, e)
    end
    passed = passed or tree ~= nil
    refused[case.text] = tree and true or refused[case.text] or e
  end
  self:note_refused("expand", passed, refused)
  return self.mistakes, self.notes
end

return M
