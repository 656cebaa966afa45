--- What differs between two texts: a line for each path.

local json = require("prov.json")

local M = {}

local SIGNS = { added = { "+", "green" }, removed = { "-", "red" }, changed = { "~", "yellow" } }

local function text_of(v)
  return (json.encode(v)) or tostring(v)
end

--- The lines.
---@param value { changes: { path: string, change: string, before: any, after: any }[] }
---@param term prov.Term
---@return string
function M.render(value, term)
  local out = {}
  for i, one in ipairs(value.changes) do
    local sign = SIGNS[one.change]
    local what = {}
    if one.before ~= nil then
      what[1] = text_of(one.before)
    end
    if one.after ~= nil then
      what[#what + 1] = text_of(one.after)
    end
    local path = one.path ~= "" and one.path or "."
    out[i] = ("%s %s: %s\n"):format(term:paint(sign[2], sign[1]), path, table.concat(what, " -> "))
  end
  return table.concat(out)
end

return M
