--- A KMS that speaks binary KMIP over TLS (OASIS KMIP 1.2 to 2.1): `kmip:HOST[:PORT]/KEY`, where KEY is the name of a
--- key, or its identifier.

local backend = require("prov.kmip.backend")
local client = require("prov.kmip.client")
local custody = require("prov.kmip.custody")
local err = require("prov.err")
local message = require("prov.kmip.message")
local settings = require("prov.settings")
local wire = require("prov.kmip.wire")

local M = {}

-- The server shall choose the nonce, and how long the tag is.
local GCM = { message.item("RandomIV", "Boolean", true), message.item("TagLength", "Integer", 16) }

-- Milliseconds for a request: before the time of the whole call is over, so that who asks hears what it was.
local function time_of(opts)
  local all = opts.timeout or settings.ms(settings.kms.timeout)
  return all - all // 10
end

--- Opens the backend; asks nothing yet. Behind ? may stand: ca, a file of the certificates that are trusted; cert and
--- key, files of the client certificate, by which servers of KMIP know who asks (else http.ca, http.cert and http.key
--- of the settings); version of the protocol (else the server is asked).
---@param place prov.kms.Place
---@param opts { timeout: integer? }
---@return prov.kmip.Backend?
---@return prov.Err? err "invalid"
function M.new(place, opts)
  local query = place.query
  local where, key = place.body:match("^/?/?([^/]+)/(.+)$")
  local host, port
  if where then
    host, port = where:match("^%[?([^%]]-)%]?:(%d+)$")
    host = host or where:match("^%[?([^%]]-)%]?$")
    port = math.tointeger(tonumber(port or wire.PORT))
  end
  if not host or host == "" or port < 1 or port > 65535 then
    return nil, err.new("invalid", "it names no server and key", { hint = "such as kmip:kms.example.com:5696/prov" })
  end
  local version = query.version and message.version(query.version)
  if query.version and not version then
    return err.fail("invalid", "KMIP %s: prov speaks 1.2, 1.3, 1.4 and 2.1", query.version)
  end
  local cert, cert_key = query.cert, query.key
  if not cert then
    cert, cert_key = settings.http.cert, settings.http.key
  end
  local transport = wire.new({
    host = host, port = port, ca = query.ca, cert = cert, key = cert_key, version = version, timeout = time_of(opts),
  })
  return backend.new(custody.new(client.new(transport), { key = key, named = true, parameters = GCM }))
end

return M
