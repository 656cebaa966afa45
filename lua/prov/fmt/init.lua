--- Canonical formatting of Lua, YAML, TOML and JSON. Each form is a module with check(text, file) -> err?,
-- format(text) -> text and same(a, b) -> boolean, which is asked before anything is given out.

local err = require("prov.err")

local M = {}

local FORMS = {
  lua = { title = "Lua", extensions = { "lua" } },
  yaml = { title = "YAML", extensions = { "yaml", "yml" } },
  toml = { title = "TOML", extensions = { "toml" } },
  json = { title = "JSON", extensions = { "json" } },
}

--- The names of the forms, as --stdin takes them.
M.NAMES = { "yaml", "toml", "lua", "json" }

local form_of = {}
for name, form in pairs(FORMS) do
  for _, extension in ipairs(form.extensions) do
    form_of[extension] = name
  end
end

--- The form of a file by its ending, or nil.
---@param path string
---@return string?
function M.of_file(path)
  return form_of[path:match("%.(%w+)$") or ""]
end

--- The text in canonical form.
---@param form string
---@param text string
---@param file? string for messages
---@return string? text
---@return prov.Err? err what does not parse, with line and column
function M.text(form, text, file)
  local module = require("prov.fmt." .. form)
  local e = module.check(text, file)
  if e then
    return nil, e
  end
  local mark = text:match("^\xEF\xBB\xBF") or ""
  local bare = text:sub(#mark + 1)
  local new = module.format(bare)
  if module.check(new) or not module.same(bare, new) then
    local title = FORMS[form].title
    return nil, err.new("unsupported", ("%s that fmt cannot write anew without changing it"):format(title), {
      file = file,
      hint = "the file stays as it is; what it holds that is unusual is worth a report",
    })
  end
  return mark .. new
end

return M
