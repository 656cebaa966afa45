--- An Ansible inventory: hosts, groups and their variables, from INI or YAML, with group_vars and host_vars beside it.

local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local ini = require("prov.convert.ansible.ini")
local value = require("prov.value")
local yaml = require("prov.yaml")

local M = {}

local MAX_DEPTH = 50

---@class prov.convert.Inventory
---@field hosts table<string, { vars: table, groups: table<string, true>, at: table }>
---@field host_names string[] in the order of the file
---@field groups table<string, { vars: table, children: table<string, true> }>
---@field notes prov.convert.Notes
local Inventory = {}
Inventory.__index = Inventory

function Inventory:group(name)
  local group = self.groups[name]
  if not group then
    group = { vars = {}, children = {} }
    self.groups[name] = group
    self.group_names[#self.group_names + 1] = name
  end
  return group
end

function Inventory:child(group, name)
  self:group(group).children[name] = true
  self:group(name)
end

function Inventory:group_var(group, key, v)
  self:group(group).vars[key] = v
end

function Inventory:host(name, group, vars, at)
  local host = self.hosts[name]
  if not host then
    host = { vars = {}, groups = {}, at = at }
    self.hosts[name] = host
    self.host_names[#self.host_names + 1] = name
  end
  host.groups[group] = true
  for key, v in pairs(vars) do
    host.vars[key] = v
  end
end

-- Values that only ansible-vault can read become secrets to be given.
local function without_vault(text)
  return (text:gsub("!vault[ \t]*|[%-+]?", "|-"):gsub("!unsafe[ \t]+", ""))
end

local function decode(text, file)
  local v, place = yaml.decode(without_vault(text), { file = file })
  if v == nil then
    return nil, place
  end
  return v, place
end

local function is_map(v)
  return type(v) == "table" and v ~= value.null and data.kind(v) == "map"
end

function Inventory:yaml_group(name, body, file, place, path, depth)
  local function fail(below, msg)
    local here = table.move(path, 1, #path, 1, {})
    here[#here + 1] = below
    local line, column = place(here)
    return nil, err.new("invalid", "not an inventory: " .. msg, { file = file, line = line, column = column })
  end
  self:group(name)
  if body == value.null then
    return true
  elseif not is_map(body) then
    return fail(nil, ("the group '%s' is no map"):format(name))
  elseif depth > MAX_DEPTH then
    return fail(nil, ("groups are nested deeper than %d"):format(MAX_DEPTH))
  end
  for _, key in ipairs(data.keys(body)) do
    local v = body[key]
    if key ~= "hosts" and key ~= "children" and key ~= "vars" then
      return fail(key, ("a group has hosts, children and vars, not '%s'"):format(key))
    elseif v ~= value.null and not is_map(v) then
      return fail(key, ("'%s' of the group '%s' is no map"):format(key, name))
    end
    for _, one in ipairs(v ~= value.null and data.keys(v) or {}) do
      local inner = v[one]
      local here = table.move(path, 1, #path, 1, {})
      here[#here + 1], here[#here + 2] = key, one
      if key == "vars" then
        self:group_var(name, one, inner)
      elseif key == "children" then
        self:child(name, one)
        local ok, e = self:yaml_group(one, inner, file, place, here, depth + 1)
        if not ok then
          return nil, e
        end
      else
        if inner ~= value.null and not is_map(inner) then
          return fail(key, ("the variables of the host '%s' are no map"):format(one))
        end
        local names, problem = ini.expand(one)
        if not names then
          return fail(key, problem)
        end
        for _, host in ipairs(names) do
          self:host(host, name, inner ~= value.null and inner or {}, { file = file, line = (place(here)) })
        end
      end
    end
  end
  return true
end

function Inventory:yaml(text, file)
  local tree, place = decode(text, file)
  if tree == nil then
    return nil, place
  elseif not is_map(tree) then
    return nil, err.new("invalid", "not an inventory: expected groups", { file = file, line = 1, column = 1 })
  end
  for _, name in ipairs(data.keys(tree)) do
    local ok, e = self:yaml_group(name, tree[name], file, place, { name }, 1)
    if not ok then
      return nil, e
    end
  end
  return true
end

local function is_script(text)
  return text:sub(1, 2) == "#!"
end

function Inventory:read_file(path)
  local text, e = fs.read(path)
  if not text then
    return nil, e
  elseif is_script(text) then
    return nil, err.new("unsupported", path .. " is a program that makes an inventory", {
      hint = ("save what it says first: ansible-inventory -i %s --list --yaml > inventory.yaml"):format(path) })
  end
  if path:match("%.ya?ml$") or path:match("%.json$") or text:match("^%-%-%-") then
    return self:yaml(text, path)
  end
  return ini.read(self, text, path)
end

-- Files of variables of a group or host: NAME, NAME.yml, or a folder of them.
local function vars_files(dir, name)
  local out = {}
  for _, extension in ipairs({ "", ".yml", ".yaml", ".json" }) do
    local path = dir .. "/" .. name .. extension
    local stat = fs.stat(path)
    if stat and stat.type == "file" then
      out[#out + 1] = path
    elseif stat and stat.type == "directory" and extension == "" then
      for _, entry in ipairs(fs.list(path) or {}) do
        if entry.type == "file" and (entry.name:match("%.ya?ml$") or entry.name:match("%.json$")
          or not entry.name:find(".", 1, true)) then
          out[#out + 1] = path .. "/" .. entry.name
        end
      end
    end
  end
  return out
end

function Inventory:read_vars(dir, name, into)
  if name:find("/", 1, true) or name:match("^%.+$") then
    return true
  end
  for _, path in ipairs(vars_files(dir, name)) do
    local text, e = fs.read(path)
    if not text then
      return nil, e
    end
    if text:match("^%$ANSIBLE_VAULT") then
      self.notes:add({ file = path, line = 1, column = 1 }, "the file is sealed by ansible-vault",
        "give what is in it as variables of type secret")
    else
      local tree
      tree, e = decode(text, path)
      if tree == nil then
        return nil, e
      elseif tree ~= value.null and not is_map(tree) then
        return nil, err.new("invalid", "a file of variables holds a map", { file = path, line = 1, column = 1 })
      end
      for key, v in pairs(tree ~= value.null and tree or {}) do
        into[key] = v
      end
    end
  end
  return true
end

--- Reads an inventory: a file, or a folder of files.
---@param path string
---@param notes prov.convert.Notes
---@return prov.convert.Inventory?, prov.Err?
function M.read(path, notes)
  local self = setmetatable({ hosts = {}, host_names = {}, groups = {}, group_names = {}, notes = notes }, Inventory)
  local stat, e = fs.stat(path)
  if not stat then
    return nil, e or err.new("notfound", "there is no " .. path)
  end
  local dir, files = path, {}
  if stat.type == "directory" then
    for _, entry in ipairs(fs.list(path) or {}) do
      if entry.type == "file" and not entry.name:match("^%.") and not entry.name:match("%.cfg$")
        and not entry.name:match("~$") then
        files[#files + 1] = path .. "/" .. entry.name
      end
    end
  else
    dir, files[1] = path:match("^(.*)/[^/]*$") or ".", path
  end
  for _, file in ipairs(files) do
    local ok
    ok, e = self:read_file(file)
    if not ok then
      return nil, e
    end
  end
  self:group("all")
  for _, name in ipairs(self.group_names) do
    local ok
    ok, e = self:read_vars(dir .. "/group_vars", name, self.groups[name].vars)
    if not ok then
      return nil, e
    end
  end
  for _, name in ipairs(self.host_names) do
    local ok
    ok, e = self:read_vars(dir .. "/host_vars", name, self.hosts[name].vars)
    if not ok then
      return nil, e
    end
  end
  return self
end

--- All groups a host is in, through its groups' parents, sorted; without all and ungrouped.
---@param name string
---@return string[]
function Inventory:groups_of(name)
  local is_in = {}
  for group in pairs(self.hosts[name].groups) do
    is_in[group] = true
  end
  repeat
    local more = false
    for _, group in ipairs(self.group_names) do
      for child in pairs(not is_in[group] and self.groups[group].children or {}) do
        if is_in[child] then
          is_in[group], more = true, true
        end
      end
    end
  until not more
  is_in.all, is_in.ungrouped = nil, nil
  local out = {}
  for group in pairs(is_in) do
    out[#out + 1] = group
  end
  table.sort(out)
  return out
end

return M
