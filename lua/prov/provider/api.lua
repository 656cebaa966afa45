--- A JSON client for the API of a cloud: one place for authentication, rate limits, new tries, errors and secrets.
--
-- A request that failed for a while is tried again here when that is safe: when nothing can have come of it (429, and
-- what the provider calls `safe`), or when doing it twice is like doing it once (GET, PUT, DELETE). What is not safe
-- goes back to the body, and a creation is found by its key before it is tried anew. No error of this client has the
-- code "notfound" unless the provider's own `error` says so: a host name that is gone is not a server that is gone.

local async = require("prov.async")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local http = require("prov.http")
local json = require("prov.json")
local log = require("prov.log")
local settings = require("prov.settings")

local M = {}

---@class prov.ApiOptions
---@field url string in front of every path
---@field headers? table<string, string>|fun(): table<string, string>?, prov.Err? sent with every request
---@field error? fun(status: integer, body: any, response: prov.http.Response): prov.ApiFailure? what an answer of 400
--- and above means; nil: what its status says
---@field request_id? string name of the header that has the cloud's id of a request
---@field hidden? string[] fields of answers that are taken out and never shown
---@field timeout? number seconds for one request

---@class prov.ApiFailure
---@field code? string of prov.err
---@field msg? string the cloud's words
---@field cloud_code? string the cloud's code
---@field hint? string
---@field data? table
---@field safe? boolean nothing has come of the request
---@field patience? number seconds for which it is tried again: something is locked for a while

---@class prov.ApiRequest
---@field method? string GET
---@field path string
---@field query? table<string, any> a list of values repeats the name
---@field body? any a string is sent as it is, anything else as JSON
---@field headers? table<string, string>
---@field patience? number seconds for which something locked is tried again, whatever the failure says; 0: not at all

---@class prov.Api
local Api = {}
Api.__index = Api

local BY_STATUS = {
  [400] = "invalid", [401] = "denied", [403] = "denied", [408] = "unavailable", [409] = "conflict",
  [422] = "invalid", [423] = "unavailable", [425] = "unavailable", [429] = "unavailable",
}
local WITHOUT_ANSWER = {
  notfound = true, unavailable = true, timeout = true, protocol = true, io = true, closed = true,
}
local REPEATABLE = { GET = true, HEAD = true, PUT = true, DELETE = true }
local LEFT_BY_REQUEST = 32 -- KiB of garbage, and four times its answer
local LONGEST_LOOK = 5 -- seconds between two tries of what is locked

local function escape(text)
  return (tostring(text):gsub("[^%w%-._~]", function(char)
    return ("%%%02X"):format(char:byte())
  end))
end

