--- A vault that is asked over HTTP: HashiCorp's, OpenBao or `prov serve vault`.

local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")
local uv = require("luv")

local M = {}

local METHOD = { read = "GET", list = "LIST", update = "PUT", delete = "DELETE", patch = "PATCH" }
local CODES = { [400] = "invalid", [403] = "denied", [404] = "notfound", [405] = "unsupported", [413] = "limit",
  [503] = "unavailable" }

local function token()
  local given = uv.os_getenv("VAULT_TOKEN")
  if given and given ~= "" then
    return given
  end
  local text = fs.read((uv.os_homedir() or "") .. "/.vault-token", { max = 4096 })
  return text and text:match("^%s*(%S+)%s*$")
end

local function encoded(path)
  return (path:gsub("[^%w%-._~/]", function(char)
    return ("%%%02X"):format(char:byte())
  end))
end

local function hint_of(code, text)
  if code == "denied" then
    return token() and "the token has ended, or its policies do not allow this path: prov vault token lookup shows them"
      or "the variable VAULT_TOKEN, or the file ~/.vault-token, has the token"
  end
  return text == "Vault is sealed" and "prov vault unseal; a new one: prov vault init" or nil
end

local function failure(response, path)
  local value = json.decode(response.body)
  local said = type(value) == "table" and type(value.errors) == "table" and value.errors or {}
  local code = CODES[response.status] or "failed"
  local text = said[1] or response.status == 404 and ("there is nothing at '%s'"):format(path)
    or ("the vault answered with status %d"):format(response.status)
  return nil, err.new(code, (tostring(text):gsub("^1 error occurred:%s*%* ", ""):gsub("%s+$", "")), {
    hint = said[2] or hint_of(code, text),
  })
end

--- Whether what is sent to an address is read by nobody on the way: it is https://, or this machine.
---@param address string
---@return true?
---@return prov.Err? err "invalid"
function M.private(address)
  local host = address:match("^http://%[(.-)%]") or address:match("^http://([^:/]*)")
  if host and not (host == "localhost" or host:find("^127%.%d+%.%d+%.%d+$") or host == "::1") then
    return nil, err.new("invalid", "keys would go to " .. address .. " in clear", { hint = "https:// instead" })
  end
  return true
end

--- Asks a server. The token is VAULT_TOKEN's, or that of ~/.vault-token, where `vault login` puts it.
---@async
---@param address string https://vault.example:8200
---@param asked prov.vault.Asked
---@return table? answer as HTTP has it: data, auth, wrap_info, ...
---@return prov.Err? err "notfound", "denied", "unavailable", ...
function M.ask(address, asked)
  local headers = { ["x-vault-request"] = "true", ["x-vault-token"] = token() }
  if asked.wrap_ttl then
    headers["x-vault-wrap-ttl"] = tostring(asked.wrap_ttl)
  end
  local body
  local query = ""
  if asked.op == "read" and asked.data then
    local parts = {}
    for key, value in pairs(asked.data) do
      parts[#parts + 1] = encoded(key) .. "=" .. encoded(tostring(value))
    end
    query = #parts > 0 and "?" .. table.concat(parts, "&") or ""
  elseif asked.data then
    local e
    body, e = json.encode(asked.data)
    if not body then
      return nil, e:wrap("what is given to '%s'", asked.path)
    end
    headers["content-type"] = asked.op == "patch" and "application/merge-patch+json" or "application/json"
  end
  local response, e = require("prov.http").request({
    url = ("%s/v1/%s%s"):format(address:gsub("/+$", ""), encoded(asked.path), query),
    method = METHOD[asked.op], headers = headers, body = body, repeatable = asked.op == "read" or asked.op == "list",
  })
  if not response then
    return nil, e:wrap("ask the vault at %s", address)
  elseif response.status == 204 or response.body == "" and response.status < 300 then
    return {}
  end
  local value = response.body ~= "" and json.decode(response.body)
  if response.status >= 300 and not (type(value) == "table" and not value.errors) then
    return failure(response, asked.path)
  end
  return type(value) == "table" and value or { data = response.body }
end

return M
