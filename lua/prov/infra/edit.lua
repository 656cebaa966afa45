--- Changing what the files of an infra say, without losing what people wrote around it.
--
-- A change is tried before it is written: the infra is loaded with the new text in the place of the file, and
-- what is wrong with it then leaves the file as it is.

local data = require("core.data")
local err = require("prov.err")
local formats = require("prov.formats")
local fs = require("prov.fs")
local merge = require("prov.infra.merge")
local path_of = require("prov.path")
local source_of = require("prov.infra.source")
local suggest = require("prov.suggest")
local yaml = require("prov.yaml")

local M = {}

---@class prov.InfraEdit
---@field path (string|integer)[] in the infra: { "servers", "web", "memory" }
---@field value any nil takes it away

--- The files that a change may go to, the strongest last: with an environment its own file alone.
local function targets(workspace)
  local paths, e = source_of.files(workspace.dir)
  local reading = paths and source_of.reading(workspace)
  local overlay
  if paths and workspace.env then
    overlay, e = source_of.environment_file(workspace)
  end
  if not paths or e then
    return nil, { e }
  end
  reading.functions = require("prov.infra.files").functions(reading)
  local sources, over = source_of.read_files(reading, paths, overlay)
  if #reading.errs > 0 then
    return nil, reading.errs
  end
  return sources, nil, over
end

local function has(source, path)
  return path_of.get(source.tree, path) ~= nil
end

--- The file that says what stands at a path, else the one that declares the nearest thing around it.
local function declaring(sources, path)
  for length = #path, 1, -1 do
    local head = table.move(path, 1, length, 1, {})
    for i = #sources, 1, -1 do
      if has(sources[i], head) then
        return sources[i], length
      end
    end
  end
end

--- The first of the files that can be edited.
local function spare(sources)
  for _, source in ipairs(sources) do
    local format = formats.of_file(source.path)
    if format and format.edit then
      return source
    end
  end
end

