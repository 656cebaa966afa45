--- What is encrypted and for whom: the choice of values in a file, and the creation rules of .sops.yaml.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local regex = require("prov.contract.regex")
local suggest = require("prov.suggest")
local yaml = require("prov.yaml")

local M = {}

local MAX = 1024 * 1024
local ANY = "[\\s\\S]*"
local DEFAULT_SUFFIX = "_unencrypted"

--- The ways to choose, of which a file has one.
M.CHOICES = { "unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex",
  "unencrypted_comment_regex", "encrypted_comment_regex" }

-- The alternatives of an expression outside of groups; that a repetition is lazy does not matter here.
local function alternatives(source)
  local out, part, depth, class, at = {}, {}, 0, false, 1
  while at <= #source do
    local char = source:sub(at, at)
    local before = part[#part]
    if char == "\\" then
      char = source:sub(at, at + 1)
      at = at + 1
    elseif class then
      class = char ~= "]" or before == "[" or before == "^" and part[#part - 1] == "["
    elseif char == "[" then
      class = true
    elseif char == "(" or char == ")" then
      depth = depth + (char == "(" and 1 or -1)
    elseif char == "?" and (before == "*" or before == "+" or before == "?" or before == "}") then
      char = nil
    elseif char == "|" and depth == 0 then
      out[#out + 1], part, char = part, {}, nil
    end
    part[#part + 1] = char
    at = at + 1
  end
  out[#out + 1] = part
  return out
end

--- A test whether an expression matches somewhere in a text. Of RE2's notation it takes what prov.contract.regex does.
---@param source string
---@return (fun(text: string): boolean)?
---@return prov.Err? err "unsupported"
function M.matcher(source)
  local out = {}
  for _, part in ipairs(alternatives((source:gsub("^%(%^|/%)(.*)$", "^%1|/%1")))) do
    local before, behind = ANY, ANY
    if part[1] == "^" then
      table.remove(part, 1)
      before = ""
    end
    if part[#part] == "$" then
      part[#part] = nil
      behind = ""
    end
    out[#out + 1] = ("(?:%s%s%s)"):format(before, table.concat(part), behind)
  end
  local matches, problem = regex.compile(table.concat(out, "|"))
  if not matches then
    return err.fail("unsupported", "the regular expression %s: %s", source, problem)
  end
  return matches
end

--- The choice that metadata make: a function that says of a leaf whether it is encrypted.
---@param meta table
---@return (fun(leaf: table): boolean)?
---@return prov.Err? err
function M.chooser(meta)
  local name, given
  for _, choice in ipairs(M.CHOICES) do
    if type(meta[choice]) == "string" and meta[choice] ~= "" then
      if name then
        return err.fail("invalid", "%s and %s: a file has one of them", name, choice)
      end
      name, given = choice, meta[choice]
    end
  end
  if not name then
    name, given = "unencrypted_suffix", DEFAULT_SUFFIX
  end
  local wanted = name:find("^encrypted") ~= nil
  local matches, e
  if name:find("regex$") then
    matches, e = M.matcher(given)
    if not matches then
      return nil, e
    end
  else
    function matches(text)
      return text:sub(-#given) == given
    end
  end
  local is_comment = name:find("comment", 1, true)
  return function(leaf)
    local list = is_comment and leaf.comments or leaf.path
    for i, text in ipairs(list) do
      -- The comment that says so is not encrypted itself.
      if not (is_comment and wanted and leaf.kind == "comment" and i == #list) and matches(text) then
        return wanted
      end
    end
    return not wanted
  end
end

local OTHERS = { kms = "AWS KMS", pgp = "PGP", gcp_kms = "GCP KMS", hckms = "Huawei KMS",
  azure_keyvault = "Azure Key Vault", hc_vault_transit_uri = "Vault", hc_vault = "Vault", azure_kv = "Azure Key Vault" }
M.OTHERS = OTHERS

local RULE = { "path_regex", "age", "key_groups", "shamir_threshold", "mac_only_encrypted", "aws_profile",
  table.unpack(M.CHOICES) }
for name in pairs(OTHERS) do
  RULE[#RULE + 1] = name
end
local IN_RULE = {}
for _, name in ipairs(RULE) do
  IN_RULE[name] = true
end

local function recipients(v, out)
  for _, text in ipairs(data.kind(v) == "list" and v or { v }) do
    for one in tostring(text):gmatch("[^,\n]+") do
      one = one:match("^%s*(.-)%s*$")
      if one ~= "" then
        out[#out + 1] = one
      end
    end
  end
  return out
end

local function group_of(v, out)
  for _, inner in ipairs(v.merge or {}) do
    local ok, e = group_of(inner, out)
    if not ok then
      return nil, e
    end
  end
  for name, title in pairs(OTHERS) do
    local given = v[name]
    if given and given ~= data.null and given ~= "" and not (type(given) == "table" and next(given) == nil) then
      return err.fail("unsupported", "%s: prov encrypts to recipients of age, not to keys of %s", name, title)
    end
  end
  if v.age and v.age ~= data.null then
    recipients(v.age, out)
  end
  return out
end

local function unique(list)
  local out, seen = {}, {}
  for _, one in ipairs(list) do
    if not seen[one] then
      seen[one], out[#out + 1] = true, one
    end
  end
  return out
end

-- What a rule says: { groups, shamir_threshold, ...choice }.
local function read_rule(rule)
  local out = { shamir_threshold = rule.shamir_threshold, mac_only_encrypted = rule.mac_only_encrypted or nil,
    groups = {} }
  for _, group in ipairs(rule.key_groups and #rule.key_groups > 0 and rule.key_groups or { rule }) do
    local list, e = group_of(group, {})
    if not list then
      return nil, e
    end
    out.groups[#out.groups + 1] = unique(list)
  end
  for _, choice in ipairs(M.CHOICES) do
    out[choice] = rule[choice]
  end
  return out
end

--- The file .sops.yaml in a folder or above it.
---@param dir string absolute
---@return string? path
function M.config_of(dir)
  while true do
    local path = (dir == "/" and "" or dir) .. "/.sops.yaml"
    if fs.stat(path) then
      return path
    elseif dir == "/" or dir == "" then
      return nil
    end
    dir = dir:match("^(.*)/[^/]*$")
    dir = dir == "" and "/" or dir
  end
end

local function at(problem, config, place, path)
  problem.file = config
  problem.line, problem.column = place(path)
  return nil, problem
end

-- The creation rules of a .sops.yaml, and where its values stand.
local function load(config)
  local text, e = fs.read(config, { max = MAX })
  if not text then
    return nil, e
  end
  local v, place = yaml.decode(text, { file = config })
  if v == nil then
    return nil, place
  end
  local rules = type(v) == "table" and v.creation_rules
  if type(rules) ~= "table" or data.kind(rules) ~= "list" then
    return at(err.new("invalid", "creation_rules is missing, a list of rules"), config, place, {})
  end
  for i, rule in ipairs(rules) do
    local path = { "creation_rules", i }
    if data.kind(rule) ~= "map" then
      return at(err.new("invalid", "a rule is a map"), config, place, path)
    end
    for key in pairs(rule) do
      if not IN_RULE[key] then
        local problem = suggest.unknown("field", key, RULE)
        problem.code = "invalid"
        return at(problem, config, place, { "creation_rules", i, key })
      end
    end
  end
  return rules, place
end

-- The name of a file as rules look at it.
local function relative(config, file)
  local folder = config:match("^(.*)/[^/]*$") .. "/"
  return file:sub(1, #folder) == folder and file:sub(#folder + 1) or file
end

-- A test of names; nil for a rule that is about every file.
local function path_matcher(rule, config, place, i)
  if not rule.path_regex or rule.path_regex == "" then
    return nil
  end
  local fn, problem = M.matcher(rule.path_regex)
  if not fn then
    return at(problem, config, place, { "creation_rules", i, "path_regex" })
  end
  return fn
end

--- The first creation rule that is about a file.
---@param config string path of .sops.yaml
---@param file string absolute path
---@return table? rule { groups, shamir_threshold?, mac_only_encrypted?, ...choice }
---@return prov.Err? err "notfound"
function M.creation_rule(config, file)
  local rules, place = load(config)
  if not rules then
    return nil, place
  end
  local name = relative(config, file)
  for i, rule in ipairs(rules) do
    local matches, problem = path_matcher(rule, config, place, i)
    if problem then
      return nil, problem
    elseif not matches or matches(name) then
      local out
      out, problem = read_rule(rule)
      if not out then
        return at(problem, config, place, { "creation_rules", i })
      end
      return out
    end
  end
  return nil, err.new("notfound", ("no creation rule is about %s"):format(name), { file = config,
    hint = "a rule without path_regex, as the last one, is about all files" })
end

--- A test whether a rule names a file: by its path_regex, for a rule about all files names none.
---@param config string path of .sops.yaml
---@return (fun(file: string): boolean)? of absolute paths
---@return prov.Err? err
function M.named(config)
  local rules, place = load(config)
  if not rules then
    return nil, place
  end
  local list = {}
  for i, rule in ipairs(rules) do
    local matches, problem = path_matcher(rule, config, place, i)
    if problem then
      return nil, problem
    elseif not matches then
      break
    end
    list[i] = matches
  end
  return function(file)
    local name = relative(config, file)
    for _, matches in ipairs(list) do
      if matches(name) then
        return true
      end
    end
    return false
  end
end

return M
