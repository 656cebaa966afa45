--- KMIP 2.1 in JSON over HTTP, as Cosmian's KMS has it: one operation is posted without a message around it, and what
--- is refused is told by the status and a text.

local err = require("prov.err")
local http = require("prov.http")
local json = require("prov.kmip.json")
local message = require("prov.kmip.message")
local tree = require("prov.kmip.tree")

local M = {}

--- Where requests go, below the URL of the server.
M.PATH = "/kmip/2_1"

local VERSION = { 2, 1 }

---@class prov.kmip.Http: prov.kmip.Transport
local Http = {}
Http.__index = Http

--- A transport.
---@param options { url: string, token: string?, ca: string?, cert: string?, key: string?, verify: boolean?,
--- timeout: integer? } token: a JWT, or the API token of the server
---@return prov.kmip.Http
function M.new(options)
  return setmetatable({ options = options }, Http)
end

-- Of "Item_Not_Found: ..." and "Item not found: ..." what the standard calls it.
local function reason_of(text)
  local name = text:match("^([%a_ ]+):")
  local reason = name and name:gsub("[ _](%a)", string.upper):gsub("^%l", string.upper):gsub("[ _]", "")
  return reason and tree.enum_number("ResultReason", reason) and reason or nil
end

-- What a status that is not 200 means, when its text does not say.
local REASONS = { [401] = "AuthenticationNotSuccessful", [403] = "PermissionDenied" }

local function refused(operation, response)
  local text = response.body:sub(1, 500)
  if response.status >= 500 or response.status == 429 then
    return err.new("unavailable", ("the KMS answers %s with status %d: %s"):format(operation, response.status,
      (text:gsub("%c", " "))))
  elseif response.status == 404 then
    return err.new("protocol", ("there is no %s at this server: it is none of Cosmian's KMS"):format(M.PATH))
  end
  return message.refusal(operation, REASONS[response.status] or reason_of(text), text)
end

--- Does one operation.
---@async
---@param operation string
---@param payload prov.kmip.Payload
---@param repeatable boolean doing it twice is like doing it once
---@return prov.kmip.Item? payload
---@return prov.Err? err "unknown": it is not repeatable, and its answer did not come in time
function Http:call(operation, payload, repeatable)
  local o = self.options
  local items = type(payload) == "function" and payload(VERSION) or payload
  local body, e = json.encode(tree.structure(operation, items))
  if not body then
    return nil, e
  end
  local response
  response, e = http.request({
    method = "POST",
    url = o.url .. M.PATH,
    headers = { ["Content-Type"] = "application/json", Authorization = o.token and "Bearer " .. o.token },
    body = body,
    repeatable = repeatable,
    max_body = tree.MAX_SIZE,
    ca = o.ca,
    cert = o.cert,
    key = o.key,
    verify = o.verify,
    timeout = o.timeout,
  })
  if not response then
    if e.code == "notfound" then -- the name of the host
      e.code = "unavailable"
    end
    return nil, e.code == "timeout" and not repeatable and message.lost(operation, e) or e
  elseif response.status ~= 200 then
    return nil, refused(operation, response)
  end
  local answer
  answer, e = json.decode(response.body)
  if not answer then
    return nil, e
  elseif answer.tag ~= operation .. "Response" or answer.type ~= "Structure" then
    return err.fail("protocol", "the KMS answers %s with %s", operation, tree.show_tag(answer.tag))
  end
  return answer
end

--- The version of the protocol: always the same.
---@return integer[] version
function Http.agree()
  return VERSION
end

--- Nothing to end: connections belong to the HTTP client.
function Http.close() end

return M
