--- Passwords by a policy: how long they are, and how many characters of which kinds they have.

local crypto = require("core.crypto")
local err = require("prov.err")
local policies = require("prov.vault.policy")

local M = {}

M.FOLDER = "core/password-policy/"
local SHORTEST, LONGEST = 4, 100

---@class prov.vault.PasswordPolicy
---@field length integer
---@field rules { charset: string[], least: integer }[]

-- One of 1 to n, each as likely.
local function one_of(n)
  local limit = (1 << 32) - (1 << 32) % n
  local x
  repeat
    x = string.unpack(">I4", assert(crypto.random(4)))
  until x < limit
  return x % n + 1
end

local function characters(text)
  local out, seen = {}, {}
  for _, code in utf8.codes(text) do
    local char = utf8.char(code)
    if not seen[char] then
      seen[char] = true
      out[#out + 1] = char
    end
  end
  return out
end

--- A password.
---@param policy prov.vault.PasswordPolicy
---@return string
function M.generate(policy)
  local all, out = {}, {}
  for _, rule in ipairs(policy.rules) do
    all[#all + 1] = table.concat(rule.charset)
    for _ = 1, rule.least do
      out[#out + 1] = rule.charset[one_of(#rule.charset)]
    end
  end
  all = characters(table.concat(all))
  while #out < policy.length do
    out[#out + 1] = all[one_of(#all)]
  end
  for i = #out, 2, -1 do
    local k = one_of(i)
    out[i], out[k] = out[k], out[i]
  end
  return table.concat(out)
end

local LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
local DEFAULT = {
  length = 24,
  rules = {
    { charset = characters(LOWER), least = 1 }, { charset = characters(UPPER), least = 1 },
    { charset = characters(DIGITS), least = 1 }, { charset = { "-" }, least = 0 },
  },
}

--- A password of letters, digits and "-", which no language has to quote.
---@return string
function M.default()
  return M.generate(DEFAULT)
end

local function fail(fmt, ...)
  error(err.new("usage", fmt:format(...)), 0)
end

local function rule_of(block)
  if block.labels[1] ~= "charset" then
    fail("a rule of a password policy is a \"charset\", not '%s'", block.labels[1] or "")
  end
  local fields = {}
  for _, field in ipairs(block.body) do
    fields[field.name or field.type] = field.node == "attribute" and policies.constant(field.value) or nil
  end
  local charset, least = fields.charset, fields["min-chars"] or fields.min_chars or 0
  if type(charset) ~= "string" or charset == "" or not utf8.len(charset) or charset:find("%c") then
    fail("a rule needs a charset of printable characters")
  elseif math.type(tonumber(least)) ~= "integer" or tonumber(least) < 0 then
    fail("min-chars is a whole number")
  end
  return { charset = characters(charset), least = tonumber(least) }
end

local function read(text)
  local file, e = require("prov.convert.hcl").parse(text, "policy")
  if not file then
    fail("%s", tostring(e))
  end
  local out, least = { rules = {} }, 0
  for _, item in ipairs(file.body) do
    if item.node == "attribute" and item.name == "length" then
      out.length = math.tointeger(tonumber(policies.constant(item.value)))
    elseif item.node == "block" and item.type == "rule" then
      local rule = rule_of(item)
      out.rules[#out.rules + 1], least = rule, least + rule.least
    else
      fail("a password policy has a length and rules, not '%s'", item.name or item.type)
    end
  end
  if not out.length or out.length < SHORTEST or out.length > LONGEST then
    fail("passwords must be between %d and %d characters: set length", SHORTEST, LONGEST)
  elseif #out.rules == 0 then
    fail("a password policy needs a rule \"charset\" { charset = \"...\" }")
  elseif least > out.length then
    fail("the rules want %d characters, and the length is %d", least, out.length)
  end
  return out
end

--- A policy's text (HCL).
---@type fun(text: string): prov.vault.PasswordPolicy?, prov.Err?
M.parse = policies.reader(read)

--- A password by a policy of a vault.
---@param vault prov.Vault
---@param name string "": the default
---@return string?, prov.Err? err "notfound"
function M.of_policy(vault, name)
  if not name or name == "" then
    return M.default()
  end
  local text, e = vault.barrier:get(M.FOLDER .. name)
  if not text then
    return nil, e or err.new("notfound", ("there is no password policy '%s'"):format(name), {
      hint = "write it to sys/policies/password/" .. name,
    })
  end
  local policy
  policy, e = M.parse(text)
  return policy and M.generate(policy), e
end

return M
