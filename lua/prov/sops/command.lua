--- What `prov secret` does with SOPS files.

local data = require("core.data")
local datafile = require("prov.datafile")
local err = require("prov.err")
local fs = require("prov.fs")
local keys = require("prov.sops.keys")
local path_of = require("prov.path")
local proc = require("prov.proc")
local recipients = require("prov.sops.recipients")
local rules = require("prov.sops.rules")
local settings = require("prov.settings")
local sops = require("prov.sops")
local suggest = require("prov.suggest")
local uv = require("luv")
local yaml = require("prov.yaml")

local M = {}

local TRIES = 20 -- to change a file that others change too

local function absolute(path)
  return path:sub(1, 1) == "/" and path or uv.cwd() .. "/" .. path
end

--- The text of a file or of the standard input, and the name that says what it is.
local function read(p)
  local text, e
  if p.file == nil or p.file == "-" then
    text, e = require("prov.stdin").read(settings.data.file_size)
    return text, text and (p.filename or "stdin") or e
  end
  text, e = fs.read(p.file, { max = settings.data.file_size })
  return text, text and (p.filename or p.file) or e
end

local function format_of(p, name)
  return p.format or sops.format_of(name)
end

--- Prints bytes as they are, or writes them to a file whole or not at all.
---@async
---@param p { file: string?, in_place: boolean?, out: string? }
---@param bytes string
---@param mode? integer of a new file
---@return true?, prov.Err?
function M.write(p, bytes, mode)
  local path = p.in_place and p.file or p.out
  if path and path ~= "-" then
    local real = fs.realpath(path) or path
    local stat = fs.stat(real)
    return fs.write_atomic(real, bytes, { mode = stat and stat.mode or mode, owner = stat })
  end
  while #bytes > 0 do
    local count, e = uv.fs_write(1, bytes, -1)
    if not count then
      return nil, err.uv(e, "cannot write")
    end
    bytes = bytes:sub(count + 1)
  end
  return true
end

local function check_in_place(p)
  if p.in_place and (p.file == nil or p.file == "-" or p.out) then
    return err.fail("usage", p.out and "--in-place and --out are two places" or "--in-place needs a file")
  end
  return true
end

-- Who may decrypt, as `sops` is told it.
local VARIABLES = { { "SOPS_AGE_RECIPIENTS", "age" }, { "SOPS_PGP_FP", "pgp" }, { "SOPS_KMS_ARN", "kms" },
  { "SOPS_VAULT_URIS", "hc_vault" } }

--- The rule for a file: of the parameters, else of .sops.yaml.
local function rule_of(p, name)
  local out, e
  local given = {}
  for _, text in ipairs(p.recipient or {}) do
    local ok
    ok, e = recipients.add(text, nil, given)
    if not ok then
      return nil, e
    end
  end
  for _, one in ipairs(p.recipient and {} or VARIABLES) do
    local ok
    ok, e = recipients.add(os.getenv(one[1]) or "", one[2], given)
    if not ok then
      return nil, e:wrap("%s", one[1])
    end
  end
  local config = p.rules or os.getenv("SOPS_CONFIG") or rules.config_of(absolute(name):match("^(.*)/[^/]*$"))
  if #given > 0 then
    out = { groups = { given } }
  elseif config then
    out, e = rules.creation_rule(absolute(config), absolute(name))
    if not out then
      return nil, e
    end
  else
    return nil, err.new("usage", "nobody to encrypt to", {
      hint = "--recipient age1..., SOPS_AGE_RECIPIENTS, SOPS_PGP_FP and their like, or creation_rules in .sops.yaml",
    })
  end
  local chosen
  for _, choice in ipairs(rules.CHOICES) do
    if p[choice] then
      chosen = chosen or {}
      chosen[choice] = p[choice]
    end
  end
  if chosen then
    for _, choice in ipairs(rules.CHOICES) do
      out[choice] = chosen[choice]
    end
  end
  out.mac_only_encrypted = p.mac_only_encrypted or out.mac_only_encrypted
  return out
end

