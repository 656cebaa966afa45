--- The data key of a SOPS file: wrapped for recipients of age, in one group or in several with shares of it.

local age = require("prov.age")
local age_keys = require("prov.age.keys")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local proc = require("prov.proc")
local rules = require("prov.sops.rules")
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
    return age_keys.identities_file(source.path, {}, age_keys.ask)
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
  return age_keys.identities(text, source.name, {}, age_keys.ask)
end

--- A finder of identities: it reads each place once, when it comes to it.
---@param given? string[] files of identities
---@return fun(recipient: string, try: fun(identities: table): any, prov.Err?): any, prov.Err[]
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
      local found, e
      if loaded[name] then
        found, e = try(loaded[name])
      end
      if found then
        return found, problems
      elseif e and e.code ~= "notfound" then -- it is meant, and does not open it: that comes first
        table.insert(problems, 1, e)
      end
    end
    return nil, problems
  end
end

--- The groups of keys in metadata.
---@param meta table
---@return table[] groups each a map of lists by type
function M.groups(meta)
  local flat = {}
  for _, name in ipairs({ "age", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp" }) do
    local list = meta[name]
    if type(list) == "table" and list ~= data.null and #list > 0 then
      flat[name] = list
    end
  end
  if next(flat) then
    return { flat }
  end
  return type(meta.key_groups) == "table" and meta.key_groups ~= data.null and meta.key_groups or {}
end

-- What a group keeps: the data key, or a share of it.
local function open_group(group, find)
  for _, entry in ipairs(type(group.age) == "table" and group.age or {}) do
    local found, problems = find(entry.recipient, function(identities)
      return age.decrypt(entry.enc, identities)
    end)
    if found then
      return found
    end
    group.problems = problems
  end
end

local function describe(group)
  local out = {}
  for _, entry in ipairs(type(group.age) == "table" and group.age or {}) do
    out[#out + 1] = entry.recipient
  end
  for name, title in pairs(rules.OTHERS) do
    if type(group[name]) == "table" and group[name][1] then
      out[#out + 1] = ("%d of %s, which prov cannot use"):format(#group[name], title)
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
  local shares, missing, first = {}, {}, nil
  local threshold = math.tointeger(tonumber(meta.shamir_threshold)) or 0
  local wanted = #groups == 1 and 1 or threshold > 0 and threshold or #groups
  for _, group in ipairs(groups) do
    if #shares < wanted then
      local share = open_group(group, find)
      shares[#shares + 1] = share
      if not share then
        missing[#missing + 1] = describe(group)
        first = first or group.problems and group.problems[1]
      end
      group.problems = nil
    end
  end
  if #shares < wanted then
    local whom = table.concat(missing, "; ")
    local msg = wanted == 1 and "no key here opens it; it is for " .. whom
      or ("keys of %d groups open it, and there are some of %d; those of %s are missing"):format(wanted, #shares, whom)
    return nil, err.new("auth", msg, { file = file, cause = first, hint = first and tostring(first)
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

-- A recipient in an error; an identity that stands there by mistake is not shown.
local function shown(text)
  return text:find("^AGE%-") and "AGE-..." or text:find("PRIVATE KEY", 1, true) and "that is a private key" or text
end

--- Wraps a data key for groups of recipients: the metadata that say so.
---@async
---@param key string
---@param groups string[][] recipients
---@param threshold? integer
---@return table? meta { age } or { key_groups, shamir_threshold }
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
    local list = data.list({})
    for _, text in ipairs(group) do
      local recipient, enc
      recipient, e = age_keys.recipient(text)
      if not recipient then
        return nil, e:wrap("the recipient %s", shown(text))
      end
      enc, e = age.encrypt(shares[i], { recipient }, { armor = true })
      if not enc then
        return nil, e:wrap("the recipient %s", shown(text))
      end
      list[#list + 1] = { recipient = text, enc = enc }
    end
    if #list == 0 then
      return nil, err.new("usage", #groups == 1 and "nobody to encrypt to" or "a group of keys is empty",
        { hint = "--recipient age1..., or creation_rules in .sops.yaml" })
    end
    out[i] = { age = list }
  end
  if #out == 1 then
    return { age = out[1].age }
  end
  return { key_groups = out, shamir_threshold = threshold }
end

--- The recipients of metadata, by group.
---@param meta table
---@return string[][]? groups
---@return prov.Err? err "unsupported": there are keys of others
function M.recipients(meta)
  local out = {}
  for i, group in ipairs(M.groups(meta)) do
    out[i] = {}
    for name, title in pairs(rules.OTHERS) do
      if type(group[name]) == "table" and group[name][1] then
        return err.fail("unsupported", "it has keys of %s, which prov cannot wrap a key for", title)
      end
    end
    for _, entry in ipairs(group.age or {}) do
      table.insert(out[i], entry.recipient)
    end
  end
  return out
end

return M
