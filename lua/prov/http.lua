--- HTTP client: one request at a time per task, any number of tasks.

local app = require("core.app")
local async = require("prov.async")
local lines = require("prov.http_lines")
local net = require("core.net")
local settings = require("prov.settings")

local M = {}

---@class prov.http.Request
---@field url string
---@field method? string GET
---@field headers? table<string, string|string[]>
---@field body? string
---@field timeout? integer ms for everything; http.timeout of the settings
---@field netns? string path of the network namespace to connect from; no proxy there
---@field socket? string path of a Unix socket instead of the URL's host
---@field redirects? integer how many to follow; 0
---@field repeatable? boolean sending it twice is like sending it once; by default true for what RFC 9110 (9.2.2) calls
--- idempotent. Others get a connection of their own: one that was used before may be cut, and libcurl then sends anew
---@field max_body? integer bytes; http.max_body of the settings, no limit with on_data
---@field on_data? fun(bytes: string) takes the body instead of the response
---@field ca? string file of trusted certificates; http.ca of the settings, else the system's
---@field cert? string client certificate (PEM file); http.cert of the settings
---@field key? string its private key (PEM file); http.key of the settings
---@field verify? boolean http.verify of the settings; false accepts any certificate
---@field proxy? boolean false connects by itself, whatever the environment says of proxies

---@class prov.http.Response
---@field status integer
---@field headers table<string, string> names in lower case; repeated ones joined with ", "
---@field cookies string[] the set-cookie headers, which cannot be joined
---@field body string

local IDEMPOTENT = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, TRACE = true }

local function nonempty(text)
  return text ~= "" and text or nil
end

local function parse_headers(text)
  local headers, cookies = {}, {}
  for name, value in text:gmatch("([^:\r\n]+):[ \t]*([^\r\n]*)\r?\n") do
    name = name:lower()
    if name == "set-cookie" then
      cookies[#cookies + 1] = value
    elseif headers[name] then
      headers[name] = headers[name] .. ", " .. value
    else
      headers[name] = value
    end
  end
  return headers, cookies
end

--- Sends a request and waits for the whole response, whatever its status. A cancelled task
-- ends its request.
---@async
---@param options prov.http.Request
---@return prov.http.Response?, prov.Err?
function M.request(options)
  if type(options.url) ~= "string" then
    error("http: url must be a string", 2)
  end
  local o = {}
  for key, value in pairs(options) do
    o[key] = value
  end
  o.headers = lines.of(options.headers)
  o.timeout = options.timeout or settings.ms(settings.http.timeout)
  if options.verify == nil then
    o.verify = settings.http.verify
  end
  if options.repeatable == nil then
    o.repeatable = IDEMPOTENT[options.method or "GET"] or false
  end
  o.ca = options.ca or settings.http.ca
  if not options.cert then
    o.cert, o.key = settings.http.cert, settings.http.key
  end
  o.min_tls = settings.http.min_tls
  o.connect_timeout = settings.ms(settings.http.connect_timeout)
  o.proxy = options.proxy == false and "" or nonempty(settings.http.proxy)
  o.no_proxy = nonempty(settings.http.no_proxy)
  o.user_agent = nonempty(settings.http.user_agent) or "prov/" .. app.version
  o.max_body = options.max_body or not options.on_data and settings.http.max_body or nil
  o.on_data = nil
  local response, e = async.await(function(resume, on_cancel)
    local stopped = false
    local handle, refused = net.http_request(o, function(...)
      if not stopped then
        resume(...)
      end
    end, options.on_data)
    if handle then
      on_cancel(function()
        stopped = true
        handle:cancel()
      end)
    end
    return handle, refused
  end)
  if not response then
    return nil, e
  end
  response.headers, response.cookies = parse_headers(response.headers)
  return response
end

return M
