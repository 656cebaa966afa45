--- What is encrypted and for whom: the choice of values in a file, and the creation rules of .sops.yaml.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local recipients = require("prov.sops.recipients")
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
  local known = {} -- text -> whether it fits; the same names come again and again
  return function(leaf)
    local list = is_comment and leaf.comments or leaf.path
    local last = is_comment and leaf.comments_to or #list
    if is_comment and wanted and leaf.kind == "comment" then
      last = last - 1 -- the comment that says so is not encrypted itself
    end
    for i = 1, last do
      local text = list[i]
      local fits = known[text]
      if fits == nil then
        fits = matches(text)
        known[text] = fits
      end
      if fits then
        return wanted
      end
    end
    return not wanted
  end
end

local RULE = { "path_regex", "age", "pgp", "kms", "hc_vault_transit_uri", "key_groups", "shamir_threshold",
  "mac_only_encrypted", "aws_profile", table.unpack(M.CHOICES) }
for name in pairs(recipients.OTHERS) do
  RULE[#RULE + 1] = name
end

-- Whether a rule has no other fields; else which one, and what is wrong.
local function check(rule, fields)
  local known = {}
  for _, name in ipairs(fields) do
    known[name] = true
  end
  for key in pairs(data.kind(rule) == "map" and rule or {}) do
    if not known[key] then
      local problem = suggest.unknown("field", key, fields)
      problem.code = "invalid"
      return false, key, problem
    end
  end
  return true
end

local function is_there(v)
  return v ~= nil and v ~= data.null and v ~= "" and not (type(v) == "table" and next(v) == nil)
end

-- The recipients of a text or a list of texts.
local function add(v, kind, out)
  if not is_there(v) then
    return out
  end
  for _, text in ipairs(data.kind(v) == "list" and v or { v }) do
    local ok, e = recipients.add(tostring(text), kind, out)
    if not ok then
      return nil, e
    end
  end
  return out
end

-- The keys of AWS: of a group maps, of a rule texts, that a profile is for.
local function add_kms(v, profile, out)
  if data.kind(v) == "list" and data.kind(v[1]) == "map" then
    for _, one in ipairs(v) do
      out[#out + 1] = recipients.of("kms", one)
    end
    return out
  end
  local list, e = add(v, "kms", {})
  for _, one in ipairs(list or {}) do
    one.aws_profile = one.aws_profile or profile
    out[#out + 1] = recipients.of("kms", one)
  end
  return list and out, e
end

local function group_of(v, out)
  for _, inner in ipairs(is_there(v.merge) and v.merge or {}) do
    local ok, e = group_of(inner, out)
    if not ok then
      return nil, e
    end
  end
  for name, title in pairs(recipients.OTHERS) do
    if is_there(v[name]) then
      return err.fail("unsupported", "%s: prov cannot encrypt to keys of %s", name, title)
    end
  end
  local ok, e = add(v.age, "age", out)
  if ok then
    ok, e = add(v.pgp, "pgp", out)
  end
  if ok and is_there(v.kms) then
    ok, e = add_kms(v.kms, is_there(v.aws_profile) and v.aws_profile or nil, out)
  end
  if ok then
    ok, e = add(v.hc_vault_transit_uri or v.hc_vault, "hc_vault", out)
  end
  return ok and out, e
end

local function unique(list)
  local out, seen = {}, {}
  for _, one in ipairs(list) do
    if not seen[one.name] then
      seen[one.name], out[#out + 1] = true, one
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

-- A problem with the place it has in the file.
local function placed(problem, config, place, path)
  problem.file = config
  problem.line, problem.column = place(path)
  return nil, problem
end

-- The rules of a list in .sops.yaml, and where its values stand.
local function load(config, list)
  local text, e = fs.read(config, { max = MAX })
  if not text then
    return nil, e
  end
  local v, place = yaml.decode(text, { file = config })
  if v == nil then
    return nil, place
  end
  local rules = type(v) == "table" and v[list]
  if type(rules) ~= "table" or data.kind(rules) ~= "list" then
    return placed(err.new("invalid", list .. " is missing, a list of rules"), config, place, {})
  end
  return rules, place
end

-- The name of a file as rules look at it.
local function relative(config, file)
  local folder = config:match("^(.*)/[^/]*$") .. "/"
  return file:sub(1, #folder) == folder and file:sub(#folder + 1) or file
end

-- A test of names; nil for a rule that is about every file. Rules are looked at one after another, and no further than
-- the one that is wanted.
local function path_matcher(rule, config, place, list, i, fields)
  if data.kind(rule) ~= "map" then
    return placed(err.new("invalid", "a rule is a map"), config, place, { list, i })
  end
  local ok, key, wrong = check(rule, fields)
  if not ok then
    return placed(wrong, config, place, { list, i, key })
  elseif not rule.path_regex or rule.path_regex == "" then
    return nil
  end
  local fn, problem = M.matcher(rule.path_regex)
  if not fn then
    return placed(problem, config, place, { list, i, "path_regex" })
  end
  return fn
end

-- The first rule of a list in .sops.yaml that is about a file, and a function that says of an error where it is.
local function find(config, file, list, fields)
  local rules, place = load(config, list)
  if not rules then
    return nil, place
  end
  local name = relative(config, file)
  for i, rule in ipairs(rules) do
    local matches, problem = path_matcher(rule, config, place, list, i, fields)
    if problem then
      return nil, problem
    elseif not matches or matches(name) then
      return rule, function(why)
        return placed(why, config, place, { list, i })
      end
    end
  end
  local kind = list:gsub("_rules$", "")
  return nil, err.new("notfound", ("no %s rule is about %s"):format(kind, name), { file = config,
    hint = "a rule without path_regex, as the last one, is about all files" })
end

--- The first creation rule that is about a file.
---@param config string path of .sops.yaml
---@param file string absolute path
---@return table? rule { groups, shamir_threshold?, mac_only_encrypted?, ...choice }
---@return prov.Err? err "notfound"
function M.creation_rule(config, file)
  local rule, at = find(config, file, "creation_rules", RULE)
  if not rule then
    return nil, at
  end
  local out, e = read_rule(rule)
  if not out then
    return at(e)
  end
  return out
end

local DESTINATION = { "path_regex", "s3_bucket", "s3_prefix", "gcs_bucket", "gcs_prefix", "vault_path", "vault_address",
  "vault_kv_mount_name", "vault_kv_version", "recreation_rule", "omit_extensions" }

--- The first destination rule that is about a file: its fields, and `recreation`, the rule to encrypt it anew by.
---@param config string path of .sops.yaml
---@param file string absolute path
---@return table? rule
---@return prov.Err? err "notfound"; "unsupported": Google's storage
function M.destination_rule(config, file)
  local rule, at = find(config, file, "destination_rules", DESTINATION)
  if not rule then
    return nil, at
  end
  local out, places = {}, {}
  for _, field in ipairs(DESTINATION) do
    out[field] = is_there(rule[field]) and rule[field] or nil
    if out[field] and (field == "s3_bucket" or field == "gcs_bucket" or field == "vault_path") then
      places[#places + 1] = field
    end
  end
  if #places ~= 1 then
    return at(err.new("invalid", #places == 0 and "a destination is an s3_bucket or a vault_path"
      or "a destination is one of " .. table.concat(places, ", ")))
  elseif out.gcs_bucket then
    return at(err.new("unsupported", "gcs_bucket: prov publishes to S3 and Vault"))
  elseif out.recreation_rule then
    local ok, _, problem = check(out.recreation_rule, RULE)
    if ok then
      out.recreation, problem = read_rule(out.recreation_rule)
    end
    if problem then
      return at(problem)
    end
    out.recreation = #out.recreation.groups[1] > 0 and out.recreation or nil
  end
  return out
end

--- A test whether a rule names a file: by its path_regex, for a rule about all files names none.
---@param config string path of .sops.yaml
---@return (fun(file: string): boolean)? of absolute paths
---@return prov.Err? err
function M.named(config)
  local rules, place = load(config, "creation_rules")
  if not rules then
    return nil, place
  end
  local list = {}
  for i, rule in ipairs(rules) do
    local matches, problem = path_matcher(rule, config, place, "creation_rules", i, RULE)
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
