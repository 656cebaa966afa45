--- The operations there are: name or shortcut -> module, without loading any of them.
-- The build writes the index into the binary (core/lua/ops_index.cmake); with PROV_DEV it is
-- made from the tree at each start, so that a new file is found without a build.

local app = require("core.app")

local M = {}

---@class prov.OpsIndex
---@field commands table<string, { [1]: string, [2]: string, [3]: boolean? }> name -> module, summary, hidden
---@field shortcuts table<string, string> shortcut -> name

local index

--- The index of all operations.
---@return prov.OpsIndex
function M.index()
  if not index then
    index = app.tree and require("prov.ops_scan").tree(app.tree) or require("prov.ops_index")
  end
  return index
end

--- Finds the operation that the first words name; the longest name wins, then a shortcut.
---@param words string[]
---@return string? name
---@return integer? used how many words the name took
function M.find(words)
  local all = M.index()
  for count = math.min(3, #words), 1, -1 do
    local name = table.concat(words, " ", 1, count)
    if all.commands[name] then
      return name, count
    end
  end
  local name = words[1] and all.shortcuts[words[1]]
  if name then
    return name, 1
  end
end

--- Loads the declaration of an operation.
---@param name string
---@return table? declaration
function M.load(name)
  local row = M.index().commands[name]
  return row and require(row[1])
end

--- The names of all operations that are shown, sorted; with `group` those of one group.
---@param group? string
---@return string[]
function M.names(group)
  local names = {}
  for name, row in pairs(M.index().commands) do
    if not row[3] and (not group or name:match("^(%S+) ") == group) then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

--- The groups there are ("server"), sorted.
---@return string[]
function M.groups()
  local seen, groups = {}, {}
  for name, row in pairs(M.index().commands) do
    local group = name:match("^(%S+) ")
    if group and not row[3] and not seen[group] then
      seen[group] = true
      groups[#groups + 1] = group
    end
  end
  table.sort(groups)
  return groups
end

--- The shortcuts of an operation, sorted.
---@param name string
---@return string[]
function M.shortcuts(name)
  local list = {}
  for shortcut, target in pairs(M.index().shortcuts) do
    if target == name then
      list[#list + 1] = shortcut
    end
  end
  table.sort(list)
  return list
end

--- True when running an operation once more after an interruption does no harm.
---@param op table declaration
---@param params? table
---@param in_job? boolean it is a job of an orchestrator, which it can find its own doing by (ctx.job)
---@return boolean
function M.again(op, params, in_job)
  local again = op.again
  if type(again) == "function" then
    again = again(params, in_job)
  end
  return again or op.permission ~= nil and op.permission.action == "read" or op.http ~= nil and op.http.method == "GET"
end

return M
