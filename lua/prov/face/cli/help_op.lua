--- The help screen of one operation, from its declaration.

local params = require("prov.params")

local M = {}

--- The rows of the flags that every command knows.
---@return table
function M.global()
  local list = {}
  local _, flags = params.split(params.GLOBAL)
  for i, param in ipairs(flags) do
    list[i] = { params.flag(param), params.describe(param) }
  end
  return list
end

--- The whole screen.
---@param op table declaration
---@param shortcuts string[]
---@param rows fun(out: string[], list: table, indent: string)
---@return string
function M.text(op, shortcuts, rows)
  local out = { op.summary .. "\n\nUsage: " .. params.usage(op) .. "\n" }
  if shortcuts[1] then
    out[#out + 1] = "Short: prov " .. table.concat(shortcuts, ", prov ") .. "\n"
  end
  if op.description then
    out[#out + 1] = "\n" .. op.description:gsub("%s+$", "") .. "\n"
  end
  local positional, flags = params.split(op.params)
  local list = {}
  for _, param in ipairs(positional) do
    list[#list + 1] = { (param.metavar or param.name):upper():gsub("_", "-"), params.describe(param) }
  end
  if list[1] then
    out[#out + 1] = "\nArguments\n"
    rows(out, list, "  ")
  end
  list = {}
  for _, param in ipairs(flags) do
    list[#list + 1] = { params.flag(param), params.describe(param) }
  end
  if list[1] then
    out[#out + 1] = "\nFlags\n"
    rows(out, list, "  ")
  end
  for i, example in ipairs(op.examples or {}) do
    out[#out + 1] = (i == 1 and "\nExamples\n" or "") .. "  " .. example .. "\n"
  end
  out[#out + 1] = "\nFlags of every command\n"
  rows(out, M.global(), "  ")
  return table.concat(out)
end

return M
