--- Workspaces: a folder with prov.yaml, infra files, extensions/ and, in .prov/, its own state.
--
-- An environment of a workspace is named behind an @: shop@prod, ./shop@prod. It has a state, a key and SSH keys of
-- its own in .prov/env/prod/, so nothing done in one can touch what another has. Without one, .prov/ is meant.

local contract = require("prov.contract")
local dirs = require("prov.dirs")
local err = require("prov.err")
local fs = require("prov.fs")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local yaml = require("prov.yaml")

local M = {}

local FILE = "prov.yaml"

--- What prov.yaml may hold.
M.SCHEMA = {
  name = { type = "string", pattern = "[a-z][a-z0-9-]*", max = 63, doc = "Name of the workspace" },
  description = { type = "string", doc = "What it is for" },
  defaults = {
    type = "map",
    doc = "Values for every resource that knows the field, below those of the infra files",
  },
  key = { type = "path", doc = "File with the workspace's key, when it is not .prov/key" },
  config = { type = "map", doc = "Settings of this workspace; see 'prov config show'" },
  validate = {
    type = "record",
    doc = "How strict 'prov validate' is here",
    fields = {
      rules = {
        type = "map",
        of = {
          type = "union",
          of = { { type = "enum", one_of = { "off", "note", "warning", "error" } }, { type = "map" } },
        },
        default = {},
        doc = "Rule -> its severity here, off, or a map of severity and the rule's options",
        example = "ssh-open: off",
      },
    },
  },
}

---@class prov.Workspace
---@field name string with the environment: shop@prod
---@field base_name string without it
---@field description? string
---@field dir string absolute
---@field env? string the environment
---@field vars? table<string, string> values of variables, as given on the command line
---@field state_dir string
---@field defaults table
---@field last? boolean nobody named it: it is the one last chosen
---@field settings table the `config` part of prov.yaml
---@field what_if? prov.WhatIf changes to its infra that stand in no file
---@field place fun(path: (string|integer)[]): integer?, integer? in prov.yaml
local Workspace = {}
Workspace.__index = Workspace

function Workspace:__tostring()
  return ("workspace %s (%s)"):format(self.name, self.dir)
end

-- One that was forgotten gives its share of the store back.
function Workspace:__gc()
  self:close()
end

local function known_path()
  return dirs.state() .. "/workspaces.json"
end

--- What the user's list of workspaces holds: { current = dir?, dirs = { dir, ... } }.
local function read_known()
  local text = fs.read(known_path())
  local known = text and require("prov.json").decode(text)
  if type(known) ~= "table" or type(known.dirs) ~= "table" then
    return { dirs = {} }
  end
  return { current = type(known.current) == "string" and known.current or nil, dirs = known.dirs }
end

--- Changes the user's list under a lock.
local function change_known(change)
  local ok, e = fs.mkdirp(dirs.state(), 448)
  if not ok then
    return nil, e
  end
  local lock <close>, why = fs.lock(dirs.state() .. "/workspaces.lock", { wait = 5000 })
  if not lock then
    return nil, why
  end
  local known = read_known()
  change(known)
  table.sort(known.dirs)
  local text = assert(
    require("prov.json").encode(
      { current = known.current, dirs = require("core.data").list(known.dirs) },
      { pretty = true }
    )
  )
  return fs.write_atomic(known_path(), text .. "\n", { mode = 384, sync = false })
end

