--- Commands that an orchestrator runs (`prov --remote URL`, and those about jobs): the same value, messages,
-- questions and exit code as when they run here.

local async = require("prov.async")
local base = require("core.base")
local dirs = require("prov.dirs")
local err = require("prov.err")
local event_stream = require("prov.face.cli.event_stream")
local fs = require("prov.fs")
local http = require("prov.http")
local json = require("prov.json")
local settings = require("prov.settings")
local ui_events = require("prov.ui_events")

local M = {}

local DEFAULT = "http://127.0.0.1:9090"
local NO_TIMEOUT = 20 * 24 * 3600 * 1000

---@class prov.Remote
---@field url string without a slash at its end
---@field socket? string
---@field token? string
---@field ca? string file of certificates that are trusted instead of the machine's
---@field here boolean it runs on this machine
local Remote = {}
Remote.__index = Remote

local function read_line(path)
  local text = fs.read(path)
  return text and text:match("^%s*(%S+)%s*$")
end

--- The orchestrator an address means.
---@param address string a URL, or unix:PATH
---@return prov.Remote?, prov.Err?
function M.open(address)
  local dir = dirs.state() .. "/orchestrator"
  local self = setmetatable({ address = address }, Remote)
  local socket = address:match("^unix:(.+)$")
  if socket then
    self.socket, self.url, self.here = socket, "http://localhost", true
  else
    local host = address:match("^https?://%[?([^/%]]+)%]?")
    if not host then
      return err.fail("usage", "'%s' is no address of an orchestrator: it is http://HOST:PORT or unix:PATH", address)
    end
    host = host:gsub(":%d+$", "")
    self.url = address:gsub("/+$", "")
    self.here = host == "localhost" or host == "::1" or host:match("^127%.") ~= nil
  end
  local ca = os.getenv("PROV_CA")
  self.ca = ca ~= "" and ca or nil
  local token = os.getenv("PROV_TOKEN")
  self.token = token and token ~= "" and token or self.here and read_line(dir .. "/token") or nil
  return self
end

--- The orchestrator of a command, or nil when the command runs here.
---@param ctx prov.Ctx
---@param op table declaration
---@return prov.Remote?, prov.Err?
function M.of(ctx, op)
  local address = ctx.flags.remote or assert(ctx.config:get("remote"))
  if op.where == "orchestrator" then
    if address == "" then
      address = read_line(dirs.state() .. "/orchestrator/address") or DEFAULT
    end
  elseif address == "" then
    return nil
  elseif not op.http then
    if ctx.flags.remote then
      return nil, err.new("unsupported", ("'%s' runs here only"):format(op.name), { hint = "leave --remote out" })
    end
    return nil
  end
  return M.open(address)
end

local function unreachable(self, e)
  if e.code == "auth" then
    return err.new("denied", ("the certificate of %s is not to be trusted"):format(self.address), {
      hint = "PROV_CA names a file (PEM) with it, or with that of who signed it, when this machine knows neither",
      cause = e,
    })
  end
  return err.new("unavailable", ("no orchestrator answers at %s"):format(self.address), {
    hint = self.here and "'prov serve' starts one" or nil,
    cause = e,
  })
end

local function errors_of(response)
  local body = json.decode(response.body)
  local list = type(body) == "table" and type(body.errors) == "table" and err.of_data(body)
  if list and list[1] then
    if list[1].code == "auth" then
      list[1].code = "denied" -- exit code 5, as for everything that is not allowed
      list[1].hint = "PROV_TOKEN is the token: what is in the file token of the orchestrator's data folder"
    end
    return #list == 1 and list[1] or list
  end
  return err.new("protocol", ("the orchestrator answers with status %d"):format(response.status))
end

--- Sends a request; the response when its status is a good one.
---@async
---@return prov.http.Response?, prov.Err|prov.Err[]|nil
function Remote:request(method, path, opts)
  opts = opts or {}
  local headers = opts.headers or {}
  headers.authorization = self.token and "Bearer " .. self.token or nil
  headers["content-type"] = opts.body and "application/json" or nil
  local response, e = http.request({
    url = self.url .. path,
    socket = self.socket,
    ca = self.ca,
    method = method,
    headers = headers,
    body = opts.body and json.encode(opts.body),
    timeout = opts.timeout or NO_TIMEOUT,
    on_data = opts.on_data,
  })
  if not response then
    return nil, unreachable(self, e), e.code ~= "auth"
  elseif response.status >= 300 then
    if opts.on_data then
      response.body = opts.collected()
    end
    return nil, errors_of(response)
  end
  return response
