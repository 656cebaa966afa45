--- The screen of `prov status`.

local render = require("prov.render")

local M = {}

--- Renders the value of the status operation.
---@return string
function M.render(v, term)
  local out = { ("%s %s, state revision %d"):format(term:paint("bold", "Workspace"), v.workspace, v.revision) }
  if v.last_run then
    local run = v.last_run
    out[#out + 1] = ("Last run, %s at %s: %s, %d steps, %d failed"):format(run.what,
      os.date("%Y-%m-%d %H:%M:%S", run.ended), run.status, run.steps, run.failed)
    for _, failure in ipairs(run.failures) do
      out[#out + 1] = ("  %s %s: %s"):format(term:paint("red", "failed"), failure.step, failure.error)
    end
  elseif not v.running then
    out[#out + 1] = "Nothing was applied yet. Try: prov apply"
  end
  if v.running then
    out[#out + 1] = term:paint("yellow", "Running: " .. v.running)
  elseif #v.open_runs > 0 then
    out[#out + 1] = term:paint("yellow", ("%d interrupted run%s: 'prov apply' takes over"):format(
      #v.open_runs, #v.open_runs == 1 and "" or "s"))
  end
  local text = table.concat(out, "\n") .. "\n"
  if #v.resources > 0 then
    local columns = { "address", "provider", "id", "ip", "status" }
    text = text .. "\n" .. render.table(v.resources, { columns = columns }, term)
  end
  return text
end

return M
