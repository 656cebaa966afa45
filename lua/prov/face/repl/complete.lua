--- TAB in the REPL: names of globals and fields, or command lines behind a colon.

local M = {}

--- The fields that can be named after "a.b.": walks without calling metamethods but the globals'.
local function fields(env, path)
  local at = env
  for name in path:gmatch("[%a_][%w_]*") do
    at = type(at) == "table" and at[name] or nil
  end
  local names = {}
  if type(at) ~= "table" then
    return names
  end
  for name in next, at do
    if type(name) == "string" and name:match("^[%a_][%w_]*$") then
      names[#names + 1] = name
    end
  end
  if at == env then
    for name in next, _G do
      names[#names + 1] = name
    end
    names[#names + 1] = "ws"
  end
  return names
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

--- What TAB types, or what it shows when it cannot decide.
---@param session table
---@param before string the line up to the cursor
---@return string? insert
---@return string? show
function M.tab(session, before)
  local words, typed
  if before:sub(1, 1) == ":" then
    words, typed = command_words(session, before)
  else
    local path, name = before:match("([%a_][%w_.]*%.)([%w_]*)$")
    path, name = path or "", name or before:match("[%w_]*$")
    typed, words = name, {}
    for _, one in ipairs(fields(session.env, path)) do
      if one:sub(1, #name) == name then
        words[#words + 1] = one
      end
    end
  end
  table.sort(words)
  if #words == 0 then
    return nil
  end
  local more = common_prefix(words):sub(#typed + 1)
  if #words == 1 and before:sub(1, 1) == ":" and not more:match("=$") then
    more = more .. " "
  end
  if more ~= "" then
    return more
  end
  return nil, table.concat(words, "  ") .. "\n"
end

return M
