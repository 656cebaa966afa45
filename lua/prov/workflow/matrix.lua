--- The combinations of a matrix: every value of each axis with every other, without what `exclude`
-- names and with what `include` adds.

local settings = require("prov.settings")
local value = require("prov.value")

local M = {}

local function is_scalar(v)
  return type(v) == "string" or type(v) == "number" or type(v) == "boolean"
end

local function axes_of(matrix)
  local names = {}
  for name in pairs(matrix) do
    if name ~= "include" and name ~= "exclude" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

M.axes = axes_of

local function copy(t)
  local out = {}
  for k, v in pairs(t) do
    out[k] = v
  end
  return out
end

local function matches(combination, entry, names)
  for _, name in ipairs(names) do
    if entry[name] ~= nil and entry[name] ~= combination[name] then
      return false
    end
  end
  return true
end

-- What is wrong with the form of a matrix: path, message.
local function problem_of(matrix, names)
  for _, name in ipairs(names) do
    local list = matrix[name]
    if not name:match("^[%a_][%w_-]*$") then
      return { name }, ("'%s' is no name"):format(name)
    elseif not (value.is_list(list) and #list > 0) then
      return { name }, "must be a list of values"
    end
    for i, v in ipairs(list) do
      if not is_scalar(v) then
        return { name, i }, "must be a text, a number or a bool"
      end
    end
  end
  for _, special in ipairs({ "include", "exclude" }) do
    local list = matrix[special]
    if list ~= nil and not value.is_list(list) then
      return { special }, "must be a list of maps"
    end
    for i, entry in ipairs(list or {}) do
      if type(entry) ~= "table" or value.is_list(entry) and #entry > 0 then
        return { special, i }, "must be a map of names and values"
      end
      for name, v in pairs(entry) do
        if not is_scalar(v) then
          return { special, i, name }, "must be a text, a number or a bool"
        elseif special == "exclude" and matrix[name] == nil then
          return { special, i, name }, ("the matrix has no '%s'"):format(name)
        end
      end
    end
  end
  if #names == 0 and not (matrix.include and #matrix.include > 0) then
    return {}, "has neither values nor include"
  end
end

local function product(matrix, names)
  local rows, most = #names > 0 and { {} } or {}, settings.workflow.instances * 16
  for _, name in ipairs(names) do
    local wider = {}
    for _, row in ipairs(rows) do
      for _, v in ipairs(matrix[name]) do
        local one = copy(row)
        one[name] = v
        wider[#wider + 1] = one
        if #wider > most then
          return nil
        end
      end
    end
    rows = wider
  end
  return rows
end

-- An entry whose values all fit adds the rest to what fits; another one is a combination of its own.
local function include(rows, entries, names)
  local own = {}
  for _, entry in ipairs(entries or {}) do
    local fitted = false
    for _, row in ipairs(rows) do
      if matches(row, entry, names) then
        fitted = true
        for name, v in pairs(entry) do
          row[name] = v
        end
      end
    end
    if not fitted then
      own[#own + 1] = copy(entry)
    end
  end
  return table.move(own, 1, #own, #rows + 1, rows)
end

local function label_of(row, names)
  local words = {}
  for _, name in ipairs(names) do
    words[#words + 1] = row[name] ~= nil and tostring(row[name]) or nil
  end
  if #words == 0 then
    for _, name in ipairs(axes_of(row)) do
      words[#words + 1] = tostring(row[name])
    end
  end
  return (table.concat(words, ","):gsub("[%c%[%]/\"]", "_"))
end

--- The combinations of a matrix whose values are known.
---@param matrix table
---@return { values: table, label: string }[]? rows in the order of the lists
---@return any[]? path of what is wrong
---@return string? message
function M.rows(matrix)
  local names = axes_of(matrix)
  local path, message = problem_of(matrix, names)
  if path then
    return nil, path, message
  end
  local rows = product(matrix, names)
  local kept = {}
  for _, row in ipairs(rows or {}) do
    local out = false
    for _, entry in ipairs(matrix.exclude or {}) do
      out = out or matches(row, entry, names)
    end
    kept[#kept + 1] = not out and row or nil
  end
  kept = include(kept, matrix.include, names)
  if not rows or #kept > settings.workflow.instances then
    return nil, {}, ("has %s instances; %d are the most"):format(rows and #kept or "thousands of",
      settings.workflow.instances)
  elseif #kept == 0 then
    return nil, {}, "has no instance left"
  end
  local out, seen = {}, {}
  for i, row in ipairs(kept) do
    local label = label_of(row, names)
    if seen[label] then
      return nil, {}, ("has the instance '%s' twice"):format(label)
    end
    seen[label] = true
    out[i] = { values = row, label = label }
  end
  return out
end

return M
