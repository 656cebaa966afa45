--- The rules of `prov validate`: those that come with prov, those of the workspace, those of extensions.

local contract = require("prov.contract")
local err = require("prov.err")
local fs = require("prov.fs")
local sandbox = require("prov.sandbox")
local suggest = require("prov.suggest")

local M = {}

---@class prov.Rule
---@field id string
---@field severity "error"|"warning"|"note"
---@field category string
---@field summary string
---@field doc string
---@field applies string[] what check is called for, see Scene:select; "infra": once
---@field instances? boolean check is called for every instance of a count, also when they are alike
---@field options? table<string, prov.Field> what prov.yaml may set
---@field bad string|table an infra in YAML in which it finds something
---@field good string|table one in which it finds nothing
---@field check fun(ctx: prov.Scene, node: table?, about: any)
---@field about? fun(ctx: prov.Scene, node: table): any of prov's own: asked for one of many resources of a kind and
--- provider; what check needs of all of them, nothing when it need not look at any
---@field file? string where it comes from, when not from prov
---@field guest? table environment of the sandbox it runs in

--- Groups of built-in rules, lua/prov/rules/<group>.lua.
M.GROUPS = {
  "network",
  "ports",
  "firewall",
  "secrets",
  "access",
  "availability",
  "data",
  "capacity",
  "catalog",
  "services",
  "naming",
  "hygiene",
}

local EXAMPLE = {
  type = "union",
  of = {
    { type = "string" },
    { type = "record", fields = { infra = { type = "string", required = true }, options = { type = "map" } } },
  },
}

local SCHEMA = {
  kind = { type = "enum", one_of = { "rule" }, required = true },
  api = { type = "int", min = 1, max = 1, required = true },
  id = { type = "string", pattern = "^[a-z][a-z0-9-]*$", required = true },
  severity = { type = "enum", one_of = { "error", "warning", "note" }, required = true },
  category = { type = "string", pattern = "^[a-z][a-z0-9-]*$", default = "own" },
  summary = { type = "string", required = true, min = 1 },
  doc = { type = "string" },
  applies = { type = "list", of = { type = "string" }, required = true, min = 1 },
  instances = { type = "bool" },
  options = { type = "map" },
  bad = EXAMPLE,
  good = EXAMPLE,
}

--- The built-in rules, in the order of their groups.
---@return prov.Rule[]
function M.built_in()
  local out = {}
  for _, group in ipairs(M.GROUPS) do
    for _, rule in ipairs(require("prov.rules." .. group)) do
      rule.category = group
      out[#out + 1] = rule
    end
  end
  return out
end

--- Checks the declaration of a rule; nil when it is good.
local function check(rule, file)
  if type(rule) ~= "table" then
    return err.new("invalid", "must return a rule, or a list of rules", { file = file, line = 1 })
  end
  local function fail(msg, hint)
    return err.new("invalid", ("rule '%s': %s"):format(tostring(rule.id), msg), { file = file, hint = hint })
  end
  local data = {}
  for name, v in next, rule do
    if name ~= "check" then
      data[name] = v
    end
  end
  local _, problems = contract.compile(SCHEMA).run(data)
  if problems then
    local first = problems[1]
    return fail(("%s: %s"):format(contract.path_text(first.path), first.msg), first.hint)
  elseif type(rule.check) ~= "function" then
    return fail(
      "check: must be a function",
      "check = function(ctx, node) ... ctx:report(node, { message = ... }) end"
    )
  end
  if (rule.options or {}).severity then
    return fail("options.severity: the severity is none", "every rule has it as a setting")
  end
  local ok, message, hint, below = require("prov.contract.fields").check(rule.options or {})
  if not ok then
    return fail(("options%s %s"):format(below and "." .. below or "", message), hint)
  end
end

--- Rules of one file, run in the sandbox.
local function read(path, shown, into, known)
  local text, e = fs.read(path)
  if not text then
    return e
  end
  local env = sandbox.env()
  local result
  result, e = sandbox.run(text, shown, env, { instructions = 10 * 1000 * 1000, memory = 64 * 1024 * 1024 })
  if e then
    return e
  end
  local list = type(result) == "table" and result.kind == nil and result or { result }
  if #list == 0 then
    return err.new("invalid", "must return a rule, or a list of rules", { file = shown, line = 1 })
  end
  for _, rule in ipairs(list) do
    e = check(rule, shown)
    if e then
      return e
    elseif known[rule.id] then
      return err.new("exists", ("rule '%s' is declared twice: also in %s"):format(rule.id, known[rule.id]), {
        file = shown,
        hint = "give it another id",
      })
    end
    known[rule.id] = shown
    sandbox.guard_checks(rule.options, shown)
    rule.category = rule.category or "own"
    rule.file, rule.guest, rule.last = shown, env, nil
    into[#into + 1] = rule
  end
end

local function folders(workspace, registry)
  local out = { { workspace.dir .. "/rules", "rules/" } }
  for _, root in ipairs(registry.roots) do
    local short = root:sub(1, #workspace.dir + 1) == workspace.dir .. "/" and root:sub(#workspace.dir + 2) or root
    out[#out + 1] = { root .. "/rules", short .. "/rules/" }
  end
  return out
end

--- Rules of the workspace (rules/*.lua) and of its extensions.
---@param workspace { dir: string }
---@param registry prov.Registry
---@return prov.Rule[]? rules, prov.Err[]? errors
function M.guests(workspace, registry)
  local out, known, errs = {}, {}, {}
  for _, folder in ipairs(folders(workspace, registry)) do
    for _, entry in ipairs(fs.list(folder[1]) or {}) do
      if entry.name:match("^[^.].*%.lua$") then
        if not next(known) then
          for _, rule in ipairs(M.built_in()) do
            known[rule.id] = "prov itself"
          end
        end
        errs[#errs + 1] = read(folder[1] .. "/" .. entry.name, folder[2] .. entry.name, out, known)
      end
    end
  end
  if #errs > 0 then
    return nil, errs
  end
  return out
end

--- All rules: built-in ones, then those of workspace and extensions.
---@param workspace? { dir: string }
---@param registry prov.Registry
---@return prov.Rule[]? rules, prov.Err[]? errors
function M.all(workspace, registry)
  local rules = M.built_in()
  if workspace then
    local guests, errs = M.guests(workspace, registry)
    if not guests then
      return nil, errs
    end
    table.move(guests, 1, #guests, #rules + 1, rules)
  end
  return rules
end

--- The rule of an id.
---@param rules prov.Rule[]
---@param id string
---@return prov.Rule?, prov.Err?
function M.find(rules, id)
  local ids = {}
  for i, rule in ipairs(rules) do
    if rule.id == id then
      return rule
    end
    ids[i] = rule.id
  end
  return nil, suggest.unknown("rule", id, ids)
end

return M
