--- One rule: what it finds and why, what may be set, and both of its examples.

local render = require("prov.render")

local M = {}

local OPTIONS = { columns = { "name", "type", "default", "here", "doc" } }

local function example(out, title, text, style, term)
  if text then
    out[#out + 1] = "\n" .. term.color(style, title) .. "\n"
    for line in text:gsub("\n$", ""):gmatch("([^\n]*)\n?") do
      out[#out + 1] = "  " .. line .. "\n"
    end
    out[#out] = out[#out] ~= "  \n" and out[#out] or nil
  end
end

--- Renders the value of prov.rules_show.show.
---@param value table
---@param term prov.Term
---@return string
function M.render(value, term)
  local here = value.here ~= value.severity and (", here %s"):format(value.here) or ""
  local out = {
    ("%s (%s%s): %s\n"):format(term.bold(value.id), value.severity, here, value.summary),
  }
  if value.doc then
    out[#out + 1] = "\n" .. value.doc .. "\n"
  end
  out[#out + 1] = ("\ncategory: %s\nlooks at: %s\nfrom: %s\n"):format(
    value.category,
    table.concat(value.applies, ", "),
    value.from
  )
  if value.options[1] then
    out[#out + 1] = "\n" .. term.bold("Options") .. "\n" .. render.table(value.options, OPTIONS, term)
  end
  example(out, "Bad", value.bad, "red", term)
  example(out, "Good", value.good, "green", term)
  return table.concat(out)
end

return M
