--- The closing summary of apply and destroy.

local units = require("prov.render.units")

local M = {}

--- What only the record of has changed.
local function recorded(result)
  local out = {}
  for _, name in ipairs({ "imported", "moved", "let_go" }) do
    out[#out + 1] = result[name] and ("%d %s"):format(result[name], (name:gsub("_", " "))) or nil
  end
  return table.concat(out, ", ")
end

--- Renders the result of prov.apply.
---@param result table
---@param term table
---@return string
function M.render(result, term)
  if result.file then -- `prov secret rotate FILE`: nothing was applied
    local about = { file = result.file, added = result.added, removed = result.removed }
    return require("prov.render").value(about, nil, term)
  end
  local out = {}
  for _, failure in ipairs(result.failures or {}) do
    out[#out + 1] = ("%s %s: %s"):format(term:paint("red", "failed"), failure.step, failure.error)
    if failure.hint then
      out[#out + 1] = "       " .. failure.hint:gsub("\n", "\n       ")
    end
  end
  if result.error then
    out[#out + 1] = ("%s %s"):format(term:paint("red", "failed"), result.error.msg)
  end
  if not result.changed and result.status == "done" then
    out[#out + 1] = result.destroy and "Nothing to delete." or "No changes. The world is as the infra says."
  else
    local line = recorded(result)
    if line == "" or result.done > 0 or result.status ~= "done" then
      line = ("%s%s%d done"):format(line, line ~= "" and ", " or "", result.done)
    end
    if result.failed > 0 then
      line = line .. (", %d failed"):format(result.failed)
    end
    if (result.canceled or 0) > 0 then
      line = line .. (", %d cancelled"):format(result.canceled)
    end
    if result.skipped > 0 then
      line = line .. (", %d not started"):format(result.skipped)
    end
    local head = { done = "Done.", failed = "Failed.", interrupted = "Interrupted." }
    local color = result.status == "done" and "green" or "red"
    out[#out + 1] = ("%s %s in %s."):format(term:paint(color, head[result.status]), line, units.duration(result.ms))
    if result.rollback then
      local undone = result.rollback
      for _, failure in ipairs(undone.failures) do
        out[#out + 1] = ("%s %s: %s"):format(term:paint("red", "not undone"), failure.step, failure.error)
      end
      out[#out + 1] = #undone.failures == 0 and "Undone: everything is as it was before this run."
        or "Not all of it was undone. Mend what failed, then run 'prov run rollback'."
    elseif result.status ~= "done" then
      out[#out + 1] = ("%s 'prov %s' again: it goes on from here."):format(
      result.failed > 0 and "Mend what failed, then run" or "Run", result.destroy and "destroy" or "apply")
    end
  end
  local checks = require("prov.face.cli.view.plan").checks(result.checks, term)
  if checks ~= "" then
    out[#out + 1] = checks:sub(1, -2)
  end
  local names = {}
  for name in pairs(result.outputs or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  if #names > 0 then
    out[#out + 1] = ""
    out[#out + 1] = term:paint("bold", "Outputs:")
    for _, name in ipairs(names) do
      local shown = require("prov.plan.file").plain(result.outputs[name])
      if type(shown) == "table" then
        shown = require("prov.json").encode(shown, { sorted = true })
      end
      out[#out + 1] = ("  %s = %s"):format(name, tostring(shown))
    end
  end
  return table.concat(out, "\n") .. "\n"
end

return M
