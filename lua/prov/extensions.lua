--- Extensions as values for people and faces: lists, descriptions, checks, new ones.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local suggest = require("prov.suggest")

local M = {}

--- The extensions of a kind; one that does not load says why.
---@param registry prov.Registry
---@param kind "provider"|"taskserv"|"cluster"|"workflow"
---@return table[]
function M.list(registry, kind)
  local rows = {}
  for i, one in ipairs(registry:list(kind)) do
    rows[i] = {
      name = one.name,
      summary = one.summary or (one.err and "does not load: " .. tostring(one.err)),
      category = one.category or (kind == "taskserv" and one.path:match("taskservs/([^/]+)/[^/]+/") or nil),
      path = one.path,
    }
  end
  return data.list(rows)
end

local function fields(schema)
  local rows = contract.describe(schema or {})
  return data.list(rows)
end

--- Everything a declaration says, as data.
---@param registry prov.Registry
---@param kind "provider"|"taskserv"|"cluster"
---@param name string
---@return table? value
---@return prov.Err?
function M.show(registry, kind, name)
  local declaration, e = registry:get(kind, name)
  if not declaration then
    return nil, e
  end
  local value = {
    kind = kind,
    name = name,
    summary = declaration.summary,
    description = declaration.description,
    category = declaration.category,
    path = registry:which(kind, name),
    needs = declaration.needs and data.list(declaration.needs),
    conflicts = declaration.conflicts and data.list(declaration.conflicts),
    platforms = declaration.platforms and data.list(declaration.platforms),
    limits = declaration.limits,
  }
  if kind == "provider" then
    value.config, value.resources = fields(declaration.config), {}
    value.catalog = type(declaration.catalog) == "table" and declaration.catalog or nil
    for resource, spec in pairs(declaration.resources) do
      value.resources[resource] = { fields = fields(spec.schema), outputs = fields(spec.outputs) }
    end
  else
    value.fields = fields(declaration.schema)
    if type(declaration.outputs) == "table" then
      value.outputs = fields(declaration.outputs)
    end
  end
  return value
end

