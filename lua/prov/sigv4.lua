--- Signatures of AWS, version 4 (AWS4-HMAC-SHA256): makes them for requests, as headers or in the query of a
-- URL, and checks those of others. Pure: the time comes with the call.
--
-- Who signs says what is signed. Everything here is as the service sees it: the path as it is in the request
-- line, the headers that are sent.

local crypto = require("core.crypto")
local err = require("prov.err")
local timestamp = require("prov.timestamp")

local M = {}

local ALGORITHM = "AWS4-HMAC-SHA256"
local MAX_SKEW = 15 * 60
local MAX_EXPIRES = 7 * 24 * 3600

--- Headers that proxies and clients change on the way, or that cannot be known.
local UNSIGNED = {
  authorization = true, connection = true, expect = true, ["transfer-encoding"] = true, ["user-agent"] = true,
  ["x-amzn-trace-id"] = true,
}

---@class prov.sigv4.Credentials
---@field access_key string
---@field secret_key string
---@field token? string of temporary credentials

---@class prov.sigv4.Request
---@field method string
---@field url string whole, or the path with its query when the headers say the host
---@field headers? table<string, string|string[]>
---@field body? string

---@class prov.sigv4.Scope
---@field credentials prov.sigv4.Credentials
---@field region string us-east-1
---@field service string ec2
---@field time integer seconds since 1970
---@field normalize? boolean false leaves dots and double slashes in the path (S3); true
---@field double? boolean false takes the escapes of the path as they are (S3); true escapes them again
---@field content_hash? boolean sends the body's hash as x-amz-content-sha256, as S3 wants it
---@field token_unsigned? boolean sends the token without signing it

