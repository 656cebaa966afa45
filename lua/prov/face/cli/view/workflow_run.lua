--- The screen of `prov workflow run`, `resume` and `status`.

local render = require("prov.render")
local units = require("prov.render.units")

local M = {}

local WORD = { rolled_back = "rolled back" }
local COLOR = { done = "green", failed = "red", rolled_back = "yellow", unknown = "red", waiting = "yellow" }

local function shown(v)
  local plain = require("prov.plan.file").plain(v)
  return type(plain) == "table" and require("prov.json").encode(plain) or tostring(plain)
end

-- What a person can do next.
local function next_step(v)
  local out = {}
  if v.status == "waiting" then
    for _, row in ipairs(v.steps) do
      if row.status == "waiting" then
        out[#out + 1] = ("prov workflow approve %s '%s'"):format(v.id, row.step)
      end
    end
    out[#out + 1] = ("then prov workflow resume %s, where nobody watches it"):format(v.id)
  elseif v.status == "unknown" then
    for _, row in ipairs(v.steps) do
      if row.status == "unknown" or row.status == "undo not known" then
        out[#out + 1] = ("prov workflow resume %s --again '%s'   (or --skip)"):format(v.id, row.step)
      end
    end
  elseif v.status == "failed" or v.status == "interrupted" or v.status == "canceled" then
    out[#out + 1] = ("%s'prov workflow resume %s' goes on from here."):format(
      v.status == "failed" and "Mend what failed; " or "", v.id)
  end
  return out
end

--- Renders a run with its steps.
---@return string
function M.render(v, term)
  local word = WORD[v.status] or v.status
  local out = { ("%s %s of workflow %s: %s"):format(term:paint("bold", "Run"), v.id, v.workflow,
    term:paint(COLOR[v.status] or "cyan", word)) }
  if v.error then
    out[#out + 1] = "  " .. v.error:gsub("\n", "\n  ")
  end
  local rows = {}
  for i, row in ipairs(v.steps) do
    rows[i] = { step = row.step, status = row.status, time = row.ms and units.duration(row.ms),
      note = row.note and row.note:gsub("%s*\n%s*", "; "), }
  end
  out[#out + 1] = ""
  local text = table.concat(out, "\n") .. "\n"
    .. render.table(rows, { columns = { "step", "status", "time", "note" } }, term)
  local more = {}
  local names = require("prov.render").keys(v.outputs or {})
  if #names > 0 then
    more[1], more[2] = "", term:paint("bold", "Outputs:")
    for _, name in ipairs(names) do
      more[#more + 1] = ("  %s = %s"):format(name, shown(v.outputs[name]))
    end
  end
  local steps = next_step(v)
  if #steps > 0 then
    more[#more + 1] = ""
    table.move(steps, 1, #steps, #more + 1, more)
  end
  return text .. (#more > 0 and table.concat(more, "\n") .. "\n" or "")
end

return M
