--- How a plan reads: one block per resource, only what changes, counts and an estimate at the end.

local of = require("prov.render.width").of
local units = require("prov.render.units")

local M = {}

local SIGN = {
  create = "+",
  install = "+",
  update = "~",
  configure = "~",
  delete = "-",
  remove = "-",
  replace = "-/+",
}

local WORD = {
  create = "is created",
  install = "is installed",
  update = "changes in place",
  configure = "is configured anew",
  delete = "is deleted",
  remove = "is removed",
  replace = "is replaced",
}

local COLOR = { ["+"] = "green", ["~"] = "yellow", ["-"] = "red", ["-/+"] = "magenta" }

local show

--- A list or map on one line: [1, 2], { guest = 80, host = 8080 }.
local function inline(v)
  local parts = {}
  if #v > 0 then
    for i, item in ipairs(v) do
      parts[i] = show(item)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  elseif next(v) == nil then
    return (require("prov.json").encode(v))
  end
  for _, key in ipairs(require("prov.render").keys(v)) do
    local is_empty = type(v[key]) == "table" and next(v[key]) == nil
    parts[#parts + 1] = not is_empty and ("%s = %s"):format(key, show(v[key])) or nil
  end
  return parts[1] and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

function show(v, type_name)
  if v == nil then
    return "(none)"
  elseif type_name == "size" and math.type(v) == "integer" then
    return units.size(v)
  elseif type_name == "duration" and type(v) == "number" then
    return units.short(v)
  elseif type(v) == "string" then
    if v:sub(1, 1) == "(" then
      return v
    end
    local text = ("%q"):format(#v > 120 and v:sub(1, 117) or v):gsub("\\\n", "\\n")
    return #v > 120 and text .. "..." or text
  elseif type(v) == "table" then
    return inline(v)
  end
  return tostring(v)
end

local function mark_of(change)
  return change.replace and "  # forces replacement" or change.outside and "  # changed outside" or ""
end

local function change_line(change, width)
  local mark = mark_of(change)
  local name = change.path .. (" "):rep(width - #change.path)
  local before, after = show(change.before, change.type), show(change.after, change.type)
  if change.before == nil then
    return ("%s = %s%s"):format(name, after, mark)
  end
  return ("%s = %s -> %s%s"):format(name, before, after, mark)
end

--- Adds a text that begins with `first`, broken behind commas where it is wider than the terminal.
local function add_folded(out, first, text, indent, columns)
  local line, is_new = first, true
  for piece in text:gmatch("[^,]+,?") do
    if not is_new and of(line) + of(piece) > columns then
      out[#out + 1], line, piece = line, indent, piece:gsub("^ ", "")
    end
    line, is_new = line .. piece, false
  end
  out[#out + 1] = line
end

--- Adds the lines of a change that is wider than the terminal: of a new list each item has its own.
local function add_wide(out, change, sign, width, columns)
  local items = change.before == nil and change.after
  if type(items) ~= "table" or #items < 2 or type(items[1]) ~= "table" then
    local first = #out + 1
    add_folded(out, (" "):rep(8), change_line(change, width), (" "):rep(10), columns)
    out[first] = sign .. out[first]:sub(9) -- whose colour has no width
    return
  end
  out[#out + 1] = ("%s%s%s = ["):format(sign, change.path, (" "):rep(width - #change.path))
  for _, item in ipairs(items) do
    add_folded(out, (" "):rep(10), show(item) .. ",", (" "):rep(12), columns)
  end
  out[#out + 1] = (" "):rep(8) .. "]" .. mark_of(change)
end

local MOST_LINES = 40 -- of one text that changes

--- The lines in which a text of several lines changes, nil when one line says it.
local function line_changes(change, term)
  local before, after = change.before, change.after
  if type(before) ~= "string" or type(after) ~= "string" or after:sub(1, 1) == "("
    or not (before:find("\n[^\n]") or after:find("\n[^\n]")) then
    return nil
  end
  local out, hunks = {}, 0
  for line in require("prov.fmt.diff").unified(before, after, ""):gmatch("([^\n]*)\n") do
    local sign = line:sub(1, 1)
    if sign == "@" then
      hunks = hunks + 1
      out[#out + 1] = hunks > 1 and "..." or nil
    elseif hunks > 0 then
      local text = sign == "\\" and line or sign .. " " .. require("prov.render.width").clean(line:sub(2))
      out[#out + 1] = sign == "+" and term:paint("green", text) or sign == "-" and term:paint("red", text) or text
    end
  end
  if #out > MOST_LINES then
    local more = #out - MOST_LINES
    out = table.move(out, 1, MOST_LINES, 1, {})
    out[#out + 1] = ("... and %d lines more"):format(more)
  end
  return out
end

--- False for a change of nothing to nothing, and for a field of a new thing that says nothing: an empty list or map.
local function is_shown(change)
  local is_empty = change.before == nil and type(change.after) == "table" and next(change.after) == nil
  return (change.after ~= nil or change.before ~= nil) and not is_empty
end

--- The longest chain of estimates through the needs, and whether every step has one.
local function estimate(steps)
  local finish, total, complete = {}, 0, true
  local by_id = {}
  for _, step in ipairs(steps) do
    by_id[step.id] = step
  end
  local function ends(step)
    if finish[step.id] then
      return finish[step.id]
    end
    finish[step.id] = 0
    local from = 0
    for _, need in ipairs(step.needs) do
      from = math.max(from, by_id[need] and ends(by_id[need]) or 0)
    end
    complete = complete and step.estimate_ms ~= nil
    finish[step.id] = from + (step.estimate_ms or 0)
    return finish[step.id]
  end
  for _, step in ipairs(steps) do
    total = math.max(total, ends(step))
  end
  return total, complete
end

local function block(out, step, action, term)
  local sign = SIGN[action]
  local function paint(text)
    return term:paint(COLOR[sign], text)
  end
  local reason = step.reason and (" (" .. step.reason .. ")") or ""
  local head = paint(("%3s"):format(sign)) .. " " .. term:paint("bold", step.address)
  out[#out + 1] = head .. " " .. WORD[action] .. reason
  local width = 0
  for _, change in ipairs(step.changes) do
    width = is_shown(change) and math.max(width, #change.path) or width
  end
  for _, change in ipairs(step.changes) do
    local mark = change.before == nil and "+" or change.after == nil and "-" or "~"
    if is_shown(change) then
      local lines, columns = line_changes(change, term), term.width
      local mark_shown, text = ("      %s "):format(term:paint(COLOR[mark], mark)), change_line(change, width)
      if not lines and columns and 8 + of(text) > columns then
        add_wide(out, change, mark_shown, width, columns)
      else
        out[#out + 1] = mark_shown .. (lines and change.path .. mark_of(change) or text)
      end
      for _, line in ipairs(lines or {}) do
        out[#out + 1] = "          " .. line
      end
    end
  end
  for _, op in ipairs(step.drift or {}) do
    out[#out + 1] = ("      %s %s"):format(paint("~"), op.title or op.op)
    for line in (op.diff or ""):gmatch("[^\n]+") do
      out[#out + 1] = "          " .. line
    end
  end
end

local function count_line(plan)
  local counts, parts = plan.counts, {}
  for _, row in ipairs({ { "move", plan.moves }, { "import", plan.imports }, { "let go", plan.removed } }) do
    if row[2] then
      parts[#parts + 1] = ("%d to %s"):format(#row[2], row[1])
    end
  end
  local replaced = counts.replace or 0
  for _, row in ipairs({
    { "create", (counts.create or 0) - replaced },
    { "update", counts.update or 0 },
    { "replace", replaced },
    { "delete", (counts.delete or 0) - replaced },
    { "install", counts.install or 0 },
    { "configure", counts.configure or 0 },
    { "remove", counts.remove or 0 },
  }) do
    if row[2] > 0 then
      parts[#parts + 1] = ("%d to %s"):format(row[2], row[1])
    end
  end
  return table.concat(parts, ", ")
end

--- Lines for what is only recorded differently.
function M.past(plan, term)
  local out = {}
  local function line(sign, color, address, text)
    out[#out + 1] = ("%s %s %s"):format(term:paint(color, ("%3s"):format(sign)), term:paint("bold", address), text)
  end
  for _, move in ipairs(plan.moves or {}) do
    line(">", "cyan", move.from, "is now " .. move.to)
  end
  for _, one in ipairs(plan.imports or {}) do
    line("<", "cyan", one.address, ("is %s of %s, which exists"):format(one.id, one.provider))
  end
  for _, address in ipairs(plan.removed or {}) do
    line(".", "cyan", address, "is let go, and stays where it is")
  end
  return out
end

--- Lines for the checks that fail.
function M.checks(rows, term)
  local out = ""
  for _, row in ipairs(rows or {}) do
    if row.status == "failed" then
      local word = term:paint(row.severity == "error" and "red" or "yellow", row.severity .. ":")
      out = out .. ("%s check %s: %s\n"):format(word, row.name, row.message)
    end
  end
  return out
end

local function saved_as(plan)
  return plan.out and ("Saved as %s. Apply it with: prov apply --plan %s\n"):format(plan.out, plan.out) or ""
end

--- Renders the projection of a plan (prov.plan.file).
---@param plan table
---@param term table color(name, text), bold(text)
---@return string
function M.render(plan, term)
  local part = plan.target and ("Only for %s, and what that needs.\n"):format(table.concat(plan.target, ", ")) or ""
  local past = M.past(plan, term)
  if #plan.steps == 0 and #past == 0 then
    return "No changes. The world is as the infra says.\n" .. part .. M.checks(plan.checks, term) .. saved_as(plan)
  end
  local out = { "", table.unpack(past) }
  for _, step in ipairs(plan.steps) do
    if not (step.replaces and step.action == "delete") then
      block(out, step, step.replaces and "replace" or step.action, term)
    end
  end
  local ms, complete = estimate(plan.steps)
  local time = ms > 0 and (", about " .. units.duration(ms) .. (complete and "" or " or more")) or ""
  out[#out + 1] = ""
  out[#out + 1] = term:paint("bold", "Plan: ") .. count_line(plan) .. time .. "."
  return table.concat(out, "\n") .. "\n" .. part .. M.checks(plan.checks, term) .. saved_as(plan)
end

return M
