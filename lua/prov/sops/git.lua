--- What git asks of prov about SOPS files: their plain text for a diff, and a merge by keys.

local command = require("prov.sops.command")
local err = require("prov.err")
local fs = require("prov.fs")
local history = require("prov.leaks.history")
local keys = require("prov.sops.keys")
local merge = require("prov.sops.merge")
local proc = require("prov.proc")
local scratch = require("prov.sops.scratch")
local settings = require("prov.settings")
local sops = require("prov.sops")
local rules = require("prov.sops.rules")
local uv = require("luv")

local M = {}

local function read(path)
  return fs.read(path, { max = settings.data.file_size })
end

--- `prov secret git-textconv`: the plain text of a file, or the file itself when it is not encrypted, or nobody here
--- can decrypt it: a diff is never refused.
---@async
---@param p { file: string, identity: string[]? }
---@return true?, prov.Err?
function M.textconv(p)
  local text, e = read(p.file)
  if not text then
    return nil, e
  end
  local open = sops.decrypt(text, { format = sops.format_of(p.file), file = p.file, identities = p.identity })
  return command.write({}, open and open.plain or text)
end

-- Who can decrypt a file, and what of it is encrypted: what a side has changed as a whole, or not.
local function custody(open)
  local groups, e = keys.recipients(open.meta)
  if not groups then
    return nil, e
  end
  local parts = { open.key }
  for i, group in ipairs(groups) do
    local names = {}
    for at, recipient in ipairs(group) do
      names[at] = recipient.name
    end
    table.sort(names)
    parts[i + 1] = table.concat(names, ",")
  end
  for _, name in ipairs({ "shamir_threshold", "mac_only_encrypted", table.unpack(rules.CHOICES) }) do
    parts[#parts + 1] = name .. "=" .. tostring(open.meta[name])
  end
  return table.concat(parts, "\0")
end

-- The side whose metadata and data key stay, and the other: ours, unless only theirs has changed them.
local function sides(base, ours, theirs, path)
  local of, e = {}
  for name, open in pairs({ base = base or {}, ours = ours, theirs = theirs }) do
    of[name] = ""
    if open.meta then
      of[name], e = custody(open)
      if not of[name] then
        return nil, e
      end
    end
  end
  if of.ours == of.theirs or of.theirs == of.base then
    return ours, theirs
  elseif of.ours == of.base then
    return theirs, ours
  end
  return nil, err.new("conflict", "both sides changed who may read it, or its data key", { file = path,
    hint = "take one side, and give it the other's values: prov secret diff, prov secret set" })
end

-- Runs `git merge-file` on three plain texts in memory: the merged text, and how many conflicts it marks.
local function merge_lines(name, base, ours, theirs)
  return scratch.with(name, base, function(base_path)
    return scratch.with(name, ours, function(our_path)
      return scratch.with(name, theirs, function(their_path)
        local result, e = proc.run({ "git", "merge-file", "-p", "-L", "ours", "-L", "base", "-L", "theirs", our_path,
          base_path, their_path })
        if not result then
          return nil, e
        elseif result.code > 127 then
          return err.fail("failed", "git merge-file: %s", result.stderr:match("^[^\n]*"))
        end
        return { text = result.stdout, conflicts = result.code }
      end)
    end)
  end)
end

-- The three files opened; base is nil when both sides made the file.
local function open_all(p, path)
  local out = {}
  for _, side in ipairs({ "base", "ours", "theirs" }) do
    local text, e = read(p[side])
    if not text then
      return nil, e
    elseif text ~= "" or side ~= "base" then
      out[side], e = sops.decrypt(text, { format = sops.format_of(path), file = ("%s (%s)"):format(path, side),
        identities = p.identity })
      if not out[side] then
        return nil, e
      end
    end
  end
  return out
end

--- The merged plain text: by lines when that gives the same values, for it keeps the comments of both sides.
---@async
---@param name string of the file
---@param base? { format: string, plain: string }
---@param into prov.SopsFile
---@param from { format: string, plain: string }
---@return string? text with marks when there are conflicts
---@return prov.Err? err
---@return string[]? conflicts paths that both changed, in words
function M.merged(name, base, into, from)
  local values, open = {}, { base = base, into = into, from = from }
  for side, one in pairs(open) do
    local e
    values[side], e = sops.value(one, name)
    if values[side] == nil then
      return nil, e
    end
  end
  local changes, conflicts = merge.changes(values.base, values.into, values.from)
  local lines, e = merge_lines(name, base and base.plain or "", into.plain, from.plain)
  if not lines then
    return nil, e
  elseif conflicts[1] then
    local names = {}
    for i, one in ipairs(conflicts) do
      names[i] = merge.name(one)
    end
    return lines.text, nil, names
  end
  local own = into.plain
  for _, change in ipairs(changes) do
    local ok = not change.path[1]
    if ok then
      into.plain = from.plain
    else
      ok, e = sops.change(into, change.path, change.value)
    end
    if not ok then
      into.plain = own
      e.msg = merge.name(change.path) .. ": " .. e.msg
      return nil, e
    end
  end
  local by_keys = into.plain
  if lines.conflicts == 0 then
    into.plain = lines.text
    local v = sops.value(into, name)
    into.plain = own
    if v ~= nil and merge.same(v, sops.value({ format = into.format, plain = by_keys }, name)) then
      return lines.text
    end
  end
  into.plain = own
  return by_keys
end

--- `prov secret git-merge`: merges three SOPS files by keys into `ours`. What neither side changed keeps its encrypted
--- text.
---@async
---@param p { base: string, ours: string, theirs: string, path: string?, plain_conflicts: boolean, identity: string[]? }
---@return { file: string }?
---@return prov.Err? err "conflict" with the paths; the file is then as it was, or plain with marks when that was asked
function M.merge(p)
  local path = p.path or p.ours
  local name = path:match("[^/]*$")
  local open, e = open_all(p, path)
  if not open then
    return nil, e
  end
  local into, from = sides(open.base, open.ours, open.theirs, path)
  if not into then
    return nil, from
  end
  local text, why, conflicts = M.merged(name, open.base, into, from)
  if not text then
    return nil, why
  elseif conflicts then
    local marked = "with 'prov secret git-setup --plain-conflicts', conflicts are marked in plain text"
    if p.plain_conflicts then
      local ok
      ok, e = fs.write_atomic(p.ours, text, { mode = tonumber("600", 8) })
      if not ok then
        return nil, e
      end
      marked = ("it is in plain text now: edit it, then prov secret encrypt %s --in-place"):format(path)
    end
    return nil, err.new("conflict", "both sides changed " .. table.concat(conflicts, ", "), { file = path,
      hint = marked })
  end
  if from.key == into.key then
    into.cipher:learn(from.cipher)
  end
  into.plain = text
  text, e = sops.encrypt(into, path)
  if not text then
    return nil, e
  end
  local ok
  ok, e = fs.write_atomic(p.ours, text)
  return ok and { file = path } or nil, e
end

local DRIVER = "prov-sops"
local HOOK = "# Written by 'prov secret git-setup': what was here before is pre-commit.before-prov.\n"
local BEFORE = ".before-prov"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function is_ours(path)
  local text = fs.read(path, { max = 1024 * 1024 })
  return text ~= nil and text:find(HOOK, 1, true) ~= nil
end

local function install_hook(path, prov)
  local before = path .. BEFORE
  if fs.exists(path) and not is_ours(path) then
    if fs.exists(before) then
      return err.fail("conflict", "%s and %s are both there, and neither is of prov: put them into one", path, before)
    end
    local ok, e = fs.rename(path, before)
    if not ok then
      return nil, e
    end
  end
  local text = "#!/bin/sh\n" .. HOOK .. 'before="$0' .. BEFORE .. '"\n'
    .. '[ ! -x "$before" ] || "$before" "$@" || exit\n'
    .. "exec " .. quote(prov) .. " secret scan --staged\n"
  local ok, e = fs.mkdirp(path:match("^(.*)/[^/]*$"))
  if not ok then
    return nil, e
  end
  return fs.write_atomic(path, text, { mode = tonumber("755", 8) })
end

local function remove_hook(path)
  if not is_ours(path) then
    return true
  elseif fs.exists(path .. BEFORE) then
    return fs.rename(path .. BEFORE, path)
  end
  return fs.remove(path)
end

-- The tracked files that are SOPS files, as patterns of .gitattributes.
local function encrypted_files(root)
  local names, e = history.git(root, "ls-files", "-z")
  if not names then
    return nil, e
  end
  local out = {}
  for file in names:gmatch("[^%z]+") do
    local stat = fs.stat(root .. "/" .. file, { link = true })
    local text = stat and stat.type == "file" and stat.size <= settings.data.file_size and read(root .. "/" .. file)
    if text and text:find("ENC[AES256_GCM,", 1, true) and sops.read(text, sops.format_of(file), file) then
      out[#out + 1] = "/" .. file:gsub("[%[%]*?\\]", "\\%0")
    end
  end
  return out
end

local ATTRIBUTES = (" diff=%s merge=%s"):format(DRIVER, DRIVER)

-- .gitattributes with a line for each pattern, or without any of ours.
local function attributes(root, patterns)
  return fs.update(root .. "/.gitattributes", function(text)
    local have, kept = {}, {}
    for line in (text or ""):gmatch("[^\n]+") do
      if line:sub(-#ATTRIBUTES) == ATTRIBUTES then
        have[line] = true
        kept[#kept + 1] = patterns and line or nil
      else
        kept[#kept + 1] = line
      end
    end
    for _, pattern in ipairs(patterns or {}) do
      if pattern:find("[%s\"]") then
        pattern = '"' .. pattern:gsub('[\\"]', "\\%0") .. '"'
      end
      local line = pattern .. ATTRIBUTES
      kept[#kept + 1] = not have[line] and line or nil
    end
    return kept[1] and table.concat(kept, "\n") .. "\n" or ""
  end)
end

-- Settings of this clone alone: git takes no programs to run from files that are committed.
local function configure(root, prov, p)
  local merge_command = quote(prov) .. " secret git-merge %O %A %B --path %P"
    .. (p.plain_conflicts and " --plain-conflicts" or "")
  for _, pair in ipairs({
    { "diff." .. DRIVER .. ".textconv", quote(prov) .. " secret git-textconv" },
    { "diff." .. DRIVER .. ".cachetextconv", "false" }, -- a cache would be plain text in .git
    { "merge." .. DRIVER .. ".name", "SOPS files by keys" },
    { "merge." .. DRIVER .. ".driver", merge_command },
  }) do
    local ok, e = history.git(root, "config", "--local", pair[1], pair[2])
    if not ok then
      return nil, e
    end
  end
  return true
end

local function forget(root)
  for _, name in ipairs({ "diff.", "merge." }) do
    history.git(root, "config", "--local", "--remove-section", name .. DRIVER) -- there may be none
  end
  return true
end

--- `prov secret git-setup`: the drivers and the hook of this clone.
---@async
---@param p { pattern: string[]?, plain_conflicts: boolean, hook: boolean, remove: boolean }
---@return { repository: string, patterns: string[], hook: string? }?
---@return prov.Err?
function M.setup(p)
  local root, e = history.git(".", "rev-parse", "--show-toplevel")
  if not root then
    return nil, e
  end
  root = root:gsub("\n$", "")
  local hooks
  hooks, e = history.git(root, "rev-parse", "--git-path", "hooks")
  if not hooks then
    return nil, e
  end
  hooks = hooks:gsub("\n$", "")
  local hook = (hooks:sub(1, 1) == "/" and hooks or root .. "/" .. hooks) .. "/pre-commit"
  local patterns, ok = p.pattern
  if p.remove then
    patterns = nil
  elseif not patterns or not patterns[1] then
    patterns, e = encrypted_files(root)
    if not patterns then
      return nil, e
    end
  end
  local prov = assert(uv.exepath())
  ok, e = (p.remove and forget or configure)(root, prov, p)
  if ok and (patterns and patterns[1] or p.remove and fs.exists(root .. "/.gitattributes")) then
    ok, e = attributes(root, patterns)
  end
  if ok and p.remove then
    ok, e = remove_hook(hook)
  elseif ok and p.hook then
    ok, e = install_hook(hook, prov)
  end
  if not ok then
    return nil, e
  end
  return { repository = root, patterns = require("core.data").list(patterns or {}),
    hook = not p.remove and p.hook and hook or nil }
end

return M
