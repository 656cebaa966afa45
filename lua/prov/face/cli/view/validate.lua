--- What prov.validate found: by severity, each with its place, and one line at the end.

local width = require("prov.render.width")

local M = {}

local TITLES = { { "error", "Errors", "red" }, { "warning", "Warnings", "yellow" }, { "note", "Notes", "cyan" } }

local function count(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

--- Breaks text at spaces; the lines behind the first begin with `indent`.
local function wrap(text, columns, indent)
  local out, line = {}, ""
  for word in text:gmatch("%S+") do
    local longer = line == "" and word or line .. " " .. word
    if line ~= "" and width.of(longer) > columns then
      out[#out + 1], line = line, word
    else
      line = longer
    end
  end
  out[#out + 1] = line
  return table.concat(out, "\n" .. indent)
end

local function place(finding)
  if not finding.file then
    return ""
  end
  local line = finding.line
      and ":" .. finding.line .. (finding.column and finding.column > 0 and ":" .. finding.column or "")
    or ""
  return finding.file .. line
end

local function related(finding)
  local out = {}
  for i, one in ipairs(finding.related or {}) do
    out[i] = ("%s at %s"):format(one.address, place(one))
  end
  return table.concat(out, ", ")
end

local function render_one(out, finding, style, term, columns)
  local address = finding.address or ""
  if finding.more then
    address = ("%s and %d more"):format(address, finding.more)
  end
  local at = place(finding)
  out[#out + 1] = ("%s%s%s"):format(
    term.bold(width.clean(at)),
    at ~= "" and "  " or "",
    width.clean(address) .. (address ~= "" and "  " or "") .. term.color(style, finding.rule)
  )
  out[#out + 1] = "  " .. wrap(width.clean(finding.message), columns - 2, "  ")
  local also = related(finding)
  if also ~= "" then
    out[#out + 1] = "  " .. term.color("dim", wrap("see " .. width.clean(also), columns - 2, "  "))
  end
  if finding.hint then
    out[#out + 1] = "  "
      .. term.color("cyan", "hint:")
      .. " "
      .. wrap(width.clean(finding.hint), columns - 8, "        ")
      .. (finding.fix and term.color("dim", " (--fix)") or "")
  end
end

local function summary(value, term, hidden)
  local counts, parts = value.counts, {}
  for _, title in ipairs(TITLES) do
    if counts[title[1]] > 0 then
      parts[#parts + 1] = term.color(title[3], count(counts[title[1]], title[1]))
    end
  end
  local more = {}
  if hidden > 0 then
    more[#more + 1] = "--severity note shows the notes"
  end
  if counts.fixable > 0 then
    more[#more + 1] = ("--fix mends %d"):format(counts.fixable)
  end
  if counts.ignored > 0 then
    more[#more + 1] = ("%d ignored"):format(counts.ignored)
  end
  local word = counts.error > 0 and term.color("red", "not valid") or term.color("green", "valid")
  local line = ("%s: %s, %s, %s in workspace '%s'"):format(
    word,
    count(value.resources, "resource"),
    count(value.taskservs, "task service"),
    count(value.outputs, "output"),
    value.workspace
  )
  if parts[1] or more[1] then
    line = line
      .. "\n"
      .. (parts[1] and table.concat(parts, ", ") or "nothing found")
      .. (more[1] and "; " .. table.concat(more, "; ") or "")
  end
  return line
end

--- Renders the findings of prov.validate.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  if value.report then
    return value.report
  end
  local out, hidden = {}, 0
  local columns = math.min(term.width or 100, 100)
  for _, fixed in ipairs(value.fixed or {}) do
    out[#out + 1] = ("%s %s  %s  %s"):format(term.color("green", "fixed"), fixed.file, fixed.path, fixed.rule)
  end
  for _, title in ipairs(TITLES) do
    local heading = term.color(title[3], title[2])
    for _, finding in ipairs(value.findings) do
      if finding.severity == title[1] and not finding.ignored then
        if title[1] == "note" and value.severity ~= "note" then
          hidden = hidden + 1
        else
          out[#out + 1] = out[1] and "" or nil
          out[#out + 1] = heading
          heading = nil
          render_one(out, finding, title[3], term, columns)
        end
      end
    end
  end
  out[#out + 1] = out[1] and "" or nil
  out[#out + 1] = summary(value, term, hidden)
  return table.concat(out, "\n")
end

return M
