--- Reads workflows: a file NAME.yaml, NAME.json or NAME.lua (or NAME/workflow.*) in a folder workflows/.
-- All forms hold the same tree, and the tree is data: a run keeps a copy of it and goes on with that.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local fields = require("prov.contract.fields")
local fs = require("prov.fs")
local source = require("prov.infra.source")
local value = require("prov.value")

local M = {}

local NAME = { type = "string", pattern = "[A-Za-z][A-Za-z0-9_-]*", max = 63, required = true,
  doc = "the name of the step" }

--- Events that a webhook may ask for.
M.EVENTS = { "started", "waiting", "done", "failed", "rolled_back", "unknown", "interrupted", "canceled" }

local RETRIES = {
  attempts = { type = "int", min = 1, max = 100, required = true, doc = "how often it is tried in all" },
  delay = { type = "duration", default = 0, doc = "pause before each further attempt" },
  on = { type = "list", of = { type = "string" }, doc = "codes of errors that are worth another attempt" },
}

local COMPENSATE = {
  run = { type = "string", required = true, doc = "the operation that undoes the step" },
  with = { type = "map", default = {}, doc = "its parameters" },
  workspace = { type = "string", doc = "where; that of the step by default" },
  timeout = { type = "duration", doc = "how long it may take" },
  when_failed = { type = "bool", default = false, doc = "undo the step also when it began and failed" },
}

-- What steps and hooks have in common.
local function step_fields()
  return {
    name = NAME,
    doc = { type = "string", doc = "what it is for" },
    run = { type = "string", doc = "an operation: the words of a prov command" },
    with = { type = "map", default = {}, doc = "its parameters" },
    workspace = { type = "string", doc = "name or folder of the workspace it works in" },
    needs = { type = "list", of = { type = "string" }, default = {}, doc = "steps that must have ended before" },
    when = { type = "union", of = { { type = "string" }, { type = "bool" } }, doc = "condition" },
    timeout = { type = "duration", doc = "how long one attempt may take" },
    retries = { type = "union", of = { { type = "int", min = 1, max = 100 }, { type = "record", fields = RETRIES } } },
    again = { type = "bool", doc = "running it again after an interruption does no harm" },
    outputs = { type = "map", default = {}, doc = "values for other steps" },
    artifacts = { type = "map", default = {}, doc = "files kept with the run" },
  }
end

local STEP = step_fields()
STEP.workflow = { type = "string", doc = "a workflow to run as this step" }
STEP.matrix = { type = "map", doc = "one instance of the step for each combination" }
STEP.max_parallel = { type = "int", min = 1, doc = "instances of the matrix at once" }
STEP.approve = {
  type = "union",
  of = {
    { type = "string" },
    { type = "bool" },
    { type = "record", fields = { message = { type = "string", default = "" }, timeout = { type = "duration" } } },
  },
  doc = "a person must agree before it begins",
}
STEP.continue_on_failure = { type = "bool", default = false, doc = "its failure is not one of the workflow" }
STEP.compensate = { type = "record", fields = COMPENSATE }

local HOOKS = { type = "list", of = { type = "record", fields = step_fields() }, default = {} }

local NOTIFY = {
  type = "record",
  fields = {
    url = { type = "string", required = true, doc = "where the event is posted" },
    on = {
      type = "list",
      of = { type = "enum", one_of = M.EVENTS },
      default = { "waiting", "done", "failed", "rolled_back", "unknown" },
    },
    secret = { type = "string", doc = "key of the signature" },
    headers = { type = "map", of = { type = "string" }, default = {} },
    retries = { type = "int", min = 0, max = 20, default = 3 },
    timeout = { type = "duration", default = 10 },
  },
}

--- What a workflow holds.
M.SCHEMA = {
  kind = { type = "enum", one_of = { "workflow" }, default = "workflow" },
  api = { type = "int", default = 1 },
  name = { type = "string", doc = "that of the file" },
  summary = { type = "string", required = true, doc = "what it does, in one line" },
  description = { type = "string" },
  inputs = { type = "map", default = {}, doc = "what it is given: a contract" },
  workspace = { type = "string", doc = "workspace of the steps that name none" },
  on_failure = { type = "enum", one_of = { "stop", "continue", "rollback" }, default = "stop" },
  max_parallel = { type = "int", min = 1, max = 1000, default = 16, doc = "steps at once" },
  timeout = { type = "duration", doc = "of the whole run" },
  steps = { type = "list", of = { type = "record", fields = STEP }, required = true, min = 1, doc = "what is done" },
  outputs = { type = "map", default = {}, doc = "values of the run" },
  hooks = {
    type = "record",
    fields = { on_success = HOOKS, on_failure = HOOKS, always = HOOKS },
    default = {},
  },
  notify = { type = "union", of = { NOTIFY, { type = "list", of = NOTIFY } } },
}

