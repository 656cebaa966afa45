--- Parameters of operations: how they are called and written, for every face and for the docs.

local err = require("prov.err")

local M = {}

--- Flags that every command knows: parameter -> declaration.
M.GLOBAL = {
  workspace = {
    type = "string",
    short = "w",
    metavar = "dir|name",
    complete = "workspace",
    doc = "The workspace; default: the one around the current folder",
  },
  env = {
    type = "string",
    short = "e",
    metavar = "name",
    complete = "environment",
    doc = "The environment: environments/NAME.yaml, with a state of its own (PROV_ENV)",
  },
  var = {
    type = "map",
    metavar = "name=value",
    doc = "Value of a variable of the infra (PROV_VAR_NAME)",
  },
  config = {
    type = "map",
    short = "c",
    metavar = "key=value",
    doc = "A setting, stronger than all others: -c ssh.keepalive=5s",
  },
  output = {
    type = "enum",
    short = "o",
    metavar = "format",
    one_of = { "table", "wide", "json", "yaml", "name" },
    doc = "table, wide, json, yaml or name",
  },
  remote = {
    type = "string",
    metavar = "url",
    doc = "Let the orchestrator at this address do it (config: remote)",
  },
  yes = { type = "bool", short = "y", aliases = { "auto-approve" }, doc = "Answer yes to every question" },
  quiet = { type = "bool", short = "q", doc = "Results and errors only" },
  verbose = { type = "bool", short = "v", doc = "Details, and tracebacks of bugs" },
  color = { type = "bool", default = true, doc = "Colours on a terminal (NO_COLOR=1 says no too)" },
  events = {
    type = "enum",
    one_of = { "text", "json" },
    doc = "Notes, progress and errors on stderr: for people, or one JSON object a line",
  },
  progress = { type = "bool", default = true, doc = "Live progress on a terminal" },
  help = { type = "bool", short = "h", doc = "Help for a command" },
}

--- The flag of a parameter: detailed_exitcode -> detailed-exitcode.
---@param name string
---@return string
function M.flag_name(name)
  return (name:gsub("_", "-"))
end

--- The positional parameters in their order, and the flags by name; each with its `name`. One with
--- `flag = true` is both.
---@param params? table<string, table>
---@return table[] positional
---@return table[] flags
function M.split(params)
  local positional, flags = {}, {}
  for name, spec in pairs(params or {}) do
    local param = setmetatable({ name = name }, { __index = spec })
    if spec.positional and not spec.hidden then
      positional[#positional + 1] = param
    end
    if (spec.flag or not spec.positional) and not spec.hidden then
      flags[#flags + 1] = param
    end
  end
  table.sort(positional, function(a, b)
    return a.positional < b.positional
  end)
  table.sort(flags, function(a, b)
    return a.name < b.name
  end)
  return positional, flags
end

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
  local text = (param.short and ("-" .. param.short .. ", ") or "    ") .. "--" .. M.flag_name(param.name)
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
  if param.aliases then
    notes[1] = "also --" .. table.concat(param.aliases, ", --")
  end
  if param.positional and param.one_of then -- a flag shows them in its first column
    notes[#notes + 1] = table.concat(param.one_of, ", ")
  end
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
  local positional, flags = M.split(op.params)
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

local BOOLS = {
  ["true"] = true,
  yes = true,
  on = true,
  ["1"] = true,
  ["false"] = false,
  no = false,
  off = false,
  ["0"] = false,
}

local convert = {}

function convert.int(text)
  return math.tointeger(tonumber(text, 10) or nil) or nil, "a whole number"
end

function convert.port(text)
  return convert.int(text)
end

function convert.number(text)
  return tonumber(text), "a number"
end

--- A number alone is seconds; the contract reads 5m and its kin.
function convert.duration(text)
  return tonumber(text) or text
end

function convert.bool(text)
  return BOOLS[text], "true or false"
end

--- Text to the value of a parameter; nil and what was wanted when it is none.
---@param spec table
---@param text string
---@return any value
---@return string? wanted "a whole number"
function M.from_text(spec, text)
  local to = convert[spec.type]
  if to then
    local value, wanted = to(text)
    if value == nil then
      return nil, wanted
    end
    return value
  end
  if spec.one_of then
    for _, choice in ipairs(spec.one_of) do
      if choice == text then
        return text
      end
    end
    return nil, "one of " .. table.concat(spec.one_of, ", ")
  end
  return text
end

--- Fills in defaults and checks the values of an operation: by its contract.
---@param op table declaration
---@param params table
---@param fields? boolean errors speak of fields, not of flags
---@return table? params
---@return prov.Err|prov.Err[]? err "usage"
function M.complete(op, params, fields)
  for name, spec in pairs(op.params or {}) do
    if spec.required and params[name] == nil then
      local what = fields and "'" .. name .. "'" or spec.positional and name:upper():gsub("_", "-")
        or "--" .. M.flag_name(name)
      return nil, err.new("usage", ("%s is missing: %s"):format(what, spec.doc or ""), {
        keys = { name },
        hint = not fields and "usage: " .. M.usage(op) or nil,
      })
    end
  end
  if next(op.params or {}) == nil and next(params) == nil then
    return params
  end
  local value, errs = require("prov.contract").compile(op.params or {}):complete(params)
  if value then
    return value
  end
  for i, e in ipairs(errs) do
    errs[i] = err.new("usage", e.msg, { hint = e.hint, path = e.path, keys = e.keys })
  end
  return nil, errs
end

return M