--- "?a=1&b=2&b=3", sorted by name; nothing without fields.
local function query_text(query)
  local parts = {}
  for _, name in ipairs(data.keys(query or {})) do
    local v = query[name]
    for _, one in ipairs(type(v) == "table" and v or { v }) do
      parts[#parts + 1] = escape(name) .. "=" .. escape(one)
    end
  end
  return parts[1] and "?" .. table.concat(parts, "&") or ""
end

--- The value without nulls, which mean absent, and without hidden fields, whose values are registered as secrets.
local function tidy(v, hidden)
  if type(v) ~= "table" then
    return v
  end
  for key, one in next, v do
    if hidden[key] and one ~= json.null then
      if type(one) == "string" then
        log.secret(one)
      end
      v[key] = nil
    elseif one == json.null and type(key) == "string" then
      v[key] = nil
    else
      tidy(one, hidden)
    end
  end
  return v
end

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- Seconds of a Retry-After header: a number, or a date (RFC 9110).
---@param text? string
---@return number?
function M.retry_after(text)
  local seconds = tonumber(text)
  if seconds then
    return math.max(0, seconds)
  end
  local day, month, year, hour, min, sec = (text or ""):match("^%a+, (%d+) (%a+) (%d+) (%d+):(%d+):(%d+) GMT$")
  if not MONTHS[month] then
    return nil
  end
  local at = os.time({
    year = year, month = MONTHS[month], day = day, hour = hour, min = min, sec = sec, isdst = false,
  })
  local now = os.date("!*t", clock.wall() // 1000)
  now.isdst = false
  return math.max(0, at - os.time(now))
end

--- Tells the gate what the headers say of the account's budget.
local function note_limits(gate, headers)
  local limit, left = tonumber(headers["ratelimit-limit"]), tonumber(headers["ratelimit-remaining"])
  local reset = tonumber(headers["ratelimit-reset"])
  if limit and left and reset then
    if reset > 1e9 then -- a date, not a pause
      reset = reset - clock.wall() / 1000
    end
    gate:budget(left, limit, math.max(0, reset) * 1000)
  end
end

--- The error of an answer, with whether it is safe to try again and for how long that is worth it.
local function failure_of(self, request, response, body)
  local status = response.status
  local found = self.options.error and self.options.error(status, body, response) or {}
  local code = found.code or BY_STATUS[status] or status >= 500 and "unavailable" or "failed"
  local id = self.options.request_id and response.headers[self.options.request_id:lower()]
  local words = found.msg or ("the answer was HTTP %d"):format(status)
  local notes = {}
  notes[#notes + 1] = found.cloud_code
  notes[#notes + 1] = id and "request " .. id
  local text = ("%s %s: %s%s"):format(request.method, request.path, words,
    notes[1] and (" (%s)"):format(table.concat(notes, ", ")) or "")
  local details = found.data or {}
  details.status, details.cloud_code, details.request_id = status, found.cloud_code, id
  if code == "unavailable" then
    details.retry_after = details.retry_after or M.retry_after(response.headers["retry-after"])
  end
  local e = err.new(code, log.redact(text), { hint = found.hint and log.redact(found.hint), data = details })
  return e, found.safe or status == 429, found.patience
end

local function headers_of(self, request)
  local headers, own = {}, self.options.headers
  if type(own) == "function" then
    local e
    own, e = own()
    if not own then
      return nil, e
    end
  end
  headers.Accept = "application/json"
  headers["User-Agent"] = "prov/" .. require("core.app").version
  if request.body ~= nil then
    headers["Content-Type"] = "application/json"
  end
  for _, from in ipairs({ own or {}, request.headers or {} }) do
    for name, v in next, from do
      headers[name] = v
    end
  end
  return headers
end

--- Sends once: body and response, or nil, error, whether another try is safe, and seconds of patience.
local function once(self, request)
  local headers, e = headers_of(self, request)
  if not headers then
    return nil, e
  end
  local _ <close> = self.gate:pass()
  local began = clock.monotonic()
  local response
  response, e = http.request({
    method = request.method,
    url = self.options.url .. request.path .. query_text(request.query),
    headers = headers,
    body = request.text,
    timeout = self.options.timeout and settings.ms(self.options.timeout) or nil,
  })
  if not response then
    if not WITHOUT_ANSWER[e.code] then
      return nil, e:wrap("%s %s", request.method, request.path)
    end
    local text = ("%s %s: no answer: %s"):format(request.method, request.path, tostring(e))
    return nil, err.new("unavailable", log.redact(text)), e.code == "notfound"
  end
  if log.enabled("debug") then
    log.debug("a request to a provider", {
      provider = self.name, method = request.method, path = request.path, status = response.status,
      ms = math.floor(clock.monotonic() - began),
    })
  end
  note_limits(self.gate, response.headers)
  local body, bad
  if response.body ~= "" then
    body, bad = json.decode(response.body)
    body = tidy(body, self.hidden)
    -- The collector is slow while an apply runs; here it has time, for the next answers are on their way.
    collectgarbage("step", LEFT_BY_REQUEST + #response.body // 256)
  end
  if response.status >= 400 or response.status < 200 then
    return nil, failure_of(self, request, response, body)
  elseif bad or response.status >= 300 then
    local kind = response.headers["content-type"] or "no type"
    return nil, err.new("unavailable", ("%s %s: the answer (HTTP %d, %s) is not JSON%s"):format(
      request.method, request.path, response.status, kind, bad and ": " .. tostring(bad) or ""))
  end
  return body == nil and {} or body, response
end

--- Milliseconds until the next try, or nil when the request has failed.
local function again(self, request, attempt, began, e, safe, patience)
  if patience then
    self.gate:answered()
    if clock.monotonic() - began < patience * 1000 then
      return math.ceil(math.random() * math.min(LONGEST_LOOK, settings.calls.backoff * 2 ^ attempt) * 1000)
    end
  else
    local ms = self.gate:again(attempt, e)
    if not (safe or REPEATABLE[request.method]) then
      return nil
    elseif ms then
      return ms
    end
  end
  if e.code == "unavailable" then
    e.data = e.data or {}
    e.data.exhausted = true -- whoever called need not begin again
  end
end

--- Sends a request, again where that is safe and of use.
---@async
---@param request prov.ApiRequest
---@return any body what the JSON says; {} without one
---@return prov.http.Response|prov.Err response
function Api:request(request)
  local sent = { method = request.method or "GET" }
  for name, v in next, request do
    sent[name] = v
  end
  if type(sent.body) == "string" then
    sent.text = sent.body
  elseif sent.body ~= nil then
    local text, e = json.encode(sent.body)
    if not text then
      return nil, e
    end
    sent.text = text
  end
  local began = clock.monotonic()
  for attempt = 1, math.huge do
    local body, response, safe, patience = once(self, sent)
    if body ~= nil then
      self.gate:answered()
      return body, response
    end
    local ms = again(self, sent, attempt, began, response, safe, patience and sent.patience or patience)
    if not ms then
      return nil, response
    end
    async.sleep(ms)
  end
end

---@async
function Api:get(path, query)
  return self:request({ path = path, query = query })
end

---@async
function Api:post(path, body)
  return self:request({ method = "POST", path = path, body = body })
end

---@async
function Api:put(path, body)
  return self:request({ method = "PUT", path = path, body = body })
end

---@async
function Api:patch(path, body)
  return self:request({ method = "PATCH", path = path, body = body })
end

---@async
function Api:delete(path, query)
  return self:request({ method = "DELETE", path = path, query = query })
end

--- Makes a client.
---@param options prov.ApiOptions
---@param name string the provider
---@param gate prov.Gate of its account
---@return prov.Api
function M.open(options, name, gate)
  local hidden = {}
  for _, field in ipairs(options.hidden or {}) do
    hidden[field] = true
  end
  return setmetatable({ options = options, name = name, gate = gate, hidden = hidden }, Api)
end

return M
