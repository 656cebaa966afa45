--- From what somebody asks for to a job that can wait: the operation, its parameters, its workspace and lane.

local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local ops = require("prov.ops")
local params_of = require("prov.params")
local suggest = require("prov.suggest")
local workspaces = require("prov.workspace")

local M = {}

local YEAR = 366 * 86400 -- seconds

--- What a submission may say beside the operation and its parameters.
M.SCHEMA = {
  operation = { type = "string", required = true, positional = 1, doc = "Name of the operation, such as 'apply'" },
  params = { type = "map", doc = "A parameter of it, KEY=VALUE" },
  workspace = { type = "string", doc = "Its workspace: a name, or a folder there" },
  priority = { type = "int", min = -100, max = 100, default = 0, doc = "Higher goes first" },
  delay = { type = "duration", doc = "How long it waits before it may begin, such as 10m; a year at most" },
  key = { type = "string", min = 1, max = 200, doc = "No second job with this key while one has not ended" },
  max_attempts = { type = "int", min = 1, max = 100, default = 1,
    doc = "Tries, while it fails for a passing reason" },
  timeout = { type = "duration", doc = "After this time it is cancelled, such as 10m; a year at most" },
  interactive = { type = "bool", doc = "Somebody answers its questions; else they are all answered with yes" },
  output = { type = "enum", one_of = { "table", "wide", "json", "yaml", "name" }, doc = "Form its messages are for" },
  quiet = { type = "bool", doc = "Fewer messages" },
  verbose = { type = "bool", doc = "More messages" },
  yes = { type = "bool", doc = "Answer yes to every question" },
  files = { type = "map", of = { type = "string" }, doc = "Contents of files, by parameter, in base64" },
}

local contract

--- Fields of M.SCHEMA that a submission has, which is not also a call somebody follows.
local SUBMITTED = { "operation", "params", "workspace", "priority", "delay", "key", "max_attempts", "timeout" }

--- The parameters of the operation "job submit", which SCHEMA declares.
---@return table<string, table>
function M.submission()
  local params = {}
  for _, name in ipairs(SUBMITTED) do
    params[name] = M.SCHEMA[name]
  end
  return params
end

--- Values of a command line are text: they become what the parameters of the operation want.
local function typed(op, given)
  local params = {}
  for name, value in pairs(given) do
    local spec = (op.params or {})[name]
    if type(value) == "string" and spec and spec.type ~= "string" then
      local converted
      if spec.type == "list" then
        converted = data.list({})
        for item in value:gmatch("[^,]+") do
          converted[#converted + 1] = params_of.from_text(spec.of or {}, item)
        end
      else
        converted = params_of.from_text(spec, value)
      end
      value = converted == nil and value or converted
    end
    params[name] = value
  end
  return params
end

--- True when the operation changes its workspace, so that two of them must not run beside each other.
---@param op table declaration
---@return boolean
function M.exclusive(op)
  local path = op.http and op.http.path or ""
  return not op.shared and path:find("{workspace}", 1, true) ~= nil and op.permission ~= nil
    and op.permission.action ~= "read"
end

--- True when it only reads.
---@param op table declaration
---@return boolean
function M.reads(op)
  return op.http ~= nil and op.http.method == "GET"
end

--- The operation, when the orchestrator runs it.
---@param name any
---@return table? op, prov.Err?
function M.operation(name)
  local op = type(name) == "string" and ops.load(name)
  if not op then
    return nil, suggest.unknown("operation", tostring(name), ops.names())
  elseif not op.http or op.where then
    return nil, err.new("unsupported", ("'%s' does not run in the orchestrator"):format(name), {
      hint = ("it runs where the workspace is: prov %s"):format(name),
    })
  end
  return op
end

--- The longest name of a lane as it is; longer ones are hashed, for keys of the store are short.
local LANE_MAX = 200

local function lane_of(op, dir)
  if not dir then
    return "-"
  end
  local name = #dir <= LANE_MAX and dir or require("core.crypto").sha256(dir)
  return (M.exclusive(op) and "x:" or "s:") .. name
end

--- How many jobs of a lane may run at once; 0: any number.
---@param lane string
---@return integer
function M.lane_limit(lane)
  return lane:sub(1, 2) == "x:" and 1 or 0
end

local FRESH_MS = 1000
local known = {} -- what was asked for -> { at, dir, name }

--- The folder and the name of a workspace; what was found is believed for a second.
local function find_workspace(wanted)
  local one, now = known[wanted], clock.monotonic()
  if one and now - one.at < FRESH_MS then
    return one.dir, one.name
  end
  local dir, e = workspaces.find(wanted)
  local workspace
  if dir then
    workspace, e = workspaces.open_dir(dir)
  end
  if not workspace then
    return nil, e
  end
  if next(known) and now - select(2, next(known)).at > FRESH_MS then
    known = {}
  end
  known[wanted] = { at = now, dir = dir, name = workspace.name }
  return dir, workspace.name
end

--- The flags and the name of the workspace a request is for.
local function place_of(wanted)
  local flags = {
    output = wanted.output or "json",
    quiet = wanted.quiet,
    verbose = wanted.verbose,
    yes = wanted.yes,
  }
  if flags.yes == nil then
    flags.yes = not wanted.interactive
  end
  if not wanted.workspace then
    return flags
  end
  local dir, name = find_workspace(wanted.workspace)
  if not dir then
    return nil, name
  end
  flags.workspace = dir
  return flags, name
end

local function files_of(op, files)
  local out
  for name, text in pairs(files or {}) do
    local spec = (op.params or {})[name]
    if not (spec and spec.file == "in") then
      return err.fail("usage", "files.%s: '%s' takes no file there", name, op.name)
    end
    local bytes, e = require("core.base").unbase64(text)
    if not bytes then
      return nil, e:wrap("files.%s", name)
    end
    out = out or {}
    out[name] = bytes
  end
  return out
end

--- Makes a job of a request; what is missing are id, state and times.
---@param request table see M.SCHEMA
---@return prov.Job? job
---@return prov.Err|prov.Err[]?
function M.job(request)
  contract = contract or require("prov.contract").compile(M.SCHEMA)
  local wanted, errs = contract:complete(request)
  if not wanted then
    for i, e in ipairs(errs) do
      errs[i] = err.new("usage", e.msg, { hint = e.hint, keys = e.keys })
    end
    return nil, errs
  end
  local op, e = M.operation(wanted.operation)
  if not op then
    return nil, e
  end
  local params
  params, e = params_of.complete(op, typed(op, wanted.params or {}), true)
  if not params then
    return nil, e
  end
  local flags, name = place_of(wanted)
  if not flags then
    return nil, name
  end
  local files
  files, e = files_of(op, wanted.files)
  if e then
    return nil, e
  end
  return {
    op = op.name,
    params = data.kind(params) == "map" and params or {},
    flags = flags,
    workspace = name,
    lane = lane_of(op, flags.workspace),
    priority = wanted.priority,
    delay = wanted.delay and math.min(wanted.delay, YEAR),
    key = wanted.key,
    attempts = 0,
    max_attempts = wanted.max_attempts,
    interruptions = 0,
    timeout = wanted.timeout and math.max(0.001, math.min(wanted.timeout, YEAR)),
    interactive = wanted.interactive,
    carries_files = wanted.files ~= nil or nil,
    sent = files,
  }
end

return M