--- Endings of the files, in the order they are looked for.
M.FORMS = { "lua", "yaml", "yml", "json" }

--- The file of a workflow in a root, or nil.
---@param base string the folder workflows/
---@param name string
---@return string?
function M.file(base, name)
  for _, form in ipairs(M.FORMS) do
    for _, path in ipairs({ ("%s/%s.%s"):format(base, name, form), ("%s/%s/workflow.%s"):format(base, name, form) }) do
      if fs.exists(path) then
        return path
      end
    end
  end
end

--- Names of the workflows in a root.
---@param base string
---@return string[]
function M.names(base)
  local out = {}
  for _, entry in ipairs(fs.list(base) or {}) do
    local name, form = entry.name:match("^([^.].*)%.(%a+)$")
    if not name then
      name = entry.name
    elseif not (form == "lua" or form == "yaml" or form == "yml" or form == "json") then
      name = nil
    end
    out[#out + 1] = name and M.file(base, name) and name or nil
  end
  return out
end

-- The first function in a tree: a workflow is kept with its runs, and a function cannot be.
local function function_in(v, path)
  if type(v) == "function" then
    return path
  elseif type(v) == "table" and not value.is_marked(v) then
    for key, one in pairs(v) do
      local below = table.move(path, 1, #path, 1, {})
      below[#below + 1] = key
      local found = function_in(one, below)
      if found then
        return found
      end
    end
  end
end

local function normal(tree)
  for _, list in ipairs({ tree.steps, tree.hooks.on_success, tree.hooks.on_failure, tree.hooks.always }) do
    for _, step in ipairs(list) do
      if type(step.retries) == "number" then
        step.retries = { attempts = step.retries, delay = 0 }
      end
      if type(step.when) == "boolean" then
        step.when = tostring(step.when)
      end
      if type(step.approve) == "string" or step.approve == true then
        step.approve = { message = step.approve ~= true and step.approve or "" }
      end
      step.approve = step.approve or nil
    end
  end
  local notify = tree.notify
  tree.notify = data.list(notify and (value.is_list(notify) and notify or { notify }) or {})
end

--- Reads and checks the tree of a workflow; names of operations and steps are looked at by
-- prov.workflow.check.
---@param path string
---@param name string
---@return table? workflow the completed tree, with `source` { file, place, text }
---@return prov.Err? err one, or one that stands for several
function M.read(path, name)
  local read, e = source.read_one(path, path, '{ kind = "workflow", ... }')
  if not read then
    return nil, e
  end
  local at = { file = path, place = read.place }
  local found = function_in(read.tree, {})
  if found then
    return nil, contract.errors({ { path = found, msg = "a workflow is data: no function can stand here" } }, at)[1]
  end
  local tree, errs = contract.compile(M.SCHEMA):complete(read.tree, at)
  if tree then
    errs = {}
    local function refuse(where, msg, hint)
      errs[#errs + 1] = contract.errors({ { path = where, msg = msg, hint = hint } }, at)[1]
    end
    if tree.name and tree.name ~= name then
      refuse({ "name" }, ("is '%s', but its file is that of '%s'"):format(tree.name, name))
    end
    if tree.api ~= 1 then
      refuse({ "api" }, ("is %d, this program knows 1"):format(tree.api))
    end
    local ok, message, hint, below = fields.check(tree.inputs)
    if not ok then
      refuse({ "inputs" }, (below and below ~= "" and below .. " " or "") .. message, hint)
    end
    tree.name = name
  end
  if errs and errs[1] then
    return nil, errs[2] and err.new("invalid", ("%d mistakes in workflow '%s'"):format(#errs, name),
      { data = { errors = errs } }) or errs[1]
  end
  normal(tree)
  tree.source = { file = path, place = read.place, text = read.text }
  return tree
end

return M
