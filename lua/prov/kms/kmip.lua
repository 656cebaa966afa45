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

---@class prov.kms.kmip.Options
---@field ca? string file of the certificates that are trusted; http.ca of the settings, else the system's
---@field cert? string client certificate, by which servers of KMIP know who asks; http.cert of the settings
---@field key? string its key, when it is not in the same file; http.key of the settings
---@field version? string of the protocol, such as 1.4; the server is asked
---@field timeout? integer ms for a request

--- Opens the backend. Nothing is connected yet.
---@param address string what stands behind "kmip:"
---@param options? prov.kms.kmip.Options
---@return prov.kmip.Backend?
---@return prov.Err? err "invalid"
function M.new(address, options)
  local o = options or {}
  local place, key = address:match("^/?/?([^/]+)/(.+)$")
  local host, port
  if place then
    host, port = place:match("^%[?([^%]]-)%]?:(%d+)$")
    host = host or place:match("^%[?([^%]]-)%]?$")
    port = math.tointeger(tonumber(port or wire.PORT))
  end
  if not host or host == "" or port < 1 or port > 65535 then
    return nil, err.new("invalid", ("kmip:%s is no HOST[:PORT]/KEY"):format(address), {
      hint = "such as kmip:kms.example.com:5696/prov",
    })
  end
  local version = o.version and message.version(o.version)
  if o.version and not version then
    return err.fail("invalid", "KMIP %s: prov speaks 1.2, 1.3, 1.4 and 2.1", o.version)
  end
  local cert, cert_key = o.cert, o.key
  if not cert then
    cert, cert_key = settings.http.cert, settings.http.key
  end
  local transport = wire.new({
    host = host, port = port, ca = o.ca, cert = cert, key = cert_key, version = version, timeout = o.timeout,
  })
  return backend.new("kmip", ("KMIP server %s port %d, key '%s'"):format(host, port, key),
    custody.new(client.new(transport), { key = key, named = true, parameters = GCM }))
end

return M