--- A file to be encrypted that has no metadata yet, by parameters or `.sops.yaml`.
---@async
---@param p table parameters of `prov secret encrypt`
---@param text string
---@param name string of the file
---@return prov.SopsFile?, prov.Err?
function M.create(p, text, name)
  local rule, e = rule_of(p, name)
  if not rule then
    return nil, e
  end
  return sops.create(text, format_of(p, name), rule)
end

--- Encrypts a text that has no metadata yet, by parameters or `.sops.yaml`.
---@async
---@param p table parameters of `prov secret encrypt`
---@param text string
---@param name string of the file
---@return string?, prov.Err?
function M.encrypt_new(p, text, name)
  local open, e = M.create(p, text, name)
  if not open then
    return nil, e
  end
  return sops.encrypt(open, name)
end

--- `prov secret encrypt`.
---@async
function M.encrypt(p)
  local ok, e = check_in_place(p)
  if not ok then
    return nil, e
  end
  local text, name = read(p)
  if not text then
    return nil, name
  end
  text, e = M.encrypt_new(p, text, name)
  if not text then
    return nil, e
  end
  return M.write(p, text, tonumber("644", 8))
end

--- A file that is open.
---@async
---@param p table parameters of `prov secret get`
---@return table? open as prov.sops has it
---@return string|prov.Err name of the file
---@return string? text as it stands there
function M.open_file(p)
  local text, name = read(p)
  if not text then
    return nil, name
  end
  local open, e = sops.decrypt(text, { format = format_of(p, name), file = name, identities = p.identity,
    ignore_mac = p.ignore_mac })
  return open, open and name or e, text
end

--- `prov secret decrypt`.
---@async
function M.decrypt(p)
  local ok, e = check_in_place(p)
  if not ok then
    return nil, e
  end
  local open, name = M.open_file(p)
  if not open then
    return nil, name
  end
  return M.write(p, open.plain, tonumber("600", 8))
end

local function value_at(v, path)
  path = path_of.resolve(v, path)
  local found = path_of.get(v, path)
  if found == nil then
    return err.fail("notfound", "there is no %s", path_of.format(path))
  end
  return found
end

--- `prov secret get`.
---@async
function M.get(p)
  local open, name = M.open_file(p)
  if not open then
    return nil, name
  end
  local v, e = sops.value(open, name)
  if v == nil then
    return nil, e
  end
  if p.path then
    local path
    path, e = path_of.parse(p.path)
    if not path then
      return nil, e
    end
    v, e = value_at(v, path)
    if v == nil then
      e.file = name
      return nil, e
    end
  end
  return v
end

-- The new value: of the command line, of the standard input, or of a person.
local function new_value(p)
  local text, e = p.value
  if text == nil or text == "-" then
    if uv.guess_handle(0) == "tty" then
      text, e = require("prov.ask").secret("Value of " .. p.path)
    else
      text, e = require("prov.stdin").read(settings.data.file_size)
      text = text and text:gsub("\r?\n$", "")
    end
    if not text then
      return nil, e
    end
  end
  if not p.yaml then
    return text
  end
  local v
  v = yaml.decode(text)
  if v == nil then
    return err.fail("usage", "the value is no YAML")
  end
  return v
end

-- Writes a file, unless it says meanwhile what it did not when it was read; nil is a file that is not there.
local function replace(path, old, new)
  return fs.update(path, function(now)
    if now ~= old then
      return err.fail("conflict", "%s was changed by somebody else meanwhile; nothing was written", path)
    end
    return new
  end, { mode = tonumber("644", 8), max = settings.data.file_size })
end

--- Encrypts an open file and writes it where it was, unless somebody changed it meanwhile.
---@async
---@param p { file: string }
---@param open table
---@param old string text as it stood there
---@return true?, prov.Err? "conflict"
function M.save(p, open, old)
  local text, e = sops.encrypt(open, p.file)
  if not text then
    return nil, e
  end
  return replace(p.file, old, text)
end

