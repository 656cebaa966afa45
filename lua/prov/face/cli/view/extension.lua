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

-- The lists of a catalog as tables: a column for each plain value.
local function catalog(out, lists, term)
  for _, name in ipairs(render.keys(lists or {})) do
    local columns, seen = { "name" }, { name = true }
    local entries = type(lists[name]) == "table" and lists[name][1] and lists[name] or {}
    for _, entry in ipairs(entries) do
      for _, key in ipairs(render.keys(entry)) do
        if not seen[key] then
          seen[key], columns[#columns + 1] = true, key
        end
      end
    end
    if entries[1] then
      out[#out + 1] = ("\n%s\n"):format(term.bold("Catalog: " .. name))
      out[#out + 1] = render.table(entries, { columns = columns }, term)
    end
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
  catalog(out, value.catalog, term)
  section(out, "Fields", value.fields, term)
  section(out, "Outputs", value.outputs, term)
  return table.concat(out)
end

return M
