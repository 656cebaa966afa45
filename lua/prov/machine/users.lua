--- Accounts that a new server has besides those of its image: what useradd would write, as files over the image.

local err = require("prov.err")
local fs = require("prov.fs")

local M = {}

local FIRST_ID = 1000
local LAST_ID = 59999

---@class prov.machine.User
---@field name string
---@field keys string the text of authorized_keys
---@field gecos? string
---@field home? string /home/<name>
---@field shell? string /bin/sh
---@field group? string its own group, named like it
---@field groups? string[] more of them; those that are not there are made
---@field sudo? string[] rules, such as "ALL=(ALL) NOPASSWD:ALL"

--- True for what may be the name of an account or of a group.
---@param name any
---@return boolean
function M.is_name(name)
  return type(name) == "string" and #name <= 32 and name:find("^[a-z_][a-z0-9_-]*$") ~= nil
end

-- ---- Tables: passwd, group and their shadows ----

local function read_table(path)
  local text, e = fs.read(path)
  if not text then
    return nil, e
  end
  local rows = {}
  for line in text:gmatch("[^\n]+") do
    local row = {}
    for field in (line .. ":"):gmatch("([^:]*):") do
      row[#row + 1] = field
    end
    rows[#rows + 1] = row
  end
  return rows
end

local function text_of(rows)
  local lines = {}
  for i, row in ipairs(rows) do
    lines[i] = table.concat(row, ":") .. "\n"
  end
  return table.concat(lines)
end

local function row_of(rows, name)
  for _, row in ipairs(rows) do
    if row[1] == name then
      return row
    end
  end
end

--- A number that is neither an account's nor a group's.
local function free_id(tables)
  local taken = {}
  for _, name in ipairs({ "passwd", "group" }) do
    for _, row in ipairs(tables[name]) do
      taken[tonumber(row[3])] = true
    end
  end
  for id = FIRST_ID, LAST_ID do
    if not taken[id] then
      return id
    end
  end
  return err.fail("limit", "the image has no number left for an account")
end

--- The group of a name, made when it is not there.
local function group_of(tables, name, id)
  local row, e = row_of(tables.group, name), nil
  if not row then
    if not id then
      id, e = free_id(tables)
    end
    if not id then
      return nil, e
    end
    row = { name, "x", tostring(id), "" }
    table.insert(tables.group, row)
    table.insert(tables.gshadow, { name, "!", "", "" })
  end
  return row
end

local function join(row, user)
  row[#row] = (row[#row] ~= "" and row[#row] .. "," or "") .. user
end

--- Adds an account to the tables; its numbers.
local function add(tables, user, home)
  local id, e = free_id(tables)
  if not id then
    return nil, e
  end
  local own
  own, e = group_of(tables, user.group or user.name, not user.group and id or nil)
  if not own then
    return nil, e
  end
  local gecos = (user.gecos or ""):gsub("[:%c]", " ")
  table.insert(tables.passwd, { user.name, "x", tostring(id), own[3], gecos, home, user.shell or "/bin/sh" })
  table.insert(tables.shadow, { user.name, "*", "", "0", "99999", "7", "", "", "" }) -- a password never fits
  for _, name in ipairs(user.groups or {}) do
    local group
    group, e = group_of(tables, name)
    if not group then
      return nil, e
    end
    join(group, user.name)
    join(row_of(tables.gshadow, name), user.name)
  end
  return { uid = id, gid = math.tointeger(tonumber(own[3])) }
end

-- ---- Files ----

--- A folder of the image, as it is there, and those above it.
local function add_parents(lower, path, out, seen)
  local above = path:match("^(.+)/[^/]+$")
  if above and not seen[above] then
    add_parents(lower, above, out, seen)
    seen[above] = true
    local stat = fs.stat(lower .. above)
    table.insert(out.folders, { "up" .. above, stat and stat.mode or 493 })
  end
end

--- The home of an account, with what the image has for new ones.
local function add_home(lower, home, user, owner, out, seen)
  add_parents(lower, home, out, seen)
  table.insert(out.folders, { "up" .. home, 448, owner })
  table.insert(out.folders, { "up" .. home .. "/.ssh", 448, owner })
  for _, row in ipairs(fs.list(lower .. "/etc/skel") or {}) do
    if row.type == "file" then
      local text, e = fs.read(lower .. "/etc/skel/" .. row.name)
      if not text then
        return nil, e
      end
      table.insert(out.files, { ("up%s/%s"):format(home, row.name), text, 420, owner })
    end
  end
  table.insert(out.files, { "up" .. home .. "/.ssh/authorized_keys", user.keys, 384, owner })
  return true
end

local TABLES = { "passwd", "group", "shadow", "gshadow" }

--- The files and folders of a server that has these accounts, in the form of Lab:appear. One that the image has
-- already is left as it is.
---@param lower string folder of the image
---@param users prov.machine.User[]
---@return { folders: table[], files: table[] }?, prov.Err?
function M.over(lower, users)
  local tables, rules, seen = {}, {}, {}
  local out = { folders = {}, files = {} }
  for _, name in ipairs(TABLES) do
    local rows, e = read_table(("%s/etc/%s"):format(lower, name))
    if not rows then
      return nil, e
    end
    tables[name] = rows
  end
  for _, user in ipairs(users) do
    if not row_of(tables.passwd, user.name) then
      local home = user.home or "/home/" .. user.name
      local owner, e = add(tables, user, home)
      local ok = owner
      if ok then
        ok, e = add_home(lower, home, user, owner, out, seen)
      end
      if not ok then
        return nil, e:wrap("cannot make the account '%s'", user.name)
      end
      for _, rule in ipairs(user.sudo or {}) do
        rules[#rules + 1] = ("%s %s\n"):format(user.name, rule)
      end
    end
  end
  for _, name in ipairs(TABLES) do
    local stat = assert(fs.stat(("%s/etc/%s"):format(lower, name)))
    table.insert(out.files, { "up/etc/" .. name, text_of(tables[name]), stat.mode, stat })
  end
  if rules[1] then
    add_parents(lower, "/etc/sudoers.d/90-users", out, seen)
    table.insert(out.files, { "up/etc/sudoers.d/90-users", table.concat(rules), 288 })
  end
  return out
end

return M