--- Finds an extension by "kind/name" or by a name that only one kind has.
---@param registry prov.Registry
---@param text string
---@return string? kind
---@return string|prov.Err name
function M.find(registry, text)
  local kind, name = text:match("^(%a+)/(.+)$")
  if kind then
    if not (kind == "provider" or kind == "taskserv" or kind == "cluster" or kind == "workflow") then
      return err.fail("usage", "no kind of extension '%s': provider, taskserv, cluster or workflow", kind)
    end
    local path, e = registry:which(kind, name)
    if not path then
      return nil, e
    end
    return kind, name
  end
  local found, names = {}, {}
  for _, one in ipairs({ "provider", "taskserv", "cluster", "workflow" }) do
    for _, row in ipairs(registry:index(one)) do
      names[#names + 1] = row.name
      if row.name == text then
        found[#found + 1] = one
      end
    end
  end
  if #found == 1 then
    return found[1], text
  elseif #found > 1 then
    return err.fail("usage", "'%s' is a %s; write %s/%s", text, table.concat(found, " and a "), found[1], text)
  end
  return nil, suggest.unknown("extension", text, names)
end

local BODY_FUNCTIONS = { "read", "create", "update", "delete", "find", "list" }

-- The functions of one resource: those it must have, and no names that are nearly one.
local function check_functions(file, kind, spec, functions)
  local needed = { "read", "create", "delete" }
  for _, action in ipairs(spec.actions or {}) do
    needed[#needed + 1] = "action_" .. action
  end
  local lacking = {}
  for _, fn in ipairs(needed) do
    if type(functions[fn]) ~= "function" then
      return err.new("invalid", ("%s: must have a function '%s'"):format(kind, fn), { file = file })
    end
  end
  for _, fn in ipairs(BODY_FUNCTIONS) do
    lacking[#lacking + 1] = functions[fn] == nil and fn or nil
  end
  for fn, v in pairs(functions) do
    local hint = type(v) == "function" and suggest.hint(tostring(fn), lacking)
    if hint then
      local message = ("%s: the function '%s' is never called"):format(kind, fn)
      return err.new("invalid", message, { file = file, hint = hint })
    end
  end
end

local function check_provider(registry, declaration)
  for _, kind in ipairs(data.keys(declaration.resources)) do
    local spec = declaration.resources[kind]
    local functions, e = spec, nil
    local file = registry:which("provider", declaration.name)
    if spec.body then
      functions, e = registry:body(declaration, spec.body)
      file = type(spec.body) == "string" and ("%s/%s.lua"):format(registry:dir(declaration), spec.body:gsub("%.", "/"))
        or file
    end
    e = e or check_functions(file, kind, spec, functions)
    if e then
      return e
    end
  end
end

-- The module of a taskserv or cluster must have the function that is not in the declaration itself.
local function check_body(registry, declaration, needed)
  if type(declaration.body) ~= "string" or rawget(declaration, needed) then
    return nil
  end
  local module, e = registry:body(declaration, declaration.body)
  if module and type(module[needed]) ~= "function" then
    local file = ("%s/%s.lua"):format(registry:dir(declaration), declaration.body:gsub("%.", "/"))
    e = err.new("invalid", ("must have a function '%s'"):format(needed), { file = file })
  end
  return e
end

-- The first of several mistakes, with the others as a hint.
local function joined(mistakes)
  local first = mistakes[1]
  local more = {}
  for i = 2, math.min(#mistakes, 6) do
    more[#more + 1] = "also: " .. tostring(mistakes[i])
  end
  if more[1] then
    first.hint = (first.hint and first.hint .. "\n" or "") .. table.concat(more, "\n")
  end
  return first
end

--- Loads an extension with its bodies, tries its functions with example arguments, and says what is
-- wrong with it, and what could not be checked.
---@param registry prov.Registry
---@param kind string
---@param name string
---@return table? report { kind, name, path, status, note? }
---@return prov.Err?
function M.check(registry, kind, name)
  local declaration, e = registry:get(kind, name)
  if not declaration then
    return nil, e
  end
  local notes = {}
  if kind == "provider" then
    e = check_provider(registry, declaration)
  elseif kind == "workflow" then
    local _
    _, e = require("prov.workflow.check").run(declaration, {
      owner = registry.workspace_dir or ".", registry = registry, partial = true,
    })
  else
    e = check_body(registry, declaration, kind == "taskserv" and "recipe" or "expand")
    if not e then
      local mistakes
      mistakes, notes = require("prov.extension_trial")[kind](registry, declaration)
      e = joined(mistakes)
    end
  end
  if e then
    return nil, e
  end
  local note = notes[1] and "not checked: " .. table.concat(notes, "; ") or nil
  return { kind = kind, name = name, path = (registry:which(kind, name)), status = "ok", note = note }
end

--- Checks every extension.
---@param registry prov.Registry
---@return table[] reports
function M.check_all(registry)
  local rows = {}
  for _, kind in ipairs({ "provider", "taskserv", "cluster", "workflow" }) do
    for _, one in ipairs(registry:index(kind)) do
      local report, e = M.check(registry, kind, one.name)
      rows[#rows + 1] = report
        or { kind = kind, name = one.name, path = one.path, status = "failed", problem = tostring(e) }
    end
  end
  return data.list(rows)
end

--- Where a taskserv of this name is in the folder, whatever its category.
local function other_category(dir, name)
  for _, category in ipairs(fs.list(dir .. "/taskservs") or {}) do
    local path = ("%s/taskservs/%s/%s"):format(dir, type(category) == "table" and category.name or category, name)
    if fs.exists(path) then
      return path
    end
  end
end

--- Writes a new extension that works as it is.
---@param dir string folder of the extensions (of a workspace)
---@param kind "provider"|"taskserv"|"cluster"|"workflow"
---@param name string
---@param opts? { category: string? }
---@return table? value { kind, name, files }
---@return prov.Err?
function M.new(dir, kind, name, opts)
  if not name:match("^[a-z][a-z0-9-]*$") then
    return err.fail("usage", "'%s' is no name: a small letter, then small letters, digits and dashes", name)
  end
  local folder = kind == "taskserv" and ("taskservs/%s/%s"):format(opts and opts.category or "own", name)
    or ("%ss/%s"):format(kind, name)
  if kind == "workflow" then -- one file
    folder = "workflows"
  end
  local path = dir .. "/" .. folder
  if fs.exists(kind == "workflow" and ("%s/%s.yaml"):format(path, name) or path) then
    return err.fail("exists", "%s is already there", path)
  end
  local other = kind == "taskserv" and other_category(dir, name)
  if other then
    return nil, err.new("exists", ("%s is already there"):format(other), {
      hint = "two taskservs of one name would hide each other",
    })
  end
  local ok, e = fs.mkdirp(path)
  if not ok then
    return nil, e
  end
  local files = {}
  for file, text in pairs(require("prov.extension_templates").files(kind, name, opts and opts.category or "own")) do
    file = kind == "workflow" and name .. file or file
    ok, e = fs.write_atomic(path .. "/" .. file, text)
    if not ok then
      return nil, e
    end
    files[#files + 1] = path .. "/" .. file
  end
  table.sort(files)
  return { kind = kind, name = name, files = data.list(files) }
end

return M