--- Escapes all but what RFC 3986 calls unreserved.
---@param text string
---@return string
function M.escape(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

--- The path with "." and ".." followed and slashes not doubled.
local function normal(path)
  local out = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      out[#out] = nil
    elseif part ~= "." then
      out[#out + 1] = part
    end
  end
  local text = "/" .. table.concat(out, "/")
  return #out > 0 and path:find("/%.?%.?$") and text .. "/" or text
end

local function canonical_path(path, scope)
  path = path == "" and "/" or path
  if scope.normalize ~= false then
    path = normal(path)
  end
  if scope.double == false then
    path = unescape(path)
  end
  return (path:gsub("[^/]+", M.escape))
end

--- The query as { { name, value }, ... }, escapes resolved.
local function pairs_of(query)
  local out = {}
  for part in query:gmatch("[^&]+") do
    local name, text = part:match("^([^=]*)=(.*)$")
    out[#out + 1] = { unescape(name or part), unescape(text or "") }
  end
  return out
end

local function canonical_query(list)
  local out = {}
  for i, pair in ipairs(list) do
    out[i] = { M.escape(pair[1]), M.escape(pair[2]) }
  end
  table.sort(out, function(a, b)
    if a[1] ~= b[1] then
      return a[1] < b[1]
    end
    return a[2] < b[2]
  end)
  for i, pair in ipairs(out) do
    out[i] = pair[1] .. "=" .. pair[2]
  end
  return table.concat(out, "&")
end

--- Headers by their names in lower case, each as one text.
local function folded(headers)
  local out = {}
  for name, text in pairs(headers) do
    local list = {}
    for i, one in ipairs(type(text) == "table" and text or { text }) do
      list[i] = tostring(one):gsub("%s+", " "):match("^ ?(.-) ?$")
    end
    out[name:lower()] = table.concat(list, ",")
  end
  return out
end

--- The names to sign, sorted.
local function names_of(headers)
  local names = {}
  for name in pairs(headers) do
    if not UNSIGNED[name] then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

--- Method, path, query, host of a request.
local function parts_of(url)
  local host, rest = url:match("^%a+://([^/?#]+)([^#]*)")
  rest = rest or url:match("^[^#]*")
  local path, query = rest:match("^([^?]*)%??(.*)$")
  return path, query, host and host:match("[^@]*$")
end

--- What is hashed into the string to sign.
local function canonical(method, path, query, headers, names, hash)
  local lines = { method, path, query }
  for _, name in ipairs(names) do
    lines[#lines + 1] = name .. ":" .. (headers[name] or "")
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = table.concat(names, ";")
  lines[#lines + 1] = hash
  return table.concat(lines, "\n")
end

local function string_to_sign(text, date, where)
  return table.concat({ ALGORITHM, date, where, assert(crypto.sha256(text)) }, "\n")
end

--- The signature of a text under a secret key, for a scope such as 20150830/us-east-1/ec2/aws4_request.
local function signature(secret, where, text)
  local key = "AWS4" .. secret
  for part in where:gmatch("[^/]+") do
    key = assert(crypto.mac("sha256", key, part))
  end
  return crypto.hex(assert(crypto.mac("sha256", key, text)))
end

local function host_of(host, url)
  return host and host:gsub(url:find("^https:") and ":443$" or ":80$", "")
end

local function scope_text(scope, date)
  return ("%s/%s/%s/aws4_request"):format(date:sub(1, 8), scope.region, scope.service)
end

---@class prov.sigv4.Made
---@field headers table<string, string> what is added to the request
---@field canonical string the canonical request
---@field string_to_sign string
---@field signature string
---@field url? string the URL with its signature in the query

--- Signs a request by headers: gives those to add to it.
---@param request prov.sigv4.Request
---@param scope prov.sigv4.Scope
---@return prov.sigv4.Made
function M.sign(request, scope)
  local credentials, date = scope.credentials, timestamp.compact(scope.time)
  local path, query, host = parts_of(request.url)
  local headers = folded(request.headers or {})
  local hash = assert(crypto.sha256(request.body or ""))
  local added = { ["X-Amz-Date"] = date, ["X-Amz-Security-Token"] = credentials.token }
  headers.host = headers.host or host_of(host, request.url)
  headers["x-amz-date"] = date
  headers["x-amz-security-token"] = not scope.token_unsigned and credentials.token or nil
  if scope.content_hash then
    added["X-Amz-Content-Sha256"], headers["x-amz-content-sha256"] = hash, hash
  end
  local names, where = names_of(headers), scope_text(scope, date)
  local made = { headers = added }
  made.canonical = canonical(request.method, canonical_path(path, scope), canonical_query(pairs_of(query)), headers,
    names, hash)
  made.string_to_sign = string_to_sign(made.canonical, date, where)
  made.signature = signature(credentials.secret_key, where, made.string_to_sign)
  added.Authorization = ("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s"):format(ALGORITHM,
    credentials.access_key, where, table.concat(names, ";"), made.signature)
  return made
end

--- Signs a request in its URL, for who has no way to send headers: `url` of the result is good for `expires`
--- seconds.
---@param request prov.sigv4.Request
---@param scope prov.sigv4.Scope
---@param expires integer
---@return prov.sigv4.Made
function M.presign(request, scope, expires)
  local credentials, date = scope.credentials, timestamp.compact(scope.time)
  local path, query, host = parts_of(request.url)
  local headers, where = folded(request.headers or {}), scope_text(scope, date)
  headers.host = headers.host or host_of(host, request.url)
  local names = names_of(headers)
  local added = {
    { "X-Amz-Algorithm", ALGORITHM },
    { "X-Amz-Credential", credentials.access_key .. "/" .. where },
    { "X-Amz-Date", date },
    { "X-Amz-SignedHeaders", table.concat(names, ";") },
    { "X-Amz-Expires", tostring(expires) },
  }
  local token, list = credentials.token and { "X-Amz-Security-Token", credentials.token }, pairs_of(query)
  if token and not scope.token_unsigned then
    added[#added + 1] = token
  end
  table.move(added, 1, #added, #list + 1, list)
  local hash = scope.service == "s3" and "UNSIGNED-PAYLOAD" or assert(crypto.sha256(request.body or ""))
  local made = { headers = {} }
  made.canonical = canonical(request.method, canonical_path(path, scope), canonical_query(list), headers, names, hash)
  made.string_to_sign = string_to_sign(made.canonical, date, where)
  made.signature = signature(credentials.secret_key, where, made.string_to_sign)
  if token and scope.token_unsigned then
    added[#added + 1] = token
  end
  added[#added + 1] = { "X-Amz-Signature", made.signature }
  local out = { query ~= "" and query or nil }
  for _, pair in ipairs(added) do
    out[#out + 1] = pair[1] .. "=" .. M.escape(pair[2])
  end
  made.url = request.url:match("^[^?#]*") .. "?" .. table.concat(out, "&")
  return made
end

local function refused(code, fmt, ...)
  return nil, err.new("denied", fmt:format(...), { data = { cloud_code = code } })
end

--- What a request says of its signature, from its headers or its query.
local function claim_of(headers, list)
  local query = {}
  for _, pair in ipairs(list) do
    query[pair[1]] = pair[2]
  end
  if query["X-Amz-Signature"] then
    return {
      algorithm = query["X-Amz-Algorithm"], credential = query["X-Amz-Credential"],
      names = query["X-Amz-SignedHeaders"], signature = query["X-Amz-Signature"], date = query["X-Amz-Date"],
      expires = math.tointeger(tonumber(query["X-Amz-Expires"])), token = query["X-Amz-Security-Token"],
      in_query = true,
    }
  end
  local line = headers.authorization
  return line and {
    algorithm = line:match("^(%S+)"), credential = line:match("Credential=([^,%s]+)"),
    names = line:match("SignedHeaders=([^,%s]+)"), signature = line:match("Signature=(%x+)"),
    date = headers["x-amz-date"], token = headers["x-amz-security-token"],
  }
end

local function too_old(claim, at, now)
  if claim.in_query then
    local lasts = claim.expires
    return not lasts or lasts < 1 or lasts > MAX_EXPIRES or now > at + lasts or at > now + MAX_SKEW
  end
  return math.abs(now - at) > MAX_SKEW
end

---@class prov.sigv4.Verify
---@field now integer seconds since 1970
---@field secret_of fun(access_key: string, token?: string): string? nil for a key there is not
---@field region? string the only one that is good
---@field service? string
---@field normalize? boolean as for sign
---@field double? boolean as for sign

--- Checks the signature of a request that came in. Errors are "denied" with AWS's own name in data.cloud_code:
--- MissingAuthenticationToken, IncompleteSignature, InvalidClientTokenId, RequestExpired,
--- SignatureDoesNotMatch.
---@param request prov.sigv4.Request url is the path with its query
---@param opts prov.sigv4.Verify
---@return { access_key: string, region: string, service: string, token: string? }? who
---@return prov.Err?
function M.verify(request, opts)
  local path, query = parts_of(request.url)
  local headers, list = folded(request.headers or {}), pairs_of(query)
  local claim = claim_of(headers, list)
  if not claim then
    return refused("MissingAuthenticationToken", "the request is not signed")
  end
  local at = claim.date and claim.date:match("^%d+T%d+Z$") and timestamp.parse(claim.date)
  local access_key, where = (claim.credential or ""):match("^([^/]+)/(.+)$")
  local day, region, service = (where or ""):match("^(%d+)/([^/]+)/([^/]+)/aws4_request$")
  if claim.algorithm ~= ALGORITHM or not (at and day and claim.names and claim.signature) then
    return refused("IncompleteSignature", "the signature lacks its algorithm, credential, headers, date or itself")
  elseif day ~= claim.date:sub(1, 8) or opts.region and region ~= opts.region
      or opts.service and service ~= opts.service then
    return refused("SignatureDoesNotMatch", "the credential is for %s", where)
  elseif too_old(claim, at, opts.now) then
    return refused("RequestExpired", "the request is of %s", claim.date)
  end
  local secret = opts.secret_of(access_key, claim.token)
  if not secret then
    return refused("InvalidClientTokenId", "there is no access key %s", access_key)
  end
  local names, signed = {}, {}
  for name in claim.names:gmatch("[^;]+") do
    names[#names + 1], signed[name] = name, true
  end
  if not signed.host or not claim.in_query and not signed["x-amz-date"] then
    return refused("SignatureDoesNotMatch", "host and x-amz-date must be signed")
  end
  for i = #list, 1, -1 do
    if list[i][1] == "X-Amz-Signature" then
      table.remove(list, i)
    end
  end
  local hash, body = headers["x-amz-content-sha256"], request.body or ""
  if not hash then
    hash = claim.in_query and service == "s3" and "UNSIGNED-PAYLOAD" or assert(crypto.sha256(body))
  elseif hash ~= "UNSIGNED-PAYLOAD" and hash ~= assert(crypto.sha256(body)) then
    return refused("SignatureDoesNotMatch", "the body is another one than x-amz-content-sha256 says")
  end
  local text = canonical(request.method, canonical_path(path, opts), canonical_query(list), headers, names, hash)
  local right = signature(secret, where, string_to_sign(text, claim.date, where))
  if not crypto.equal(right, claim.signature:lower()) then
    return refused("SignatureDoesNotMatch", "the signature is not that of this request")
  end
  return { access_key = access_key, region = region, service = service, token = claim.token }
end

return M
