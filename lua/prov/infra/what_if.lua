--- Changes to the infra of a workspace that stand in no file: what would be if.
--
-- A list of edits lies over the sources each time they are read. A source is copied where an edit
-- goes through it, never changed; a name that no file declares comes from a source of its own.

local data = require("core.data")
local err = require("prov.err")
local value = require("prov.value")

local M = {}

--- The name of the source for what no file declares.
M.FILE = "(what if)"

---@class prov.Edit
---@field path string[]|integer[] from the root of the infra: { "servers", "web", "memory" }
---@field value any nil takes it away

---@class prov.WhatIf
---@field edits prov.Edit[] in the order in which they were made
local WhatIf = {}
WhatIf.__index = WhatIf

---@return prov.WhatIf
function M.new()
  return setmetatable({ edits = {} }, WhatIf)
end

local function begins_with(path, head)
  for i, key in ipairs(head) do
    if path[i] ~= key then
      return false
    end
  end
  return true
end

--- Notes an edit; earlier ones at its path or below it are gone with it.
---@param path (string|integer)[] at least { kind, name }, or { kind } to take all of it away
---@param v any
---@return true?, prov.Err?
function WhatIf:set(path, v)
  if #path == 1 and v ~= nil and type(v) ~= "table" then
    return err.fail("invalid", "'%s' must be a map of names", tostring(path[1]))
  end
  local kept = {}
  for _, edit in ipairs(self.edits) do
    if not begins_with(edit.path, path) then
      kept[#kept + 1] = edit
    end
  end
  kept[#kept + 1] = { path = path, value = v }
  self.edits = kept
  return true
end

--- Drops all edits.
function WhatIf:revert()
  self.edits = {}
end

local function copy(tree)
  local out = {}
  for key, item in next, tree do
    out[key] = item
  end
  return setmetatable(out, getmetatable(tree))
end

--- The tree with another value at the path; what is not on the path is shared.
local function with(tree, path, at, v)
  local out = type(tree) == "table" and not value.is_marked(tree) and copy(tree) or {}
  local key = path[at]
  if at == #path then
    if v == nil and math.type(key) == "integer" and rawlen(out) >= key then
      table.remove(out, key)
    else
      out[key] = v
    end
  else
    out[key] = with(out[key], path, at + 1, v)
  end
  return out
end

--- Which source an edit belongs to: the one that declares the name, or has the kind.
local function find(sources, path)
  for i, source in ipairs(sources) do
    local members = source.tree[path[1]]
    if type(members) == "table" and (#path == 1 or members[path[2]] ~= nil) then
      return i
    end
  end
end

local function own_source(sources)
  local last = sources[#sources]
  if not last or last.file ~= M.FILE then
    last = { file = M.FILE, tree = {}, text = "", place = function() end }
    sources[#sources + 1] = last
  end
  return #sources
end

--- The sources as they would be with the edits.
---@param sources prov.Source[]
---@return prov.Source[]
function WhatIf:apply(sources)
  local out = copy(sources)
  for _, edit in ipairs(self.edits) do
    local at = find(out, edit.path)
    if at or edit.value ~= nil then
      at = at or own_source(out)
      local source = copy(out[at])
      source.tree = with(source.tree, edit.path, 1, edit.value)
      out[at] = source
    end
  end
  return out
end

--- The file an edit belongs to; M.FILE when no file declares the name.
---@param sources prov.Source[]
---@param edit prov.Edit
---@return prov.Source?
function M.source_of(sources, edit)
  local at = find(sources, edit.path)
  return at and sources[at] or nil
end

--- Puts the edits into the files that declare what they change; the first file that can be edited takes what no file
--- declares. All or nothing is written; Lua files are edited by people.
---@param sources prov.Source[] without the edits
---@return string[]? paths of the files that were changed
---@return prov.Err?
function WhatIf:write(sources)
  local formats, fs = require("prov.formats"), require("prov.fs")
  local texts, before, order = {}, {}, {}
  local spare
  for _, source in ipairs(sources) do
    local format = formats.of_file(source.path)
    spare = spare or format and format.edit and source or nil
  end
  for _, edit in ipairs(self.edits) do
    local source = M.source_of(sources, edit) or spare
    local format = source and formats.of_file(source.path)
    if not (format and format.edit) then
      return err.fail("unsupported", "%s is %s: change it there by hand", M.path_text(edit.path),
        source and "in " .. source.file or "new, and no file here can take it")
    end
    before[source.path] = source.text
    local text = texts[source.path] or source.text
    local e
    if edit.value == nil then
      text, e = format.edit.delete(text, edit.path)
    else
      text, e = format.edit.set(text, edit.path, edit.value)
    end
    if not text then
      return nil, e:wrap("%s", source.file)
    end
    order[#order + 1] = not texts[source.path] and source.path or nil
    texts[source.path] = text
  end
  for _, path in ipairs(order) do
    local ok, e = fs.update(path, function(text)
      if text ~= before[path] then
        return err.fail("conflict", "%s was changed meanwhile", path)
      end
      return texts[path]
    end)
    if not ok then
      return nil, e
    end
  end
  self:revert()
  return order
end

--- All sources as one tree, as they were written; names of later files lie over those of earlier ones.
---@param sources prov.Source[]
---@return table<string, table>
function M.tree(sources)
  local out = {}
  for _, source in ipairs(sources) do
    for top, members in next, source.tree do
      if type(members) == "table" and not value.is_marked(members) and out[top] then
        out[top] = copy(out[top])
        for name, v in next, members do
          out[top][name] = v
        end
      else
        out[top] = members
      end
    end
  end
  return out
end

--- A path as it is written: servers.web.disks[2].size.
---@param path (string|integer)[]
---@return string
function M.path_text(path)
  local out = {}
  for i, key in ipairs(path) do
    if math.type(key) == "integer" then
      out[i] = ("[%d]"):format(key)
    elseif key:match("^[%a_][%w_-]*$") then
      out[i] = (i > 1 and "." or "") .. key
    else
      out[i] = ("[%q]"):format(key)
    end
  end
  return table.concat(out)
end

--- A deep copy without marks of lists that are none any more.
---@param v any
---@return any
function M.plain(v)
  if type(v) ~= "table" or value.is_marked(v) or v == data.null then
    return v
  end
  local out = {}
  for key, item in pairs(v) do
    out[key] = M.plain(item)
  end
  return data.kind(v) == "list" and data.list(out) or out
end

return M
