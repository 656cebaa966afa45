--- Formatted files: their names or their diffs; errors go to the standard error.

local err = require("prov.err")
local report = require("prov.face.cli.report")

local M = {}

local COLORS = { ["+"] = "green", ["-"] = "red", ["@"] = "cyan" }

local function paint(diff, term)
  return (diff:gsub("[^\n]+", function(line)
    local color = COLORS[line:sub(1, 1)]
    return color and term:paint(color, line) or line
  end))
end

--- The text.
---@param value table
---@param term prov.Term
---@param ctx prov.Ctx
---@return string
function M.render(value, term, ctx)
  local errs = {}
  for i, e in ipairs(value.errors) do
    errs[i] = err.new("invalid", e.message, e)
  end
  if errs[1] then
    io.stderr:write(report.text(errs, ctx.term_err))
  end
  if value.text then
    return value.text
  end
  local out = {}
  for i, one in ipairs(value.files) do
    out[i] = one.diff and paint(one.diff, term) or one.file .. "\n"
  end
  return table.concat(out)
end

return M
