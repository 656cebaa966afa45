--- Users of Redis (its ACL, version 6 and later).

local async = require("prov.async")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local tcp = require("prov.tcp")
local tls = require("prov.tls")

local M = {}

local TIMEOUT = 10000
local LONGEST = 1024 * 1024 -- bytes of an answer
local DEFAULT_RULES = { "~*", "+@read" }
-- How users outlive the server.
local SAVE = { NONE = false, ACLFILE = { "ACL", "SAVE" }, REWRITE = { "CONFIG", "REWRITE" } }

M.fields = {
  host = { type = "string", required = true, doc = "Name or address" },
  port = { type = "int", required = true, doc = "Port" },
  username = { type = "string", required = true, doc = "Who makes the users" },
  password = { type = "string", required = true, doc = "The password of that user" },
  tls = { type = "bool", default = false, doc = "Speak TLS" },
  insecure_tls = { type = "bool", default = false, doc = "Take any certificate" },
  ca_cert = { type = "string", default = "", doc = "Certificates to trust (PEM)" },
  persistence_mode = { type = "string", default = "NONE", one_of = { "NONE", "ACLFILE", "REWRITE" },
    doc = "How users outlive the server" },
}
M.shown = { "host", "port", "username", "tls", "insecure_tls", "ca_cert", "persistence_mode" }
M.username_template = '{{ printf "V_%s_%s_%s_%s" (.DisplayName | uppercase | truncate 12) '
  .. '(.RoleName | uppercase | truncate 12) (random 20 | uppercase) (unix_time) }}'

local function encode(command)
  local out = { ("*%d\r\n"):format(#command) }
  for _, word in ipairs(command) do
    out[#out + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  return table.concat(out)
end

local function read_line(stream)
  local out = {}
  while #out < LONGEST do
    local byte, e = stream:read(1)
    if not byte then
      return nil, e
    elseif byte == "\n" then
      return (table.concat(out):gsub("\r$", ""))
    end
    out[#out + 1] = byte
  end
  return err.fail("protocol", "Redis sends a line without end")
end

local function refusal(text)
  local kind = text:match("^(%u+)")
  local code = ({ WRONGPASS = "auth", NOAUTH = "auth", NOPERM = "denied", LOADING = "unavailable",
    MASTERDOWN = "unavailable", READONLY = "unavailable", BUSY = "unavailable" })[kind] or "invalid"
  return err.new(code, "Redis: " .. text)
end

-- What came back: its text, or what was refused.
local function answer(stream)
  local line, e = read_line(stream)
  if not line then
    return nil, e
  end
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "+" or kind == ":" then
    return rest
  elseif kind == "-" then
    return nil, refusal(rest)
  elseif kind == "$" and tonumber(rest) and tonumber(rest) < LONGEST then
    return tonumber(rest) < 0 and "" or stream:read(tonumber(rest) + 2)
  end
  return err.fail("protocol", "what answers is no Redis: '%s'", line:sub(1, 40))
end

local function open(config)
  if not config.tls then
    return tcp.connect({ host = config.host, port = config.port })
  end
  return tls.connect({ host = config.host, port = config.port, timeout = TIMEOUT,
    ca_text = config.ca_cert ~= "" and config.ca_cert or nil, verify = not config.insecure_tls })
end

local function ask(stream, command)
  local ok, e = stream:write(encode(command))
  if not ok then
    return nil, e
  end
  return answer(stream)
end

-- Logs in, and executes commands one after the other.
local function talk(config, commands, state)
  local stream <close>, e = open(config)
  if not stream then
    return nil, e
  end
  local text
  text, e = ask(stream, { "AUTH", config.username, config.password })
  for _, command in ipairs(commands) do
    if text then
      state.sent = true
      text, e = ask(stream, command)
    end
  end
  return text ~= nil or nil, e
end

-- Errors of Redis repeat what was sent.
local function without(text, commands)
  for _, command in ipairs(commands) do
    for _, word in ipairs(command) do
      local at, to = text:find(word, 1, true)
      if word:sub(1, 1) == ">" and at then
        text = text:sub(1, at) .. "..." .. text:sub(to + 1)
      end
    end
  end
  return text
end

local LOST = { unavailable = true, timeout = true }

local function exec(config, commands)
  local save = #commands > 0 and SAVE[config.persistence_mode] or nil
  local list = table.move(commands, 1, #commands, 1, {})
  list[#list + 1] = save
  local state = {}
  local ok, e = async.deadline(TIMEOUT, talk, config, list, state)
  if ok then
    return true
  elseif LOST[e.code] and state.sent and not e.msg:find("^Redis: ") then
    return err.fail("unknown", "Redis: connection lost before its answer; it may have taken effect")
  end
  e.msg = without(e.msg, commands)
  return nil, e
end

-- Rules of a role: each a text of rules, or a JSON list of them.
local function rules_of(statements)
  local out = {}
  for _, statement in ipairs(statements) do
    local rules = statement:find("^%s*%[") and json.decode(statement)
    if rules and data.kind(rules) ~= "list" then
      return err.fail("usage", "statements of Redis are rules of ACL SETUSER, as a JSON list: [\"~*\", \"+@read\"]")
    end
    for rule in (rules and table.concat(rules, "\0") or statement:gsub("%s+", "\0")):gmatch("%Z+") do
      out[#out + 1] = rule
    end
  end
  return #out > 0 and out or DEFAULT_RULES
end

--- Logs in.
---@async
function M.verify(config)
  return exec(config, {})
end

--- Makes a user.
---@async
---@param user { username: string, password: string, expires: integer }
function M.create(config, statements, user)
  local rules, e = rules_of(statements)
  if not rules then
    return nil, e
  end
  return exec(config, { table.move(rules, 1, #rules, 6, { "ACL", "SETUSER", user.username, "on",
    ">" .. user.password }) })
end

--- Nothing: a creation that failed has done nothing.
function M.rollback()
  return true
end

--- Nothing: users of Redis have no time.
function M.renew()
  return true
end

--- Gives a user another password, and only that.
---@async
function M.set_password(config, _, username, password)
  return exec(config, { { "ACL", "SETUSER", username, "on", "resetpass", ">" .. password } })
end

--- Drops a user, and its connections; one that is gone is fine.
---@async
function M.drop(config, _, username)
  return exec(config, { { "ACL", "DELUSER", username } })
end

return M
