--- Serves one cloud of a simulator over HTTP: finds the operation, authenticates, limits the rate, applies faults, runs
-- the operation on the world, and keeps a log of calls. What is sent and how it looks is the face's affair.

local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local faults_of = require("prov.simulate.faults")
local http_server = require("prov.http_server")
local log = require("prov.log")

local M = {}

--- What a handler of an operation gets.
---@class prov.simulate.Call
---@field w prov.simulate.Cloud the objects
---@field request prov.http.Incoming
---@field id string 32 hexadecimal digits that name the request
---@field cloud string
---@field method string
---@field path string
---@field operation string its name in the log and in fault scripts
---@field reads boolean it changes nothing
---@field account string whose it is
---@field bucket? string what the limit of rate is of, when not of the account; set by allow
---@field params table<string, string> values of the path
---@field query table<string, string[]>
---@field body any decoded
---@field rate? { limit: integer, remaining: integer, reset: integer } reset: world seconds since 1970 when it is full
---@field fails? { code: string?, message: string? } what the operation begins is to fail (fault "failed_action")
---@field url string of the service, as the client named it: http://127.0.0.1:9601

--- The wire form of a cloud: lua/prov/simulate/<cloud>/init.lua. Errors are prov.err; `wire` in one says how it looks:
-- `{ status, code, details? }`. Those of the world have none: "notfound", "exists", "limit", "conflict", "invalid".
---@class prov.simulate.Face
---@field name string
---@field title string for people
---@field port integer where it listens by default
---@field kinds table<string, prov.simulate.Kind>
---@field setup fun(w: prov.simulate.Cloud) fills plans, zones, images of a new world
---@field rate? { limit: integer, per_second: number } token bucket of an account
---@field faults table<string, { status: integer, code: string, message: string }> for rate_limit, unavailable, locked
---@field max_body? integer bytes
---@field resolve fun(call: prov.simulate.Call): (fun(call: prov.simulate.Call): integer?, any)?, prov.Err? sets
--- operation, reads, params, query and body of the call; gives the handler, which returns a status and a value
---@field allow fun(call: prov.simulate.Call, secret: string?): string?, prov.Err? who it is; `secret`: the only one
--- allowed
---@field answer fun(call: prov.simulate.Call, status: integer, value: any): integer, table, string status, headers and
--- body
---@field refuse fun(call: prov.simulate.Call, e: prov.Err): integer, table, string
---@field machine? prov.simulate.MachineForm what its servers are as real ones
---@field environment fun(url: string): { [1]: string, [2]: string }[] what clients need, in order

---@class prov.simulate.ServiceOptions
---@field host? string
---@field port? integer 0: a free one
---@field latency? integer milliseconds until a request is looked at
---@field age? integer milliseconds reads are behind (eventual consistency)
---@field rate? integer requests an hour instead of the cloud's; 0: no limit
---@field secret? string the token, password or secret key; by default any

local CALL_BODY = 16384 -- bytes of a request that the log keeps

---@class prov.simulate.Service
---@field port integer
---@field face prov.simulate.Face
local Service = {}
Service.__index = Service

--- Takes a request from the account's bucket; false when it is empty.
local function take(self, call)
  local rate = self.rate
  if not rate then
    return true
  end
  local now = self.world:now()
  local bucket = self.buckets[call.bucket or call.account] or { level = rate.limit, at = now }
  self.buckets[call.bucket or call.account] = bucket
  bucket.level = math.min(rate.limit, bucket.level + math.max(0, now - bucket.at) / 1000 * rate.per_second)
  bucket.at = now
  local taken = bucket.level >= 1
  if taken then
    bucket.level = bucket.level - 1
  end
  call.rate = {
    limit = rate.limit,
    remaining = math.floor(bucket.level),
    reset = now // 1000 + math.ceil((rate.limit - bucket.level) / rate.per_second),
  }
  return taken
end

--- The cloud's error for a fault, or for a limit of rate.
local function fault_error(self, kind, fault)
  local form = kind == "refuse" and { status = 500, code = "error", message = "refused by a fault script" }
    or self.face.faults[kind]
  return err.new("unavailable", fault.message or form.message, {
    wire = { status = fault.status or form.status, code = fault.code or form.code },
    retry_after = fault.retry_after and math.ceil(fault.retry_after),
  })
end

