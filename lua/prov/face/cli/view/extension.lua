--- One extension: what it is, and its fields as tables.

local render = require("prov.render")

local M = {}

local COLUMNS = { columns = { "field", "type", "default", "doc" } }

local function section(out, title, rows, term)
  if rows and rows[1] then
    out[#out + 1] = "\n" .. term.bold(title) .. "\n"
    local shown = {}
    for i, row in ipairs(rows) do
      local replaces = row.replace and not (row.doc or ""):find("replace", 1, true)
      local notes = replaces and " (a change replaces it)" or row.secret and " (secret)" or ""
      shown[i] = {
        field = row.field or row.name or row.path,
        type = row.type,
        default = row.required and "(required)" or row.default,
        doc = (row.doc or "") .. notes,
      }
    end
    out[#out + 1] = render.table(shown, COLUMNS, term)
  end
end

--- Renders the value of prov.extensions.show.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  local out = { ("%s %s: %s\n"):format(value.kind, term.bold(value.name), value.summary) }
  if value.description then
    out[#out + 1] = "\n" .. value.description:gsub("%s+$", "") .. "\n"
  end
  for _, key in ipairs({ "category", "needs", "conflicts", "platforms", "path" }) do
    local item = value[key]
    if item and (type(item) ~= "table" or item[1]) then
      out[#out + 1] = ("%s: %s\n"):format(key, render.scalar(item))
    end
  end
  section(out, "Configuration", value.config, term)
  for _, kind in ipairs(render.keys(value.resources or {})) do
    section(out, "Resource " .. kind, value.resources[kind].fields, term)
    section(out, "Outputs of " .. kind, value.resources[kind].outputs, term)
  end
  section(out, "Fields", value.fields, term)
  section(out, "Outputs", value.outputs, term)
  return table.concat(out)
end

return M
