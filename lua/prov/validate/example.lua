--- Runs the examples of rules: the bad one must make its rule find something, the good one must not.

local check = require("prov.validate.check")
local err = require("prov.err")
local infra = require("prov.infra")
local rules = require("prov.rules")
local scene = require("prov.validate.scene")
local yaml = require("prov.yaml")

local M = {}

--- The infra and the options of an example.
---@param example string|{ infra: string, options: table? }
---@return string text, table? options
function M.parts(example)
  if type(example) == "table" then
    return example.infra, example.options
  end
  return example
end

local function with_built_in(rule)
  local all = rules.built_in()
  for _, one in ipairs(all) do
    if one.id == rule.id then
      return all
    end
  end
  all[#all + 1] = rule
  return all
end

--- Findings of one rule in an infra given as YAML; its resources are of the demo provider unless they say
--- otherwise.
---@param rule prov.Rule
---@param example string|table
---@param registry prov.Registry
---@return prov.Finding[]? findings, prov.Err? error
function M.run(rule, example, registry)
  local text, options = M.parts(example)
  local tree, place = yaml.decode(text, { file = "example.yaml" })
  if err.is(place) then
    return nil, place
  end
  local source = { file = "example.yaml", path = "example.yaml", tree = tree, place = place, text = text }
  local loaded, errs = infra.build(
    { dir = "/", name = "example", defaults = { provider = "demo" } },
    { source },
    { registry = registry }
  )
  if not loaded then
    return nil, errs[1]
  end
  local settings = {}
  if options then
    local done, wrong = check.options(rule, options, { path = { "options" }, file = "example.yaml" })
    if not done then
      return nil, wrong[1]
    end
    settings[rule.id] = done
  end
  local out = {} -- all rules run: some look at what others found
  for _, finding in ipairs((check.run(scene.new(loaded, registry, settings), with_built_in(rule)))) do
    out[#out + 1] = finding.rule == rule.id and not finding.ignored and finding or nil
  end
  return out
end

--- What is wrong with the examples of a rule; empty when all is well.
---@param rule prov.Rule
---@param registry prov.Registry
---@return string[]
function M.problems(rule, registry)
  local out = {}
  local function note(...)
    out[#out + 1] = string.format(...)
  end
  for _, name in ipairs({ "bad", "good" }) do
    local findings, e = nil, nil
    if rule[name] == nil then
      note("it has no %s example", name)
    else
      findings, e = M.run(rule, rule[name], registry)
    end
    local first = findings and findings[1]
    if e then
      note("the %s example is no infra: %s", name, tostring(e))
    elseif first and first.message:find("^the rule failed") then
      note("%s", first.message)
    elseif name == "bad" and findings and not first then
      note("it finds nothing in its bad example")
    elseif name == "good" and first then
      note("it finds something in its good example: %s", first.message)
    elseif first and not first.line then
      note("its finding in the bad example has no place")
    end
  end
  return out
end

return M
