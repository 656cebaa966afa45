--- `prov secret scan`: leaks in the files of a folder, in what is staged, and in the history of git.

local baseline = require("prov.leaks.baseline")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local history = require("prov.leaks.history")
local rules = require("prov.sops.rules")
local scan = require("prov.leaks.scan")
local sops = require("prov.sops")
local uv = require("luv")

local M = {}

local SOPS_PLAIN = { id = "sops-plain" }
local SKIPPED = { [".git"] = true, [".prov"] = true, node_modules = true }
local BINARY = 8000 -- git, too, looks at so many bytes

local function absolute(path)
  path = path:sub(1, 1) == "/" and path or uv.cwd() .. "/" .. path
  return fs.realpath(path) or path
end

local function folder_of(path)
  local stat = fs.stat(path)
  return stat and stat.type ~= "directory" and path:match("^(.*)/[^/]*$") or path
end

-- The places to look at: { root, is_git, paths } for each repository or folder without one.
local function places(paths)
  local out, by_root = {}, {}
  for _, path in ipairs(#paths > 0 and paths or { "." }) do
    local full = absolute(path)
    if not fs.exists(full) then
      return err.fail("notfound", "there is no %s", path)
    end
    local dir = folder_of(full)
    local root = history.git(dir, "rev-parse", "--show-toplevel")
    root = root and root:gsub("\n$", "")
    local place = by_root[root or dir]
    if not place then
      place = { root = root or dir, is_git = root ~= nil, paths = {} }
      by_root[place.root], out[#out + 1] = place, place
    end
    local inner = full == place.root and "." or full:sub(#place.root + 2)
    place.all = place.all or inner == "."
    table.insert(place.paths, inner)
  end
  for _, place in ipairs(out) do
    place.paths = place.all and {} or place.paths
  end
  return out
end

local function walk(root, inner, out)
  local full = inner == "" and root or root .. "/" .. inner
  local stat = fs.stat(full, { link = true })
  if stat and stat.type == "file" then
    out[#out + 1] = inner
  elseif stat and stat.type == "directory" then
    for _, row in ipairs(fs.list(full) or {}) do
      if not SKIPPED[row.name] then
        walk(root, inner == "" and row.name or inner .. "/" .. row.name, out)
      end
    end
  end
  return out
end

-- The files of a place: of a repository, those that git has or could add.
local function files_of(place)
  local out = {}
  if not place.is_git then
    for _, path in ipairs(place.paths[1] and place.paths or { "" }) do
      walk(place.root, path, out)
    end
    return out
  end
  local text, e = history.git(place.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--",
    table.unpack(place.paths))
  if not text then
    return nil, e
  end
  for name in text:gmatch("[^%z]+") do
    out[#out + 1] = name
  end
  return out
end

-- A test whether .sops.yaml names a file; each of them is read once.
local function sops_names(root)
  local configs, tests = {}, {}
  return function(file)
    local dir = (root .. "/" .. file):match("^(.*)/[^/]*$")
    if configs[dir] == nil then
      configs[dir] = rules.config_of(dir) or false
    end
    local config = configs[dir]
    if config and tests[config] == nil then
      local named, e = rules.named(config)
      if not named then
        return nil, e
      end
      tests[config] = named
    end
    return config and tests[config](root .. "/" .. file) or false
  end
end

local function is_encrypted(text, file)
  if text:find("^age%-encryption%.org/") or text:find("^%-%-%-%-%-BEGIN AGE ENCRYPTED") then
    return true
  end
  local format = sops.format_of(file)
  return sops.read(text, format, file) ~= nil
end

local function place_in(text, at)
  local line, start = 1, 1
  while true do
    local stop = text:find("\n", start, true)
    if not stop or stop >= at then
      return line, at - start + 1
    end
    line, start = line + 1, stop + 1
  end
end

-- Leaks by what they are: one secret is one leak, wherever it stands.
local Leaks = {}
Leaks.__index = Leaks

function Leaks:add(rule, secret, where)
  local name = rule.id .. "\0" .. secret
  local one = self.by_name[name]
  if not one then
    one = { rule = rule, secret = secret, where = where, count = 0 }
    self.by_name[name], self[#self + 1] = one, one
  end
  one.count = one.count + 1
  if where.commit then -- the oldest one is told last
    one.commit = where.commit
    one.where = one.where.commit and where or one.where
  end
end

local function look_at(leaks, place, file, text, commit, lines)
  for _, found in ipairs(scan.text(text, file)) do
    local line, column = place_in(text, found.at)
    leaks:add(found.rule, found.secret, { root = place.root, file = file, line = lines and lines[line] or line,
      column = column, commit = commit })
  end
end

local function plain_sops(leaks, place, file, text, named)
  local covered, e = named(file)
  if covered == nil then
    return nil, e
  elseif covered and text:find("%S") and not is_encrypted(text, file) then
    leaks:add(SOPS_PLAIN, file, { root = place.root, file = file, line = 1, column = 1 })
  end
  return true
end

-- Files as they are now.
local function look_at_files(leaks, place, max, totals)
  local files, e = files_of(place)
  if not files then
    return nil, e
  end
  local named = sops_names(place.root)
  for _, file in ipairs(files) do
    local path = place.root .. "/" .. file
    local stat = fs.stat(path, { link = true })
    if stat and stat.type == "file" and not file:find(baseline.NAME, 1, true) then
      local text = stat.size <= max and fs.read(path, { max = max })
      if not text then
        totals.skipped = totals.skipped + 1
      else
        local ok
        ok, e = plain_sops(leaks, place, file, text, named)
        if not ok then
          return nil, e
        end
        if not text:sub(1, BINARY):find("\0", 1, true) then
          totals.files = totals.files + 1
          look_at(leaks, place, file, text)
        end
      end
    end
  end
  return true
end

local function look_at_history(leaks, place, max, totals)
  local last
  return history.each(place.root, place.paths, max, function(commit, file, text, lines)
    if commit ~= last then
      last, totals.commits = commit, totals.commits + 1
    end
    if not file:find(baseline.NAME, 1, true) then
      look_at(leaks, place, file, text, commit, lines)
    end
  end)
end

local function look_at_staged(leaks, place, max, totals)
  if not place.is_git then
    return err.fail("usage", "%s is in no repository of git: nothing is staged", place.root)
  end
  local named = sops_names(place.root)
  local names, e = history.git(place.root, "diff", "--cached", "--name-only", "-z", "--diff-filter=ACMR", "--",
    table.unpack(place.paths))
  if not names then
    return nil, e
  end
  for file in names:gmatch("[^%z]+") do
    local covered, failed = named(file)
    if failed then
      return nil, failed
    end
    totals.files = totals.files + 1
    if covered then
      local text
      text, e = history.git(place.root, "show", ":" .. file)
      if not text then
        return nil, e
      end
      plain_sops(leaks, place, file, text, named)
    end
  end
  return history.staged(place.root, place.paths, max, function(_, file, text, lines)
    if not file:find(baseline.NAME, 1, true) then
      look_at(leaks, place, file, text, nil, lines)
    end
  end)
end

-- The name of a file as the user would write it.
local function shown(where, first)
  return where.root == first and where.file or where.root .. "/" .. where.file
end

local function finding_of(leak, root, known)
  local where, commit = leak.where, leak.commit
  local out = { rule = leak.rule.id, category = "secret", file = shown(where, root), line = where.line,
    column = where.column, severity = "error", where = where.commit and "history" or "files", count = leak.count,
    hash = known and known.hash, ignored = known and known.reason }
  if leak.rule == SOPS_PLAIN then
    out.message = ".sops.yaml says that it is encrypted, and it is in plain text"
    out.hint = ("prov secret encrypt %s --in-place"):format(out.file)
  else
    out.secret = scan.hidden(leak.secret)
    out.message = ("%s: %s"):format(leak.rule.what, out.secret)
    if out.where == "history" then
      out.message = out.message .. ", only in the history"
    end
  end
  if commit then
    out.commit, out.date, out.author = commit.id, commit.date, commit.author
  end
  return out
end

local function by_place(a, b)
  if a.where ~= b.where then
    return a.where < b.where
  elseif a.file ~= b.file then
    return a.file < b.file
  elseif a.line ~= b.line then
    return a.line < b.line
  end
  return a.column < b.column
end

--- `prov secret scan`.
---@async
---@param p { path: string[]?, history: boolean, staged: boolean, baseline: string?, update_baseline: boolean,
--- reason: string?, max_size: integer, format: string? }
---@return table? value findings and counts
---@return prov.Err?
function M.run(p)
  local list, e = places(p.path or {})
  if not list then
    return nil, e
  elseif p.update_baseline and p.staged then
    return err.fail("usage", "--update-baseline writes all that is found, and --staged looks at a part")
  end
  local leaks, totals = setmetatable({ by_name = {} }, Leaks), { files = 0, commits = 0, skipped = 0 }
  for _, place in ipairs(list) do
    local look = p.staged and look_at_staged or look_at_files
    local ok
    ok, e = look(leaks, place, p.max_size, totals)
    if ok and p.history and place.is_git and not p.staged then
      ok, e = look_at_history(leaks, place, p.max_size, totals)
    end
    if not ok then
      return nil, e
    end
  end
  local known
  known, e = baseline.open(p.baseline or list[1].root .. "/" .. baseline.NAME)
  if not known then
    return nil, e
  end
  local findings, found = data.list({}), 0
  for _, leak in ipairs(leaks) do
    local hash = known:hash(leak.rule.id, leak.secret)
    local one = finding_of(leak, list[1].root, known.known[hash])
    one.hash = hash
    findings[#findings + 1] = one
    found = found + (one.ignored and 0 or 1)
  end
  table.sort(findings, by_place)
  if p.update_baseline then
    local ok
    ok, e = known:write(findings, p.reason)
    if not ok then
      return nil, e
    end
    found = 0
  end
  local value = { findings = findings, found = found, known = #findings - found, files = totals.files,
    commits = totals.commits, skipped = totals.skipped, baseline = p.update_baseline and known.path or nil }
  if p.format == "sarif" then
    value.report = require("prov.validate.sarif").render(value, scan.rules(), function()
      return "error"
    end)
  end
  return value
end

return M
