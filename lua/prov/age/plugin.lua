--- Recipients and identities of other programs: `age-plugin-<name>`, spoken to by the age plugin protocol (C2SP
--- age-plugin.md) over its standard input and output.

local async = require("prov.async")
local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local log = require("prov.log")
local uv = require("luv")

local M = {}

local LINE <const> = 64
local MAX <const> = 16 * 1024 * 1024
local TIMEOUT <const> = 10 * 60 * 1000 -- a person may have to touch something

local function encode(args, body)
  local text = base.base64(body):gsub("=+$", "")
  local lines = { "-> " .. table.concat(args, " ") }
  for at = 1, #text, LINE do
    lines[#lines + 1] = text:sub(at, at + LINE - 1)
  end
  if #text % LINE == 0 then
    lines[#lines + 1] = ""
  end
  return table.concat(lines, "\n") .. "\n"
end

local function decode(text)
  local bytes = not text:find("[^%w+/]") and base.unbase64(text .. ("="):rep(-#text % 4))
  return bytes or nil
end

--- Cuts the first stanza off a text; nothing when it is not whole yet.
local function take(text)
  local first, at = text:match("^(.-)\n()")
  if not first then
    return
  end
  local args, body = {}, {}
  for arg in first:sub(4):gmatch("[^ ]+") do
    args[#args + 1] = arg
  end
  if first:sub(1, 3) ~= "-> " or #args == 0 then
    return false
  end
  while true do
    local line, after = text:match("^([^\n]*)\n()", at)
    if not line then
      return
    end
    body[#body + 1], at = line, after
    if #line < LINE then
      break
    end
  end
  local bytes = decode(table.concat(body))
  if not bytes then
    return false
  end
  return { args = args, body = bytes }, text:sub(at)
end

local Plugin = {}
Plugin.__index = Plugin

function Plugin:close()
  for _, pipe in ipairs(self.pipes) do
    if not pipe:is_closing() then
      pipe:close()
    end
  end
  if not self.exited then
    self.handle:kill("sigterm")
  end
  self.timer:stop()
  if not self.timer:is_closing() then
    self.timer:close()
  end
end

Plugin.__close = Plugin.close

function Plugin:send(args, body)
  self.stdin:write(encode(args, body or ""))
end

--- Fails with what the plugin wrote on its standard error.
function Plugin:fail(what)
  local said = self.said:gsub("%s+$", ""):match("[^\n]*$")
  return err.fail("failed", "age-plugin-%s %s%s", self.name, what, said ~= "" and ": " .. said or "")
end

--- The next stanza of the plugin.
function Plugin:receive()
  while true do
    local stanza, rest = take(self.text)
    if stanza then
      self.text = rest
      return stanza
    elseif stanza == false or #self.text > MAX then
      return self:fail("answers nonsense")
    elseif self.ended then
      return self:fail(self.expired and "did not answer in time" or "ended before it was done")
    end
    async.await(function(resume)
      self.wake = resume
      return true
    end)
  end
end

local function start(name, machine)
  local program = "age-plugin-" .. name
  local self = setmetatable({ name = name, text = "", said = "", pipes = {} }, Plugin)
  for i = 1, 3 do
    self.pipes[i] = uv.new_pipe()
  end
  local stdin, stdout, stderr = table.unpack(self.pipes)
  local handle, pid = uv.spawn(program, {
    args = { "--age-plugin=" .. machine }, stdio = { stdin, stdout, stderr },
  }, function()
    self.exited = true
    self.handle:close()
  end)
  if not handle then
    for _, pipe in ipairs(self.pipes) do
      pipe:close()
    end
    return nil, err.new("notfound", ("no program '%s' in PATH (%s)"):format(program, pid),
      { hint = "install the plugin; its name says which one it is" })
  end
  self.handle, self.stdin, self.timer = handle, stdin, uv.new_timer()
  local function wake()
    local resume = self.wake
    self.wake = nil
    if resume then
      resume(true)
    end
  end
  self.timer:start(TIMEOUT, 0, function()
    self.ended, self.expired = true, true
    wake()
  end)
  stdout:read_start(function(_, bytes)
    self.text = self.text .. (bytes or "")
    self.ended = self.ended or bytes == nil
    wake()
  end)
  stderr:read_start(function(_, bytes)
    self.said = (self.said .. (bytes or "")):sub(-4096)
  end)
  return self
end

--- What a plugin may ask of a person, in either machine.
local asked = {}

function asked.msg(self, stanza)
  log.warn(("age-plugin-%s says: %s"):format(self.name, stanza.body))
  self:send({ "ok" })
end

asked["request-secret"] = function(self, stanza)
  local answer = require("prov.ask").secret(stanza.body)
  self:send({ answer and "ok" or "fail" }, answer)
end

--- Runs the second half of a machine: what the plugin says, until it is done.
local function converse(self, handlers)
  while true do
    local stanza, e = self:receive()
    if not stanza then
      return nil, e
    end
    local kind = table.remove(stanza.args, 1)
    local handler = handlers[kind] or asked[kind]
    if kind == "done" then
      return true
    elseif kind == "error" then
      self:send({ "ok" })
      return err.fail("failed", "age-plugin-%s: %s", self.name, stanza.body)
    elseif handler then
      local ok
      ok, e = handler(self, stanza)
      if ok == nil and e then
        return nil, e
      end
    else
      self:send({ "unsupported" })
    end
  end
end

--- Adds what the plugin makes of the file key to a header.
---@async
---@param recipient prov.AgePlugin or an identity, whose recipient is meant
---@param file_key userdata
---@param header userdata
---@return true?
---@return prov.Err? err "notfound": the plugin is not installed
function M.wrap(recipient, file_key, header)
  local plugin, e = start(recipient.plugin, "recipient-v1")
  if not plugin then
    return nil, e
  end
  local self <close> = plugin
  self:send({ recipient.identity and "add-identity" or "add-recipient", recipient.text })
  self:send({ "wrap-file-key" }, file_key:reveal())
  self:send({ "done" })
  local count = 0
  local ok
  ok, e = converse(self, {
    ["recipient-stanza"] = function(_, stanza)
      if table.remove(stanza.args, 1) ~= "0" then
        return self:fail("answers for a file that it was not asked about")
      end
      local added, why = header:add(stanza.args, stanza.body)
      if not added then
        return nil, why
      end
      count = count + 1
      self:send({ "ok" })
    end,
  })
  if ok and count == 0 then
    return self:fail("made nothing for its recipient")
  end
  return ok, e
end

--- The file key that a plugin finds in a header.
---@async
---@param identity prov.AgePlugin
---@param header userdata
---@return userdata? file_key
---@return prov.Err? err "notfound": it is not for this identity, or the plugin is not installed
function M.unwrap(identity, header)
  local plugin, e = start(identity.plugin, "identity-v1")
  if not plugin then
    return nil, e
  end
  local self <close> = plugin
  self:send({ "add-identity", identity.text })
  for _, stanza in ipairs(header:stanzas()) do
    self:send({ "recipient-stanza", "0", table.unpack(stanza.args) }, stanza.body)
  end
  self:send({ "done" })
  local file_key, ok
  ok, e = converse(self, {
    ["file-key"] = function(_, stanza)
      if stanza.args[1] ~= "0" or #stanza.body ~= 16 or file_key then
        return self:fail("gives no file key of 16 bytes")
      end
      file_key = assert(crypto.age_file_key(stanza.body))
      self:send({ "ok" })
    end,
  })
  if not ok then
    return nil, e
  elseif not file_key then
    return err.fail("notfound", "the age file is not for this identity of age-plugin-%s", identity.plugin)
  end
  ok, e = header:check(file_key)
  if not ok then
    file_key:close()
    return nil, e
  end
  return file_key
end

return M
