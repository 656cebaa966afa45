--- Joins the trees of several infra files into one, and refuses what is declared twice.

local contract = require("prov.contract")
local list_mt = require("core.data").list_mt
local value = require("prov.value")

local M = {}

--- Parts of a tree that are not kinds of resources.
M.RESERVED = {
  providers = true,
  defaults = true,
  clusters = true,
  outputs = true,
  inputs = true,
  vars = true,
  modules = true,
  data = true,
  checks = true,
}

--- Parts that are lists; those of several files follow each other.
M.LISTS = { moved = true, import = true, removed = true }

---@class prov.Block one declared name: a resource before count, a cluster
---@field kind string
---@field name string
---@field base string "server.web"
---@field entry any
---@field source prov.Source
---@field path? (string|integer)[] where it is written, when not at { top, name }
---@field rename? table<string, string> short addresses inside of a cluster

--- The kind of a plural: servers, networks, addresses, policies.
---@param plural string
---@return string?
function M.singular(plural)
  if plural:match("[^aeiou]ies$") then
    return plural:sub(1, -4) .. "y"
  elseif plural:match("sses$") or plural:match("xes$") or plural:match("ches$") or plural:match("shes$") then
    return plural:sub(1, -3)
  elseif plural:match("[^s]s$") then
    return plural:sub(1, -2)
  end
end

--- The plural under which a kind is declared.
---@param kind string
---@return string
function M.plural(kind)
  if kind:match("[^aeiou]y$") then
    return kind:sub(1, -2) .. "ies"
  elseif kind:match("ss$") or kind:match("x$") or kind:match("ch$") or kind:match("sh$") then
    return kind .. "es"
  end
  return kind .. "s"
end

--- file:line of a path of a source.
function M.place_text(source, path)
  local line, _, file = source.place(path)
  return (file or source.file) .. (line and ":" .. line or "")
end

--- Keys from the root of the file to a block, or to something below it.
---@param block prov.Block
---@param below? (string|integer)[]
---@return (string|integer)[]
function M.path_of(block, below)
  local path = block.path and table.move(block.path, 1, #block.path, 1, {}) or { block.top, block.name }
  if below then
    table.move(below, 1, #below, #path + 1, path)
  end
  return path
end

local function is_map(v)
  local mt = getmetatable(v)
  return type(v) == "table" and (mt == nil or mt == list_mt and next(v) == nil) and rawlen(v) == 0
end

---@class prov.Part one top-level name of the tree, over all files
---@field values table<string, any>
---@field source prov.Source of the names that by_name does not list
---@field by_name? table<string, prov.Source>

--- The file a name of a part comes from.
---@param part prov.Part
---@param name string
---@return prov.Source
function M.source_of(part, name)
  return part.by_name and part.by_name[name] or part.source
end

--- Adds one file's members to a part; a name that is there already is an error.
local function add_members(part, top, members, source, errs)
  if not part.by_name then
    local values = {}
    for name, v in next, part.values do
      values[name] = v
    end
    part.values, part.by_name = values, {}
  end
  for name, v in next, members do
    if part.values[name] ~= nil then
      local path = { top, name }
      local other = M.place_text(M.source_of(part, name), path)
      errs[#errs + 1] = M.error(source, path, "declared twice: also at " .. other)
    else
      part.values[name], part.by_name[name] = v, source
    end
  end
end

local function are_names(members)
  for name in next, members do
    if type(name) ~= "string" then
      return false
    end
  end
  return true
end

local function add_tree(out, source, errs)
  for top, members in next, source.tree do
    if members == value.null then
      members = {}
    end
    if M.LISTS[top] then
      if type(members) ~= "table" or not value.is_list(members) and next(members) ~= nil then
        errs[#errs + 1] = M.error(source, { top }, "expected a list")
      else
        out[top] = out[top] or {}
        for i, one in ipairs(members) do
          table.insert(out[top], { value = one, source = source, path = { top, i } })
        end
      end
    elseif type(top) ~= "string" or not is_map(members) then
      local found = type(members) == "table" and "a list" or "a " .. type(members)
      errs[#errs + 1] = M.error(source, { top }, "expected a map of names, found " .. found,
        ("write each with its fields: %s: { web: {} }"):format(tostring(top)))
    elseif not are_names(members) then
      errs[#errs + 1] = M.error(source, { top }, "every key must be a name")
    else
      local into = M.RESERVED[top] and out or out.kinds
      if into[top] and next(into[top].values) ~= nil then
        add_members(into[top], top, members, source, errs)
      else
        into[top] = { values = members, source = source }
      end
    end
  end
end

--- Joins sources: the reserved parts, the lists (of { value, source, path }), and in `kinds` the parts
-- of the resources.
---@param sources prov.Source[]
---@return table<string, prov.Part>? joined, prov.Err[]? errors
function M.join(sources)
  local out, errs = { kinds = {} }, {}
  for _, source in ipairs(sources) do
    add_tree(out, source, errs)
  end
  for name in next, M.RESERVED do
    out[name] = out[name] or { values = {}, source = sources[1] }
  end
  for name in next, M.LISTS do
    out[name] = out[name] or {}
  end
  if #errs > 0 then
    return nil, errs
  end
  return out
end

--- One source of the base files and the overlay of an environment: what the overlay says wins, unless the base
-- says it with force (see prov.contract.merge).
---@param sources prov.Source[]
---@param overlay? prov.Source
---@return prov.Source?, prov.Err[]? errors
function M.overlay(sources, overlay)
  local trees, lists = {}, {}
  for i, source in ipairs(overlay and table.move(sources, 1, #sources, 1, { [#sources + 1] = overlay }) or sources) do
    local tree = {}
    for top, members in next, source.tree do
      local name = require("prov.contract.merge").name_of(top)
      if M.LISTS[name] then
        lists[#lists + 1] = { tree = { [name] = members }, file = source.file, place = source.place }
      else
        tree[top] = members
      end
    end
    trees[i] = { tree = tree, file = source.file, place = source.place, priority = source == overlay and 2.5 or nil }
  end
  local tree, place = require("prov.contract.merge").trees(trees)
  if not tree then
    return nil, place
  end
  local texts = { [overlay and overlay.file or ""] = overlay and overlay.text }
  for _, source in ipairs(sources) do
    texts[source.file] = source.text
  end
  return { file = sources[1].file, tree = tree, place = place, text = "", texts = texts, lists = lists }
end

--- Moves the column of an error about a text to a position in it, when the text stands there as it is.
---@param source prov.Source
---@param e prov.Err
---@param text string
---@param at integer
function M.refine(source, e, text, at)
  local whole = source.texts and source.texts[e.file] or e.file == source.file and source.text or ""
  local n = 0
  for line in (e.line and e.column and whole or ""):gmatch("([^\n]*)\n?") do
    n = n + 1
    if n == e.line then
      local from = line:find(text, e.column, true)
      e.column = from and from + at - 1 or e.column
      return
    end
  end
end

--- An error at a path of a source.
---@return prov.Err
function M.error(source, path, msg, hint)
  local at = { path = path, file = source.file, place = source.place }
  return contract.errors({ { path = {}, msg = msg, hint = hint } }, at)[1]
end

return M