--- Calls fn anew as long as it fails because somebody else wrote a file meanwhile, so that of several who change one
--- at once none is lost.
---@async
---@generic T
---@param fn fun(): T?, prov.Err? which reads the file, changes and writes it
---@return T?, prov.Err?
function M.anew(fn)
  for _ = 2, TRIES do
    local result, e = fn()
    if result ~= nil or e.code ~= "conflict" then
      return result, e
    end
  end
  return fn()
end

--- Changes an open file and writes it, by M.anew.
---@async
---@param p { file: string, identity: string[]?, format: string? }
---@param change fun(open: prov.SopsFile, name: string): boolean?, prov.Err? false: nothing is to be written
---@return boolean? changed
---@return prov.Err? err
function M.change(p, change)
  return M.anew(function()
    local open, name, old = M.open_file(p)
    if not open then
      return nil, name
    end
    local changed, e = change(open, name)
    if changed then
      return M.save(p, open, old)
    end
    return changed, e
  end)
end

--- `prov secret set`.
---@async
function M.set(p)
  local path, e = path_of.parse(p.path)
  if not path then
    return nil, e
  end
  local v
  if not p.delete then
    v, e = new_value(p)
    if v == nil then
      return nil, e
    end
  end
  local changed
  changed, e = M.change(p, function(open, name)
    local tree = sops.value(open, name)
    local plain = open.plain
    local ok, why = sops.change(open, tree ~= nil and path_of.resolve(tree, path) or path, v)
    if not ok then
      why.file = why.file or name
      return nil, why
    end
    return open.plain ~= plain
  end)
  if changed == nil then
    return nil, e
  end
  return { file = p.file, changed = changed }
end

local EXAMPLES = { json = '{\n    "name": "value"\n}\n', binary = "", ini = "[section]\nname = value\n",
  dotenv = "NAME=value\n", yaml = "name: value\n" }

--- Edits a text until what comes out can be encrypted, or a person gives up.
local function edit_loop(ctx, name, text, finish)
  return require("prov.sops.scratch").with(name:match("[^/]*$"), text, function(path, in_memory)
    if not in_memory then
      ctx.ui.warn("no file system in memory is here: the plain text is on disk while it is edited")
    end
    while true do
      local ok, e = require("prov.editor").open(path)
      if not ok then
        return nil, e
      end
      local new
      new, e = fs.read(path, { max = settings.data.file_size })
      if not new then
        return nil, e
      elseif new == text then
        return false
      end
      local result
      result, e = finish(new)
      if result then
        return result
      elseif not ctx.interactive then
        return nil, e
      end
      ctx.ui.warn("%s", tostring(e))
      if not ctx.ui.confirm("Edit it again?") then
        return nil, e
      end
    end
  end)
end

-- What was edited and what somebody else wrote meanwhile, by keys.
local function save_both(p, base, edited)
  local open, e, text = M.open_file(p)
  if not open then
    return nil, e
  end
  local function of(plain)
    return { format = open.format, plain = plain }
  end
  local merged, why, conflicts = require("prov.sops.git").merged(p.file:match("[^/]*$"), of(base), open, of(edited))
  if conflicts then
    return nil, err.new("conflict", "somebody else changed meanwhile " .. table.concat(conflicts, ", "),
      { file = p.file, hint = "nothing was written" })
  elseif not merged then
    return nil, why
  end
  open.plain = merged
  return M.save(p, open, text)
end

--- `prov secret edit`.
---@async
function M.edit(ctx, p)
  local result, e
  if fs.stat(p.file) then
    local open, name, old = M.open_file(p)
    if not open then
      return nil, name
    end
    local plain = open.plain
    result, e = edit_loop(ctx, p.file, plain, function(new)
      open.plain = new
      local ok, why = M.save(p, open, old)
      if not ok and why.code == "conflict" then
        return save_both(p, plain, new)
      end
      return ok, why
    end)
  else
    local rule
    rule, e = rule_of(p, p.file)
    if not rule then
      return nil, e
    end
    result, e = edit_loop(ctx, p.file, EXAMPLES[format_of(p, p.file)] or "", function(new)
      local text, why = M.encrypt_new(p, new, p.file)
      if not text then
        return nil, why
      end
      return replace(p.file, nil, text)
    end)
  end
  if result == nil then
    return nil, e
  end
  return { file = p.file, changed = result }
