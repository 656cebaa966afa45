--- Finds secrets in a text: patterns first, then assignments to names of secrets whose value is random enough.
--
-- Most texts have none, so that what is looked for first are fixed texts; only lines that have one are looked at.

local patterns = require("prov.leaks.patterns")
local secrets = require("prov.validate.secrets")

local M = {}

local BEFORE, BEHIND = 512, 2048 -- how much of a long line is looked at
local ALLOW = "prov:allow-" .. "secret"

--- The rule of assignments.
M.ASSIGNMENT = { id = "assignment", what = "a value that looks random for a name of a secret" }

-- What stands for a secret and is none.
local PLACEHOLDERS = {
  "example", "xxxx", "%*%*%*", "%.%.%.", "%${", "{{", "%$%(", "^%$", "^<.*>$", "^%%", "changeme", "change%-me",
  "your[-_]", "placeholder", "redacted", "dummy", "foobar", "^enc%[", "not[-_]a[-_]", "test", "fake", "sample",
  "abcdef", "123456", "canary", ":/bin/", "^file:", "^/", "^%.%.?/", "^https?://", "^env[:%.]", "^process%.",
  "^null$", "^none$",
}

local function is_placeholder(text)
  local plain = text:lower()
  for _, pattern in ipairs(PLACEHOLDERS) do
    if plain:find(pattern) then
      return true
    end
  end
  return secrets.is_default(text) or plain:find("^(.)%1*$") ~= nil
end

-- Passwords in URLs have no mark of their own: those of examples are words.
local function is_url_placeholder(secret)
  local plain = secret:lower()
  return is_placeholder(secret) or #secret < 6 or plain:find("^pass") or plain:find("[<>{}$%%\"'`,;|()\\]")
    or plain:find("^%a+$") and #secret < 12
end

-- Marks of makers with a placeholder behind them, such as AKIAIOSFODNN7EXAMPLE.
local function is_documented(secret)
  local plain = secret:lower()
  return plain:find("example", 1, true) or plain:find("xxxx", 1, true) or plain:find("0000000", 1, true)
    or plain:find("1234567890abcdef", 1, true) or secrets.entropy(secret) < 1.8
end

