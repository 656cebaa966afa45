--- Cosmian's (Eviden's) KMS: KMIP 2.1 in JSON over HTTP: `cosmian:https://HOST:9998/KEY`, where KEY is an identifier,
--- the name of a keyset, or tags (`["prov"]`).

local backend = require("prov.kmip.backend")
local client = require("prov.kmip.client")
local custody = require("prov.kmip.custody")
local err = require("prov.err")
local fs = require("prov.fs")
local http = require("prov.kmip.http")

local M = {}

---@class prov.kms.cosmian.Options
---@field token? string a JWT or the API token of the server; the environment variable COSMIAN_KMS_TOKEN
---@field token_file? string a file that has it instead
---@field ca? string file of the certificates that are trusted; http.ca of the settings, else the system's
---@field cert? string client certificate; http.cert of the settings
---@field key? string its key; http.key of the settings
---@field timeout? integer ms for a request

--- Opens the backend. Nothing is connected yet.
---@param address string what stands behind "cosmian:"
---@param options? prov.kms.cosmian.Options
---@return prov.kmip.Backend?
---@return prov.Err? err "invalid"; of the file of the token
function M.new(address, options)
  local o = options or {}
  local url, key = address:match("^(https?://.+)/([^/]+)$")
  if not url then
    return nil, err.new("invalid", ("cosmian:%s is no URL of a server and a KEY"):format(address), {
      hint = "such as cosmian:https://kms.example.com:9998/prov",
    })
  end
  local token = o.token or os.getenv("COSMIAN_KMS_TOKEN")
  if o.token_file then
    local text, e = fs.read(o.token_file)
    if not text then
      return nil, e
    end
    token = text:match("^%s*(.-)%s*$")
  end
  local transport = http.new({
    url = url, token = token, ca = o.ca, cert = o.cert, key = o.key, timeout = o.timeout,
  })
  return backend.new("cosmian", ("Cosmian KMS %s, key '%s'"):format(url, key),
    custody.new(client.new(transport), { key = key }))
end

return M
