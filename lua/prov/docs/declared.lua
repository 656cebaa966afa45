--- Pages of docs/reference about what is declared elsewhere than in operations: settings, and the
-- providers, taskservs and cluster templates that come with prov.

local config_keys = require("prov.config.keys")
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

-- The names of a catalog's lists.
local function catalog(out, given)
  for _, name in ipairs(type(given) == "table" and render.keys(given) or {}) do
    local names = {}
    for i, entry in ipairs(type(given[name]) == "table" and given[name] or {}) do
      names[i] = "`" .. cell(entry.name) .. "`"
    end
    list_line(out, name:sub(1, 1):upper() .. name:sub(2), names)
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
  catalog(out, p.catalog)
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
Layers, high to low:

1. flags of the command line; `-c KEY=VALUE` gives any setting
2. the environment: `PROV_` and the name in capitals, `.` and `-` as `_`: `PROV_SSH_KEEPALIVE`; see `prov config env`
3. the workspace: `config/prov.yaml` (or `.toml`), or `config:` in its `prov.yaml`; rules: `validate: rules:` too
4. the environment chosen with `--env prod` or `PROV_ENV`: `config/prod-defaults.yaml` (or `.toml`)
5. the user: `~/.config/prov/config.yaml` (or `.toml`)
6. the defaults here

`prov config explain NAME` shows what every layer says and which one won. A value may refer to another setting,
`${http.timeout}`, to the environment, `${env:HOME}`, and to the folder of the workspace, `${workspace}`; `$${` is
a plain `${`. In a file the settings of a group stand in a map: `ssh: { keepalive: 5s }`.

Beside these there are settings that operations and extensions bring; `prov config show --all` lists them:

| setting | what |
| --- | --- |
| `flags.<operation>.<flag>` | the default of a flag: `flags.apply.on_failure`, `flags.state.list.kind` |
| `rules.<id>.severity`, `rules.<id>.<option>` | of a [rule](rules.md) of `prov validate` |
| `<kind>.default_<field>` | of a field of resources of a kind: `server.default_image`; weaker than `defaults` |
| `provider.<name>.<field>` | of the configuration of a provider |
| `taskserv.<name>.<field>` | of a task service |
| `cluster.<name>.<field>` | of a cluster template |

]] }
  for _, group in ipairs(require("prov.config.groups")) do
    local name, about = table.unpack(group)
    local keys = {}
    for key, spec in pairs(config_keys) do
      if (key:match("^([^.]+)%.") or "") == name then
        keys[key] = spec
      end
    end
    if next(keys) then
      out[#out + 1] = ("\n## %s%s\n"):format(name ~= "" and name .. ": " or "", about)
      fields(out, "setting", keys)
    end
  end
  return table.concat(out)
end

local function example(out, title, text, options)
  out[#out + 1] = ("\n%s:\n\n```yaml\n%s"):format(title, text)
  if options then
    local set = require("prov.yaml").encode({ validate = { rules = options } })
    out[#out + 1] = "\n# in prov.yaml\n" .. set
  end
  out[#out + 1] = "```\n"
end

local function rule(out, one)
  local parts = require("prov.validate.example").parts
  out[#out + 1] = ("\n### %s\n\n%s. (%s)\n"):format(one.id, one.summary, one.severity)
  out[#out + 1] = one.doc and "\n" .. one.doc .. "\n" or nil
  fields(out, "option", one.options)
  for _, name in ipairs({ "bad", "good" }) do
    local text, options = parts(one[name])
    example(out, name == "bad" and "Found" or "Not found", text, options and { [one.id] = options })
  end
end

local function rules_page(note)
  local all = require("prov.rules").built_in()
  local out = { note, "# Rules\n\n", [[
What `prov validate` looks for in an infra that loads; see the [guide](../guides/validation.md). The examples
are the tests of the rules: each finds something in its first one and nothing in its second. Where they name
no provider, it is `demo`.
]], markdown.head("rule", "severity", "what it finds") }
  for _, one in ipairs(all) do
    out[#out + 1] = ("| [%s](#%s) | %s | %s |\n"):format(one.id, one.id, one.severity, cell(one.summary))
  end
  local category
  for _, one in ipairs(all) do
    if one.category ~= category then
      category = one.category
      out[#out + 1] = ("\n## %s\n"):format(category)
    end
    rule(out, one)
  end
  return table.concat(out)
end

--- The functions of expressions, by what they are about.
local function functions_page(note)
  local functions = require("prov.expr.functions")
  local placed = require("prov.expr.placed").LIST
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
  out[#out + 1] = { file = "rules.md", title = "Rules of prov validate" }
  return out
end

--- All of these pages: file name -> text.
---@async
---@param note string the first line of each
---@return table<string, string>
function M.pages(note)
  local installed = registry.open(nil, { path = "" })
  local files = {
    ["settings.md"] = settings_page(note),
    ["rules.md"] = rules_page(note),
    ["functions.md"] = functions_page(note),
  }
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
