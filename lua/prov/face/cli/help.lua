--- Help screens. The overview needs the index only; the help of an operation its declaration.

local ops = require("prov.ops")

local M = {}

local function rows(out, list, indent)
  local width = 0
  for _, row in ipairs(list) do
    width = math.max(width, #row[1])
  end
  for _, row in ipairs(list) do
    out[#out + 1] = ("%s%-" .. width .. "s  %s\n"):format(indent, row[1], row[2])
  end
end

--- Words joined to lines of at most `width` behind the hanging indent.
local function wrap(words, width, indent)
  local lines, line = {}, ""
  for _, word in ipairs(words) do
    if line ~= "" and #indent + #line + 1 + #word > width then
      lines[#lines + 1] = line
      line = ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

local WRAPPED = 60 -- a line of a text from here on goes on in the next one

--- The text on a terminal of `columns`: words that do not fit stand below, behind the name of a row; the lines of a
--- paragraph are filled anew.
---@param text string
---@param columns integer
---@return string
function M.fit(text, columns)
  local out, last = {}, nil
  for line in text:gmatch("([^\n]*)\n") do
    local plain = line:find("^[^%s-]")
    if plain and last and last >= WRAPPED then
      out[#out] = out[#out] .. " " .. line
    else
      out[#out + 1] = line
    end
    last = plain and #line or nil
  end
  for i, line in ipairs(out) do
    if #line > columns then
      local head = line:match("^%s*%S.-%s%s+()%S") or line:match("^%s*()")
      if head > columns // 2 then
        head = 5
      end
      local words = {}
      for word in line:sub(head):gmatch("%S+") do
        words[#words + 1] = word
      end
      local before = line:sub(1, head - 1)
      out[i] = before .. wrap(words, columns, (" "):rep(head - 1))
    end
  end
  return table.concat(out, "\n") .. "\n"
end

--- Where the guides are: beside an installed program, or in its tree.
local function guides()
  local app = require("core.app")
  local dir = (app.tree or app.share_dir:gsub("share/prov$", "share/doc/prov")) .. "/docs/guides"
  local file = io.open(dir .. "/infra.md")
  if not file then
    return ""
  end
  file:close()
  return ("Guides, such as three-tiers.md to begin with: %s\n"):format(dir)
end

--- What `prov help` prints.
---@return string
function M.overview()
  local index = ops.index()
  local out = { "prov: describe infrastructure, plan it, make it so\n\n" }
  out[#out + 1] = "Usage: prov COMMAND [ARGUMENT ...] [--FLAG ...]\n\nCommands\n"
  local single, groups = {}, {}
  for _, name in ipairs(ops.names()) do
    local group, verb = name:match("^(%S+) (.+)$")
    if not group then
      single[#single + 1] = { name, index.commands[name][2] }
    else
      local list = groups[group] or {}
      groups[group] = list
      local first = verb:match("^%S+") -- "kv get" and "kv put" are one here
      if list[#list] ~= first then
        list[#list + 1] = first
      end
    end
  end
  single[#single + 1] = { "help", "Show help for a command or a group" }
  table.sort(single, function(a, b)
    return a[1] < b[1]
  end)
  rows(out, single, "  ")
  out[#out + 1] = "\nGroups\n"
  local list = {}
  for _, group in ipairs(ops.groups()) do
    list[#list + 1] = { group, wrap(groups[group], 78, (" "):rep(16)) }
  end
  for _, row in ipairs(list) do
    out[#out + 1] = ("  %-12s  %s\n"):format(row[1], row[2])
  end
  out[#out + 1] = "\nFlags of every command\n"
  rows(out, require("prov.face.cli.help_op").global(), "  ")
  out[#out + 1] = "\n`prov help COMMAND` tells more; `prov doctor` checks this machine. Begin with `prov workspace "
    .. "new NAME`.\n" .. guides()
  return table.concat(out)
end

--- What `prov help server` prints.
---@param group string
---@return string
function M.group(group)
  local index, list = ops.index(), {}
  local out = { ("Usage: prov %s COMMAND [ARGUMENT ...] [--FLAG ...]\n\n"):format(group) }
  for _, name in ipairs(ops.names(group)) do
    local shortcuts = table.concat(ops.shortcuts(name), ", ")
    list[#list + 1] = { name, index.commands[name][2] .. (shortcuts ~= "" and (" (" .. shortcuts .. ")") or "") }
  end
  rows(out, list, "  ")
  out[#out + 1] = ("\n`prov help %s COMMAND` tells more.\n"):format(group)
  return table.concat(out)
end

--- The help of one operation.
---@param name string
---@return string
function M.operation(name)
  return require("prov.face.cli.help_op").text(ops.load(name), ops.shortcuts(name), rows)
end

--- `prov help [WORD ...]`: exit code and text.
---@param words string[]
---@return integer code
---@return string text
function M.main(words)
  local plain = {}
  for _, word in ipairs(words) do
    if word:sub(1, 1) ~= "-" then
      plain[#plain + 1] = word
    end
  end
  if not plain[1] or #plain == 1 and plain[1] == "help" then
    return 0, M.overview()
  end
  local name, used = ops.find(plain)
  if name and used == #plain then
    local group = ops.names(name)[1] and "\n" .. M.group(name) or ""
    return 0, M.operation(name) .. group
  end
  if #plain == 1 and ops.names(plain[1])[1] then
    return 0, M.group(plain[1])
  end
  local e = require("prov.face.cli.args").unknown_command(plain)
  return 2, require("prov.face.cli.report").text(e)
end

return M
