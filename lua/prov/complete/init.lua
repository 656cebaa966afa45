--- What may follow a part of a command line: for the completion of shells and of the REPL.

local ops = require("prov.ops")
local params_of = require("prov.params")

local M = {}

--- Names that only the workspace or the registry knows; an error there means no names.
local names = {}

local function of_registry(kind)
  return function(ctx)
    local list = {}
    for i, one in ipairs(ctx.registry:index(kind)) do
      list[i] = { one.name }
    end
    return list
  end
end

names.provider = of_registry("provider")
names.taskserv = of_registry("taskserv")
names.cluster = of_registry("cluster")
names.workflow = of_registry("workflow")

function names.extension(ctx)
  local list = {}
  for _, kind in ipairs({ "provider", "taskserv", "cluster", "workflow" }) do
    for _, one in ipairs(ctx.registry:index(kind)) do
      list[#list + 1] = { one.name, kind }
    end
  end
  return list
end

function names.workspace()
  local list = {}
  for i, one in ipairs(require("prov.workspace").list()) do
    list[i] = { one.name, one.dir }
  end
  return list
end

local function addresses(ctx, kind)
  local workspace = assert(ctx:need_workspace())
  local state = assert(require("prov.state").load(assert(workspace:store())))
  local list = {}
  for i, address in ipairs(state:addresses()) do
    list[i] = { address }
  end
  if not kind then
    return list
  end
  local kept = {}
  for _, row in ipairs(list) do
    local short = row[1]:match("^" .. kind .. "%.(.+)$")
    kept[#kept + 1] = short and { short } or nil
  end
  return kept
end

function names.address(ctx)
  return addresses(ctx)
end

names.addresses = names.address

function names.run(ctx)
  local list = {}
  local store = ctx.workspace and ctx.workspace:store()
  for i, run in ipairs(store and require("prov.engine.runs").list(store, 20) or {}) do
    list[i] = { run.id, run.status }
  end
  return list
end

function names.flow(ctx)
  local list = {}
  local store = ctx.workspace and ctx.workspace:store()
  for i, run in ipairs(store and require("prov.workflow.journal").list(store, 20) or {}) do
    list[i] = { run.id, ("%s, %s"):format(run.workflow, run.status) }
  end
  return list
end

function names.environment(ctx)
  local workspace = require("prov.workspace")
  local dir = workspace.find(ctx.flags.workspace)
  return dir and workspace.environments((workspace.split(dir))) or {}
end

function names.lab()
  local list = {}
  for i, row in ipairs(require("prov.machine.labs").list() or {}) do
    list[i] = row.name
  end
  return list
end

function names.server(ctx)
  return addresses(ctx, "server")
end

function names.rule(ctx)
  local list = {}
  for i, rule in ipairs(require("prov.rules").all(ctx.workspace, ctx.registry) or {}) do
    list[i] = { rule.id, rule.summary }
  end
  return list
end

function names.config(ctx)
  local list = {}
  for i, key in ipairs(ctx.config:names()) do
    list[i] = { key, ctx.config:spec_of(key).doc }
  end
  return list
end

function names.config_group(ctx)
  local list, seen = {}, {}
  for _, key in ipairs(ctx.config:names()) do
    for at in key:gmatch("()%.") do
      local group = key:sub(1, at - 1)
      if not seen[group] then
        seen[group] = true
        list[#list + 1] = { group }
      end
    end
  end
  return list
end

function names.format()
  local list = require("prov.formats").names()
  list[#list + 1] = { ":files" }
  return list
end

--- Candidates for the value of a parameter: { word, description? }; { ":files" } for a path.
---@param ctx prov.Ctx
---@param spec table declaration of the parameter
---@return { [1]: string, [2]: string? }[]
function M.values(ctx, spec)
  local one_of = spec.one_of or (spec.of and spec.of.one_of)
  if one_of then
    local list = {}
    for i, word in ipairs(one_of) do
      list[i] = { word }
    end
    return list
  elseif names[spec.complete] then
    local ok, list = pcall(names[spec.complete], ctx)
    return ok and list or {}
  elseif spec.type == "path" then
    return { { ":files" } }
  end
  return {}
end

--- The flags of an operation and of every command: "--flag" or "-f" -> spec.
local function flags_of(op)
  local known, list = {}, {}
  local function add(specs)
    local _, flags = params_of.split(specs)
    for _, param in ipairs(flags) do
      local flag = "--" .. params_of.flag_name(param.name)
      if not known[flag] then
        known[flag] = param
        list[#list + 1] = { flag, param.doc }
        if param.type == "bool" and param.default == true then
          known["--no-" .. flag:sub(3)] = param
          list[#list + 1] = { "--no-" .. flag:sub(3), param.doc }
        end
      end
      for _, alias in ipairs(param.aliases or {}) do
        if not known["--" .. alias] then
          known["--" .. alias] = param
          list[#list + 1] = { "--" .. alias, param.doc }
        end
      end
      if param.short and not known["-" .. param.short] then
        known["-" .. param.short] = param
      end
    end
  end
  add(op and op.params)
  add(params_of.GLOBAL)
  return known, list
end

--- The words that may stand next in the name of a command.
local function command_words(prefix)
  local seen, list = {}, {}
  local index = ops.index()
  local depth = #prefix
  for _, name in ipairs(ops.names()) do
    local words = {}
    for word in name:gmatch("%S+") do
      words[#words + 1] = word
    end
    local fits = #words > depth
    for i = 1, depth do
      fits = fits and words[i] == prefix[i]
    end
    local word = fits and words[depth + 1]
    if word and not seen[word] then
      seen[word] = true
      list[#list + 1] = { word, #words == depth + 1 and index.commands[name][2] or "commands of this group" }
    end
  end
  if depth == 0 then
    list[#list + 1] = { "help", "Show help for a command or a group" }
  end
  return list
end

--- Walks over the words before the one to complete: which command, what is open.
local function walk(words)
  local at = { prefix = {}, positionals = 0 }
  local known = flags_of(nil)
  for i = 1, #words - 1 do
    local word = words[i]
    if at.pending then
      at.pending = nil
    elseif at.raw or word == "--" then
      at.raw = true
      at.positionals = at.positionals + (word == "--" and 0 or 1)
    elseif word:sub(1, 1) == "-" and word ~= "-" then
      local spec = known[word]
      at.pending = spec and spec.type ~= "bool" and spec or nil
    elseif at.op then
      at.positionals = at.positionals + 1
    elseif word == "help" and not at.prefix[1] then
      at.help = true
    else
      table.insert(at.prefix, word)
      local name = ops.find(at.prefix)
      if name and not at.help and not command_words(at.prefix)[1] then
        at.op = ops.load(name)
        known = flags_of(at.op)
      end
    end
  end
  at.known = known
  return at
end

local function candidates(ctx, words)
  local at, current = walk(words), words[#words] or ""
  if at.pending then
    return M.values(ctx, at.pending), current, ""
  end
  local flag, rest = current:match("^(%-%-[^=]+)=(.*)$")
  if flag and not at.raw then
    return at.known[flag] and M.values(ctx, at.known[flag]) or {}, rest, flag .. "="
  elseif current:sub(1, 1) == "-" and not at.raw then
    local _, list = flags_of(at.op)
    return list, current, ""
  elseif not at.op then
    local list, group = command_words(at.prefix), ops.load(table.concat(at.prefix, " "))
    local first = group and params_of.split(group.params)[1]
    if first then -- a group that is an operation too: its first word may be either
      local more = M.values(ctx, first)
      table.move(more, 1, #more, #list + 1, list)
    end
    return list, current, ""
  end
  local positional = params_of.split(at.op.params)
  local last = positional[#positional]
  local param = positional[at.positionals + 1] or (last and last.type == "list" and last)
  return param and M.values(ctx, param) or {}, current, ""
end

--- The candidates that begin with the last word: { word, description }.
---@param ctx prov.Ctx
---@param words string[] the words behind `prov`, the last one being typed
---@return { [1]: string, [2]: string? }[]
function M.list(ctx, words)
  local list, current, prefix = candidates(ctx, words)
  local out = {}
  for _, row in ipairs(list) do
    if row[1] == ":files" then
      out[#out + 1] = row
    elseif row[1]:sub(1, #current) == current then
      out[#out + 1] = { prefix .. row[1], row[2] }
    end
  end
  return out
end

--- The candidates as lines for a shell script.
---@param ctx prov.Ctx
---@param words string[]
---@return string
function M.text(ctx, words)
  local out = {}
  for i, row in ipairs(M.list(ctx, words)) do
    out[i] = row[2] and row[1] .. "\t" .. row[2]:gsub("%s+", " ") or row[1]
  end
  return table.concat(out, "\n")
end

return M
