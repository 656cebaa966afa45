--- TAB in the REPL: names of globals and fields, or command lines behind a colon.

local infra_view = require("prov.face.repl.infra_view")

local M = {}

--- The value of "a.b." without calling anything but the globals and the infra; nil when there is none.
local function at_path(session, path)
  local at = session.env
  for name in path:gmatch("[%a_][%w_]*") do
    if at == session.env or infra_view.path(at) then
      at = at[name]
    else
      at = type(at) == "table" and rawget(at, name) or nil
    end
  end
  return type(at) == "table" and at or nil
end

local function add_names(names, t)
  for name in next, infra_view.path(t) and infra_view.value(t) or t do
    if type(name) == "string" and name:match("^[%a_][%w_]*$") then
      names[#names + 1] = name
    end
  end
end

--- Names after "a.b." or "a:": fields, and methods of objects; after "" what a line can begin with.
---@param session table
---@param path string
---@return string[]
function M.names(session, path)
  local names, at = {}, at_path(session, path)
  if not at then
    return names
  elseif at == session.env then
    add_names(names, _G)
    table.move(session:global_names(), 1, #session:global_names(), #names + 1, names)
  end
  add_names(names, at)
  local mt = getmetatable(at)
  if type(mt) == "table" and type(mt.__index) == "table" then
    add_names(names, mt.__index)
  end
  return names
end

--- The operation behind "server.list" or "prov.plan".
local function operation(session, path)
  local at = at_path(session, (path:gsub("%.?[%w_]*$", "")))
  local fn = at and at[path:match("[%w_]*$")]
  local name = type(fn) == "function" and session.ops[fn]
  return name and require("prov.ops").load(name)
end

--- Inside of the call of an operation: names of its parameters, or values of the one that is typed.
local function arguments(session, before)
  local path, inner = before:match("([%a_][%w_.]*)%s*{([^{}]*)$")
  local op = path and operation(session, path)
  if op then
    local name, quoted = inner:match("([%w_]+)%s*=%s*[\"']([^\"']*)$")
    if name then
      return require("prov.complete").values(session.ctx, (op.params or {})[name] or {}), quoted
    end
    local list = {}
    for param, spec in pairs(op.params or {}) do
      list[#list + 1] = not spec.hidden and { param .. " = " } or nil
    end
    return list, inner:match("[%w_]*$")
  end
  local quoted
  path, quoted = before:match("([%a_][%w_.]*)%s*[({]?%s*[\"']([^\"']*)$")
  op = path and operation(session, path)
  local param = op and require("prov.params").split(op.params)[1]
  if param then
    return require("prov.complete").values(session.ctx, param), quoted
  end
end

local function command_words(session, line)
  local words = {}
  for word in line:sub(2):gmatch("%S+") do
    words[#words + 1] = word
  end
  if line:match("%s$") or #words == 0 then
    words[#words + 1] = ""
  end
  local list = {}
  for _, row in ipairs(require("prov.complete").list(session.ctx, words)) do
    if row[1] ~= ":files" then
      list[#list + 1] = row[1]
    end
  end
  for _, name in ipairs(#words == 1 and require("prov.face.repl.commands").own_names() or {}) do
    list[#list + 1] = name:sub(1, #words[1]) == words[1] and name or nil
  end
  return list, words[#words]
end

local function common_prefix(words)
  local prefix = words[1]
  for i = 2, #words do
    while words[i]:sub(1, #prefix) ~= prefix do
      prefix = prefix:sub(1, -2)
    end
  end
  return prefix
end

--- Sorted words in as many columns as fit, read from top to bottom as those of ls.
---@param words string[]
---@param width integer
---@return string
function M.columns(words, width)
  local widest = 0
  for _, word in ipairs(words) do
    widest = math.max(widest, #word)
  end
  local rows = math.ceil(#words / math.max(1, (width + 1) // (widest + 2)))
  local out = {}
  for row = 1, rows do
    local line = {}
    for at = row, #words, rows do
      line[#line + 1] = at + rows <= #words and words[at] .. (" "):rep(widest - #words[at]) or words[at]
    end
    out[row] = table.concat(line, "  ") .. "\n"
  end
  return table.concat(out)
end

--- What TAB types of words that begin with what is typed, or what it shows when it cannot decide.
---@param words string[]
---@param typed string
---@param width? integer of the terminal
---@return string? insert
---@return string? show
function M.choose(words, typed, width)
  table.sort(words)
  if #words == 0 then
    return nil
  end
  local more = common_prefix(words):sub(#typed + 1)
  if more ~= "" then
    return more
  end
  return nil, #words > 1 and M.columns(words, width or 80) or nil
end

--- What TAB types, or what it shows when it cannot decide.
---@param session table
---@param before string the line up to the cursor
---@return string? insert
---@return string? show
function M.tab(session, before)
  local words, typed
  local rows, quoted = arguments(session, before)
  if before:sub(1, 1) == ":" or before:sub(1, 1) == "?" then
    words, typed = command_words(session, before)
  elseif rows then
    typed, words = quoted, {}
    for _, row in ipairs(rows) do
      words[#words + 1] = row[1]:sub(1, #typed) == typed and row[1] ~= ":files" and row[1] or nil
    end
  else
    local path, name = before:match("([%a_][%w_.:]*[.:])([%w_]*)$")
    path, name = path or "", name or before:match("[%w_]*$")
    typed, words = name, {}
    local seen = {}
    for _, one in ipairs(M.names(session, path)) do
      if one:sub(1, #name) == name and not seen[one] then
        seen[one] = true
        words[#words + 1] = one
      end
    end
  end
  if #words == 1 and before:sub(1, 1) == ":" and not words[1]:match("=$") then
    words[1] = words[1] .. " "
  end
  return M.choose(words, typed, session.ctx.term_out.width)
end

return M
