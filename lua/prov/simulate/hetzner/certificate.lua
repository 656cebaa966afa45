--- What a certificate in PEM says of itself: its names and how long it is valid (X.509 in DER, as far as needed).

local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")

local M = {}

local SAN = "\x55\x1d\x11" -- id-ce-subjectAltName
local COMMON_NAME = "\x55\x04\x03"

--- The element at a place: tag, content, and where the next one begins.
local function element(der, at)
  local tag, length = der:byte(at, at + 1)
  if not length then
    return nil
  end
  at = at + 2
  if length > 127 then
    local n = length & 127
    if n == 0 or n > 4 or at + n > #der then
      return nil
    end
    length = string.unpack(">I" .. n, der, at)
    at = at + n
  end
  if at + length - 1 > #der then
    return nil
  end
  return tag, der:sub(at, at + length - 1), at + length
end

local function children(der)
  local out, at = {}, 1
  while at <= #der do
    local tag, content, following = element(der, at)
    if not tag then
      return nil
    end
    out[#out + 1] = { tag = tag, content = content }
    at = following
  end
  return out
end

--- UTCTime or GeneralizedTime as the API writes times.
local function time_of(part)
  local text = part.tag == 0x17 and (tonumber(part.content:sub(1, 2)) < 50 and "20" or "19") .. part.content
    or part.content
  local y, mo, d, h, mi, s = text:match("^(%d%d%d%d)(%d%d)(%d%d)(%d%d)(%d%d)(%d%d)Z$")
  return y and ("%s-%s-%sT%s:%s:%s+00:00"):format(y, mo, d, h, mi, s)
end

local function names_of(tbs)
  local names = data.list({})
  local extensions = tbs[#tbs].tag == 0xa3 and children(tbs[#tbs].content)
  for _, extension in ipairs(extensions and children(extensions[1].content) or {}) do
    local parts = children(extension.content)
    if parts and parts[1].content == SAN then
      local list = children(parts[#parts].content)
      for _, name in ipairs(list and children(list[1].content) or {}) do
        if name.tag == 0x82 then -- dNSName
          names[#names + 1] = name.content
        end
      end
    end
  end
  for _, set in ipairs(names[1] and {} or children(tbs[6].content) or {}) do
    local pair = children((children(set.content) or {})[1].content)
    if pair and pair[1].content == COMMON_NAME then
      names[1] = pair[2].content
    end
  end
  return names
end

local function read(der)
  local _, whole = element(der, 1)
  local tbs = children(children(whole)[1].content)
  if tbs[1].tag ~= 0xa0 then -- version 1 says no version
    table.insert(tbs, 1, { tag = 0xa0, content = "" })
  end
  local valid = children(tbs[5].content)
  return { from = time_of(valid[1]), to = time_of(valid[2]), names = names_of(tbs) }
end

--- Reads a certificate; nil when it is none.
---@param pem string
---@return { from: string, to: string, names: string[], fingerprint: string }?
function M.read(pem)
  local text = pem:match("%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-(.-)%-%-%-%-%-END CERTIFICATE%-%-%-%-%-")
  local der = text and base.unbase64((text:gsub("%s", "")))
  if not der then
    return nil
  end
  local ok, found = pcall(read, der) -- what is missing raises
  if not ok or not found.from or not found.to then
    return nil
  end
  found.fingerprint = crypto.sha256(der):gsub("%x%x", "%0:"):sub(1, -2)
  return found
end

return M
