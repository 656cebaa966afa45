--- Findings as JUnit XML: a test case for each rule, and for each of its findings.

local M = {}

local ESCAPE =
  { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\n"] = "&#10;", ["\t"] = "&#9;" }

local function quote(text)
  text = require("prov.render.width").utf8(tostring(text))
  return (text:gsub('[&<>"\n\t]', ESCAPE):gsub("[%z\1-\8\11\12\14-\31]", "?"))
end

local function place(finding)
  if not finding.file then
    return ""
  end
  return finding.file
    .. (finding.line and ":" .. finding.line .. (finding.column and ":" .. finding.column or "") or "")
end

local function case(out, rule, finding, fails)
  local name = finding and ("%s %s"):format(rule.id, finding.address or place(finding)) or rule.id
  local file = finding and finding.file and (' file="%s"'):format(quote(finding.file)) or ""
  local line = finding and finding.line and (' line="%d"'):format(finding.line) or ""
  out[#out + 1] = ('    <testcase classname="%s" name="%s" time="0"%s%s>'):format(
    quote(rule.category),
    quote(name),
    file,
    line
  )
  if not finding then
    out[#out] = out[#out]:gsub(">$", "/>")
    return
  end
  local text = ("%s%s%s"):format(
    place(finding),
    finding.hint and "\nhint: " .. finding.hint or "",
    finding.ignored and "\nignored: " .. finding.ignored or ""
  )
  if finding.ignored then
    out[#out + 1] = ('      <skipped message="%s"/>'):format(quote(finding.ignored))
  elseif fails(finding) then
    out[#out + 1] = ('      <failure type="%s" message="%s">%s</failure>'):format(
      finding.severity,
      quote(finding.message),
      quote(text)
    )
  else
    out[#out + 1] = ("      <system-out>%s: %s %s</system-out>"):format(
      finding.severity,
      quote(finding.message),
      quote(text)
    )
  end
  out[#out + 1] = "    </testcase>"
end

--- The text of a JUnit file. Errors fail their test case, with `strict` warnings too.
---@param value table of prov.validate
---@param rules prov.Rule[] that ran
---@return string
function M.render(value, rules, _, strict)
  local by_rule, cases, tests, failures, skipped = {}, {}, 0, 0, 0
  local function fails(finding)
    return finding.severity == "error" or strict and finding.severity == "warning"
  end
  for _, finding in ipairs(value.findings) do
    by_rule[finding.rule] = by_rule[finding.rule] or {}
    table.insert(by_rule[finding.rule], finding)
    skipped = skipped + (finding.ignored and 1 or 0)
    failures = failures + (not finding.ignored and fails(finding) and 1 or 0)
  end
  local function add(rule)
    for _, finding in ipairs(by_rule[rule.id] or { false }) do
      tests = tests + 1
      case(cases, rule, finding, fails)
    end
    by_rule[rule.id] = nil
  end
  for _, rule in ipairs(rules) do
    add(rule)
  end
  local others = {}
  for id in pairs(by_rule) do -- findings before any rule ran
    others[#others + 1] = id
  end
  table.sort(others)
  for _, id in ipairs(others) do
    add({ id = id, category = by_rule[id][1].category })
  end
  local counts = ('tests="%d" failures="%d" errors="0" skipped="%d" time="0"'):format(tests, failures, skipped)
  return table.concat({
    '<?xml version="1.0" encoding="UTF-8"?>',
    ('<testsuites name="prov validate" tests="%d" failures="%d" errors="0" time="0">'):format(tests, failures),
    ('  <testsuite name="%s" %s>'):format(quote(value.workspace), counts),
    table.concat(cases, "\n"),
    "  </testsuite>",
    "</testsuites>",
  }, "\n") .. "\n"
end

return M
