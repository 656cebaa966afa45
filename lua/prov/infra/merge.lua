--- Joins the trees of several infra files into one, and refuses what is declared twice.

local contract = require("prov.contract")
local value = require("prov.value")

local M = {}

--- Parts of a tree that are not kinds of resources.
M.RESERVED = { providers = true, defaults = true, clusters = true, outputs = true }

---@class prov.Block one declared name: a resource before count, a cluster
---@field kind string
---@field name string
---@field entry any
---@field source prov.Source
---@field path (string|integer)[]
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

local function place_text(source, path)
  local line = source.place(path)
  return source.file .. (line and ":" .. line or "")
end

local function is_map(v)
  return type(v) == "table" and not value.is_marked(v) and (not value.is_list(v) or next(v) == nil)
end

--- Adds the members of one part of a tree to `into`, which keeps { value, source } by name.
local function add_members(into, members, top, source, errs)
  for name, v in next, members do
    local before = into[name]
    if before then
      local path = { top, name }
      errs[#errs + 1] = contract.errors({
        { path = {}, msg = ("declared twice: also at %s"):format(place_text(before.source, path)) },
      }, { path = path, file = source.file, place = source.place })[1]
    else
      into[name] = { value = v, source = source }
    end
  end
end

--- Joins sources: `{ providers, defaults, clusters, outputs, kinds }`, each a map of name to
-- `{ value, source }`; kinds maps the top-level name to such a map.
---@param sources prov.Source[]
---@return table? joined, prov.Err[]? errors
function M.join(sources)
  local out = { providers = {}, defaults = {}, clusters = {}, outputs = {}, kinds = {} }
  local errs = {}
  for _, source in ipairs(sources) do
    for top, members in next, source.tree do
      if members == value.null then
        members = {}
      end
      if type(top) ~= "string" or not is_map(members) then
        errs[#errs + 1] = contract.errors({
          { path = {}, msg = "expected a map of names, found " .. (type(members) == "table" and "a list" or type(members)) },
        }, { path = { top }, file = source.file, place = source.place })[1]
      else
        local into = out[top]
        if not M.RESERVED[top] then
          out.kinds[top] = out.kinds[top] or {}
          into = out.kinds[top]
        end
        add_members(into, members, top, source, errs)
      end
    end
  end
  if #errs > 0 then
    return nil, errs
  end
  return out
end

--- An error at a path of a source.
---@return prov.Err
function M.error(source, path, msg, hint)
  return contract.errors({ { path = {}, msg = msg, hint = hint } }, { path = path, file = source.file, place = source.place })[1]
end

return M