--- First characters and length of a secret, which is all that is ever shown.
---@param secret string
---@return string
function M.hidden(secret)
  local first = secret:match("^%-%-%-%-%-BEGIN") or secret:sub(1, math.min(4, #secret // 4))
  return ("%s... (%d characters)"):format(first:gsub("[^%g]", "?"), #secret)
end

local function line_bounds(text, at)
  local from = at
  while from > 1 and at - from < BEFORE and text:byte(from - 1) ~= 10 do
    from = from - 1
  end
  local to = text:find("\n", at, true) or #text + 1
  return from, math.min(to - 1, at + BEHIND)
end

local function is_allowed(text, from, to)
  return text:sub(from, to):find(ALLOW, 1, true) ~= nil
end

-- The base64 below the head of a key, which is what tells it from others.
local function key_of(text, at)
  local key = text:sub(at, at + 512):match("PRIVATE KEY[%u ]*%-%-%-%-%-(.*)") or ""
  local body = key:gsub("Proc%-Type:[^\n]*", ""):gsub("DEK%-Info:[^\n]*", ""):gsub("\\[nr]", ""):gsub("[%s\"'+,]", "")
  return body:match("^[%w+/=]*")
end

local function by_pattern(text, one, report)
  local at = 1
  while true do
    local found = text:find(one.has, at, true)
    if not found then
      return
    end
    local from, to = line_bounds(text, found)
    local start, stop, secret = text:sub(from, to):find(one.pattern)
    at = math.max(to, found) + 1
    if start then
      start, stop = from + start - 1, from + stop - 1
      secret = secret or text:sub(start, stop)
      local harmless
      if one.key then
        local body = key_of(text, start)
        harmless = #body < 32 or is_documented(body)
        secret = "-----BEGIN" .. body
      elseif one.id == "password-in-url" then
        harmless = is_url_placeholder(secret)
      else
        harmless = is_documented(secret)
      end
      if not harmless and not is_allowed(text, from, to) then
        report(one, secret, start)
      end
    end
  end
end

local KEYWORDS = { "passw", "secret", "token", "api_key", "apikey", "api-key", "private_key", "privatekey",
  "access_key", "accesskey", "access-key", "credential" }
local MORE_HARMLESS = { "hash$", "public", "_names?$", "_key_id$", "_len$", "_count$", "_regex$", "pattern", "^max_",
  "_salt$", "_version$", "_policy$", "_label$", "_field$", "_header$", "_env$", "_command$" }

local function is_secret_name(name)
  if not secrets.is_name(name) then
    return false
  end
  local plain = name:lower():gsub("[-.]", "_")
  for _, pattern in ipairs(MORE_HARMLESS) do
    if plain:find(pattern) then
      return false
    end
  end
  return true
end

-- A value that no human would call something else: letters and digits mixed. What is quoted may be shorter; what is
-- not must not be code.
local function is_secret_value(value, quoted, is_env)
  if #value < 8 or #value > 512 or is_placeholder(value) or value:find("%s") then
    return false
  elseif is_env then
    return secrets.entropy(value) >= 2.5
  elseif not (value:find("%d") and value:find("%a")) or value:find("[${}<>]") then
    return false
  end
  local digits = select(2, value:gsub("%d", ""))
  local words = select(2, value:gsub("%l%l%l%l", ""))
  if not quoted and (value:find("[()%[%]*&|;\\,]") or value:find("%a%.%a") or value:find("::", 1, true)) then
    return false
  end
  return secrets.entropy(value) >= (quoted and 3 or 3.3) and digits >= 2 and words * 4 <= #value // 2
end

local function by_name(text, lower, keyword, is_env, report)
  local at = 1
  while true do
    local found = lower:find(keyword, at, true)
    if not found then
      return
    end
    local from, to = line_bounds(text, found)
    local first = found
    while first > from and text:find("^[%w_.-]", first - 1) do
      first = first - 1
    end
    local line = text:sub(first, to)
    local name, behind = line:match("^([%w_.-]+)[\"']?%]?()")
    at = name and first + behind - 1 or found + #keyword
    at = math.max(at, found + #keyword)
    local start = name and (line:match("^%s*=>%s*()", behind) or line:match("^%s*:?=%s*()", behind)
      or line:match("^%s*:%s*()", behind))
    if start and is_secret_name(name) then
      local quote, value = line:match("^([\"'`])(.-)%1", start)
      value = value or line:match("^[^%s,;#\"'`]+", start)
      if value and is_secret_value(value, quote ~= nil, is_env) and not is_allowed(text, from, to) then
        report(M.ASSIGNMENT, value, first + line:find(value, start, true) - 1)
      end
    end
  end
end

--- The secrets of a text.
---@param text string
---@param file string its name; ".env" and the like hold nothing but assignments
---@return { rule: table, secret: string, at: integer }[] by place; one place is one secret
function M.text(text, file)
  local out, taken = {}, {}
  local function report(rule, secret, at)
    for i = #out, 1, -1 do
      local one = out[i]
      if at < one.at + #one.secret and one.at < at + #secret then
        return -- a part of what was found already
      end
    end
    if not taken[at] then
      taken[at] = true
      out[#out + 1] = { rule = rule, secret = secret, at = at }
    end
  end
  for _, one in ipairs(patterns) do
    if text:find(one.has, 1, true) then
      by_pattern(text, one, report)
    end
  end
  local lower
  for _, keyword in ipairs(KEYWORDS) do
    lower = lower or text:lower()
    if lower:find(keyword, 1, true) then
      by_name(text, lower, keyword, file:find("%.env$") ~= nil or file:find("%.env%.[^/]*$") ~= nil, report)
    end
  end
  table.sort(out, function(a, b)
    return a.at < b.at
  end)
  return out
end

--- All rules, as prov.validate.sarif takes them.
---@return { id: string, summary: string, category: string }[]
function M.rules()
  local out = {}
  for i, one in ipairs(patterns) do
    out[i] = { id = one.id, summary = "No file has " .. one.what, category = "secret" }
  end
  out[#out + 1] = { id = M.ASSIGNMENT.id, summary = "No file has " .. M.ASSIGNMENT.what, category = "secret" }
  out[#out + 1] = { id = "sops-plain", summary = "What .sops.yaml says is encrypted is encrypted", category = "secret" }
  return out
end

return M
