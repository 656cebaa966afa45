--- Tells webhooks what becomes of a run: a POST of JSON, signed, tried again a few times.
--
--   X-Prov-Event      the event
--   X-Prov-Delivery   the same for every attempt at one event
--   X-Prov-Signature  "sha256=" and the HMAC-SHA-256 of the body under the secret, in hex

local async = require("prov.async")
local crypto = require("core.crypto")
local err = require("prov.err")
local expr = require("prov.workflow.expr")
local http = require("prov.http")
local json = require("prov.json")
local settings = require("prov.settings")
local value = require("prov.value")

local M = {}


local function wants(one, event)
  for _, name in ipairs(one.on) do
    if name == event then
      return true
    end
  end
  return false
end

local function post(one, body, headers)
  local pause, last = settings.workflow.notify_backoff * 1000, nil
  for attempt = 0, one.retries do
    if attempt > 0 then
      async.sleep(math.floor(pause))
      pause = math.min(pause * 2, settings.workflow.notify_longest_backoff * 1000)
    end
    local response, e = http.request({
      method = "POST", url = one.url, headers = headers, body = body, timeout = math.ceil(one.timeout * 1000),
      max_body = 1 << 20,
    })
    if response and response.status >= 200 and response.status < 300 then
      return true
    end
    last = e or err.new("failed", ("it answered %d"):format(response.status))
    if response and response.status >= 400 and response.status < 500 and response.status ~= 408
      and response.status ~= 429 then
      break -- it will not like it better the next time
    end
  end
  return nil, last
end

--- Delivers an event to the webhooks that want it. What was delivered before is not sent again.
---@async
---@param list table[] `notify` of the workflow
---@param event { event: string, delivery: string, [string]: any }
---@param opts { lookup: function, was_sent: fun(key): boolean, sent: fun(key), warn: fun(text) }
function M.send(list, event, opts)
  for i, one in ipairs(list) do
    local key = ("%s %d"):format(event.delivery, i)
    if wants(one, event.event) and not opts.was_sent(key) then
      local filled, bad = expr.fill(one, opts.lookup)
      local ok, e
      if filled and (filled.url == value.null or filled.url == "") then
        ok = true -- an input that nobody gave: nobody wants to be told
      elseif filled then
        filled = value.reveal(filled)
        local body = json.encode(event)
        local headers = {}
        for name, v in pairs(filled.headers) do
          headers[name] = v
        end
        headers["Content-Type"] = "application/json"
        headers["X-Prov-Event"], headers["X-Prov-Delivery"] = event.event, key:gsub(" ", "/")
        if filled.secret and filled.secret ~= value.null then
          headers["X-Prov-Signature"] = "sha256=" .. crypto.hex(assert(crypto.mac("sha256", filled.secret, body)))
        end
        ok, e = post(filled, body, headers)
      else
        e = err.new("invalid", bad.msg)
      end
      if ok then
        opts.sent(key)
      else
        opts.warn(("nobody was told of '%s' (notify %d): %s"):format(event.event, i, tostring(e)))
      end
    end
  end
end

return M
