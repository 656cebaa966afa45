--- New secrets by a rule.

local crypto = require("core.crypto")
local err = require("prov.err")

local M = {}

local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
local DIGITS = "0123456789"

--- What a password may be made of, by name.
M.ALPHABETS = {
  alnum = LETTERS .. DIGITS,
  letters = LETTERS,
  digits = DIGITS,
  hex = "0123456789abcdef",
  printable = LETTERS .. DIGITS .. "!#%+,-./:=?@^_~",
}

--- Parts of a secret by name; `value` is the secret one.
---@alias prov.secrets.Parts table<string, string>

---@class prov.secrets.Rule
---@field type string
---@field length? integer
---@field alphabet? string
---@field algorithm? string
---@field names? string[]
---@field ttl? number seconds
---@field authority? boolean
---@field issuer? string
---@field max_age? number seconds

-- n characters, each as likely as the others: a random byte beyond the last whole round of the alphabet is thrown away.
local function random_text(alphabet, n)
  local out, have = {}, 0
  local fair = 256 - 256 % #alphabet
  while have < n do
    local bytes, e = crypto.random(math.min(n * 2, 4096))
    if not bytes then
      return nil, e
    end
    for i = 1, #bytes do
      local byte = bytes:byte(i)
      if byte < fair and have < n then
        have = have + 1
        local at = byte % #alphabet + 1
        out[have] = alphabet:sub(at, at)
      end
    end
  end
  return table.concat(out)
end

local function alphabet_of(rule)
  local given = rule.alphabet or "alnum"
  local alphabet = M.ALPHABETS[given] or given
  local seen = {}
  for i = 1, #alphabet do
    local c = alphabet:sub(i, i)
    if c:byte() < 33 or c:byte() > 126 or seen[c] then
      return err.fail("invalid", "an alphabet is of different visible ASCII characters")
    end
    seen[c] = true
  end
  if #alphabet < 2 then
    return err.fail("invalid", "an alphabet has two characters at least")
  end
  return alphabet
end

local MAKE = {}

function MAKE.password(rule)
  local alphabet, e = alphabet_of(rule)
  local text
  if alphabet then
    text, e = random_text(alphabet, rule.length or 32)
  end
  return text and { value = text }, e
end

function MAKE.token(rule)
  local bytes, e = crypto.random(rule.length or 32)
  return bytes and { value = crypto.hex(bytes) }, e
end

local KEYS = {
  ed25519 = { "ed25519" },
  p256 = { "p256" },
  rsa2048 = { "rsa", 2048 },
  rsa3072 = { "rsa", 3072 },
  rsa4096 = { "rsa", 4096 },
}

--- A pair of keys.
---@param algorithm string as rules name it
---@return prov.Pkey?, prov.Err?
function M.key(algorithm)
  return crypto.pkey_generate(table.unpack(KEYS[algorithm]))
end

function MAKE.key(rule)
  local key, e = M.key(rule.algorithm or "ed25519")
  if not key then
    return nil, e
  end
  local pem <close> = assert(key:secret())
  return { value = pem:reveal(), public_key = assert(key:public()) }
end

function MAKE.ssh_key(rule)
  local kind = rule.algorithm or "ed25519"
  if kind ~= "ed25519" and kind ~= "rsa3072" and kind ~= "rsa4096" then
    return err.fail("unsupported", "an ssh_key is ed25519, rsa3072 or rsa4096, not %s", kind)
  end
  local pair, e = require("prov.ssh").keygen(kind:gsub("rsa", "rsa-"), "")
  return pair and { value = pair.private, public_key = (pair.public:gsub("%s+$", "")) }, e
end

function MAKE.certificate(rule, lookup)
  return require("prov.secrets.certificate").make(rule, lookup)
end

function MAKE.given()
  return err.fail("notfound", "nobody has set it yet")
end

--- Makes one.
---@param rule prov.secrets.Rule
---@param lookup fun(name: string): prov.secrets.Parts?, prov.Err? other secrets, for an issuer
---@return prov.secrets.Parts?, prov.Err?
function M.parts(rule, lookup)
  return MAKE[rule.type](rule, lookup)
end

return M
