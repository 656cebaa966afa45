--- Pages of docs/reference about what is declared elsewhere than in operations: settings, and the
-- providers, taskservs and cluster templates that come with prov.

local config_keys = require("prov.config_keys")
local describe = require("prov.contract.describe")
local markdown = require("prov.docs.markdown")
local registry = require("prov.registry")
local render = require("prov.render")

local M = {}

local cell = markdown.cell

local function value_text(value)
  return type(value) == "table" and render.flat(value) or tostring(value)
end

local function notes(row)
  local out = { row.doc and cell(row.doc) or "" }
  if row.required then
    out[#out + 1] = "required"
  elseif row.default ~= nil and not (type(row.default) == "table" and next(row.default) == nil) then
    local text = value_text(row.default)
    out[#out + 1] = text == "" and "empty by default" or ("`%s` by default"):format(cell(text))
  end
  if row.example ~= nil then
    out[#out + 1] = ("such as `%s`"):format(cell(value_text(row.example)))
  end
  if row.replace then
    out[#out + 1] = "a change replaces it"
  end
  if row.secret then
    out[#out + 1] = "secret"
  end
  return table.concat(out, "; ")
end

local function fields(out, title, schema)
  if not schema or next(schema) == nil then
    return
  end
  out[#out + 1] = markdown.head(title, "type", "what it says")
  for _, row in ipairs(describe.rows(schema)) do
    out[#out + 1] = ("| `%s` | %s | %s |\n"):format(cell(row.name), cell(row.type), notes(row))
  end
end

local function list_line(out, title, list)
  if list and list[1] then
    out[#out + 1] = ("\n%s: %s.\n"):format(title, table.concat(list, ", "))
  end
end

local function provider(out, p)
  fields(out, "setting of the provider", p.config)
  local kinds = {}
  for kind in pairs(p.resources) do
    kinds[#kinds + 1] = kind
  end
  table.sort(kinds)
  for _, kind in ipairs(kinds) do
    local resource = p.resources[kind]
    out[#out + 1] = ("\n### %s.%s\n"):format(p.name, kind)
    fields(out, "field", resource.schema)
    fields(out, "output", resource.outputs)
    list_line(out, "Actions", resource.actions)
  end
end

local function service(out, t)
  list_line(out, "Needs", t.needs)
  list_line(out, "Runs on", t.platforms)
  list_line(out, "Does not go with", t.conflicts)
  fields(out, "field", t.schema)
end

local function cluster(out, c)
  fields(out, "field", c.schema)
end

local KINDS = {
  { kind = "provider", file = "providers.md", title = "Providers", body = provider },
  { kind = "taskserv", file = "taskservs.md", title = "Services (taskservs)", body = service },
  { kind = "cluster", file = "clusters.md", title = "Cluster templates", body = cluster },
}

local function settings_page(note)
  local out = { note, "# Settings\n\n", [[
Five layers, high to low: flags of the command line; `PROV_<NAME>` in the environment; the workspace's
`prov.yaml`, under `config:`; `~/.config/prov/config.yaml`; the defaults here. `prov config explain NAME` shows what
every layer says and which one won.
]] }
  fields(out, "setting", config_keys)
  return table.concat(out)
end

--- The functions of expressions, by what they are about.
local function functions_page(note)
  local functions = require("prov.expr.functions")
  require("prov.infra.files") -- those that read files
  local placed = require("prov.infra.interpolate").PLACED
  local groups, order = {}, {}
  for _, list in ipairs({ functions.LIST, placed }) do
    for _, name in ipairs(require("core.data").keys(list)) do
      local fn = list[name]
      local group = fn.group or "Files and templates"
      if not groups[group] then
        groups[group] = {}
        order[#order + 1] = group
      end
      table.insert(groups[group], ("| `%s(%s)` | %s |\n"):format(name, fn.takes, markdown.cell(fn.doc)))
    end
  end
  table.sort(order)
  local out = { note, "# Functions of expressions\n\nIn `${...}`, conditions and templates; in Lua as `fn.join(...)`. "
    .. "A `?` stands behind what may be left out, `...` behind what may be given several times.\n" }
  for _, group in ipairs(order) do
    out[#out + 1] = ("\n## %s\n"):format(group) .. markdown.head("function", "what it gives")
      .. table.concat(groups[group])
  end
  return table.concat(out)
end

--- What the reference's index shows of these pages: `{ file, title }`.
---@return { file: string, title: string }[]
function M.titles()
  local out = {
    { file = "settings.md", title = "Settings" },
    { file = "functions.md", title = "Functions of expressions" },
  }
  for _, entry in ipairs(KINDS) do
    out[#out + 1] = { file = entry.file, title = entry.title }
  end
  return out
end

--- All of these pages: file name -> text.
---@async
---@param note string the first line of each
---@return table<string, string>
function M.pages(note)
  local installed = registry.open(nil, { path = "" })
  local files = { ["settings.md"] = settings_page(note), ["functions.md"] = functions_page(note) }
  for _, entry in ipairs(KINDS) do
    local out = { note, ("# %s\n"):format(entry.title) }
    for _, found in ipairs(installed:list(entry.kind)) do
      local declaration = assert(installed:get(entry.kind, found.name))
      out[#out + 1] = ("\n## %s\n\n%s.\n"):format(declaration.name, declaration.summary)
      entry.body(out, declaration)
    end
    files[entry.file] = table.concat(out)
  end
  return files
end

return M