local function names_of(sources, top)
  local names = {}
  for _, source in ipairs(sources) do
    if data.kind(source.tree[top]) == "map" then
      table.move(data.keys(source.tree[top]), 1, #data.keys(source.tree[top]), #names + 1, names)
    end
  end
  return names
end

--- The path of a resource as people call it: "server.web", "servers.web", with a kind also "web".
---@param text string
---@param kind? string
---@return (string|integer)[]? path, prov.Err?
function M.path(text, kind)
  local path, e = path_of.parse(text)
  if not path then
    return nil, e
  elseif kind and (#path == 1 or path[1] ~= kind and path[1] ~= merge.plural(kind)) then
    table.insert(path, 1, kind)
  end
  local top = path[1]
  if type(top) == "string" and not merge.RESERVED[top] and not merge.LISTS[top] and not merge.singular(top) then
    path[1] = merge.plural(top)
  end
  return path
end

--- What there is at a path as the files say it; nil, err when there is nothing.
---@param workspace prov.Workspace
---@param path (string|integer)[]
---@return any value, prov.Err|prov.Err[]|nil
function M.get(workspace, path)
  local sources, errs, overlay = targets(workspace)
  if not sources then
    return nil, errs
  end
  if not path[1] then
    return require("prov.infra.what_if").tree(sources)
  end
  if overlay then
    table.insert(sources, 1, overlay)
  end
  for _, source in ipairs(sources) do
    local v = path_of.get(source.tree, path_of.resolve(source.tree, path))
    if v ~= nil then
      return v
    end
  end
  return err.fail("notfound", "the infra says nothing of %s", path_of.format(path))
end

--- Where a resource must be declared for its fields to be set: an error that says where it comes from instead.
local function check_declared(workspace, registry, sources, top, name)
  local kind = merge.singular(top) or top
  if type(name) ~= "string" then
    return err.new("usage", ("name the %s that is changed"):format(kind))
  end
  for _, source in ipairs(sources) do
    if has(source, { top, name }) then
      return nil
    end
  end
  local infra = require("prov.infra").load(workspace, { registry = registry })
  for _, resource in ipairs(infra and infra.resources or {}) do
    if resource.origin and resource.address:gsub("%[.*", "") == kind .. "." .. name:gsub("%[.*", "") then
      local at = resource.origin
      return err.new("unsupported", resource.address .. " comes from a template; change what that is given",
        { file = at.file, line = at.line, column = at.column })
    end
  end
  return suggest.unknown(kind, name, names_of(sources, top))
end

--- The texts of files with the edits in them: path -> text, and what each edit was before.
local function edited(sources, overlay, edits)
  local texts, order, rows = {}, {}, {}
  for i, edit in ipairs(edits) do
    local source, depth = overlay, nil
    if not overlay then
      source, depth = declaring(sources, edit.path)
      source = source or spare(sources)
    end
    local format = source and formats.of_file(source.path)
    if not (format and format.edit) then
      local e = err.new("unsupported", ("%s: Lua is edited by people: change %s there"):format(
        source and source.file or "infra.lua", path_of.format(edit.path)))
      if source then
        e.file = source.file
        e.line, e.column = source.place(table.move(edit.path, 1, depth or 0, 1, {}))
      end
      return nil, e
    end
    local path = path_of.resolve(source.tree, edit.path)
    local before = path_of.get(source.tree, path)
    local text, e = texts[source.path] or source.text, nil
    if edit.value ~= nil then
      text, e = format.edit.set(text, path, edit.value)
    elseif before ~= nil then
      text, e = format.edit.delete(text, path)
    end
    if not text then
      return nil, e:wrap("%s", source.file)
    end
    order[#order + 1] = not texts[source.path] and source or nil
    texts[source.path] = text
    rows[i] = { path = path_of.format(path), before = before, after = edit.value, file = source.file }
  end
  return texts, nil, order, rows
end

--- Makes edits to the files that say what they change; with an environment to its own file. All or nothing.
---@param workspace prov.Workspace
---@param registry prov.Registry
---@param edits prov.InfraEdit[]
---@param opts? { declared: boolean?, dry_run: boolean? } declared: the resources must be there
---@return { path: string, before: any, after: any, file: string }[]? rows
---@return prov.Err|prov.Err[]|nil errors the infra would have
function M.apply(workspace, registry, edits, opts)
  opts = opts or {}
  local sources, errs, overlay = targets(workspace)
  if not sources then
    return nil, errs
  end
  for _, edit in ipairs(opts.declared and edits or {}) do
    local e = check_declared(workspace, registry, sources, edit.path[1], edit.path[2])
    if e then
      return nil, e
    end
  end
  local texts, e, order, rows = edited(sources, overlay, edits)
  if not texts then
    return nil, e
  end
  local trial = setmetatable({ texts = texts }, { __index = workspace })
  local infra
  infra, errs = require("prov.infra").load(trial, { registry = registry })
  if not infra then
    errs[#errs + 1] = err.new("invalid", "nothing was changed: with this the infra would be wrong as said above")
    return nil, errs
  end
  for _, source in ipairs(opts.dry_run and {} or order) do
    if texts[source.path] ~= source.text then
      local real = fs.realpath(source.path) or source.path -- a link stays one
      local stat = fs.stat(real)
      local ok
      ok, e = fs.write_atomic(real, texts[source.path], { mode = stat and stat.mode or nil })
      if not ok then
        return nil, e
      end
    end
  end
  return data.list(rows)
end

--- A value as the command line gives it: YAML, and what is a reference as it is.
local function value_of(text)
  if text:find("^%${") then
    return text
  end
  local v, e = yaml.decode(text)
  if v == nil then
    return err.fail("usage", "the value %s is no YAML (%s); quote it: '\"...\"'", text, e.msg)
  end
  return v
end

local function joined(path, below)
  return table.move(below, 1, #below, #path + 1, table.move(path, 1, #path, 1, {}))
end

--- FIELD=VALUE of a command line as edits; without `values` the words are FIELD.
local function assignments(path, words, values)
  local edits = {}
  for i, word in ipairs(words) do
    local field, text = word, nil
    if values then
      field, text = word:match("^([^=]+)=(.*)$")
    end
    if not field then
      return err.fail("usage", "'%s' is not FIELD=VALUE", word)
    end
    local below, e = path_of.parse(field)
    local v
    if below and values then
      v, e = value_of(text)
    end
    if e then
      return nil, e
    end
    edits[i] = { path = joined(path, below), value = v }
  end
  return edits
end

local function change(ctx, p, kind, values)
  local path, e = M.path(p.name, kind)
  local edits = path and { { path = path } }
  if path and (values or p.field and p.field[1]) then
    edits, e = assignments(path, p.field, values)
  end
  if not edits then
    return nil, e
  end
  return M.apply(ctx.workspace, ctx.registry, edits, { declared = kind ~= nil, dry_run = p.dry_run })
end

--- The operations `server set` and `infra set`.
---@param p { name: string, field: string[], dry_run: boolean }
---@param kind? string of the resource
function M.set(ctx, p, kind)
  return change(ctx, p, kind, true)
end

--- The operations `server unset` and `infra unset`.
---@param p { name: string, field: string[]?, dry_run: boolean }
---@param kind? string of the resource
function M.unset(ctx, p, kind)
  return change(ctx, p, kind, false)
end

--- The operation `infra get`.
function M.show(ctx, p)
  local path, e = M.path(p.name)
  if not path then
    return nil, e
  end
  local v
  v, e = M.get(ctx.workspace, path)
  if type(v) ~= "table" then
    return v, e
  end
  return require("prov.infra.what_if").plain(v)
end

return M
