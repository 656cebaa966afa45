--- The data key of a SOPS file: wrapped for recipients, in one group or in several with shares of it.

local age = require("prov.age")
local age_keys = require("prov.age.keys")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local proc = require("prov.proc")
local recipients = require("prov.sops.recipients")
local shamir = require("prov.shamir")
local uv = require("luv")

local M = {}

local SIZE = 32

-- The words of a command, as a shell splits them.
local function words(text)
  local out, word, at = {}, nil, 1
  while at <= #text do
    local char = text:sub(at, at)
    if char:find("%s") then
      out[#out + 1], word = word, nil
    elseif char == "'" or char == '"' then
      local stop = text:find(char, at + 1, true) or #text + 1
      word, at = (word or "") .. text:sub(at + 1, stop - 1), stop
    else
      if char == "\\" then
        at = at + 1
        char = text:sub(at, at)
      end
      word = (word or "") .. char
    end
    at = at + 1
  end
  out[#out + 1] = word
  return out
end

local function command_output(text, recipient)
  local argv = words(text)
  if #argv == 0 then
    return err.fail("invalid", "the command for keys is empty")
  end
  argv.env = { SOPS_AGE_RECIPIENT = recipient }
  argv.timeout = 60000
  local result, e = proc.run(argv)
  if not result then
    return nil, e
  elseif result.code ~= 0 then
    return err.fail("failed", "%s, the command for keys, ended with code %d", argv[1], result.code)
  end
  return result.stdout
end

-- The places of keys, in order: { name, what it is read from }.
local function sources(given, recipient)
  local home = os.getenv("HOME") or ""
  local config = os.getenv("XDG_CONFIG_HOME")
  config = config and config ~= "" and config or home .. "/.config"
  local out = {}
  for _, path in ipairs(given or {}) do
    out[#out + 1] = { name = path, path = path, must = true }
  end
  local function variable(name, kind)
    local v = uv.os_getenv(name)
    if v then
      out[#out + 1] = { name = name, [kind] = v, must = true }
    end
  end
  variable("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "path")
  variable("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "command")
  variable("SOPS_AGE_KEY", "text")
  variable("SOPS_AGE_KEY_FILE", "path")
  variable("SOPS_AGE_KEY_CMD", "command")
  variable("PROV_AGE_KEY_FILE", "path")
  for _, path in ipairs({ config .. "/sops/age/keys.txt", home .. "/.ssh/id_ed25519", home .. "/.ssh/id_rsa" }) do
    if fs.stat(path) then
      out[#out + 1] = { name = path, path = path }
    end
  end
  for _, one in ipairs(out) do
    one.recipient = recipient
  end
  return out
end

local function load(source)
  if source.path then
    return age_keys.identities_file(source.path, {})
  end
  local text, e = source.text
  if source.command then
    text, e = command_output(source.command, source.recipient)
    if not text then
      return nil, e
    end
  else -- several may stand on a line
    text = text:gsub("AGE%-SECRET%-KEY%-", "\n%0"):gsub("AGE%-PLUGIN%-", "\n%0")
  end
  return age_keys.identities(text, source.name, {})
end

--- A finder of identities: it reads each place once, when it comes to it.
---@param given? string[] files of identities
---@return fun(recipient: string, try: fun(identities: table): any): any, prov.Err[]
function M.finder(given)
  local loaded, problems = {}, {}
  return function(recipient, try)
    for _, source in ipairs(sources(given, recipient)) do
      local name = source.command and source.name .. "\0" .. recipient or source.name
      if loaded[name] == nil then
        local list, e = load(source)
        if not list then
          problems[#problems + 1] = e
          if source.must and e.code ~= "auth" and source.path and not e.file then
            e.file = source.path
          end
        end
        loaded[name] = list or false
      end
      local found = loaded[name] and try(loaded[name])
      if found then
        return found, problems
      end
    end
    return nil, problems
  end
end

-- All the lists of keys that metadata may have.
local function lists()
  local out = table.move(recipients.LISTS, 1, #recipients.LISTS, 1, {})
  for _, name in ipairs(data.keys(recipients.OTHERS)) do
    out[#out + 1] = name
  end
  return out
end

local function entries(group, name)
  local out, list = {}, type(group) == "table" and group[name]
  for _, entry in ipairs(type(list) == "table" and list ~= data.null and list or {}) do
    out[#out + 1] = type(entry) == "table" and entry or nil
  end
  return out
end

--- Takes the keys out of metadata, so that others can come.
---@param meta table
function M.clear(meta)
  for _, name in ipairs(lists()) do
    meta[name] = nil
  end
  meta.key_groups, meta.shamir_threshold = nil, nil
end

--- The groups of keys in metadata.
---@param meta table
---@return table[] groups each a map of lists by type
function M.groups(meta)
  local flat = {}
  for _, name in ipairs(lists()) do
    local list = entries(meta, name)
    if #list > 0 then
      flat[name] = list
    end
  end
  if next(flat) then
    return { flat }
  end
  return type(meta.key_groups) == "table" and meta.key_groups ~= data.null and meta.key_groups or {}
end

-- The kinds of keys in the order in which they are tried: what needs nobody but this machine first.
local function order()
  local out, seen = {}, {}
  local function add(name)
    if not seen[name] then
      seen[name], out[#out + 1] = true, name
    end
  end
  for name in (os.getenv("SOPS_DECRYPTION_ORDER") or ""):gmatch("[^,%s]+") do
    add(name)
  end
  for _, name in ipairs({ "age", "pgp", "kms", "hc_vault" }) do
    add(name)
  end
  return out
end

local function open_age(group, find, problems)
  for _, entry in ipairs(entries(group, "age")) do
    local found, why = find(entry.recipient, function(identities)
      return (age.decrypt(entry.enc, identities))
    end)
    if found then
      return found
    end
    problems[1] = problems[1] or why[1]
  end
end

-- What a group keeps: the data key, or a share of it.
local function open_group(group, find, problems)
  for _, kind in ipairs(order()) do
    if kind == "age" then
      local found = open_age(group, find, problems)
      if found then
        return found
      end
    elseif recipients.can(kind) then
      for _, entry in ipairs(entries(group, kind)) do
        local found, e = recipients.unwrap(kind, entry)
        if found then
          return found
        end
        problems[#problems + 1] = e
      end
    end
  end
end

local function describe(group)
  local out = {}
  for _, kind in ipairs(recipients.LISTS) do
    for _, entry in ipairs(entries(group, kind)) do
      out[#out + 1] = recipients.of(kind, entry).name
    end
  end
  for name, title in pairs(recipients.OTHERS) do
    local list = entries(group, name)
    if #list > 0 then
      out[#out + 1] = ("%d of %s, which prov cannot use"):format(#list, title)
    end
  end
  table.sort(out)
  return table.concat(out, ", ")
end

--- Opens the data key.
---@async
---@param meta table
---@param find function of M.finder
---@param file string for errors
---@return string? key
---@return prov.Err? err "auth"
function M.open(meta, find, file)
  local groups = M.groups(meta)
  if #groups == 0 then
    return nil, err.new("corrupt", "the metadata name no key", { file = file })
  end
  local shares, missing, problems = {}, {}, {}
  local threshold = math.tointeger(tonumber(meta.shamir_threshold)) or 0
  local wanted = #groups == 1 and 1 or threshold > 0 and threshold or #groups
  for _, group in ipairs(groups) do
    if #shares < wanted then
      local share = open_group(group, find, problems)
      shares[#shares + 1] = share
      if not share then
        missing[#missing + 1] = describe(group)
      end
    end
  end
  if #shares < wanted then
    local whom = table.concat(missing, "; ")
    local msg = wanted == 1 and "no key here opens it; it is for " .. whom
      or ("keys of %d groups open it, and there are some of %d; those of %s are missing"):format(wanted, #shares, whom)
    local said = {}
    for i, e in ipairs(problems) do
      said[i] = tostring(e) .. (e.hint and " (" .. e.hint .. ")" or "")
    end
    return nil, err.new("auth", msg, { file = file, cause = problems[1], hint = #said > 0 and table.concat(said, "; ")
      or "keys are looked for in --identity, SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, ~/.config/sops/age/keys.txt and ~/.ssh" })
  end
  local key = shares[1]
  if wanted > 1 then
    local e
    key, e = shamir.combine(shares)
    if not key then
      e.file = file
      return nil, e
    end
  end
  if #key ~= SIZE then
    return nil, err.new("corrupt", ("the data key has %d bytes instead of %d"):format(#key, SIZE), { file = file })
  end
  return key
end

--- A new data key.
---@return string? key
---@return prov.Err? err
function M.generate()
  return crypto.random(SIZE)
end

--- Wraps a data key for groups of recipients: the metadata that say so.
---@async
---@param key string
---@param groups (string|prov.sops.Recipient)[][]
---@param threshold? integer
---@return table? meta { age, pgp, ... } or { key_groups, shamir_threshold }
---@return prov.Err? err
function M.wrap(key, groups, threshold)
  local shares, e = { key }
  threshold = threshold and threshold > 0 and threshold or #groups
  if #groups > 1 then
    shares, e = shamir.split(key, #groups, threshold)
    if not shares then
      e.hint = "shamir_threshold is 2 to the number of key groups"
      return nil, e
    end
  end
  local out = data.list({})
  for i, group in ipairs(groups) do
    local lists_of = {}
    for _, one in ipairs(group) do
      local recipient, entry = one, nil
      if type(one) == "string" then
        recipient, e = recipients.parse(one)
      end
      if recipient then
        entry, e = recipients.wrap(recipient, shares[i])
      end
      if not entry then
        return nil, e
      end
      lists_of[recipient.kind] = lists_of[recipient.kind] or data.list({})
      table.insert(lists_of[recipient.kind], entry)
    end
    if next(lists_of) == nil then
      return nil, err.new("usage", #groups == 1 and "nobody to encrypt to" or "a group of keys is empty",
        { hint = "--recipient age1..., or creation_rules in .sops.yaml" })
    end
    out[i] = lists_of
  end
  if #out == 1 then
    return out[1]
  end
  return { key_groups = out, shamir_threshold = threshold }
end

--- The recipients of metadata, by group.
---@param meta table
---@return prov.sops.Recipient[][]? groups
---@return prov.Err? err "unsupported": there are keys of others
function M.recipients(meta)
  local out = {}
  for i, group in ipairs(M.groups(meta)) do
    out[i] = {}
    for name, title in pairs(recipients.OTHERS) do
      if #entries(group, name) > 0 then
        return err.fail("unsupported", "it has keys of %s, which prov cannot wrap a key for", title)
      end
    end
    for _, kind in ipairs(recipients.LISTS) do
      for _, entry in ipairs(entries(group, kind)) do
        table.insert(out[i], recipients.of(kind, entry))
      end
    end
  end
  return out
end

return M
