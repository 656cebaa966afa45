--- The help screen of one operation, from its declaration.

local args = require("prov.face.cli.args")

local M = {}

--- How a parameter is written on the command line: "NAME", "[NAME]", "[NAME ...]".
---@param param table
---@return string
function M.positional(param)
  local text = (param.metavar or param.name):upper():gsub("_", "-")
  if param.type == "list" then
    text = text .. " ..."
  end
  return param.required and text or "[" .. text .. "]"
end

--- The flag column of a parameter: "-f, --flag INT".
---@param param table
---@return string
function M.flag(param)
  local text = (param.short and ("-" .. param.short .. ", ") or "    ") .. "--" .. args.flag_name(param.name)
  if param.type == "bool" then
    return param.default == true and (text:gsub("%-%-", "--[no-]", 1)) or text
  end
  local of = param.type == "list" and param.of and param.of.type or param.type
  local one_of = param.one_of or (param.of and param.of.one_of)
  local value = param.metavar and param.metavar:upper() or of == "map" and "KEY=VALUE"
    or one_of and table.concat(one_of, "|") or (of or "string"):upper()
  return text .. " " .. value
end

--- What the second column says of a parameter.
---@param param table
---@return string
function M.describe(param)
  local notes = {}
  if param.required then
    notes[#notes + 1] = "required"
  elseif param.default ~= nil and type(param.default) ~= "table" and param.type ~= "bool" then
    notes[#notes + 1] = "default " .. tostring(param.default)
  end
  if param.type == "list" and not param.positional or param.type == "map" then
    notes[#notes + 1] = "repeatable"
  end
  return (param.doc or "") .. (notes[1] and (" (" .. table.concat(notes, "; ") .. ")") or "")
end

--- The usage line of an operation, without "Usage: ".
---@param op table
---@return string
function M.usage(op)
  local words = { "prov", op.name }
  local positional, flags = args.split(op.params)
  for _, param in ipairs(flags) do
    if param.required then
      words[#words + 1] = M.flag(param):gsub("^.*%-%-", "--")
    end
  end
  for _, param in ipairs(positional) do
    words[#words + 1] = M.positional(param)
  end
  words[#words + 1] = "[--FLAG ...]"
  return table.concat(words, " ")
end

--- The whole screen.
---@param op table declaration
---@param shortcuts string[]
---@param global table rows of the flags of every command
---@param rows fun(out: string[], list: table, indent: string)
---@return string
function M.text(op, shortcuts, global, rows)
  local out = { op.summary .. "\n\nUsage: " .. M.usage(op) .. "\n" }
  if shortcuts[1] then
    out[#out + 1] = "Short: prov " .. table.concat(shortcuts, ", prov ") .. "\n"
  end
  if op.description then
    out[#out + 1] = "\n" .. op.description:gsub("%s+$", "") .. "\n"
  end
  local positional, flags = args.split(op.params)
  local list = {}
  for _, param in ipairs(positional) do
    list[#list + 1] = { (param.metavar or param.name):upper():gsub("_", "-"), M.describe(param) }
  end
  if list[1] then
    out[#out + 1] = "\nArguments\n"
    rows(out, list, "  ")
  end
  list = {}
  for _, param in ipairs(flags) do
    list[#list + 1] = { M.flag(param), M.describe(param) }
  end
  if list[1] then
    out[#out + 1] = "\nFlags\n"
    rows(out, list, "  ")
  end
  for i, example in ipairs(op.examples or {}) do
    out[#out + 1] = (i == 1 and "\nExamples\n" or "") .. "  " .. example .. "\n"
  end
  out[#out + 1] = "\nFlags of every command\n"
  rows(out, global, "  ")
  return table.concat(out)
end

return M