--- Runs the operation, as the fault says.
local function run(self, call, handler, fault)
  local kind = fault and fault.fault
  local age = self.age
  if kind == "stale" and call.reads then
    age = math.floor((fault.age or 5) * 1000)
  elseif kind == "failed_action" then
    call.fails = { code = fault.code, message = fault.message }
  end
  local opts = {
    age = age,
    writes = not call.reads,
    slower = kind == "slow_action" and math.floor((fault.by or 30) * 1000) or nil,
  }
  local function once()
    return self.world:transact(function()
      return handler(call)
    end, opts)
  end
  if kind == "duplicate" then
    once()
  end
  return once()
end

--- What is done with a request: status and value, or nil and the error.
local function perform(self, call, fault, handler, e)
  local account, why = self.face.allow(call, self.secret)
  if not account then
    return nil, why
  end
  call.account = account
  if not take(self, call) then
    return nil, fault_error(self, "rate_limit", {})
  elseif fault and not faults_of.KINDS[fault.fault].effect then
    return nil, fault_error(self, fault.fault, fault)
  elseif not handler then
    return nil, e
  end
  return run(self, call, handler, fault)
end

local function written(call, request, status, fault, started)
  return {
    cloud = call.cloud,
    id = call.id,
    method = request.method,
    target = request.target,
    operation = call.operation,
    status = status,
    fault = fault and fault.fault,
    ms = math.floor((clock.monotonic() - started) * 10) / 10,
    at = clock.wall(),
    body = request.body ~= "" and utf8.len(request.body) and request.body:sub(1, CALL_BODY) or nil,
  }
end

local function send(request, fault, status, headers, body)
  local kind = fault and fault.fault
  if kind == "lost_answer" then
    return request:abort()
  elseif kind ~= "truncated" then
    return request:respond(status, headers, body)
  end
  local stream, e = request:stream(status, headers)
  if not stream then
    return nil, e
  end
  stream:write(body:sub(1, fault.keep or 20))
  return request:abort()
end

local function handle(self, request)
  local started = clock.monotonic()
  local face = self.face
  local call = {
    w = self.cloud,
    request = request,
    id = clock.random_hex(16),
    cloud = face.name,
    method = request.method,
    path = request.path,
    operation = "unknown",
    account = "",
    params = {},
    query = {},
    url = "http://" .. request.host,
  }
  if self.latency > 0 then
    async.sleep(self.latency)
  end
  local handler, e = face.resolve(call)
  local fault = self.sim:fault(call)
  if fault and fault.fault == "lost_request" then
    self.sim:log(written(call, request, nil, fault, started))
    return request:abort()
  end
  local status, value = perform(self, call, fault, handler, e)
  local headers, body
  if status then
    status, headers, body = face.answer(call, status, value)
  else
    if value.code == "bug" then
      log.error("a simulated operation failed", {
        operation = call.operation, error = value.data and value.data.traceback or value.msg,
      })
    end
    status, headers, body = face.refuse(call, value)
    headers["Retry-After"] = value.retry_after
  end
  if fault and fault.fault == "delay" then
    async.sleep(math.floor((fault.by or 30) * 1000))
  end
  self.sim:log(written(call, request, status, fault, started))
  return send(request, fault, status, headers, body)
end

--- Listens. The service belongs to the running task.
---@async
---@param sim prov.Simulator
---@param face prov.simulate.Face
---@param opts prov.simulate.ServiceOptions
---@return prov.simulate.Service?, prov.Err?
function M.open(sim, face, opts)
  local cloud, e = sim.world:add_cloud(face.name, face.kinds, face.setup)
  if not cloud then
    return nil, e
  end
  local self = setmetatable({
    sim = sim,
    world = sim.world,
    face = face,
    cloud = cloud,
    latency = opts.latency or 0,
    age = opts.age or 0,
    secret = opts.secret,
    rate = face.rate,
    buckets = {},
  }, Service)
  if opts.rate then
    self.rate = opts.rate > 0 and { limit = opts.rate, per_second = opts.rate / 3600 } or nil
  end
  self.server, e = http_server.listen({
    host = opts.host,
    port = opts.port,
    limits = { body_bytes = face.max_body, per_address = 1024 },
  }, function(request)
    return handle(self, request)
  end)
  if not self.server then
    return nil, e
  end
  self.port = self.server.port
  return self
end

--- Ends what runs and stops listening.
---@async
function Service:close()
  self.server:drain(1000)
end

return M
