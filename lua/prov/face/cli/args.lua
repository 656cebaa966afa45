--- From words to parameters: finds the operation, takes flags and positionals apart, turns text
-- into values of the declared types.

local err = require("prov.err")
local ops = require("prov.ops")
local params_of = require("prov.params")

local M = {}

local function suggest(word, candidates)
  return require("prov.suggest").hint(word, candidates)
end

--- The error for words that name no command.
---@param words string[]
---@return prov.Err
function M.unknown_command(words)
  local group = words[1]
  local hint
  if ops.names(group)[1] and words[2] then
    local verbs = {}
    for _, name in ipairs(ops.names(group)) do
      verbs[#verbs + 1] = name:sub(#group + 2)
    end
    hint = suggest(words[2], verbs) or ("`prov help %s` lists them"):format(group)
    return err.new("usage", ("no command '%s %s'"):format(group, words[2]), { hint = hint })
  end
  local names = ops.groups()
  for _, name in ipairs(ops.names()) do
    if not name:find(" ", 1, true) then
      names[#names + 1] = name
    end
  end
  hint = suggest(group, names) or "`prov help` lists them"
  return err.new("usage", ("no command '%s'"):format(group), { hint = hint })
end

local function usage(fmt, ...)
  return err.new("usage", fmt:format(...))
end

--- Puts one more value of a parameter into `out`.
local function set(out, name, spec, text, shown)
  local function refuse(wanted)
    return nil, usage("%s must be %s, not '%s'", shown, wanted, text)
  end
  if spec.type == "list" then
    local value, wanted = params_of.from_text(spec.of or {}, text)
    if value == nil then
      return refuse(wanted)
    end
    out[name] = out[name] or {}
    table.insert(out[name], value)
  elseif spec.type == "map" then
    local key, rest = text:match("^([^=]+)=(.*)$")
    if not key then
      return refuse("KEY=VALUE")
    end
    out[name] = out[name] or {}
    out[name][key] = rest
  else
    local value, wanted = params_of.from_text(spec, text)
    if value == nil then
      return refuse(wanted)
    end
    if out[name] ~= nil and spec.type ~= "bool" then
      return nil, usage("%s is given twice", shown)
    end
    out[name] = value
  end
  return true
end

--- The flags an operation knows: text behind the dashes -> { param, spec, target, negated }.
local function flag_table(params, into, global)
  local known = {}
  local function add(list, target, taken)
    for name, spec in pairs(list) do
      local flag = params_of.flag_name(name)
      if not spec.positional or spec.flag or target ~= into then
        if not (taken and known[flag]) then
          known[flag] = { name = name, spec = spec, target = target }
          if spec.type == "bool" then
            known["no-" .. flag] = { name = name, spec = spec, target = target, negated = true }
          end
        end
        local others = { table.unpack(spec.aliases or {}) }
        others[#others + 1] = spec.short
        for _, other in ipairs(others) do
          if not (taken and known[other]) then
            known[other] = { name = name, spec = spec, target = target }
          end
        end
      end
    end
  end
  add(params, into)
  add(params_of.GLOBAL, global, true)
  return known
end

local Parser = {}
Parser.__index = Parser

function Parser:unknown(flag)
  local names = {}
  for name in pairs(self.known) do
    if #name > 1 then
      names[#names + 1] = "--" .. name
    end
  end
  table.sort(names)
  return nil, err.new("usage", ("no flag '%s'"):format(flag), {
    hint = suggest(flag, names) or ("`prov help %s` lists them"):format(self.name),
  })
end

--- Takes the flag that the word at self.at begins; moves on behind its value.
function Parser:flag(word)
  local dashes, name, value = word:match("^(%-%-?)([^=]+)=?(.*)$")
  if not name then
    return self:unknown(word)
  end
  local has_value = word:find("=", 1, true) ~= nil
  if dashes == "-" and #name > 1 then -- -wDIR, -yq
    local first = self.known[name:sub(1, 1)]
    if first and first.spec.type == "bool" and not has_value then
      table.insert(self.words, self.at + 1, "-" .. name:sub(2))
    elseif first then
      value, has_value = word:sub(3), true
    end
    name = name:sub(1, 1)
  end
  local flag = self.known[name] or self.known[params_of.flag_name(name)]
  if not flag or (dashes == "--" and #name == 1) then
    return self:unknown(word:match("^[^=]*"))
  end
  local shown = dashes .. name
  self.at = self.at + 1
  if flag.spec.type == "bool" and not has_value then
    flag.target[flag.name] = not flag.negated
    return true
  elseif flag.negated then
    return nil, usage("%s takes no value", shown)
  elseif not has_value then
    value = self.words[self.at]
    if value == nil then
      return nil, usage("%s needs a value", shown)
    end
    self.at = self.at + 1
  end
  return set(flag.target, flag.name, flag.spec, value, shown)
end

function Parser:positional(word)
  local param = self.positionals[self.next]
  if not param then
    local e = usage("unexpected argument '%s'", word)
    e.hint = "usage: " .. params_of.usage(self.op)
    return nil, e
  end
  if param.type ~= "list" then
    self.next = self.next + 1
  elseif param.raw then -- everything from here on belongs to it
    self.only_positional = true
  end
  self.at = self.at + 1
  return set(self.params, param.name, param, word, param.name)
end

--- Parses the words of one operation.
---@param op table declaration
---@param words string[]
---@param global table values of the flags of every command, extended
---@return table? params
---@return prov.Err? err "usage"
function M.parse(op, words, global)
  local params = {}
  local p = setmetatable({
    name = op.name,
    op = op,
    words = table.move(words, 1, #words, 1, {}),
    at = 1,
    next = 1,
    params = params,
    positionals = params_of.split(op.params),
    known = flag_table(op.params or {}, params, global),
  }, Parser)
  while p.at <= #p.words do
    local word = p.words[p.at]
    local ok, e = true, nil
    if p.only_positional or word == "-" or word:sub(1, 1) ~= "-" then
      ok, e = p:positional(word)
    elseif word == "--" then
      p.only_positional, p.at = true, p.at + 1
    else
      ok, e = p:flag(word)
    end
    if not ok then
      return nil, e
    end
  end
  return params
end

--- Takes the flags of every command off the front: `prov -w dir server list`.
---@param words string[]
---@param global table filled
---@return string[]? rest
---@return prov.Err? err "usage"
function M.leading(words, global)
  local p = setmetatable({
    name = "",
    words = table.move(words, 1, #words, 1, {}),
    at = 1,
    known = flag_table({}, {}, global),
  }, Parser)
  while p.at <= #p.words and p.words[p.at]:sub(1, 1) == "-" and p.words[p.at] ~= "-" do
    local ok, e = p:flag(p.words[p.at])
    if not ok then
      return nil, e
    end
  end
  return table.move(p.words, p.at, #p.words, 1, {})
end

return M
