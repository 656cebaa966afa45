--- What is wrong with files themselves, whatever the infra says: form, tabs, inputs that nobody uses, globals.

local data = require("core.data")
local diff_of = require("prov.fmt.diff")
local files_of = require("prov.fmt.files")
local fmt = require("prov.fmt")
local formats = require("prov.formats")
local fs = require("prov.fs")
local globals = require("prov.lint.globals")
local settings = require("prov.settings")
local width = require("prov.render.width")

local M = {}

--- What is looked for.
M.RULES = {
  syntax = "The file does not parse",
  form = "The file is not in canonical form",
  tab = "A tab stands inside of a text or comment",
  ["input-unused"] = "An input is declared, and no expression names it",
  ["global-set"] = "A Lua file sets a global",
  ["line-long"] = "A line is longer than lint.width",
}

-- Line and column of a byte.
local function place_of(text, at)
  local line, from = 1, 1
  while true do
    local stop = text:find("\n", from, true)
    if not stop or stop >= at then
      return line, at - from + 1
    end
    line, from = line + 1, stop + 1
  end
end

local function lines_of(text)
  local out = {}
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    out[#out + 1] = line
  end
  return out
end

local Linter = {}
Linter.__index = Linter

-- What a finding counts: a file that does not parse is an error, for others the settings say it.
local function severity_of(rule)
  return rule == "syntax" and "error" or settings.lint[rule:gsub("-", "_")]
end

function Linter:add(rule, file, line, column, message, hint)
  local severity = severity_of(rule)
  if severity == "off" then
    return
  end
  self.findings[#self.findings + 1] = {
    rule = rule,
    severity = severity,
    category = "style",
    message = message,
    hint = hint,
    file = file,
    line = line,
    column = column,
  }
end

-- Tabs that fmt leaves where they are.
function Linter:tabs(file, text, canonical)
  local kept = {}
  for _, line in ipairs(lines_of(canonical)) do
    kept[line:match("^%s*(.-)%s*$")] = true
  end
  for number, line in ipairs(lines_of(text)) do
    local blank, bare = line:match("^(%s*)(.-)%s*$")
    local at = bare:find("\t", 1, true)
    if at and kept[bare] then
      self:add("tab", file, number, #blank + at, "a tab stands inside of a text or comment",
        "write \\t in double quotes, or spaces")
    end
  end
end

function Linter:widths(file, text)
  local most = settings.lint.width
  for number, line in ipairs(severity_of("line-long") ~= "off" and lines_of(text) or {}) do
    local count = #line > most and width.of(line) or 0
    if count > most then
      self:add("line-long", file, number, most + 1, ("the line has %d characters"):format(count),
        ("lint.width says %d"):format(most))
    end
  end
end

function Linter:form(file, text, canonical)
  local first = diff_of.first(text, canonical)
  if first then
    self:add("form", file, first, nil, "not in canonical form", "'prov fmt' makes it so; 'prov fmt --diff' shows how")
  end
end

-- Whether a text names a variable, or hands on all of them.
local function uses(text, name, is_lua)
  local word = name:gsub("%p", "%%%0")
  return text:find("%f[%w_]var%." .. word .. "%f[^%w_-]") ~= nil
    or text:find("%f[%w_]var%s*%[%s*[\"']" .. word .. "[\"']") ~= nil
    or text:find("%f[%w_]var%f[^%w_]%s*[^%w_.%[%s:=]") ~= nil
    or is_lua and (text:find("%." .. word .. "%f[^%w_]") or text:find("[\"']" .. word .. "[\"']")) ~= nil
end

-- Inputs of the files of one folder: of the infra, or of a module.
function Linter:inputs(home)
  for _, one in ipairs(home) do
    local format = not one.path:match("%.lua$") and formats.of_file(one.path)
    local tree, place = nil, nil
    if format then
      tree, place = format:decode(one.text, { file = one.file })
    end
    local declared = type(tree) == "table" and data.kind(tree) == "map" and tree.inputs
    for _, name in ipairs(type(declared) == "table" and data.kind(declared) == "map" and data.keys(declared) or {}) do
      local used = false
      for _, other in ipairs(home) do
        used = used or uses(other.text, tostring(name), other.path:match("%.lua$") ~= nil)
      end
      if not used then
        local line, column = place({ "inputs", name })
        self:add("input-unused", one.file, line, column, ("the input '%s' is used by nobody"):format(name),
          ("name it as ${var.%s}, or take it out"):format(name))
      end
    end
  end
end

function Linter:globals(file, text)
  for _, one in ipairs(globals.of(text)) do
    local line, column = place_of(text, one.from)
    self:add("global-set", file, line, column, ("'%s' is a global"):format(one.name), ("local %s"):format(one.name))
  end
end

-- The folder whose variables a file sees; nil for one that sees none.
local function home_of(path)
  local dir, name = path:match("^(.*)/([^/]*)$")
  if not dir then
    dir, name = ".", path
  end
  if name:match("^infra%.") or name:match("^module%.") then
    return dir
  elseif dir:match("/infra$") or dir == "infra" then
    return dir:match("^(.*)/infra$") or "."
  end
  for _, ending in ipairs(fmt.NAMES) do
    if fs.exists(dir .. "/module." .. ending) then
      return dir
    end
  end
end

local function by_place(a, b)
  if a.file ~= b.file then
    return a.file < b.file
  elseif (a.line or 0) ~= (b.line or 0) then
    return (a.line or 0) < (b.line or 0)
  end
  return a.rule < b.rule
end

-- Whether something was found that is more than a note.
local function failing(findings)
  for _, one in ipairs(findings) do
    if one.severity ~= "note" then
      return true
    end
  end
  return false
end

--- Looks at the files of the workspace, or at those that are named.
---@param ctx prov.Ctx
---@param p { path: string[]? }
---@return table? value, prov.Err?
function M.run(ctx, p)
  local paths, e = files_of.paths(ctx, p.path)
  if not paths then
    return nil, e
  end
  local self = setmetatable({ findings = data.list() }, Linter)
  local homes, order = {}, {}
  for _, path in ipairs(paths) do
    local file = files_of.shown(path)
    local text, why = fs.read(path, { max = settings.fmt.file_size })
    if not text then
      return nil, why
    end
    local canonical, wrong = fmt.text(fmt.of_file(path), text, file)
    if canonical then
      self:form(file, text, canonical)
      self:tabs(file, text, canonical)
      self:widths(file, text)
      local home = home_of(path)
      if home and not homes[home] then
        homes[home], order[#order + 1] = {}, home
      end
      table.insert(homes[home] or {}, { path = path, file = file, text = text })
      if path:match("%.lua$") then
        self:globals(file, text)
      end
    else
      self:add("syntax", file, wrong.line, wrong.column, wrong.msg, wrong.hint)
    end
  end
  for _, home in ipairs(order) do
    self:inputs(homes[home])
  end
  table.sort(self.findings, by_place)
  return { findings = self.findings, checked = #paths, exit_code = failing(self.findings) and 1 or 0 }
end

return M
