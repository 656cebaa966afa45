--- The data formats prov reads and writes: one table for everything that does so by format.
--
-- Each has decode(text, { file, max, all }) -> value, positions | nil, err and encode(value) -> text |
-- nil, err. Modules are loaded at first use.

local M = {}

---@class prov.Format
---@field name string
---@field title string as it is written in sentences
---@field extensions string[] endings of files
---@field tree boolean whether maps, lists and types of values survive: a form for infra and config
---@field comments? string pattern of a comment, for what may be written without an editor
---@field tagged? fun(value: any): any value with the type of every leaf, for tests
---@field untagged? fun(tagged: any): any, prov.Err?
---@field edit? { set: function, delete: function } changes a text and keeps the rest as it is
local Format = {}

local ROWS = {
  { name = "json", title = "JSON", module = "prov.json", extensions = { "json" }, tree = true,
    editor = "prov.edit.json" },
  { name = "yaml", title = "YAML", module = "prov.yaml", extensions = { "yaml", "yml" }, tree = true,
    editor = "prov.edit.yaml" },
  { name = "toml", title = "TOML", module = "prov.toml", extensions = { "toml" }, tree = true,
    editor = "prov.edit.toml", comments = "#" },
  { name = "xml", title = "XML", module = "prov.xml", extensions = { "xml" }, comments = "<!%-%-" },
  { name = "ini", title = "INI", module = "prov.ini", extensions = { "ini", "cfg", "conf" },
    comments = "%f[^\n%s\0][#;]" },
  { name = "dotenv", title = "environment file", module = "prov.dotenv", extensions = { "env" },
    comments = "%f[^\n%s\0]#" },
}

local made = {}

local function format_of(row)
  local format = made[row.name]
  if not format then
    format = setmetatable({ row = row }, {
      __index = function(self, key)
        local v = Format[key]
        if v == nil then
          v = row[key]
        end
        if v == nil and (key == "tagged" or key == "untagged") then
          v = require(row.module)[key]
        elseif v == nil and key == "edit" and row.editor then
          v = require(row.editor)
        end
        rawset(self, key, v)
        return v
      end,
    })
    made[row.name] = format
  end
  return format
end

--- Reads a text. Null is `value.null`, never nil.
---@param text string
---@param opts? { file: string?, max: integer?, all: boolean? } all: every document of a YAML stream, as a list
---@return any value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function Format:decode(text, opts)
  local module = require(self.row.module)
  return (module.decode_placed or module.decode)(text, opts)
end

--- Writes a value, ending in a line break.
---@param v any
---@return string? text, prov.Err?
function Format:encode(v)
  local text, e = require(self.row.module).encode(v, { pretty = true })
  if not text then
    return nil, e
  end
  return text ~= "" and text:sub(-1) ~= "\n" and text .. "\n" or text
end

--- The names of all formats.
---@return string[]
function M.names()
  local out = {}
  for i, row in ipairs(ROWS) do
    out[i] = row.name
  end
  return out
end

--- The format of a name or an ending ("yml").
---@param name string
---@return prov.Format?, prov.Err?
function M.get(name)
  for _, row in ipairs(ROWS) do
    local match = row.name == name
    for _, extension in ipairs(row.extensions) do
      match = match or extension == name
    end
    if match then
      return format_of(row)
    end
  end
  local e = require("prov.suggest").unknown("format", name, M.names())
  e.code = "usage"
  return nil, e
end

--- The format of a file by its name, or nil. `.env` and `.env.local` are environment files.
---@param path string
---@return prov.Format?
function M.of_file(path)
  local name = path:match("[^/]*$")
  if name == ".env" or name:match("^%.env%.") then
    return (M.get("dotenv"))
  end
  local extension = name:match("%.(%w+)$")
  return extension and (M.get(extension)) or nil
end

--- Lets a file stand where the format of a text is named, when its name says which: `prov data get infra.yaml a.b`.
---@param p table parameters; the one called `name` becomes the name of a format
---@param name string
---@return string? file the file that stood there
---@return prov.Err?
function M.name_in(p, name)
  local given = p[name]
  local format, e = M.get(given)
  if not format and given:find("[./]") then
    format = M.of_file(given)
    if not format then
      return nil, require("prov.err").new("usage", ("the name of '%s' does not say its format"):format(given), {
        hint = "name it first: " .. table.concat(M.names(), ", "),
      })
    end
    p[name] = format.name
    return given
  elseif not format then
    return nil, e
  end
  p[name] = format.name
end

--- The same for the operations that take one text: the file is then `file`.
---@param p table
---@param name string
---@return table? p, prov.Err?
function M.one_text(p, name)
  local file, e = M.name_in(p, name)
  if e then
    return nil, e
  elseif file and p.file then
    return nil, require("prov.err").new("usage", ("two files are named: %s and %s"):format(file, p.file))
  end
  p.file = file or p.file
  return p
end

--- The endings of the forms that infra, workflows and configuration may have.
---@return string[]
function M.tree_extensions()
  local out = {}
  for _, row in ipairs(ROWS) do
    if row.tree then
      table.move(row.extensions, 1, #row.extensions, #out + 1, out)
    end
  end
  return out
end

return M
