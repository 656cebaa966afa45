--- Finds what looks like a secret in plain text: known shapes of tokens, and text too random to be words.

local M = {}

local function times(class, n)
  return class:rep(n)
end

-- Shapes whose makers gave them a mark of their own: what it is, a part that is quick to look for, the whole. A
-- match is a secret beyond doubt.
local SHAPES = {
  { "a private key", "PRIVATE KEY", "%-%-%-%-%-BEGIN [%u%d ]*PRIVATE KEY" },
  { "an AWS access key", "IA", "%f[%w]A[KS]IA" .. times("[%u%d]", 16) .. "%f[^%w]" },
  { "a GitHub token", "gh", "%f[%w]gh[pousr]_" .. times("%w", 36) },
  { "a GitHub token", "github_pat_", "%f[%w]github_pat_" .. times("[%w_]", 22) },
  { "a GitLab token", "glpat-", "%f[%w]glpat%-" .. times("[%w_-]", 20) },
  { "a Slack token", "xox", "%f[%w]xox[abeoprs]%-%w+%-" .. times("%w", 8) },
  { "a Stripe key", "k_live_", "%f[%w][rs]k_live_" .. times("%w", 20) },
  { "a Google API key", "AIza", "%f[%w]AIza" .. times("[%w_-]", 35) },
  { "an npm token", "npm_", "%f[%w]npm_" .. times("%w", 36) },
  { "a PyPI token", "pypi-", "%f[%w]pypi%-" .. times("[%w_-]", 32) },
  { "a DigitalOcean token", "_v1_", "%f[%w]do[opr]_v1_" .. times("%x", 64) },
  { "a Vault token", "hv", "%f[%w]hv[bs]%." .. times("[%w_-]", 20) },
  { "an age key", "AGE-SECRET", "AGE%-SECRET%-KEY%-1" .. times("[%u%d]", 20) },
  { "a JSON web token", "eyJ", "%f[%w]eyJ" .. times("[%w_-]", 12) .. "[%w_-]*%.eyJ[%w_-]+%.[%w_-]+" },
  { "a password in a URL", "://", "%f[%w]%w[%w+.-]*://[^%s/:@]+:[^%s/:@]+@" },
}

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
  for _, shape in ipairs(SHAPES) do
    if text:find(shape[2], 1, true) and text:find(shape[3]) then
      return shape[1]
    end
  end
end

--- Bits per character.
local function entropy(text)
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
    if #run >= 20 and run:find("%l") and run:find("%u") and run:find("%d") and entropy(run) >= 3.8 then
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
