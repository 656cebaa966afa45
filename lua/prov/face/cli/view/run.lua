--- The screen of `prov run show`.

local units = require("prov.render.units")

local M = {}

local COLOR = { done = "green", failed = "red", unknown = "yellow", intent = "yellow", accepted = "yellow" }
local WORD = { intent = "begun", accepted = "begun", unknown = "not known" }

local function when(seconds)
  return os.date("%Y-%m-%d %H:%M:%S", seconds)
end

--- Renders a run with its steps.
---@return string
function M.render(v, term)
  local head = ("%s %s: %s, %s"):format(term:paint("bold", "Run"), v.id, v.what or "apply", v.status)
  local took = v.ms and ", took " .. units.duration(v.ms) or ""
  local out = { head, ("Began %s%s; steps: %d, begun: %d."):format(when(v.started), took, v.steps, #v.journal), "" }
  for _, step in ipairs(v.journal) do
    out[#out + 1] = ("  %s %s"):format(term:paint(COLOR[step.phase] or "dim",
      ("%-9s"):format(WORD[step.phase] or step.phase)), step.step)
    if step.error then
      out[#out + 1] = "            " .. step.error:gsub("\n", "\n            ")
    end
  end
  return table.concat(out, "\n") .. "\n"
end

return M
