--- Finds what looks like a secret in plain text: known shapes of tokens, and text too random to be words.

local PATTERNS = require("prov.leaks.patterns")

local M = {}

local function times(class, n)
  return class:rep(n)
end

local RUN = times("[%w+=]", 20)

local SHORT_RUN = times("[%w+=_-]", 16)

--- False for text that no shape and no chance can be in, which most texts are.
---@param text string
---@return boolean
function M.may_be(text)
  return text:find(SHORT_RUN) ~= nil or text:find("://", 1, true) ~= nil or text:find("-----BEGIN", 1, true) ~= nil
end

--- What a text is for sure: "a GitHub token", or nil.
---@param text string
---@return string?
function M.shape(text)
  for _, one in ipairs(PATTERNS) do
    if text:find(one.has, 1, true) and text:find(one.pattern) then
      return one.what
    end
  end
end

--- Bits per character.
---@param text string
---@return number
function M.entropy(text)
  local count, sum = {}, 0
  for i = 1, #text do
    local c = text:byte(i)
    count[c] = (count[c] or 0) + 1
  end
  for _, n in pairs(count) do
    local p = n / #text
    sum = sum - p * math.log(p, 2)
  end
  return sum
end

-- Public things that look random: keys, fingerprints, certificates, checksums in base64.
local PUBLIC = { "^ssh%-", "^ecdsa%-", "^AAAA[BCE]", "SHA256:", "sha%d+%-", "BEGIN CERTIFICATE", "BEGIN PUBLIC KEY" }

--- True for text with a part that no human wrote: 20 characters or more, large and small letters and digits mixed at
--- random. Hex (hashes of images, ids, UUIDs) has only one kind of letters and is none.
---@param text string
---@return boolean
function M.is_random(text)
  if not text:find(RUN) then
    return false
  end
  for _, pattern in ipairs(PUBLIC) do
    if text:find(pattern) then
      return false
    end
  end
  for run in text:gmatch("[%w+=]+") do
    if #run >= 20 and run:find("%l") and run:find("%u") and run:find("%d") and M.entropy(run) >= 3.8 then
      local digits = select(2, run:gsub("%d", ""))
      local words = select(2, run:gsub("%l%l%l%l", ""))
      if digits >= 3 and words <= 2 then
        return true
      end
    end
  end
  return false
end

local NAMES =
  { "password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "access_key", "credential" }
local HARMLESS =
  { "_file$", "_path$", "_name$", "_ref$", "_id$", "_ttl$", "_url$", "_type$", "_length$", "_encryption$" }

--- True for the name of a field that holds a secret.
---@param name any
---@return boolean
function M.is_name(name)
  if type(name) ~= "string" then
    return false
  end
  local plain = name:lower():gsub("[-.]", "_")
  for _, word in ipairs(NAMES) do
    if plain:find(word, 1, true) then
      for _, harmless in ipairs(HARMLESS) do
        if plain:find(harmless) then
          return false
        end
      end
      return true
    end
  end
  return false
end

local DEFAULT = {}
for word in
  ([[
  123456 12345678 123456789 1234567890 admin administrator changeme change_me changeit default demo example
  guest letmein master mysql pass passw0rd password password1 password123 postgres prom-operator qwerty redis
  replicator root s3cr3t s3cret secret test test123 toor user welcome
]]):gmatch("%S+")
do
  DEFAULT[word] = true
end

--- True for a password that everybody tries first.
---@param text string
---@return boolean
function M.is_default(text)
  return DEFAULT[text:lower()] == true
end

return M
