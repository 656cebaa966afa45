--- Cosmian's (Eviden's) KMS: KMIP 2.1 in JSON over HTTP: `cosmian:https://HOST:9998/KEY`, where KEY is an identifier,
--- the name of a keyset, or tags (`["prov"]`).

local backend = require("prov.kmip.backend")
local client = require("prov.kmip.client")
local custody = require("prov.kmip.custody")
local err = require("prov.err")
local fs = require("prov.fs")
local http = require("prov.kmip.http")
local settings = require("prov.settings")

local M = {}

--- Opens the backend; asks nothing yet. Behind ? may stand: token_file, with a JWT or the API token of the server (else
--- the environment variable COSMIAN_KMS_TOKEN); ca, cert and key as of kmip.
---@async
---@param place prov.kms.Place
---@param opts { timeout: integer?, env: (fun(name: string): string?)? }
---@return prov.kmip.Backend?
---@return prov.Err? err "invalid"; of the file of the token
function M.new(place, opts)
  local query = place.query
  local url, key = place.body:match("^(https?://.+)/([^/]+)$")
  if not url then
    return nil, err.new("invalid", "it names no server and key", {
      hint = "such as cosmian:https://kms.example.com:9998/prov",
    })
  end
  local host = (url .. "/"):match("^http://%[?([^%]/]-)%]?:?%d*/")
  if url:find("^http:") and not (host == "localhost" or host == "::1" or (host or ""):find("^127%.")) then
    return nil, err.new("invalid", "keys would go to " .. url .. " in clear", { hint = "https:// instead" })
  end
  local token = (opts.env or os.getenv)("COSMIAN_KMS_TOKEN")
  if query.token_file then
    local text, e = fs.read(query.token_file)
    if not text then
      return nil, e
    end
    token = text:match("^%s*(.-)%s*$")
  end
  local all = opts.timeout or settings.ms(settings.kms.timeout)
  local transport = http.new({
    url = url, token = token, ca = query.ca, cert = query.cert, key = query.key, timeout = all - all // 10,
  })
  return backend.new(custody.new(client.new(transport), { key = key }))
end

return M
