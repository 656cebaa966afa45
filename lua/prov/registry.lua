--- Extensions: finds, loads and checks providers, taskservs, clusters and workflows.
--
-- Looked up in the workspace's extensions/, the folders of PROV_PATH, then the installation;
-- the first one found wins. A declaration is loaded when it is asked for, and only that one.

local err = require("prov.err")
local fs = require("prov.fs")
local sandbox = require("prov.sandbox")
local suggest = require("prov.suggest")

local M = {}

---@class prov.Registry
---@field roots string[] folders that hold providers/ taskservs/ clusters/ workflows/
---@field workspace_dir? string its own workflows/ comes before all roots
local Registry = {}
Registry.__index = Registry

--- Kinds of extensions: their folder, the file of the declaration, how deep they lie.
local KINDS = {
  provider = { folder = "providers", file = "provider.lua", depth = 1 },
  taskserv = { folder = "taskservs", file = "taskserv.lua", depth = 2 },
  cluster = { folder = "clusters", file = "cluster.lua", depth = 1 },
  workflow = { folder = "workflows", forms = true }, -- a file by its name, in any form of data
}
M.KINDS = KINDS

--- Opens the registry of a workspace, or of none.
---@param workspace_dir? string
---@param opts? { path: string?, share_dir: string? }
---@return prov.Registry
function M.open(workspace_dir, opts)
  local roots = {}
  if workspace_dir then
    roots[1] = workspace_dir .. "/extensions"
  end
  for dir in (opts and opts.path or os.getenv("PROV_PATH") or ""):gmatch("[^:]+") do
    roots[#roots + 1] = dir
  end
  local share = opts and opts.share_dir or require("core.app").share_dir
  if share then
    roots[#roots + 1] = share
  end
  return setmetatable({
    workspace_dir = workspace_dir,
    roots = roots,
    declarations = { provider = {}, taskserv = {}, cluster = {}, workflow = {} },
    paths = {},
    modules = {},
    failed = {},
  }, Registry)
end

local function folders(path)
  local out = {}
  for _, entry in ipairs(fs.list(path) or {}) do
    local name = type(entry) == "table" and entry.name or entry
    if name:sub(1, 1) ~= "." then
      out[#out + 1] = name
    end
  end
  table.sort(out)
  return out
end

-- The roots of a kind, nearest first.
local function roots_of(self, spec)
  if not (spec.forms and self.workspace_dir) then
    return self.roots
  end
  return table.move(self.roots, 1, #self.roots, 2, { self.workspace_dir })
end

local function in_root(root, spec, name)
  local base = root .. "/" .. spec.folder
  if spec.forms then
    return require("prov.workflow.load").file(base, name)
  end
  if spec.depth == 1 then
    local path = ("%s/%s/%s"):format(base, name, spec.file)
    return fs.exists(path) and path or nil
  end
  local direct = ("%s/%s/%s"):format(base, name, spec.file)
  if fs.exists(direct) then
    return direct
  end
  for _, category in ipairs(folders(base)) do
    local path = ("%s/%s/%s/%s"):format(base, category, name, spec.file)
    if fs.exists(path) then
      return path
    end
  end
end

--- Path of the declaration that get() would load.
---@param kind string
---@param name string
---@return string? path, prov.Err?
function Registry:which(kind, name)
  local spec = KINDS[kind] or error("unknown kind of extension: " .. tostring(kind), 2)
  local slot = kind .. " " .. name
  if self.paths[slot] then
    return self.paths[slot]
  end
  if type(name) == "string" and name:match("^[%w][%w_-]*$") then
    for _, root in ipairs(roots_of(self, spec)) do
      local path = in_root(root, spec, name)
      if path then
        self.paths[slot] = path
        return path
      end
    end
  end
  local names = {}
  for i, one in ipairs(self:index(kind)) do
    names[i] = one.name
  end
  local e = suggest.unknown(kind, name, names)
  e.hint = (e.hint and e.hint .. " " or "") .. ("(looked in %s)"):format(table.concat(roots_of(self, spec), ", "))
  return nil, e
end

--- Every installed extension of a kind, not loaded: { name, path }.
---@param kind string
---@return { name: string, path: string }[]
function Registry:index(kind)
  local spec = KINDS[kind] or error("unknown kind of extension: " .. tostring(kind), 2)
  local seen, out = {}, {}
  local function add(name, path)
    if not seen[name] and fs.exists(path) then
      seen[name] = true
      out[#out + 1] = { name = name, path = path }
    end
  end
  for _, root in ipairs(roots_of(self, spec)) do
    local base = root .. "/" .. spec.folder
    for _, name in ipairs(spec.forms and require("prov.workflow.load").names(base) or {}) do
      add(name, in_root(root, spec, name))
    end
    for _, name in ipairs(spec.forms and {} or folders(base)) do
      add(name, ("%s/%s/%s"):format(base, name, spec.file))
      if spec.depth == 2 then
        for _, inner in ipairs(folders(base .. "/" .. name)) do
          add(inner, ("%s/%s/%s/%s"):format(base, name, inner, spec.file))
        end
      end
    end
  end
  table.sort(out, function(a, b)
    return a.name < b.name
  end)
  return out
end

--- Every installed extension of a kind with its summary; one that cannot be loaded has `err`.
---@param kind string
---@return { name: string, summary: string?, path: string, err: prov.Err? }[]
function Registry:list(kind)
  local out = self:index(kind)
  for _, one in ipairs(out) do
    local declaration, e = self:get(kind, one.name)
    if declaration then
      one.summary, one.category = declaration.summary, declaration.category
    else
      one.err = e
    end
  end
  return out
end

local SHAPED = { provider = true, taskserv = true, cluster = true }

local function folder_of(path)
  return path:match("^(.*)/[^/]*$")
end

--- Loads a Lua file of an extension in its own environment; `require` finds files beside it. A loose one may
-- return other than plain data.
local function run_file(self, path, dir, pure, loose)
  local source, e = fs.read(path)
  if not source then
    return nil, e
  end
  local env = sandbox.env()
  if not pure then
    env.os = { time = os.time, date = os.date, clock = os.clock, difftime = os.difftime }
    env.math.random = math.random
    env.xpcall = xpcall
    env.string.pack, env.string.packsize, env.string.unpack = string.pack, string.packsize, string.unpack
    env.print = function(...)
      local out = table.pack(...)
      for i = 1, out.n do
        out[i] = tostring(out[i])
      end
      io.stderr:write(table.concat(out, "\t"), "\n")
    end
  end
  env.require = function(name)
    local module, failure = self:module(dir, name, pure)
    if failure then
      error(failure, 2)
    end
    return module
  end
  return sandbox.run(source, path, env, { loose = loose })
end

--- The module `name` beside a declaration ("server", "lib.api"), loaded once.
---@return any module, prov.Err?
function Registry:module(dir, name, pure)
  if type(name) ~= "string" or not name:match("^[%w_][%w_.-]*$") or name:find("..", 1, true) then
    return err.fail("denied", "an extension may only require files beside it, not '%s'", tostring(name))
  end
  local path = dir .. "/" .. name:gsub("%.", "/") .. ".lua"
  local slot = self.modules[path]
  if slot then
    return slot.value
  end
  if not fs.exists(path) then
    return err.fail("notfound", "no module '%s': %s does not exist", name, path)
  end
  local module, e = run_file(self, path, dir, pure, true)
  if e then
    return nil, e
  end
  self.modules[path] = { value = module == nil and true or module }
  return self.modules[path].value
end

--- The checked declaration of an extension.
---@param kind "provider"|"taskserv"|"cluster"|"workflow"
---@param name string
---@return table? declaration, prov.Err?
function Registry:get(kind, name)
  local declaration = self.declarations[kind][name]
  if declaration then
    return declaration
  end
  local slot = kind .. " " .. name
  if self.failed[slot] then
    return nil, self.failed[slot]
  end
  local path, e = self:which(kind, name)
  if path and kind == "workflow" then
    declaration, e = require("prov.workflow.load").read(path, name)
  elseif path then
    declaration, e = run_file(self, path, folder_of(path), kind == "cluster")
    if not e then
      e = require("prov.contract.extension").check(kind, name, declaration, path)
    end
    if not e then
      local seen = {} -- types are shared
      for _, part in ipairs({ "schema", "config", "resources" }) do
        sandbox.guard_checks(declaration[part], path, seen)
      end
    end
  end
  if e then
    self.failed[slot] = e
    return nil, e
  end
  self.declarations[kind][name] = declaration
  self.paths[declaration] = path
  if (kind == "taskserv" or kind == "cluster") and declaration.body then
    self:attach(declaration)
  end
  return declaration
end

--- The checked declaration in a file, whatever is installed.
---@param path string
---@return table? declaration, prov.Err?
function Registry:read(path)
  local file, form = path:match("([^/]*)%.(%a+)$")
  if form ~= "lua" or file == "workflow" then
    local name = file == "workflow" and path:match("([^/]+)/[^/]*$") or file or path
    return require("prov.workflow.load").read(path, name)
  end
  local declaration, e = run_file(self, path, folder_of(path) or ".", file == "cluster")
  if not e and type(declaration) == "table" and declaration.kind == "workflow" then
    return require("prov.workflow.load").read(path, file)
  elseif not e then
    local is_table = type(declaration) == "table"
    local kind = is_table and SHAPED[declaration.kind] and declaration.kind or "provider"
    e = require("prov.contract.extension").check(kind, is_table and declaration.name or file, declaration, path)
  end
  if e then
    return nil, e
  end
  return declaration
end

--- Lets a declaration show the functions of its body module, which is loaded at first use.
function Registry:attach(declaration)
  setmetatable(declaration, {
    __index = function(_, key)
      if
        key ~= "recipe"
        and key ~= "health"
        and key ~= "remove"
        and key ~= "backup"
        and key ~= "restore"
        and key ~= "expand"
      then
        return nil
      end
      local body, e = self:body(declaration, declaration.body)
      if not body then
        error(e, 0)
      end
      return body[key]
    end,
  })
end

--- A body module of a declaration: the file beside it, or the table it holds itself.
---@param declaration table
---@param name string|table
---@return table? body, prov.Err?
function Registry:body(declaration, name)
  if type(name) ~= "string" then
    return name
  end
  local path = self.paths[declaration]
  local body, e = self:module(folder_of(path), name, declaration.kind == "cluster")
  if e then
    return nil, e
  end
  if type(body) ~= "table" then
    local message = ("module '%s' must return a table, not a %s"):format(name, type(body))
    return nil, err.new("invalid", message, { file = path })
  end
  return body
end

--- The folder a declaration was loaded from.
---@param declaration table
---@return string
function Registry:dir(declaration)
  return folder_of(self.paths[declaration])
end

return M
