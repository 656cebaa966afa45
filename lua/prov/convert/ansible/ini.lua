--- The INI form of an Ansible inventory.

local err = require("prov.err")
local settings = require("prov.settings")
local yaml = require("prov.yaml")

local M = {}


local function without_comment(line)
  local quote
  for i = 1, #line do
    local c = line:sub(i, i)
    if quote then
      quote = c ~= quote and quote or nil
    elseif c == '"' or c == "'" then
      quote = c
    elseif c == "#" and (i == 1 or line:sub(i - 1, i - 1):match("%s")) then
      return line:sub(1, i - 1)
    end
  end
  return line
end

--- The words of a host's line; quotes and backslashes as a shell has them.
local function words(line)
  local out, word, quote, i = {}, nil, nil, 1
  while i <= #line do
    local c = line:sub(i, i)
    if c == "\\" and quote ~= "'" and i < #line then
      i = i + 1
      word = (word or "") .. line:sub(i, i)
    elseif quote then
      if c == quote then
        quote = nil
      else
        word = word .. c
      end
    elseif c == '"' or c == "'" then
      quote, word = c, word or ""
    elseif c:match("%s") then
      out[#out + 1] = word
      word = nil
    else
      word = (word or "") .. c
    end
    i = i + 1
  end
  out[#out + 1] = word
  return out, quote
end

--- A value as Ansible reads it in INI: numbers, truth and lists of Python, else text.
local function value_of(text)
  if text == "True" or text == "False" then
    return text == "True"
  elseif text:match("^%-?[1-9]%d*$") or text == "0" then
    return math.tointeger(tonumber(text)) or text
  elseif text:match("^%-?%d+%.%d+$") then
    return tonumber(text)
  elseif text:match("^%[.*%]$") or text:match("^{.*}$") then
    local v, e = yaml.decode(text)
    if not err.is(e) and type(v) == "table" then
      return v
    end
  end
  local quoted = text:match('^"(.*)"$') or text:match("^'(.*)'$")
  return quoted or text
end

--- The names a pattern such as web[01:10].example.org or db-[a:c] stands for.
---@param pattern string
---@return string[]? names, string? problem
function M.expand(pattern)
  local before, from, to, step, after = pattern:match("^(.-)%[(%w*):(%w+):?(%d*)%](.*)$")
  if not before then
    return { pattern }
  end
  step = step == "" and 1 or tonumber(step)
  local rest, problem = M.expand(after)
  if not rest then
    return nil, problem
  end
  local out = {}
  local function add(text)
    for _, tail in ipairs(rest) do
      out[#out + 1] = before .. text .. tail
    end
  end
  local first, last = tonumber(from == "" and "0" or from, 10), tonumber(to, 10)
  local letters = from:match("^%a$") and to:match("^%a$")
  if step < 1 or not letters and not (first and last) or letters and from > to
    or not letters and (first > last or #from > 1 and from:sub(1, 1) == "0" and #from ~= #to) then
    return nil, ("the range '[%s:%s]' is none"):format(from, to)
  elseif not letters and ((last - first) // step + 1) * #rest > settings.convert.hosts then
    return nil, ("the range '[%s:%s]' has more than %d names"):format(from, to, settings.convert.hosts)
  end
  if letters then
    for code = from:byte(), to:byte(), step do
      add(string.char(code))
    end
  else
    local form = #from > 1 and from:sub(1, 1) == "0" and "%0" .. #from .. "d" or "%d"
    for n = first, last, step do
      add(form:format(n))
    end
  end
  return out
end

-- "web:2222" as host and port; an IPv6 address has colons of its own.
local function host_and_port(word)
  local host, port = word:match("^%[(.-)%]:(%d+)$")
  if not host or host:match("^%w*:%w+$") and not word:match("^%[%x*:%x*:") then
    host, port = word:match("^([^:]*%]?[^:]*):(%d+)$")
    if host and host:find("%[[^%]]*$") then
      host, port = nil, nil
    end
    if not host then -- a range has colons in its brackets
      host, port = word:match("^(.*%][^:%[%]]*):(%d+)$")
    end
  end
  return host or word, math.tointeger(tonumber(port))
end

local Reader = {}
Reader.__index = Reader

function Reader:fail(msg, ...)
  return nil, err.new("invalid", "not an inventory: " .. msg:format(...), { file = self.file, line = self.line,
    column = 1 })
end

function Reader:host(line)
  local all, open = words(line)
  if open then
    return self:fail("the quote %s is not closed", open)
  end
  local pattern, port = host_and_port(all[1])
  local names, problem = M.expand(pattern)
  if not names then
    return self:fail("%s", problem)
  end
  local vars = {}
  if port then
    vars.ansible_port = port
  end
  for i = 2, #all do
    local key, v = all[i]:match("^([^=]+)=(.*)$")
    if not key then
      return self:fail("'%s' is no name=value behind a host", all[i])
    end
    vars[key] = value_of(v)
  end
  for _, name in ipairs(names) do
    self.inventory:host(name, self.group, vars, { file = self.file, line = self.line })
  end
  return true
end

function Reader:entry(line)
  if self.section == "hosts" then
    return self:host(line)
  elseif self.section == "children" then
    local child = line:match("^%S+")
    self.inventory:child(self.group, child)
    return true
  end
  local key, v = line:match("^([^=]-)%s*=%s*(.*)$")
  if not key or key == "" then
    return self:fail("expected name=value in [%s:vars]", self.group)
  end
  self.inventory:group_var(self.group, key, value_of(v))
  return true
end

--- Reads the text into an inventory.
---@return true?, prov.Err?
function M.read(inventory, text, file)
  local self = setmetatable({ inventory = inventory, file = file, line = 0, group = "ungrouped", section = "hosts" },
    Reader)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    self.line = self.line + 1
    line = line:gsub("\r$", "")
    -- In [x:vars] a value goes on to the end of the line, whatever stands in it.
    line = line:match("^%s*[#;]") and "" or self.section == "vars" and line or without_comment(line)
    line = line:match("^%s*(.*)$"):gsub("%s+$", "")
    local ok, e = true, nil
    local head = line:match("^%[([^%[%]]+)%]$")
    if head and not head:match("^%w+:%w+$") or head and head:match(":vars$") or head and head:match(":children$") then
      local group, section = head:match("^(.*):(%w+)$")
      self.group, self.section = group or head, section or "hosts"
      if self.section ~= "hosts" and self.section ~= "vars" and self.section ~= "children" then
        return self:fail("a section is [group], [group:vars] or [group:children]")
      end
      self.inventory:group(self.group)
    elseif line ~= "" then
      ok, e = self:entry(line)
    end
    if not ok then
      return nil, e
    end
  end
  return true
end

return M