end

local function set_of(groups)
  local out = {}
  for i, group in ipairs(groups) do
    for _, one in ipairs(group) do
      out[("%s\0%d"):format(one.name, i)] = one.name
    end
  end
  return out
end

local function changes(old, new)
  local out = { added = data.list({}), removed = data.list({}) }
  local before, behind = set_of(old), set_of(new)
  for _, key in ipairs(data.keys(behind)) do
    if not before[key] then
      table.insert(out.added, behind[key])
    end
  end
  for _, key in ipairs(data.keys(before)) do
    if not behind[key] then
      table.insert(out.removed, before[key])
    end
  end
  return out
end

--- `prov secret rotate`.
---@async
function M.rotate(p)
  local open, name, old = M.open_file(p)
  if not open then
    return nil, name
  end
  local groups, e = keys.recipients(open.meta)
  if not groups then
    e.file = name
    return nil, e
  end
  local new, added, gone = {}, {}, {}
  local there = {}
  for _, group in ipairs(groups) do
    for _, one in ipairs(group) do
      there[one.name] = true
    end
  end
  for _, one in ipairs(p.remove_recipient or {}) do
    local recipient = recipients.parse(one)
    local known = recipient and recipient.name or one
    if not there[known] then
      return nil, err.new("notfound", ("%s is no recipient; nothing was written"):format(one), { file = name,
        hint = suggest.hint(one, data.keys(there)) })
    end
    gone[known] = true
  end
  for _, one in ipairs(p.add_recipient or {}) do
    local ok
    ok, e = recipients.add(one, nil, added)
    if not ok then
      return nil, e
    end
  end
  for i = #added, 1, -1 do
    if there[added[i].name] and not gone[added[i].name] then
      table.remove(added, i)
    end
  end
  for i, group in ipairs(groups) do
    new[i] = {}
    for _, one in ipairs(group) do
      new[i][#new[i] + 1] = not gone[one.name] and one or nil
    end
  end
  if #added > 0 and #new > 1 then
    return err.fail("usage", "the keys are in %d groups: 'prov secret updatekeys' takes them from .sops.yaml", #new)
  end
  table.move(added, 1, #added, #new[1] + 1, new[1])
  local threshold = math.tointeger(tonumber(open.meta.shamir_threshold))
  local ok
  ok, e = sops.rewrap(open, new, threshold, true)
  if not ok then
    return nil, e
  end
  ok, e = M.save(p, open, old)
  if not ok then
    return nil, e
  end
  local out = changes(groups, new)
  out.file = p.file
  out.status, out.changed, out.done, out.failed, out.skipped, out.ms = "done", true, 1, 0, 0, 0
  return out
end

--- `prov secret updatekeys`: the recipients that .sops.yaml names, the same data key.
---@async
function M.updatekeys(p)
  local open, name, old = M.open_file(p)
  if not open then
    return nil, name
  end
  local rule, e = rule_of({ rules = p.rules }, p.file)
  if not rule then
    return nil, e
  end
  local groups
  groups, e = keys.recipients(open.meta)
  if not groups then
    e.file = name
    return nil, e
  end
  local out = changes(groups, rule.groups)
  out.file = p.file
  local threshold = math.tointeger(tonumber(open.meta.shamir_threshold))
  local wanted = #rule.groups > 1 and (rule.shamir_threshold or #rule.groups) or nil
  if #out.added + #out.removed == 0 and threshold == wanted then
    return out
  end
  local ok
  ok, e = sops.rewrap(open, rule.groups, rule.shamir_threshold, false)
  if ok then
    ok, e = M.save(p, open, old)
  end
  return ok and out, e
end

--- `prov secret publish`: to the place that a rule of .sops.yaml names.
---@async
function M.publish(ctx, p)
  local config = p.rules or os.getenv("SOPS_CONFIG") or rules.config_of(absolute(p.file):match("^(.*)/[^/]*$"))
  if not config then
    return nil, err.new("usage", "no .sops.yaml is here or above", { hint = "destination_rules in it say where to" })
  end
  local rule, e = rules.destination_rule(absolute(config), absolute(p.file))
  if not rule then
    return nil, e
  end
  local open, name, text = M.open_file(p)
  if not open then
    return nil, name
  end
  if rule.recreation then
    local new
    new, e = sops.create(open.plain, open.format, rule.recreation)
    text, e = new and sops.encrypt(new, name), e
    if not text then
      return nil, e
    end
  end
  return require("prov.sops.publish").publish(ctx, rule, { file = p.file, text = text, open = open,
    omit_extension = p.omit_extensions or rule.omit_extensions })
end

--- The text of a file as git has it.
local function of_git(file, revision)
  local dir, base = absolute(file):match("^(.*)/([^/]*)$")
  local result, e = proc.run({ "git", "-C", dir, "show", ("%s:./%s"):format(revision, base) })
  if not result then
    return nil, e
  elseif result.code ~= 0 then
    return err.fail("notfound", "git has no %s of %s: %s", revision, file, result.stderr:match("^[^\n]*"))
  end
  return result.stdout
end

--- `prov secret diff`.
---@async
function M.diff(p)
  local function value(file, text, named)
    local format = format_of(p, file)
    if text and not (select(2, sops.read(text, format, named))) then
      return nil
    end
    local open, e = sops.decrypt(text, { format = format, file = named, identities = p.identity })
    if not open then
      return nil, e
    end
    return sops.value(open, named)
  end
  local names, texts = { p.a, p.b or p.a }, {}
  for i = p.b and 1 or 2, 2 do
    local e
    texts[i], e = fs.read(names[i], { max = settings.data.file_size })
    if not texts[i] then
      return nil, e
    end
  end
  if not p.b then
    local e
    texts[1], e = of_git(p.a, p.revision)
    if not texts[1] then
      return nil, e
    end
  end
  local values = {}
  for i = 1, 2 do
    local e
    values[i], e = value(names[i], texts[i], not p.b and i == 1 and p.revision .. ":" .. p.a or names[i])
    if values[i] == nil then
      return nil, e
    end
  end
  local out = datafile.differences(values[1], values[2])
  if not p.values then
    for _, one in ipairs(out) do
      one.before = one.before ~= nil and "(secret)" or nil
      one.after = one.after ~= nil and "(secret)" or nil
    end
  end
  return { same = #out == 0, changes = out }
end

--- `prov secret exec-env`.
---@async
function M.exec_env(p)
  local open, name = M.open_file(p)
  if not open then
    return nil, name
  end
  local v, e = sops.value(open, name)
  if v == nil then
    return nil, e
  elseif type(v) ~= "table" or data.kind(v) ~= "map" then
    return nil, err.new("invalid", "only a map can be an environment", { file = name })
  end
  local env = {}
  for key, one in pairs(v) do
    if type(one) == "table" and one ~= data.null then
      local msg = ("%s is a %s: a variable is one text"):format(key, data.kind(one))
      return nil, err.new("invalid", msg, { file = name })
    elseif key:find("[=%z]") or key == "" or tostring(one):find("\0", 1, true) then
      return nil, err.new("invalid", ("%s cannot be a variable"):format(key), { file = name })
    end
    env[key] = one == data.null and "" or tostring(one)
  end
  return proc.foreground(p.command, { env = env })
end

--- `prov secret exec-file`.
---@async
function M.exec_file(p)
  local open, name = M.open_file(p)
  if not open then
    return nil, name
  end
  return require("prov.sops.scratch").with(p.file:match("[^/]*$"), open.plain, function(path)
    local argv, found = {}, false
    for i, word in ipairs(p.command) do
      argv[i] = word:gsub("{}", function()
        found = true
        return path
      end)
    end
    if not found then
      return err.fail("usage", "no {} in the command: it stands for the name of the file")
    end
    return proc.foreground(argv)
  end)
end

return M