end

-- ---- Streams of events ----

--- Takes a text/event-stream apart as it comes.
--- Asks for a stream; its events come out of the queue, then { over = true, ... }.
local function open_stream(self, method, path, opts)
  local events, seen = async.queue(), {}
  opts.headers = opts.headers or {}
  opts.headers.accept = "text/event-stream"
  local parse = event_stream.parser(function(event)
    events:put(event)
  end)
  function opts.on_data(bytes)
    if #seen < 100 then -- only the start of an error matters
      seen[#seen + 1] = bytes
    end
    parse(bytes)
  end
  function opts.collected()
    return table.concat(seen)
  end
  async.spawn(function()
    local response, e, lost = self:request(method, path, opts)
    events:put({ over = true, ok = response ~= nil, err = e, lost = lost })
  end)
  return events
end

-- ---- Operations the orchestrator's workers run ----

--- The workspace to ask for: on this machine its folder, elsewhere its name.
local function workspace_for(self, ctx)
  local workspaces = require("prov.workspace")
  local env = ctx.flags.env
  local dir, e = workspaces.find(ctx.flags.workspace, env)
  if not dir then
    if (ctx.flags.workspace or env) and self.here then
      error(e, 0)
    end
    return ctx.flags.workspace and ctx.flags.workspace .. (env and "@" .. env or "")
  elseif self.here then
    return dir
  end
  local workspace = workspaces.open_dir(dir)
  return workspace and workspace.name or ctx.flags.workspace
end

local function files_to_send(op, params)
  local files = {}
  for name, spec in pairs(op.params or {}) do
    if spec.new and params[name] and fs.exists(params[name]) then
      return err.fail("exists", "%s is there already", params[name])
    elseif spec.file == "in" and params[name] then
      local bytes, e = fs.read(params[name])
      if not bytes then
        return nil, e
      end
      files[name] = base.base64(bytes)
    end
  end
  return files
end

local function write_files(params, files)
  for name, text in pairs(files or {}) do
    local ok, e = fs.write_atomic(params[name], base.unbase64(text), { mode = 384 })
    if not ok then
      return nil, e
    end
  end
  return true
end

--- Lets Ctrl-C reach the job.
local function pass_on_interrupts(self, ctx, job)
  local asked = async.queue()
  ctx.cancel.stop = function()
    asked:put({ now = ctx.cancel.killed or false })
  end
  async.spawn(function()
    while true do
      self:request("POST", "/v1/jobs/" .. job .. "/cancel", { body = asked:take() })
    end
  end)
end

local plays = {}

function plays.job(self, ctx, fields, state)
  state.job = fields.id
  pass_on_interrupts(self, ctx, fields.id)
end

function plays.question(self, ctx, fields, state)
  local yes, e = ctx.ui.confirm(fields.msg)
  if not yes and e.code ~= "canceled" then
    self:request("POST", "/v1/jobs/" .. state.job .. "/cancel", { body = { now = true } })
    error(e, 0)
  end
  local answer = { answer = yes and "yes" or "no" }
  self:request("POST", "/v1/jobs/" .. state.job .. "/answer", { body = answer })
end

function plays.output(_, ctx, fields)
  local stream = ctx.ui.stream
  if stream then
    stream[fields.stream](base.unbase64(fields.base64))
  end
end

function plays.result(_, _, fields, state)
  state.result = fields
end

function plays.error(_, _, fields)
  error(err.of_data(fields)[1], 0)
end

--- The job has ended, and its result is to be fetched: the stream was broken before.
function plays.ended(self, _, _, state)
  if not state.broken then
    return
  end
  local response, e = self:request("GET", "/v1/jobs/" .. state.job)
  if not response then
    error(e, 0)
  end
  state.result = json.decode(response.body)
end

local function play(self, ctx, event, state)
  state.last = event.id or state.last
  local fields = json.decode(event.data)
  local known = plays[event.event]
  if known then
    return known(self, ctx, fields, state)
  end
  ui_events.play(ctx.ui, event.event, fields, state)
end

--- Plays a stream to its end; when it breaks, goes on where it was as long as there is patience.
local function play_all(self, ctx, events, state)
  local tries = 0
  while true do
    local event = events:take()
    if not event.over then
      tries = 0
      play(self, ctx, event, state)
    elseif state.result then
      return state.result
    elseif not state.job or not event.ok and not event.lost then
      return nil, event.err or err.new("unavailable", "the orchestrator ended the connection")
    elseif tries >= settings.client.patience then
      return nil, err.new("unavailable", ("the connection is lost; job %s goes on"):format(state.job), {
        hint = "'prov job show " .. state.job .. "' tells what has become of it",
      })
    else
      if not state.broken then
        ctx.ui.warn("the connection is lost; job %s goes on, trying again", state.job)
      end
      state.broken, tries = true, tries + 1
      async.sleep(tries == 1 and 100 or 1000)
      events = open_stream(self, "GET", "/v1/jobs/" .. state.job .. "/events", {
        headers = { ["last-event-id"] = state.last },
      })
    end
  end
end

--- Runs an operation there.
---@async
---@param ctx prov.Ctx
---@param op table declaration
---@param params table
---@return any value
---@return prov.Err|prov.Err[]|nil
function Remote:run(ctx, op, params)
  if ctx.flags.var then
    return nil, err.new("usage", "--var does not travel to an orchestrator", {
      hint = "put the value into a file of environments/, and name that with -e",
    })
  end
  if ctx.flags.config then
    return nil, err.new("usage", "--config does not travel to an orchestrator", {
      hint = "put the setting into a file: prov config set",
    })
  end
  local files, e = files_to_send(op, params)
  if not files then
    return nil, e
  end
  local state = {}
  local result
  result, e = play_all(self, ctx, open_stream(self, "POST", "/v1/calls", {
    body = {
      operation = op.name,
      params = next(params) and params or nil,
      workspace = workspace_for(self, ctx),
      interactive = ctx.interactive or nil,
      yes = ctx.yes or false,
      output = ctx.output,
      quiet = ctx.flags.quiet,
      verbose = ctx.flags.verbose,
      files = files,
    },
  }), state)
  if not result then
    return nil, e
  elseif result.errors then
    local list = err.of_data(result)
    return nil, #list == 1 and list[1] or list
  elseif result.reason and result.result == nil then -- else it is in what the operation gives
    return nil, err.new("unknown", result.reason)
  elseif result.state == "canceled" then
    return nil, err.new("canceled", "the job was cancelled before it began")
  end
  local ok
  ok, e = write_files(params, result.files)
  if not ok then
    return nil, e
  end
  return result.result
end

-- ---- Operations of the orchestrator itself ----

local function escape(text)
  return (text:gsub("[^%w%-._~]", function(char)
    return ("%%%02X"):format(char:byte())
  end))
end

--- Path and query of an operation's route; parameters that went into it are taken out.
local function route_of(op, params)
  local left = {}
  for name, value in pairs(params) do
    left[name] = value
  end
  local path = op.http.path:gsub("{([%w_]+)}", function(name)
    local value = left[name]
    left[name] = nil
    return escape(type(value) == "table" and table.concat(value, ",") or tostring(value))
  end)
  if op.http.method ~= "GET" and op.http.method ~= "DELETE" then
    return path, left
  end
  local query = {}
  for name, value in pairs(left) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      query[#query + 1] = name .. "=" .. escape(tostring(one))
    end
  end
  table.sort(query)
  return path .. (query[1] and "?" .. table.concat(query, "&") or "")
end

--- Asks the orchestrator for one of its own operations.
---@async
---@return any value
---@return prov.Err|prov.Err[]|nil
function Remote:ask(ctx, op, params)
  if (op.params or {}).workspace and not params.workspace then
    params.workspace = workspace_for(self, ctx)
  end
  local path, body = route_of(op, params)
  if op.stream then
    local events = open_stream(self, op.http.method, path, { body = body })
    while true do
      local event = events:take()
      if event.over then
        if event.ok then
          return
        end
        return nil, event.err
      end
      require("prov.face.cli.event_line").write(ctx, event)
    end
  end
  local response, e = self:request(op.http.method, path, { body = body })
  if not response then
    return nil, e
  end
  return response.body ~= "" and json.decode(response.body) or nil
end

return M
