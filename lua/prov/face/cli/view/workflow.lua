--- The screen of `prov workflow show`.

local render = require("prov.render")

local M = {}

--- Renders a workflow: what it is, its inputs, its steps.
---@return string
function M.render(v, term)
  local out = { ("%s %s: %s"):format(term:paint("bold", "Workflow"), v.name, v.summary), "  " .. v.path }
  if v.description then
    out[#out + 1] = "\n" .. v.description:gsub("\n*$", "")
  end
  out[#out + 1] = ("On failure: %s."):format(({ stop = "no further step begins", continue = "other branches go on",
    rollback = "what was done is undone" })[v.on_failure])
  local text = table.concat(out, "\n") .. "\n"
  if #v.inputs > 0 then
    text = text .. "\n" .. term:paint("bold", "Inputs") .. "\n"
      .. render.table(v.inputs, { columns = { "name", "type", "required", "default", "doc" } }, term)
  end
  local rows = {}
  for i, step in ipairs(v.steps) do
    local notes = {}
    local axes = step.matrix and require("prov.workflow.matrix").axes(step.matrix)
    notes[#notes + 1] = axes and "for each " .. table.concat(axes, ", ") or nil
    notes[#notes + 1] = step.approve and "asks first" or nil
    notes[#notes + 1] = step.when and "when " .. step.when or nil
    notes[#notes + 1] = step.undo and "undone by " .. step.undo or nil
    rows[i] = { step = step.name, runs = step.run, workspace = step.workspace,
      needs = #step.needs > 0 and table.concat(step.needs, ", ") or nil,
      note = #notes > 0 and table.concat(notes, "; ") or nil }
  end
  return text .. "\n" .. term:paint("bold", "Steps") .. "\n"
    .. render.table(rows, { columns = { "step", "runs", "workspace", "needs", "note" } }, term)
end

return M
