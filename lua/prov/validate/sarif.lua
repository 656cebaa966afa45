--- Findings as SARIF 2.1.0, which code hosts show beside the lines.

local about = require("prov.about")
local json = require("prov.json")
local data = require("core.data")

local M = {}

local function rules_of(rules, severities)
  local out, index = data.list(), {}
  for i, rule in ipairs(rules) do
    index[rule.id] = i - 1
    out[i] = {
      id = rule.id,
      shortDescription = { text = rule.summary },
      fullDescription = { text = rule.doc or rule.summary },
      help = { text = ("prov rule show %s"):format(rule.id) },
      defaultConfiguration = { level = severities(rule) },
      properties = { category = rule.category, tags = data.list({ rule.category }) },
    }
  end
  return out, index
end

local function location(file, line, column, address)
  local region = line and { startLine = line, startColumn = column and column > 0 and column or nil } or nil
  return {
    physicalLocation = {
      artifactLocation = { uri = file, uriBaseId = file:sub(1, 1) ~= "/" and "WORKSPACE" or nil },
      region = region,
    },
    logicalLocations = address and data.list({ { fullyQualifiedName = address, kind = "resource" } }) or nil,
  }
end

local function result(finding, index)
  local related = finding.related and data.list()
  for i, one in ipairs(finding.related or {}) do
    related[i] = location(one.file, one.line, nil, one.address)
    related[i].id = i
    related[i].message = { text = one.address }
  end
  local text = finding.address and finding.address .. ": " .. finding.message or finding.message
  return {
    ruleId = finding.rule,
    ruleIndex = index[finding.rule],
    level = finding.severity,
    message = { text = finding.hint and ("%s (%s)"):format(text, finding.hint) or text },
    locations = finding.file and data.list({ location(finding.file, finding.line, finding.column, finding.address) })
      or nil,
    relatedLocations = related,
    suppressions = finding.ignored and data.list({ { kind = "inSource", justification = finding.ignored } }) or nil,
  }
end

--- The text of a SARIF file.
---@param value table of prov.validate
---@param rules prov.Rule[] that ran
---@param severity fun(rule: prov.Rule): string
---@return string
function M.render(value, rules, severity)
  local list, index = rules_of(rules, severity)
  local results = data.list()
  for i, finding in ipairs(value.findings) do
    results[i] = result(finding, index)
  end
  return assert(json.encode({
    ["$schema"] = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version = "2.1.0",
    runs = data.list({
      {
        tool = { driver = { name = "prov", semanticVersion = about.info().prov, rules = list } },
        originalUriBaseIds = { WORKSPACE = { description = { text = "The folder of the workspace" } } },
        columnKind = "unicodeCodePoints",
        results = results,
      },
    }),
  }, { pretty = true, sorted = true })) .. "\n"
end

return M
