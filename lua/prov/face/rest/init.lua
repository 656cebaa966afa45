--- The REST face: every operation with a route, over HTTP, beside what a service is expected to have
-- (/health, /ready, /metrics, /openapi.json).
--
-- Operations that only read are run at once and answered with their value. All others become jobs:
-- 202 with the job, or with `Prefer: wait=SECONDS` (RFC 7240) its value when it ends in time.
-- `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) makes repeating a request safe.

local context = require("prov.context")
local err = require("prov.err")
local events = require("prov.face.rest.events")
local http_server = require("prov.http_server")
local input = require("prov.face.rest.input")
local jobs_of = require("prov.orchestrator.jobs")
local json = require("prov.json")
local log = require("prov.log")
local page = require("prov.face.rest.page")
local reply = require("prov.face.rest.reply")
local request_of = require("prov.orchestrator.request")
local routes = require("prov.face.rest.routes")
local service = require("prov.face.rest.service")
local settings = require("prov.settings")

local M = {}

local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true }
local LONGEST_KEY = 200 -- characters of Idempotency-Key

---@class prov.RestFace
---@field orchestrator prov.Orchestrator
---@field routes prov.Routes
---@field token string
local Face = {}
Face.__index = Face

-- ---- Answers ----

local function answer_value(request, text, version, headers)
  local tag = reply.etag(text, version)
  local seen = (request.method == "GET" or request.method == "HEAD") and request.headers["if-none-match"]
  if seen and reply.has_tag(seen, tag) then
    return request:respond(304, { etag = tag })
  end
  headers = headers or {}
  headers.etag = tag
  return reply.json(request, 200, text, headers)
end

local function answer_job(self, request, job)
  local text = json.encode(self.orchestrator.jobs:public(job, true))
  return reply.json(request, 202, text, { location = "/v1/jobs/" .. job.id })
end

--- The seconds a client waits for the end of what it asks for.
local function wait_of(request)
  local prefer = request.headers.prefer
  local seconds = prefer and tonumber((prefer:match("wait%s*=%s*(%d+)")))
  return seconds and math.min(seconds, settings.orchestrator.longest_wait) or 0
end

-- ---- Kinds of operations ----

--- One that runs in the orchestrator itself: about jobs, schedules, the queue.
local function run_here(self, request, op, params, options)
  local ctx <close> = context.new({ workspace = options.workspace, yes = true, output = "json" }, {
    ui = self.ui,
    output = "json",
    orchestrator = self.orchestrator,
    if_match = request.headers["if-match"],
    idempotency_key = request.headers["idempotency-key"],
    last_event_id = request.headers["last-event-id"],
  })
  if op.stream then
    return events.serve(request, function(send, begin)
      ctx.send, ctx.begin = send, begin
      return op.run(ctx, params)
    end)
  end
  local value, e = op.run(ctx, params)
  if value == nil and e ~= nil then
    local status = ctx.if_match and err.is(e) and e.code == "conflict" and e.data and e.data.version and 412 or nil
    return reply.problem(request, e, status)
  end
  if op.http.status == 204 or value == nil then
    return request:respond(204)
  end
  local headers = {}
  if page.wanted(op) then
    value = page.next_page(request, op, params, value, headers)
  end
  local version = type(value) == "table" and math.tointeger(value.version) or nil
  local text = json.encode(value, { sorted = true })
  if op.http.status then
    headers.location = op.http.location and op.http.location:gsub("{(%w+)}", value) or nil
    headers.etag = reply.etag(text, version)
    return reply.json(request, op.http.status, text, headers)
  end
  return answer_value(request, text, version, headers)
end

local function request_for(op, params, options)
  local wanted = { operation = op.name, params = params }
  for name, value in pairs(options) do
    wanted[name] = value
  end
  return wanted
end

--- One that only reads: a worker runs it now.
local function run_call(self, request, op, params, options)
  local done, e = self.orchestrator:call(request_for(op, params, options))
  if not done then
    return reply.problem(request, e)
  elseif done.error then
    return reply.problem(request, err.of_data(json.decode(done.error)))
  end
  return answer_value(request, done.result or "null")
end

--- The status for the error of a job that has ended. 502, 503 and 504 make clients and proxies send a
--- request again by themselves, which would make another job.
local function status_of_job(list)
  local status = reply.STATUS[list[1].code]
  return status and status > 500 and 422 or status
end

--- One that changes something: a job.
local function run_job(self, request, op, params, options)
  local job, e = self.orchestrator:submit(request_for(op, params, options), {
    request = request.headers["idempotency-key"],
  })
  if not job then
    return reply.problem(request, e)
  end
  local seconds = wait_of(request)
  if seconds > 0 then
    job = self.orchestrator:wait(job.id, seconds * 1000) or job
  end
  if seconds > 0 and jobs_of.ENDED[job.state] then
    if job.error then
      local list = err.of_data(json.decode(job.error))
      return reply.problem(request, list, status_of_job(list), { location = "/v1/jobs/" .. job.id })
    elseif job.state == "done" and job.op == op.name then -- not another one that has the same key
      return reply.json(request, 200, job.result or "null", { location = "/v1/jobs/" .. job.id })
    end
  end
  return answer_job(self, request, job)
end

-- ---- Requests ----

local function allowed(self, request)
  if request.peer_uid and request.peer_uid == self.uid then
    return true -- over the Unix socket, the same user
  end
  local given = (request.headers.authorization or ""):match("^[Bb]earer%s+(%S+)%s*$")
  return given ~= nil and require("core.crypto").equal(given, self.token)
end

local function route(self, request)
  local at = service[request.path]
  if at then
    if request.method ~= "GET" and request.method ~= "HEAD" then
      return reply.problem(request, err.new("usage", "only GET works here"), 405, { allow = "GET, HEAD" })
    end
    return at.answer(self, request)
  end
  if not allowed(self, request) then
    return reply.problem(request, err.new("auth", "the token is missing or wrong", {
      hint = "Authorization: Bearer, and what is in the file token of the orchestrator's data folder",
    }))
  end
  local op, values = self.routes:match(request.method, request.path)
  if not op then
    if values then
      return reply.problem(request, err.new("usage", request.method .. " does not work here"), 405, {
        allow = table.concat(values, ", "),
      })
    end
    return reply.problem(request, err.new("notfound", "there is nothing at " .. request.path, {
      hint = "GET /openapi.json tells what there is",
    }))
  end
  request.op = op
  local key = request.headers["idempotency-key"]
  if key and not (key:match("^[!-~]+$") and #key <= LONGEST_KEY) then
    return reply.problem(request, err.new("usage", ("Idempotency-Key must be 1 to %d visible ASCII characters")
      :format(LONGEST_KEY), { header = "idempotency-key" }))
  end
  local params, options, status = input.read(request, op, values)
  if not params then
    return reply.problem(request, options, status)
  elseif op.where then
    return run_here(self, request, op, params, options)
  elseif request_of.reads(op) then
    return run_call(self, request, op, params, options)
  end
  return run_job(self, request, op, params, options)
end

--- Handles one request.
---@async
---@param request prov.http.Incoming
function Face:handle(request)
  local respond = request.respond
  local count = self.orchestrator.metrics
  function request.respond(it, status, ...)
    count:add("prov_http_requests_total", 1, METHODS[request.method] and request.method or "other", status)
    return respond(it, status, ...)
  end
  local ok, raised, e = xpcall(route, function(raised)
    return err.from(raised, not err.is(raised) and debug.traceback(tostring(raised), 2) or nil)
  end, self, request)
  if not ok then
    if raised.code == "bug" then
      log.error("a request failed", { method = request.method, path = request.path,
        error = raised.data and raised.data.traceback or raised.msg })
      raised = err.new("bug", "something went wrong in prov; its log has the details")
    end
    return reply.problem(request, raised)
  end
  return raised, e
end

-- ---- Serving ----

--- What clients may take, by the settings of `rest`.
local function limits()
  return {
    head_bytes = settings.rest.head_size,
    body_bytes = settings.rest.body_size,
    stream_bytes = settings.rest.stream_size,
    connections = settings.rest.connections,
    per_address = settings.rest.connections_per_address,
    head_ms = settings.ms(settings.rest.head_timeout),
    body_ms = settings.ms(settings.rest.body_timeout),
    idle_ms = settings.ms(settings.rest.idle_timeout),
    write_ms = settings.ms(settings.rest.write_timeout),
  }
end

--- Opens the face over an orchestrator. It belongs to the running task.
---@async
---@param o prov.Orchestrator
---@param opts { server: prov.http.ServerOptions, token: string }
---@return prov.RestFace?, prov.Err?
function M.open(o, opts)
  local self = setmetatable({
    orchestrator = o,
    token = opts.token,
    uid = require("luv").getuid(),
    routes = routes.new(),
    ui = service.ui(),
  }, Face)
  local e
  opts.server.limits = limits()
  self.server, e = http_server.listen(opts.server, function(request)
    return self:handle(request)
  end)
  if not self.server then
    return nil, e
  end
  return self
end

--- Takes no more requests, and lets those under way have the rest of the time they may have.
---@async
function Face:drain()
  self.server:drain(settings.ms(settings.rest.drain))
end

--- What `prov serve` runs: everything, until a signal.
---@async
---@param ctx prov.Ctx
---@param p table parameters of the operation
---@return true?, prov.Err?
function M.run(ctx, p)
  return require("prov.face.rest.daemon").run(ctx, p)
end

return M
