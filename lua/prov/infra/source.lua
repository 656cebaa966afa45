--- Reads the infra files of a workspace into trees of plain values, each with its places.

local address = require("prov.address")
local err = require("prov.err")
local fs = require("prov.fs")
local sandbox = require("prov.sandbox")
local value = require("prov.value")

local M = {}

---@class prov.Source
---@field file string path shown in messages
---@field tree table
---@field place fun(path: (string|integer)[]): integer?, integer? line and column
---@field text string

local function kind_proxy(kind, hint)
  return setmetatable({}, {
    __index = function(proxy, name)
      local ref = value.ref(kind .. "." .. tostring(name))
      rawset(proxy, name, ref) -- references never change, so they are shared
      return ref
    end,
    __call = function()
      error(("there is no function '%s'%s"):format(kind, hint and "; " .. hint or ""), 2)
    end,
    __newindex = function()
      error("a reference cannot be changed", 2)
    end,
    __tostring = function()
      return "${" .. kind .. "}"
    end,
  })
end

local function lua_env(workspace)
  local env = sandbox.env()
  env.workspace = { name = workspace.name }
  env.fn = require("prov.expr.functions").lua()
  env.text = function(...)
    return value.text({ ... })
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
        proxies[name] = kind_proxy(name, require("prov.suggest").hint(name, names))
      end
      return proxies[name]
    end,
  })
end

local readers = {}

function readers.lua(text, file, env)
  local tree, e = sandbox.run(text, file, env)
  if e then
    return nil, e
  end
  return tree, function(path)
    return require("prov.infra.lua_places").find(text, path)
  end
end

function readers.yaml(text, file)
  return require("prov.yaml").decode(text, { file = file })
end
readers.yml = readers.yaml

function readers.json(text, file)
  local tree, e = require("prov.json").decode(text, { file = file })
  if e then
    return nil, e
  end
  local place
  return tree,
    function(path)
      if not place then -- JSON is YAML, and the YAML reader keeps places
        local _, found = require("prov.yaml").decode(text)
        place = type(found) == "function" and found or function() end
      end
      return place(path)
    end
end

--- Reads one file that holds a map, in any form.
---@param path string
---@param file string the path that messages show
---@param example string what a Lua file returns, for its error
---@param env table? environment of a Lua file; the pure one by default
---@return prov.Source? source with the text
---@return prov.Err?
function M.read_one(path, file, example, env)
  local extension = path:match("%.(%a+)$")
  local text, e = fs.read(path)
  if not text then
    return nil, e
  end
  local tree, place = readers[extension](text, file, env or extension == "lua" and sandbox.env())
  if err.is(place) then
    return nil, place
  end
  if tree == value.null or tree == nil and extension ~= "lua" then
    tree = {}
  end
  if type(tree) ~= "table" or value.is_marked(tree) or value.is_list(tree) and next(tree) ~= nil then
    local what = extension == "lua" and "must return a table such as " .. example
      or "must hold a map"
    return nil, err.new("invalid", "the file " .. what, { file = file, line = 1 })
  end
  return { file = file, path = path, tree = tree, place = place, text = text }
end

--- Paths of the infra files of a workspace.
---@param dir string
---@return string[]? paths, prov.Err?
function M.files(dir)
  local paths = {}
  for _, extension in ipairs({ "lua", "yaml", "yml", "json" }) do
    local path = dir .. "/infra." .. extension
    if fs.exists(path) then
      paths[#paths + 1] = path
    end
  end
  for _, entry in ipairs(fs.list(dir .. "/infra") or {}) do
    local extension = entry.name:match("^[^.].*%.(%a+)$")
    if extension and readers[extension] then
      paths[#paths + 1] = dir .. "/infra/" .. entry.name
    end
  end
  if #paths == 0 then
    return nil,
      err.new("notfound", ("%s has no infra.lua, infra.yaml or infra.json"):format(dir), {
        hint = "write one; 'prov workspace new' makes an example",
      })
  end
  return paths
end

--- Reads every infra file.
---@param workspace { dir: string, name: string }
---@return prov.Source[]? sources, prov.Err[]? errors
function M.read(workspace)
  local paths, e = M.files(workspace.dir)
  if not paths then
    return nil, { e }
  end
  local sources, errs = {}, {}
  for _, path in ipairs(paths) do
    local source
    local file = path:sub(1, #workspace.dir + 1) == workspace.dir .. "/" and path:sub(#workspace.dir + 2) or path
    source, e = M.read_one(path, file, "{ servers = { ... } }", path:match("%.lua$") and lua_env(workspace))
    if source then
      sources[#sources + 1] = source
    else
      errs[#errs + 1] = e
    end
  end
  if #errs > 0 then
    return nil, errs
  end
  return sources
end

return M
