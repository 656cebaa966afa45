--- Secrets in a SOPS file, for those who keep them in git: `name: { value: ..., version: ..., created: ... }`.
-- The history is that of git, so there is one version of each.

local async = require("prov.async")
local clock = require("prov.clock")
local command = require("prov.sops.command")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")
local sops = require("prov.sops")
local yaml = require("prov.yaml")

local M = {}

---@class prov.secrets.FileStore: prov.secrets.Store
---@field file string
local Store = {}
Store.__index = Store

local turns = {} -- path -> semaphore: who writes a file in this process; another process is noticed when it is written

-- What stands beside the parts.
local ABOUT = { version = true, created = true, rule = true }

--- Opens them; the file need not be there.
---@param workspace prov.Workspace
---@param file string
---@return prov.secrets.FileStore?, prov.Err?
function M.open(workspace, file)
  local path = file:sub(1, 1) == "/" and file or workspace.dir .. "/" .. file
  if sops.format_of(path) ~= "yaml" and sops.format_of(path) ~= "json" then
    return err.fail("invalid", "%s: secrets are kept in a .yaml or .json file", file)
  end
  return setmetatable({ file = path, place = file }, Store)
end

-- All of it: open file, tree, text; an empty tree when there is no file.
local function load(self)
  if not fs.exists(self.file) then
    return nil, {}
  end
  local open, e, text = command.open_file({ file = self.file })
  if not open then
    return nil, nil, e
  end
  local tree
  tree, e = sops.value(open, self.file)
  return open, tree, tree == nil and e or text
end

-- The tree alone, for reading: as long as the file is the same, what was read before counts.
local function tree_of(self)
  local stat = fs.stat(self.file)
  local known = self.known
  if known and stat and known.ino == stat.ino and known.mtime == stat.mtime and known.size == stat.size then
    return known.tree
  end
  local _, tree, e = load(self)
  self.known = tree and stat and { ino = stat.ino, mtime = stat.mtime, size = stat.size, tree = tree } or nil
  return tree, e
end

local function kept(name, entry)
  local parts = {}
  for part, v in pairs(entry) do
    parts[part] = not ABOUT[part] and v or nil
  end
  return {
    name = name,
    version = entry.version or 1,
    created = entry.created or "",
    parts = parts,
    rule = type(entry.rule) == "string" and json.decode(entry.rule) or nil,
  }
end

local function entry_of(tree, name)
  local entry = tree[name]
  if type(entry) == "string" then -- written by hand
    entry = { value = entry }
  end
  return type(entry) == "table" and type(entry.value) == "string" and entry or nil
end

function Store:get(name, version)
  local tree, e = tree_of(self)
  if not tree then
    return nil, e
  end
  local entry = entry_of(tree, name)
  local found = entry and kept(name, entry)
  if found and version and version ~= found.version then
    return err.fail("notfound", "%s has version %d of '%s' only; older ones are in its history", self.place,
      found.version, name)
  end
  return found
end

-- The rule of the file may leave some values in plain text; that of a secret never is.
local function check_hidden(self, open, name)
  local hidden, e = sops.hides(open, { name, "value" }, self.file)
  if hidden == false then
    return nil, err.new("invalid", ("the rules of %s would leave the value of '%s' in plain text"):format(self.place,
      name), { hint = "give it another name, or the file a rule that encrypts every 'value'" })
  end
  return hidden, e
end

-- Writes an entry, or takes it away.
local function write_once(self, name, entry)
  local open, tree, text = load(self)
  if not tree then
    return nil, text
  elseif not open then
    local encode = sops.format_of(self.file) == "json" and json.encode or yaml.encode
    local plain, e = encode({ [name] = entry })
    local new, ok
    if plain then
      new, e = command.create({}, plain, self.file)
    end
    if new then
      ok, e = check_hidden(self, new, name)
    end
    if not ok then
      return nil, e
    end
    return command.save({ file = self.file }, new, nil)
  end
  local ok, e = true, nil
  if tree[name] ~= nil then
    ok, e = sops.change(open, { name }, nil)
  end
  if ok and entry then
    ok, e = sops.change(open, { name }, entry)
    if ok then
      ok, e = check_hidden(self, open, name)
    end
  end
  if not ok then
    return nil, e
  end
  return command.save({ file = self.file }, open, text)
end

-- The same, anew when another process wrote the file meanwhile.
local function write(self, name, entry)
  turns[self.file] = turns[self.file] or async.semaphore(1)
  local _ <close> = turns[self.file]:acquire()
  local ok, e = command.anew(function()
    return write_once(self, name, entry)
  end)
  return ok, e -- no tail call: the turn is given back behind it
end

function Store:put(name, parts, rule)
  local before, e = self:get(name)
  if e then
    return nil, e
  end
  local entry = data.copy(parts)
  entry.version = before and before.version + 1 or 1
  entry.created = os.date("!%Y-%m-%dT%H:%M:%SZ", clock.wall() // 1000)
  rule = rule or before and before.rule
  entry.rule = rule and assert(json.encode(rule)) or nil
  local ok
  ok, e = write(self, name, entry)
  return ok and kept(name, entry), e
end

function Store:list()
  local tree, e = tree_of(self)
  if not tree then
    return nil, e
  end
  local rows = {}
  for _, name in ipairs(data.keys(tree)) do
    local entry = entry_of(tree, name)
    local one = entry and kept(name, entry)
    rows[#rows + 1] = one and {
      name = name, version = one.version, created = one.created, rule = one.rule, expires = one.parts.expires,
    }
  end
  return rows
end

function Store:history(name)
  local found, e = self:get(name)
  if not found then
    return not e and {} or nil, e
  end
  return { { version = found.version, created = found.created, deleted = false } }
end

function Store:remove(name)
  local found, e = self:get(name)
  if not found then
    return not e or nil, e
  end
  return write(self, name, nil)
end

function Store:restore(name)
  return err.fail("unsupported", "%s has no versions: take '%s' back out of its history in git", self.place, name)
end

return M