local function without(list, dir)
  local out = {}
  for _, one in ipairs(list) do
    if one ~= dir then
      out[#out + 1] = one
    end
  end
  return out
end

local function is_workspace(dir)
  return fs.exists(dir .. "/" .. FILE)
end

--- The folder or name in `text`, and the environment named behind an @.
---@param text string
---@return string name
---@return string? env
function M.split(text)
  if is_workspace(text) then
    return text
  end
  local name, env = text:match("^(.+)@([^@/]+)$")
  return name or text, env
end

--- Names of the environments a workspace has a file for, sorted.
---@param dir string
---@return string[]
function M.environments(dir)
  local names, seen = require("core.data").list({}), {}
  for _, entry in ipairs(fs.list(dir .. "/environments") or {}) do
    local name = entry.name:match("^(%a[%w_-]*)%.%a+$")
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

--- Names of the environments that have a state, sorted; those without a file too.
---@param dir string
---@return string[]
function M.states(dir)
  local names = {}
  for _, entry in ipairs(fs.list(dir .. "/.prov/env") or {}) do
    if fs.exists(("%s/.prov/env/%s/state.mdb"):format(dir, entry.name)) then
      names[#names + 1] = entry.name
    end
  end
  table.sort(names)
  return names
end

local function check_env(dir, env)
  local names = M.environments(dir)
  for _, list in ipairs({ names, M.states(dir) }) do -- what has a state can be destroyed without its file
    for _, name in ipairs(list) do
      if name == env then
        return true
      end
    end
  end
  local e = suggest.unknown("environment", env, names)
  e.hint = e.hint or ("an environment is a file: environments/%s.yaml"):format(env:match("^%a[%w_-]*$") or "prod")
  return nil, e
end

--- Opens the workspace in a folder; `dir@env` is an environment of it.
---@param dir string
---@return prov.Workspace?
---@return prov.Err?
function M.open_dir(dir)
  local folder, env = M.split(dir)
  local real, e = fs.realpath(folder)
  if not real then
    return nil, e
  end
  if env then
    local known
    known, e = check_env(real, env)
    if not known then
      return nil, e
    end
  end
  local text
  text, e = fs.read(real .. "/" .. FILE)
  if not text then
    return nil, e:wrap("%s is not a workspace", real)
  end
  local file = real .. "/" .. FILE
  local tree, place = yaml.decode(text, { file = file })
  if err.is(place) then
    return nil, place
  end
  local given, errs = contract.compile(M.SCHEMA):complete(
    tree == require("core.data").null and {} or tree,
    { file = file, place = place }
  )
  if not given then
    return nil, errs[1]
  end
  local name, at = given.name or real:match("([^/]+)$"), env and "@" .. env or ""
  local state_dir = real .. "/.prov" .. (env and "/env/" .. env or "")
  return setmetatable({
    name = name .. at,
    base_name = name,
    env = env,
    description = given.description,
    dir = real,
    state_dir = state_dir,
    defaults = given.defaults or {},
    settings = given.config or {},
    key_path = given.key and (given.key:match("^/") and given.key or real .. "/" .. given.key) .. at
      or state_dir .. "/key",
    place = place,
  }, Workspace)
end

--- The workspaces of this user: { name, dir, current }; folders that are gone are left out.
---@return { name: string, dir: string, current: boolean, description: string? }[]
function M.list()
  local known, out = read_known(), {}
  for _, dir in ipairs(known.dirs) do
    local workspace = is_workspace(dir) and M.open_dir(dir)
    if workspace then
      out[#out + 1] = {
        name = workspace.name,
        dir = dir,
        current = dir == known.current,
        description = workspace.description,
      }
    end
  end
  table.sort(out, function(a, b)
    return a.name < b.name or a.name == b.name and a.dir < b.dir
  end)
  return out
end

local function by_name(name)
  local names, found = {}, nil
  for _, one in ipairs(M.list()) do
    names[#names + 1] = one.name
    if one.name == name then
      if found then
        return err.fail("conflict", "two workspaces are called '%s': %s and %s", name, found, one.dir)
      end
      found = one.dir
    end
  end
  if found then
    return found
  end
  return nil, suggest.unknown("workspace", name, names)
end

local function above_here()
  local dir = fs.realpath(".")
  while dir and dir ~= "" do
    if is_workspace(dir) then
      return dir
    end
    dir = dir:match("^(.*)/[^/]*$")
  end
end

local function find_folder(name)
  if name and name ~= "" then
    if is_workspace(name) then
      return fs.realpath(name)
    elseif name:find("/", 1, true) then
      return err.fail("notfound", "%s is not a workspace: it has no %s", name, FILE)
    end
    return by_name(name)
  end
  local dir = above_here()
  if dir then
    return dir
  end
  for _, file in ipairs({ "infra.yaml", "infra.yml", "infra.toml", "infra.lua", "infra.json" }) do
    if fs.exists(file) then -- surely not meant to act on another workspace
      return nil, err.new("notfound", ("%s is here, but no %s that makes this folder a workspace"):format(file, FILE), {
        hint = "prov workspace new . makes it one; -w names another",
      })
    end
  end
  local current = read_known().current
  if current and is_workspace(current) then
    return current, nil, true
  end
  return nil,
    err.new("notfound", "no workspace here", {
      hint = "go to the folder of one, name it with -w, or make one with 'prov workspace new NAME'",
    })
end

--- The folder of the workspace meant: `name` (a folder or a known name), PROV_WORKSPACE, the
-- folder we are in or one above it, or the one last chosen with `prov workspace use`. Behind it
-- stands @ and the environment, when one is named there or by `env`.
---@param name? string
---@param env? string
---@return string? dir
---@return prov.Err?
---@return boolean? last it is only the one last chosen
function M.find(name, env)
  name = name or os.getenv("PROV_WORKSPACE")
  local own
  if name and name ~= "" then
    name, own = M.split(name)
  end
  if env == "" then
    env = nil
  elseif own and env and own ~= env then
    return err.fail("usage", "two environments are named: %s and %s", own, env)
  end
  env = own or env
  local dir, e, last = find_folder(name)
  return dir and env and dir .. "@" .. env or dir, e, last
end

--- Opens the workspace meant by `name` and `env`; see M.find.
---@param name? string
---@param env? string
---@return prov.Workspace?
---@return prov.Err?
function M.open(name, env)
  local dir, e, last = M.find(name, env)
  if not dir then
    return nil, e
  end
  local workspace
  workspace, e = M.open_dir(dir)
  if workspace then
    workspace.last = last
  end
  return workspace, e
end

local INFRA = [[
# What should exist. 'prov validate' checks it, 'prov plan' shows what would change,
# 'prov apply' makes it so. 'prov provider show local' lists every field.
providers:
  local: {}

defaults:
  provider: local

networks:
  lan: { cidr: 10.77.0.0/24 }

servers:
  web:
    count: 1
    network: ${network.lan}
    taskservs:
      nginx: {}

outputs:
  web: ${server.web.ip}
]]

local function quote(text)
  return (assert(yaml.encode(text)):gsub("\n+$", ""))
end

--- Makes a workspace in a new or empty folder and puts it on the user's list.
---@async
---@param dir string
---@param opts? { name: string?, description: string?, infra: string? }
---@return prov.Workspace?
---@return prov.Err?
function M.create(dir, opts)
  opts = opts or {}
  local last = dir:gsub("/+$", ""):match("([^/]+)$")
  local name = opts.name or last ~= "." and last ~= ".." and last or (fs.realpath(dir) or ""):match("([^/]*)$")
  local _, errs = contract.compile(M.SCHEMA):complete({ name = name, description = opts.description })
  if errs then
    errs[1].hint = errs[1].hint or not opts.name and "--name gives it another name than that of the folder" or nil
    return nil, errs[1]
  end
  if is_workspace(dir) then
    return err.fail("exists", "%s is a workspace already", dir)
  end
  for _, existing in ipairs({ "infra.yaml", "infra.yml", "infra.toml", "infra.lua", "infra.json" }) do
    if fs.exists(dir .. "/" .. existing) then
      opts.infra = false
    end
  end
  local about = "name: "
    .. name
    .. "\n"
    .. (opts.description and "description: " .. quote(opts.description) .. "\n" or "")
  local steps = {
    function()
      return fs.mkdirp(dir .. "/extensions")
    end,
    function()
      return fs.mkdirp(dir .. "/.prov", 448)
    end,
    function()
      return opts.infra == false or fs.write_atomic(dir .. "/infra.yaml", opts.infra or INFRA)
    end,
    function()
      return fs.exists(dir .. "/.gitignore") or fs.write_atomic(dir .. "/.gitignore", ".prov/\n")
    end,
    function()
      return fs.write_atomic(dir .. "/" .. FILE, about)
    end, -- last: it makes the folder a workspace
  }
  for _, step in ipairs(steps) do
    local ok, e = step()
    if not ok then
      return nil, e
    end
  end
  local workspace, e = M.open_dir(dir)
  if not workspace then
    return nil, e
  end
  local ok
  ok, e = M.remember(workspace, not opts.keep_current)
  return ok and workspace, e
end

--- Puts a workspace on the user's list; `current` makes it the one used from anywhere.
---@param workspace prov.Workspace
---@param current? boolean
---@return true?
---@return prov.Err?
function M.remember(workspace, current)
  return change_known(function(known)
    known.dirs = without(known.dirs, workspace.dir)
    known.dirs[#known.dirs + 1] = workspace.dir
    if current then
      known.current = workspace.dir
    end
  end)
end

--- Makes a workspace the one that is used from anywhere.
---@param name string a folder or a known name
---@return prov.Workspace?
---@return prov.Err?
function M.use(name)
  local workspace, e = M.open(name)
  if not workspace then
    return nil, e
  end
  local ok
  ok, e = M.remember(workspace, true)
  return ok and workspace, e
end

--- Takes a workspace off the user's list and removes its state; with `files`, the whole folder.
-- What it created must have been destroyed before: the caller checks.
---@async
---@param workspace prov.Workspace
---@param opts? { files: boolean? }
---@return true?
---@return prov.Err?
function M.delete(workspace, opts)
  local ok, e = fs.remove(opts and opts.files and workspace.dir or workspace.state_dir, { recursive = true })
  if not ok and fs.exists(workspace.state_dir) then
    return nil, e
  elseif workspace.env and not (opts and opts.files) then
    return true -- the workspace is still there
  end
  return change_known(function(known)
    known.dirs = without(known.dirs, workspace.dir)
    known.current = known.current ~= workspace.dir and known.current or nil
  end)
end

--- The workspace's key (32 bytes), made at first use; never another one for a state that is there.
---@return string? key
---@return prov.Err?
function Workspace:key()
  if not self.key_bytes then
    if fs.exists(self:store_path()) and not fs.exists(self.key_path) then
      return nil, err.new("notfound", ("the key %s is gone, and the state does not open without it"):format(
        self.key_path), { hint = "put your copy of it there (mode 0600), or a copy of the state with its key: "
        .. "prov state recover FILE --key KEY" })
    end
    local folder = self.key_path:match("^(.*)/[^/]*$")
    local ok, e = fs.mkdirp(folder, 448)
    if not ok then
      return nil, e
    end
    local key, custody
    key, e, custody = require("prov.custody").keyfile(self.key_path, "state")
    if not key or custody then
      return key, e -- how long a key of a KMS is remembered is for prov.kms.cache to say
    end
    self.key_bytes = key
  end
  return self.key_bytes
end

-- The stores that are open in this process: path -> { store, users }. A file is opened once in a process.
local stores = {}

local function open_store(path, key, readonly)
  local sealer, e = require("core.crypto").sealer(key)
  if not sealer then
    return nil, e
  end
  return require("core.store").open(path, { sealer = sealer, readonly = readonly })
end

--- Where the store is.
---@return string
function Workspace:store_path()
  return self.state_dir .. "/state.mdb"
end

--- Where a new key waits until the store is sealed with it, see prov.state.rewrite.
---@return string
function Workspace:next_key_path()
  return self.key_path .. ".new"
end

--- Opens the store with a key that another process has put in place meanwhile, or with the new key
--- of a 'state rekey' that was killed before it could; that one is put in place then.
local function open_rekeyed(self, e, key)
  local path, custody = self:store_path(), require("prov.custody")
  -- The bytes of a key file, its key, and whether the file itself is that key.
  local function read(name)
    local bytes = custody.read(name)
    if bytes then
      local found, why = custody.key_of(bytes, name, "state")
      e = not found and why.code ~= "corrupt" and why or e
      return bytes, found, found == bytes
    end
  end
  for _ = 1, 3 do
    local _, now, plain = read(self.key_path)
    if now and now ~= key then
      key = now
      local opened, why = open_store(path, now)
      if opened or why.code ~= "auth" then
        self.key_bytes = plain and now or nil
        return opened, why
      end
    end
    local next, next_key, next_plain = read(self:next_key_path())
    local opened = next_key and open_store(path, next_key)
    if opened then
      self.key_bytes = next_plain and next_key or nil
      local lock <close> = self:rewrite_lock(0) -- else its holder does it
      if lock and custody.read(self:next_key_path()) == next and fs.rename(self:next_key_path(), self.key_path) then
        fs.sync(self.key_path:match("^(.*)/[^/]*$"))
      end
      return opened
    end
  end
  return nil, e
end

--- One process at a time changes the key or the file of the store; a value to close.
---@async
---@param wait? integer milliseconds
---@return { close: fun() }?, prov.Err?
function Workspace:rewrite_lock(wait)
  return fs.lock(self.state_dir .. "/rewrite.lock", { wait = wait or settings.ms(settings.state.rewrite_timeout) })
end

--- The workspace's store, opened at first use and sealed with its key. Workspaces of one folder share it.
---@return userdata? store
---@return prov.Err?
function Workspace:store()
  if self.opened then
    return self.opened.store
  end
  local path = self:store_path()
  local shared = stores[path]
  if shared then
    shared.users, self.opened = shared.users + 1, shared
    return shared.store
  end
  local key, e = self:key()
  if not key and not fs.exists(self:next_key_path()) then
    return nil, e
  end
  local ok, why = fs.mkdirp(self.state_dir, 448)
  if not ok then
    return nil, why
  end
  local store
  if key then
    store, e = open_store(path, key)
  end
  if not store and (not key or e.code == "auth") then
    store, e = open_rekeyed(self, e, key)
  end
  if not store and key and e.code == "denied" and e.msg:find("file system is read-only", 1, true) then
    store, e = open_store(path, self.key_bytes or key, true) -- reading needs no more
  end
  if not store then
    if e.code == "corrupt" or e.code == "unsupported" and e.msg:find("LMDB") then
      e.hint = e.hint or "'prov state recover FILE' puts a copy of 'prov state backup' in its place"
    elseif e.code == "auth" and key then
      e.hint = e.hint or ("put your copy of the right key in place of %s"):format(self.key_path)
    end
    return nil, e
  end
  self.opened = { store = store, users = 1, path = path }
  stores[path] = self.opened
  return store
end

--- The file of the store is another one now: who opens it next in this process opens that one.
function Workspace:forget_store()
  stores[self:store_path()] = nil
  self:close()
end

--- A copy of the workspace's store, opened for reading only; a value to close.
---@param path string
---@param key? string when it was sealed with another one
---@return prov.Store? store
---@return prov.Err?
function Workspace:open_copy(path, key)
  local e
  if not key then
    key, e = self:key()
    if not key then
      return nil, e
    end
  end
  return open_store(path, key, true)
end

--- The key pair prov logs in to this workspace's servers with, made at first use.
---@return { private: string, public: string }?
---@return prov.Err?
function Workspace:user_key()
  if self.pair then
    return self.pair
  end
  local folder = self.state_dir .. "/ssh"
  local path = folder .. "/id_ed25519"
  local ok, e = fs.mkdirp(folder, 448)
  if not ok then
    return nil, e
  end
  local lock <close>, why = fs.lock(folder .. "/lock", { wait = 10000 })
  if not lock then
    return nil, why
  end
  local private, public
  private, e = fs.read(path)
  if private then
    public, e = fs.read(path .. ".pub")
  end
  if not public and e.code ~= "notfound" then
    return nil, e
  end
  local ssh = require("prov.ssh")
  local comment = "prov " .. self.name
  if not private then
    local pair
    pair, e = ssh.keygen(settings.ssh.key_type, comment)
    if not pair then
      return nil, e
    end
    private, public = pair.private, pair.public
    ok, e = fs.write_atomic(path, private, { mode = 384 })
    if not ok then
      return nil, e
    end
  end
  if not public then
    public, e = ssh.public_of(private, comment)
    if not public then
      return nil, e:wrap("read %s", path)
    end
  end
  if not fs.exists(path .. ".pub") then
    ok, e = fs.write_atomic(path .. ".pub", public .. "\n", { mode = 420 })
    if not ok then
      return nil, e
    end
  end
  self.pair = { private = private, public = (public:gsub("%s*$", "")), path = path }
  return self.pair
end

--- Closes the store, when nobody else in this process has it open.
function Workspace:close()
  local shared = self.opened
  if not shared then
    return
  end
  self.opened = nil
  shared.users = shared.users - 1
  if shared.users == 0 then
    if stores[shared.path] == shared then
      stores[shared.path] = nil
    end
    shared.store:close()
  end
end

return M
