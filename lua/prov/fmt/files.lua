--- The files that are formatted: those of a workspace, or those that are named.

local data = require("core.data")
local diff = require("prov.fmt.diff")
local err = require("prov.err")
local fmt = require("prov.fmt")
local fs = require("prov.fs")
local settings = require("prov.settings")

local M = {}

-- Folders of a workspace whose files are all its own language.
local FOLDERS = { infra = true, environments = true, modules = true, workflows = true, rules = true, extensions = true }

-- What lies in these below an extension or module is for others to read.
local FOREIGN = { files = true, templates = true, node_modules = true }

local function is_folder(dir, entry)
  local type = entry.type
  if type == nil or type == "unknown" then
    local found = fs.stat(dir .. "/" .. entry.name)
    type = found and found.type
  end
  return type == "directory"
end

local function has_module(entries)
  for _, entry in ipairs(entries) do
    if entry.name:match("^module%.") and fmt.of_file(entry.name) then
      return true
    end
  end
  return false
end

-- Lua patterns of the paths that the settings leave out.
local function excluded_patterns()
  local out = {}
  for i, glob in ipairs(settings.fmt.exclude) do
    out[i] = "^" .. glob:gsub("/+$", ""):gsub("[%^$().%[%]+%-%%]", "%%%0"):gsub("%*", "[^/]*") .. "%f[/%z]"
  end
  return out
end

--- The paths that the settings (fmt.exclude) do not leave out; those are below the workspace.
---@param paths string[]
---@param dir string of the workspace
---@return string[]
local function kept_of(paths, dir)
  local patterns, out = excluded_patterns(), {}
  for _, path in ipairs(paths) do
    local below, keep = path:sub(1, #dir + 1) == dir .. "/" and path:sub(#dir + 2), true
    for _, pattern in ipairs(below and patterns or {}) do
      keep = keep and not below:find(pattern)
    end
    out[#out + 1] = keep and path or nil
  end
  return out
end

-- Collects files below a folder. own: all files count; else only those of folders that hold a module.
local function walk(dir, own, out)
  local entries, e = fs.list(dir)
  if not entries then
    return e
  end
  own = own or has_module(entries)
  for _, entry in ipairs(entries) do
    local path = dir .. "/" .. entry.name
    if entry.name:sub(1, 1) == "." then
      goto continue
    elseif is_folder(dir, entry) then
      if not FOREIGN[entry.name] and (own or not fs.exists(path .. "/prov.yaml")) then
        e = e or walk(path, own, out)
      end
    elseif own and fmt.of_file(entry.name) then
      out[#out + 1] = path
    end
    ::continue::
  end
  return e
end

--- The files of a workspace: prov.yaml, infra, environments, modules, workflows, rules, extensions.
---@param dir string
---@return string[]? paths, prov.Err?
function M.of_workspace(dir)
  local entries, e = fs.list(dir)
  if not entries then
    return nil, e
  end
  local out = {}
  for _, entry in ipairs(entries) do
    local path = dir .. "/" .. entry.name
    if entry.name:sub(1, 1) == "." then
      goto continue
    elseif is_folder(dir, entry) then
      if not fs.exists(path .. "/prov.yaml") then
        e = e or walk(path, FOLDERS[entry.name] or false, out)
      end
    elseif entry.name == "prov.yaml" or entry.name:match("^infra%.") and fmt.of_file(entry.name) then
      out[#out + 1] = path
    end
    ::continue::
  end
  table.sort(out)
  return not e and kept_of(out, dir) or nil, e
end

-- The files of a path that was named.
local function of_path(path, out)
  path = path:gsub("(.)/+$", "%1")
  local stat, e = fs.stat(path)
  if not stat then
    return e or err.new("notfound", ("there is no file '%s'"):format(path))
  elseif stat.type ~= "directory" then
    if not fmt.of_file(path) then
      return err.new("usage", ("'%s' is no Lua, YAML, TOML or JSON file by its name"):format(path), {
        hint = "--stdin takes the form of a text that has no name",
      })
    end
    out[#out + 1] = path
  elseif fs.exists(path .. "/prov.yaml") then
    local files
    files, e = M.of_workspace(path)
    table.move(files or {}, 1, files and #files or 0, #out + 1, out)
  else
    local found = {}
    e = walk(path, true, found)
    table.sort(found)
    table.move(found, 1, #found, #out + 1, out)
  end
  return e
end

--- The path as it is shown: from here.
---@param path string
---@return string
function M.shown(path)
  local here = require("luv").cwd() .. "/"
  return path:sub(1, #here) == here and path:sub(#here + 1) or path
end

-- Formats one file: what is to be told of it, or nil; an error.
local function one(path, p)
  local name = M.shown(path)
  local old, e = fs.read(path, { max = settings.fmt.file_size })
  if not old then
    return nil, e
  end
  local new
  new, e = fmt.text(fmt.of_file(path), old, name)
  if not new or new == old then
    return nil, e
  end
  if not p.check and not p.diff then
    local ok
    ok, e = fs.update(path, function(text)
      if text ~= old then
        return err.fail("conflict", "%s was changed meanwhile", name)
      end
      return new
    end, { max = M.MAX_BYTES })
    if not ok then
      return nil, e
    end
  end
  return { file = name, diff = p.diff and diff.unified(old, new, name) or nil }
end

local function as_data(e)
  return { message = e.msg, hint = e.hint, file = e.file, line = e.line, column = e.column }
end

-- The standard input, formatted.
local function stdin(p)
  local text, e = require("prov.stdin").read(settings.fmt.file_size)
  if not text then
    return nil, e
  end
  local new
  new, e = fmt.text(p.stdin, text, "stdin")
  if not new then
    return nil, e
  end
  local is_same = new == text
  local value = { files = data.list(), errors = data.list(), checked = 1 }
  value.exit_code = p.check and not is_same and 1 or 0
  if not is_same and (p.check or p.diff) then
    value.files[1] = { file = "stdin", diff = p.diff and diff.unified(text, new, "stdin") or nil }
  elseif not p.check and not p.diff then
    value.text = new
  end
  return value
end

--- Paths of the files that an operation is about.
---@param ctx prov.Ctx
---@param named string[]?
---@return string[]? paths, prov.Err?
function M.paths(ctx, named)
  if not named or not named[1] then
    local workspace, e = ctx:need_workspace()
    if not workspace then
      return nil, e
    end
    return M.of_workspace(workspace.dir)
  end
  local out = {}
  for _, path in ipairs(named) do
    local e = of_path(path, out)
    if e then
      return nil, e
    end
  end
  return out
end

--- Formats files, or tells which would change (`check`) and how (`diff`).
---@async
---@param ctx prov.Ctx
---@param p { path: string[]?, check: boolean?, diff: boolean?, stdin: string? }
---@return table? value, prov.Err?
function M.run(ctx, p)
  if p.stdin and p.path and p.path[1] then
    return err.fail("usage", "--stdin formats the standard input; leave the files out")
  elseif p.stdin then
    return stdin(p)
  end
  local paths, e = M.paths(ctx, p.path)
  if not paths then
    return nil, e
  end
  local value = { files = data.list(), errors = data.list(), checked = #paths }
  for _, path in ipairs(paths) do
    local told
    told, e = one(path, p)
    if told then
      value.files[#value.files + 1] = told
    elseif e then
      value.errors[#value.errors + 1] = as_data(e)
    end
  end
  value.exit_code = (value.errors[1] or p.check and value.files[1]) and 1 or 0
  return value
end

return M
