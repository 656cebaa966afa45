--- Reads the infra files of a workspace, of its environment and of modules into trees of plain values, each with its
-- places.

local address = require("prov.address")
local err = require("prov.err")
local formats = require("prov.formats")
local fs = require("prov.fs")
local inputs = require("prov.infra.inputs")
local merge = require("prov.infra.merge")
local priority = require("prov.contract.merge")
local sandbox = require("prov.sandbox")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

---@class prov.Source
---@field file string path shown in messages
---@field tree table
---@field place fun(path: (string|integer)[]): integer?, integer?, string? line, column and, of merged files, the file
---@field text string
---@field texts? table<string, string> of merged files, by file

local function kind_proxy(kind, hint, prefix)
  return setmetatable({}, sandbox.undefined({
    __index = function(proxy, name)
      local ref = value.ref(prefix .. kind .. "." .. tostring(name))
      rawset(proxy, name, ref) -- references never change, so they are shared
      return ref
    end,
    __newindex = function()
      error("a reference cannot be changed", 2)
    end,
    __tostring = function()
      return "${" .. kind .. "}"
    end,
  }, ("'%s' is not defined; %s"):format(kind, hint or ("%s.NAME would refer to a resource"):format(kind))))
end

--- The variables as a Lua file sees them: those declared before it, and by its own calls of `inputs`.
local function var_proxy(vars)
  return setmetatable({}, sandbox.undefined({
    __index = function(_, name)
      local v = vars[name]
      if v == nil then
        local names = {}
        for one in next, vars do
          names[#names + 1] = one
        end
        table.sort(names)
        error(("there is no variable '%s' yet; %s"):format(tostring(name), suggest.hint(tostring(name), names)
          or "declare it above: inputs { " .. tostring(name) .. ' = { type = "string" } }'), 2)
      end
      return v ~= value.null and v or nil
    end,
    __newindex = function()
      error("a variable cannot be changed", 2)
    end,
  }, "'var' is all variables; name one, as in var.size"))
end

---@class prov.Reading
---@field workspace prov.Workspace
---@field dir string folder that `template` and `file` look into
---@field shown string the folder as messages show it: "" or "modules/site/"
---@field prefix string "" or "module.eu."
---@field given prov.Given[] values of the variables, weakest first
---@field vars table<string, any> complete values of those declared so far
---@field declared prov.Part
---@field errs prov.Err[]
---@field missing? fun(name: string, declared_at: string): prov.Err
---@field prioritized boolean? a Lua file used force or default
---@field texts? table<string, string> what files are to say, by path: a change that is tried

local function declare(reading, source, map)
  local part = { values = map, source = source }
  for name in next, map do
    local before = reading.declared.values[name]
    if before ~= nil then
      local other = merge.source_of(reading.declared, name)
      local e = merge.error(source, { "inputs", name }, "declared twice: also in " .. other.file)
      reading.errs[#reading.errs + 1] = e
    end
    reading.declared.values[name], reading.declared.by_name[name] = map[name], source
  end
  local given = {}
  for i, one in ipairs(reading.given) do -- what belongs to others is not wrong here
    local values = {}
    for name, v in next, one.values do
      values[name] = map[name] ~= nil and v or nil
    end
    given[i] = setmetatable({ values = values }, { __index = one })
  end
  for name, v in next, inputs.complete(part, given, reading.errs, reading.missing) do
    reading.vars[name] = v
  end
end

--- Declares what `inputs` of a tree says.
local function declare_of(reading, source)
  local map = source.tree.inputs
  if type(map) == "table" and getmetatable(map) == nil and next(map) ~= nil then
    declare(reading, source, map)
  end
end

local function read_lua(text, file, env)
  local tree, e = sandbox.run(text, file, env)
  local function place(path)
    return require("prov.infra.lua_places").find(text, path)
  end
  if e then
    if e.file == file and not e.line and e.keys then -- of what it returned
      e.line, e.column = place(e.keys)
    end
    return nil, e
  end
  return tree, place
end

-- Times stay text (plain): infra has no values of that kind.
local function read_text(text, file, extension, env)
  if extension == "lua" then
    return read_lua(text, file, env or sandbox.env())
  end
  return assert(formats.get(extension)):decode(text, { file = file, plain = true })
end

local function is_form(extension)
  local format = extension ~= "lua" and formats.of_file("infra." .. extension)
  return extension == "lua" or format and format.tree
end


--- What a Lua file gets of another file of its folder: the value that a Lua file returns, the tree of another one.
local function import(reading, env, path)
  local text, why = require("prov.infra.files").read("import", reading.dir, reading.shown, path)
  local extension = text and path:match("%.(%a+)$")
  if text and not is_form(extension) then
    text, why = nil, ("import: '%s' is no file of Lua, YAML, JSON or TOML"):format(path)
  end
  if not text then
    error(why, 3)
  end
  local file = reading.shown .. path
  if extension ~= "lua" then
    local tree, e = read_text(text, file, extension)
    if err.is(e) then
      error(e, 0)
    end
    return tree
  end
  reading.importing = (reading.importing or 0) + 1
  if reading.importing > settings.infra.imports then
    error("files import each other too deep: " .. file, 3)
  end
  local value_of = sandbox.chunk(text, file, env)() -- under the limits of the file that imports
  reading.importing = reading.importing - 1
  return value_of
end

local function lua_env(reading, file)
  local env, prefix = sandbox.env(), reading.prefix
  env.workspace = { name = reading.workspace.base_name or reading.workspace.name, env = reading.workspace.env }
  env.fn = require("prov.expr.functions").lua()
  for name, fn in next, reading.functions or {} do
    env[name] = function(...)
      local done, why, hint = fn(...)
      if done == nil then
        error(why .. (hint and "; " .. hint or ""), 2)
      end
      return done
    end
    env.fn[name] = env[name]
  end
  env.var = var_proxy(reading.vars)
  env.inputs = function(map)
    if type(map) ~= "table" or value.is_marked(map) then
      error('inputs takes a map, such as inputs { size = { type = "int", default = 1 } }', 2)
    end
    local before = #reading.errs
    declare(reading, { file = file, tree = {}, place = function() end, text = "" }, map)
    if #reading.errs > before then
      local e = table.remove(reading.errs)
      error(e:text() .. (e.hint and "; " .. e.hint or ""), 2)
    end
    return env.var
  end
  env.import = function(path)
    local v = import(reading, env, path) -- no tail call: an error names the line of the file
    return v
  end
  env.text = function(...)
    return value.text({ ... })
  end
  for _, name in ipairs({ "force", "default" }) do
    env[name] = function(v)
      reading.prioritized = true
      return priority[name](v)
    end
  end
  local names = {}
  for name in pairs(env) do
    names[#names + 1] = name
  end
  local proxies = {}
  return setmetatable(env, {
    __index = function(_, name)
      if not address.is_name(name) then
        return nil
      end
      if not proxies[name] then
        proxies[name] = kind_proxy(name, suggest.hint(name, names), prefix)
      end
      return proxies[name]
    end,
  })
end

--- Endings of the files that are read, Lua last: what the others declare is known to it.
M.FORMS = { "toml", "yaml", "yml", "json", "lua" }

--- Reads one file that holds a map, in any form.
---@param path string
---@param file string the path that messages show
---@param example string what a Lua file returns, for its error
---@param env table? environment of a Lua file; the pure one by default
---@param text string? what to take for the file's text
---@return prov.Source? source with the text
---@return prov.Err?
function M.read_one(path, file, example, env, text)
  local extension = path:match("%.(%a+)$")
  local e
  if not text then
    text, e = fs.read(path)
  end
  if not text then
    return nil, e
  end
  local tree, place = read_text(text, file, extension, env)
  if err.is(place) then
    return nil, place
  end
  if tree == value.null or tree == nil and extension ~= "lua" then
    tree = {}
  end
  if type(tree) ~= "table" or value.is_marked(tree) or value.is_list(tree) and next(tree) ~= nil then
    local what = extension == "lua" and "must return a table such as " .. example
      or "must hold a map"
    local found = tree == nil and "nothing" or type(tree) == "table" and "a list" or "a " .. type(tree)
    return nil, err.new("invalid", ("the file %s, found %s"):format(what, found), { file = file, line = 1, column = 1,
      hint = tree == nil and "is a 'return' missing in front of the table?" or nil })
  end
  return { file = file, path = path, tree = tree, place = place, text = text }
end

local function named(base)
  local paths = {}
  for _, extension in ipairs(M.FORMS) do
    if fs.exists(base .. "." .. extension) then
      paths[#paths + 1] = base .. "." .. extension
    end
  end
  return paths
end

--- Paths of the infra files of a workspace.
---@param dir string
---@return string[]? paths, prov.Err?
function M.files(dir)
  local paths = named(dir .. "/infra")
  for _, entry in ipairs(fs.list(dir .. "/infra") or {}) do
    local extension = entry.name:match("^[^.].*%.(%a+)$")
    if extension and is_form(extension) then
      paths[#paths + 1] = dir .. "/infra/" .. entry.name
    end
  end
  if #paths == 0 then
    return nil,
      err.new("notfound", ("%s has no infra.lua, infra.yaml, infra.toml or infra.json"):format(dir), {
        hint = "write one; 'prov workspace new' makes an example",
      })
  end
  return paths
end

--- The file of an environment.
---@return string? path, prov.Err?
function M.environment_file(workspace)
  local paths = named(("%s/environments/%s"):format(workspace.dir, workspace.env))
  if #paths == 1 then
    return paths[1]
  elseif #paths > 1 then
    return err.fail("conflict", "the environment '%s' has two files: %s and %s", workspace.env, paths[1], paths[2])
  end
  return nil, err.new("notfound", ("there is no environments/%s.yaml any more"):format(workspace.env), {
    hint = ("'prov -e %s destroy' deletes what it has"):format(workspace.env),
  })
end

local function vars_of(source)
  local map = source.tree.vars
  return {
    values = type(map) == "table" and getmetatable(map) == nil and map or {},
    place = function(name)
      return source, { "vars", name }
    end,
  }
end

--- Reads files in their order, Lua last, and declares their inputs. Errors are added to the reading.
---@param reading prov.Reading
---@param paths string[]
---@return prov.Source[]
function M.read_files(reading, paths, overlay)
  local sources = {}
  local function read(path)
    local file = reading.shown .. path:sub(#reading.dir + 2)
    local is_lua = path:match("%.lua$")
    local source, e = M.read_one(path, file, "{ servers = { ... } }", is_lua and lua_env(reading, file) or nil,
      reading.texts and reading.texts[path])
    if source then
      source.file_vars = vars_of(source)
      return source
    end
    reading.errs[#reading.errs + 1] = e
  end
  local later = {}
  if overlay then
    overlay = read(overlay)
    if overlay and overlay.tree.inputs ~= nil then
      reading.errs[#reading.errs + 1] = merge.error(overlay, { "inputs" }, "an environment declares no variables",
        "declare them in the infra, and give them values in 'vars' here")
    end
  end
  for _, path in ipairs(paths) do
    if path:match("%.lua$") then
      later[#later + 1] = path
    else
      sources[#sources + 1] = read(path)
    end
  end
  if #reading.errs > 0 then -- what is missing would make errors of its own
    return sources, overlay
  end
  for i = #sources, 1, -1 do
    table.insert(reading.given, 1, sources[i].file_vars)
  end
  if overlay then
    table.insert(reading.given, #sources + 1, overlay.file_vars)
  end
  for _, source in ipairs(sources) do
    declare_of(reading, source)
  end
  for _, path in ipairs(later) do
    local source = read(path)
    if source then
      sources[#sources + 1] = source
      declare_of(reading, source)
      for name in next, source.file_vars.values do
        reading.errs[#reading.errs + 1] = merge.error(source, { "vars", name },
          "a Lua file has read its variables before it could give them values",
          "put vars into a YAML file, or into one of environments/")
      end
    end
  end
  return sources, overlay
end

--- A reading of a workspace's own files.
---@param workspace prov.Workspace
---@return prov.Reading
function M.reading(workspace)
  local variables = {}
  for name, text in next, require("luv").os_environ() do
    local short = name:match("^PROV_VAR_(.+)$")
    if short then
      variables[short] = text
    end
  end
  local function nowhere() end
  return {
    workspace = workspace,
    texts = workspace.texts,
    dir = workspace.dir,
    shown = "",
    prefix = "",
    vars = {},
    errs = {},
    declared = { values = {}, by_name = {}, source = nil },
    given = {
      {
        text = true,
        lenient = true, -- variables of the process may be for others
        values = variables,
        place = nowhere,
        source = function(name)
          return "PROV_VAR_" .. name
        end,
      },
      {
        text = true,
        values = workspace.vars or {},
        place = nowhere,
        source = function(name)
          return "--var " .. name
        end,
      },
    },
  }
end

--- Checks that every given value has a variable.
local function check_given(reading)
  for _, one in ipairs(reading.given) do
    local values, unknown = {}, false
    for name, v in next, one.values do
      if reading.declared.values[name] == nil and not one.lenient then
        values[name], unknown = v, true
      end
    end
    if unknown then
      local names = {}
      for name in next, reading.declared.values do
        names[#names + 1] = name
      end
      table.sort(names)
      for name in next, values do
        local source, path = one.place(name)
        local msg = ("there is no variable '%s'"):format(name)
        local hint = suggest.hint(name, names) or #names > 0 and "there are " .. table.concat(names, ", ")
          or ("declare it: inputs: { %s: { type: string } }"):format(name)
        reading.errs[#reading.errs + 1] = source and merge.error(source, path, msg, hint)
          or err.new("usage", one.source(name) .. ": " .. msg, { hint = hint })
      end
    end
  end
end

--- True when priorities may be in the files, so that they have to be merged as trees.
local function may_mark(reading, sources)
  if reading.prioritized then
    return true
  end
  for _, source in ipairs(sources) do
    if not source.file:match("%.lua$") and priority.may_mark(source.text) then
      return true
    end
  end
  return false
end

--- Makes what was read one list of sources: as they are, or merged when priorities or an overlay are there.
---@param reading prov.Reading
---@return prov.Source[]? sources
function M.finish(reading, sources, overlay)
  check_given(reading)
  if #reading.errs > 0 or #sources == 0 then
    return nil
  end
  if not overlay and not may_mark(reading, sources) then
    return sources
  end
  if not may_mark(reading, sources) then -- the base alone must be sound
    local _, errs = merge.join(sources)
    if errs then
      table.move(errs, 1, #errs, #reading.errs + 1, reading.errs)
      return nil
    end
  end
  local merged, errs = merge.overlay(sources, overlay)
  if not merged then
    table.move(errs, 1, #errs, #reading.errs + 1, reading.errs)
    return nil
  end
  local out = { merged }
  for _, list in ipairs(merged.lists) do
    out[#out + 1] = { file = list.file, tree = list.tree, place = list.place, text = "" }
  end
  return out
end

--- Reads every infra file.
---@param workspace { dir: string, name: string, env: string?, what_if: prov.WhatIf?, texts: table? } the last two
--- are in no file
---@return prov.Source[]? sources, prov.Err[]? errors
---@return prov.Reading? reading with the variables
function M.read(workspace)
  local paths, e = M.files(workspace.dir)
  local overlay
  if paths and workspace.env then
    overlay, e = M.environment_file(workspace)
  end
  if not paths or e then
    return nil, { e }
  end
  local reading = M.reading(workspace)
  reading.functions = require("prov.infra.files").functions(reading)
  local sources
  sources, overlay = M.read_files(reading, paths, overlay)
  sources = M.finish(reading, sources, overlay)
  if not sources then
    return nil, reading.errs
  end
  return workspace.what_if and workspace.what_if:apply(sources) or sources, nil, reading
end

return M
